"""Trainings in several stages, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from imblearn.over_sampling import RandomOverSampler
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator

from .._base import BaseFER
from .._input import check_loose_images
from .._paths import as_path, make_folder
from .._typing import StrPath
from ..augment import POLICIES, Policy, resolve_policy
from ..over_sampling import at_least
from ._tuning import tune_prediction


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One fit of a recipe.

    Parameters
    ----------
    estimator : str
        Name of a ferkit class.
    params : dict, default={}
        Its parameters.
    begins_with : str, default=None
        Name of the stage whose weights it begins with.
    teachers : tuple of str, default=()
        Names of the stages that it learns from.
    refit : bool, default=False
        Train on the validation images, too, once everything is chosen, as scikit-learn's searches
        do. `logit_adjustment` and `temperature` are then chosen for the stage in `begins_with`, and
        no other stage may build on this one.

    Raises
    ------
    ValueError
        If `refit` is set, and `begins_with` is not, or the estimator would stop early.
    """

    estimator: str
    params: dict[str, Any] = field(default_factory=dict)
    begins_with: str | None = None
    teachers: tuple[str, ...] = ()
    refit: bool = False

    def __post_init__(self):
        if self.refit and self.begins_with is None:
            raise ValueError(
                "got refit=True without begins_with, expected the stage on which logit_adjustment "
                "and temperature are chosen"
            )
        if self.refit and self.params.get("early_stopping"):
            raise ValueError(
                "got refit=True with early_stopping=True, which holds images out, expected False: "
                "a refit trains on all"
            )


_LONG = {
    "optimizer": "sgd",
    "lr": 0.05,
    "batch_size": 128,
    "lr_schedule": "onecycle",
    "ema_decay": 0.998,
    "label_smoothing": 0.1,
    "dropout": 0.2,
    "augment": "strong",
}
# the first two MobileNets were trained when the CPU's bfloat16 was slow for them
_MOBILENET = {"variant": "strided", "weight_decay": 3e-4, "precision": "float32", **_LONG}
_RESNET = {"variant": "strided", "weight_decay": 5e-4, **_LONG}

