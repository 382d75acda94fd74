"""Work on a study that other processes work on, and die on request.

``python -m tests.share_a_study FILE WHEN`` searches in the SQLite database FILE. WHEN is "never",
"first" to die in the first trial, or "retry" in one that is tried again.
"""

import os
import signal
import sys
import warnings

import optuna
import torch
from optuna.exceptions import ExperimentalWarning
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback

from ferkit.datasets import make_faces
from ferkit.model_selection import FERSearchCV
from tests.helpers import LinearFER

N_TRIALS = 6


def open_impatient_storage(path):
    """Open a storage like that of a URL, that takes seconds for dead where it takes minutes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return RDBStorage(
            f"sqlite:///{path}",
            heartbeat_interval=2,  # more than a busy machine halts a process for
            grace_period=8,
            heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(max_retry=1),
        )


def space_that_kills(when):
    def space(trial):
        lr = trial.suggest_float("lr", 1e-4, 1e-1, log=True)
        if isinstance(trial, optuna.Trial):  # not the best one, at the end
            is_retry = "failed_trial" in trial.storage.get_trial(trial._trial_id).system_attrs
            if when == "first" or (when == "retry" and is_retry):
                os.kill(os.getpid(), signal.SIGKILL)
        return {"lr": lr}

    return space


def main(path, when):
    torch.set_num_threads(1)
    X, y = make_faces(70, image_size=16, random_state=0, return_X_y=True)
    FERSearchCV(
        LinearFER(max_epochs=2),
        space_that_kills(when),
        n_trials=N_TRIALS,
        cv=2,
        storage=open_impatient_storage(path),
        study_name="shared",
        random_state=0,
        refit=False,
    ).fit(X, y)


if __name__ == "__main__":
    main(*sys.argv[1:])
