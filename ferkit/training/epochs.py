"""One epoch after the other: when to stop, and what to keep."""

import copy
import math

from .checkpoints import pack_state
from .distributed import from_first, on_first
from .schedules import best_epoch


def train_epochs(net, images, targets, last, stopping, best_weights, checkpoints):
    """Train a net to its last epoch, or to where it no longer improves.

    Parameters
    ----------
    net : FERNet
        Its history tells how many epochs it has behind it.
    images, targets : ndarray or torch.Tensor
        As in `FERNet.train`, where `on_device` puts them.
    last : int
        The epoch after which training ends.
    stopping : tuple or None
        The estimators' `n_iter_no_change`, `tol` and `restore_best`.
    best_weights : dict of str to torch.Tensor or None
        Of the predictor, from the best epoch so far.
    checkpoints : Checkpoints or None
        Where the first process writes the state after each epoch.
    """
    n_iter_no_change, tol, restore_best = stopping or (math.inf, 0.0, False)
    is_kept, save = from_first(checkpoints is not None), getattr(checkpoints, "save", None)
    while True:
        epoch = len(net.history)
        best = best_epoch(net.losses(net.history), tol)
        if epoch >= last or epoch - best >= n_iter_no_change:
            break
        if is_kept:  # before an epoch is trained for nothing
            on_first(lambda: checkpoints.check_writable())
        net.fit_loop(images, targets, epochs=1)
        if restore_best and best_epoch(net.losses(net.history), tol) == epoch + 1:
            best_weights = copy.deepcopy(net.predictor_.state_dict())
        if is_kept:
            on_first(save, epoch + 1, *pack_state(net, best_weights))
    net.best_epoch_ = epoch
    if restore_best:
        net.predictor_.load_state_dict(best_weights)
        net.best_epoch_ = best
    if epoch < last:
        net.progress.say(
            f"stopped after epoch {epoch}: {net.monitor} has not improved since epoch "
            f"{epoch - n_iter_no_change}; the weights are those of epoch {net.best_epoch_}"
        )
