"""What a fit tells the person who waits for it."""

import math
import sys

from tqdm.auto import tqdm

from .._progress import can_draw


class Progress:
    """Say nothing: `verbose=0`, and what the others override."""

    def say(self, text):
        """Note a sentence, such as where training runs or why it stopped."""

    def advance(self, n_images):
        """Note that a batch of `n_images` was trained on."""

    def end_epoch(self, row):
        """Note the history's row of a finished epoch."""

    def close(self):
        """Note that training has ended, well or not."""


# scores come before the bar, because a narrow terminal cuts the end off
_BAR = "{desc} {percentage:.0f}%{postfix}, {rate_fmt}, {remaining} left |{bar}|"


class Bar(Progress):
    """A progress bar over all images of all epochs, with the time left: `verbose=1`."""

    def __init__(self, n_before, last, n_images):
        self._last = last
        total = (last - n_before) * n_images
        self._bar = tqdm(total=total, unit=" images", unit_scale=True, bar_format=_BAR)
        self._name_epoch(n_before + 1)

    def _name_epoch(self, epoch):
        self._bar.set_description_str(f"epoch {min(epoch, self._last)}/{self._last}")

    def advance(self, n_images):
        """Move the bar."""
        self._bar.update(n_images)

    def end_epoch(self, row):
        """Show the last epoch's scores beside the bar."""
        self._bar.set_postfix_str(_summary(row))
        self._name_epoch(row["epoch"] + 1)

    def close(self):
        """Leave the bar as it stands."""
        self._bar.close()


class Lines(Progress):
    """A line per epoch: `verbose=2` on standard output, `verbose=1` where no bar can be drawn."""

    def __init__(self, last, file):
        self._last = last
        self._file = file

    def say(self, text):
        """Print it."""
        print(text, file=self._file, flush=True)

    def end_epoch(self, row):
        """Print the epoch's line."""
        self.say(
            f"epoch {row['epoch']:{len(str(self._last))}d}/{self._last}  {_summary(row)}  "
            f"lr {row['lr']:.3g}  {row['images_per_second']:.0f} images/s  "
            f"{row['seconds']:.1f} s"
        )


def make_progress(verbose, *, n_before, last, n_images):
    """Pick the reporter for a verbosity.

    Parameters
    ----------
    verbose : int or bool
        0 silent, 1 a bar on standard error, or a line per epoch if that is neither a terminal nor
        in a notebook, 2 or more a line per epoch on standard output.
    n_before : int
        Epochs trained before.
    last : int
        The last epoch, counted from 1.
    n_images : int
        Images per epoch.

    Returns
    -------
    Progress
        A reporter.
    """
    if not verbose:
        return Progress()
    if verbose >= 2:
        return Lines(last, sys.stdout)
    return Bar(n_before, last, n_images) if can_draw() else Lines(last, sys.stderr)


def _summary(row):
    names = {"train_loss": "loss", "valid_loss": "val. loss", "valid_f1_macro": "macro-F1"}
    return "  ".join(
        f"{label} {row[name]:.3f}"
        for name, label in names.items()
        if math.isfinite(row.get(name, math.nan))
    )
