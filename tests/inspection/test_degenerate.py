"""Displays of data that has little in it: a clear picture or a clear error, never a warning."""

import numpy as np
import pandas as pd
import pytest

from ferkit import EMOTIONS, ResNetFER
from ferkit.datasets import make_faces
from ferkit.inspection import (
    EMOTION_COLORS,
    ClassBalanceDisplay,
    ClassMetricsDisplay,
    ComparisonDisplay,
    EmbeddingDisplay,
    FaceGridDisplay,
    HistoryDisplay,
    IntensityDisplay,
    SaliencyDisplay,
    write_page,
)
from ferkit.metrics import FERReport
from tests.helpers import LinearFER

OF_IMAGES = {
    "samples": FaceGridDisplay.from_images,
    "means": FaceGridDisplay.from_means,
    "brightness": IntensityDisplay.from_images,
    "pca": lambda X, y: EmbeddingDisplay.from_images(X, y, method="pca"),
    "tsne": EmbeddingDisplay.from_images,
}


@pytest.fixture(scope="module")
def faces():
    return make_faces(70, image_size=16, random_state=0, return_X_y=True)


@pytest.fixture(scope="module")
def named():
    X, y = make_faces(70, image_size=16, random_state=0, return_X_y=True)
    names = np.array(EMOTIONS)[y]
    clf = ResNetFER(max_epochs=1, random_state=0)
    return clf.fit(X, names, X_val=X, y_val=names), X, names


def draw(display):
    display.figure_.canvas.draw()
    return display


def shown_classes(display):
    """Classes that a display names, in its order: of its rows, its titles or its legend."""
    if isinstance(display, FaceGridDisplay):
        return (display.titles or {}).get("mean", list(display.rows))
    return [text.get_text() for text in display.ax_.get_legend().texts]


@pytest.mark.parametrize("make", OF_IMAGES.values(), ids=OF_IMAGES)
def test_one_class(faces, make):
    X, _ = faces
    assert shown_classes(draw(make(X, np.full(70, 2)))) == ["2"]


@pytest.mark.parametrize("make", OF_IMAGES.values(), ids=OF_IMAGES)
def test_names_come_in_the_order_of_emotions(named, make):
    _, X, names = named
    assert shown_classes(draw(make(X, names))) == list(EMOTIONS)


@pytest.mark.parametrize("make", OF_IMAGES.values(), ids=OF_IMAGES)
def test_other_names(faces, make):
    X, y = faces
    assert shown_classes(draw(make(X, np.where(y > 3, "awake", "asleep")))) == ["asleep", "awake"]
    assert shown_classes(draw(make(X, y > 3))) == ["False", "True"]


STRANGE = ["_unknown_", "a$b", r"cost $\frac{$ of it"]  # "_" hides, "$" begins a formula


@pytest.mark.parametrize("make", OF_IMAGES.values(), ids=OF_IMAGES)
def test_names_that_matplotlib_would_read_otherwise(faces, make):
    X, y = faces
    shown = shown_classes(draw(make(X, np.array(STRANGE)[y % 3])))
    assert [name.replace(r"\$", "$") for name in shown] == sorted(STRANGE)


@pytest.mark.parametrize("kind", ["samples", "means", "brightness"])
def test_two_images_of_two_classes(faces, kind):
    X, _ = faces
    assert shown_classes(draw(OF_IMAGES[kind](X[:2], [5, 0]))) == ["0", "5"]


@pytest.mark.parametrize("make", OF_IMAGES.values(), ids=OF_IMAGES)
def test_what_cannot_be_shown(faces, make):
    X, y = faces
    with pytest.raises(ValueError, match="got label nan in sample 1, expected a class"):
        make(X, np.where(np.arange(70) == 1, np.nan, y))
    with pytest.raises(ValueError, match=r"got (no|0) images|0 sample\(s\)"):
        make(X[:0], y[:0])


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([1, 2, 3], "Expected 2D array, got 1D array"),
        (np.ones((3, 16), complex), "Complex data not supported"),
        ([["a"] * 16] * 3, "got X of dtype <U1, expected uint8 levels or floats"),
    ],
)
def test_what_is_no_image(X, message):
    with pytest.raises(ValueError, match=message):
        FaceGridDisplay.from_images(X, [0, 1, 2])


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_images_that_are_all_the_same(faces, method):
    with pytest.raises(ValueError, match="got 70 images whose embeddings are all equal"):
        EmbeddingDisplay.from_images(np.zeros((70, 16, 16), np.uint8), faces[1], method=method)


