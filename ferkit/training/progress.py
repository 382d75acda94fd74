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
        self._bar = _make_bar((last - n_before) * n_images)
        _name_epoch(self._bar, n_before + 1, last)

    def advance(self, n_images):
        """Move the bar."""
        self._bar.update(n_images)

    def end_epoch(self, row):
        """Show the last epoch's scores beside the bar."""
        self._bar.set_postfix_str(_summary(row))
        _name_epoch(self._bar, row["epoch"] + 1, self._last)

    def close(self):
        """Leave the bar as it stands."""
        self._bar.close()


class Lines(Progress):
    """A line per epoch: `verbose=2` on standard output, `verbose=1` where no bar can be drawn.

    Where one can, it shows the epoch under way, which may take minutes, and goes at the end.
    """

    def __init__(self, n_before, last, n_images, file):
        self._last, self._file = last, file
        self._bar = _make_bar(n_images, leave=False, disable=not can_draw())
        _name_epoch(self._bar, n_before + 1, last)

    def say(self, text):
        """Print it."""
        with tqdm.external_write_mode(self._file):  # above the bar
            print(text, file=self._file, flush=True)

    def advance(self, n_images):
        """Move the bar."""
        self._bar.update(n_images)

    def end_epoch(self, row):
        """Print the epoch's line."""
        self._bar.reset()
        _name_epoch(self._bar, row["epoch"] + 1, self._last)
        self.say(
            f"epoch {row['epoch']:{len(str(self._last))}d}/{self._last}  {_summary(row)}  "
            f"lr {row['lr']:.3g}  {row['images_per_second']:.0f} images/s  "
            f"{row['seconds']:.1f} s"
        )

    def close(self):
        """Take the bar away."""
        self._bar.close()


def _make_bar(n_images, **kwargs):
    return tqdm(total=n_images, unit=" images", unit_scale=True, bar_format=_BAR, **kwargs)


def _name_epoch(bar, epoch, last):
    bar.set_description_str(f"epoch {min(epoch, last)}/{last}")


def make_progress(verbose, *, n_before, last, n_images):
    """Pick the reporter for a verbosity.

    0 is silent; 1 a bar on standard error, or a line per epoch if that is neither a terminal nor in
    a notebook; 2 or more a line per epoch on standard output, and where 1 would show a bar, one of
    the epoch under way. `n_before` epochs were trained before; `last` counts from 1; `n_images` are
    those of an epoch.
    """
    if not verbose:
        return Progress()
    if verbose >= 2:
        return Lines(n_before, last, n_images, sys.stdout)
    if can_draw():
        return Bar(n_before, last, n_images)
    return Lines(n_before, last, n_images, sys.stderr)


def _summary(row):
    names = {"train_loss": "loss", "valid_loss": "val. loss", "valid_f1_macro": "macro-F1"}
    return "  ".join(
        f"{label} {row[name]:.3f}"
        for name, label in names.items()
        if math.isfinite(row.get(name, math.nan))
    )
