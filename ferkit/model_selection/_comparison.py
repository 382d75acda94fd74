"""Configurations side by side, over several seeds."""

from __future__ import annotations

import copy
import json
import re
import timeit
import traceback
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import NamedTuple

import joblib
import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.metrics import accuracy_score, f1_score
from sklearn.utils import check_consistent_length
from skorch.callbacks import Callback
from tqdm import tqdm

from .._base import BaseFER
from .._identity import by_content, hash_pickled
from .._images import as_array
from .._labels import check_labels, encode
from .._names import f1_column
from .._paths import as_path, check_place, write_whole
from .._typing import StrPath
from ._steps import check_has_parameters


def compare(
    configs: Mapping[str, BaseFER],
    X: ArrayLike,
    y: ArrayLike,
    *,
    X_test: ArrayLike,
    y_test: ArrayLike,
    X_val: ArrayLike | None = None,
    y_val: ArrayLike | None = None,
    max_epochs: int | None = None,
    seeds: int | Sequence[int] = (0, 1, 2),
    n_jobs: int | None = None,
    out: StrPath | None = None,
    verbose: int = 0,
) -> pd.DataFrame:
    """Train each configuration with each seed, and score them on the same images.

    Parameters
    ----------
    configs : mapping of str to estimator
        Unfitted ferkit estimators by the names of their configurations.
    X : array-like of shape (n, h, w), (n, h, w, 3) or (n, n_pixels)
        Images to train on.
    y : array-like of shape (n,)
        Their labels.
    X_test, y_test : array-like
        Images and labels to score on.
    X_val, y_val : array-like, default=None
        Images and labels to choose an epoch on: with them, the network of the epoch with the best
        validation macro-F1 is scored too.
    max_epochs : int, default=None
        Epochs of every configuration; None leaves each its own.
    seeds : int or sequence of int, default=(0, 1, 2)
        Each is the `random_state` of a fit of every configuration.
    n_jobs : int, default=None
        Processes that train at once; joblib divides the cores among them.
    out : path-like, default=None
        Folder in which each finished run is kept, in a file of its own: the same call trains only
        what is missing.
    verbose : int, default=0
        Whether to show a progress bar of the runs.

    Returns
    -------
    pandas.DataFrame
        A row per configuration, seed and network: config, seed, weights ("last epoch", or "best
        validation"), epoch, accuracy, f1_macro, f1_<label> for each class, seconds of training,
        n_parameters, n_multiply_adds for an image, and milliseconds that one image takes to
        predict (the median of 30 times; processes beside it make it longer), and the `history_`
        of the run, a DataFrame. `summarize` makes means and spreads of it,
        `ferkit.inspection.HistoryDisplay.from_runs` curves.

    Raises
    ------
    ValueError
        If a configuration is no ferkit estimator or has ``early_stopping=True``, a seed is no
        integer or there twice, there is a `y_val` without `X_val` or the other way round, `y_test`
        has labels that `y` lacks or another length than `X_test`, two names are the same file in
        `out`, parameters cannot be pickled to be told from others there, or it holds a run of this
        name on other data or with other parameters; of files of weights and teachers, their content
        counts. All of this before the first training, as what a `fit` would refuse but for its
        sampler. If a training fails, such as one that diverges, once the others have ended.
    OSError
        If `out` is no folder, or cannot be written to.

    Examples
    --------
    >>> from ferkit import ResNetFER
    >>> from ferkit.datasets import make_faces
    >>> from ferkit.model_selection import compare, parse_config, summarize
    >>> X, y = make_faces(140, random_state=0, return_X_y=True)
    >>> names = ["adam_lr3_drop0", "sgd_lr3_drop0"]
    >>> configs = {name: ResNetFER(**parse_config(name)) for name in names}
    >>> test = {"X_test": X[70:], "y_test": y[70:]}
    >>> runs = compare(configs, X[:70], y[:70], **test, max_epochs=1, seeds=[0, 1])
    >>> summarize(runs)["f1_macro"].columns.tolist()
    ['mean', 'std']
    """
    _check_configs(configs)
    seeds = _check_seeds(seeds)
    data = _check_data(
        {"X": X, "y": y, "X_val": X_val, "y_val": y_val, "X_test": X_test, "y_test": y_test}
    )
    tasks = _make_tasks(configs, seeds, max_epochs)
    runs: dict[int, tuple] = {}
    failed: dict[int, _Failure] = {}
    # before any training: what is refused is refused at once, not after hours
    if out is not None:
        tasks = _name_files(_make_folder(out), tasks, data)
        for i, task in enumerate(tasks):
            kept = task.file.read()
            if kept is not None:
                runs[i] = kept
    missing = {i: task for i, task in enumerate(tasks) if i not in runs}
    if out is not None and missing:
        check_place(next(iter(missing.values())).file.path)
    _rehearse(missing.values(), data)
    finished = Parallel(n_jobs=n_jobs, return_as="generator_unordered")(
        delayed(_run)(i, task, data) for i, task in missing.items()
    )
    for i, run in tqdm(finished, total=len(missing), desc="runs", disable=not verbose):
        if isinstance(run, _Failure):
            failed[i] = run
        else:
            runs[i] = run
    if failed:
        raise _explain([(tasks[i], failed[i]) for i in sorted(failed)], len(runs), out)
    in_order = [runs[i] for i in range(len(tasks))]
    return pd.DataFrame(
        {**row, "history": pd.DataFrame(history)} for rows, history in in_order for row in rows
    )


