"""Configurations side by side, over several seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.typing import ArrayLike
from sklearn.utils import check_consistent_length
from tqdm import tqdm

from .._base import BaseFER
from .._images import as_array
from .._labels import check_labels, encode
from .._typing import StrPath
from ._runs import Failure, check_tasks, explain_failures, keep_in, make_tasks, run_task
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
        name on other data, with other parameters, or of another class or release; of files of
        weights and teachers, their content counts. All of this comes before the first training, and
        so does what a `fit` would refuse, but for errors of a sampler. If a training fails, such as
        one that diverges, or one with a history that no file in `out` can hold, once the others
        have ended.
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
    tasks = make_tasks(configs, seeds, max_epochs)
    runs: dict[int, tuple] = {}
    failed: dict[int, Failure] = {}
    # before any training: what is refused is refused at once, not after hours
    if out is not None:
        tasks = keep_in(out, tasks, data)
        kept = {i: task.file.read() for i, task in enumerate(tasks)}
        runs = {i: run for i, run in kept.items() if run is not None}
    missing = {i: task for i, task in enumerate(tasks) if i not in runs}
    check_tasks([*missing.values()], data)
    finished = Parallel(n_jobs=n_jobs, return_as="generator_unordered")(
        delayed(run_task)(i, task, data) for i, task in missing.items()
    )
    for i, run in tqdm(finished, total=len(missing), desc="runs", disable=not verbose):
        if isinstance(run, Failure):
            failed[i] = run
        else:
            runs[i] = run
    if failed:
        raise explain_failures([(tasks[i], failed[i]) for i in sorted(failed)], len(runs), out)
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
    seeds = list(seeds) if np.iterable(seeds) else [seeds]
    if not all(isinstance(seed, Integral) and 0 <= seed < 2**32 for seed in seeds):
        raise ValueError(f"got seeds={seeds}, expected integers, 0 or more; pass such as range(3)")
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

    Raises
    ------
    ValueError
        If `runs` has no "config" or "weights".

    Examples
    --------
    >>> import pandas as pd
    >>> from ferkit.model_selection import summarize
    >>> runs = pd.DataFrame({"config": "a", "weights": "last epoch", "seed": [0, 1],
    ...                      "accuracy": [0.5, 0.7]})
    >>> summarize(runs)["accuracy"].iloc[0].round(2).tolist()
    [0.6, 0.14]
    """
    by = ["config", "weights"]
    missing = [name for name in by if name not in {*runs, *runs.index.names}]
    if missing:
        raise ValueError(
            f"got runs without {' and '.join(missing)}, expected the DataFrame of compare; pass it "
            "with all of its columns"
        )
    groups = runs.groupby(by, sort=False)
    left_out = {*by, "seed", "history"}
    return groups[[name for name in runs if name not in left_out]].agg(["mean", "std"])
