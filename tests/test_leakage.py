"""No image that is validated or tested on is trained on, in any guise; and the proof can fail."""

import numpy as np
import pytest
from imblearn.pipeline import make_pipeline
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_validate
from skorch.callbacks import Callback

from ferkit.datasets import find_duplicates
from ferkit.over_sampling import AugmentedOverSampler, ImagePool, PoolOverSampler, at_least
from tests.helpers import LinearFER

N = 120
CV = StratifiedKFold(3, shuffle=True, random_state=0)


class Detector(Callback):
    """Reads the marks of the images that a net trains on, and of those it is validated on."""

    def __init__(self):
        self.fits = []

    def __sklearn_clone__(self):  # one for all clones
        return self

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        valid = net.train_split(None)[1].X if net.train_split else []
        self.fits.append((marks_of(X), marks_of(valid)))

    def leaks(self, tested=((),)):
        """Return the marks on both sides, of all fits together."""
        tests = np.resize(np.array([frozenset(marks) for marks in tested]), len(self.fits))
        return {
            mark
            for (train, valid), test in zip(self.fits, tests, strict=True)
            for mark in train & (valid | test)
        }


def marks_of(images):
    """Read the marks: an image is of one level, its mark, where no border has come in."""
    return {int(image.max()) for image in images}


@pytest.fixture
def marked():
    X = np.repeat(np.arange(1, N + 1, dtype=np.uint8), 64).reshape(N, 8, 8)
    return X, np.repeat([0, 1], [N - 30, 30])


def net(detector, **params):
    return LinearFER(max_epochs=1, random_state=0, callbacks=[detector], **params)


def folds(X, y):
    return [marks_of(X[test]) for _, test in CV.split(X, y)]


SAMPLERS = {
    "augmented": lambda: AugmentedOverSampler(policy="reference", random_state=0),
    "pool": lambda: PoolOverSampler(
        # its own images are marked beyond the others
        ImagePool(np.full((99, 8, 8), 255, np.uint8), np.ones(99, int)),
        random_state=0,
    ),
}


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_cross_validation_of_a_pipeline_is_silent(sampler, marked):
    detector = Detector()
    cross_validate(make_pipeline(SAMPLERS[sampler](), net(detector)), *marked, cv=CV)
    assert len(detector.fits) == 3
    assert detector.leaks(folds(*marked)) == set()


def test_balancing_before_cross_validation_is_caught(marked):
    detector = Detector()
    X, y = SAMPLERS["augmented"]().fit_resample(*marked)
    cross_validate(net(detector), X, y, cv=CV)
    assert detector.leaks(folds(X, y)) <= set(range(N - 29, N + 1))  # copies are of the rare class
    assert len(detector.leaks(folds(X, y))) > 20


def test_grid_search_is_silent(marked):
    detector = Detector()
    pipeline = make_pipeline(SAMPLERS["augmented"](), net(detector))
    grid = {
        "augmentedoversampler__sampling_strategy": [at_least(40), at_least(80)],
        "linearfer__lr": [1e-3, 1e-4],
    }
    search = GridSearchCV(pipeline, grid, cv=CV, refit=False).fit(*marked)
    assert len(search.cv_results_["params"]) == 4
    assert len(detector.fits) == 12
    assert detector.leaks(folds(*marked)) == set()


def test_a_sampler_of_the_estimator_sees_no_validation_image(marked):
    detector = Detector()
    net(detector, early_stopping=True, sampler=SAMPLERS["augmented"]()).fit(*marked)
    train, valid = detector.fits[0]
    assert train | valid == set(range(1, N + 1))
    assert len(valid) == N / 10
    assert detector.leaks() == set()


def test_a_sampler_before_early_stopping_is_caught(marked):
    detector = Detector()
    make_pipeline(SAMPLERS["augmented"](), net(detector, early_stopping=True)).fit(*marked)
    assert len(detector.leaks()) > 3


def test_exact_copies_before_early_stopping_are_warned_of(marked):
    from imblearn.over_sampling import RandomOverSampler

    detector = Detector()
    X, y = marked
    pipeline = make_pipeline(RandomOverSampler(random_state=0), net(detector, early_stopping=True))
    with pytest.warns(UserWarning, match=r"exact copies of training images.*sampler= instead"):
        pipeline.fit(X.reshape(N, -1), y)
    assert detector.leaks()


def test_a_pool_of_validation_images_is_caught(marked):
    X, y = marked
    sampler = PoolOverSampler(ImagePool(X, y), sampling_strategy={1: 40}, random_state=0)
    for params in ({"early_stopping": True}, {}):
        detector = Detector()
        X_val = {} if params else {"X_val": X[-20:], "y_val": y[-20:]}
        train = slice(None) if params else slice(0, N - 20)
        with pytest.warns(UserWarning, match=r"exact copies .*ImagePool, take them out"):
            net(detector, sampler=sampler, **params).fit(X[train], y[train], **X_val)
        assert detector.leaks()


def test_groups_keep_twins_together(marked):
    X, y = marked
    rng = np.random.default_rng(0)
    X = rng.integers(0, 100, (N, 8, 8), dtype=np.uint8)
    X[:, 0, 0] = np.arange(1, N + 1) + 100  # the mark is the largest level
    twins = np.r_[np.arange(N), np.arange(N)]
    X, y = X[twins], y[twins]
    detector = Detector()
    net(detector, early_stopping=True).fit(X, y, groups=find_duplicates(X))
    assert detector.leaks() == set()
    with pytest.warns(UserWarning, match="exact copies of training images"):
        net(detector, early_stopping=True).fit(X, y)
    assert detector.leaks()
