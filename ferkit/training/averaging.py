"""A moving average of a network's weights, which predicts better than any of them."""

import torch


class WeightAverage:
    """Move an exponential moving average of a module towards it, once per step.

    Batch normalisation's running statistics belong to the weights they were taken with, so they are
    averaged alike; they are moving averages themselves. The decay rises from 0.1 at first, so that
    a short training does not average its first weights in.

    `average` is a copy of the module, and is changed in place. `decay` is how much of it stays at
    each update, in the long run. See Tarvainen and Valpola, "Mean teachers are better role models",
    2017.
    """

    def __init__(self, average, module, decay):
        self._decay = decay
        # where tensors are, for a module may put new ones there; to list them anew takes longer
        self._floats, self._counts = [], []
        seen = set()
        for ours, theirs in zip(average.modules(), module.modules(), strict=True):
            for kind in ("_parameters", "_buffers"):
                for name, tensor in getattr(ours, kind).items():
                    is_kept = tensor is not None and name not in ours._non_persistent_buffers_set
                    if is_kept and id(tensor) not in seen:  # one under two names moves once
                        seen.add(id(tensor))
                        places = self._floats if tensor.is_floating_point() else self._counts
                        places.append((getattr(ours, kind), getattr(theirs, kind), name))

    @torch.no_grad()
    def update(self, n_updates):
        """Move the average, after `n_updates` earlier updates."""
        decay = min(self._decay, (1 + n_updates) / (10 + n_updates))
        if self._floats:
            torch._foreach_lerp_(*_look_up(self._floats), 1 - decay)
        if self._counts:
            torch._foreach_copy_(*_look_up(self._counts))


def _look_up(places):
    return [ours[name] for ours, _, name in places], [theirs[name] for _, theirs, name in places]
