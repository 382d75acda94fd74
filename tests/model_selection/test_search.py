"""FERSearchCV."""

import pickle
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
import pytest
from imblearn.over_sampling import RandomOverSampler
from imblearn.pipeline import Pipeline
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import InMemoryStorage
from optuna.trial import TrialState
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import (
    PredefinedSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
    cross_val_score,
)
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks

import ferkit
from ferkit import VGG16FER, LargeFER, MobileNetFER, ResNetFER
from ferkit._split import split_off
from ferkit.augment import Policy, resolve_policy
from ferkit.datasets import find_duplicates, make_faces
from ferkit.model_selection import FERSearchCV, compare, default_space
from ferkit.model_selection._folds import find_folds
from ferkit.model_selection._spaces import resolve_space
from ferkit.model_selection._study import quiet
from ferkit.model_selection._trials import run_trials
from ferkit.over_sampling import AugmentedOverSampler, at_least
from ferkit.preprocessing import EqualizeHistogram
from tests.helpers import LinearFER

LR = {"lr": FloatDistribution(1e-4, 1e-1, log=True)}
NEVER = optuna.pruners.NopPruner()


@pytest.fixture(scope="module")
def faces():
    X, y = make_faces(140, image_size=16, random_state=0, return_X_y=True)
    X[137], X[139] = X[0], X[2]  # copies
    return X, y


def search_of(estimator, space=LR, **params):
    return FERSearchCV(estimator, space, **{"n_trials": 3, "cv": 2, "random_state": 0, **params})


def named(policy):
    return {**LR, "augment": {"some": policy}}


def table_of(study):
    table = study.trials_dataframe(("number", "value", "params", "state", "user_attrs"))
    return table.drop(columns="user_attrs_process")


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"lr_schedule": "plateau", "tta": "flip"},
        {"early_stopping": True, "n_iter_no_change": 1, "monitor": "valid_f1_macro"},
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:got . of .* validation images that are exact copies")
def test_a_trial_is_scored_as_scikit_learn_does(faces, params):
    X, y = faces
    folds = list(StratifiedGroupKFold(2).split(X, y, find_duplicates(X)))
    clf = LinearFER(max_epochs=2, random_state=5, **params)
    # with groups, its own validation part for early_stopping would be another one
    search = search_of(clf, pruner=NEVER, cv=folds, groups=None).fit(X, y)
    for trial in search.study_.trials:
        by_hand = cross_val_score(
            clone(clf).set_params(**trial.params),
            X,
            y,
            cv=folds,
            scoring="f1_macro",
        )
        assert trial.user_attrs["scores"] == by_hand.tolist()
        assert trial.value == by_hand.mean()
        assert list(trial.intermediate_values) == [1, 2, 3, 4]  # two folds of two epochs
        if not clf.early_stopping:  # which may end with an earlier epoch
            assert trial.intermediate_values[4] == pytest.approx(trial.value)
    best = max(search.study_.trials, key=lambda trial: trial.value)
    assert (search.best_score_, search.best_params_) == (best.value, best.params)
    refitted = clone(clf).set_params(**best.params).fit(X, y)
    np.testing.assert_array_equal(search.predict_proba(X), refitted.predict_proba(X))
    assert search.score(X, y) == f1_score(y, refitted.predict(X), average="macro")
    assert search.n_splits_ == 2
    assert search.classes_.tolist() == list(range(7))


