"""The rows of skorch's history, as estimators show and files keep them."""

import math


def rows_of(net):
    """List the epochs' records, without skorch's lists of batches."""
    return [{k: v for k, v in row.items() if k != "batches"} for row in net.history]


def append_rows(net, rows):
    """Add what `rows_of` listed, and a file may have kept, to a net's history."""
    for row in rows:
        net.history.new_epoch()
        for key, value in row.items():
            # files hold None for what is not finite
            net.history.record(key, math.nan if value is None else value)


def losses_of(rows, monitor):
    """Tell how epochs went, in a value each: the smaller, the better.

    `monitor` is "valid_loss" or "valid_f1_macro". Epochs without validation data have no value if
    others have some; if none has, the values are the training loss.
    """
    watched = [row for row in rows if monitor in row]  # partial_fit has no validation
    if not watched:
        return [row["train_loss"] for row in rows]
    return [1 - row[monitor] if monitor == "valid_f1_macro" else row[monitor] for row in watched]
