import os
import threading
from contextlib import suppress

import numpy as np
import pytest
import torch

from ferkit._random import draw_seed, preserved_generators, seed_generators, stream_seed

CPU = torch.device("cpu")


def draw(seed, *stream):
    with preserved_generators(CPU):
        seed_generators(CPU, stream_seed(seed, *stream))
        return torch.rand(4).tolist()


def test_streams_repeat_and_differ():
    streams = [(seed, *stream) for seed in (0, 1) for stream in [(0,), (1,), (1, 1), (1, 2)]]
    drawn = [draw(*stream) for stream in streams]
    assert drawn == [draw(*stream) for stream in streams]
    assert len(set(map(tuple, drawn))) == len(streams)


def test_generators_are_put_back_after_errors():
    before = torch.get_rng_state()
    with suppress(KeyError), preserved_generators(CPU):
        seed_generators(CPU, 0)
        raise KeyError
    assert torch.equal(torch.get_rng_state(), before)


def test_draw_seed():
    assert draw_seed(7) == 7
    assert draw_seed(np.int64(7)) == 7
    state = np.random.RandomState(0)
    seeds = draw_seed(state), draw_seed(state)
    assert seeds[0] != seeds[1]
    assert seeds[0] == draw_seed(np.random.RandomState(0))
    assert len({draw_seed(None) for _ in range(5)}) == 5


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_does_not_inherit_the_lock():
    held, release = threading.Event(), threading.Event()

    def hold():
        with preserved_generators(CPU):
            held.set()
            release.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    pid = os.fork()
    if pid == 0:
        with preserved_generators(CPU):
            os._exit(0)
    release.set()
    thread.join()
    # a deadlocked child would be waited for until the suite's time is up
    assert os.waitpid(pid, 0)[1] == 0