def test_a_pipeline_balances_inside_each_fold(faces):
    X, y = faces
    pipeline = Pipeline(
        [
            ("equal", EqualizeHistogram()),
            ("off", "passthrough"),
            ("copies", AugmentedOverSampler(sampling_strategy=at_least(14), random_state=0)),
            ("net", LinearFER(max_epochs=2, random_state=0)),
        ]
    )
    cv = PredefinedSplit(np.arange(140) % 2)
    space = {"net__lr": LR["lr"], "copies__policy": {"turn": Policy(rotation=9), "flip": "offline"}}
    search = search_of(pipeline, space, cv=cv, pruner=NEVER).fit(X, y)
    for trial in search.study_.trials:
        policy = space["copies__policy"][trial.params["copies__policy"]]
        by_hand = clone(pipeline).set_params(net__lr=trial.params["net__lr"], copies__policy=policy)
        scores = cross_val_score(by_hand, X, y, cv=cv, scoring="f1_macro", error_score="raise")
        assert trial.user_attrs["scores"] == scores.tolist()
    assert search.best_params_["copies__policy"] in space["copies__policy"].values()
    assert search.best_estimator_["net"].class_count_.min() >= 14


def test_the_same_search_gives_the_same_study(faces):
    estimator = LinearFER(max_epochs=1)  # without a seed
    first, second = (search_of(estimator, None, n_trials=12).fit(*faces) for _ in range(2))
    assert table_of(first.study_).equals(table_of(second.study_))
    np.testing.assert_array_equal(first.predict_proba(faces[0]), second.predict_proba(faces[0]))
    other = search_of(estimator, None, n_trials=12, random_state=1).fit(*faces)
    assert not table_of(first.study_).equals(table_of(other.study_))


def test_a_stopped_search_goes_on_as_if_it_had_not_stopped(faces, tmp_path):
    clf = LinearFER(max_epochs=1)
    whole = search_of(clf, n_trials=14).fit(*faces)
    storage = f"sqlite:///{tmp_path / 'search.db'}"
    stored = {"storage": storage, "study_name": "faces"}
    search_of(clf, n_trials=11, refit=False, **stored).fit(*faces)
    # the seed is that of the first search; what is said and where it runs may change
    parts = search_of(LinearFER(max_epochs=1, verbose=1, device="cpu"), n_trials=14, **stored)
    parts.set_params(random_state=None).fit(*faces)
    assert table_of(whole.study_).equals(table_of(parts.study_))
    np.testing.assert_array_equal(whole.predict_proba(faces[0]), parts.predict_proba(faces[0]))
    again = search_of(clf, n_trials=14, **stored).fit(*faces)
    assert len(again.study_.trials) == 14


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("data", lambda search, X, y: (search, X, y[::-1])),
        ("folds", lambda search, X, y: (search.set_params(cv=3), X, y)),
        ("parameters", lambda search, X, y: (search.set_params(estimator__max_epochs=2), X, y)),
        ("space", lambda search, X, y: (search.set_params(space={"dropout": LR["lr"]}), X, y)),
        ("space", lambda search, X, y: (search.set_params(space=named("offline")), X, y)),
    ],
)
def test_a_study_of_something_else_is_refused(faces, tmp_path, what, change):
    storage = f"sqlite:///{tmp_path / 'search.db'}"
    stored = {"storage": storage, "study_name": "faces", "refit": False}
    space = named("reference")
    search = search_of(LinearFER(max_epochs=1), space, n_trials=1, **stored).fit(*faces)
    search, X, y = change(clone(search), *faces)
    with pytest.raises(ValueError, match=f"'faces', which was made with (a )?different {what}"):
        search.fit(X, y)


