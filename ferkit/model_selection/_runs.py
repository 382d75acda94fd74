"""The runs of a comparison: each is a fit that is scored, and may be kept in a file."""

from __future__ import annotations

import copy
import json
import re
import timeit
import traceback
from typing import NamedTuple

import joblib
import numpy as np
from sklearn.base import clone
from sklearn.metrics import accuracy_score, f1_score
from skorch.callbacks import Callback

from .._base import BaseFER
from .._identity import by_content, hash_pickled, identify_code
from .._names import f1_column
from .._paths import as_path, check_place, make_folder, write_whole


class Task(NamedTuple):
    """A configuration with a seed, and where its run is kept."""

    config: str
    seed: int
    estimator: BaseFER
    file: RunFile | None = None


def make_tasks(configs, seeds, max_epochs):
    """List the runs of a comparison, one for each configuration and seed, without files.

    `max_epochs` is for every configuration; None leaves each its own.
    """
    tasks = []
    for config, estimator in configs.items():
        for seed in seeds:
            # verbose and checkpoint_dir do not change a run, so they are left out of its key
            quiet = clone(estimator).set_params(random_state=seed, verbose=0, checkpoint_dir=None)
            if max_epochs is not None:
                quiet.set_params(max_epochs=max_epochs)
            tasks.append(Task(config, seed, quiet))
    return tasks


def check_tasks(tasks, data):
    """Raise what a run would before it trains.

    `data` has X, y, X_val, y_val, X_test and y_test. Raises the ValueError or OSError that a `fit`
    or a prediction would; or an OSError if a run's file cannot be written.
    """
    training = [data[name] for name in ("X", "y", "X_val", "y_val")]
    if tasks and tasks[0].file is not None:
        check_place(tasks[0].file.path)
    for config, task in {task.config: task for task in tasks}.items():  # seeds make no difference
        probe = clone(task.estimator)
        try:
            probe._check_fit(*training)
        except (ValueError, OSError) as error:
            kind = ValueError if isinstance(error, ValueError) else type(error)
            raise kind(f"configuration {config!r}: {error}") from error
        try:
            probe._check_X(data["X_test"])
        except ValueError as error:
            raise ValueError(f"X_test: {error}") from error


class Failure(NamedTuple):
    """Why a run failed: in a line, and in full. The exception itself would keep its network."""

    error: str
    trace: str


def run_task(i, task, data):
    """Train and score, and keep the run if it has a file.

    Returns `i`, for runs end in any order, and the rows of the table with the history. A failure to
    train is returned in their place, so that other runs go on; one to write the file is raised.
    """
    try:
        run = _train_and_score(task, data)
        content = None if task.file is None else task.file.encode(*run)
    except Exception as error:
        return i, Failure(f"{type(error).__name__}: {error}", traceback.format_exc())
    if content is not None:
        write_whole(task.file.path, content)
    return i, run


def explain_failures(failures, n_ended, out):
    """Make a ValueError of pairs of tasks and failures; its note is the first one's traceback.

    `n_ended` other runs did not fail, and are kept in the folder `out`, or lost if that is None.
    """
    failed = "".join(
        f"\n  {task.config!r} with seed {task.seed}: {failure.error}" for task, failure in failures
    )
    kept = "lost, pass out to keep them" if out is None else f"kept in {out}"
    error = ValueError(
        f"got runs that failed, expected all to end well; leave them out, or change them; those "
        f"that ended, {n_ended}, are {kept}{failed}"
    )
    error.add_note(failures[0][1].trace)
    return error


