"""The trials of a study, run by one process or many."""

import math
import os
import socket
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from itertools import count, takewhile

import optuna
from joblib import Parallel, delayed
from optuna.exceptions import ExperimentalWarning, UpdateFinishedTrialError
from optuna.trial import TrialState
from sklearn.exceptions import FitFailedWarning
from tqdm import tqdm

from .._locks import warning_filter
from .._messages import warn_user
from ._objective import ERROR, TrainingFailed
from ._study import quiet

_POLL = 1  # second
# user attributes of a trial: its process, and its number, since a retry inherits the dead one's
_PROCESS, _BEGUN = "process", "begun"


def run_trials(study, objective, *, n_trials, timeout, heartbeat, n_jobs, verbose):
    """Run trials until the study has `n_trials` in all, or the time is up.

    `n_trials` is None for a `timeout` alone: seconds after which none begins any more, or None.
    `objective` and `heartbeat` are as in `run_next_trial`; `n_jobs` processes run trials at once.
    With `verbose`, there is a progress bar, and a word about which other processes' trials are
    waited for.
    """
    deadline = time.monotonic() + (math.inf if timeout is None else timeout)
    n_left = None
    if n_trials is not None:
        n_left = max(0, n_trials - count_trials(study)["ended"])
    numbers = count() if n_left is None else range(n_left)
    open_numbers = takewhile(lambda _: time.monotonic() < deadline, numbers)
    run = delayed(run_next_trial)
    tasks = (
        run(
            study,
            objective,
            n_trials=n_trials,
            timeout=deadline - time.monotonic(),  # another machine has another clock
            heartbeat=heartbeat,
            verbose=verbose,
        )
        for _ in open_numbers
    )
    # a task's time runs from the moment it is made: make none before a worker is free
    parallel = Parallel(n_jobs, return_as="generator_unordered", pre_dispatch="n_jobs")
    with tqdm(total=n_left, desc="trials", disable=not verbose) as progress:
        for was_run in parallel(tasks):
            progress.update(was_run)
            if not progress.disable:
                # pruned trials have values, too, but not of all folds
                complete = study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
                best = max((trial.value for trial in complete), default=0)
                progress.set_postfix(best=f"{best:.3f}")


def run_next_trial(study, objective, *, n_trials, timeout, heartbeat, verbose=0):
    """Run a trial, if the study needs one more; return whether there was one.

    While other processes are at the last ones, wait for them: theirs may have to be tried again. In
    a storage without heartbeats, nothing tells that they are alive, so they do not count.

    `objective` takes a trial, and returns its value; its `TrainingFailed` ends the trial, not the
    study. `n_trials` is how many the study is to have in all, or None; of several that begin at the
    same moment, those that are too many are failed at once. `timeout` is the seconds after which
    none begins any more; they are not those of `time.time`, which jumps when a clock is set.
    `heartbeat` is as `heartbeat_of` finds it.
    """
    has_heartbeat = heartbeat is not None
    first_seen = {}
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if has_heartbeat:
            _fail_stale_trials(study, first_seen, grace_period=2 * heartbeat)
        counts = count_trials(study)
        n_begun = counts["ended"] + (counts["running"] if has_heartbeat else 0)
        if n_trials is None or n_begun < n_trials:
            if _optimize_once(study, objective, n_trials, has_heartbeat):
                return True
            continue
        if counts["ended"] >= n_trials:
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
    """Count trials that have "ended", and others that are "running".

    Those with a value have ended, those that were pruned, and those with a training that failed.
    """
    trials = study.get_trials(deepcopy=False)
    return Counter(
        ended=sum(map(_has_ended, trials)),
        running=sum(trial.state == TrialState.RUNNING for trial in trials),
    )


def check_trials(study, n_before):
    """Refuse a study without a value, with a ValueError, and warn of trainings that failed.

    `n_before` of its trials had ended before the search; where no others have, nothing is warned
    of.
    """
    trials = study.get_trials(deepcopy=False)
    errors = [trial.user_attrs[ERROR] for trial in trials if ERROR in trial.user_attrs]
    if not any(trial.state == TrialState.COMPLETE for trial in trials):
        advice = "raise timeout"
        if errors:
            advice = f"the first error was: {errors[0]}"
        elif any(trial.state == TrialState.PRUNED for trial in trials):
            advice = "all were pruned: take a milder pruner, or optuna.pruners.NopPruner()"
        raise ValueError(
            f"got {len(trials)} trials, of which none ended with a value, expected some; {advice}"
        )
    if errors and count_trials(study)["ended"] > n_before:
        warn_user(
            f"the training of {len(errors)} of {len(trials)} trials failed, which have no "
            f"value; the first error was: {errors[0]}",
            FitFailedWarning,
        )


