"""An optuna study that one process or many work on."""

import os
import pickle
import socket
import sys
import time
import zlib
from collections import Counter
from contextlib import contextmanager, suppress
from functools import partial

import joblib
import optuna
from optuna.exceptions import ExperimentalWarning, UpdateFinishedTrialError
from optuna.samplers import BaseSampler, TPESampler
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.trial import TrialState
from sqlalchemy.exc import SQLAlchemyError
from tqdm import tqdm

from .._locks import warning_filter
from .._random import stream_seed
from ._objective import ERROR, TrainingFailed

_HEARTBEAT = 60  # seconds
_POLL = 1  # second
# names the process that runs a trial, and the trial: a retry inherits that of the dead one
_PROCESS, _BEGUN = "process", "begun"


class NumberedSampler(BaseSampler):
    """A TPE sampler that is seeded by the number of the trial and the name of the parameter.

    So a study goes on as if it had never stopped, and processes and threads that share one do not
    suggest the same.

    Parameters
    ----------
    seed : int
        The study's.
    """

    def __init__(self, seed):
        self.seed = seed

    def infer_relative_search_space(self, study, trial):
        """Leave all parameters to `sample_independent`."""
        return {}

    def sample_relative(self, study, trial, search_space):
        """Leave all parameters to `sample_independent`."""
        return {}

    def sample_independent(self, study, trial, param_name, param_distribution):
        """Suggest as TPE does."""
        seed = stream_seed(self.seed, trial.number, zlib.crc32(param_name.encode())) % 2**32
        sampler = TPESampler(seed=seed)
        return sampler.sample_independent(study, trial, param_name, param_distribution)


def open_study(*, storage, name, seed, pruner, made_of):
    """Make a study, or find it in its storage.

    Parameters
    ----------
    storage : optuna storage or None
        None is the memory of this process.
    name : str or None
        Of the study.
    seed : int
        Of a new study.
    pruner : optuna.pruners.BasePruner
        The pruner.
    made_of : dict
        Things by their names, on which trials depend beside their parameters.

    Returns
    -------
    optuna.Study
        Its user attribute "seed" is the study's.

    Raises
    ------
    ValueError
        If the study is there, and was made of something else or for something else, or a thing
        cannot be pickled.
    """
    with _quiet():
        study = optuna.create_study(
            study_name=name,
            storage=storage,
            pruner=pruner,
            direction="maximize",
            load_if_exists=True,
        )
    if [direction.name for direction in study.directions] != ["MAXIMIZE"]:
        raise ValueError(
            f"got the study {name!r}, which was not made to maximise one value, expected one of "
            "this search; choose another study_name"
        )
    found = study.user_attrs
    for what, thing in made_of.items():
        try:
            digest = joblib.hash(thing)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise ValueError(
                f"got {what} that cannot be pickled ({error}), expected some that can be told from "
                "others, for a study in storage; use named functions instead of lambdas"
            ) from error
        if what not in found:
            study.set_user_attr(what, digest)
        elif found[what] != digest:
            raise ValueError(
                f"got the study {name!r}, which was made with other {what}, expected one of this "
                "search; choose another study_name"
            )
    if "seed" not in found:
        study.set_user_attr("seed", seed)
    study.sampler = NumberedSampler(study.user_attrs["seed"])
    return study


def open_storage(storage):
    """Open a database in which the trials of processes that die are tried once more.

    Parameters
    ----------
    storage : str
        Its URL, such as "sqlite:///search.db".

    Returns
    -------
    optuna.storages.RDBStorage
        The storage.

    Raises
    ------
    ValueError
        If nothing that lasts can be opened there.
    """
    if storage in {"sqlite://", "sqlite:///:memory:"}:
        raise ValueError(
            f"got storage={storage!r}, a database in memory, expected one that lasts, such as "
            "'sqlite:///search.db'; None keeps the study in memory"
        )
    try:
        with warning_filter("ignore", category=ExperimentalWarning):
            return RDBStorage(
                storage,
                heartbeat_interval=_HEARTBEAT,
                heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(max_retry=1),
            )
    except (SQLAlchemyError, ImportError) as error:
        raise ValueError(
            f"got storage={storage!r}, which cannot be opened ({error}), expected a URL such as "
            "'sqlite:///search.db', in a folder that is there, or "
            "'postgresql://user@host/name', with a driver such as psycopg2"
        ) from error


