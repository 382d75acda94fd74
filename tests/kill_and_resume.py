"""Kill a fit again and again, at any moment, and see that it ends as if nothing had happened.

``python -m tests.kill_and_resume FOLDER`` prints a log, and as its last line the outcome as JSON.
"""

import json
import os
import random
import signal
import sys
import time
import traceback
from pathlib import Path

import numpy as np
import torch
from skorch.callbacks import Callback

from ferkit import ResNetFER
from ferkit.datasets import make_faces

N_KILLS = 25
MAX_EPOCHS = 60
SECONDS_OF_A_WRITE = 0.03  # at least; so that some kills hit one


class Journal(Callback):
    """Note each epoch that begins in a file that outlives the process."""

    def __init__(self, path):
        self.path = path

    def on_epoch_begin(self, net, **kwargs):
        with open(self.path, "a") as file:
            file.write(f"{len(net.history)}\n")


def fit(checkpoint_dir, journal):
    X, y = make_faces(140, image_size=16, random_state=0, return_X_y=True)
    clf = ResNetFER(
        max_epochs=MAX_EPOCHS,
        augment="reference",
        dropout=0.1,
        optimizer="sgd",
        lr=0.02,
        lr_schedule="onecycle",
        ema_decay=0.9,
        early_stopping=True,
        n_iter_no_change=MAX_EPOCHS,
        checkpoint_dir=checkpoint_dir,
        callbacks=[Journal(journal)],
        random_state=0,
    )
    return clf.fit(X, y).decision_function(X)


def fit_in_child(checkpoint_dir, journal):
    child = os.fork()
    if child:
        return child
    fsync = os.fsync

    def slow_fsync(descriptor):
        time.sleep(SECONDS_OF_A_WRITE)
        fsync(descriptor)

    os.fsync = slow_fsync
    try:
        np.save(journal.with_suffix(".npy"), fit(checkpoint_dir, journal))
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def lines(path):
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def wait_for_a_write(root):
    while not list(root.glob("*/.epoch-*")):
        time.sleep(0.001)


def main(folder):
    torch.set_num_threads(1)
    expected = fit(None, folder / "uninterrupted")  # first, for what it imports the children share
    rng = random.Random(0)
    root, journal = folder / "checkpoints", folder / "journal"
    starts, n_hit_writes = [], 0
    for kill in range(N_KILLS):
        n_before = len(lines(journal))
        child = fit_in_child(root, journal)
        n_epochs = rng.randint(1, 2)  # a fit that never began shows nothing
        while len(lines(journal)) < n_before + n_epochs:
            time.sleep(0.001)
            if os.waitpid(child, os.WNOHANG) != (0, 0):
                sys.exit("the fit ended before it could be killed")
        if kill % 3:
            time.sleep(rng.uniform(0, 0.1))
        else:  # chance alone may miss all writes on a busy machine
            wait_for_a_write(root)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        starts.append(lines(journal)[n_before])
        n_hit = len(list(root.glob("*/.epoch-*")))
        n_hit_writes += n_hit
        files = sorted(path.name for path in root.glob("*/epoch-*"))
        print(
            f"kill {kill + 1}: began with epoch {starts[-1]}, got to {lines(journal)[-1]}, "
            f"{'in a write, ' if n_hit else ''}left {', '.join(files) or 'nothing'}"
        )
    n_before = len(lines(journal))
    os.waitpid(fit_in_child(root, journal), 0)
    starts.append(lines(journal)[n_before])
    outcome = {
        "kills": N_KILLS,
        "kills_in_a_write": n_hit_writes,
        "starts": starts,
        "max_epochs": MAX_EPOCHS,
        "epochs_executed": len(lines(journal)),
        "same_bits": np.array_equal(np.load(journal.with_suffix(".npy")), expected),
        "files": sorted(path.name for path in root.glob("*/*")),
    }
    print(json.dumps(outcome))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
