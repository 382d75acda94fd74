"""How much memory this process takes."""

import ctypes
import re
import resource
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")


def peak_rss():
    """Return the most memory that was resident, in bytes.

    Linux starts the figure of `getrusage` at what the parent process had, so its own is read.
    """
    if _STATUS.exists():
        return _read_status("VmHWM")
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def reset_peak_rss():
    """Forget the peak so far; return what is resident now, in bytes, or None if neither works."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return None
    return _read_status("VmRSS")


def hand_back():
    """Hand free memory back to the system, where the C library is glibc."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)


def _read_status(name):
    return 1024 * int(re.search(rf"{name}:\s*(\d+) kB", _STATUS.read_text())[1])
