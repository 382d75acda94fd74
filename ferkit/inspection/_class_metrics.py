"""ClassMetricsDisplay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

import pandas as pd
from sklearn.utils._param_validation import StrOptions

from .._validation import validate_params
from ..metrics import FERReport
from ._bars import draw_bars

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class ClassMetricsDisplay:
    """A score of each class, of one model or of several, with intervals where there are any.

    Use `from_reports` to make one.

    Parameters
    ----------
    reports : dict of str to FERReport
        Reports by the models' names, all of the same classes.
    metric : {"f1", "precision", "recall"}, default="f1"
        Which score.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure.

    Examples
    --------
    >>> from ferkit.inspection import ClassMetricsDisplay
    >>> from ferkit.metrics import FERReport
    >>> report = FERReport.from_predictions(["fear", "sad", "sad"], ["fear", "sad", "fear"])
    >>> display = ClassMetricsDisplay.from_reports(report, metric="recall")
    >>> [float(bar.get_height()) for bar in display.ax_.containers[0]]
    [1.0, 0.5]
    """

    def __init__(
        self, reports: dict[str, FERReport], *, metric: Literal["f1", "precision", "recall"] = "f1"
    ) -> None:
        self.reports = reports
        self.metric = metric

    @classmethod
    @validate_params(
        {
            "reports": [FERReport, dict],
            "metric": [StrOptions({"f1", "precision", "recall"})],
        }
    )
    def from_reports(
        cls,
        reports: FERReport | dict[str, FERReport],
        *,
        metric: Literal["f1", "precision", "recall"] = "f1",
        ax: Axes | None = None,
    ) -> Self:
        """Plot the classes' scores.

        Parameters
        ----------
        reports : FERReport or dict of str to FERReport
            A report, or reports by the models' names.
        metric : {"f1", "precision", "recall"}, default="f1"
            Which score; f1 comes with intervals.
        ax : matplotlib Axes, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        ClassMetricsDisplay
            The plotted display.

        Raises
        ------
        ValueError
            If there is no report, or they are of different classes.
        """
        reports = reports if isinstance(reports, dict) else {"": reports}
        if not reports or not all(isinstance(report, FERReport) for report in reports.values()):
            raise ValueError(
                f"got reports={reports!r}, expected a FERReport, or some by the models' names; "
                "fer_report makes one"
            )
        classes = [report.classes.index.tolist() for report in reports.values()]
        for found in classes:
            if found != classes[0]:
                raise ValueError(
                    f"got reports of the classes {classes[0]} and {found}, expected the same ones; "
                    "plot them apart"
                )
        return cls(reports, metric=metric).plot(ax=ax)

    def plot(self, ax: Axes | None = None) -> Self:
        """Draw the bars.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        ClassMetricsDisplay
            Self, with `ax_` and `figure_`.
        """
        names = next(iter(self.reports.values())).classes.index
        values = {model: report.classes[self.metric] for model, report in self.reports.items()}
        ax, bars = draw_bars(ax, pd.DataFrame(values, index=names))
        if self.metric == "f1":
            for of_model, report in zip(bars, self.reports.values(), strict=True):
                table = report.classes
                x = [bar.get_x() + bar.get_width() / 2 for bar in of_model]
                below, above = table["f1"] - table["f1_low"], table["f1_high"] - table["f1"]
                ends = [below.clip(0), above.clip(0)]
                ax.errorbar(x, table["f1"], yerr=ends, fmt="none", ecolor="black", elinewidth=1)
        ax.set(ylabel={"f1": "F1"}.get(self.metric, self.metric), ylim=(0, 1))
        self.ax_, self.figure_ = ax, ax.figure
        return self
