"""How a module is trained."""

from .build import build_net
from .callbacks import check_callbacks
from .checkpoints import Checkpoints, pack_state, unpack_state
from .device import resolve_device
from .distillation import Distillation
from .distributed import from_first, on_first
from .fine_tuning import absent_parts, graft, move_classes
from .net import FERNet
from .schedules import lr_factor

__all__ = [
    "Checkpoints",
    "Distillation",
    "FERNet",
    "absent_parts",
    "build_net",
    "check_callbacks",
    "from_first",
    "graft",
    "lr_factor",
    "move_classes",
    "on_first",
    "pack_state",
    "resolve_device",
    "unpack_state",
]
