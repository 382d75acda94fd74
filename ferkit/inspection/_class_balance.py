"""ClassBalanceDisplay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from .._labels import check_labels
from .._names import kind_of, name_classes
from ._bars import draw_bars

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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

    def __init__(self, counts: pd.DataFrame) -> None:
        self.counts = counts

    @classmethod
    def from_labels(
        cls,
        y: ArrayLike | dict[str, Any],
        *,
        target_names: Sequence[str] | None = None,
        ax: Axes | None = None,
    ) -> Self:
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

        Raises
        ------
        ValueError
            If there is no set, or sets are of different kinds.
        """
        given = y if isinstance(y, dict) else {"images": y}
        if not given:
            raise ValueError("got no sets of labels, expected one or more by their names")
        sets = {name: check_labels(labels) for name, labels in given.items()}
        kinds = {kind_of(labels): name for name, labels in sets.items()}
        if len(kinds) > 1:
            found = " and ".join(f"{kind} in {name!r}" for kind, name in kinds.items())
            raise ValueError(
                f"got labels of the kinds {found}, expected one kind; np.array(EMOTIONS)[y] makes "
                "names of integers"
            )
        # name the labels of all sets together: beside a 7 in another set, 0 is no emotion
        known = np.unique(np.concatenate(list(sets.values())))
        positions, names = name_classes(known, target_names)
        positions = np.asarray(positions)
        counts = {
            name: np.bincount(positions[np.searchsorted(known, labels)], minlength=len(names))
            for name, labels in sets.items()
        }
        return cls(pd.DataFrame(counts, index=names)).plot(ax=ax)

    def plot(self, ax: Axes | None = None) -> Self:
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
        ax, bars = draw_bars(ax, self.counts)
        rotation = 90 if len(bars) > 1 else 0
        for of_set in bars:
            ax.bar_label(of_set, fmt="{:,.0f}", fontsize="small", rotation=rotation, padding=2)
        ax.margins(y=0.1)  # for the numbers on top
        ax.set(ylabel="images")
        self.ax_, self.figure_ = ax, ax.figure
        return self
