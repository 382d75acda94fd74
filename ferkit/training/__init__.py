"""How a module is trained."""

from .build import build_net
from .callbacks import check_callbacks
from .checkpoints import Checkpoints
from .device import resolve_device
from .distillation import Distillation
from .distributed import from_first, on_first
from .epochs import Stopping
from .fine_tuning import absent_parts, graft, move_classes
from .history import append_rows, rows_of
from .net import FERNet
from .schedules import Schedule
from .state import undone_on_failure

__all__ = [
    "Checkpoints",
    "Distillation",
    "FERNet",
    "Schedule",
    "Stopping",
    "absent_parts",
    "append_rows",
    "build_net",
    "check_callbacks",
    "from_first",
    "graft",
    "move_classes",
    "on_first",
    "resolve_device",
    "rows_of",
    "undone_on_failure",
]
