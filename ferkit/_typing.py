"""Names for the types that several signatures share."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from sklearn.frozen import FrozenEstimator

StrPath: TypeAlias = str | os.PathLike[str]
RandomStateLike: TypeAlias = int | np.random.RandomState | None
ImageShape: TypeAlias = tuple[int, ...] | list[int]

# parameters of the estimators
Optimizer: TypeAlias = Literal["adam", "adamw", "sgd"]
LRSchedule: TypeAlias = Literal["plateau", "cosine", "onecycle"]
Monitor: TypeAlias = Literal["valid_loss", "valid_f1_macro"]
Loss: TypeAlias = Literal["cross_entropy", "focal"]
ClassWeight: TypeAlias = dict[Any, float] | dict[Any, int] | Literal["balanced", "effective"]
TTA: TypeAlias = Literal["flip", "tilt", "ten"]
Channels: TypeAlias = Literal["auto", 1, 3]
Precision: TypeAlias = Literal["auto", "float32", "bfloat16"]
Teacher: TypeAlias = "StrPath | FrozenEstimator"

# of the loaders
Subset: TypeAlias = Literal["train", "public_test", "private_test", "test", "all"]
OnError: TypeAlias = Literal["raise", "skip"]
ImagesAndTarget: TypeAlias = tuple[NDArray[np.uint8], NDArray[np.int64]]

# of the over-samplers, as imbalanced-learn has it
SamplingStrategy: TypeAlias = float | str | dict[Any, int] | Callable[[ArrayLike], dict[Any, int]]


class Sampler(Protocol):
    """What balances images: imbalanced-learn's samplers, ferkit's, and Pipelines of them."""

    def fit_resample(self, X: Any, y: Any, /) -> Any:
        """Give images and their labels."""


class Classifier(Protocol):
    """A fitted classifier, of ferkit or not."""

    @property
    def classes_(self) -> Any:
        """The labels."""

    def predict_proba(self, X: Any, /) -> Any:
        """Give the probabilities of the labels."""


class Detector(Protocol):
    """What finds faces."""

    def detect(self, photo: Any, /) -> Any:
        """Give boxes (n, 4) of an array (height, width) or (height, width, 3)."""
