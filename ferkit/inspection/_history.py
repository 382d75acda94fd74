"""HistoryDisplay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, Self, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from .._base import BaseFER
from .._estimators import check_fitted_fer
from .._names import f1_column
from .._validation import validate_params
from ._class_images import order_names
from ._colors import class_colors, series_colors
from ._comparison import check_runs
from ._legend import draw_beside, draw_legend, find_marker, find_width, literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes


_Panel: TypeAlias = Literal["loss", "scores", "classes", "lr"]
_PANELS = {
    "loss": {"train_loss": "training", "valid_loss": "validation"},
    "scores": {"valid_accuracy": "accuracy", "valid_f1_macro": "macro-F1"},
    "classes": {},  # its columns depend on the data: see _find_class_columns
    "lr": {"lr": "learning rate"},
}
_KEPT = "kept epoch"
_MOST_OF_ONE_MARKER = 4  # with more trainings, their colours alone are too near each other
_TITLES = {"scores": "validation score", "classes": "validation F1", "lr": "learning rate"}


class HistoryDisplay:
    """Curves of one training or of several: loss, validation scores, learning rate by epoch.

    Use `from_estimator`, or `from_runs` for a comparison, to make one.

    Parameters
    ----------
    history : DataFrame or dict of str to DataFrame
        A fitted estimator's `history_`; or histories by the estimators' names.
    estimator_name : str, default=None
        Title of the figure.
    best_epoch : int, list of int or dict of str to these, default=None
        The epoch whose weights were kept, which is marked; a list has one for each seed.
    classes : array-like of shape (n_classes,), default=None
        The labels whose F1 "classes" shows, such as `classes_`. None takes every column that
        begins like theirs, ``valid_f1_``, also those of other scores.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        One for each panel.
    figure_ : matplotlib Figure
        The figure.

    Examples
    --------
    >>> from ferkit import ResNetFER
    >>> from ferkit.datasets import make_faces
    >>> from ferkit.inspection import HistoryDisplay
    >>> X, y = make_faces(140, random_state=0, return_X_y=True)
    >>> clf = ResNetFER(max_epochs=2, random_state=0).fit(X, y, X_val=X, y_val=y)
    >>> HistoryDisplay.from_estimator(clf).axes_.shape
    (2,)
    """

    def __init__(
        self,
        history: pd.DataFrame | dict[str, pd.DataFrame],
        *,
        estimator_name: str | None = None,
        best_epoch: int | list[int] | dict[str, int] | dict[str, list[int]] | None = None,
        classes: ArrayLike | None = None,
    ) -> None:
        self.history = history
        self.estimator_name = estimator_name
        self.best_epoch = best_epoch
        self.classes = classes

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseFER | Mapping[str, BaseFER],
        *,
        panels: Sequence[_Panel] | None = None,
        ax: Axes | Sequence[Axes] | np.ndarray | None = None,
    ) -> Self:
        """Plot the history of a fitted estimator, or of several.

        Parameters
        ----------
        estimator : BaseFER or mapping of str to BaseFER
            Fitted; or fitted ones by their names.
        panels : list of {"loss", "scores", "classes", "lr"}, default=None
            What is plotted, in an axes each; see `plot`.
        ax : matplotlib Axes or array-like of them, default=None
            Where to plot; see `plot`.

        Returns
        -------
        HistoryDisplay
            The plotted display.

        Raises
        ------
        ValueError
            If there is no estimator, one is none of ferkit's or has no history, or several have no
            names.
        """
        if isinstance(estimator, list | tuple):
            raise ValueError(
                f"got a {type(estimator).__name__} of estimators, expected one, or a dict of "
                'several by their names, such as {"first": clf, "second": other}'
            )
        several = estimator if isinstance(estimator, Mapping) else {"": estimator}
        if not several:
            raise ValueError("got no estimators, expected one or more by their names")
        for clf in several.values():
            check_fitted_fer(clf, pipeline_advice="pass pipe[-1]")
            if clf.n_iter_ == 0:
                raise ValueError(
                    f"got a {type(clf).__name__} without history, expected one that was trained "
                    "here or saved with it; weights that come with ferkit leave theirs out"
                )
        if isinstance(estimator, Mapping):
            display = cls(
                {name: clf.history_ for name, clf in several.items()},
                best_epoch={name: clf.best_epoch_ for name, clf in several.items()},
            )
        else:
            display = cls(
                estimator.history_,
                estimator_name=type(estimator).__name__,
                best_epoch=estimator.best_epoch_,
                classes=estimator.classes_,
            )
        return display.plot(ax=ax, panels=panels)

    @classmethod
    def from_runs(
        cls,
        runs: pd.DataFrame,
        *,
        panels: Sequence[_Panel] | None = None,
        ax: Axes | Sequence[Axes] | np.ndarray | None = None,
    ) -> Self:
        """Plot the histories of a comparison: a curve per configuration, the mean of its seeds.

        The epochs with the best validation score are marked, one for each seed.

        Parameters
        ----------
        runs : DataFrame
            What `ferkit.model_selection.compare` returned, or some rows of it.
        panels : list of {"loss", "scores", "classes", "lr"}, default=None
            What is plotted, in an axes each; see `plot`. "classes" is for the rows of one
            configuration.
        ax : matplotlib Axes or array-like of them, default=None
            Where to plot; see `plot`.

        Returns
        -------
        HistoryDisplay
            The plotted display.

        Raises
        ------
        ValueError
            If there are no runs, or they have no histories.
        """
        check_runs(runs)
        if "history" not in runs:
            raise ValueError(
                "got runs without a column history, expected what compare returned; pass it whole"
            )
        best = runs[runs["weights"] == "best validation"]
        epochs = {
            config: rows["epoch"].tolist()
            for config, rows in best.groupby("config")
            if "epoch" in rows
        }
        # a run has a row for each of its networks, but one history
        runs = runs.drop_duplicates(["config", "seed"])
        means = {
            config: pd.concat(list(of_config["history"]))
            .groupby("epoch", as_index=False)
            .mean(numeric_only=True)
            for config, of_config in runs.groupby("config", sort=False)
        }
        if len(means) > 1:
            return cls(means, best_epoch=epochs).plot(ax=ax, panels=panels)
        ((config, mean),) = means.items()
        display = cls(mean, estimator_name=config, best_epoch=epochs.get(config))
        return display.plot(ax=ax, panels=panels)

    @property
    def _is_several(self):
        return isinstance(self.history, dict)

    @validate_params({"panels": [list, tuple, None]})
    def plot(
        self,
        ax: Axes | Sequence[Axes] | np.ndarray | None = None,
        *,
        panels: Sequence[_Panel] | None = None,
    ) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes or array-like of them, default=None
            One axes for each panel. None makes a figure.
        panels : list of {"loss", "scores", "classes", "lr"}, default=None
            "loss" of training and validation, "scores" with accuracy and macro-F1, "classes" with
            the F1 of each class, which is for a single history, and "lr", the learning rate. None
            takes the loss and, with validation data, the scores.

        Returns
        -------
        HistoryDisplay
            Self, with `axes_` and `figure_`.

        Raises
        ------
        ValueError
            If there are not as many axes as panels, no history has what a panel shows, or
            "classes" is to show histories by their names.
        """
        import matplotlib.pyplot as plt
        from matplotlib.ticker import MaxNLocator

        histories = self.history if self._is_several else {"": self.history}
        panels = self._choose_panels(histories, panels)
        if ax is None:
            beside = find_width(histories) if self._is_several else 0
            size = (5.5 * len(panels) + beside, 3.5)
            _, ax = plt.subplots(1, len(panels), figsize=size, layout="constrained")
        axes = np.asarray(ax).ravel()
        if len(axes) != len(panels):
            raise ValueError(f"got {len(axes)} axes, expected {len(panels)}; pass one a panel")
        styles = self._find_styles(histories)
        curves = []
        for ax, panel in zip(axes, panels, strict=True):
            drawn = [self._draw(ax, panel, histories[name], name, styles[name]) for name in styles]
            curves.append([line for lines in drawn for line in lines])
            ax.set(xlabel="epoch", ylabel=_TITLES.get(panel, panel))
            ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
            ax.grid(alpha=0.3)
        self._add_legends(axes, panels, styles, curves)
        self.axes_ = axes
        self.figure_ = axes[0].figure
        if self.estimator_name is not None:
            self.figure_.suptitle(literal(self.estimator_name))
        return self

    def _choose_panels(self, histories, panels):
        has_scores = any("valid_f1_macro" in history for history in histories.values())
        if panels is None:
            return ["loss", "scores"] if has_scores else ["loss"]
        if not panels:
            raise ValueError(f"got no panels, expected one or more of {', '.join(_PANELS)}")
        for panel in panels:
            if panel not in _PANELS:
                raise ValueError(f"got panel {panel!r}, expected one of {', '.join(_PANELS)}")
            if panel in {"scores", "classes"} and not has_scores:
                raise ValueError(
                    f"got panel {panel!r} for a history without validation data, expected some; "
                    "give fit an X_val"
                )
            if panel == "classes" and self._is_several:
                raise ValueError(
                    f"got panel 'classes' for histories by names, {list(histories)}, expected a "
                    "single history, for colours tell classes apart; plot each by itself"
                )
        return panels

    def _find_styles(self, histories):
        """Find what tells trainings apart: nothing for a single one, colours, and markers."""
        if not self._is_several:
            return {"": {"marker": "."}}
        styles = {}
        for name, color in zip(histories, series_colors(len(histories)), strict=True):
            marker = find_marker(len(styles)) if len(histories) > _MOST_OF_ONE_MARKER else "."
            styles[name] = {"color": color, "marker": marker, "markersize": 4}
        return styles

    def _add_legends(self, axes, panels, styles, curves):
        marks = [line for line in axes[0].lines if line.get_gid() == _KEPT]
        if marks:  # label only one: a legend would repeat the others
            marks[0].set_label(_KEPT)
        if self._is_several:
            self._explain_several(axes, panels, styles, has_marks=bool(marks))
            return
        curves[0] += marks[:1]
        for ax, panel, handles in zip(axes, panels, curves, strict=True):
            if len(handles) > 3:  # a legend among so many curves would hide some
                draw_beside(ax, handles)
            elif len(handles) > 1 or panel != "lr":
                draw_legend(ax, handles)

    def _explain_several(self, axes, panels, styles, *, has_marks):
        """Tell what lines mean in each axes, and once, beside the last one, what colours do."""
        from matplotlib.lines import Line2D

        for ax, panel in zip(axes, panels, strict=True):
            labels, kinds = _PANELS[panel], []
            if len(labels) > 1:
                lines = _find_line_styles(labels)
                kinds = [
                    Line2D([], [], color="black", linestyle=lines[column], label=label)
                    for column, label in labels.items()
                ]
            if has_marks and ax is axes[0]:
                kinds.append(Line2D([], [], color="black", linestyle=":", linewidth=1, label=_KEPT))
            if kinds:
                ax.add_artist(ax.legend(handles=kinds))
        names = [Line2D([], [], label=literal(name), **style) for name, style in styles.items()]
        draw_beside(axes[-1], names, alone=True)

    def _draw(self, ax, panel, history, name, style):
        labels, colors = _PANELS[panel], {}
        if panel == "classes":
            labels, colors = _find_class_columns(history, self.classes)
        shown, curves = [column for column in labels if column in history], []
        for column in shown:
            own = {"label": literal(labels[column]), "color": colors.get(column)}
            if name:
                own["label"] = name if len(labels) == 1 else f"{name}, {labels[column]}"
                own["color"] = style["color"]
                own["linestyle"] = _find_line_styles(labels)[column]
            curves += ax.plot(history["epoch"], history[column], **{**style, **own})
        best = self.best_epoch
        best = best.get(name) if isinstance(best, dict) else best
        for epoch in [] if best is None else np.unique(best):
            color = style.get("color", "black")
            ax.axvline(epoch, color=color, linewidth=1, linestyle=":", gid=_KEPT)
        return curves


def _find_line_styles(columns):
    """Find what tells kinds of curves apart where colours mean trainings: the last is solid."""
    *others, last = columns
    return {**dict.fromkeys(others, "--"), last: "-"}


def _find_class_columns(history, classes):
    prefix = "valid_f1_"
    if classes is None:
        columns = [c for c in history if c.startswith(prefix) and c != f"{prefix}macro"]
        classes = np.array([column.removeprefix(prefix) for column in columns])
        if all(name.isdecimal() for name in classes):
            classes = classes.astype(int)
    else:
        classes = np.asarray(classes)
        columns = [f1_column(prefix, label) for label in classes]
    order, names = order_names(classes)
    columns = [columns[place] for place in order]
    return (
        dict(zip(columns, names, strict=True)),
        dict(zip(columns, class_colors(names), strict=True)),
    )