def test_weights_and_teachers_of_a_study_count_by_their_content(faces, tmp_path):
    begun, again = tmp_path / "begun", tmp_path / "again"
    first = ResNetFER(max_epochs=1, random_state=0).fit(*faces)
    first.save(begun)
    first.save(again)
    stored = {"storage": f"sqlite:///{tmp_path / 'search.db'}", "refit": False, "n_trials": 1}
    for path in (begun, again):
        search_of(ResNetFER(weights=path, max_epochs=1), **stored, study_name="w").fit(*faces)
        clf = ResNetFER(teacher=FrozenEstimator(ferkit.load(path)), max_epochs=1)
        search_of(clf, **stored, study_name="t").fit(*faces)
    clf = ResNetFER(max_epochs=1)
    for name, value in (("weights", begun), ("teacher", FrozenEstimator(first))):
        spaces = [{name: {"a": value, "b": None}}, {name: CategoricalDistribution([str(begun)])}]
        for number, space in enumerate(spaces):
            study_name = f"{name} {number}"
            search_of(clf, space, **stored, study_name=study_name).fit(*faces)
    teacher = {"teacher": {"a": FrozenEstimator(ferkit.load(begun)), "b": None}}
    search_of(clf, teacher, **stored, study_name="teacher 0").fit(*faces)
    first.partial_fit(*faces).save(again)
    first.save(begun)
    for number, space in enumerate([{"weights": {"a": begun, "b": None}}, spaces[1]]):
        name = ("weights 0", "teacher 1")[number]
        with pytest.raises(ValueError, match=f"'{name}', which was made with a different space"):
            search_of(clf, space, **stored, study_name=name).fit(*faces)
    for name, params in (
        ("w", {"weights": again}),
        ("t", {"teacher": FrozenEstimator(ferkit.load(again))}),
    ):
        search = search_of(ResNetFER(**params, max_epochs=1), **stored, study_name=name)
        with pytest.raises(ValueError, match=f"'{name}', which was made with different parameters"):
            search.fit(*faces)


def test_trials_of_another_space_are_refused_before_any_is_run(faces, tmp_path):
    stored = {"storage": f"sqlite:///{tmp_path / 'search.db'}", "study_name": "faces"}
    clf = LinearFER(max_epochs=1)
    search_of(clf, lambda trial: {"lr": trial.suggest_float("lr", 0.1, 1)}, **stored).fit(*faces)
    other = search_of(clf, lambda trial: {"lr": trial.suggest_float("rate", 0.1, 1)}, **stored)
    with pytest.raises(ValueError, match=r"'faces', .* with a different space \(.*'rate'"):
        other.set_params(n_trials=4).fit(*faces)
    study = optuna.load_study(**stored)
    assert len(study.trials) == 3


def test_a_space_that_prunes_is_resumed(faces, tmp_path):
    def space(trial):
        if trial.suggest_float("lr", 0.1, 1) < 0.5:
            raise optuna.TrialPruned
        return {"lr": trial.params["lr"]}

    stored = {"storage": f"sqlite:///{tmp_path / 'search.db'}", "study_name": "faces"}
    search = search_of(LinearFER(max_epochs=1), space, n_trials=4, **stored).fit(*faces)
    states = {trial.state for trial in search.study_.trials}
    assert states == {TrialState.COMPLETE, TrialState.PRUNED}
    assert len(search.set_params(n_trials=5).fit(*faces).study_.trials) == 5


def test_a_space_that_returns_no_parameters(faces):
    with pytest.raises(TypeError, match="got None from space, expected a dict of parameters"):
        search_of(LinearFER(), lambda trial: None).fit(*faces)


@pytest.mark.filterwarnings("ignore:got . of .* validation images that are exact copies")
@pytest.mark.parametrize("routing", [False, True])
def test_groups_reach_the_early_stopping_of_a_last_step(faces, monkeypatch, routing):
    X, y = faces
    groups, seen = np.arange(140), []
    groups[[137, 139]] = 0, 2  # the copies

    def spy(y, groups, *args):
        seen.append(groups)
        return split_off(y, groups, *args)

    monkeypatch.setattr("ferkit._fit.split_off", spy)
    net = LinearFER(max_epochs=1, early_stopping=True)
    steps = {
        "transformer": [("equal", EqualizeHistogram()), ("net", net)],
        "sampler": [("copies", AugmentedOverSampler()), ("net", net)],
    }
    found = {}
    for name, pipeline in steps.items():
        with config_context(enable_metadata_routing=routing):
            search_of(Pipeline(pipeline), {}, n_trials=1).fit(X, y, groups=groups)
        found[name], seen = seen[:], []
    assert [len(each) for each in found["transformer"]] == [70, 70, 140]
    assert found["sampler"] == [None, None, None]


