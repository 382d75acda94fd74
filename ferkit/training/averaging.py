"""A moving average of a network's weights, which predicts better than any of them."""

import torch


@torch.no_grad()
def update_average(average, module, decay, n_updates):
    """Move an exponential moving average of a module towards it.

    Batch normalisation's running statistics belong to the weights they were taken with, so they are
    averaged alike; they are moving averages themselves. The decay rises from 0.1 at first, so that
    a short training does not average its first weights in.

    Parameters
    ----------
    average : torch.nn.Module
        A copy of the module, changed in place.
    module : torch.nn.Module
        As it is now.
    decay : float
        How much of the average stays at each update, in the long run.
    n_updates : int
        Updates so far.

    References
    ----------
    .. [1] Tarvainen and Valpola, "Mean teachers are better role models", 2017.
    """
    decay = min(decay, (1 + n_updates) / (10 + n_updates))
    now = module.state_dict()
    averages, values, seen = [], [], set()
    for name, tensor in average.state_dict(keep_vars=True).items():
        if id(tensor) in seen:  # one that is there under two names moves once
            continue
        seen.add(id(tensor))
        if tensor.is_floating_point():
            averages.append(tensor)
            values.append(now[name])
        else:  # a count of batches
            tensor.copy_(now[name])
    torch._foreach_lerp_(averages, values, 1 - decay)
