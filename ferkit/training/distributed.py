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
    """Take this process's share of a batch, whose `index` is the same in all processes."""
    rank, size = rank_and_size()
    return index if size == 1 else torch.tensor_split(index, size)[rank]


def check_shares(n_images):
    """Refuse batches that leave a process fewer than two images, with a ValueError.

    `n_images` is of the smallest batch, in all processes together.
    """
    n_processes = rank_and_size()[1]
    if n_processes > 1 and n_images < 2 * n_processes:
        raise ValueError(
            f"got batches of {n_images} images for {n_processes} processes, expected at least two "
            "for each, as batch normalisation needs; raise batch_size"
        )


def share_of_loss(targets, class_weight):
    """Compute how much this process's loss of a batch counts among all processes', 0 to 1.

    `targets` are this process's. The loss is a mean weighted by `class_weight` over indices of
    classes, of shape (n,); over probabilities, of shape (n, n_classes), it is a plain one.
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
    """Return what the first process has, which is picklable, in all of them."""
    if rank_and_size()[1] == 1:
        return thing
    box = [thing]
    distributed.broadcast_object_list(box, src=0)
    return box[0]


def on_first(function, *args):
    """Call a function in the first process only, and fail in all if it fails there.

    The other processes return None. All raise what the function raised, so that none waits for the
    others.
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

    They are floats, of the same shapes in all processes; `weight` is this process's.
    """
    if rank_and_size()[1] == 1 or not tensors:
        return
    flat = torch.cat([tensor.flatten() for tensor in tensors]).mul_(weight)
    distributed.all_reduce(flat)
    parts = flat.split([tensor.numel() for tensor in tensors])
    for tensor, part in zip(tensors, parts, strict=True):
        tensor.copy_(part.view_as(tensor))
