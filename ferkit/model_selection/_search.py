"""FERSearchCV."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from copy import deepcopy
from numbers import Integral, Real
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

import numpy as np
from joblib import effective_n_jobs
from numpy.typing import ArrayLike, NDArray
from sklearn import get_config
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.metrics import f1_score
from sklearn.model_selection import BaseCrossValidator, BaseShuffleSplit
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags, indexable
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from .._base import BaseFER
from .._identity import by_content
from .._labels import check_labels
from .._random import draw_seed
from .._typing import RandomStateLike
from .._validation import fit_context
from ._folds import as_samples, find_folds
from ._spaces import resolve_space
from ._steps import check_has_parameters, last_step

if TYPE_CHECKING:
    import optuna

_Method = TypeVar("_Method", bound=Callable[..., Any])


def _if_estimator_has(name: str) -> Callable[[_Method], _Method]:
    def check(search):
        getattr(getattr(search, "best_estimator_", search.estimator), name)
        return search.refit

    return available_if(check)


class FERSearchCV(MetaEstimatorMixin, BaseEstimator):
    """Search for an estimator's parameters with optuna [1]_, by macro-F1 in cross-validation.

    A trial trains the estimator on each fold in turn, reports the mean macro-F1 after each epoch,
    and is pruned where it is behind earlier trials, most of the time in its first fold. In a
    Pipeline, samplers and transformers work inside each fold, once, before the last step trains
    epoch by epoch. The folds are those of the whole study, and keep copies of an image together.

    Parameters
    ----------
    estimator : ferkit estimator, or Pipeline that ends with one
        Its parameters are what is searched.
    space : callable, dict or None, default=None
        Where to search. None is `ferkit.model_selection.default_space`, with the name of a
        Pipeline's last step before those of parameters. A function like it takes an optuna trial
        and returns parameters, by the trial's suggestions alone: it is called again to tell the
        best parameters. A dict has a distribution of ``optuna.distributions`` by parameter; or, for
        what is no number or string, a dict of its values by names of your own. A study in `storage`
        goes on with the space it began with.
    n_trials : int or None, default=30
        How many trials the study has in the end: those before, in `storage`, and those of other
        processes are among them, also pruned ones and those whose training failed. None is for a
        `timeout`.
    timeout : float or None, default=None
        Seconds after which no trial begins any more.
    cv : int, splitter, iterable or None, default=None
        The folds: None or an int are so many stratified ones, 5 for None. A splitter, such as
        ``PredefinedSplit``, is asked once; one that knows no groups separates copies. A fold is
        scored only: `early_stopping` and "plateau" take what is in the rest, as in `fit`.
    groups : {"duplicates"} or None, default="duplicates"
        "duplicates" finds copies of images, and keeps each in the fold of the others; `fit` also
        takes groups of your own. None looks for none, as for a Pipeline that begins with paths.
    pruner : optuna pruner or None, default=None
        None is a MedianPruner that leaves the first 5 trials alone, and looks at others after each
        half of `max_epochs`, for a median after each epoch would let hardly any come through;
        ``optuna.pruners.NopPruner()`` never prunes.
    storage : str, optuna storage or None, default=None
        Where the study is kept, such as "sqlite:///search.db". A search that was stopped goes on
        there, and processes share it, on many machines with "postgresql://user@host/name". In one
        that is opened by its URL, the trial of a process that died is marked as failed, and tried
        once more.
    study_name : str or None, default=None
        The study's name in `storage`; either needs the other.
    n_jobs : int or None, default=None
        Trials at once, each in a process of its own; joblib divides the cores among them.
    random_state : int, RandomState instance or None, default=None
        Seeds the suggestions, and whatever in the estimator has ``random_state=None``. With an int
        and one job the same search gives the same study. A study in `storage` keeps that of the
        first search; for None it is derived from `study_name`.
    refit : bool, default=True
        Whether to train the best parameters on all of `X` afterwards.
    verbose : int, default=0
        Whether to show a progress bar of the trials, with the best macro-F1, and to say which other
        processes' trials are waited for.

    Attributes
    ----------
    best_estimator_ : estimator
        Fitted on all of `X`; with ``refit=True``.
    best_params_ : dict
        The best trial's parameters.
    best_score_ : float
        Its macro-F1, the mean over the folds.
    study_ : optuna.Study
        All trials; ``study_.trials_dataframe()`` is a table of them, where other searches have
        `cv_results_`. The user attributes of a trial name the `process` that ran it, the `scores`
        of its folds if it was finished, and the `error` if its training failed. It is a copy in
        memory of what is in `storage`.
    n_splits_ : int
        Number of folds.
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted; with ``refit=True``.
    n_features_in_ : int
        Number of values per image; with ``refit=True``.
    feature_names_in_ : ndarray of shape (n_values,)
        The columns of `X`; with ``refit=True``, where `best_estimator_` has them.

    See Also
    --------
    sklearn.model_selection.GridSearchCV : Tries all of a few.
    compare : Named configurations over several seeds.

    References
    ----------
    .. [1] Akiba et al., "Optuna: A Next-generation Hyperparameter Optimization Framework",
       KDD 2019.

    Examples
    --------
    >>> from optuna.distributions import FloatDistribution
    >>> from ferkit import ResNetFER
    >>> from ferkit.datasets import make_faces
    >>> from ferkit.model_selection import FERSearchCV
    >>> X, y = make_faces(140, random_state=0, return_X_y=True)
    >>> space = {"lr": FloatDistribution(1e-4, 1e-2, log=True)}
    >>> search = FERSearchCV(ResNetFER(max_epochs=1), space, n_trials=2, cv=2, random_state=0)
    >>> search.fit(X, y).predict(X).shape
    (140,)
    >>> list(search.best_params_)
    ['lr']
    """

    _parameter_constraints = {
        "estimator": [HasMethods("fit")],
        "space": [callable, dict, None],
        "n_trials": [Interval(Integral, 1, None, closed="left"), None],
        "timeout": [Interval(Real, 0, None, closed="neither"), None],
        "cv": ["cv_object"],
        "groups": [StrOptions({"duplicates"}), None],
        "pruner": [HasMethods("prune"), None],
        "storage": [str, HasMethods("create_new_study"), None],
        "study_name": [str, None],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "refit": ["boolean"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        estimator: BaseFER | Pipeline,
        space: Callable[[optuna.Trial], dict[str, Any]] | dict[str, Any] | None = None,
        *,
        n_trials: int | None = 30,
        timeout: float | None = None,
        cv: int
        | BaseCrossValidator
        | BaseShuffleSplit
        | Iterable[tuple[np.ndarray, np.ndarray]]
        | None = None,
        groups: Literal["duplicates"] | None = "duplicates",
        pruner: optuna.pruners.BasePruner | None = None,
        storage: str | optuna.storages.BaseStorage | None = None,
        study_name: str | None = None,
        n_jobs: int | None = None,
        random_state: RandomStateLike = None,
        refit: bool = True,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.space = space
        self.n_trials = n_trials
        self.timeout = timeout
        self.cv = cv
        self.groups = groups
        self.pruner = pruner
        self.storage = storage
        self.study_name = study_name
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.refit = refit
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: ArrayLike, y: ArrayLike, *, groups: ArrayLike | None = None) -> Self:
        """Run trials until there are enough, and train the best parameters on all images.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, 3) or (n, n_pixels)
            Images or rows, as the estimator takes them; or what a Pipeline's first step takes.
        y : array-like of shape (n,)
            Their labels.
        groups : array-like of shape (n,), default=None
            What belongs together, in place of the copies that are found.

        Returns
        -------
        self : object
            The fitted search.

        Raises
        ------
        ValueError
            If a parameter is not what is expected, `storage` holds a study of this name on other
            data, folds or parameters, or no trial ended with a value.
        TypeError
            If `space` is a function that returns no dict.

        Warns
        -----
        FitFailedWarning
            If the training of some trials failed, such as with too large a learning rate.
        """
        from ._objective import Objective
        from ._study import check_space, heartbeat_of, in_memory, open_study
        from ._trials import check_trials, count_trials, run_trials

        self._check_parameters()
        for name in ("study_", "n_splits_", "best_score_", "best_params_", "best_estimator_"):
            self.__dict__.pop(name, None)  # this fit may stop before it sets them anew
        find_copies = self.groups is not None
        X = as_samples(X, self.estimator, must_be_images=find_copies and groups is None)
        X, y = indexable(X, check_labels(y))
        folds, groups = find_folds(self.cv, X, y, groups, find_copies=find_copies)
        space = resolve_space(self.space, self.estimator)
        with TemporaryDirectory() as folder, self._open_storage(folder) as storage:
            study = open_study(
                storage=storage,
                name=self.study_name,
                seed=self._draw_seed(),
                pruner=self._get_pruner(),
                made_of=self._describe(X, y, folds, space) if self.storage is not None else {},
            )
            check_space(study, space)
            n_before = count_trials(study)["ended"]
            objective = Objective(
                self.estimator, space, X, y, folds, groups, study.user_attrs["seed"]
            )
            try:
                run_trials(
                    study,
                    objective,
                    n_trials=self.n_trials,
                    timeout=self.timeout,
                    heartbeat=heartbeat_of(storage),
                    n_jobs=self.n_jobs,
                    verbose=self.verbose,
                )
            finally:  # Ctrl-C keeps the trials so far
                self.study_ = in_memory(study)
        self.n_splits_ = len(folds)
        check_trials(self.study_, n_before)
        best = self.study_.best_trial
        self.best_score_, self.best_params_ = best.value, space(best)
        if self.refit:
            self._refit(objective, X, y)
        return self

    def _refit(self, objective, X, y):
        """Train the best parameters on all images."""
        estimator = objective.make_estimator(self.best_params_)
        fit_params = objective.fit_params(estimator, slice(None))
        if hasattr(estimator, "steps") and not get_config()["enable_metadata_routing"]:
            last = estimator.steps[-1][0]
            fit_params = {f"{last}__{name}": value for name, value in fit_params.items()}
        self.best_estimator_ = estimator.fit(X, y, **fit_params)

    def _check_parameters(self):
        from optuna.storages import InMemoryStorage

        clf = last_step(self.estimator)
        if not isinstance(clf, BaseFER):
            raise ValueError(
                f"got {clf!r} as estimator or as a Pipeline's last step, expected an instance of a "
                "ferkit estimator, which trains by epochs; for others use optuna_integration's "
                "OptunaSearchCV"
            )
        check_has_parameters(clf)
        if hasattr(self.estimator, "steps"):
            self.estimator._validate_steps()
        if self.n_trials is None and self.timeout is None:
            raise ValueError("got n_trials=None and timeout=None, expected one of them; set it")
        if (self.storage is None) != (self.study_name is None):
            raise ValueError(
                f"got storage={self.storage!r} and study_name={self.study_name!r}, expected both "
                "or neither; a study is found by its name"
            )
        if isinstance(self.storage, InMemoryStorage) and effective_n_jobs(self.n_jobs) > 1:
            raise ValueError(
                f"got an InMemoryStorage and n_jobs={self.n_jobs}, expected a storage that "
                "processes share; take a database, or storage=None"
            )

    def _draw_seed(self):
        if self.random_state is None and self.study_name is not None:
            # processes that begin a study at the same moment must agree on its seed
            return zlib.crc32(self.study_name.encode())
        return draw_seed(self.random_state)

    def _describe(self, X, y, folds, space):
        """List by name what a study's trials depend on beside their parameters."""
        estimator = clone(self.estimator)
        last = last_step(estimator)
        last.set_params(verbose=0, checkpoint_dir=None, device="auto")
        last.set_params(**by_content(last.get_params(deep=False)))
        described = {
            # an array mapped from a file has another digest than its copy in memory
            "data": [np.ascontiguousarray(X) if hasattr(X, "dtype") else X, y],
            "folds": folds,
            "parameters": [type(estimator).__name__, estimator.get_params(deep=False)],
        }
        if isinstance(self.space, dict):
            described["space"] = space.describe()
        return described

    def _open_storage(self, folder):
        from ._study import open_journal, open_storage

        if isinstance(self.storage, str):
            return open_storage(self.storage)
        if self.storage is None and effective_n_jobs(self.n_jobs) > 1:
            return nullcontext(open_journal(folder))
        return nullcontext(self.storage)

    def _get_pruner(self):
        from optuna.pruners import MedianPruner

        if self.pruner is not None:
            return self.pruner
        half = max(1, last_step(self.estimator).max_epochs // 2)
        return MedianPruner(n_warmup_steps=half, interval_steps=half)

    @property
    def classes_(self) -> np.ndarray:
        """The labels, sorted."""
        return self.best_estimator_.classes_

    @property
    def n_features_in_(self) -> int:
        """Number of values per image."""
        return self.best_estimator_.n_features_in_

    @property
    def feature_names_in_(self) -> np.ndarray:
        """The columns of `X`."""
        return self.best_estimator_.feature_names_in_

    @_if_estimator_has("predict")
    def predict(self, X: ArrayLike) -> np.ndarray:
        """Predict labels with the best estimator.

        Parameters
        ----------
        X : array-like
            Images, as in `fit`.

        Returns
        -------
        ndarray of shape (n,)
            The labels.
        """
        check_is_fitted(self)
        return self.best_estimator_.predict(X)

    @_if_estimator_has("decision_function")
    def decision_function(self, X: ArrayLike) -> NDArray[np.float32]:
        """Compute logits with the best estimator.

        Parameters
        ----------
        X : array-like
            Images, as in `fit`.

        Returns
        -------
        ndarray of shape (n, n_classes) or (n,)
            The logits; of two classes their difference.
        """
        check_is_fitted(self)
        return self.best_estimator_.decision_function(X)

    @_if_estimator_has("predict_proba")
    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Predict probabilities of the classes with the best estimator.

        Parameters
        ----------
        X : array-like
            Images, as in `fit`.

        Returns
        -------
        ndarray of shape (n, n_classes)
            The probabilities.
        """
        check_is_fitted(self)
        return self.best_estimator_.predict_proba(X)

    @_if_estimator_has("predict")
    def score(self, X: ArrayLike, y: ArrayLike) -> float:
        """Compute the best estimator's macro-F1, which is what was searched by.

        Parameters
        ----------
        X : array-like
            Images, as in `fit`.
        y : array-like of shape (n,)
            Their labels.

        Returns
        -------
        float
            Between 0 and 1.
        """
        check_is_fitted(self)
        y = check_labels(y, self.classes_)
        return f1_score(y, self.predict(X), average="macro", zero_division=0)

    def __sklearn_is_fitted__(self):
        return hasattr(self, "best_estimator_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        tags.estimator_type = inner.estimator_type
        tags.classifier_tags = deepcopy(inner.classifier_tags)
        tags.input_tags = deepcopy(inner.input_tags)
        return tags
