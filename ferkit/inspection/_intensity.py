"""IntensityDisplay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import ArrayLike

from ._class_images import check_images, order_names
from ._colors import class_colors
from ._legend import draw_beside, find_width, literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_N_LEVELS = 64


class IntensityDisplay:
    """How bright the pixels of each class are.

    Use `from_images` to make one.

    Parameters
    ----------
    densities : dict of str to ndarray of shape (64,)
        Shares of pixels in bins of brightness from 0 to 1, times 64, by class.

    Attributes
    ----------
    densities : dict of str to ndarray of shape (64,)
        Shares of pixels in bins of brightness from 0 to 1, times 64, by class.
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure.

    Examples
    --------
    >>> from ferkit.datasets import make_faces
    >>> from ferkit.inspection import IntensityDisplay
    >>> X, y = make_faces(70, random_state=0, return_X_y=True)
    >>> len(IntensityDisplay.from_images(X, y).densities)
    7
    """

    def __init__(self, densities: dict[str, np.ndarray]) -> None:
        self.densities = densities

    @classmethod
    def from_images(
        cls,
        X: ArrayLike,
        y: ArrayLike,
        *,
        target_names: Sequence[str] | None = None,
        ax: Axes | None = None,
    ) -> Self:
        """Plot the distribution of the pixels' levels.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, 3) or (n, n_pixels)
            Images or rows: uint8 levels, or floats in [0, 1].
        y : array-like of shape (n,)
            Their labels.
        target_names : sequence of str, default=None
            Names that integer labels are positions in; None takes the emotions for all of 0 to 6.
        ax : matplotlib Axes, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        IntensityDisplay
            The plotted display.

        Raises
        ------
        ValueError
            If the images are something else, such as floats outside [0, 1].
        """
        images, y = check_images(X, y)
        labels = np.unique(y)
        order, names = order_names(labels, target_names)
        top = 256 if images.dtype == np.uint8 else 1
        densities = {
            name: np.histogram(images[y == label], bins=_N_LEVELS, range=(0, top), density=True)[0]
            * top
            for label, name in zip(labels[order], names, strict=True)
        }
        return cls(densities).plot(ax=ax)

    def plot(self, ax: Axes | None = None) -> Self:
        """Draw a curve per class.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        IntensityDisplay
            Self, with `ax_` and `figure_`.
        """
        import matplotlib.pyplot as plt

        if ax is None:
            size = (5 + find_width([*self.densities] or [""]), 3.5)
            _, ax = plt.subplots(figsize=size, layout="constrained")
        middles = (np.arange(_N_LEVELS) + 0.5) / _N_LEVELS
        handles = []
        for name, color in zip(self.densities, class_colors(list(self.densities)), strict=True):
            handles += ax.plot(middles, self.densities[name], color=color, label=literal(name))
        ax.set(xlabel="brightness", ylabel="density of pixels", xlim=(0, 1))
        ax.set_ylim(bottom=0)
        ax.spines[["top", "right"]].set_visible(False)
        draw_beside(ax, handles)
        self.ax_, self.figure_ = ax, ax.figure
        return self