def test_balance():
    assert draw(ClassBalanceDisplay.from_labels([3])).counts.iloc[:, 0].tolist() == [1]
    with pytest.raises(ValueError, match="got label nan"):
        ClassBalanceDisplay.from_labels([0.0, np.nan])


def test_a_class_that_is_never_predicted():
    y = np.repeat(np.arange(7), 3)
    report = FERReport.from_predictions(y, np.zeros(21, dtype=int))
    bars, _ = draw(ClassMetricsDisplay.from_reports(report)).ax_.containers
    bars = bars if hasattr(bars, "patches") else _
    assert [bar.get_height() for bar in bars] == report.classes["f1"].tolist() == [0.25] + [0] * 6


def test_predictions_that_are_none(faces):
    X, y = faces
    with pytest.raises(ValueError, match="y_prob contains NaN"):
        FaceGridDisplay.from_predictions(X, y, np.full((70, 7), np.nan))


@pytest.mark.parametrize("gap", [np.nan, np.inf])
def test_gaps_in_a_history(named, gap):
    history = pd.concat([named[0].history_] * 4, ignore_index=True)
    history["epoch"] = range(1, 5)
    history.loc[1:2, ["train_loss", "valid_loss", "valid_f1_macro", "valid_f1_sad"]] = gap
    panels = ["loss", "scores", "classes", "lr"]
    display = draw(HistoryDisplay(history, best_epoch=2).plot(panels=panels))
    for ax in display.axes_:
        assert ax.get_xlim()[0] < 1
        assert ax.get_xlim()[1] > 4
    legend = [text.get_text() for text in display.axes_[2].get_legend().texts]
    assert legend == list(EMOTIONS)
    sad = display.axes_[2].lines[EMOTIONS.index("sad")]
    assert sad.get_color() == EMOTION_COLORS["sad"]
    history["train_loss"] = history["valid_loss"] = gap
    draw(HistoryDisplay(history, best_epoch=2).plot())


def test_a_history_of_one_epoch(named):
    display = draw(HistoryDisplay.from_estimator(named[0]))
    assert [tick for tick in display.axes_[0].get_xticks() if tick != round(tick)] == []


def legend_of(ax):
    return [text.get_text().replace(r"\$", "$") for text in ax.get_legend().texts]


def test_names_of_several_that_matplotlib_would_read_otherwise(faces):
    X, y = faces
    names = np.array(STRANGE)[y % 3]
    clf = LinearFER(max_epochs=1, random_state=0).fit(X, names, X_val=X, y_val=names)
    balance = draw(ClassBalanceDisplay.from_labels(dict.fromkeys(STRANGE, names)))
    assert legend_of(balance.ax_) == STRANGE
    classes = draw(HistoryDisplay.from_estimator(clf, panels=["classes"]))
    assert legend_of(classes.axes_[0]) == [*sorted(STRANGE), "kept epoch"]
    several = draw(HistoryDisplay.from_estimator(dict.fromkeys(STRANGE, clf)))
    assert legend_of(several.axes_[1]) == STRANGE
    runs = pd.DataFrame(
        {"config": STRANGE, "weights": "last epoch", "f1_macro": [0.1, 0.2, 0.3], "seconds": 1.0}
    )
    draw(ComparisonDisplay.from_runs(runs))
    assert legend_of(draw(ComparisonDisplay.from_runs(runs, against="seconds")).ax_) == STRANGE


def test_a_comparison_without_a_score():
    runs = pd.DataFrame(
        {"config": ["a"], "weights": "last epoch", "f1_macro": [np.nan], "seconds": [1.0]}
    )
    draw(ComparisonDisplay.from_runs(runs))
    draw(ComparisonDisplay.from_runs(runs, against="seconds"))
    with pytest.raises(ValueError, match="got against='milliseconds', expected one of"):
        ComparisonDisplay.from_runs(runs, against="milliseconds")


def test_saliency_of_named_classes(named):
    clf, X, names = named
    display = SaliencyDisplay.from_estimator(clf, X, names, average=True)
    assert display.titles == list(EMOTIONS)
    one = SaliencyDisplay.from_estimator(clf, X[:1], names[:1])
    assert one.titles == [names[0]]


@pytest.mark.parametrize("n", [1, 2])
def test_a_page_about_few_images(named, tmp_path, n):
    clf, X, names = named
    write_page(tmp_path / "page.html", clf, X[:n], names[:n])
    assert (tmp_path / "page.html").stat().st_size > 10_000


def test_a_page_about_images_that_were_trained_on(named, tmp_path):
    clf, X, names = named
    write_page(tmp_path / "page.html", clf, X, names, X_train=X, y_train=names)
    assert "without copies" in (tmp_path / "page.html").read_text()
