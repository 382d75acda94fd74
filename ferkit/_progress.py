"""Where progress bars belong."""

import sys


def can_draw():
    """Tell whether standard error shows bars, as terminals and notebooks do; they fill logs."""
    if sys.stderr.isatty():
        return True
    ipython = sys.modules.get("IPython")
    # only a notebook's shell has a kernel; the packages may be imported anywhere
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")
