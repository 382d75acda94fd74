"""A moving average of a network's weights, which predicts better than any of them."""

import torch


class WeightAverage:
    """Move an exponential moving average of a module towards it, once per step.

    Batch normalisation's running statistics belong to the weights they were taken with, so they are
    averaged alike; they are moving averages themselves. The decay rises from 0.1 at first, so that
    a short training does not average its first weights in.

    Parameters
    ----------
    average : torch.nn.Module
        A copy of the module, changed in place.
    module : torch.nn.Module
        What is trained, in place, too.
    decay : float
        How much of the average stays at each update, in the long run.

    References
    ----------
    .. [1] Tarvainen and Valpola, "Mean teachers are better role models", 2017.
    """

    def __init__(self, average, module, decay):
        self._decay = decay
        now = module.state_dict()
        self._averages, self._values, self._counts, self._counted = [], [], [], []
        seen = set()
        for name, tensor in average.state_dict(keep_vars=True).items():
            if id(tensor) in seen:  # one that is there under two names moves once
                continue
            seen.add(id(tensor))
            if tensor.is_floating_point():
                self._averages.append(tensor)
                self._values.append(now[name])
            else:  # of batches
                self._counts.append(tensor)
                self._counted.append(now[name])

    @torch.no_grad()
    def update(self, n_updates):
        """Move the average.

        Parameters
        ----------
        n_updates : int
            Updates so far.
        """
        decay = min(self._decay, (1 + n_updates) / (10 + n_updates))
        torch._foreach_lerp_(self._averages, self._values, 1 - decay)
        if self._counts:
            torch._foreach_copy_(self._counts, self._counted)
