"""Reports of scores."""

import json
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from scipy.stats import bootstrap
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import RidgeClassifier
from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from ferkit import EMOTIONS, ResNetFER
from ferkit.datasets import make_faces
from ferkit.deploy import OnnxFER, export_onnx
from ferkit.deploy._runtime import run
from ferkit.metrics import FERReport, expected_calibration_error, fer_report
from tests.helpers import LinearFER


def draw(n=300, n_classes=7, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(n_classes, size=n)
    y_prob = rng.dirichlet(np.ones(n_classes), size=n)
    y_prob[np.arange(n), y] += 0.3
    return y, y_prob / y_prob.sum(axis=1, keepdims=True)


def test_scores_are_scikit_learns():
    y, y_prob = draw()
    y_pred = y_prob.argmax(axis=1)
    report = FERReport.from_predictions(y, y_prob=y_prob)
    value = report.scores.loc["all", "value"]
    assert value["accuracy"] == accuracy_score(y, y_pred)
    assert value["f1_macro"] == pytest.approx(f1_score(y, y_pred, average="macro"))
    assert value["calibration_error"] == pytest.approx(expected_calibration_error(y, y_prob))
    assert report.classes.index.tolist() == list(EMOTIONS)
    by_class = precision_recall_fscore_support(y, y_pred)
    table = report.classes[["precision", "recall", "f1", "support"]]
    np.testing.assert_allclose(table.to_numpy().T, by_class)
    assert report.confusion.to_numpy().sum() == 300
    assert report.confusion.loc["fear"].sum() == (y == 2).sum()


def test_of_equal_probabilities_all_scores_take_the_first():
    rng = np.random.default_rng(0)
    labels = np.sort(EMOTIONS)  # as in `classes_`, and not as in the report
    y = rng.choice(labels, 200)
    votes = rng.multinomial(2, np.ones(7) / 7, size=200) / 2
    report = FERReport.from_predictions(y, y_prob=votes, labels=labels)
    value = report.scores.loc["all", "value"]
    assert value["accuracy"] == accuracy_score(y, labels[votes.argmax(axis=1)])
    error = expected_calibration_error(y, votes, labels=labels)
    assert value["calibration_error"] == pytest.approx(error)


def test_all_columns_of_many_classes_are_printed():
    labels = np.array([f"a class with a long name {i}" for i in range(12)])
    table = str(FERReport.from_predictions(labels, y_pred=labels)).rpartition("\n\n")[2]
    assert all(label in table.splitlines()[1] for label in labels)


def test_integers_that_pandas_made_floats_of_are_the_emotions():
    y = np.arange(7.0)
    assert FERReport.from_predictions(y, y_pred=y).classes.index.tolist() == list(EMOTIONS)
    y = np.array([0.0, 1.0])
    assert FERReport.from_predictions(y, y_pred=y).classes.index.tolist() == [0.0, 1.0]
    report = FERReport.from_predictions(y, y_pred=y, target_names=["sad", "glad"])
    assert report.classes.index.tolist() == ["sad", "glad"]


def test_intervals_are_the_bootstraps():
    y, y_prob = draw(1000)
    y_pred = y_prob.argmax(axis=1)
    report = FERReport.from_predictions(y, y_prob=y_prob, n_resamples=4000)

    def f1_macro(y, y_pred):
        return f1_score(y, y_pred, average="macro")

    rng = np.random.default_rng(1)
    settings = {"paired": True, "vectorized": False, "method": "percentile", "rng": rng}
    for name, metric in {"accuracy": accuracy_score, "f1_macro": f1_macro}.items():
        by_scipy = bootstrap((y, y_pred), metric, n_resamples=1000, **settings)
        ours = report.scores.loc["all", name]
        # of 4000 and 1000 resamples, both uncertain by some hundredths of their width
        width = ours["high"] - ours["low"]
        assert ours["low"] == pytest.approx(by_scipy.confidence_interval.low, abs=0.1 * width)
        assert ours["high"] == pytest.approx(by_scipy.confidence_interval.high, abs=0.1 * width)
    for label in (1, 3):

        def f1(y, y_pred, label=label):
            of_class, predicted = y == label, y_pred == label
            return 2 * (of_class & predicted).sum() / (of_class.sum() + predicted.sum())

        by_scipy = bootstrap((y, y_pred), f1, n_resamples=1000, **settings)
        ours = report.classes.iloc[label]
        width = ours["f1_high"] - ours["f1_low"]
        assert ours["f1_low"] == pytest.approx(by_scipy.confidence_interval.low, abs=0.1 * width)
        assert ours["f1_high"] == pytest.approx(by_scipy.confidence_interval.high, abs=0.1 * width)
    wider = FERReport.from_predictions(y, y_prob=y_prob, confidence_level=0.999)
    assert (wider.scores["low"] < report.scores["low"]).all()


def calibrated(rng, n, sharpness=1.0):
    """Draw labels as often as their probabilities say, and sharpen the probabilities."""
    z = 1.8 * rng.normal(size=(n, 7))
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    y = (p.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    p = p**sharpness
    return y, p / p.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(("sharpness", "error"), [(1.0, 0.0), (1.3, 0.0785)])
def test_the_interval_of_the_calibration_error_covers_it(sharpness, error):
    # `error` is that of a million images
    rng, n_covered, n_draws = np.random.default_rng(0), 0, 60
    for _ in range(n_draws):
        y, y_prob = calibrated(rng, 400, sharpness)
        report = FERReport.from_predictions(
            y, y_prob=y_prob, labels=range(7), n_resamples=200, confidence_level=0.9
        )
        row = report.scores.loc[("all", "calibration_error")]
        assert row["low"] <= row["value"] <= row["high"]
        n_covered += row["low"] <= error <= row["high"]
    assert 0.83 * n_draws <= n_covered


@pytest.mark.parametrize("confidences", [[0.25], [0.4, 0.6, 0.8]])
def test_the_interval_of_a_small_calibration_error_covers_it(confidences):
    # by chance, some of these values are close to 0
    rng, n_covered, n_draws, error = np.random.default_rng(0), 0, 100, 0.03
    for _ in range(n_draws):
        confidence = rng.choice(confidences, 140)
        y_prob = np.repeat((1 - confidence[:, None]) / 6, 7, axis=1)
        y_prob[:, 3] = confidence
        y = np.where(rng.random(140) < confidence + error, 3, 0)
        report = FERReport.from_predictions(y, y_prob=y_prob, labels=range(7), n_resamples=200)
        row = report.scores.loc[("all", "calibration_error")]
        n_covered += row["low"] <= error <= row["high"]
    assert 0.92 * n_draws <= n_covered


def test_groups_are_resampled_together():
    y, y_prob = draw(200)
    alone = FERReport.from_predictions(y, y_prob=y_prob)
    groups = np.tile(np.arange(200), 9)  # each image nine times, as in a film
    nine = np.tile(y, 9), np.tile(y_prob, (9, 1))
    together = FERReport.from_predictions(nine[0], y_prob=nine[1], groups=groups)
    apart = FERReport.from_predictions(nine[0], y_prob=nine[1])

    def width(report):
        row = report.scores.loc[("all", "accuracy")]
        return row["high"] - row["low"]

    assert width(together) == width(alone)
    assert width(apart) < 0.5 * width(alone)


@pytest.mark.parametrize("missing", [np.nan, None])
def test_missing_groups_are_refused(missing):
    y, _ = draw(4)
    with pytest.raises(ValueError, match=r"got a missing group, .* in sample 2, expected one"):
        FERReport.from_predictions(y, y, groups=[0, 0, missing, missing])


def test_without_copies_of_training_images():
    X, y = make_faces(280, random_state=0, return_X_y=True)
    clf = ResNetFER(max_epochs=2, random_state=0).fit(X[:140], y[:140])
    X_test, y_test = X[130:], y[130:]  # ten of them were trained on
    report = fer_report(clf, X_test, y_test, X_train=X[:140])
    assert report.scores["n_images"].unstack().loc["without copies", "accuracy"] == 140
    predicted = clf.predict(X[140:])
    value = report.scores.loc["without copies", "value"]
    assert value["accuracy"] == accuracy_score(y[140:], predicted)
    assert report.scores.loc[("all", "accuracy"), "value"] == clf.score(X_test, y_test)
    assert "without copies" not in fer_report(clf, X_test, y_test).scores.index


def test_settings_of_the_intervals_are_passed_on():
    X, y = make_faces(70, image_size=16, random_state=0, return_X_y=True)
    clf = LinearFER(max_epochs=1, random_state=0).fit(X, y)
    settings = {"groups": np.arange(70) // 2, "confidence_level": 0.8, "n_resamples": 50}
    settings |= {"random_state": 3, "target_names": list("abcdefg")}
    ours = fer_report(clf, X, y, **settings)
    expected = FERReport.from_predictions(y, y_prob=clf.predict_proba(X), **settings)
    assert_frame_equal(ours.scores, expected.scores)
    assert_frame_equal(ours.classes, expected.classes)


def test_other_classifiers_and_string_labels():
    X, y = make_faces(70, image_size=16, random_state=0, return_X_y=True)
    names = np.array(["no", "yes"])[(y > 3).astype(int)]
    clf = RidgeClassifier().fit(X.reshape(70, -1), names)
    report = fer_report(clf, X.reshape(70, -1), names)
    assert report.classes.index.tolist() == ["no", "yes"]
    assert report.scores.index.get_level_values("score").tolist() == ["accuracy", "f1_macro"]


class Counting(ResNetFER):
    """Counts how often its network runs."""

    def _outputs(self, X, method="forward"):
        self.n_runs = getattr(self, "n_runs", 0) + 1
        return super()._outputs(X, method)


def test_the_network_runs_once():
    X, y = make_faces(70, image_size=16, random_state=0, return_X_y=True)
    clf = Counting(max_epochs=1, random_state=0).fit(X, y)
    report = fer_report(clf, X, y)
    assert clf.n_runs == 1
    assert report.scores.loc[("all", "accuracy"), "value"] == clf.score(X, y)
    piped = make_pipeline(FunctionTransformer(), clf)
    fer_report(piped, X, y)
    assert clf.n_runs == 3  # one of them was the score
    fer_report(FrozenEstimator(piped), X, y)
    assert clf.n_runs == 4


def test_an_onnx_file_runs_once(tmp_path):
    X, y = make_faces(70, image_size=16, random_state=0, return_X_y=True)
    clf = LinearFER(max_epochs=1, random_state=0).fit(X, y)
    export_onnx(clf, tmp_path / "faces.onnx")
    by_file = OnnxFER(tmp_path / "faces.onnx")
    with mock.patch("ferkit.deploy._onnx_fer.run", wraps=run) as counted:
        report = fer_report(by_file, X, y)
    assert counted.call_count == 1
    assert report.scores.loc[("all", "accuracy"), "value"] == by_file.score(X, y)


def test_predictions_of_ones_own_threshold_are_asked_for():
    X, y = make_faces(70, image_size=16, random_state=0, return_X_y=True)
    rows, y = X.reshape(70, -1), (y > 2).astype(int)  # of which most are 1
    never = FixedThresholdClassifier(DummyClassifier(strategy="prior"), threshold=0.99).fit(rows, y)
    for clf in (never, FrozenEstimator(never)):
        report = fer_report(clf, rows, y, target_names=["no", "yes"])
        assert report.scores.loc[("all", "accuracy"), "value"] == (y == never.predict(rows)).mean()


@pytest.mark.parametrize("shape", [(70, 16, 16), (70, 256)])
def test_rows_and_images_are_the_same_to_copies(shape):
    X, y = make_faces(70, image_size=16, random_state=0, return_X_y=True)
    clf = LinearFER(max_epochs=1, random_state=0).fit(X, y)
    other = X.reshape(70, 256) if len(shape) == 3 else X
    for train in (other[:30], other[:30] / 255):
        scores = fer_report(clf, X.reshape(shape), y, X_train=train).scores
        assert scores.loc[("without copies", "accuracy"), "n_images"] == 40
    with pytest.raises(ValueError, match="got X of 256 values per image and X_train of 64"):
        fer_report(clf, X, y, X_train=X[:, ::2, ::2])


def test_labels_of_another_kind_than_the_estimators():
    X, y = make_faces(14, image_size=16, random_state=0, return_X_y=True)
    clf = LinearFER(max_epochs=1, random_state=0).fit(X, y)
    with pytest.raises(ValueError, match="pass strings where classes_ has strings"):
        fer_report(clf, X, np.array(EMOTIONS)[y])
    with pytest.raises(ValueError, match="pass strings where classes_ has strings"):
        fer_report(clf, X, y.astype(str))


def test_labels_stay_what_they_are():
    report = FERReport.from_predictions([10, 20], [10, 10])
    assert report.classes.index.tolist() == report.confusion.columns.tolist() == [10, 20]
    assert report.classes.loc[10, "recall"] == 1
    assert "10" in json.loads(report.to_json())["confusion"]


def test_a_class_that_is_nowhere_and_one_never_predicted():
    report = FERReport.from_predictions([0, 0, 2], [0, 0, 0], labels=[0, 1, 2])
    assert report.scores.loc[("all", "f1_macro"), "value"] == pytest.approx(0.8 / 2)
    assert report.classes.loc[1].isna().tolist() == [False] * 3 + [True, True, False]
    assert report.classes["f1"].tolist() == [0.8, 0.0, 0.0]
    single = FERReport.from_predictions([3], [3])
    assert single.scores.loc[("all", "accuracy"), ["value", "low", "high"]].tolist() == [1, 1, 1]


def test_text_html_and_json():
    y, y_prob = draw(100)
    report = FERReport.from_predictions(y, y_prob=y_prob, is_copy=np.arange(100) < 30)
    text = str(report)
    assert "without copies" in text
    assert f"{report.classes.loc['sad', 'f1']:.3f}" in text
    assert "surprise" in report._repr_html_()
    stored = json.loads(report.to_json())
    accuracy = stored["scores"]["without copies"]["accuracy"]
    assert str(accuracy["n_images"]) == "70"
    assert accuracy["value"] == pytest.approx((y == y_prob.argmax(axis=1))[30:].mean())
    assert stored["confusion"]["happy"]["happy"] == report.confusion.loc["happy", "happy"]
    assert stored["classes"]["happy"]["support"] == (y == 3).sum()
    narrow = FERReport.from_predictions(y, y_prob=y_prob, confidence_level=0.995)
    assert "the 99.5% interval" in str(narrow)
    assert "with 99.5% intervals" in narrow._repr_html_()


@given(st.integers(1, 40), st.integers(2, 5), st.integers(0, 99))
def test_values_lie_between_zero_and_one(n, n_classes, seed):
    y, y_prob = draw(n, n_classes, seed)
    labels = np.arange(n_classes)
    report = FERReport.from_predictions(y, y_prob=y_prob, labels=labels, n_resamples=50)
    scores = report.scores[["value", "low", "high"]]
    assert scores.min(axis=None) >= 0
    assert scores.max(axis=None) <= 1
    assert (scores["low"] <= scores["high"]).all()


def test_nothing_but_copies():
    for flags in (["False", "True"], [1, 5]):
        with pytest.raises(ValueError, match=r"got is_copy with (5|'False'), expected True or"):
            FERReport.from_predictions([0, 1], [0, 1], is_copy=flags)
    proba = np.eye(2)
    report = FERReport.from_predictions([0, 1], [0, 1], y_prob=proba, is_copy=[1, 1])
    without = report.scores.loc["without copies"]
    assert without.index.tolist() == report.scores.loc["all"].index.tolist()
    assert without["n_images"].tolist() == [0] * len(without)
    assert without[["value", "low", "high"]].isna().all(axis=None)
    assert report.scores.loc[("all", "accuracy"), "value"] == 1
    assert json.loads(report.to_json())


def test_emotions_come_in_their_order():
    names = ["sad", "angry", "neutral", "happy"]  # the columns of y_prob, in none
    y_prob = np.eye(4)
    report = FERReport.from_predictions(names, y_prob=y_prob, labels=names)
    expected = ["angry", "happy", "sad", "neutral"]
    assert report.classes.index.tolist() == report.confusion.columns.tolist() == expected
    assert report.confusion.to_numpy().tolist() == np.eye(4, dtype=int).tolist()
    assert report.scores.loc[("all", "calibration_error"), "value"] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"y_true": [], "y_pred": []}, "got no labels"),
        ({"y_true": [0, 1]}, "neither y_pred nor y_prob"),
        ({"y_true": [0, 1], "y_pred": [0]}, "inconsistent numbers of samples"),
        ({"y_true": [0, 1], "y_pred": [0, 2], "labels": [0, 1]}, r"expected all that occur, \["),
        ({"y_true": [0, 9], "y_pred": [0, 0], "target_names": ["a"]}, "positions in target_names"),
        ({"y_true": [0, np.nan], "y_pred": [0, 0]}, "got label nan in sample 1"),
        ({"y_true": [0, 1], "y_pred": ["0", "1"]}, "pass strings where classes_ has strings"),
        ({"y_true": [0, 1], "y_pred": [0, 1], "labels": [0, 1, 0]}, "expected each once"),
        ({"y_true": [0, 1], "y_prob": np.eye(3)[:2], "labels": [0, 1, 0]}, "one for each column"),
        ({"y_true": [0, 1], "y_pred": [0, 1], "target_names": ["a", "a"]}, "name each class once"),
        ({"y_true": [0, 1], "y_pred": [0, 1], "confidence_level": 95}, "'confidence_level' param"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        FERReport.from_predictions(**arguments)


class Cautious(ResNetFER):
    """Says "no" if it is not sure."""

    def predict(self, X):
        return self.classes_[(self.predict_proba(X)[:, 1] > 0.999).astype(int)]


class Hopeful(OnnxFER):
    """Says "yes" whenever it could be."""

    def predict(self, X):
        return self.classes_[(self.predict_proba(X)[:, 1] > 0.001).astype(int)]


class Delegating:
    """Hands everything on, by __getattr__."""

    def __init__(self, clf):
        self.clf = clf

    def __getattr__(self, name):
        return getattr(self.clf, name)


class Inverted(Delegating):
    """Hands all but predict on."""

    @property
    def predict(self):
        return lambda X: self.classes_[1 - np.searchsorted(self.classes_, self.clf.predict(X))]


def inverted(clf, X):
    return clf.classes_[1 - np.searchsorted(clf.classes_, clf.predict(X))]


class InvertedPipeline(Pipeline):
    """Predicts otherwise than its last step."""

    def predict(self, X, **params):
        return inverted(self.steps[-1][1], X)


class InvertedSearch(GridSearchCV):
    """Predicts otherwise than its best estimator."""

    def predict(self, X):
        return inverted(self.best_estimator_, X)


class Best:
    """Has a best_estimator_, as searches do."""

    def __init__(self, clf):
        self.best_estimator_, self.classes_ = clf, clf.classes_

    def predict_proba(self, X):
        return self.best_estimator_.predict_proba(X)

    def predict(self, X):
        return inverted(self.best_estimator_, X)


def test_predictions_of_a_container_are_its_own():
    X, y = make_faces(70, image_size=16, random_state=0, return_X_y=True)
    clf = ResNetFER(max_epochs=1, random_state=0)
    piped = InvertedPipeline([("clf", clf)]).fit(X, y > 2)
    search = InvertedSearch(clf, {"lr": [1e-3]}, cv=2).fit(X, y > 2)
    own = ResNetFER(max_epochs=1, random_state=0).fit(X, y > 2)
    best = Best(clone(own).fit(X, y > 2))
    own.predict = lambda X: inverted(best.best_estimator_, X)
    for each in (piped, search, best, FrozenEstimator(piped), own):
        value = fer_report(each, X, y > 2).scores.loc[("all", "accuracy"), "value"]
        assert value == accuracy_score(y > 2, each.predict(X))


def test_predictions_of_a_wrapper_are_its_own():
    X, y = make_faces(70, image_size=16, random_state=0, return_X_y=True)
    clf = Cautious(max_epochs=1, random_state=0).fit(X, y > 2)
    plain = ResNetFER(max_epochs=1, random_state=0).fit(X, y > 2)
    piped = make_pipeline(FunctionTransformer(), plain)
    for each in (Delegating(clf), Inverted(clf), Inverted(plain), Inverted(piped)):
        value = fer_report(each, X, y > 2).scores.loc[("all", "accuracy"), "value"]
        assert value == accuracy_score(y > 2, each.predict(X))


def test_predictions_of_a_subclass_are_its_own(tmp_path):
    X, y = make_faces(70, image_size=16, random_state=0, return_X_y=True)
    clf = Cautious(max_epochs=1, random_state=0).fit(X, y > 2)
    assert (clf.predict(X) != clf.classes_[clf.predict_proba(X).argmax(axis=1)]).any()
    export_onnx(ResNetFER(max_epochs=1, random_state=0).fit(X, y > 2), tmp_path / "clf.onnx")
    for each in (clf, Hopeful(tmp_path / "clf.onnx")):
        value = fer_report(each, X, y > 2).scores.loc[("all", "accuracy"), "value"]
        assert value == each.score(X, y > 2)
