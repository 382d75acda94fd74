"""How a module is trained."""

from .build import build_net
from .checkpoints import Checkpoints
from .device import resolve_device
from .distributed import from_first, rank_and_size
from .fine_tuning import graft
from .net import FERNet
from .schedules import lr_factor

__all__ = [
    "Checkpoints",
    "FERNet",
    "build_net",
    "from_first",
    "graft",
    "lr_factor",
    "rank_and_size",
    "resolve_device",
]
