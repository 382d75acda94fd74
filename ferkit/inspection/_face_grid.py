"""FaceGridDisplay."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval

from .._images import as_unit
from .._typing import RandomStateLike
from .._validation import validate_params
from ..metrics._calibration import check_probabilities
from ._class_images import check_images, draw_face, order_names
from ._legend import literal

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure

    from ..augment import Policy

_COUNT = [Interval(Integral, 1, None, closed="left")]


class FaceGridDisplay:
    """Faces in rows: samples or means of classes, changed copies, or the worst mistakes.

    Use `from_images`, `from_means`, `from_policy` or `from_predictions` to make one.

    Parameters
    ----------
    rows : dict of str to ndarray of shape (n, h, w, channels)
        Faces by the names of their rows.
    titles : dict of str to list of str, default=None
        A line over each face, by row.
    row_label : str, default=None
        What the names of the rows are.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes, of shape (n_rows, n_columns)
        One for each face.
    figure_ : matplotlib Figure
        The figure.

    Examples
    --------
    >>> from ferkit.datasets import make_faces
    >>> from ferkit.inspection import FaceGridDisplay
    >>> X, y = make_faces(70, random_state=0, return_X_y=True)
    >>> FaceGridDisplay.from_images(X, y, n_per_class=3).axes_.shape
    (7, 3)
    >>> list(FaceGridDisplay.from_policy(X[:2], "offline", n_copies=4).rows)
    ['0', '1']
    """

    def __init__(
        self,
        rows: dict[str, np.ndarray],
        *,
        titles: dict[str, list[str]] | None = None,
        row_label: str | None = None,
    ) -> None:
        self.rows = rows
        self.titles = titles
        self.row_label = row_label

    @classmethod
    @validate_params({"n_per_class": _COUNT})
    def from_images(
        cls,
        X: ArrayLike,
        y: ArrayLike,
        *,
        n_per_class: int = 8,
        target_names: Sequence[str] | None = None,
        random_state: RandomStateLike = 0,
        figure: Figure | SubFigure | None = None,
    ) -> Self:
        """Plot random faces of each class.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, 3) or (n, n_pixels)
            Images or rows: uint8 levels, or floats in [0, 1].
        y : array-like of shape (n,)
            Their labels.
        n_per_class : int, default=8
            Faces of each class, or as many as there are.
        target_names : sequence of str, default=None
            Names that integer labels are positions in; None takes the emotions for all of 0 to 6.
        random_state : int, RandomState instance or None, default=0
            Governs which.
        figure : matplotlib Figure or SubFigure, default=None
            Where to plot; None makes one.

        Returns
        -------
        FaceGridDisplay
            The plotted display.
        """
        images, y = check_images(X, y)
        random_state = check_random_state(random_state)
        labels = np.unique(y)
        order, names = order_names(labels, target_names)
        rows = {}
        for label, name in zip(labels[order], names, strict=True):
            found = np.flatnonzero(y == label)
            chosen = random_state.choice(found, size=min(n_per_class, len(found)), replace=False)
            rows[name] = images[chosen]
        return cls(rows).plot(figure=figure)

    @classmethod
    def from_means(
        cls,
        X: ArrayLike,
        y: ArrayLike,
        *,
        target_names: Sequence[str] | None = None,
        figure: Figure | SubFigure | None = None,
    ) -> Self:
        """Plot the mean face of each class.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, 3) or (n, n_pixels)
            Images or rows: uint8 levels, or floats in [0, 1].
        y : array-like of shape (n,)
            Their labels.
        target_names : sequence of str, default=None
            Names that integer labels are positions in; None takes the emotions for all of 0 to 6.
        figure : matplotlib Figure or SubFigure, default=None
            Where to plot; None makes one.

        Returns
        -------
        FaceGridDisplay
            The plotted display.
        """
        images, y = check_images(X, y)
        labels = np.unique(y)
        order, names = order_names(labels, target_names)
        means = np.stack([as_unit(images[y == label]).mean(axis=0) for label in labels[order]])
        return cls({"mean": means}, titles={"mean": names}).plot(figure=figure)

    @classmethod
    @validate_params({"n_copies": _COUNT})
    def from_policy(
        cls,
        X: ArrayLike,
        policy: str | Policy,
        *,
        n_copies: int = 8,
        random_state: RandomStateLike = 0,
        figure: Figure | SubFigure | None = None,
    ) -> Self:
        """Plot faces beside what an augmentation makes of them.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, 3) or (n, n_pixels)
            Some images, each of which gets a row.
        policy : str or ferkit.augment.Policy
            How they are changed, one by one: one that mixes images is refused. What it brings out
            of [0, 1] is drawn as black and white.
        n_copies : int, default=8
            Changed copies of each, after the image as it is.
        random_state : int or None, default=0
            Governs the changes.
        figure : matplotlib Figure or SubFigure, default=None
            Where to plot; None makes one.

        Returns
        -------
        FaceGridDisplay
            The plotted display.

        Raises
        ------
        ValueError
            If `policy` is None or mixes images, or `X` are not images.
        """
        import torch

        from .._locks import draw_lock
        from .._random import draw_seed, preserved_generators, seed_generators
        from ..augment import resolve_policy

        images, _ = check_images(X)
        if policy is None:
            raise ValueError(
                "got policy=None, which changes nothing, expected a Policy or the name of one; "
                "take 'strong', 'reference' or 'offline'"
            )
        policy, device = resolve_policy(policy), torch.device("cpu")
        if policy.mixes:
            raise ValueError(
                f"got policy={policy!r}, which mixes images, expected one that changes them one by "
                "one; leave mixup and cutmix out, as in dataclasses.replace(policy, mixup=0.0, "
                "cutmix=0.0)"
            )
        rows = {}
        with preserved_generators(device), draw_lock:
            seed_generators(device, draw_seed(random_state))
            for position, image in enumerate(as_unit(images)):
                copies = torch.from_numpy(np.repeat(image[None], n_copies, axis=0))
                changed = policy(copies.permute(0, 3, 1, 2)).permute(0, 2, 3, 1).numpy()
                rows[str(position)] = np.concatenate([image[None], changed])
        titles = {name: ["as it is"] + [""] * n_copies for name in list(rows)[:1]}
        return cls(rows, titles=titles).plot(figure=figure)

    @classmethod
    @validate_params({"n_per_class": _COUNT})
    def from_predictions(
        cls,
        X: ArrayLike,
        y_true: ArrayLike,
        y_prob: ArrayLike,
        *,
        labels: ArrayLike | None = None,
        n_per_class: int = 8,
        target_names: Sequence[str] | None = None,
        figure: Figure | SubFigure | None = None,
    ) -> Self:
        """Plot the mistakes that a model was surest of, by true class.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, 3) or (n, n_pixels)
            Images or rows.
        y_true : array-like of shape (n,)
            Their labels.
        y_prob : array-like of shape (n, n_classes)
            Probabilities, as `predict_proba` gives them.
        labels : array-like of shape (n_classes,), default=None
            The labels of the columns, such as an estimator's `classes_`. None takes the sorted
            labels of `y_true`.
        n_per_class : int, default=8
            Mistakes of each class, or as many as there are.
        target_names : sequence of str, default=None
            Names that integer labels are positions in; None takes the emotions for all of 0 to 6.
        figure : matplotlib Figure or SubFigure, default=None
            Where to plot; None makes one.

        Returns
        -------
        FaceGridDisplay
            The plotted display; over each face is what it was taken for, and how surely. Classes
            without mistakes have no row.

        Raises
        ------
        ValueError
            If there is no mistake, `labels` are not those of the columns or lack some of `y_true`,
            or `y_prob` are not probabilities.
        """
        images, y_true = check_images(X, y_true)
        y_true, y_prob, labels = check_probabilities(y_true, y_prob, labels)
        order, names = order_names(labels, target_names)
        predicted = labels[y_prob.argmax(axis=1)]
        surest_first = np.argsort(-y_prob.max(axis=1), kind="stable")
        rows, titles = {}, {}
        name_of = dict(zip(labels[order], names, strict=True))
        for label, name in name_of.items():
            of_class = surest_first[(y_true[surest_first] == label)]
            wrong = of_class[predicted[of_class] != label][:n_per_class]
            if len(wrong):
                rows[name] = images[wrong]
                titles[name] = [f"{name_of[predicted[i]]} {y_prob[i].max():.2f}" for i in wrong]
        if not rows:
            raise ValueError("got no mistake, expected one or more; there is nothing to show")
        return cls(rows, titles=titles, row_label="true class").plot(figure=figure)

    def plot(self, figure: Figure | SubFigure | None = None) -> Self:
        """Draw the faces.

        Parameters
        ----------
        figure : matplotlib Figure or SubFigure, default=None
            Where to plot; None makes one.

        Returns
        -------
        FaceGridDisplay
            Self, with `axes_` and `figure_`.
        """
        import matplotlib.pyplot as plt

        n_columns = max(len(faces) for faces in self.rows.values())
        if figure is None:
            height = 1.25 if self.titles else 1.0
            size = (1.0 * n_columns + 0.8, height * len(self.rows))
            figure = plt.figure(figsize=size, layout="constrained")
        axes = figure.subplots(len(self.rows), n_columns, squeeze=False)
        for row_axes, (name, faces) in zip(axes, self.rows.items(), strict=True):
            titles = (self.titles or {}).get(name, [""] * len(faces))
            for ax in row_axes[len(faces) :]:
                ax.set_axis_off()
            for ax, face, title in zip(row_axes, faces, titles, strict=False):
                draw_face(ax, face)
                ax.set_title(literal(title), fontsize=7, pad=2)
            row_axes[0].set_ylabel(literal(name), rotation=0, ha="right", va="center")
        if self.row_label is not None:
            figure.supylabel(self.row_label, fontsize="medium")
        self.axes_, self.figure_ = axes, figure
        return self
