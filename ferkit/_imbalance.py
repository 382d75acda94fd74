"""How classes of different sizes are made to count."""

import numpy as np
from sklearn.utils import compute_class_weight

_EFFECTIVE_BETA = 0.9999  # Cui et al.'s for large data sets


def class_weights(class_weight, classes, class_count):
    """Turn an estimator's `class_weight` into a float64 weight for each class; None for equal ones.

    "balanced" weighs inversely to the number of training images, `class_count`, as scikit-learn
    does; "effective" to their effective number, which grows ever slower (Cui et al.,
    "Class-Balanced Loss Based on Effective Number of Samples", CVPR 2019). `ValueError` if a weight
    is not finite or not above zero, a dict names an unknown class, or a class has no image to be
    weighed by.
    """
    if class_weight is None:
        return None
    if isinstance(class_weight, str):
        if class_count.min() == 0:
            raise ValueError(
                f"got class_weight={class_weight!r} with no image of class "
                f"{classes[class_count.argmin()]!s}, expected some of each; pass weights in a dict"
            )
        size = class_count
        if class_weight == "effective":
            size = (1 - _EFFECTIVE_BETA**class_count) / (1 - _EFFECTIVE_BETA)
        weights = class_count.sum() / ((class_count / size).sum() * size)  # 1 for the mean image
    else:
        unknown = [label for label in class_weight if label not in classes.tolist()]
        if unknown:
            raise ValueError(
                f"got class_weight for {unknown[0]!r}, expected labels among "
                f"{classes[:10].tolist()}; write it as in y, or leave it out (weight 1)"
            )
        weights = compute_class_weight(class_weight, classes=classes, y=classes)
    with np.errstate(over="ignore"):
        in_training = weights.astype(np.float32)
    # a batch may be of one class, whose weights must not sum to zero
    if not (np.isfinite(in_training).all() and in_training.min() > 0):
        raise ValueError(
            f"got class_weight={class_weight!r}, expected weights that are finite and above zero; "
            "leave out the images that are not to count, or take class_weight=None"
        )
    return weights


def logit_offset(tau, class_count):
    """Compute what logit adjustment adds to the logits: ``-tau * log(share)``, float32.

    The shares are those of the classes in training. `tau` 0 is none; 1 is right for a score that
    counts all classes alike, if the probabilities are right (Menon et al., "Long-tail Learning via
    Logit Adjustment", ICLR 2021).
    """
    # a class not seen yet would have no logarithm; sums of soft targets may be below 1
    counts = np.where(class_count > 0, class_count, 1)
    return (-tau * np.log(counts / counts.sum())).astype(np.float32)
