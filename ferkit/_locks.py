"""What belongs to the whole process is changed by one thread at a time."""

import os
import threading
import warnings
from contextlib import contextmanager, suppress


class ForkSafeLock:
    """A re-entrant lock that a forked child gets anew, so that it cannot inherit it locked.

    With `delays_forks`, forks wait until no other thread holds it, half a minute at most.
    """

    def __init__(self, delays_forks=False):
        self._renew()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._renew)
            if delays_forks:
                os.register_at_fork(before=self._wait, after_in_parent=self._go_on)

    def _renew(self):
        self._lock = threading.RLock()

    def _wait(self):
        self._lock.acquire(timeout=30)

    def _go_on(self):
        with suppress(RuntimeError):  # it was not acquired in time
            self._lock.release()

    def __enter__(self):
        self._lock.acquire()

    def __exit__(self, *exc_info):
        self._lock.release()


# torch locks its default generator while it draws; a child that is forked then could never draw
draw_lock = ForkSafeLock(delays_forks=True)

_filters_lock = ForkSafeLock()


@contextmanager
def warning_filter(action, message="", category=Warning, module=""):
    """Filter warnings for a while; several threads do so in turns.

    `warnings.catch_warnings` alone is not made for threads: of two that overlap, the one that ends
    last puts the other's filters back, for good. The arguments are those of
    `warnings.filterwarnings`: `message` and `module` are regular expressions for how the text and
    the module's name begin.
    """
    with _filters_lock, warnings.catch_warnings():  # noqa: TID251
        warnings.filterwarnings(action, message, category, module)
        yield
