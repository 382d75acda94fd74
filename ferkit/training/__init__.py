"""How a module is trained."""

from .build import build_net
from .callbacks import check_callbacks
from .checkpoints import Checkpoints, undone_on_failure
from .device import resolve_device
from .distillation import Distillation
from .distributed import from_first, on_first
from .fine_tuning import absent_parts, graft, move_classes
from .net import FERNet
from .schedules import is_over, lr_factor

__all__ = [
    "Checkpoints",
    "Distillation",
    "FERNet",
    "absent_parts",
    "build_net",
    "check_callbacks",
    "from_first",
    "graft",
    "is_over",
    "lr_factor",
    "move_classes",
    "on_first",
    "resolve_device",
    "undone_on_failure",
]
