"""Time training: ferkit's `fit`, and the rivals' functions."""

import time
from functools import partial
from pathlib import Path

import numpy as np
import rivals_training
import torch
from memory import hand_back
from rivals_training import BATCH_SIZE

import ferkit
import ferkit.nn
from ferkit.datasets import load_fer2013

MODULES = {"MobileNetFER": "MobileNetV2_48", "ResNetFER": "ResNetLite"}
LR = 1e-3
WARM_UP = slice(4 * BATCH_SIZE)  # first calls set up threads and kernels, whoever makes them


def measure(contender, estimator, folder, augment=None):
    """Time an epoch; making the network and the optimizer is part of it.

    Parameters
    ----------
    contender : {"ferkit augmented", "ferkit", "reference", "skorch", "plain", "tricks"}
        Who trains.
    estimator : str
        The class in ferkit; all contenders train its network, with its dropout and weight decay.
    folder : str
        FER2013's image folder.
    augment : str, default=None
        Policy for "ferkit".

    Returns
    -------
    dict
        seconds, images_per_second, and cpu_seconds of this process, worker processes aside: much
        less than the threads could take hints at a machine that others use.
    """
    faces = load_fer2013(folder, on_error="skip")  # a small sample may lack a class
    # by class as loaded, so the warm-up would see one class only
    order = np.random.default_rng(0).permutation(len(faces.target))
    images, y = faces.images[order], faces.target[order]
    estimator_class = getattr(ferkit, estimator)
    if contender.startswith("ferkit"):
        params = {"augment": augment}
        if contender == "ferkit augmented":
            # Beside the reference study, the network has three channels as there; that ferkit
            # stores and augments gray images, and repeats them only then, is its merit.
            params = {"augment": "reference", "channels": 3}
        X, train = images, _ferkit(estimator_class, **params)
    else:
        train = _rival(contender, estimator_class, n_classes=len(np.unique(y)))
        if contender == "reference":
            X = [Path(folder) / name for name in faces.filenames[order]]
        else:
            X = images[:, None] / np.float32(127.5) - 1
        if contender in ("plain", "tricks"):
            X, y = torch.from_numpy(X), torch.from_numpy(y)
        if contender == "tricks":
            X = X.contiguous(memory_format=torch.channels_last)
            rivals_training.keep_freed_memory()
    train(X[WARM_UP], y[WARM_UP])
    hand_back()  # ferkit's fit does so at its end; a first step in new memory is slower
    start, cpu_start = time.perf_counter(), time.process_time()
    train(X, y)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    return {
        "seconds": seconds,
        "images_per_second": len(y) / seconds,
        "cpu_seconds": cpu_seconds,
    }


def _ferkit(estimator_class, **params):
    return estimator_class(lr=LR, max_epochs=1, device="cpu", random_state=0, **params).fit


def _rival(name, estimator_class, n_classes):
    torch.manual_seed(0)
    defaults = estimator_class().get_params()
    return partial(
        getattr(rivals_training, f"train_{name}"),
        getattr(ferkit.nn, MODULES[estimator_class.__name__]),
        {
            "in_channels": 3 if name == "reference" else 1,
            "n_classes": n_classes,
            "dropout": defaults["dropout"],
        },
        lr=LR,
        weight_decay=defaults["weight_decay"],
    )
