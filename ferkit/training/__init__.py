"""How a module is trained."""

from .batches import Batches
from .callbacks import check_callbacks
from .checkpoints import Checkpoints
from .device import resolve_device
from .distillation import Distillation
from .distributed import from_first, on_first
from .epochs import Stopping
from .fine_tuning import absent_parts, graft, move_classes
from .history import append_rows, rows_of
from .losses import FocalLoss, softmax
from .net import FERNet
from .schedules import Schedule
from .state import undone_on_failure

__all__ = [
    "Batches",
    "Checkpoints",
    "Distillation",
    "FERNet",
    "FocalLoss",
    "Schedule",
    "Stopping",
    "absent_parts",
    "append_rows",
    "check_callbacks",
    "from_first",
    "graft",
    "move_classes",
    "on_first",
    "resolve_device",
    "rows_of",
    "softmax",
    "undone_on_failure",
]
