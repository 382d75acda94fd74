"""ClassMetricsDisplay."""

from sklearn.utils._param_validation import StrOptions, validate_params

from ..metrics import FERReport
from ._colors import class_colors, series_colors


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

    def __init__(self, reports, *, metric="f1"):
        self.reports = reports
        self.metric = metric

    @classmethod
    @validate_params(
        {
            "reports": [FERReport, dict],
            "metric": [StrOptions({"f1", "precision", "recall"})],
            "ax": "no_validation",
        },
        prefer_skip_nested_validation=True,
    )
    def from_reports(cls, reports, *, metric="f1", ax=None):
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
            If the reports are of different classes.
        """
        reports = reports if isinstance(reports, dict) else {"": reports}
        classes = [report.classes.index.tolist() for report in reports.values()]
        for found in classes:
            if found != classes[0]:
                raise ValueError(
                    f"got reports of the classes {classes[0]} and {found}, expected the same ones; "
                    "plot them apart"
                )
        return cls(reports, metric=metric).plot(ax=ax)

    def plot(self, ax=None):
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
        import matplotlib.pyplot as plt
        import numpy as np

        n_models = len(self.reports)
        names = next(iter(self.reports.values())).classes.index
        if ax is None:
            size = (max(5, 0.9 * len(names)), 3.5)
            _, ax = plt.subplots(figsize=size, layout="constrained")
        width = 0.8 / n_models
        colors = [class_colors(names)] if n_models == 1 else series_colors(n_models)
        for position, (model, color) in enumerate(zip(self.reports, colors, strict=True)):
            table = self.reports[model].classes
            values = table[self.metric]
            x = np.arange(len(names)) + (position - (n_models - 1) / 2) * width
            ax.bar(x, values, width, color=color, label=model)
            if self.metric == "f1":
                ends = [(values - table["f1_low"]).clip(0), (table["f1_high"] - values).clip(0)]
                ax.errorbar(x, values, yerr=ends, fmt="none", ecolor="black", elinewidth=1)
        ax.set_xticks(np.arange(len(names)), names)
        ax.set(ylabel={"f1": "F1"}.get(self.metric, self.metric), ylim=(0, 1))
        ax.spines[["top", "right"]].set_visible(False)
        if n_models > 1:
            ax.legend(frameon=False)
        self.ax_, self.figure_ = ax, ax.figure
        return self
