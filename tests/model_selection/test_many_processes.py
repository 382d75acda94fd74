"""Searches over several processes, as over several machines."""

import os
import signal
import subprocess
import sys
from collections import Counter
from functools import partial
from unittest import mock

import joblib
import numpy as np
import optuna
import pytest
from imblearn.over_sampling import RandomOverSampler
from imblearn.pipeline import Pipeline
from optuna.storages import RDBStorage
from optuna.trial import TrialState
from sklearn.model_selection import GridSearchCV
from sqlalchemy.exc import OperationalError

from ferkit.datasets import make_faces
from ferkit.model_selection._study import in_memory, open_storage, open_study
from ferkit.model_selection._trials import (
    _evaluate,
    _optimize_once,
    _Run,
    _Surplus,
    run_next_trial,
)
from tests.helpers import LinearFER
from tests.share_a_study import N_TRIALS, open_impatient_storage

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")


def begin(path, when):
    return subprocess.Popen([sys.executable, "-m", "tests.share_a_study", path, when])


def trials_of(path):
    return optuna.load_study(study_name="shared", storage=open_impatient_storage(path)).trials


def test_the_trial_of_a_killed_process_is_tried_again(tmp_path):
    path = tmp_path / "search.db"
    victim = begin(path, "first")
    assert victim.wait(timeout=120) == -signal.SIGKILL
    assert [trial.state for trial in trials_of(path)] == [TrialState.RUNNING]
    others = [begin(path, "never") for _ in range(2)]
    assert [other.wait(timeout=240) for other in others] == [0, 0]
    trials = trials_of(path)
    assert trials[0].state == TrialState.FAIL
    assert all(trial.state.is_finished() for trial in trials)
    n_of = Counter(trial.state for trial in trials)
    assert n_of[TrialState.COMPLETE] + n_of[TrialState.PRUNED] == N_TRIALS
    retry, *repeats = (t for t in trials if t.system_attrs.get("failed_trial") == 0)
    assert retry.params == trials[0].params
    assert retry.state != TrialState.FAIL
    # of two that began, or enqueued the retry, at the same moment, one was failed before it trained
    others = [t for t in trials[1:] if t.state == TrialState.FAIL and t not in repeats]
    assert not any(trial.params for trial in others)
    assert all(trial.state == TrialState.FAIL for trial in repeats)


def test_a_trial_is_tried_again_once(tmp_path):
    path = tmp_path / "search.db"
    assert begin(path, "first").wait(timeout=120) == -signal.SIGKILL
    assert begin(path, "retry").wait(timeout=120) == -signal.SIGKILL
    assert begin(path, "never").wait(timeout=240) == 0
    trials = trials_of(path)
    states = [trial.state for trial in trials]
    assert states.count(TrialState.FAIL) == 2
    assert states.count(TrialState.COMPLETE) + states.count(TrialState.PRUNED) == N_TRIALS
    assert len(states) == N_TRIALS + 2
    assert [trial.number for trial in trials if trial.system_attrs.get("failed_trial") == 0] == [
        next(n for n, trial in enumerate(trials) if n and trial.state == TrialState.FAIL)
    ]


def test_a_trial_that_never_began_holds_nobody_up(tmp_path, capsys):
    path = tmp_path / "search.db"
    storage = open_impatient_storage(path)
    study = open_study(storage=storage, name="any", seed=0, pruner=None, made_of={})
    with pytest.warns(UserWarning, match="supposed to be used with"):
        study.ask()  # by a process that died then
    limits = {"n_trials": 1, "timeout": np.inf, "heartbeat": 0.5}
    assert run_next_trial(study, lambda trial: 0.5, **limits, verbose=1)
    assert capsys.readouterr().err == (
        "waiting for trial 0 (process unknown); if the process died, it is tried again in about "
        "1.0 seconds\n"
    )
    assert not run_next_trial(study, lambda trial: 0.5, **limits)
    assert [trial.state for trial in study.trials] == [TrialState.FAIL, TrialState.COMPLETE]


def test_a_trial_that_was_given_up_by_others_is_let_go(tmp_path):
    storage = open_impatient_storage(tmp_path / "search.db")
    study = open_study(storage=storage, name="any", seed=0, pruner=None, made_of={})

    def objective(trial):
        if trial.number == 0:  # this process was suspended, say
            other = optuna.load_study(study_name="any", storage=storage)
            other.tell(0, state=TrialState.FAIL)
            trial.report(0.1, 1)
        return 0.5

    limits = {"n_trials": 1, "timeout": np.inf, "heartbeat": 1}
    assert run_next_trial(study, objective, **limits)
    assert run_next_trial(study, objective, **limits)
    assert [trial.state for trial in study.trials] == [TrialState.FAIL, TrialState.COMPLETE]


def test_one_too_many_is_failed_at_once(tmp_path):
    storage = open_impatient_storage(tmp_path / "search.db")
    study = open_study(storage=storage, name="any", seed=0, pruner=None, made_of={})
    limits = {"n_trials": 1, "timeout": np.inf, "heartbeat": 1}

    def objective(trial):
        if trial.number == 0:
            other = optuna.load_study(study_name="any", storage=storage)
            # as if this one had looked before that one began
            _optimize_once(other, objective, n_trials=1, has_heartbeat=True)
        return 0.5

    assert run_next_trial(study, objective, **limits)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE, TrialState.FAIL]


def with_a_dead_trial(path):
    storage = open_impatient_storage(path)
    study = open_study(storage=storage, name="any", seed=0, pruner=None, made_of={})
    ask(study)
    study.tell(0, state=TrialState.FAIL)
    return study, partial(storage.get_heartbeat_stale_trial_callback(), study, study.trials[0])


def ask(study):
    with pytest.warns(UserWarning, match="supposed to be used with"):
        return study.ask()


