"""Choices on validation data after a fit."""

import copy

import numpy as np
import pytest
from sklearn.metrics import f1_score, log_loss
from sklearn.pipeline import make_pipeline

from ferkit import ResNetFER
from ferkit.datasets import make_faces
from ferkit.metrics import expected_calibration_error
from ferkit.model_selection import tune_prediction

COUNTS = [40, 4, 20, 60, 30, 15, 40]


@pytest.fixture(scope="module")
def faces():
    return make_faces(
        420, class_weights=COUNTS, image_size=24, random_state=0, return_X_y=True
    ), make_faces(420, class_weights=COUNTS, image_size=24, random_state=1, return_X_y=True)


@pytest.fixture(scope="module")
def trained(faces):
    return ResNetFER(max_epochs=12, random_state=0).fit(*faces[0])


@pytest.fixture
def fitted(trained):
    return copy.copy(trained)  # its parameters are set


def test_it_chooses_the_best(faces, fitted):
    X, y = faces[1]
    chosen = tune_prediction(fitted, X, y)
    assert (fitted.logit_adjustment, fitted.temperature) == (0.0, 1.0)  # not changed

    def macro_f1(tau):
        return f1_score(y, fitted.set_params(logit_adjustment=tau).predict(X), average="macro")

    f1 = macro_f1(chosen["logit_adjustment"])
    for tau in (0.0, 0.3, 0.75, 1.0, 1.5):
        assert f1 >= macro_f1(tau)

    def loss(temperature):
        params = {**chosen, "temperature": temperature}
        return log_loss(y, fitted.set_params(**params).predict_proba(X))

    best = loss(chosen["temperature"])
    assert best <= min(loss(chosen["temperature"] * factor) for factor in (0.8, 0.95, 1.05, 1.25))


def test_confidence_means_something_afterwards(faces, fitted):
    X, y = faces[1]
    before = expected_calibration_error(y, fitted.set_params(temperature=0.1).predict_proba(X))
    chosen = tune_prediction(fitted, X, y)
    after = expected_calibration_error(y, fitted.set_params(**chosen).predict_proba(X))
    assert after < before / 2


def test_labels_as_fit_takes_them(faces, fitted):
    X, y = faces[1][0][:40], faces[1][1][:40]
    chosen = tune_prediction(fitted, X, y)
    assert tune_prediction(fitted, X, y.tolist()) == chosen
    assert tune_prediction(fitted, X, y.astype(object)) == chosen
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[40, 39\]"):
        tune_prediction(fitted, X, y[:39])


def test_two_classes_named_by_strings():
    X, y = make_faces(70, image_size=16, random_state=0, return_X_y=True)
    names = np.where(y < 5, "many", "few")
    clf = ResNetFER(max_epochs=2, random_state=0).fit(X, names)
    chosen = tune_prediction(clf, X, names)
    assert chosen.keys() == {"logit_adjustment", "temperature"}
    with pytest.raises(ValueError, match=r"got labels \['none'\], expected labels among classes_"):
        tune_prediction(clf, X, np.full(len(X), "none"))
    with pytest.raises(ValueError, match="got a Pipeline, expected a fitted ferkit estimator"):
        tune_prediction(make_pipeline(clf), X, names)