def _train_and_score(task, data):
    # a clone, for the tasks outlive their runs, and would keep all networks
    estimator, keep_best = clone(task.estimator), _KeepBest()
    has_validation = data["X_val"] is not None
    if has_validation:
        estimator.set_params(callbacks=[*(estimator.callbacks or []), keep_best])
    estimator.fit(data["X"], data["y"], X_val=data["X_val"], y_val=data["y_val"])
    costs = {
        "seconds": float(estimator.history_["seconds"].sum()),
        "n_parameters": estimator.n_parameters_,
        "n_multiply_adds": estimator.n_multiply_adds_,
        "milliseconds": _time_one_image(estimator, data["X_test"][:1]),
    }

    def make_row(weights, epoch):
        about = {"config": task.config, "seed": task.seed, "weights": weights, "epoch": epoch}
        return {**about, **_score(estimator, data["X_test"], data["y_test"]), **costs}

    rows = [make_row("last epoch", estimator.n_iter_)]
    if has_validation:
        estimator.module_.load_state_dict(keep_best.weights)
        rows.append(make_row("best validation", keep_best.epoch))
    return rows, estimator.history_.to_dict("list")


def _score(estimator, X, y):
    predicted, labels = estimator.predict(X), estimator.classes_
    f1 = f1_score(y, predicted, labels=labels, average=None, zero_division=0)
    return {
        "accuracy": float(accuracy_score(y, predicted)),
        "f1_macro": float(f1_score(y, predicted, average="macro", zero_division=0)),
        **{f1_column("f1_", label): float(f) for label, f in zip(labels, f1, strict=True)},
    }


def _time_one_image(estimator, X):
    estimator.predict(X)  # the first call takes longer
    return 1e3 * float(np.median(timeit.repeat(lambda: estimator.predict(X), number=1, repeat=30)))


def keep_in(out, tasks, data):
    """Give each task a file of its own in the folder `out`, which is made if it is missing.

    `data` is as `check_tasks` takes it. Raises a NotADirectoryError if `out` is a file, an OSError
    if it cannot be made, and a ValueError if two configurations would have the same file, or one
    cannot be told from others.
    """
    folder = as_path(out)
    make_folder(folder, "out")
    digest = joblib.hash(data)
    tasks = [task._replace(file=RunFile(folder, task, digest)) for task in tasks]
    configs = {}
    for task in tasks:
        # some file systems take small and capital letters for the same
        other = configs.setdefault(task.file.path.name.lower(), task.config)
        if other != task.config:
            raise ValueError(
                f"got configurations {other!r} and {task.config!r}, whose runs would be kept in "
                "the same file, expected names that differ by more than capitals and characters "
                "other than letters, digits and _.=-; rename one"
            )
    return tasks


class RunFile:
    """Where a finished run is kept."""

    def __init__(self, folder, task, digest):
        self.path = folder / f"{re.sub(r'[^A-Za-z0-9_.=-]', '_', task.config)}-{task.seed}.json"
        params = task.estimator.get_params(deep=False)
        params |= by_content(params)
        self.key = {
            "config": task.config,
            **identify_code(task.estimator),
            "data": digest,
            "parameters": hash_pickled(params, f"a configuration {task.config!r}", "out"),
        }

    def read(self):
        if not self.path.exists():
            return None
        advice = "choose another out, or delete the file to train anew"
        try:
            stored = json.loads(self.path.read_text())
            key, run = dict(stored["key"]), (stored["rows"], stored["history"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"got {self.path}, a damaged or other file, expected a run of this comparison; "
                f"{advice}"
            ) from error
        for what, own in self.key.items():
            if key.get(what) != own:
                raise ValueError(
                    f"got {self.path}, a run with different {what}, expected one of this "
                    f"comparison; {advice}"
                )
        return run

    def encode(self, rows, history):
        stored = {"key": self.key, "rows": rows, "history": history}
        try:
            return json.dumps(stored).encode()
        except TypeError as error:
            raise ValueError(
                f"got something in history_ that no file can hold ({error}), expected numbers and "
                "strings; let the callback record such, or leave out=None"
            ) from error


class _KeepBest(Callback):
    """Keep the weights of the epoch with the best validation macro-F1."""

    def on_train_begin(self, net, **kwargs):
        self.score, self.epoch, self.weights = -np.inf, 0, None

    def on_epoch_end(self, net, **kwargs):
        score = net.history[-1]["valid_f1_macro"]
        if score > self.score:
            self.score, self.epoch = score, len(net.history)
            self.weights = copy.deepcopy(net.predictor_.state_dict())
