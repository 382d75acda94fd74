"""How a module is trained."""

from .device import resolve_device
from .net import FERNet, build_net

__all__ = ["FERNet", "build_net", "resolve_device"]
