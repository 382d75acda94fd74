"""What a fit tells the person who waits for it."""

import math

from tqdm.auto import tqdm


class Silent:
    """Say nothing: `verbose=0`, and what the others override."""

    def advance(self, n_images):
        """Note that a batch of `n_images` was trained on."""

    def end_epoch(self, row):
        """Note the history's row of a finished epoch."""

    def close(self):
        """Note that training has ended, well or not."""


class Bar(Silent):
    """A progress bar over all images of all epochs: `verbose=1`."""

    def __init__(self, n_epochs, n_images):
        self._bar = tqdm(total=n_epochs * n_images, unit=" images", unit_scale=True)

    def advance(self, n_images):
        """Move the bar."""
        self._bar.update(n_images)

    def end_epoch(self, row):
        """Show the last epoch's scores beside the bar."""
        self._bar.set_postfix_str(_summary(row))

    def close(self):
        """Leave the bar as it stands."""
        self._bar.close()


class Lines(Silent):
    """A line per epoch on standard output: `verbose=2`."""

    def __init__(self, n_epochs, n_before):
        self._width = len(str(n_before + n_epochs))
        self._last = n_before + n_epochs

    def end_epoch(self, row):
        """Print the epoch's line."""
        print(
            f"epoch {row['epoch']:{self._width}d}/{self._last}  {_summary(row)}  "
            f"lr {row['lr']:.3g}  {row['images_per_second']:.0f} images/s  "
            f"{row['seconds']:.1f} s",
            flush=True,
        )


def make_progress(verbose, *, n_epochs, n_before, n_images):
    """Pick the reporter for a verbosity.

    Parameters
    ----------
    verbose : int or bool
        0 silent, 1 a bar, 2 or more a line per epoch.
    n_epochs : int
        Epochs about to be trained.
    n_before : int
        Epochs trained before.
    n_images : int
        Images per epoch.

    Returns
    -------
    Silent
        A reporter.
    """
    if verbose >= 2:
        return Lines(n_epochs, n_before)
    return Bar(n_epochs, n_images) if verbose else Silent()


def _summary(row):
    names = {"train_loss": "loss", "valid_loss": "valid loss", "valid_f1_macro": "valid macro-F1"}
    return "  ".join(
        f"{label} {row[name]:.3f}"
        for name, label in names.items()
        if math.isfinite(row.get(name, math.nan))
    )
