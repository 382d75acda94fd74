"""HistoryDisplay."""

from sklearn.utils.validation import check_is_fitted


class HistoryDisplay:
    """Curves of a training: loss and, with validation data, accuracy and macro-F1 by epoch.

    Use `from_estimator` to make one.

    Parameters
    ----------
    history : pandas.DataFrame
        A fitted estimator's `history_`.
    estimator_name : str, default=None
        Title of the figure.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        One for the loss and, with validation data, one for the scores.
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

    def __init__(self, history, *, estimator_name=None):
        self.history = history
        self.estimator_name = estimator_name

    @classmethod
    def from_estimator(cls, estimator, *, ax=None):
        """Plot a fitted estimator's history.

        Parameters
        ----------
        estimator : MobileNetFER, ResNetFER or another BaseFER
            Fitted.
        ax : matplotlib Axes or array-like of them, default=None
            Where to plot; see `plot`.

        Returns
        -------
        HistoryDisplay
            The plotted display.
        """
        check_is_fitted(estimator)
        if estimator.n_iter_ == 0:
            raise ValueError(
                f"got a {type(estimator).__name__} without history, expected one that was trained "
                "here or saved with it; weights that come with ferkit leave theirs out"
            )
        return cls(estimator.history_, estimator_name=type(estimator).__name__).plot(ax=ax)

    def plot(self, ax=None):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes or array-like of them, default=None
            One axes, or two if the history has validation scores. None makes a figure.

        Returns
        -------
        HistoryDisplay
            Self, with `axes_` and `figure_`.

        Raises
        ------
        ValueError
            If there are not as many axes as panels.
        """
        import matplotlib.pyplot as plt
        import numpy as np
        from matplotlib.ticker import MaxNLocator

        panels = [("loss", ["train_loss", "valid_loss"])]
        if "valid_f1_macro" in self.history:
            panels.append(("validation score", ["valid_accuracy", "valid_f1_macro"]))
        if ax is None:
            size = (5 * len(panels), 3.5)
            _, ax = plt.subplots(1, len(panels), figsize=size, layout="constrained")
        axes = np.ravel(ax)
        if len(axes) != len(panels):
            raise ValueError(f"got {len(axes)} axes, expected {len(panels)}; pass one a panel")
        labels = {
            "train_loss": "training",
            "valid_loss": "validation",
            "valid_accuracy": "accuracy",
            "valid_f1_macro": "macro-F1",
        }
        for ax, (title, columns) in zip(axes, panels, strict=True):
            for column in self.history.columns.intersection(columns, sort=False):
                ax.plot(
                    self.history["epoch"], self.history[column], marker=".", label=labels[column]
                )
            ax.set(xlabel="epoch", ylabel=title)
            ax.xaxis.set_major_locator(MaxNLocator(integer=True))
            ax.grid(alpha=0.3)
            ax.legend()
        self.axes_ = axes
        self.figure_ = axes[0].figure
        if self.estimator_name is not None:
            self.figure_.suptitle(self.estimator_name)
        return self
