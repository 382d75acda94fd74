"""An optuna study, and where it is kept for one process or many."""

import time
import zlib
from contextlib import contextmanager
from pathlib import Path

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, TPESampler
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock, JournalStorage
from optuna.trial import TrialState
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from .._identity import hash_pickled
from .._locks import ForkSafeLock, warning_filter
from .._random import stream_seed

_HEARTBEAT = 60  # seconds
_N_ATTEMPTS = 20  # to open a database
_verbosity_lock = ForkSafeLock()
_verbosity = {"depth": 0, "before": optuna.logging.ERROR}


class NumberedSampler(BaseSampler):
    """A TPE sampler that is seeded by the number of the trial and the name of the parameter.

    So a study goes on as if it had never stopped, and processes and threads that share one do not
    suggest the same.
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
    """Make a study, or find it in its storage, where None is the memory of this process.

    `seed` is only of a new study; the study's own is its user attribute "seed". `made_of` has
    things by their names, on which trials depend beside their parameters. Raises a ValueError if
    the study is there, and was made of something else or for something else, or a thing cannot be
    pickled.
    """
    with quiet():
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
        digest = hash_pickled(thing, what, "a study in storage")
        if what not in found:
            study.set_user_attr(what, digest)
        elif found[what] != digest:
            different = "a different space" if what == "space" else f"different {what}"
            raise ValueError(
                f"got the study {name!r}, which was made with {different}, expected one of this "
                "search; choose another study_name"
            )
    if "seed" not in found:
        study.set_user_attr("seed", seed)
    study.sampler = NumberedSampler(study.user_attrs["seed"])
    return study


def check_space(study, space):
    """Ask a space for the parameters of trials that are there, before others are run.

    Raises a ValueError if a trial was made in another space.
    """
    # a space may prune: it would raise TrialPruned again for a pruned trial
    for trial in study.get_trials(states=(TrialState.COMPLETE,)):
        try:
            space(trial)
        except ValueError as error:
            raise ValueError(
                f"got the study {study.study_name!r}, which was made with a different space "
                f"({error}), expected one of this search; choose another study_name"
            ) from error


@contextmanager
def open_storage(storage):
    """Open a database in which the trials of processes that die are tried once more; close it.

    `storage` is its URL, such as "sqlite:///search.db". Raises a ValueError if nothing that lasts
    can be opened there.
    """
    if storage in {"sqlite://", "sqlite:///:memory:"}:
        raise ValueError(
            f"got storage={storage!r}, a database in memory, expected one that lasts, such as "
            "'sqlite:///search.db'; None keeps the study in memory"
        )
    opened = _connect(storage)
    try:
        yield opened
    finally:  # not whenever it is collected, of which Python 3.13 warns
        opened.remove_session()
        opened.engine.dispose()


def _connect(storage):
    for attempt in range(_N_ATTEMPTS):
        try:
            with warning_filter("ignore", category=ExperimentalWarning):
                return RDBStorage(
                    storage,
                    heartbeat_interval=_HEARTBEAT,
                    heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(max_retry=1),
                )
        except (SQLAlchemyError, ImportError) as error:
            # another process may be making the same tables at this moment
            if _is_race(error) and attempt < _N_ATTEMPTS - 1:
                time.sleep(0.2)
                continue
            raise ValueError(
                f"got storage={storage!r}, which cannot be opened ({error}), expected a URL such "
                "as 'sqlite:///search.db', in a folder that is there, or "
                "'postgresql://user@host/name', with a driver such as psycopg2"
            ) from error


def _is_race(error):
    said = str(error)
    return isinstance(error, IntegrityError) or "already exists" in said or "is locked" in said


def open_journal(folder):
    """Make a storage in a folder that processes of this machine share while a search runs."""
    path = str(Path(folder) / "study.log")
    # the default lock is a symbolic link, which takes special rights on Windows
    return JournalStorage(JournalFileBackend(path, lock_obj=JournalFileOpenLock(path)))


def heartbeat_of(storage):
    """Find after how many seconds a storage hears again that a process is alive; None: never."""
    ask = getattr(storage, "get_heartbeat_interval", None)
    return None if ask is None else ask()


def in_memory(study):
    """Copy a study with its trials and attributes, for its file or server may go."""
    with quiet():
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


@contextmanager
def quiet():
    """Keep optuna from a line per trial; `check_trials` tells what failed, at the end."""
    # the verbosity is global: the first thread saves it, the last restores it
    with _verbosity_lock:
        if _verbosity["depth"] == 0:
            _verbosity["before"] = optuna.logging.get_verbosity()
            optuna.logging.set_verbosity(optuna.logging.ERROR)
        _verbosity["depth"] += 1
    try:
        yield
    finally:
        with _verbosity_lock:
            _verbosity["depth"] -= 1
            if _verbosity["depth"] == 0:
                optuna.logging.set_verbosity(_verbosity["before"])