def _has_ended(trial):
    has_failed = trial.state == TrialState.FAIL and ERROR in trial.user_attrs
    return has_failed or trial.state in {TrialState.COMPLETE, TrialState.PRUNED}


class _Surplus(Exception):
    """Another process began the last trial, or the same one, at the same moment."""


@dataclass
class _Run:
    """What became of a trial that this process ran."""

    is_lost: bool = False  # another process has ended it
    is_surplus: bool = False


def _optimize_once(study, objective, n_trials, has_heartbeat):
    """Run a trial; returns whether it was not one too many."""
    run = _Run()

    def evaluate(trial):
        return _evaluate(trial, objective, n_trials, has_heartbeat, run)

    try:
        with quiet():
            study.optimize(evaluate, n_trials=1, catch=(TrainingFailed, _Surplus))
    except (ValueError, UpdateFinishedTrialError):
        # optuna refuses the result of a trial that another process has ended
        if not (run.is_lost or run.is_surplus):
            raise
    return not run.is_surplus


def _evaluate(trial, objective, n_trials, has_heartbeat, run):
    """Compute a trial's value, and note in `run` what other processes made of the trial."""
    try:
        if has_heartbeat:
            trial.storage.record_heartbeat(trial._trial_id)
        trial.set_user_attr(_PROCESS, f"{socket.gethostname()}:{os.getpid()}")
        trial.set_user_attr(_BEGUN, trial.number)
        if has_heartbeat:
            _fail_repeats(trial.study)
            if _is_surplus(trial, math.inf if n_trials is None else n_trials):
                run.is_surplus = True
                raise _Surplus
        return objective(trial)
    except KeyboardInterrupt:
        # the search may go on later: it then begins with this trial
        trial.study.enqueue_trial(trial.params)
        raise
    finally:
        # other processes may have taken this one for dead, and have failed its trial
        run.is_lost = trial.storage.get_trial(trial._trial_id).state.is_finished()


def _is_surplus(trial, n_trials):
    trials = trial.study.get_trials(deepcopy=False)
    repeats = _find_repeats(trials)
    own = trials[trial.number]
    is_from_queue = own.params or own.system_attrs
    n_before = 0
    for other in trials:
        if other.state == TrialState.WAITING:
            # a retry goes before a new trial, even one that began a moment earlier
            is_before = not is_from_queue and _retried_number(other) is not None
        else:
            is_before = other.number < trial.number
        is_counted = _has_ended(other) or not other.state.is_finished()
        if is_before and is_counted and other.number not in repeats:
            n_before += 1
    return trial.number in repeats or n_before >= n_trials


def _retried_number(trial):
    history = trial.system_attrs.get("retry_history")
    return history[-1] if history else None


def _find_repeats(trials):
    # processes that find a dead trial at the same moment enqueue a retry each
    retried, repeats = set(), set()
    for trial in trials:
        number = _retried_number(trial)
        if number in retried:
            repeats.add(trial.number)
        elif number is not None:
            retried.add(number)
    return repeats


def _fail_repeats(study):
    trials = study.get_trials(deepcopy=False)
    for number in _find_repeats(trials):
        trial = trials[number]
        if trial.state == TrialState.WAITING:
            with suppress(UpdateFinishedTrialError):  # another process was faster
                # start it before failing it: optuna cannot copy an ended trial without a start time
                if study._storage.set_trial_state_values(trial._trial_id, TrialState.RUNNING):
                    study._storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)


def _fail_stale_trials(study, first_seen, grace_period):
    with warning_filter("ignore", category=ExperimentalWarning):
        optuna.storages.fail_stale_trials(study)
    # optuna misses trials of processes that died before their first heartbeat
    for trial in study.get_trials(deepcopy=False, states=[TrialState.RUNNING]):
        seconds = time.monotonic() - first_seen.setdefault(trial.number, time.monotonic())
        if trial.user_attrs.get(_BEGUN) != trial.number and seconds > grace_period:
            with suppress(ValueError, UpdateFinishedTrialError):  # another process was faster
                study.tell(trial.number, state=TrialState.FAIL)
    _fail_repeats(study)