def _check_configs(configs):
    if (
        not isinstance(configs, Mapping)
        or not configs
        or not all(isinstance(name, str) for name in configs)
    ):
        raise ValueError(
            f"got configs={configs!r}, expected a dict of unfitted ferkit estimators by names"
        )
    for name, estimator in configs.items():
        if not isinstance(estimator, BaseFER):
            raise ValueError(
                f"got {estimator!r} as configuration {name!r}, expected a ferkit estimator; for "
                "others use scikit-learn's cross_validate"
            )
        check_has_parameters(estimator)
        if estimator.early_stopping:
            raise ValueError(
                f"got early_stopping=True in configuration {name!r}, expected False: the last "
                "epoch is scored, and with X_val the best one; set it to False"
            )


def _check_seeds(seeds):
    seeds = [seeds] if isinstance(seeds, (int, np.integer)) else list(seeds)
    if not all(isinstance(seed, Integral) for seed in seeds):
        raise ValueError(f"got seeds={seeds}, expected integers; pass such as range(3)")
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"got seeds={seeds}, expected different ones; a seed twice is one run")
    # numpy's integers have another digest, and JSON cannot hold them
    return [int(seed) for seed in seeds]


def _check_data(data):
    if (data["X_val"] is None) != (data["y_val"] is None):
        raise ValueError("got one of X_val and y_val, expected both or neither; pass the other")
    checked = dict(data)
    for key, value in data.items():
        if value is not None:
            is_y = key.startswith("y")
            # contiguous: two layouts of the same values have different digests
            checked[key] = check_labels(value) if is_y else np.ascontiguousarray(as_array(value))
    check_consistent_length(checked["X_test"], checked["y_test"])
    encode(checked["y_test"], np.unique(checked["y"]))
    return checked


def summarize(runs: pd.DataFrame) -> pd.DataFrame:
    """Compute means and standard deviations over the seeds of a comparison.

    Parameters
    ----------
    runs : pandas.DataFrame
        What `compare` returned.

    Returns
    -------
    pandas.DataFrame
        A row per configuration and network, in the order of `runs`; two columns per figure, "mean"
        and "std" (of the sample; NaN for a single seed).

    Examples
    --------
    >>> import pandas as pd
    >>> from ferkit.model_selection import summarize
    >>> runs = pd.DataFrame({"config": "a", "weights": "last epoch", "seed": [0, 1],
    ...                      "accuracy": [0.5, 0.7]})
    >>> summarize(runs)["accuracy"].iloc[0].round(2).tolist()
    [0.6, 0.14]
    """
    groups = runs.groupby(["config", "weights"], sort=False)
    left_out = {"config", "weights", "seed", "history"}
    return groups[[name for name in runs if name not in left_out]].agg(["mean", "std"])


class _Task(NamedTuple):
    """A configuration with a seed, and where its run is kept."""

    config: str
    seed: int
    estimator: BaseFER
    file: _RunFile | None = None


