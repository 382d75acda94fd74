"""How a training step gets its memory, and what is said where there is not enough."""

import ctypes
import os
import sys
from contextlib import contextmanager

import torch

from .._locks import ForkSafeLock

# options of glibc's mallopt, from malloc.h
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_KEPT = 2**30
_GROWN = 2**25  # where glibc itself moves the threshold in a process that frees large blocks

_lock = ForkSafeLock()
_n_inside = 0  # fits and predictions that run now, in all threads


def _forget():
    """Start anew in a forked child, where the threads of the others do not run."""
    global _n_inside
    _n_inside = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


@contextmanager
def keep_freed_memory():
    """Let the C library keep what a step frees, for the next step needs the same again.

    glibc hands large blocks back to the kernel, which must fill them with zeros when the next step
    asks for them: up to half of the time of a step on a CPU. Other C libraries are left alone, and
    so is a glibc that the user has given settings of its own. Once nobody is within any more, the
    thresholds are where glibc moves them to by itself, and what is free is handed back.
    """
    global _n_inside
    libc = _glibc()
    with _lock:
        is_kept = libc is not None and (
            # releases before 2.35 take no larger threshold than _GROWN; one at all ends the growing
            libc.mallopt(_MMAP_THRESHOLD, _KEPT) or libc.mallopt(_MMAP_THRESHOLD, _GROWN)
        )
        if is_kept:
            libc.mallopt(_TRIM_THRESHOLD, _KEPT)
        _n_inside += 1
    try:
        yield
    finally:
        with _lock:
            _n_inside = max(0, _n_inside - 1)  # of a child, if it was forked within
            if is_kept and _n_inside == 0:
                libc.mallopt(_MMAP_THRESHOLD, _GROWN)
                libc.mallopt(_TRIM_THRESHOLD, 2 * _GROWN)
                libc.malloc_trim(0)


def _glibc():
    """Find the C library, if it is glibc, and the user has left its settings alone."""
    if any(name.startswith("MALLOC_") or name == "GLIBC_TUNABLES" for name in os.environ):
        return None
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    return libc if hasattr(libc, "mallopt") else None


# torch's own class is for CUDA; MPS, the CPU and CUDA's libraries raise RuntimeErrors
_EXHAUSTED = ("out of memory", "DefaultCPUAllocator", "ALLOC_FAILED")


@contextmanager
def explain_exhaustion(device, what, advice):
    """Say what to set where a device has not enough memory for `what`.

    Turns torch's error, if it is one of memory, into a torch.OutOfMemoryError that gives `advice`.
    """
    try:
        yield
    except RuntimeError as error:
        if not any(text in str(error) for text in _EXHAUSTED):
            raise
        raise torch.OutOfMemoryError(
            f"got too little memory on {device} for {what}, expected enough; {advice} "
            f"({str(error).splitlines()[0]})"
        ) from error
