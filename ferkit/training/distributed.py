"""Several processes that train one network together, each on its share of every batch.

The processes are started and joined by others: `accelerate launch` and `accelerate.Accelerator`, or
`torchrun` and `torch.distributed.init_process_group`. Alone, all of this does nothing.
"""

import torch
from torch import distributed


def rank_and_size():
    """Return this process's number and how many there are; 0 and 1 for one that is alone."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def share_of(index):
    """Take this process's share of a batch.

    Parameters
    ----------
    index : torch.Tensor of shape (n,)
        The images of the batch, the same in all processes.

    Returns
    -------
    torch.Tensor
        Those to train on here.
    """
    rank, size = rank_and_size()
    return index if size == 1 else torch.tensor_split(index, size)[rank]


def check_shares(n_images):
    """Refuse batches too small to be shared.

    Parameters
    ----------
    n_images : int
        Of the smallest batch, in all processes together.

    Raises
    ------
    ValueError
        If a process would have fewer than two.
    """
    n_processes = rank_and_size()[1]
    if n_processes > 1 and n_images < 2 * n_processes:
        raise ValueError(
            f"got batches of {n_images} images for {n_processes} processes, expected at least two "
            "for each, as batch normalisation needs; raise batch_size"
        )


def share_of_loss(targets, class_weight):
    """Compute how much this process's loss of a batch counts among all processes'.

    Parameters
    ----------
    targets : torch.Tensor of shape (n,) or (n, n_classes)
        This process's: indices of classes, or probabilities.
    class_weight : torch.Tensor of shape (n_classes,) or None
        Weights by which the loss is a mean over indices; over probabilities it is a plain one.

    Returns
    -------
    float or torch.Tensor of shape ()
        0 to 1.
    """
    if rank_and_size()[1] == 1:
        return 1.0
    if class_weight is None or targets.is_floating_point():
        here = torch.tensor(float(len(targets)), device=targets.device)
    else:
        here = class_weight[targets].sum()
    total = here.clone()
    sum_over_processes([total], 1)
    return here / total


def from_first(thing):
    """Return what the first process has, in all of them.

    Parameters
    ----------
    thing : object
        Picklable; only the first process's counts.

    Returns
    -------
    object
        The first process's.
    """
    if rank_and_size()[1] == 1:
        return thing
    box = [thing]
    distributed.broadcast_object_list(box, src=0)
    return box[0]


def on_first(function, *args):
    """Call a function in the first process only, and fail in all if it fails there.

    Parameters
    ----------
    function : callable
        What to call.
    *args
        With what.

    Returns
    -------
    object
        What the function returned; None in the other processes.

    Raises
    ------
    Exception
        What the function raised, in all processes, so that none waits for the others.
    """
    rank, size = rank_and_size()
    if size == 1:
        return function(*args)
    result = error = None
    if rank == 0:
        try:
            result = function(*args)
        except Exception as caught:
            error = caught
    error = from_first(error)
    if error is not None:
        raise error
    return result


@torch.no_grad()
def sum_over_processes(tensors, weight):
    """Replace tensors by their weighted sum over the processes, in place.

    Parameters
    ----------
    tensors : list of torch.Tensor
        Floats, of the same shapes in all processes.
    weight : float
        This process's.
    """
    if rank_and_size()[1] == 1 or not tensors:
        return
    flat = torch.cat([tensor.flatten() for tensor in tensors]).mul_(weight)
    distributed.all_reduce(flat)
    parts = flat.split([tensor.numel() for tensor in tensors])
    for tensor, part in zip(tensors, parts, strict=True):
        tensor.copy_(part.view_as(tensor))