def test_masked_images_are_refused(faces):
    X, y = faces
    with pytest.raises(ValueError, match="masked values in X"):
        search_of(LinearFER(max_epochs=1)).fit(np.ma.masked_greater(X, 229), y)


def test_a_pipeline_that_begins_with_paths(faces, tmp_path):
    X, y = faces
    paths = np.array([f"{sample}.npy" for sample in range(len(X))])
    for path, image in zip(paths, X, strict=True):
        np.save(tmp_path / path, image)

    def read(paths):
        return np.stack([np.load(tmp_path / path) for path in paths])

    pipeline = Pipeline([("read", FunctionTransformer(read)), ("net", LinearFER(max_epochs=1))])
    space = {f"net__{name}": values for name, values in LR.items()}
    search = search_of(pipeline, space, groups=None).fit(paths, y)
    pipeline.set_params(read__func=None)
    expected = search_of(pipeline, space, groups=None).fit(X, y)
    assert search.best_score_ == expected.best_score_
    with pytest.raises(
        ValueError, match=r"got X of dtype <U7.*makes images of it, set groups=None"
    ):
        search_of(pipeline, space).fit(paths, y)
    search_of(pipeline.set_params(read__func=read), space).fit(paths, y, groups=np.arange(140))
    pipeline.set_params(read__func=lambda images: images[:, ::2, ::2])  # of lists, an array
    search_of(pipeline, space, groups=None).fit(list(X), y)


def test_a_study_goes_on_with_mapped_images(faces, tmp_path):
    X, y = faces
    np.save(tmp_path / "X.npy", X)
    storage = f"sqlite:///{tmp_path / 'search.db'}"
    for images in (X, np.load(tmp_path / "X.npy", mmap_mode="r"), np.asfortranarray(X)):
        search = search_of(LinearFER(max_epochs=1), storage=storage, study_name="one")
        search.fit(images, y)
    assert len(search.study_.trials) == 3


def test_a_study_for_something_else_is_refused(faces, tmp_path):
    storage = f"sqlite:///{tmp_path / 'search.db'}"
    optuna.create_study(study_name="small", storage=storage, direction="minimize")
    search = search_of(LinearFER(max_epochs=1), storage=storage, study_name="small")
    with pytest.raises(ValueError, match="'small', which was not made to maximise"):
        search.fit(*faces)


def test_folds_without_a_class_are_refused():
    X, y = make_faces(70, image_size=16, random_state=0, return_X_y=True)
    y[y == 1], y[0] = 0, 1
    search = search_of(LinearFER(), cv=[(np.arange(1, 70), np.arange(1))])
    with pytest.raises(ValueError, match=r"a fold without class 1 .* 1 images of it"):
        search.fit(X, y)


def test_hopeless_trials_are_pruned(faces):
    space = {"lr": CategoricalDistribution([1e-2, 1e-12])}
    clf = LinearFER(max_epochs=6)
    search = search_of(clf, space, n_trials=20, random_state=0).fit(*faces)
    trials = search.study_.trials
    pruned = [trial for trial in trials if trial.state == TrialState.PRUNED]
    assert pruned
    assert {len(trial.intermediate_values) for trial in pruned} <= {3, 6, 9, 12}  # each half
    assert {trial.params["lr"] for trial in pruned} == {1e-12}
    assert search.best_params_ == {"lr": 1e-2}


def test_the_bar_tells_the_best_of_those_that_ended(capsys):
    def objective(trial):
        if trial.number == 0:
            trial.report(0.9, 1)
            raise optuna.TrialPruned
        return 0.5

    study = optuna.create_study(direction="maximize")
    run_trials(study, objective, n_trials=2, timeout=None, heartbeat=None, n_jobs=1, verbose=1)
    assert [trial.value for trial in study.trials] == [0.9, 0.5]
    bar = capsys.readouterr().err
    assert "best=0.500" in bar
    assert "best=0.900" not in bar


