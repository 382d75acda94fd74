"""EmbeddingDisplay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.pipeline import make_pipeline
from sklearn.utils import check_consistent_length, get_tags
from sklearn.utils._param_validation import HasMethods, Options, StrOptions

from .._labels import check_labels
from .._typing import RandomStateLike
from .._validation import validate_params
from ._class_images import check_images, order_names
from ._colors import class_colors
from ._legend import draw_beside, find_width, literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_N_BEFORE_TSNE = 50  # components: t-SNE's neighbours are found in these
_CONSTRAINTS = {
    "method": [StrOptions({"tsne", "pca"}), HasMethods("fit_transform")],
    "n_components": [Options(Integral, {2, 3})],
    "random_state": ["random_state"],
}


class EmbeddingDisplay:
    """Images as points, near each other where they are alike, coloured by class.

    Use `from_estimator` for what a network has learned, and `from_images` for the pixels.

    Parameters
    ----------
    points : ndarray of shape (n, 2) or (n, 3)
        Where the images are.
    y : ndarray of shape (n,)
        Their labels.
    target_names : sequence of str, default=None
        Names that integer labels are positions in; None takes the emotions for all of 0 to 6.

    Attributes
    ----------
    points : ndarray of shape (n, 2) or (n, 3)
        Where the images are.
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure.

    Examples
    --------
    >>> from ferkit import ResNetFER
    >>> from ferkit.datasets import make_faces
    >>> from ferkit.inspection import EmbeddingDisplay
    >>> X, y = make_faces(140, random_state=0, return_X_y=True)
    >>> clf = ResNetFER(max_epochs=1, random_state=0).fit(X, y)
    >>> EmbeddingDisplay.from_estimator(clf, X, y, method="pca").points.shape
    (140, 2)
    """

    def __init__(
        self, points: np.ndarray, y: np.ndarray, *, target_names: Sequence[str] | None = None
    ) -> None:
        self.points = points
        self.y = y
        self.target_names = target_names

    @classmethod
    @validate_params(_CONSTRAINTS)
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike,
        y: ArrayLike,
        *,
        method: Literal["tsne", "pca"] | BaseEstimator = "tsne",
        n_components: Literal[2, 3] = 2,
        target_names: Sequence[str] | None = None,
        random_state: RandomStateLike = 0,
        ax: Axes | None = None,
    ) -> Self:
        """Plot what a fitted estimator makes of images before its last layer.

        Parameters
        ----------
        estimator : estimator with `transform`
            Fitted.
        X : array-like
            Images, as it takes them.
        y : array-like of shape (n,)
            Their labels.
        method : {"tsne", "pca"} or transformer, default="tsne"
            How the embeddings come to two or three numbers: scikit-learn's TSNE [1]_, of their 50
            first principal components where they have more values, or PCA, or a clone of whatever
            has `fit_transform`. One that needs labels, such as LinearDiscriminantAnalysis, is
            given them, and puts classes further apart than they are.
        n_components : {2, 3}, default=2
            How many numbers, for "tsne" and "pca".
        target_names : sequence of str, default=None
            Names that integer labels are positions in; None takes the emotions for all of 0 to 6.
        random_state : int, RandomState instance or None, default=0
            Governs "tsne" and "pca".
        ax : matplotlib Axes, default=None
            Where to plot; for three numbers it has ``projection="3d"``. None makes a figure.

        Returns
        -------
        EmbeddingDisplay
            The plotted display.

        Raises
        ------
        ValueError
            If there are fewer than three images, or all have the same embedding, or what the
            estimator refuses.

        References
        ----------
        .. [1] van der Maaten and Hinton, "Visualizing Data using t-SNE", JMLR 2008.
        """
        check_consistent_length(X, y)  # now, not after the transformation
        points, y = _reduce(estimator.transform(X), y, method, n_components, random_state)
        return cls(points, y, target_names=target_names).plot(ax=ax)

    @classmethod
    @validate_params(_CONSTRAINTS)
    def from_images(
        cls,
        X: ArrayLike,
        y: ArrayLike,
        *,
        method: Literal["tsne", "pca"] | BaseEstimator = "tsne",
        n_components: Literal[2, 3] = 2,
        target_names: Sequence[str] | None = None,
        random_state: RandomStateLike = 0,
        ax: Axes | None = None,
    ) -> Self:
        """Plot images by their pixels; for "tsne" by 50 principal components of these.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, 3) or (n, n_pixels)
            Images or rows.
        y : array-like of shape (n,)
            Their labels.
        method : {"tsne", "pca"} or transformer, default="tsne"
            How the pixels come to two or three numbers, as in `from_estimator`.
        n_components : {2, 3}, default=2
            How many numbers, for "tsne" and "pca".
        target_names : sequence of str, default=None
            Names that integer labels are positions in; None takes the emotions for all of 0 to 6.
        random_state : int, RandomState instance or None, default=0
            Governs "tsne" and "pca".
        ax : matplotlib Axes, default=None
            Where to plot; for three numbers it has ``projection="3d"``. None makes a figure.

        Returns
        -------
        EmbeddingDisplay
            The plotted display.

        Raises
        ------
        ValueError
            If the images are something else, fewer than three or all equal.
        """
        images, y = check_images(X, y)
        rows = images.reshape(len(images), -1).astype(np.float32)
        points, y = _reduce(rows, y, method, n_components, random_state)
        return cls(points, y, target_names=target_names).plot(ax=ax)

    def plot(self, ax: Axes | None = None) -> Self:
        """Draw the points.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to plot; for three numbers it has ``projection="3d"``. None makes a figure.

        Returns
        -------
        EmbeddingDisplay
            Self, with `ax_` and `figure_`.
        """
        import matplotlib.pyplot as plt

        is_solid = self.points.shape[1] == 3
        labels = np.unique(self.y)
        order, names = order_names(labels, self.target_names)
        if ax is None:
            projection = "3d" if is_solid else None
            size = (max(6, 4.7 + find_width(names)), 5)
            _, ax = plt.subplots(
                figsize=size, layout="constrained", subplot_kw={"projection": projection}
            )
        elif is_solid and ax.name != "3d":
            raise ValueError(
                "got flat axes for points of three numbers, expected some made with "
                "subplot_kw={'projection': '3d'}"
            )
        size = np.clip(10_000 / len(self.y), 5, 30)
        # mypy knows only the scatter of flat axes, which takes no third number
        scatter: Callable[..., Any] = ax.scatter
        handles = []
        for label, name, color in zip(labels[order], names, class_colors(names), strict=True):
            points = self.points[self.y == label]
            style = {"color": color, "alpha": 0.7, "linewidths": 0}
            handles.append(scatter(*points.T, s=size, label=literal(name), **style))
        ax.set(xticks=[], yticks=[])
        if is_solid:
            ax.set(zticks=[])
        else:
            ax.set_aspect("equal", adjustable="datalim")
        scale = max(1, 6 / np.sqrt(size))
        draw_beside(ax, handles, markerscale=scale)
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _reduce(vectors, y, method, n_components, random_state):
    """Bring vectors to two or three numbers each: points, and their labels."""
    y = check_labels(y)
    check_consistent_length(vectors, y)
    reducer = _make_reducer(method, n_components, random_state, vectors)
    if not np.ptp(vectors, axis=0).any():
        raise ValueError(
            f"got {len(vectors)} images whose embeddings are all equal, expected different ones"
        )
    labels = [y] if _needs_y(reducer) else []
    points = np.asarray(reducer.fit_transform(vectors, *labels))
    if points.shape[1] not in (2, 3):
        raise ValueError(
            f"got {points.shape[1]} numbers for each image from {reducer!r}, expected 2 or 3; "
            "set its n_components"
        )
    return points, y


def _needs_y(reducer):
    """Tell supervised transformers; one that may do without labels, as UMAP, gets none."""
    if not hasattr(reducer, "__sklearn_tags__"):
        return False
    return is_classifier(reducer) or get_tags(reducer).target_tags.required


def _make_reducer(method, n_components, random_state, vectors):
    if isinstance(method, type):
        raise ValueError(
            f"got method={method.__name__}, a class, expected a transformer; write "
            f"method={method.__name__}(...)"
        )
    if not isinstance(method, str):
        return clone(method, safe=False)
    n, n_values = vectors.shape
    if n < 3:
        raise ValueError(f"got {n} images, expected three or more; points need neighbours")
    if method == "pca":
        return PCA(n_components, random_state=random_state)
    # scikit-learn refuses a perplexity that is not below the number of images
    tsne = TSNE(
        n_components, perplexity=min(30, (n - 1) / 3), init="pca", random_state=random_state
    )
    if n_values <= _N_BEFORE_TSNE:
        return tsne
    return make_pipeline(PCA(min(_N_BEFORE_TSNE, n), random_state=random_state), tsne)