def run_next_trial(study, objective, *, n_trials, timeout, heartbeat, verbose=0):
    """Run a trial, if the study needs one more.

    While other processes are at the last ones, wait for them: theirs may have to be tried again.
    In a storage without heartbeats, nothing tells that they are alive, so they do not count.

    Parameters
    ----------
    study : optuna.Study
        The study.
    objective : callable
        Takes a trial, and returns its value; `TrainingFailed` ends the trial, not the study.
    n_trials : int or None
        How many the study is to have in all; of several that begin at the same moment, those that
        are too many are failed at once.
    timeout : float
        Seconds after which none begins any more; they are not those of `time.time`, which jumps
        when a clock is set.
    heartbeat : int or None
        Seconds after which the study's storage hears again that a process is alive; None: never.
    verbose : int, default=0
        Whether to say what is waited for.

    Returns
    -------
    bool
        Whether there was one.
    """
    has_heartbeat = heartbeat is not None
    first_seen = {}
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if has_heartbeat:
            _fail_stale_trials(study, first_seen, grace_period=2 * heartbeat)
        n_of = count_trials(study)
        n_begun = n_of["ended"] + (n_of["running"] if has_heartbeat else 0)
        if n_trials is None or n_begun < n_trials:
            _run_trial(study, objective, n_trials if has_heartbeat else None, has_heartbeat)
            return True
        if n_of["ended"] >= n_trials:
            break
        if verbose:
            tqdm.write(_explain_waiting(study, heartbeat), file=sys.stderr)
            verbose = 0  # once is enough
        time.sleep(_POLL)
    return False


def _explain_waiting(study, heartbeat):
    running = study.get_trials(deepcopy=False, states=[TrialState.RUNNING])
    names = (f"{t.number} (process {t.user_attrs.get(_PROCESS, 'unknown')})" for t in running)
    return (
        f"waiting for trial {', '.join(names)}; if the process died, it is tried again in about "
        f"{2 * heartbeat} seconds"
    )


def count_trials(study):
    """Count trials that ended, and others that are running.

    Parameters
    ----------
    study : optuna.Study
        The study.

    Returns
    -------
    Counter
        "ended" of those with a value, pruned, or with a training that failed; "running".
    """
    n_of = Counter()
    for trial in study.get_trials(deepcopy=False):
        n_of["ended"] += _has_ended(trial)
        n_of["running"] += trial.state == TrialState.RUNNING
    return n_of


def in_memory(study):
    """Copy a study, for its file or server may go.

    Parameters
    ----------
    study : optuna.Study
        The study.

    Returns
    -------
    optuna.Study
        With the same trials and attributes, and no storage.
    """
    with _quiet():
        copied = optuna.create_study(
            study_name=study.study_name,
            sampler=study.sampler,
            pruner=study.pruner,
            direction=study.direction,
        )
    copied.add_trials(study.get_trials())
    for name, value in study.user_attrs.items():
        copied.set_user_attr(name, value)
    return copied


def _has_ended(trial):
    has_failed = trial.state == TrialState.FAIL and ERROR in trial.user_attrs
    return has_failed or trial.state in {TrialState.COMPLETE, TrialState.PRUNED}


class _Surplus(Exception):
    """Another process began the last trial at the same moment."""


def _run_trial(study, objective, n_trials, has_heartbeat):
    lost = []
    function = partial(_begin, objective, n_trials, has_heartbeat, lost)
    try:
        with _quiet():
            study.optimize(function, n_trials=1, catch=(TrainingFailed, _Surplus))
    except ValueError:
        if not lost:  # optuna does not take the result of a trial that was given up
            raise


def _begin(objective, n_trials, has_heartbeat, lost, trial):
    if has_heartbeat:
        trial.storage.record_heartbeat(trial._trial_id)
    trial.set_user_attr(_PROCESS, f"{socket.gethostname()}:{os.getpid()}")
    trial.set_user_attr(_BEGUN, trial.number)
    if n_trials is not None:
        trials = trial.study.get_trials(deepcopy=False)
        begun = [t.number for t in trials if _has_ended(t) or t.state == TrialState.RUNNING]
        if begun.index(trial.number) >= n_trials:
            raise _Surplus
    try:
        return objective(trial)
    except KeyboardInterrupt:
        trial.study.enqueue_trial(trial.params)  # for whoever goes on
        raise
    finally:
        # others took this process for dead, and have failed its trial
        if trial.storage.get_trial(trial._trial_id).state.is_finished():
            lost.append(trial.number)


def _fail_stale_trials(study, first_seen, grace_period):
    with warning_filter("ignore", category=ExperimentalWarning):
        optuna.storages.fail_stale_trials(study)
    # optuna leaves those alone whose process died before the first heartbeat
    for trial in study.get_trials(deepcopy=False, states=[TrialState.RUNNING]):
        seconds = time.monotonic() - first_seen.setdefault(trial.number, time.monotonic())
        if trial.user_attrs.get(_BEGUN) != trial.number and seconds > grace_period:
            with suppress(ValueError, UpdateFinishedTrialError):  # another process was faster
                study.tell(trial.number, state=TrialState.FAIL)


@contextmanager
def _quiet():
    """Keep optuna from a line per trial; what failed is told at the end of a search."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
