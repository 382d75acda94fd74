import matplotlib.pyplot as plt
import pandas as pd
import pytest
from skorch.callbacks import EpochScoring

from ferkit import EMOTIONS
from ferkit.datasets import make_faces
from ferkit.inspection import EMOTION_COLORS, HistoryDisplay
from tests.helpers import LinearFER

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


def test_panels_of_classes_and_learning_rate():
    history = VALIDATED.assign(valid_f1_angry=[0.1, 0.2], valid_f1_happy=[0.5, 0.6])
    classes, lr = HistoryDisplay(history).plot(panels=["classes", "lr"]).axes_
    assert drawn(classes) == {"angry": [0.1, 0.2], "happy": [0.5, 0.6]}
    assert [line.get_color() for line in classes.lines] == [
        EMOTION_COLORS["angry"],
        EMOTION_COLORS["happy"],
    ]
    assert drawn(lr) == {"learning rate": [0.1, 0.1]}
    named = VALIDATED.assign(valid_f1_no=[0.1, 0.2])
    assert drawn(HistoryDisplay(named).plot(panels=["classes"]).axes_[0]) == {"no": [0.1, 0.2]}


def test_scores_of_ones_own_are_no_classes():
    X, y = make_faces(70, image_size=16, random_state=0, return_X_y=True)
    score = EpochScoring("f1_weighted", name="valid_f1_weighted", lower_is_better=False)
    clf = LinearFER(max_epochs=1, random_state=0, callbacks=[score]).fit(X, y, X_val=X, y_val=y)
    assert "valid_f1_weighted" in clf.history_
    (ax,) = HistoryDisplay.from_estimator(clf, panels=["classes"]).axes_
    assert [line.get_label() for line in ax.lines] == [*EMOTIONS, "kept epoch"]
    history = VALIDATED.assign(valid_f1_class_macro=[0.1, 0.2], valid_f1_micro=[0.5, 0.6])
    display = HistoryDisplay(history, classes=["macro"]).plot(panels=["classes"])
    assert drawn(display.axes_[0]) == {"macro": [0.1, 0.2]}


def test_several_trainings():
    display = HistoryDisplay({"a": VALIDATED, "b": TRAINED}, best_epoch={"a": 1, "b": 2})
    loss, scores = display.plot().axes_
    curves = {line.get_label(): line for line in loss.lines}
    assert curves["a, training"].get_ydata().tolist() == [2.0, 1.0]
    assert curves["a, training"].get_color() == curves["a, validation"].get_color()
    assert curves["a, training"].get_color() != curves["b, training"].get_color()
    marks = [line.get_xdata()[0] for line in loss.lines if line.get_linestyle() == ":"]
    assert marks == [1, 2]
    assert {line.get_label() for line in scores.lines[:2]} == {"a, accuracy", "a, macro-F1"}
    names = [text.get_text() for text in scores.get_legend().texts]
    assert names == ["a", "b"]  # once, for both axes
    (kinds,) = [a for a in loss.artists if isinstance(a, plt.matplotlib.legend.Legend)] or [
        loss.get_legend()
    ]
    assert [text.get_text() for text in kinds.texts] == ["training", "validation", "kept epoch"]
    for history in (display.history, {"a": VALIDATED}):
        with pytest.raises(ValueError, match=r"panel 'classes' for histories by names, \['a'"):
            HistoryDisplay(history).plot(panels=["classes"])


def test_the_kept_epoch_of_an_estimator():
    X, y = make_faces(70, image_size=16, random_state=0, return_X_y=True)
    clf = LinearFER(max_epochs=3, random_state=0).fit(X, y)
    display = HistoryDisplay.from_estimator(clf)
    kept = display.axes_[0].lines[-1]
    assert kept.get_xdata()[0] == clf.best_epoch_
    assert kept.get_label() == "kept epoch"
    both = HistoryDisplay.from_estimator({"one": clf, "two": clf}, panels=["lr"])
    assert [line.get_label() for line in both.axes_[0].lines[::2]] == ["one", "two"]


