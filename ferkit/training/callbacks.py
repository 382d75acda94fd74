"""What skorch's callbacks see of ferkit's loop."""

from skorch.callbacks import (
    Callback,
    Checkpoint,
    EarlyStopping,
    LoadInitState,
    LRScheduler,
    TrainEndCheckpoint,
)

# what does the same work elsewhere, and would work against it
_INSTEAD = {
    LRScheduler: "lr_schedule",
    EarlyStopping: "early_stopping=True",
    Checkpoint: "checkpoint_dir",
    TrainEndCheckpoint: "checkpoint_dir",
    LoadInitState: "weights or checkpoint_dir",
}


def check_callbacks(callbacks):
    """Refuse callbacks that the estimators have parameters for.

    Parameters
    ----------
    callbacks : list of skorch.callbacks.Callback
        Of an estimator.

    Raises
    ------
    ValueError
        If there is one.
    """
    for callback in callbacks:
        for kind, instead in _INSTEAD.items():
            if isinstance(callback, kind):
                raise ValueError(
                    f"got {type(callback).__name__} among the callbacks, expected none that ferkit "
                    f"has a parameter for; set {instead} instead"
                )


def hear_of_batches(callbacks):
    """Tell whether any callback wants to know of each batch.

    Parameters
    ----------
    callbacks : list of skorch.callbacks.Callback
        Of a net.

    Returns
    -------
    bool
    """
    return any(
        getattr(type(callback), name) is not getattr(Callback, name)
        for callback in callbacks
        for name in ("on_batch_begin", "on_batch_end")
    )
