"""ComparisonDisplay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

import pandas as pd
from sklearn.utils._param_validation import StrOptions

from .._labels import EMOTIONS
from .._validation import validate_params
from ._colors import series_colors
from ._legend import draw_beside, find_marker, find_width, literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NAMES = {
    "f1_macro": "macro-F1",
    "n_parameters": "parameters",
    "n_multiply_adds": "multiply-adds for an image",
    "seconds": "seconds of training",
    "milliseconds": "milliseconds to predict an image",
}
_COSTS = ("n_parameters", "n_multiply_adds", "seconds", "milliseconds")


class ComparisonDisplay:
    """Configurations side by side, by a score, with a point for each seed.

    Use `from_runs` to make one.

    Parameters
    ----------
    runs : DataFrame
        What `ferkit.model_selection.compare` returned, of one kind of `weights`.
    metric : str
        The column that is shown.
    against : {"n_parameters", "n_multiply_adds", "seconds", "milliseconds"} or None
        What the score is drawn against; None draws bars.
    baseline : str or None
        The configuration that a line shows.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure.

    Examples
    --------
    >>> import pandas as pd
    >>> from ferkit.inspection import ComparisonDisplay
    >>> runs = pd.DataFrame({"config": ["a", "a", "b"], "weights": "last epoch", "seed": [0, 1, 0],
    ...                      "f1_macro": [0.4, 0.5, 0.3], "n_parameters": [100, 100, 50]})
    >>> display = ComparisonDisplay.from_runs(runs, baseline="b")
    >>> [label.get_text() for label in display.ax_.get_yticklabels()]
    ['a', 'b']
    """

    def __init__(
        self,
        runs: pd.DataFrame,
        *,
        metric: str,
        against: Literal["n_parameters", "n_multiply_adds", "seconds", "milliseconds"] | None,
        baseline: str | None,
    ) -> None:
        self.runs = runs
        self.metric = metric
        self.against = against
        self.baseline = baseline

    @classmethod
    @validate_params(
        {
            "metric": [str],
            "against": [StrOptions(set(_COSTS)), None],
            "weights": [StrOptions({"last epoch", "best validation"})],
            "baseline": [str, None],
        }
    )
    def from_runs(
        cls,
        runs: pd.DataFrame,
        *,
        metric: str = "f1_macro",
        against: Literal["n_parameters", "n_multiply_adds", "seconds", "milliseconds"]
        | None = None,
        weights: Literal["last epoch", "best validation"] = "last epoch",
        baseline: str | None = None,
        ax: Axes | None = None,
    ) -> Self:
        """Plot a comparison.

        Parameters
        ----------
        runs : DataFrame
            What `ferkit.model_selection.compare` returned.
        metric : str, default="f1_macro"
            The column to show, such as "accuracy" or "f1_1".
        against : {"n_parameters", "n_multiply_adds", "seconds", "milliseconds"}, default=None
            What the score is drawn against; None draws a bar for each configuration.
        weights : {"last epoch", "best validation"}, default="last epoch"
            The network that was scored.
        baseline : str, default=None
            A configuration whose mean score a line shows.
        ax : matplotlib Axes, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        ComparisonDisplay
            The plotted display.

        Raises
        ------
        ValueError
            If there are no such runs, metric or configuration.
        """
        check_runs(runs)
        chosen = runs[runs["weights"] == weights]
        if chosen.empty:
            raise ValueError(f"got no run with weights={weights!r}, expected one or more")
        for name, column in {"metric": metric, "against": against}.items():
            figures = chosen.drop(columns="seed", errors="ignore").select_dtypes("number")
            if column is not None and column not in figures:
                raise ValueError(f"got {name}={column!r}, expected one of {', '.join(figures)}")
        if baseline is not None and baseline not in set(chosen["config"]):
            raise ValueError(
                f"got baseline={baseline!r}, expected one of {', '.join(chosen['config'].unique())}"
            )
        return cls(chosen, metric=metric, against=against, baseline=baseline).plot(ax=ax)

    def plot(self, ax: Axes | None = None) -> Self:
        """Draw the configurations.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        ComparisonDisplay
            Self, with `ax_` and `figure_`.
        """
        import matplotlib.pyplot as plt

        groups = dict(iter(self.runs.groupby("config", sort=False)))
        if ax is None:
            size = (6.5, 0.45 * len(groups) + 1)
            if self.against:
                size = (5 + find_width(groups), 3.5)
            _, ax = plt.subplots(figsize=size, layout="constrained")
        title = _name_metric(self.metric, self.runs)
        draw_line = ax.axhline if self.against else ax.axvline
        if self.against:
            colors, handles = series_colors(len(groups)), []
            for position, (name, runs) in enumerate(groups.items()):
                style = {"color": colors[position], "marker": find_marker(position)}
                handles.append(
                    ax.scatter(runs[self.against], runs[self.metric], label=literal(name), **style)
                )
            ax.set(xlabel=_NAMES[self.against], ylabel=title)
            ax.set_xlim(0, 1.05 * self.runs[self.against].max())
            draw_beside(ax, handles)
        else:
            for position, (name, runs) in enumerate(groups.items()):
                color = "#999999" if name == self.baseline else "#0072B2"
                ax.barh(position, runs[self.metric].mean(), color=color, height=0.7)
                ax.scatter(runs[self.metric], [position] * len(runs), color="black", s=12, zorder=3)
            ax.set_yticks(range(len(groups)), list(map(literal, groups)))
            ax.invert_yaxis()
            ax.set(xlabel=title)
        if self.baseline is not None:
            mean = groups[self.baseline][self.metric].mean()
            draw_line(mean, color="black", linestyle=":", linewidth=1)
        ax.spines[["top", "right"]].set_visible(False)
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _name_metric(metric, runs):
    label = metric.removeprefix("f1_")
    if metric in _NAMES or metric == label:
        return _NAMES.get(metric, literal(metric))
    of_classes = {name for name in runs if name.startswith("f1_")} - {"f1_macro"}
    if of_classes == {f"f1_{number}" for number in range(len(EMOTIONS))}:
        label = EMOTIONS[int(label)]
    return f"F1 of {literal(label)}"


def check_runs(runs):
    """Raise a ValueError if `runs` is not what `compare` returned, or there is no run in it."""
    if not isinstance(runs, pd.DataFrame) or not {"config", "weights"} <= set(runs.columns):
        raise ValueError(
            f"got runs of type {type(runs).__name__} without columns config and weights, expected "
            "what compare returned; pass it before summarize"
        )
    if runs.empty:
        raise ValueError("got no runs, expected one or more")
