"""The searches of scikit-learn and optuna-integration over ferkit estimators."""

import os
import subprocess
import sys

import numpy as np
import pytest
from imblearn.over_sampling import RandomOverSampler
from imblearn.pipeline import Pipeline
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import FixedTrial
from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    ParameterGrid,
    PredefinedSplit,
    RandomizedSearchCV,
)

from ferkit import VGG16FER, LargeFER, MobileNetFER, ResNetFER
from ferkit.datasets import make_faces
from ferkit.model_selection import default_space, param_grid, parse_config, reference_configs
from tests.helpers import LinearFER

GRID = {"lr": [1e-4, 1e-3, 1e-2], "dropout": [0.0, 0.5]}


@pytest.fixture(scope="module")
def faces():
    return make_faces(84, image_size=32, random_state=0, return_X_y=True)


@pytest.fixture(scope="module")
def pipeline():
    steps = [("copies", RandomOverSampler(random_state=0)), ("net", LinearFER(max_epochs=2))]
    return Pipeline(steps).set_params(net__random_state=0)


def ranks_of(search):
    results = search.cv_results_
    return results["mean_test_score"].tolist(), results["rank_test_score"].tolist()


def test_two_jobs_find_what_one_finds(faces):
    clf = ResNetFER(max_epochs=1, random_state=0)
    one, two = (
        GridSearchCV(clf, GRID, cv=2, scoring="f1_macro", n_jobs=n, error_score="raise").fit(*faces)
        for n in (1, 2)
    )
    assert ranks_of(one) == ranks_of(two)
    assert len(set(ranks_of(one)[0])) > 1
    X = faces[0]
    np.testing.assert_array_equal(one.predict_proba(X), two.predict_proba(X))


def test_a_pipeline_is_searched(pipeline, faces):
    rows = faces[0].reshape(84, -1), faces[1]
    params = {"scoring": "f1_macro", "cv": 2, "error_score": "raise"}
    grid = param_grid("mobilenet", prefix="net__")
    by_grid = GridSearchCV(pipeline, grid, **params).fit(*rows)
    assert len(by_grid.cv_results_["params"]) == 8
    at_random = RandomizedSearchCV(
        pipeline, {"net__lr": loguniform(1e-4, 1e-2)}, n_iter=3, random_state=0, **params
    ).fit(*rows)
    assert 1e-4 < at_random.best_params_["net__lr"] < 1e-2
    halving = HalvingGridSearchCV(
        pipeline,
        {"net__lr": GRID["lr"]},
        resource="net__max_epochs",
        max_resources=4,
        min_resources=1,
        factor=2,
        **params,
    ).fit(*rows)
    assert halving.n_resources_ == [1, 2]
    assert halving.best_estimator_["net"].n_iter_ == 2


def test_the_official_split_is_searched_on(faces):
    X, y = faces
    usage = np.where(np.arange(84) < 60, "Training", "PublicTest")  # as in `load_fer2013`
    cv = PredefinedSplit(np.where(usage == "Training", -1, 0))
    clf = LinearFER(max_epochs=2, random_state=0)
    search = GridSearchCV(clf, {"lr": [1e-3, 1e-2]}, cv=cv, refit=False).fit(X, y)
    by_hand = clone(clf).set_params(lr=1e-2).fit(X[:60], y[:60])
    assert search.cv_results_["mean_test_score"][1] == by_hand.score(X[60:], y[60:])


@pytest.mark.parametrize("network", ["resnet", "mobilenet", "vgg16"])
def test_the_grid_holds_the_studys_configurations(network):
    grid = list(ParameterGrid(param_grid(network)))
    for params in reference_configs(network).values():
        assert any(params.items() <= point.items() for point in grid)
    assert all(name.startswith("net__") for name in param_grid(network, prefix="net__"))
    with pytest.raises(ValueError, match="got network 'vgg'"):
        param_grid("vgg")
    with pytest.raises(ValueError, match=r"got prefix='net_', expected '' or .*prefix='net__'"):
        param_grid("resnet", prefix="net_")
    with pytest.raises(ValueError, match=r"got prefix='net', expected '' or .*prefix='net__'"):
        default_space(FixedTrial({}), prefix="net")


def test_the_grid_of_the_mobilenets():
    assert param_grid("mobilenet") == {
        "optimizer": ["adam", "sgd"],
        "lr": [1e-3],
        "dropout": [0.0, 0.15],
        "weight_decay": [0.0, 1e-4],
        "momentum": [0.9],
    }
    assert parse_config("sgd_lr3_drop15_wd1e4_bn")["momentum"] == 0.9


@pytest.mark.filterwarnings("ignore:OptunaSearchCV is experimental")
@pytest.mark.filterwarnings("ignore:`optuna.terminator` module:FutureWarning")
@pytest.mark.parametrize(
    "estimator",
    [
        ResNetFER(),
        ResNetFER(variant="strided"),
        MobileNetFER(variant="strided"),
        LargeFER(),
        VGG16FER(),
    ],
)
def test_optuna_search_cv(estimator, faces):
    from optuna_integration import OptunaSearchCV

    estimator = clone(estimator).set_params(max_epochs=1, random_state=0)
    space = {
        "lr": FloatDistribution(1e-4, 1e-3, log=True),
        "augment": CategoricalDistribution([None, "reference"]),
    }
    search = OptunaSearchCV(
        estimator, space, n_trials=2, cv=2, scoring="f1_macro", random_state=0, error_score="raise"
    )
    search.fit(*faces)
    assert search.predict(faces[0]).shape == (84,)
    assert search.best_params_.keys() == space.keys()


_LOOK_INTO_WORKERS = """
import inspect
import numpy as np
import optuna
import torch
from sklearn.model_selection import GridSearchCV
from ferkit import ResNetFER
from ferkit.datasets import make_faces
from ferkit.model_selection import FERSearchCV


def look(*args):
    X = None
    for frame in inspect.stack():
        here = frame.frame.f_locals
        if frame.function == "_fit_and_score":
            X = here["X"]
        elif type(here.get("self")).__name__ == "Objective":
            X = here["self"].X
    assert isinstance(X, np.memmap), type(X)
    assert torch.get_num_threads() == max(1, {n_cores} // 2), torch.get_num_threads()


def score(*args):
    look()
    return 0.0


def space(trial):
    if isinstance(trial, optuna.Trial):  # and not the best one, in this process
        look()
    return {{}}


X, y = make_faces(560, random_state=0, return_X_y=True)  # 1.3 MB: joblib maps what has a million
clf = ResNetFER(max_epochs=1)
GridSearchCV(
    clf, {{"lr": [1e-4, 1e-3]}}, cv=2, scoring=score, n_jobs=2, refit=False, error_score="raise"
).fit(X, y)
FERSearchCV(clf, space, cv=2, n_trials=2, n_jobs=2, refit=False).fit(X, y)
"""


def test_workers_share_the_cores_and_the_images():
    import joblib

    environment = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
    script = _LOOK_INTO_WORKERS.format(n_cores=joblib.cpu_count())
    subprocess.run([sys.executable, "-c", script], env=environment, check=True)
