"""Teachers: fitted estimators that another one learns from."""

import os

import numpy as np
from sklearn.frozen import FrozenEstimator

from ._names import find_labels
from ._paths import as_path
from ._saving import load
from .weights import available_weights


def find_teachers(teacher, pupil):
    """Load the teachers of a fit, and check that the pupil can learn from them.

    The pupil has `classes_` and `image_shape_`. `ValueError` if the list is empty, or a teacher is
    not a fitted estimator, or is for other classes or images; `FileNotFoundError` if there is no
    such file.
    """
    if teacher is None:
        return []
    if isinstance(teacher, list) and not teacher:
        raise ValueError("got teacher=[], expected one or more; write teacher=None for none")
    given = teacher if isinstance(teacher, list) else [teacher]
    teachers = [_load_teacher(item) for item in given]
    for found in teachers:
        places = find_labels(pupil.classes_, among=found.classes_)
        are_same = {
            "classes_": len(places) == len(found.classes_) and min(places) >= 0,
            "image_shape_": found.image_shape_ == pupil.image_shape_,
        }
        for name, is_same in are_same.items():
            if not is_same:
                theirs, ours = _show(getattr(found, name)), _show(getattr(pupil, name))
                raise ValueError(
                    f"got a teacher of {name} {theirs}, expected {ours} as in this fit; fit the "
                    "teacher on the same classes and images"
                )
    return teachers


def _show(value):
    return tuple(np.asarray(value).tolist())


def _load_teacher(item):
    from ._base import BaseFER

    if hasattr(item, "fit") and not isinstance(item, FrozenEstimator):
        raise ValueError(
            f"got teacher={item!r}, expected it in a FrozenEstimator, for scikit-learn's clone "
            "would make it unfitted; write teacher=sklearn.frozen.FrozenEstimator(...)"
        )
    if isinstance(item, (str, os.PathLike)):
        if not as_path(item).exists() and any(
            item in names for names in available_weights().values()
        ):
            raise ValueError(
                f"got teacher={item!r}, a name of weights, expected a file or an estimator; write "
                f"sklearn.frozen.FrozenEstimator(ResNetFER.from_pretrained({item!r})), or another "
                "class of ferkit.available_weights()"
            )
        return load(item)
    if not isinstance(item, FrozenEstimator):
        raise ValueError(
            f"got {item!r} among teachers, expected files or estimators; write the path of a saved "
            "one, or sklearn.frozen.FrozenEstimator(...)"
        )
    if not isinstance(item.estimator, BaseFER) or not hasattr(item.estimator, "net_"):
        raise ValueError(
            f"got teacher={item!r}, expected a fitted ferkit estimator in it; fit it first, or "
            "give what another kind of model says as soft_targets"
        )
    return item.estimator
