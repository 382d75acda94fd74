"""Training steps that CUDA repeats without Python: small networks wait for it, not for the GPU."""

from functools import cache

import torch

from .plain import is_plain

_WARM_UP = 3  # steps in which libraries choose kernels and take their memory
_WORTHWHILE = 100  # steps; recording takes as long as tens of them


def can_be_graphed(device, networks, callbacks, n_steps):
    """Tell whether a `GraphedStep` computes what the step itself would, in less time.

    It does with NVIDIA's CUDA and many steps, if all parts of all networks in a step are torch's
    and ferkit's, and all callbacks skorch's and ferkit's. What others write may branch by what it
    sees, draw random numbers that are not torch's, or change a network between steps. That training
    runs in one process is for the caller to see to.
    """
    return (
        device.type == "cuda"
        and torch.version.hip is None
        and n_steps >= _WORTHWHILE
        and all(type(each).__module__.startswith(("skorch.", "ferkit.")) for each in callbacks)
        and all(is_plain(module) for network in networks for module in network.modules())
    )


@cache
def _stream(device):
    """Make one stream per device: libraries keep memory for each, and fits take turns."""
    return torch.cuda.Stream(device)


class GraphedStep:
    """A function of tensors that computes gradients, recorded once per shape and then replayed.

    Replaying runs the same kernels on the same memory, with fresh random numbers; Python code in
    the function is not run again. The next call overwrites the gradients. See Ng et al.,
    "Accelerating PyTorch with CUDA Graphs", pytorch.org, 2021.

    `function` takes tensors, computes the gradients of `parameters`, which are on a CUDA device,
    where they have none, and returns a tuple of tensors.
    """

    def __init__(self, function, parameters):
        self._function = function
        self._parameters = list(parameters)
        self._stream = _stream(self._parameters[0].device)
        self._pool = torch.cuda.graph_pool_handle()
        self._network, self._recordings, self._n_seen = None, {}, {}

    def __call__(self, *inputs):
        """Compute detached outputs, and gradients, which take the place of those there are."""
        # a callback may freeze or thaw parts of the network, or put other weights in
        network = [(p.requires_grad, p.data_ptr()) for p in self._parameters]
        if network != self._network:
            self._network, self._recordings, self._n_seen = network, {}, {}
        key = tuple((x.shape, x.dtype, x.stride()) for x in inputs)
        if key not in self._recordings:
            for parameter in self._parameters:
                parameter.grad = None
            n_seen = self._n_seen[key] = self._n_seen.get(key, 0) + 1
            if n_seen <= _WARM_UP:
                return self._run(*inputs)
            self._recordings[key] = self._record(*inputs)
        graph, static_inputs, outputs, gradients = self._recordings[key]
        torch._foreach_copy_(static_inputs, inputs)
        graph.replay()
        for parameter, gradient in zip(self._parameters, gradients, strict=True):
            parameter.grad = gradient
        return tuple(output.clone() for output in outputs)  # callbacks may keep them

    def _run(self, *inputs):
        """Run the function where it will be recorded, for gradients remember their stream."""
        here = torch.cuda.current_stream(self._stream.device)
        self._stream.wait_stream(here)
        with torch.cuda.stream(self._stream):
            outputs = tuple(output.detach() for output in self._function(*inputs))
        here.wait_stream(self._stream)
        return outputs

    def _record(self, *inputs):
        static_inputs = [
            # strides stay, for kernels go by them
            torch.empty_strided(x.shape, x.stride(), dtype=x.dtype, device=x.device)
            for x in inputs
        ]
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(
            graph,
            pool=self._pool,
            stream=self._stream,
            capture_error_mode="thread_local",  # other threads may predict meanwhile
        ):
            outputs = tuple(output.detach() for output in self._function(*static_inputs))
        return graph, static_inputs, outputs, [p.grad for p in self._parameters]