_FIRST = {
    "mobilenet-first": Stage(estimator="MobileNetFER", params={**_MOBILENET, "max_epochs": 55}),
    "resnet-first": Stage(estimator="ResNetFER", params={**_RESNET, "max_epochs": 55}),
}
# disgust has 392 images: balance it once the features are learned
_SECOND = {"sampler": RandomOverSampler(sampling_strategy=at_least(1500)), "warmup_epochs": 2}
# the second stages hardly overfit, so the third ones are regularised less
_THIRD = {**_SECOND, "lr": 0.03, "dropout": 0.1, "augment": "reference"}
_FOURTH = {**_THIRD, "precision": "auto", "teacher_weight": 0.7}
_MILD = Policy(flip=0.5, rotation=10, shear=10, translation=0.15, zoom=0.1, erasing=0.25)
# mixed images are new to the teachers, too: they have not learned them by heart
_FIFTH = {
    **_FOURTH,
    "batch_size": 256,
    "lr": 0.06,
    "augment": replace(_MILD, mixup=0.4),
    "teacher_weight": 0.8,
}
_LARGE = {
    **_LONG,
    "batch_size": 256,
    "lr": 0.1,
    "weight_decay": 5e-4,
    "augment": replace(POLICIES["strong"], mixup=0.4),
    "sampler": _SECOND["sampler"],
}
_THIRDS = ("resnet-third", "mobilenet-third")
_FOURTHS = ("resnet-fourth", "mobilenet-fourth")
_LARGER = ("large-resemote", "large-resmasking", *_FOURTHS)
RECIPES = MappingProxyType(
    {
        **_FIRST,
        "mobilenet-second": Stage(
            estimator="MobileNetFER",
            params={**_MOBILENET, **_SECOND, "max_epochs": 50},
            begins_with="mobilenet-first",
            teachers=("resnet-first",),
        ),
        "resnet-second": Stage(
            estimator="ResNetFER",
            params={**_RESNET, **_SECOND, "max_epochs": 42},
            begins_with="resnet-first",
            teachers=tuple(_FIRST),
        ),
        "resnet-third": Stage(
            estimator="ResNetFER",
            params={
                **_RESNET,
                **_THIRD,
                "max_epochs": 48,
                "early_stopping": True,
                "monitor": "valid_f1_macro",
                "n_iter_no_change": 4,
            },
            begins_with="resnet-second",
        ),
        "mobilenet-third": Stage(
            estimator="MobileNetFER",
            params={
                **_MOBILENET,
                **_THIRD,
                "precision": "auto",
                "teacher_weight": 0.5,
                "max_epochs": 45,
            },
            begins_with="mobilenet-second",
            teachers=("resnet-third",),
        ),
        "resnet-fourth": Stage(
            estimator="ResNetFER",
            params={**_RESNET, **_FOURTH, "augment": _MILD, "max_epochs": 46},
            begins_with="resnet-third",
            teachers=_THIRDS,
        ),
        "mobilenet-fourth": Stage(
            estimator="MobileNetFER",
            params={**_MOBILENET, **_FOURTH, "max_epochs": 55},
            begins_with="mobilenet-third",
            teachers=_THIRDS,
        ),
        "resnet-fer2013": Stage(
            estimator="ResNetFER",
            params={**_RESNET, **_FOURTH, "augment": _MILD, "max_epochs": 46},
            begins_with="resnet-fourth",
            teachers=_FOURTHS,
            refit=True,
        ),
        "large-resemote": Stage(
            estimator="LargeFER",
            params={**_LARGE, "architecture": "resemote", "width": 2, "max_epochs": 120},
        ),
        "large-resmasking": Stage(
            estimator="LargeFER",
            params={**_LARGE, "architecture": "resmasking", "max_epochs": 110},
        ),
        "mobilenet-fifth": Stage(
            estimator="MobileNetFER",
            params={**_MOBILENET, **_FIFTH, "max_epochs": 109},
            begins_with="mobilenet-fourth",
            teachers=_LARGER,
        ),
        "mobilenet-fer2013": Stage(
            estimator="MobileNetFER",
            params={**_MOBILENET, **_FIFTH, "max_epochs": 79},
            begins_with="mobilenet-fifth",
            teachers=_LARGER,
            refit=True,
        ),
    }
)
"""Stages by name. "mobilenet-fer2013" and "resnet-fer2013" are how the weights that come with
ferkit were made, but for details. Both networks have four stages: alone; taught by first stages,
MobileNetFER by ResNetFER's and ResNetFER by both; with fewer changes of the images, MobileNetFER
taught by ResNetFER; taught by both third stages. MobileNetFER has a fifth, taught by both fourth
stages and two larger networks. The last one, with the same teachers as the one before or, for
ResNetFER, both fourth stages, trains on the validation images, too."""


def train_recipe(
    name: str,
    X: ArrayLike,
    y: ArrayLike,
    *,
    X_val: ArrayLike,
    y_val: ArrayLike,
    folder: StrPath,
    random_state: int | None = None,
    verbose: int = 0,
    recipes: Mapping[str, Stage] = RECIPES,
) -> BaseFER:
    """Train a stage of a recipe, and before it those that it builds on.

    Parameters
    ----------
    name : str
        Of the stage.
    X : array-like of shape (n, h, w), (n, h, w, 3) or (n, n_pixels)
        Images to train on.
    y : array-like of shape (n,)
        Their labels.
    X_val, y_val : array-like
        Images and labels on which `logit_adjustment` and `temperature` are chosen; trained on only
        in a stage with `refit`, for which the choice is that of the stage it begins with.
    folder : path-like
        For checkpoints, and weights that other stages begin with. The same call goes on where it
        was stopped.
    random_state : int or None, default=None
        Of each stage.
    verbose : int, default=0
        Of each stage.
    recipes : mapping of str to Stage, default=RECIPES
        The stages by name.

    Returns
    -------
    LargeFER, MobileNetFER or ResNetFER
        The last stage's fitted estimator, with ``tta="flip"``, and without what concerns the
        recipe's other stages.

    Raises
    ------
    ValueError
        If there is no such stage, a stage builds on one with `refit` or has parameters that its
        estimator does not take, or the data are not what is expected.
    """
    if name not in recipes:
        raise ValueError(f"got recipe {name!r}, expected one of {', '.join(recipes)}")
    _check_stages(name, recipes, checked=set())
    if X_val is None or y_val is None:
        raise ValueError("got no X_val or no y_val, expected both: choices are made on them")
    last = recipes[name]
    if last.refit:
        _check_joinable(name, X, X_val, last.params.get("image_shape"))
    folder = as_path(folder)
    make_folder(folder, "folder")
    training = _Training(
        recipes,
        data={"X": X, "y": y, "X_val": X_val, "y_val": y_val},
        settings={"checkpoint_dir": folder, "random_state": random_state, "verbose": verbose},
    )
    clf = training.train(name)
    clf.set_params(tta="flip", teacher=None, weights=None, checkpoint_dir=None)
    judged = training.models[last.begins_with] if last.refit and last.begins_with else clf
    return clf.set_params(**tune_prediction(judged.set_params(tta="flip"), X_val, y_val))


