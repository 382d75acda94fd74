"""Where progress bars belong."""

import sys


def can_draw():
    """Tell whether standard error shows bars, as terminals and notebooks do; they fill logs."""
    return sys.stderr.isatty() or "ipykernel" in sys.modules
