"""Time loading a saved model, where torch is there already."""

import time
from statistics import median

import torch  # noqa: F401

import ferkit


def measure(path):
    """Time `ferkit.load`.

    Parameters
    ----------
    path : str
        The model file.

    Returns
    -------
    dict
        seconds of the first call, which imports what ferkit needs beside torch, and
        seconds_again, of the median of later calls.
    """
    times = []
    for _ in range(11):
        start = time.perf_counter()
        ferkit.load(path)
        times.append(time.perf_counter() - start)
    return {"seconds": times[0], "seconds_again": median(times[1:])}
