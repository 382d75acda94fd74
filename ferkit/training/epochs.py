"""One epoch after the other: when to stop, and what to keep."""

import copy
import math
from typing import NamedTuple

import torch

from .distributed import from_first, on_first
from .history import losses_of
from .schedules import best_epoch
from .state import pack_state


class Stopping(NamedTuple):
    """When training ends before its last epoch: never, by default."""

    n_iter_no_change: float = math.inf
    tol: float = 0.0
    restore_best: bool = False


def train_epochs(net, images, targets, *, last, stopping, best_weights, checkpoints):
    """Train a net to its last epoch, or to where it no longer improves.

    The net's history tells how many epochs it has behind it, `last` after which one training ends.
    `images` and `targets` are where `on_device` puts them. `best_weights` are the predictor's from
    the best epoch so far, or None. The first process writes the state to `checkpoints` after each
    epoch; the others have None.
    """
    n_iter_no_change, tol, restore_best = stopping or Stopping()
    has_checkpoints = from_first(checkpoints is not None)
    while True:
        epoch = len(net.history)
        best = best_epoch(losses_of(net.history, net.monitor), tol)
        if epoch >= last or epoch - best >= n_iter_no_change:
            break
        if has_checkpoints:  # before an epoch is trained for nothing
            on_first(lambda: checkpoints.check_writable())
        net.fit_loop(images, targets, epochs=1)
        if restore_best and best_epoch(losses_of(net.history, net.monitor), tol) == epoch + 1:
            best_weights = copy.deepcopy(net.predictor_.state_dict())
        if has_checkpoints:
            state = pack_state(net, best_weights)
            on_first(_save, checkpoints, epoch + 1, state)
    net.best_epoch_ = epoch
    if restore_best:
        net.predictor_.load_state_dict(best_weights)
        net.best_epoch_ = best
    if epoch < last:
        net.progress.say(
            f"stopped after epoch {epoch}: {net.monitor} has not improved since epoch "
            f"{epoch - n_iter_no_change}; the weights are those of epoch {net.best_epoch_}"
        )


def _save(checkpoints, epoch, state):
    tensors, header = state
    checkpoints.save(epoch, tensors, header)


def check_finite(net, train_loss):
    """Raise a ValueError after an epoch that ended in a loss or weights that are not finite."""
    tensors = net.module_.state_dict().values()
    # one answer, for a GPU is waited for at each
    if math.isfinite(train_loss) and torch.stack([t.isfinite().all() for t in tensors]).all():
        return
    advice = f"try lr={net.current_lr / 10:g}, and look at class_weight"
    if net.training_dtype_ == torch.bfloat16:
        advice += ", or try precision='float32'"
    raise ValueError(
        f"training diverged: got a loss of {train_loss:.4g} or weights that are not finite in "
        f"epoch {len(net.history)} with lr={net.current_lr:g}, expected finite ones; {advice}"
    )