def _check_stages(name, recipes, checked, under_way=()):
    """Refuse a stage that cannot be trained, or that builds on one that cannot."""
    if name in checked:
        return
    stage, under_way = recipes[name], (*under_way, name)
    others = [*stage.teachers, *filter(None, [stage.begins_with])]
    for other in others:
        if other in under_way:
            circle = " on ".join(map(repr, (*under_way, other)))
            raise ValueError(f"got stages built on each other, {circle}, expected an end")
        if other not in recipes:
            raise ValueError(
                f"got stage {name!r} built on {other!r}, expected others of "
                f"{', '.join(recipes)}; name stages as the mapping does"
            )
        if recipes[other].refit:
            raise ValueError(
                f"got stage {name!r} built on {other!r}, expected stages without refit: "
                "that one has seen the validation images"
            )
    try:
        clf = _make_estimator(stage)
        clf._validate_params()
        resolve_policy(clf.augment, "augment")
    except (TypeError, ValueError) as error:
        raise ValueError(f"stage {name!r}: {error}") from error
    for other in others:
        _check_stages(other, recipes, checked, under_way)
    checked.add(name)


def _make_estimator(stage, **settings):
    import ferkit

    kind = getattr(ferkit, stage.estimator, None)
    if not (isinstance(kind, type) and issubclass(kind, BaseFER)):
        raise ValueError(
            f"got estimator {stage.estimator!r}, expected the name of one of ferkit's, such as "
            "'ResNetFER'"
        )
    return kind(**stage.params, **settings)


def _check_joinable(name, X, X_val, image_shape):
    """Refuse images that a refit could not train on together: now, not after hours."""
    X, X_val = (check_loose_images(images, image_shape) for images in (X, X_val))
    if (X.dtype, X.shape[1:]) != (X_val.dtype, X_val.shape[1:]):
        raise ValueError(
            f"got images of dtype {X.dtype} and shape {X.shape[1:]} in X, of {X_val.dtype} and "
            f"{X_val.shape[1:]} in X_val, expected the same in both: {name!r} trains on both"
        )


def _join(X, X_val, image_shape):
    """Put images behind others, in whatever form; DataFrames keep the names of their columns."""
    if hasattr(X, "columns") and hasattr(X_val, "columns"):
        return pd.concat([X, X_val], ignore_index=True)
    return np.concatenate([check_loose_images(images, image_shape) for images in (X, X_val)])


@dataclass
class _Training:
    """Stages on the same data, each of which is trained once."""

    recipes: Mapping[str, Stage]
    data: dict[str, Any]
    settings: dict[str, Any]
    models: dict[str, BaseFER] = field(default_factory=dict)

    def train(self, name):
        """Train a stage, unless an earlier one needed it, too."""
        if name not in self.models:
            self.models[name] = self._fit(name)
        return self.models[name]

    def _fit(self, name):
        stage = self.recipes[name]
        # stages share a sampler, and callers may change that of the estimator they get: clone it
        clf = clone(_make_estimator(stage, **self.settings))
        if stage.teachers:
            teachers = [self.train(other) for other in stage.teachers]
            clf.set_params(teacher=[FrozenEstimator(teacher) for teacher in teachers])
        if stage.begins_with:
            weights = self.settings["checkpoint_dir"] / f"{stage.begins_with}.safetensors"
            self.train(stage.begins_with).save(weights)
            clf.set_params(weights=weights)
        if self.settings["verbose"]:
            print(f"stage {name}")
        if not stage.refit:
            return clf.fit(**self.data)
        X = _join(self.data["X"], self.data["X_val"], clf.image_shape)
        return clf.fit(X, np.concatenate([self.data["y"], self.data["y_val"]]))
