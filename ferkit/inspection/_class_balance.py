"""ClassBalanceDisplay."""

import pandas as pd

from ..datasets import class_balance
from ._colors import class_colors, series_colors


class ClassBalanceDisplay:
    """How many images each class has, in one set or in several.

    Use `from_labels` to make one.

    Parameters
    ----------
    counts : DataFrame
        Images of each class (rows) in each set (columns).

    Attributes
    ----------
    counts : DataFrame
        Images of each class (rows) in each set (columns).
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure.

    Examples
    --------
    >>> from ferkit.datasets import make_faces
    >>> from ferkit.inspection import ClassBalanceDisplay
    >>> _, y = make_faces(140, class_weights=[1, 0.1, 1, 2, 1, 1, 1], return_X_y=True)
    >>> ClassBalanceDisplay.from_labels({"all": y, "half": y[::2]}).counts.columns.tolist()
    ['all', 'half']
    """

    def __init__(self, counts):
        self.counts = counts

    @classmethod
    def from_labels(cls, y, *, target_names=None, ax=None):
        """Plot the balance of some labels.

        Parameters
        ----------
        y : array-like of shape (n,) or dict of str to array-like
            Labels; or labels by the names of their sets, such as before and after balancing.
        target_names : sequence of str, default=None
            Names that integer labels are positions in, as in `ferkit.datasets.class_balance`.
        ax : matplotlib Axes, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        ClassBalanceDisplay
            The plotted display.
        """
        sets = y if isinstance(y, dict) else {"images": y}
        counts = {
            name: class_balance(y, target_names=target_names)["n"] for name, y in sets.items()
        }
        table = pd.DataFrame(counts).fillna(0).astype(int)
        # in the order of the classes, which the union of several indices loses
        order = max((n.index for n in counts.values()), key=len)
        return cls(table.reindex(order.append(table.index.difference(order)))).plot(ax=ax)

    def plot(self, ax=None):
        """Draw the bars.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        ClassBalanceDisplay
            Self, with `ax_` and `figure_`.
        """
        import matplotlib.pyplot as plt
        import numpy as np

        n_classes, n_sets = self.counts.shape
        if ax is None:
            _, ax = plt.subplots(figsize=(max(5, 0.9 * n_classes), 3.5), layout="constrained")
        width = 0.8 / n_sets
        colors = [class_colors(self.counts.index)] if n_sets == 1 else series_colors(n_sets)
        for position, (name, color) in enumerate(zip(self.counts, colors, strict=True)):
            x = np.arange(n_classes) + (position - (n_sets - 1) / 2) * width
            bars = ax.bar(x, self.counts[name], width, color=color, label=name)
            ax.bar_label(
                bars, fmt="{:,.0f}", fontsize="small", rotation=90 if n_sets > 1 else 0, padding=2
            )
        ax.set_xticks(np.arange(n_classes), self.counts.index)
        ax.set(ylabel="images")
        ax.spines[["top", "right"]].set_visible(False)
        if n_sets > 1:
            ax.legend(frameon=False)
        self.ax_, self.figure_ = ax, ax.figure
        return self
