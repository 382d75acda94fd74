"""What scores are made of, resampled, and the intervals that come of it."""

import numpy as np

from ._calibration import N_BINS

_BLOCK = 100  # resamples at once: bounds the memory


class ScoreCounts:
    """What scores are made of, as sums over images.

    An image's row has a one for its pair of true and predicted class and, by bins of confidence,
    how much confidence exceeds being right. `bins` and `excess` are those of `bin_confidences`, or
    None.
    """

    def __init__(self, y_true, y_pred, bins, excess, labels):
        self.n_classes, self.has_bins = len(labels), bins is not None
        n, n_cells = len(y_true), self.n_classes**2
        order = np.argsort(labels)
        true, predicted = (
            order[np.searchsorted(labels, y, sorter=order)] for y in (y_true, y_pred)
        )
        self.per_image = np.zeros((n, n_cells + N_BINS * self.has_bins))
        self.per_image[np.arange(n), true * self.n_classes + predicted] = 1
        if self.has_bins:
            self.per_image[np.arange(n), n_cells + bins] = excess

    def scores(self, sums):
        """Compute scores of several sums: dict of arrays, of shape (n_sums,) or (n_sums, c)."""
        n_cells = self.n_classes**2
        cells = sums[:, :n_cells].reshape(-1, self.n_classes, self.n_classes)
        right = np.diagonal(cells, axis1=1, axis2=2)
        support, predicted = cells.sum(axis=2), cells.sum(axis=1)
        n_images = support.sum(axis=1)
        scores = {"accuracy": right.sum(axis=1) / n_images, "support": support, "confusion": cells}
        scores["precision"] = _divide(right, predicted, 0.0)
        scores["recall"] = _divide(right, support, 0.0)
        # leave classes without images and predictions out, as f1_score(average="macro") does
        scores["f1"] = _divide(2 * right, support + predicted, np.nan)
        scores["f1_macro"] = np.nanmean(scores["f1"], axis=1)
        if self.has_bins:
            scores["excess"] = sums[:, n_cells:] / n_images[:, None]
            scores["calibration_error"] = np.abs(scores["excess"]).sum(axis=1)
        return scores


def _divide(a, b, otherwise):
    return np.divide(a, b, out=np.full(a.shape, otherwise), where=b > 0)


def resample_groups(counts, groups, n_resamples, random_state):
    """Sum the counts of resampled groups: an array (n_resamples, n_counts).

    `groups` say of each image what it belongs to; a resample takes all of a group or nothing.
    """
    _, groups = np.unique(groups, return_inverse=True)
    n_groups = groups.max() + 1
    per_group = np.zeros((n_groups, counts.per_image.shape[1]))
    np.add.at(per_group, groups, counts.per_image)
    sums = []
    for start in range(0, n_resamples, _BLOCK):
        n = min(_BLOCK, n_resamples - start)
        times = random_state.multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=n)
        sums.append(times @ per_group)
    return np.concatenate(sums)


def find_intervals(values, resampled, ends):
    """Find the lower and upper end of each score's interval, for all images together.

    `values` and `resampled` are `ScoreCounts.scores` of the images and of their resamples; `ends`
    are the lower and upper share of the resamples.
    """
    intervals = {
        name: tuple(np.nanquantile(resampled[name], ends)) for name in ("accuracy", "f1_macro")
    }
    if "calibration_error" in values:
        # chance adds to a sum of absolute values: see the Notes of FERReport.from_predictions
        value = values["calibration_error"].item()
        changes = np.abs(resampled["excess"] - values["excess"]).sum(axis=1)
        low = value - np.quantile(changes, ends[1])
        lower, upper = np.quantile(resampled["calibration_error"], ends)
        high = max(2 * value - lower, upper)
        intervals["calibration_error"] = max(low, 0.0), min(max(high, value), 1.0)
    return intervals
