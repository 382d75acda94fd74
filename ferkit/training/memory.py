"""How a training step gets its memory."""

import ctypes
import sys
from contextlib import contextmanager

# options of glibc's mallopt, from malloc.h
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_KEPT = 2**30


@contextmanager
def keep_freed_memory():
    """Let the C library keep what a step frees, for the next step needs the same again.

    glibc hands large blocks back to the kernel, which must fill them with zeros when the next step
    asks for them: up to half of the time of a step on a CPU. Other C libraries are left alone.
    Afterwards the thresholds are where glibc itself moves them to in a process that frees large
    blocks, and what is free is handed back.
    """
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if not hasattr(libc, "mallopt"):
        yield
        return
    libc.mallopt(_MMAP_THRESHOLD, _KEPT)
    libc.mallopt(_TRIM_THRESHOLD, _KEPT)
    try:
        yield
    finally:
        libc.mallopt(_MMAP_THRESHOLD, 2**25)
        libc.mallopt(_TRIM_THRESHOLD, 2**26)
        libc.malloc_trim(0)
