import matplotlib.pyplot as plt
import pandas as pd
import pytest

from ferkit.inspection import HistoryDisplay

TRAINED = pd.DataFrame({"epoch": [1, 2], "train_loss": [2.0, 1.0], "lr": [0.1, 0.1]})
VALIDATED = TRAINED.assign(
    valid_loss=[2.1, 1.5], valid_accuracy=[0.3, 0.4], valid_f1_macro=[0.1, 0.2]
)


def drawn(ax):
    return {line.get_label(): line.get_ydata().tolist() for line in ax.lines}


def test_curves():
    display = HistoryDisplay(VALIDATED, estimator_name="ResNetFER").plot()
    loss, scores = display.axes_
    assert drawn(loss) == {"training": [2.0, 1.0], "validation": [2.1, 1.5]}
    assert drawn(scores) == {"accuracy": [0.3, 0.4], "macro-F1": [0.1, 0.2]}
    assert loss.lines[0].get_xdata().tolist() == [1, 2]
    assert display.figure_.get_suptitle() == "ResNetFER"


def test_without_validation_data():
    display = HistoryDisplay(TRAINED).plot()
    assert [drawn(ax) for ax in display.axes_] == [{"training": [2.0, 1.0]}]


def test_given_axes():
    _, axes = plt.subplots(2)
    assert HistoryDisplay(VALIDATED).plot(ax=axes).axes_[1] is axes[1]
    with pytest.raises(ValueError, match="got 2 axes, expected 1"):
        HistoryDisplay(TRAINED).plot(ax=axes)
