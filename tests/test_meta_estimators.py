"""ferkit's classifiers inside the estimators of scikit-learn and imbalanced-learn."""

import numpy as np
import pytest
from imblearn.ensemble import BalancedBaggingClassifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import TunedThresholdClassifierCV, learning_curve
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier

from ferkit import ResNetFER
from ferkit.datasets import make_faces
from tests.helpers import LinearFER

CLF = LinearFER(max_epochs=30, lr=0.01, random_state=0)
BOTH = [("a", CLF), ("b", LinearFER(max_epochs=20, lr=0.02, random_state=1))]
OF_IMAGES = [
    CalibratedClassifierCV(CLF, cv=2),
    OneVsRestClassifier(CLF),
    StackingClassifier(BOTH, LogisticRegression(max_iter=1000), cv=2),
    VotingClassifier(BOTH, voting="soft"),
]
OF_ROWS = [
    *OF_IMAGES,
    BaggingClassifier(CLF, n_estimators=3, random_state=0),
    BalancedBaggingClassifier(CLF, n_estimators=3, random_state=0),
    OneVsOneClassifier(CLF),
    OutputCodeClassifier(CLF, random_state=0),
]


@pytest.fixture(scope="module")
def faces():
    return make_faces(140, image_size=16, random_state=0, return_X_y=True)


def name(value):
    return type(value).__name__


@pytest.mark.parametrize("meta", OF_IMAGES, ids=name)
def test_on_images(meta, faces):
    X, y = faces
    assert meta.fit(X, y).score(X, y) > 0.25


@pytest.mark.parametrize("meta", OF_ROWS, ids=name)
def test_on_rows(meta, faces):
    X, y = faces
    rows = X.reshape(len(X), -1)
    assert meta.fit(rows, y).score(rows, y) > 0.25


def test_some_labels_are_unknown(faces):
    rows, y = faces[0].reshape(140, -1), faces[1]
    partly = np.where(np.arange(140) % 3, y, -1)
    clf = SelfTrainingClassifier(CLF, threshold=0.5, max_iter=2).fit(rows, partly)
    assert clf.score(rows, y) > 0.25
    assert (clf.labeled_iter_ > 0).any()


def test_several_targets(faces):
    X, y = faces
    targets = np.column_stack([y, y % 2])
    predicted = MultiOutputClassifier(CLF).fit(X, targets).predict(X)
    assert ((predicted == targets).mean(axis=0) > [0.25, 0.6]).all()


def test_a_tuned_threshold(faces):
    X, y = faces
    clf = TunedThresholdClassifierCV(CLF, cv=2).fit(X, y % 2)
    assert clf.score(X, y % 2) > 0.6


def test_a_learning_curve_by_parts(faces):
    settings = {"cv": 2, "train_sizes": [0.5, 1.0], "exploit_incremental_learning": True}
    sizes, scores, _ = learning_curve(CLF, *faces, **settings)
    assert sizes.tolist() == [35, 70]
    assert scores[-1].mean() > 1 / 7


def test_embeddings_beside_each_other(faces):
    X, y = faces
    clf = ResNetFER(max_epochs=1, random_state=0)
    both = make_union(clf, ResNetFER(max_epochs=1, random_state=1))
    pipeline = make_pipeline(both, StandardScaler(), LogisticRegression())
    assert pipeline.fit(X, y).score(X, y) > 0.25