def test_optuna_speaks_again_after_overlapping_searches():
    before = optuna.logging.get_verbosity()
    first, second = quiet(), quiet()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert optuna.logging.get_verbosity() == optuna.logging.ERROR
    second.__exit__(None, None, None)
    assert optuna.logging.get_verbosity() == before != optuna.logging.ERROR


def test_two_jobs_share_a_study(faces):
    search = search_of(LinearFER(max_epochs=1), n_trials=5, n_jobs=2).fit(*faces)
    trials = search.study_.trials
    assert [trial.number for trial in trials] == list(range(5))
    assert all(trial.state == TrialState.COMPLETE for trial in trials)
    assert len({trial.params["lr"] for trial in trials}) == 5
    assert search.best_score_ == max(trial.value for trial in trials)
    one = search_of(LinearFER(max_epochs=1), n_trials=5).fit(*faces)
    # at random, before there is anything to learn from
    assert [t.params for t in one.study_.trials] == [t.params for t in trials]
    assert [t.value for t in one.study_.trials] == [t.value for t in trials]


def test_the_timeout_ends_a_search(faces):
    search = search_of(LinearFER(max_epochs=1), n_trials=None, timeout=1.0).fit(*faces)
    assert len(search.study_.trials) > 1


def test_copies_stay_together(faces):
    X, y = faces
    together, _ = find_folds(2, X, y, None, find_copies=True)
    assert all(np.isin([0, 137], valid).sum() != 1 for _, valid in together)
    assert all(np.isin([2, 139], valid).sum() != 1 for _, valid in together)
    groups = np.arange(140) // 2
    for train, valid in find_folds(2, X, y, groups, find_copies=True)[0]:
        assert not set(groups[train]) & set(groups[valid])
    apart, _ = find_folds(2, X, y, None, find_copies=False)
    assert any(np.isin([0, 137], valid).sum() == 1 for _, valid in apart)
    with pytest.warns(UserWarning, match="groups parameter is ignored"):
        find_folds(StratifiedKFold(2), X, y, groups, find_copies=True)


def test_failed_trainings_are_told(faces):
    space = {"lr": CategoricalDistribution([1e-3, 1e38])}
    clf = LinearFER(max_epochs=1, optimizer="sgd")
    with pytest.warns(FitFailedWarning, match=r"of 6 trials failed.*training diverged"):
        search = search_of(clf, space, n_trials=6).fit(*faces)
    states = [trial.state for trial in search.study_.trials]
    assert set(states) == {TrialState.COMPLETE, TrialState.FAIL}
    assert search.best_params_ == {"lr": 1e-3}
    with pytest.raises(ValueError, match=r"none ended with a value.*training diverged"):
        search_of(clf.set_params(lr=1e38), {}, n_trials=2).fit(*faces)


def test_the_default_space_suits_every_estimator():
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    names = set()
    for _ in range(50):
        params = default_space(study.ask())
        names |= params.keys()
        for kind in (LargeFER, MobileNetFER, ResNetFER, VGG16FER):
            kind(**params)._validate_params()
            resolve_policy(params["augment"])
    pipeline = Pipeline([("copies", RandomOverSampler()), ("net", LinearFER())])
    prefixed = resolve_space(None, pipeline)(study.ask())
    assert prefixed.keys() == {f"net__{name}" for name in names}


def test_a_mistake_in_the_space_ends_the_search(faces):
    with pytest.raises(ValueError, match="Invalid parameter 'learning_rate'"):
        search_of(LinearFER(), {"learning_rate": LR["lr"]}).fit(*faces)


def test_estimators_in_a_space_are_seeded_and_their_own_in_each_fold(faces):
    samplers = {"all": AugmentedOverSampler(policy="reference"), "some": AugmentedOverSampler()}
    pipeline = Pipeline([("copies", "passthrough"), ("net", LinearFER(max_epochs=1))])
    first, second = (search_of(pipeline, {"copies": samplers}).fit(*faces) for _ in range(2))
    assert table_of(first.study_).equals(table_of(second.study_))
    assert not hasattr(samplers["all"], "sampling_strategy_")
    np.testing.assert_array_equal(first.predict_proba(faces[0]), second.predict_proba(faces[0]))


