import os
import subprocess
import sys

import pytest

from ferkit.training import memory


@pytest.fixture(autouse=True)
def no_settings(monkeypatch):
    for name in [*os.environ]:
        if name.startswith("MALLOC_") or name == "GLIBC_TUNABLES":
            monkeypatch.delenv(name)


# counts the pages that the kernel fills for blocks that are made and dropped
CODE = """
import contextlib, resource, torch
from ferkit.training.memory import keep_freed_memory
def faults(context):
    with context:
        torch.ones(5_000_000)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(20):
            torch.ones(5_000_000)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(faults(contextlib.nullcontext()), faults(keep_freed_memory()))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="is about glibc")
def test_freed_memory_is_kept():
    output = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, check=True
    )
    without, within = map(int, output.stdout.split())
    assert within < without / 10


@pytest.mark.skipif(sys.platform != "linux", reason="is about glibc")
def test_it_is_kept_until_the_last_leaves(monkeypatch):
    trims = []

    class Libc:
        mallopt = staticmethod(lambda option, value: 1)
        malloc_trim = staticmethod(trims.append)

    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: Libc)
    fit, prediction = memory.keep_freed_memory(), memory.keep_freed_memory()
    fit.__enter__()
    with prediction:  # such as a callback's, or another thread's
        pass
    assert not trims
    fit.__exit__(None, None, None)
    assert len(trims) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_child_that_is_forked_within_counts_anew():
    with memory.keep_freed_memory():
        child = os.fork()
        if child == 0:
            n_at_first = memory._n_inside
            with memory.keep_freed_memory():
                n_within = memory._n_inside
            os._exit((n_at_first, n_within, memory._n_inside) != (0, 1, 0))
        assert os.waitpid(child, 0)[1] == 0


@pytest.mark.skipif(sys.platform != "linux", reason="is about glibc")
@pytest.mark.parametrize("largest", [0, 2**25, 2**30])
def test_an_older_glibc_that_refuses(largest, monkeypatch):
    calls = []

    class Libc:
        def mallopt(self, option, value):
            calls.append((option, value))
            return int(option != -3 or value <= largest)

        def malloc_trim(self, pad):
            calls.append("trim")

    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: Libc())
    with memory.keep_freed_memory():
        taken = [call for call in calls if call[0] != -3 or call[1] <= largest]
    kept = [(-3, largest), (-1, 2**30)]
    assert taken == (kept if largest else [])
    assert ("trim" in calls) == bool(largest)


def test_a_users_settings_are_left_alone(monkeypatch):
    monkeypatch.setenv("MALLOC_ARENA_MAX", "2")
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: None)
    with memory.keep_freed_memory():
        pass


def test_other_platforms_are_left_alone(monkeypatch):
    monkeypatch.setattr(memory.sys, "platform", "win32")
    with memory.keep_freed_memory():
        pass
