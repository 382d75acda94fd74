"""Pictures of data and of scores, by what is drawn."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from ferkit import EMOTIONS
from ferkit.augment import Policy
from ferkit.datasets import make_faces
from ferkit.inspection import (
    EMOTION_COLORS,
    ClassBalanceDisplay,
    ClassMetricsDisplay,
    ComparisonDisplay,
    EmbeddingDisplay,
    FaceGridDisplay,
    IntensityDisplay,
)
from ferkit.metrics import FERReport
from ferkit.model_selection import summarize


@pytest.fixture(scope="module")
def faces():
    return make_faces(70, image_size=16, random_state=0, return_X_y=True)


def heights(container):
    return [bar.get_height() for bar in container]


def names_on(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def hex_colors(container):
    return [mpl.colors.to_hex(bar.get_facecolor(), keep_alpha=False).upper() for bar in container]


def test_balance_of_one_set():
    y = [0] * 3 + [1] + [3] * 5
    _, ax = plt.subplots()
    display = ClassBalanceDisplay.from_labels(y, target_names=EMOTIONS, ax=ax)
    assert display.ax_ is ax
    (bars,) = [c for c in ax.containers if isinstance(c, mpl.container.BarContainer)]
    assert heights(bars) == [3, 1, 0, 5, 0, 0, 0]
    assert names_on(ax.xaxis) == list(EMOTIONS)
    assert hex_colors(bars) == [EMOTION_COLORS[name].upper() for name in EMOTIONS]
    assert [text.get_text() for text in ax.texts] == ["3", "1", "0", "5", "0", "0", "0"]


def test_balance_of_several_sets():
    display = ClassBalanceDisplay.from_labels(
        {"before": ["no", "yes", "yes"], "after": ["no", "no", "yes", "yes", "maybe"]}
    )
    assert display.counts.loc["maybe"].tolist() == [0, 1]
    before, after = display.ax_.containers
    assert heights(before) == display.counts["before"].tolist()
    assert heights(after) == display.counts["after"].tolist()
    assert [text.get_text() for text in display.ax_.get_legend().texts] == ["before", "after"]
    assert not set(hex_colors(before)) & {color.upper() for color in EMOTION_COLORS.values()}


def test_samples_of_each_class(faces):
    X, y = faces
    display = FaceGridDisplay.from_images(X, y, n_per_class=4)
    assert display.axes_.shape == (7, 4)
    assert [ax.get_ylabel() for ax in display.axes_[:, 0]] == list(EMOTIONS)
    shown = display.axes_[2, 1].images[0].get_array()
    of_class = X[y == 2] / np.float32(255)
    assert (of_class == shown.data).all(axis=(1, 2)).sum() == 1
    again = FaceGridDisplay.from_images(X, y, n_per_class=4)
    np.testing.assert_array_equal(again.rows["fear"], display.rows["fear"])
    few = FaceGridDisplay.from_images(X[:1], y[:1], n_per_class=4)
    assert few.axes_.shape == (1, 1)


def test_changed_copies(faces):
    X, _ = faces
    flip = Policy(flip=1.0)
    display = FaceGridDisplay.from_policy(X[:2], flip, n_copies=2)
    assert display.axes_.shape == (2, 3)
    assert display.axes_[0, 0].get_title() == "as it is"
    np.testing.assert_array_equal(display.rows["1"][0], X[1, :, :, None] / np.float32(255))
    np.testing.assert_allclose(display.rows["1"][2], display.rows["1"][0][:, ::-1], atol=1e-6)


def test_worst_mistakes(faces):
    X, y = faces
    y_prob = np.full((70, 7), 0.1)
    y_prob[np.arange(70), y] = 0.4
    wrong = np.flatnonzero(y == 4)[:3]
    for position, other, sureness in zip(wrong, [0, 1, 2], [0.5, 0.9, 0.7], strict=True):
        y_prob[position] = (1 - sureness) / 6
        y_prob[position, other] = sureness
    display = FaceGridDisplay.from_predictions(X, y, y_prob, n_per_class=2)
    assert list(display.rows) == ["sad"]
    np.testing.assert_array_equal(display.rows["sad"][..., 0], X[wrong[[1, 2]]])
    assert [ax.get_title() for ax in display.axes_[0]] == ["disgust 0.90", "fear 0.70"]
    assert display.plot().figure_.get_supylabel() == "true class"
    y_prob[wrong] = np.eye(7)[4]
    with pytest.raises(ValueError, match="got no mistake"):
        FaceGridDisplay.from_predictions(X, y, y_prob)
    with pytest.raises(ValueError, match=r"got labels \[0\] for probabilities of 7 classes"):
        FaceGridDisplay.from_predictions(X, y, y_prob, labels=[0])
    y_prob[wrong] = np.eye(7)[0]
    other = np.where(y == 4, 9, y)  # a mistake of a class that is none of the columns'
    with pytest.raises(ValueError, match="expected one for each column, in order"):
        FaceGridDisplay.from_predictions(X, other, y_prob, labels=range(7))
    with pytest.raises(ValueError, match="pass strings where classes_ has strings"):
        FaceGridDisplay.from_predictions(X, np.array(EMOTIONS)[y], y_prob, labels=range(7))


def test_changed_colours_stay_in_range(faces, caplog):
    X = np.repeat(faces[0][:2, ..., None], 3, axis=3)
    display = FaceGridDisplay.from_policy(X, Policy(noise=0.5, brightness=0.5), n_copies=2)
    assert display.axes_[0, 1].images[0].get_array().max() == 1
    display.figure_.canvas.draw()
    assert "Clipping" not in caplog.text


def test_wrong_numbers_of_faces(faces):
    X, y = faces
    y_prob = np.eye(7)[(y + 1) % 7]
    with pytest.raises(ValueError, match="'n_per_class' parameter"):
        FaceGridDisplay.from_images(X, y, n_per_class=0)
    with pytest.raises(ValueError, match="'n_per_class' parameter"):
        FaceGridDisplay.from_predictions(X, y, y_prob, n_per_class=0)
    with pytest.raises(ValueError, match="'n_copies' parameter"):
        FaceGridDisplay.from_policy(X[:2], "strong", n_copies=0)
    with pytest.raises(ValueError, match="got policy=None, which changes nothing"):
        FaceGridDisplay.from_policy(X[:2], None)
    for mixing in (Policy(mixup=0.5), Policy(flip=0.5, cutmix=1.0)):
        with pytest.raises(ValueError, match="which mixes images, expected one that changes them"):
            FaceGridDisplay.from_policy(X[:2], mixing)


def test_images_one_pixel_high():
    X = np.zeros((4, 1, 6), dtype=np.uint8)
    drawn = FaceGridDisplay.from_images(X, [0, 0, 1, 1]).axes_[0, 0].images[0].get_array()
    assert drawn.shape == (1, 6)


@pytest.mark.parametrize("scale", [lambda X: X / 255 - 0.2, lambda X: 1.1 * X / 255])
def test_floats_that_are_none_of_brightness(faces, scale):
    X, y = faces
    for make in (
        FaceGridDisplay.from_images,
        FaceGridDisplay.from_means,
        IntensityDisplay.from_images,
        EmbeddingDisplay.from_images,
    ):
        with pytest.raises(ValueError, match=r"expected floats in \[0, 1\]; pass levels as"):
            make(scale(X), y)


def test_sets_of_labels_that_do_not_go_together():
    with pytest.raises(ValueError, match="got no sets of labels"):
        ClassBalanceDisplay.from_labels({})
    with pytest.raises(
        ValueError, match=r"got labels of the kinds number in 'a' and str in 'b', expected one"
    ):
        ClassBalanceDisplay.from_labels({"a": [0, 1], "b": ["sad"]})
    with pytest.raises(ValueError, match="got labels of the kinds bool in 'a' and number in 'b'"):
        ClassBalanceDisplay.from_labels({"a": [True, False], "b": [0, 1]})
    counts = ClassBalanceDisplay.from_labels({"a": [0, 1], "b": [0, 9]}).counts
    assert counts.index.tolist() == [0, 1, 9]
    assert counts.to_numpy().tolist() == [[1, 1], [1, 0], [0, 1]]


def test_numbers_as_classes(faces):
    X, _ = faces
    y = np.repeat([10, 20], 35)
    assert list(FaceGridDisplay.from_images(X, y).rows) == ["10", "20"]
    report = FERReport.from_predictions(y, y)
    assert names_on(ClassMetricsDisplay.from_reports(report).ax_.xaxis) == ["10", "20"]


def test_colour_faces():
    X = np.zeros((3, 16, 16, 3), dtype=np.uint8)
    X[0, ..., 0] = 255
    display = FaceGridDisplay.from_images(X, ["a", "a", "b"])
    assert display.axes_[1, 0].images[0].get_array().shape == (16, 16, 3)


def test_scores_of_each_class():
    rng = np.random.default_rng(0)
    y, y_pred = rng.integers(7, size=(2, 200))
    y_pred[:100] = y[:100]
    report = FERReport.from_predictions(y, y_pred)
    display = ClassMetricsDisplay.from_reports(report)
    bars, intervals = display.ax_.containers
    table = report.classes
    if not hasattr(bars, "patches"):
        bars, intervals = intervals, bars
    assert heights(bars) == table["f1"].tolist()
    ends = np.array([path.vertices[:, 1] for path in intervals.lines[2][0].get_paths()])
    np.testing.assert_allclose(ends, table[["f1_low", "f1_high"]])
    assert hex_colors(bars) == [EMOTION_COLORS[name].upper() for name in EMOTIONS]

    other = FERReport.from_predictions(y, y)
    two = ClassMetricsDisplay.from_reports({"one": report, "best": other}, metric="recall")
    assert [heights(c) for c in two.ax_.containers] == [table["recall"].tolist(), [1.0] * 7]
    with pytest.raises(ValueError, match=r"got reports of the classes \['angry'"):
        ClassMetricsDisplay.from_reports({"a": report, "b": FERReport.from_predictions([0], [0])})
    for nothing in ({}, {"a": None}):
        with pytest.raises(ValueError, match="expected a FERReport, or some by the models' names"):
            ClassMetricsDisplay.from_reports(nothing)
    with pytest.raises(ValueError, match="'metric' parameter"):
        ClassMetricsDisplay.from_reports(report, metric="auc")


def test_means_and_brightness(faces):
    X, y = faces
    display = FaceGridDisplay.from_means(X, y)
    assert [ax.get_title() for ax in display.axes_[0]] == list(EMOTIONS)
    np.testing.assert_allclose(
        display.rows["mean"][3, :, :, 0], X[y == 3].mean(axis=0) / 255, atol=1e-6
    )
    levels = IntensityDisplay.from_images(X, y)
    line = levels.ax_.lines[3]
    assert line.get_label() == "happy"
    counts, _ = np.histogram(X[y == 3], bins=64, range=(0, 256))
    np.testing.assert_allclose(line.get_ydata(), counts / counts.sum() * 64)
    floats = IntensityDisplay.from_images(np.array([[[0.0, 1.0]]], dtype=np.float32), ["a"])
    assert floats.densities["a"][[0, -1]].tolist() == [32, 32]


def test_comparison():
    runs = pd.DataFrame(
        {
            "config": ["a", "a", "b", "b"],
            "weights": ["last epoch", "last epoch", "last epoch", "best validation"],
            "f1_macro": [0.4, 0.6, 0.3, 0.9],
            "accuracy": [0.5, 0.5, 0.4, 0.9],
            "n_parameters": [10, 10, 20, 20],
            "seconds": [1.0, 2.0, 3.0, 3.0],
        }
    )
    display = ComparisonDisplay.from_runs(runs, baseline="b")
    bars = [container[0].get_width() for container in display.ax_.containers]
    assert bars == [0.5, 0.3]
    assert display.ax_.lines[-1].get_xdata()[0] == 0.3
    points = [c.get_offsets()[:, 0].tolist() for c in display.ax_.collections]
    assert points == [[0.4, 0.6], [0.3]]
    of_emotions = runs.assign(**{f"f1_{number}": 0.5 for number in range(7)})
    label = ComparisonDisplay.from_runs(of_emotions, metric="f1_1").ax_.get_xlabel()
    assert label == "F1 of disgust"
    against = ComparisonDisplay.from_runs(runs, metric="accuracy", against="seconds")
    assert against.ax_.get_xlim()[1] > runs["seconds"].max()
    assert against.ax_.collections[0].get_offsets().tolist() == [[1.0, 0.5], [2.0, 0.5]]
    assert against.ax_.get_xlabel() == "seconds of training"
    with pytest.raises(ValueError, match="metric='f2', expected one of f1_macro, acc"):
        ComparisonDisplay.from_runs(runs, metric="f2")
    with pytest.raises(ValueError, match="metric='config', expected one of f1_macro, accuracy"):
        ComparisonDisplay.from_runs(runs, metric="config")
    with pytest.raises(ValueError, match="without columns config and weights"):
        ComparisonDisplay.from_runs(summarize(runs))
    with pytest.raises(ValueError, match="got no runs"):
        ComparisonDisplay.from_runs(runs[:0])
    with pytest.raises(ValueError, match="baseline='c', expected one of a, b"):
        ComparisonDisplay.from_runs(runs, baseline="c")
    with pytest.raises(ValueError, match="got no run with weights='best validation'"):
        ComparisonDisplay.from_runs(runs[:2], weights="best validation")


def test_many_configurations_leave_room_for_the_points():
    runs = pd.DataFrame({"config": [f"c{i}" for i in range(30)], "weights": "last epoch"})
    runs = runs.assign(f1_macro=np.linspace(0, 1, 30), seconds=1.0)
    display = ComparisonDisplay.from_runs(runs, against="seconds")
    display.figure_.canvas.draw()
    axes, legend = display.ax_.get_window_extent(), display.ax_.get_legend().get_window_extent()
    assert legend.x0 >= axes.x1
    assert legend.y0 > 0
    assert axes.width > 150
