"""What tells a fit from others, by which its checkpoints are found."""

import hashlib
import os
import pickle

import joblib
import numpy as np
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator

from ._header import to_json
from ._paths import as_path

# parameters that do not change what a fit results in; callbacks can, but have no content to compare
_WITHOUT_EFFECT = {"callbacks", "checkpoint_dir", "temperature", "tta", "verbose"}
# parameters whose content is in the identity, not their value
_BY_CONTENT = {"random_state", "sampler", "teacher", "warm_start", "weights"}


def identify_fit(estimator, *, random_state, initial, teachers, **data):
    """Tell a fit from others by what its result depends on, in a dict that JSON can hold.

    `estimator` counts by its class, parameters and `classes_`; `random_state` is the seed if it was
    asked for, else None; `initial` are the tensors that training begins with and their classes, or
    None. `data` are X, y, X_val, y_val, groups and soft_targets, each an array or None, and count
    by their digests.
    """
    params = estimator.get_params(deep=False)
    if estimator.loss != "focal":
        params.pop("focal_gamma", None)  # estimators of others may leave parameters out
    if not teachers:
        params.pop("teacher_weight", None)
        params.pop("teacher_temperature", None)
    if data["X_val"] is None and not estimator.early_stopping:
        params.pop("logit_adjustment", None)  # without validation, it acts after the fit only
    # a warm start keeps the split of the fit before
    is_split_kept = estimator.warm_start and estimator.early_stopping and data["X_val"] is None
    sampler = None
    if estimator.sampler is not None:  # a clone, without what a fit has added
        sampler = hash_pickled(clone(estimator.sampler), "a sampler", "checkpoint_dir")
    names = params.keys() - _WITHOUT_EFFECT - _BY_CONTENT
    return {
        **identify_code(estimator),
        **{name: _identify(name, params[name]) for name in names},
        "classes": [estimator.classes_.dtype.str, estimator.classes_.tolist()],
        "random_state": random_state,
        "sampler": sampler,
        "split_seed": getattr(estimator, "_split_seed", None) if is_split_kept else None,
        "teacher": [_digest_weights(t.module_.state_dict(), t.classes_) for t in teachers],
        "weights": None if initial is None else _digest_weights(*initial),
        **{name: None if values is None else _digest(values) for name, values in data.items()},
    }


def identify_code(estimator):
    """Tell what trains: the class, and the release, for another may compute a step differently."""
    import ferkit

    kind = type(estimator)
    return {"class": f"{kind.__module__}.{kind.__qualname__}", "release": ferkit.__version__}


def _identify(name, value):
    try:
        return to_json(name, value)
    except ValueError:  # a parameter of a user's own may be anything
        return hash_pickled(value, f"a {name}", "checkpoint_dir")


def hash_pickled(value, what, purpose):
    """Compute the digest of anything that can be pickled; `ValueError` for anything else.

    `what` and `purpose` say in the message what the value is, and what needs the digest.
    """
    try:
        return joblib.hash(value)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        why = error.args[0] if error.args else type(error).__name__  # joblib adds all of the value
        raise ValueError(
            f"got {what} that cannot be pickled ({why}), which {purpose} needs to tell it from "
            "others; use named functions instead of lambdas, or ferkit.over_sampling.at_least"
        ) from error


def by_content(params):
    """Replace `weights` and `teacher` by what is in them, as `content_of` finds it.

    The other parameters are left out.
    """
    return {name: content_of(params[name]) for name in ("weights", "teacher") if name in params}


def content_of(value):
    """Find what counts of weights or a teacher; other values stay as they are.

    Of a path to a file its bytes, of a fitted FrozenEstimator the digests of its weights and
    classes, of a list of these a list.
    """
    if isinstance(value, list):
        return [content_of(item) for item in value]
    if isinstance(value, FrozenEstimator) and hasattr(value.estimator, "net_"):
        return _digest_weights(value.estimator.module_.state_dict(), value.estimator.classes_)
    if isinstance(value, (str, os.PathLike)):
        path = as_path(value)
        return path.read_bytes() if path.is_file() else value
    return value


def _digest_weights(tensors, classes):
    names = " ".join(f"{name} {tuple(tensor.shape)}" for name, tensor in tensors.items())
    values = np.concatenate([np.ravel(tensor.cpu()) for tensor in tensors.values()])
    return [_digest(names), _digest(values), _digest(classes)]


def _digest(values):
    values = np.asarray(values)
    if values.dtype == object:
        values = values.astype(str)
    digest = hashlib.sha256(f"{values.dtype.str} {values.shape} ".encode())
    digest.update(np.ascontiguousarray(values))
    return digest.hexdigest()[:16]
