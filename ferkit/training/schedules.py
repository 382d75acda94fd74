"""How the learning rate changes, and when training has gone on for long enough.

All of it follows from how far training is and from what it has recorded, so that there is no state
to keep: a resumed fit, or another `partial_fit`, goes on as if it had never stopped.
"""

import math
from dataclasses import dataclass

_FACTOR, _PATIENCE, _THRESHOLD = 0.5, 3, 1e-4  # of "plateau"
_RISE, _START, _END = 0.3, 1 / 25, 1 / 25e4  # of "onecycle": torch's defaults


@dataclass(frozen=True)
class Schedule:
    """How the learning rate changes over a fit.

    `name` is "plateau", "cosine", "onecycle" or None. "cosine" and "onecycle" end at `max_epochs`.
    At first, the rate rises for `warmup_epochs`: in a line from zero, or for "onecycle" in its own
    curve, which takes 0.3 of all epochs if this is 0.

    "onecycle" is as in `torch.optim.lr_scheduler.OneCycleLR`: Smith and Topin, "Super-convergence:
    very fast training of neural networks using large learning rates", 2019.
    """

    name: str | None
    max_epochs: int
    warmup_epochs: float = 0

    def factor(self, progress, losses):
        """Compute what the learning rate is multiplied by, 0 to 1.

        `progress` is the epochs trained so far, and the share of the one under way. `losses` are
        what "plateau" watches: a value per finished epoch, the smaller the better.
        """
        warmup, end = self.warmup_epochs, self.max_epochs
        if self.name == "onecycle":
            rise = warmup or _RISE * end
            if progress < rise:
                return _cosine(_START, 1, progress / rise)
            return _cosine(1, _END, (progress - rise) / (end - rise))
        factor = min(1.0, progress / warmup) if warmup else 1.0
        if self.name == "cosine":
            factor *= _cosine(1, 0, (progress - warmup) / (end - warmup))
        elif self.name == "plateau":
            factor *= _FACTOR ** _count_plateaus(losses)
        return factor

    def is_over(self, n_epochs):
        """Tell whether the learning rate has come down to nothing, or nearly so.

        It has at the end of "cosine" and "onecycle".
        """
        return self.name in ("cosine", "onecycle") and n_epochs >= self.max_epochs


def _cosine(start, end, share):
    share = min(1.0, max(0.0, share))
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


def _count_plateaus(losses):
    """Count as `torch.optim.lr_scheduler.ReduceLROnPlateau` does."""
    best, n_waited, n_plateaus = math.inf, 0, 0
    for loss in losses:
        if loss < best * (1 - _THRESHOLD):
            best, n_waited = loss, 0
        else:
            n_waited += 1
        if n_waited > _PATIENCE:
            n_plateaus, n_waited = n_plateaus + 1, 0
    return n_plateaus


def best_epoch(losses, tol):
    """Find the epoch that training should be judged by: its number, from 1; 0 if there is none.

    `losses` has a value per epoch, the smaller the better; to count as better, one must be smaller
    by more than `tol`.
    """
    best, least = 0, math.inf
    for epoch, loss in enumerate(losses, start=1):
        if loss < least - tol or not best:
            best, least = epoch, loss
    return best
