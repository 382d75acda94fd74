"""One seed governs a fit, and the caller's generators never notice."""

from contextlib import contextmanager

import numpy as np
from sklearn.base import clone

from ._locks import ForkSafeLock

# torch's default generator belongs to the process, so fits take turns
_fit_lock = ForkSafeLock()


def _default_generators(device):
    """List the generators that operations on `device` draw from."""
    import torch

    generators = [torch.default_generator]
    if device.type == "cuda":
        torch.cuda.init()
        index = torch.cuda.current_device() if device.index is None else device.index
        generators.append(torch.cuda.default_generators[index])
    elif device.type == "mps":
        generators.append(torch.mps._get_default_mps_generator())
    return generators


@contextmanager
def preserved_generators(device):
    """Hold the fit lock, and put the generators of torch and `device` back as they were."""
    with _fit_lock:
        states = [(g, g.get_state()) for g in _default_generators(device)]
        try:
            yield
        finally:
            for generator, state in states:
                generator.set_state(state)


def stream_seed(seed, *stream):
    """Derive the 64-bit seed of one of a fit's streams of random numbers, which are independent.

    As `stream`, (0,) draws the weights, (0, i) seeds the i-th part of the sampler, (k,) draws the
    order of the k-th epoch, and (k, r) whatever else the r-th process draws in it, counted from 1.
    An epoch needs nothing but its number to be repeated.
    """
    return int(np.random.SeedSequence([seed, *stream]).generate_state(1, np.uint64)[0])


def seeded(estimator, seed):
    """Clone an estimator, a sampler or a Pipeline, and seed what has no seed, also in its parts."""
    estimator = clone(estimator)
    unseeded = [
        name
        for name, value in sorted(estimator.get_params().items())
        if name.split("__")[-1] == "random_state" and value is None
    ]
    seeds = {name: stream_seed(seed, 0, i) % 2**32 for i, name in enumerate(unseeded, start=1)}
    return estimator.set_params(**seeds)


def seed_generators(device, seed):
    """Seed the generators that torch draws from on `device` with a seed of `stream_seed`."""
    for generator in _default_generators(device):
        generator.manual_seed(seed)


def draw_seed(random_state):
    """Turn an estimator's `random_state` into the seed of one fit, an int of 0 or larger.

    None takes fresh entropy from the operating system, and so leaves numpy's global generator
    alone.
    """
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31))
    return int(random_state)