def _make_tasks(configs, seeds, max_epochs):
    tasks = []
    for config, estimator in configs.items():
        for seed in seeds:
            # verbose and checkpoint_dir do not change a run, so they are left out of its key
            quiet = clone(estimator).set_params(random_state=seed, verbose=0, checkpoint_dir=None)
            if max_epochs is not None:
                quiet.set_params(max_epochs=max_epochs)
            tasks.append(_Task(config, seed, quiet))
    return tasks


def _make_folder(out):
    folder = as_path(out)
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"got out={out}, a file, expected a folder; choose another")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _rehearse(tasks, data):
    """Raise what a run would before it trains."""
    training = [data[name] for name in ("X", "y", "X_val", "y_val")]
    rehearsed = set()
    for task in tasks:
        try:
            task.estimator._validate_params()  # of each, for its seed
            if task.config in rehearsed:
                continue
            probe = clone(task.estimator)
            probe._rehearse(*training)
        except (ValueError, OSError) as error:
            kind = ValueError if isinstance(error, ValueError) else type(error)
            raise kind(f"configuration {task.config!r}: {error}") from error
        try:
            probe._check_X(data["X_test"])
        except ValueError as error:
            raise ValueError(f"X_test: {error}") from error
        rehearsed.add(task.config)


class _Failure(NamedTuple):
    """Why a run failed: in a line, and in full. The exception itself would keep its network."""

    error: str
    trace: str


def _run(i, task, data):
    """Train and score; a failure is returned, so that other runs go on."""
    try:
        run = _train_and_score(task, data)
    except Exception as error:
        return i, _Failure(f"{type(error).__name__}: {error}", traceback.format_exc())
    if task.file is not None:
        task.file.write(*run)
    return i, run


def _explain(failures, n_ended, out):
    """Make an error of failures by their tasks."""
    failed = "; ".join(
        f"configuration {task.config!r} with seed {task.seed}, {failure.error}"
        for task, failure in failures
    )
    kept = "lost, pass out to keep them" if out is None else f"kept in {out}"
    error = ValueError(
        f"got runs that failed ({failed}), expected all to end well; leave them out, or change "
        f"them; those that ended, {n_ended}, are {kept}"
    )
    error.add_note(failures[0][1].trace)
    return error


def _train_and_score(task, data):
    estimator, keep_best = task.estimator, _KeepBest()
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
    rows = [_make_row(task, "last epoch", estimator.n_iter_, data, costs)]
    if has_validation:
        estimator.module_.load_state_dict(keep_best.weights)
        rows.append(_make_row(task, "best validation", keep_best.epoch, data, costs))
    return rows, estimator.history_.to_dict("list")


def _make_row(task, weights, epoch, data, costs):
    scores = _score(task.estimator, data["X_test"], data["y_test"])
    about = {"config": task.config, "seed": task.seed, "weights": weights, "epoch": epoch}
    return {**about, **scores, **costs}


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


def _name_files(folder, tasks, data):
    """Give each task a file of its own."""
    digest = joblib.hash(data)
    tasks = [task._replace(file=_RunFile(folder, task, digest)) for task in tasks]
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


class _RunFile:
    """Where a finished run is kept."""

    def __init__(self, folder, task, digest):
        self.path = folder / f"{re.sub(r'[^A-Za-z0-9_.=-]', '_', task.config)}-{task.seed}.json"
        params = task.estimator.get_params(deep=False)
        params |= by_content(params)
        self.key = {
            "config": task.config,
            "data": digest,
            "parameters": hash_pickled(
                [type(task.estimator).__name__, params], f"a configuration {task.config!r}", "out"
            ),
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

    def write(self, rows, history):
        stored = {"key": self.key, "rows": rows, "history": history}
        write_whole(self.path, json.dumps(stored).encode())


class _KeepBest(Callback):
    """Keep the weights of the epoch with the best validation macro-F1."""

    def on_train_begin(self, net, **kwargs):
        self.score, self.epoch, self.weights = -np.inf, 0, None

    def on_epoch_end(self, net, **kwargs):
        score = net.history[-1]["valid_f1_macro"]
        if score > self.score:
            self.score, self.epoch = score, len(net.history)
            self.weights = copy.deepcopy(net.predictor_.state_dict())

    def __sklearn_clone__(self):
        return self
