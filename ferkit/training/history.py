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
