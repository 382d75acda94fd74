"""What an epoch's row says of the validation images."""

import numpy as np
from sklearn.metrics import accuracy_score, f1_score


def score(logits, targets, logit_offset):
    """Score logits, to which `logit_offset` is added as when labels are predicted.

    Returns valid_accuracy and valid_f1_macro, floats, and valid_f1, a list of a float per class.
    """
    targets = targets.cpu().numpy()
    predictions = (logits.cpu().numpy() + logit_offset).argmax(axis=1)
    f1 = f1_score(
        targets, predictions, labels=range(logits.shape[1]), average=None, zero_division=0
    )
    # a class that is nowhere does not count, as in f1_score(average="macro")
    is_there = np.union1d(targets, predictions)
    return {
        "valid_accuracy": float(accuracy_score(targets, predictions)),
        "valid_f1_macro": float(f1[is_there].mean()),
        "valid_f1": f1.tolist(),
    }
