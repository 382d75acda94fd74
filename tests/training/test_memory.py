import subprocess
import sys

import pytest

from ferkit.training import memory

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


def test_other_platforms_are_left_alone(monkeypatch):
    monkeypatch.setattr(memory.sys, "platform", "win32")
    with memory.keep_freed_memory():
        pass