def test_the_same_share_of_training_is_a_step(faces):
    space = {"max_epochs": CategoricalDistribution([2, 4, 8])}
    search = search_of(LinearFER(max_epochs=4), space, n_trials=6, pruner=NEVER).fit(*faces)
    steps = {
        trial.params["max_epochs"]: trial.intermediate_values for trial in search.study_.trials
    }
    assert {n: list(of_n) for n, of_n in steps.items()} == {
        n: of_n
        for n, of_n in {2: [2, 4, 6, 8], 4: list(range(1, 9)), 8: list(range(1, 9))}.items()
        if n in steps
    }
    assert len(steps) > 1


def test_a_search_that_prunes_every_trial(faces):
    pruner = optuna.pruners.ThresholdPruner(lower=2)  # above every score
    with pytest.raises(ValueError, match=r"none ended with a value.*all were pruned: take"):
        search_of(LinearFER(max_epochs=2), n_trials=2, pruner=pruner).fit(*faces)


def test_a_step_that_cannot_be_pickled(faces, tmp_path):
    pipeline = Pipeline([("half", FunctionTransformer(lambda X: X)), ("net", LinearFER())])
    pipeline.set_params(net__max_epochs=1)
    search = search_of(pipeline, {}, n_trials=1)
    search.fit(*faces)
    search.set_params(storage=f"sqlite:///{tmp_path / 's.db'}", study_name="faces")
    with pytest.raises(ValueError, match=r"got parameters that cannot be pickled.*named functions"):
        search.fit(*faces)


def test_an_interrupted_trial_is_tried_again(faces, tmp_path):
    def interrupt(trial):
        lr = trial.suggest_float("lr", 1e-4, 1e-1, log=True)
        if trial.number == 1:
            raise KeyboardInterrupt
        return {"lr": lr}

    stored = {"storage": f"sqlite:///{tmp_path / 'search.db'}", "study_name": "faces"}
    search = search_of(LinearFER(max_epochs=1), interrupt, n_trials=4, refit=False, **stored)
    with pytest.raises(KeyboardInterrupt):
        search.fit(*faces)
    assert len(search.study_.trials) == 3  # the last one waits
    trials = search.fit(*faces).study_.trials
    assert [trial.state.name for trial in trials] == ["COMPLETE", "FAIL"] + ["COMPLETE"] * 3
    assert trials[2].params == trials[1].params


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
@pytest.mark.parametrize("fails", [False, True])
def test_a_search_closes_its_database(fails, faces, tmp_path):
    def space(trial):
        if fails:
            raise KeyboardInterrupt
        return {"lr": trial.suggest_float("lr", 1e-4, 1e-2)}

    path = tmp_path / "search.db"
    search = search_of(LinearFER(max_epochs=1), space, storage=f"sqlite:///{path}", study_name="a")
    with pytest.raises(KeyboardInterrupt) if fails else nullcontext():
        search.fit(*faces)
    assert path.exists()
    assert path not in [link.resolve() for link in Path("/proc/self/fd").iterdir()]


