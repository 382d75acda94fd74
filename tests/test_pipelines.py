"""The reference study's data pipeline, as Pipeline parts."""

import pickle

import numpy as np
import pytest
from imblearn.over_sampling import SMOTE
from imblearn.pipeline import Pipeline, make_pipeline
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score

from ferkit import MobileNetFER
from ferkit.datasets import make_faces
from ferkit.over_sampling import AugmentedOverSampler, ImagePool, PoolOverSampler, at_least
from ferkit.preprocessing import PixelRows, ToGray
from tests.helpers import LinearFER


@pytest.fixture(scope="module")
def colour_faces():
    X, y = make_faces(
        84, class_weights=[4, 1, 4, 6, 5, 4, 5], image_size=16, random_state=0, return_X_y=True
    )
    return np.stack([X, X // 2, 255 - X], axis=-1), y


@pytest.fixture(scope="module")
def pipeline():
    pool = ImagePool(*make_faces(70, image_size=16, random_state=1, return_X_y=True))
    return Pipeline(
        [
            ("gray", ToGray()),
            ("pool", PoolOverSampler(pool, sampling_strategy=at_least(8), random_state=0)),
            ("copies", AugmentedOverSampler(sampling_strategy=at_least(12), random_state=0)),
            ("net", MobileNetFER(max_epochs=1, random_state=0)),
        ]
    )


def test_the_studys_pipeline(pipeline, colour_faces):
    X, y = colour_faces
    fitted = clone(pipeline).fit(X, y)
    assert fitted["net"].class_count_.min() == 12
    assert fitted["net"].module_.features[0].in_channels == 1
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
    np.testing.assert_array_equal(clone(fitted).fit(X, y).predict_proba(X), fitted.predict_proba(X))
    assert len(cross_val_score(pipeline, X, y, cv=2, scoring="f1_macro")) == 2


def test_sampler_and_classifier_are_searched_together(pipeline, colour_faces):
    grid = {
        "copies__sampling_strategy": [at_least(10), at_least(14)],
        "copies__policy": ["offline", "reference"],
        "net__loss": ["cross_entropy", "focal"],
        "net__logit_adjustment": [0.0, 1.0],
    }
    quick = clone(pipeline).set_params(net=LinearFER(max_epochs=1, random_state=0))
    search = GridSearchCV(quick, grid, cv=2, scoring="f1_macro", error_score="raise")
    search.fit(*colour_faces)
    assert len(search.cv_results_["params"]) == 16
    assert len(np.unique(search.cv_results_["mean_test_score"])) > 4  # all of them act
    assert search.best_estimator_["net"].class_count_.min() in (10, 14)


def test_a_samplers_parameters_inside_the_estimator_are_searched(colour_faces):
    clf = LinearFER(max_epochs=1, sampler=AugmentedOverSampler(), random_state=0)
    grid = {
        "sampler__sampling_strategy": [at_least(10), at_least(14)],
        "class_weight": [None, "effective"],
    }
    search = GridSearchCV(clf, grid, cv=2, error_score="raise").fit(*colour_faces)
    assert search.best_estimator_.class_count_.min() in (10, 14)


def test_smote_through_rows(colour_faces):
    X, y = colour_faces
    pipeline = make_pipeline(
        ToGray(), PixelRows(), SMOTE(k_neighbors=2, random_state=0), LinearFER(random_state=0)
    )
    clf = pipeline.fit(X, y)[-1]
    assert len(set(clf.class_count_)) == 1
    assert pipeline.predict(X).shape == y.shape
