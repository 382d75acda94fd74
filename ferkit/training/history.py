"""The rows of skorch's history, as estimators show and files keep them."""

import math


def rows_of(net):
    """List the epochs' records, without skorch's lists of batches.

    Parameters
    ----------
    net : FERNet
        Its history is read.

    Returns
    -------
    list of dict
        A row per epoch.
    """
    return [{k: v for k, v in row.items() if k != "batches"} for row in net.history]


def append_rows(net, rows):
    """Add what `rows_of` listed, and a file may have kept, to a net's history.

    Parameters
    ----------
    net : FERNet
        Its history is extended.
    rows : list of dict
        A row per epoch.
    """
    for row in rows:
        net.history.new_epoch()
        for key, value in row.items():
            # files hold None for what is not finite
            net.history.record(key, math.nan if value is None else value)


def losses_of(rows, monitor):
    """Tell how epochs went: the smaller, the better.

    Parameters
    ----------
    rows : sequence of dict
        A row per epoch.
    monitor : {"valid_loss", "valid_f1_macro"}
        What to go by; without validation data, it is the training loss.

    Returns
    -------
    list of float
        A value per epoch; only of those with validation data, if there are any.
    """
    watched = [row for row in rows if monitor in row]  # partial_fit has no validation
    if not watched:
        return [row["train_loss"] for row in rows]
    return [1 - row[monitor] if monitor == "valid_f1_macro" else row[monitor] for row in watched]