def test_a_dead_trial_that_several_found_is_tried_again_once(tmp_path):
    study, enqueue = with_a_dead_trial(tmp_path / "search.db")
    for _ in range(3):
        enqueue()
    begun = []

    def objective(trial):
        begun.append(trial.number)
        return 0.5

    while run_next_trial(study, objective, n_trials=2, timeout=np.inf, heartbeat=1):
        pass
    assert begun == [1, 4]  # the first retry, and a new one
    states = Counter(trial.state for trial in study.trials)
    assert states == {TrialState.FAIL: 3, TrialState.COMPLETE: 2}
    assert [trial.state for trial in in_memory(study).trials] == [t.state for t in study.trials]


def evaluate(trial, n_trials):
    run = _Run()
    try:
        value = _evaluate(trial, lambda trial: 0.5, n_trials, has_heartbeat=True, run=run)
    except _Surplus:
        assert run.is_surplus
        raise
    assert not run.is_surplus
    return value


def test_of_two_retries_that_began_the_later_does_not_train(tmp_path):
    study, enqueue = with_a_dead_trial(tmp_path / "search.db")
    enqueue()
    enqueue()
    first, second = ask(study), ask(study)
    with pytest.raises(_Surplus):
        evaluate(second, n_trials=5)
    assert evaluate(first, n_trials=5) == 0.5


def test_a_retry_is_before_a_new_trial_that_began_a_moment_earlier(tmp_path):
    study, enqueue = with_a_dead_trial(tmp_path / "search.db")
    new = ask(study)
    enqueue()
    enqueue()
    assert evaluate(new, n_trials=2) == 0.5
    with pytest.raises(_Surplus):
        evaluate(new, n_trials=1)


def test_a_queue_is_worked_off_beside_a_retry(tmp_path):
    study, enqueue = with_a_dead_trial(tmp_path / "search.db")
    for lr in (0.1, 0.2, 0.3):
        study.enqueue_trial({"lr": lr})
    enqueue()
    begun = []

    def objective(trial):
        begun.append(trial.suggest_float("lr", 0, 1))
        return 0.5

    while run_next_trial(study, objective, n_trials=3, timeout=np.inf, heartbeat=1):
        pass
    assert begun == [0.1, 0.2, 0.3]
    assert study.trials[-1].state == TrialState.WAITING  # for a search of more trials
    while run_next_trial(study, objective, n_trials=4, timeout=np.inf, heartbeat=1):
        pass
    assert [trial.state for trial in study.trials] == [TrialState.FAIL, *4 * [TrialState.COMPLETE]]


def test_a_trial_that_was_failed_before_it_began_is_let_go(tmp_path):
    study, _ = with_a_dead_trial(tmp_path / "search.db")

    def fail():  # another process takes it for a repeat
        study.tell(1, state=TrialState.FAIL)
        return "host"

    with mock.patch("socket.gethostname", fail):
        assert _optimize_once(study, lambda trial: 0.5, n_trials=1, has_heartbeat=True)
    assert _optimize_once(study, lambda trial: 0.5, n_trials=1, has_heartbeat=True)
    states = [trial.state for trial in study.trials]
    assert states == [TrialState.FAIL, TrialState.FAIL, TrialState.COMPLETE]


def test_one_too_many_waits_for_the_others(tmp_path):
    study, _ = with_a_dead_trial(tmp_path / "search.db")
    ask(study)  # by another process, which has not yet begun

    def tell(_):
        study.tell(1, 0.7)

    limits = {"n_trials": 1, "timeout": np.inf, "heartbeat": 60}
    with (
        mock.patch(
            "ferkit.model_selection._trials.count_trials",
            side_effect=[Counter(), *2 * [Counter(ended=1)]],
        ),
        mock.patch("time.sleep", tell),
    ):
        assert not run_next_trial(study, lambda trial: 0.5, **limits)
    assert [trial.state for trial in study.trials[2:]] == [TrialState.FAIL]


def test_a_url_is_opened_with_a_heartbeat(tmp_path):
    with open_storage(f"sqlite:///{tmp_path / 'search.db'}") as storage:
        assert storage.get_heartbeat_interval() == 60
        assert storage.get_heartbeat_stale_trial_callback()._max_retry == 1


@pytest.mark.parametrize("reason", ["table studies already exists", "database is locked"])
def test_processes_may_make_a_database_at_once(reason, tmp_path):
    url = f"sqlite:///{tmp_path / 'search.db'}"
    made = RDBStorage(url)
    error = OperationalError("CREATE TABLE studies", {}, Exception(reason))
    with (
        mock.patch("ferkit.model_selection._study.RDBStorage", side_effect=[error, error, made]),
        mock.patch("time.sleep") as sleep,
        open_storage(url) as storage,
    ):
        assert storage is made
    assert sleep.call_count == 2


def test_dask_finds_what_one_job_finds():
    distributed = pytest.importorskip("distributed")
    X, y = make_faces(140, image_size=16, random_state=0, return_X_y=True)
    steps = [("copies", RandomOverSampler(random_state=0)), ("net", LinearFER(max_epochs=2))]
    pipeline = Pipeline(steps).set_params(net__random_state=0)
    search = GridSearchCV(
        pipeline, {"net__lr": [1e-4, 1e-3, 1e-2]}, cv=2, scoring="f1_macro", error_score="raise"
    )
    rows = X.reshape(140, -1)
    here = search.fit(rows, y).cv_results_
    with (
        mock.patch.dict(os.environ),  # which a nanny writes into
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config(backend="dask"),
    ):
        there = search.fit(rows, y).cv_results_
    for name in ("mean_test_score", "rank_test_score"):
        assert there[name].tolist() == here[name].tolist()
