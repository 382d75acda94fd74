"""Training steps that CUDA repeats without Python: small networks wait for it, not for the GPU."""

import torch

_WARM_UP = 3  # steps in which libraries choose kernels and take their memory


def can_be_graphed(networks):
    """Tell whether networks are known to do the same in Python at every step: ferkit's own do.

    Others may branch by what they see, or draw random numbers that are not torch's.

    Parameters
    ----------
    networks : list of torch.nn.Module
        All that take part in a step.

    Returns
    -------
    bool
        Whether a `GraphedStep` of them computes what they would.
    """
    return all(type(network).__module__.startswith("ferkit.") for network in networks)


class GraphedStep:
    """A function of tensors that computes gradients, recorded once per shape and then replayed.

    Kernels, the random numbers that they draw and the addresses that they write to are those of
    the function itself, so what comes out is the same. What the function does in Python it does
    no more, and its outputs and gradients are overwritten by the next call.

    See [1]_.

    Parameters
    ----------
    function : callable
        Takes tensors, computes the gradients of `parameters` where they have none, and returns
        a tuple of tensors.
    parameters : iterable of torch.nn.Parameter
        Of a module on a CUDA device.

    References
    ----------
    .. [1] Ng et al., "Accelerating PyTorch with CUDA Graphs", pytorch.org, 2021.
    """

    def __init__(self, function, parameters):
        self._function = function
        self._parameters = list(parameters)
        self._stream = torch.cuda.Stream(self._parameters[0].device)
        self._pool = torch.cuda.graph_pool_handle()
        self._recordings = {}
        self._n_seen = {}

    def __call__(self, *inputs):
        """Compute the outputs and the gradients, which take the place of those there are.

        Parameters
        ----------
        *inputs : torch.Tensor
            Of the function.

        Returns
        -------
        tuple of torch.Tensor
            Its outputs, detached.
        """
        # a callback may freeze or thaw parts of the network
        trained = tuple(parameter.requires_grad for parameter in self._parameters)
        key = (trained, *((x.shape, x.dtype, x.stride()) for x in inputs))
        if key not in self._recordings:
            n_seen = self._n_seen[key] = self._n_seen.get(key, 0) + 1
            if n_seen <= _WARM_UP:
                return self._run(*inputs)
            self._recordings[key] = self._record(*inputs)
        graph, static_inputs, outputs, gradients = self._recordings[key]
        torch._foreach_copy_(static_inputs, inputs)
        graph.replay()
        for parameter, gradient in zip(self._parameters, gradients, strict=True):
            parameter.grad = gradient
        return outputs

    def _run(self, *inputs):
        """Run the function where it will be recorded, for gradients remember their stream."""
        here = torch.cuda.current_stream()
        self._stream.wait_stream(here)
        with torch.cuda.stream(self._stream):
            outputs = tuple(output.detach() for output in self._function(*inputs))
        here.wait_stream(self._stream)
        return outputs

    def _record(self, *inputs):
        # strides stay, for kernels go by them
        static_inputs = [
            torch.empty_strided(x.shape, x.stride(), dtype=x.dtype, device=x.device) for x in inputs
        ]
        for parameter in self._parameters:
            parameter.grad = None
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool, stream=self._stream):
            outputs = tuple(output.detach() for output in self._function(*static_inputs))
        return graph, static_inputs, outputs, [p.grad for p in self._parameters]
