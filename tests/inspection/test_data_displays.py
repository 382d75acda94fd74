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
    FaceGridDisplay,
    IntensityDisplay,
)
from ferkit.metrics import FERReport


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
    display = ClassBalanceDisplay.from_labels(y, ax=ax)
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
    y_prob[wrong] = np.eye(7)[4]
    with pytest.raises(ValueError, match="got no mistake"):
        FaceGridDisplay.from_predictions(X, y, y_prob)
    with pytest.raises(ValueError, match=r"y_prob of shape \(70, 7\) for 1 labels"):
        FaceGridDisplay.from_predictions(X, y, y_prob, labels=[0])


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
    against = ComparisonDisplay.from_runs(runs, metric="accuracy", against="seconds")
    assert against.ax_.collections[0].get_offsets().tolist() == [[1.0, 0.5], [2.0, 0.5]]
    assert against.ax_.get_xlabel() == "seconds of training"
    with pytest.raises(ValueError, match="metric='f2', expected one of config"):
        ComparisonDisplay.from_runs(runs, metric="f2")
    with pytest.raises(ValueError, match="baseline='c', expected one of a, b"):
        ComparisonDisplay.from_runs(runs, baseline="c")
    with pytest.raises(ValueError, match="got no run with weights='best validation'"):
        ComparisonDisplay.from_runs(runs[:2], weights="best validation")