def test_a_fitted_search_needs_its_storage_no_more(faces, tmp_path):
    path = tmp_path / "search.db"
    search = search_of(LinearFER(max_epochs=1), storage=f"sqlite:///{path}", study_name="faces")
    pickled = pickle.dumps(search.fit(*faces))
    path.unlink()
    again = pickle.loads(pickled)
    assert len(again.study_.trials) == 3
    np.testing.assert_array_equal(again.predict(faces[0]), search.predict(faces[0]))
    assert not path.exists()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"estimator": LogisticRegression()}, "got LogisticRegression.*OptunaSearchCV"),
        ({"space": {"lr": [1e-3, 1e-2]}}, r"space\['lr'\]=.*CategoricalDistribution"),
        ({"space": {"lr": {}}}, r"space\['lr'\]={}"),
        ({"n_trials": None}, "n_trials=None and timeout=None"),
        ({"storage": "sqlite://"}, "study_name=None"),
        ({"study_name": "faces"}, "storage=None"),
        ({"n_trials": 0}, "'n_trials' parameter"),
        ({"groups": "twins"}, "'groups' parameter"),
        ({"storage": "sqlite://", "study_name": "a"}, "a database in memory"),
        ({"storage": "search.db", "study_name": "a"}, "got storage='search.db', which cannot be"),
        ({"storage": "sqlite:////no/where.db", "study_name": "a"}, "a folder that is there"),
        ({"estimator": LinearFER}, "an instance of a ferkit estimator"),
        ({"cv": []}, "got cv without a fold"),
        (
            {"storage": InMemoryStorage(), "study_name": "a", "n_jobs": 2},
            "a storage that processes share",
        ),
    ],
)
def test_what_is_not_expected_is_refused(faces, params, message):
    search = FERSearchCV(LinearFER()).set_params(**params)
    with pytest.raises(ValueError, match=message):
        search.fit(*faces)


def test_numbers_and_strings_are_drawn_from_distributions(faces):
    space = {
        "max_epochs": IntDistribution(1, 3, step=2),
        "optimizer": CategoricalDistribution(["adam", "sgd"]),
        "dropout": FloatDistribution(0.0, 0.5, step=0.25),
    }
    search = search_of(LinearFER(), space, n_trials=8).fit(*faces)
    params = [trial.params for trial in search.study_.trials]
    assert {p["max_epochs"] for p in params} == {1, 3}
    assert {p["optimizer"] for p in params} == {"adam", "sgd"}
    assert {p["dropout"] for p in params} <= {0.0, 0.25, 0.5}


def test_without_refit_there_is_nothing_to_predict_with(faces):
    search = search_of(LinearFER(max_epochs=1), refit=False).fit(*faces)
    assert not hasattr(search, "predict")
    assert not hasattr(search, "score")
    assert not hasattr(search, "best_estimator_")


def test_a_second_fit_leaves_nothing_of_the_first(faces):
    X, y = faces
    search = search_of(LinearFER(max_epochs=1), n_trials=1).fit(X, y)
    assert search.score(X, y.astype(object)) == search.score(X, y)
    with pytest.raises(ValueError, match="pass strings where classes_ has strings"):
        search.score(X, y.astype(str))
    search.set_params(refit=False).fit(X, y + 7)
    for name in ("best_estimator_", "classes_", "n_features_in_", "predict"):
        assert not hasattr(search, name)


def test_columns_are_those_of_the_best_estimator(faces):
    search = search_of(LinearFER(max_epochs=1), n_trials=1)
    assert not hasattr(search.fit(*faces), "feature_names_in_")
    rows = pd.DataFrame(faces[0].reshape(140, -1)).add_prefix("pixel")
    assert search.fit(rows, faces[1]).feature_names_in_.tolist() == list(rows)


@pytest.mark.filterwarnings("ignore:got floats up to")
@pytest.mark.filterwarnings("ignore:got .* images, expected .* as in the fit")
@parametrize_with_checks([FERSearchCV(LinearFER(lr=0.01), {}, n_trials=1, cv=2, groups=None)])
def test_estimator_check(estimator, check):
    check(estimator)


class FewParameters(LinearFER):
    """Names few of its parameters."""

    def __init__(self, *, lr=0.01, max_epochs=2):
        super().__init__(lr=lr, max_epochs=max_epochs)


def test_a_class_that_leaves_parameters_out(faces):
    X, y = faces
    message = "got a FewParameters without the parameters callbacks, checkpoint_dir, device"
    with pytest.raises(ValueError, match=message):
        search_of(FewParameters()).fit(X, y)
    with pytest.raises(ValueError, match=message):
        compare({"few": FewParameters()}, X, y, X_test=X, y_test=y)
