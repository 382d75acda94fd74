"""What a search maximises."""

import numpy as np
from sklearn.base import clone
from sklearn.metrics import f1_score
from sklearn.utils import _safe_indexing
from skorch.callbacks import Callback


class Objective:
    """The mean macro-F1 over folds, which reports each epoch.

    Parameters
    ----------
    estimator : BaseFER or Pipeline
        What is trained.
    space : callable
        Takes a trial, and returns parameters.
    X, y : array-like
        All images and labels.
    folds : list of tuple
        Positions of those to train on, and of those to score on.
    """

    def __init__(self, estimator, space, X, y, folds):
        self.estimator, self.space, self.X, self.y, self.folds = estimator, space, X, y, folds

    def __call__(self, trial):
        """Train and score a trial's parameters."""
        from ._study import ERROR

        # values of a space may be estimators, which several trials must not share
        params = clone(self.space(trial), safe=False)
        scores = []
        for train, valid in self.folds:
            estimator = clone(self.estimator).set_params(**params)
            report = _ReportEpochs(trial, scores, last_step(estimator).max_epochs)
            try:
                scores.append(self._fit_and_score(estimator, train, valid, report))
            except ValueError as error:
                trial.set_user_attr(ERROR, str(error))
                raise
        trial.set_user_attr("scores", scores)
        return float(np.mean(scores))

    def _fit_and_score(self, estimator, train, valid, report):
        X_train, X_valid = _safe_indexing(self.X, train), _safe_indexing(self.X, valid)
        y_train, y_valid = self.y[train], self.y[valid]
        for step in _first_steps(estimator):
            if hasattr(step, "fit_resample"):
                X_train, y_train = step.fit_resample(X_train, y_train)
            else:
                X_train = step.fit_transform(X_train, y_train)
                X_valid = step.transform(X_valid)
        clf = last_step(estimator)
        # a file per trial and fold would be left behind
        clf.set_params(callbacks=[*(clf.callbacks or []), report], checkpoint_dir=None, verbose=0)
        clf.fit(X_train, y_train, X_val=X_valid, y_val=y_valid)
        return f1_score(y_valid, clf.predict(X_valid), average="macro", zero_division=0)


class _ReportEpochs(Callback):
    """Report each epoch of a fold to a trial, and end it if it is to be pruned."""

    def __init__(self, trial, scores, max_epochs):
        self.trial, self.scores, self.max_epochs = trial, scores, max_epochs

    def on_epoch_end(self, net, **kwargs):
        from optuna import TrialPruned

        score = net.history[-1]["valid_f1_macro"]
        step = len(self.scores) * self.max_epochs + len(net.history)
        self.trial.report(np.mean([*self.scores, score]), step)
        if self.trial.should_prune():
            raise TrialPruned

    def __sklearn_clone__(self):
        return self


def last_step(estimator):
    """Return the last step of a Pipeline; of another estimator, itself."""
    return estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator


def _first_steps(estimator):
    steps = [step for _, step in getattr(estimator, "steps", [])[:-1]]
    return [step for step in steps if step not in (None, "passthrough")]
