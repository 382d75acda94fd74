"""What skorch's callbacks see of ferkit's loop."""

from skorch.callbacks import (
    BatchScoring,
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    LoadInitState,
    LRScheduler,
    PassthroughScoring,
    PrintLog,
    TrainEndCheckpoint,
)

# these would work against the parameters that do the same, or print nothing
_INSTEAD = {
    LRScheduler: "lr_schedule",
    EarlyStopping: "early_stopping=True",
    Checkpoint: "checkpoint_dir",
    TrainEndCheckpoint: "checkpoint_dir",
    LoadInitState: "weights or checkpoint_dir",
    PrintLog: "verbose=2",
}
_RECORDED = {
    "epoch",
    "lr",
    "seconds",
    "images_per_second",
    "train_loss",
    "valid_loss",
    "valid_accuracy",
    "valid_f1_macro",
    "valid_f1",
}


def check_callbacks(callbacks, f1_columns):
    """Refuse callbacks that work against the loop, with a ValueError.

    Refused is what is no callback, what the estimators have a parameter for, and a score with the
    name of another column of the history; `f1_columns` are those for the classes' F1.
    """
    for callback in callbacks:
        if isinstance(callback, tuple):  # a name and a callback, as skorch takes them
            callback = callback[-1]
        if not isinstance(callback, Callback):
            raise ValueError(
                f"got {callback!r} among the callbacks, expected instances of skorch's Callback; "
                "make one, as in callbacks=[EpochScoring('accuracy')]"
            )
        for kind, instead in _INSTEAD.items():
            if isinstance(callback, kind):
                raise ValueError(
                    f"got {type(callback).__name__} among the callbacks, expected none that ferkit "
                    f"has a parameter for; set {instead} instead"
                )
        if isinstance(callback, EpochScoring | BatchScoring | PassthroughScoring):
            name = callback.name or getattr(callback.scoring, "__name__", callback.scoring)
            if str(name) in _RECORDED.union(f1_columns):
                raise ValueError(
                    f"got {type(callback).__name__} with the name {name!r} among the callbacks, "
                    "expected one that is no column of history_; set another, as in name='mine'"
                )


def want_batches(callbacks):
    """Tell whether a callback wants to know of each batch; False spares a call per batch."""
    return any(
        getattr(type(callback), name) is not getattr(Callback, name)
        for callback in callbacks
        for name in ("on_batch_begin", "on_batch_end")
    )
