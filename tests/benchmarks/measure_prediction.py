"""Time prediction on one thread."""

import time
from statistics import median

import torch

import ferkit
from ferkit.datasets import make_faces

SECONDS = 1  # at least


def measure(estimator, batch_size):
    """Time calls of `predict`, on one thread.

    Parameters
    ----------
    estimator : str
        The class in ferkit.
    batch_size : int
        Images per call.

    Returns
    -------
    dict
        seconds, of the median call, and images_per_second, of all calls together.
    """
    torch.set_num_threads(1)
    X, y = make_faces(140, random_state=0, return_X_y=True)
    estimator_class = getattr(ferkit, estimator)
    clf = estimator_class(max_epochs=1, device="cpu", random_state=0).fit(X, y)
    X = X[:batch_size]
    for _ in range(3):
        clf.predict(X)
    times = []
    while sum(times) < SECONDS:
        start = time.perf_counter()
        clf.predict(X)
        times.append(time.perf_counter() - start)
    return {"seconds": median(times), "images_per_second": batch_size * len(times) / sum(times)}
