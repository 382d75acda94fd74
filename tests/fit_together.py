"""Fit in one process or in several; each writes what it ended with.

``torchrun --nproc_per_node 2 -m tests.fit_together FOLDER``, or plain ``python -m``.
"""

import contextlib
import os
import sys
from pathlib import Path

import numpy as np
import torch
from sklearn.frozen import FrozenEstimator
from torch import nn

from ferkit import ResNetFER
from ferkit.datasets import make_faces


class FrozenNormFER(ResNetFER):
    """Without batch statistics, what several processes do is what one does."""

    def _make_module(self, in_channels, n_classes):
        module = super()._make_module(in_channels, n_classes)
        for part in module.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.track_running_stats = True
                part.train = lambda mode=True, part=part: part
                part.training = False
        return module


def flatten(clf):
    return np.concatenate([p.detach().numpy().ravel() for p in clf.module_.parameters()])


def main(folder):
    torch.set_num_threads(1)
    rank = 0
    if "WORLD_SIZE" in os.environ:
        from accelerate import Accelerator

        rank = Accelerator(cpu=True).process_index
    X, y = make_faces(700, image_size=24, random_state=0, return_X_y=True)
    X_test, y_test = make_faces(350, image_size=24, random_state=1, return_X_y=True)
    params = {"precision": "float32", "batch_size": 50, "verbose": 2}

    sgd = {"max_epochs": 1, "optimizer": "sgd", "lr": 0.01, "random_state": 0, **params}
    exact = FrozenNormFER(**sgd).fit(X, y)
    uneven = {**sgd, "batch_size": 35, "class_weight": {0: 5.0, 1: 0.1}, "label_smoothing": 0.1}
    weighted = FrozenNormFER(**uneven, clip_grad_norm=0.5).fit(X, y)
    taught = FrozenNormFER(**uneven, teacher=FrozenEstimator(exact)).fit(X, y)
    with contextlib.suppress(OSError):  # of the first process's disk, but none may wait for another
        ResNetFER(**sgd, checkpoint_dir=__file__).fit(X, y)
    full = ResNetFER(
        max_epochs=16,
        lr_schedule="onecycle",  # without it seeds differ by 0.3 in score, with it by 0.03
        ema_decay=0.9,
        early_stopping=True,
        n_iter_no_change=16,
        lr=1e-3,
        checkpoint_dir=folder / "checkpoints",
        random_state=0,
        **params,
    ).fit(X, y)
    unseeded = ResNetFER(max_epochs=1, **{**params, "verbose": 0}).fit(X, y)
    np.savez(
        folder / f"{rank}.npz",
        gradient_step=flatten(exact),
        weighted_step=flatten(weighted),
        taught_step=flatten(taught),
        weighted_loss=weighted.history_["train_loss"],
        weights=flatten(full),
        unseeded=flatten(unseeded),  # the first process's seed is everybody's
        train_loss=full.history_["train_loss"],
        valid_loss=full.history_["valid_loss"],
        score=full.score(X_test, y_test),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