def test_an_epoch_that_is_not_known():
    display = HistoryDisplay({"a": TRAINED, "b": TRAINED}, best_epoch={"a": 1}).plot()
    assert len(display.axes_[0].lines) == 3


def test_a_comparison():
    other = TRAINED.assign(train_loss=[4.0, 2.0], mine="text that a callback recorded")
    runs = pd.DataFrame(
        {
            "config": ["a", "a", "a", "b"],
            "seed": [0, 0, 1, 0],
            "weights": ["last epoch", "best validation", "best validation", "last epoch"],
            "epoch": [2, 1, 2, 2],
            "history": [TRAINED, TRAINED, other, other],
        }
    )
    (loss,) = HistoryDisplay.from_runs(runs).axes_
    curves = {line.get_label(): line.get_ydata().tolist() for line in loss.lines[::3]}
    assert curves == {"a, training": [3.0, 1.5], "b, training": [4.0, 2.0]}
    assert [line.get_xdata()[0] for line in loss.lines[1:3]] == [1, 2]  # kept with each seed
    assert {line.get_color() for line in loss.lines[:3]} == {loss.lines[0].get_color()}
    with pytest.raises(ValueError, match="got runs without a column history"):
        HistoryDisplay.from_runs(runs.drop(columns="history"))
    with pytest.raises(ValueError, match="got runs of type dict without columns config"):
        HistoryDisplay.from_runs({})


def test_a_legend_names_what_was_there_before():
    _, axes = plt.subplots(1, 2)
    axes[0].axhline(1, label="chance")
    display = HistoryDisplay(VALIDATED).plot(ax=axes)
    names = [text.get_text() for text in display.axes_[0].get_legend().texts]
    assert names == ["chance", "training", "validation"]


def test_a_comparison_of_one():
    history = VALIDATED.assign(valid_f1_angry=[0.1, 0.2])
    runs = pd.DataFrame(
        {"config": "a", "seed": 0, "weights": ["best validation"], "epoch": 1, "history": [history]}
    )
    display = HistoryDisplay.from_runs(runs, panels=["loss", "classes"])
    loss, classes = ([line.get_label() for line in ax.lines[:-1]] for ax in display.axes_)
    assert loss == ["training", "validation"]
    assert classes == ["angry"]
    assert display.axes_[0].lines[-1].get_label() == "kept epoch"
    assert display.figure_.get_suptitle() == "a"


def test_many_trainings_leave_room_for_their_curves():
    display = HistoryDisplay({f"configuration {i}": VALIDATED for i in range(20)}).plot()
    display.figure_.canvas.draw()
    axes = display.axes_[1].get_window_extent()
    legend = display.axes_[1].get_legend().get_window_extent()
    assert legend.x0 >= axes.x1
    assert legend.y0 > 0
    assert axes.width > 150


def test_bad_panels():
    assert HistoryDisplay(TRAINED).plot(panels=("lr",)).axes_.shape == (1,)
    with pytest.raises(ValueError, match="got no panels, expected one or more of loss"):
        HistoryDisplay(VALIDATED).plot(panels=[])
    with pytest.raises(ValueError, match="got no estimators, expected one or more"):
        HistoryDisplay.from_estimator({})
    with pytest.raises(ValueError, match="got a list of estimators, expected one, or a dict"):
        HistoryDisplay.from_estimator([TRAINED])
    with pytest.raises(ValueError, match="got panel 'f1', expected one of loss, scores"):
        HistoryDisplay(VALIDATED).plot(panels=["f1"])
    with pytest.raises(ValueError, match="a history without validation data"):
        HistoryDisplay(TRAINED).plot(panels=["scores"])


def test_missing_values_are_gaps():
    history = VALIDATED.assign(valid_loss=[float("nan")] * 2, valid_f1_macro=[float("nan"), 0.2])
    loss, scores = HistoryDisplay(history).plot().axes_
    assert len(drawn(loss)["validation"]) == 2
    assert drawn(scores)["macro-F1"][1] == 0.2
    loss.figure.canvas.draw()
