"""Facial-emotion recognition with small networks, as scikit-learn estimators."""

from importlib import import_module
from typing import TYPE_CHECKING

from ._labels import EMOTIONS

if TYPE_CHECKING:
    from . import (
        augment,
        datasets,
        deploy,
        inspection,
        metrics,
        model_selection,
        nn,
        over_sampling,
        preprocessing,
    )
    from ._base import BaseFER
    from ._large import LargeFER
    from ._mobilenet import MobileNetFER
    from ._resnet import ResNetFER
    from ._saving import load
    from ._vgg16 import VGG16FER
    from .weights import available_weights

__version__ = "0.1.0"

# Resolved on first use: `import ferkit` stays fast and does not import torch.
_HOMES = {
    "BaseFER": "_base",
    "LargeFER": "_large",
    "MobileNetFER": "_mobilenet",
    "ResNetFER": "_resnet",
    "VGG16FER": "_vgg16",
    "available_weights": "weights",
    "load": "_saving",
}
__all__ = [
    "EMOTIONS",
    "VGG16FER",
    "BaseFER",
    "LargeFER",
    "MobileNetFER",
    "ResNetFER",
    "augment",
    "available_weights",
    "datasets",
    "deploy",
    "inspection",
    "load",
    "metrics",
    "model_selection",
    "nn",
    "over_sampling",
    "preprocessing",
]


if not TYPE_CHECKING:  # type checkers would take any name

    def __getattr__(name):
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        try:
            value = import_module(f".{_HOMES.get(name, name)}", __name__)
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                f"got no module {error.name}, expected it for ferkit.{name}; install ferkit with "
                "all that it depends on: without, ferkit.deploy.OnnxFER is all that works",
                name=error.name,
            ) from error
        if name in _HOMES:
            value = getattr(value, name)
        globals()[name] = value
        return value


def __dir__():
    return __all__
