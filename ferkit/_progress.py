"""Where progress bars belong."""

import sys


def can_draw():
    """Tell whether standard error shows bars, as terminals and notebooks do; they fill logs."""
    if sys.stderr.isatty():
        return True
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    # only a notebook's shell has a kernel; the packages may be imported anywhere
    return get_ipython is not None and hasattr(get_ipython(), "kernel")
