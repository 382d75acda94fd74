"""Fit, predict and search for an hour, then fit thousands of times, and watch what piles up.

``python -m tests.attacks.soak --minutes 60 --fits 3000`` prints a line per interval, and at the end
a verdict on each part: whether resident memory rises, and whether there are more threads, open
files, processes or shared memory than after the warm-up. It exits with 1 if anything grew. Needs
Linux's /proc.
"""

import argparse
import gc
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported

import numpy as np
import torch
from optuna.distributions import FloatDistribution

import ferkit
from ferkit import MobileNetFER, ResNetFER
from ferkit.datasets import make_faces
from ferkit.model_selection import FERSearchCV
from ferkit.over_sampling import AugmentedOverSampler
from tests.benchmarks.memory import hand_back
from tests.helpers import LinearFER

WARM_UP = 1 / 3  # of the samples: torch, optuna and joblib's workers set themselves up
# of resident memory over what is judged; allocators and caches of libraries are not exact
MAX_GROWTH = 0.02
OTHERS = ("threads", "files", "children", "shared")


def look():
    """Count what this process holds."""
    gc.collect()
    hand_back()
    pid = os.getpid()
    return {
        "seconds": time.monotonic(),
        "rss": int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"),
        "threads": len(os.listdir("/proc/self/task")),
        "files": len(os.listdir("/proc/self/fd")),
        "children": len(Path(f"/proc/self/task/{pid}/children").read_text().split()),
        # not folders: joblib 1.6 leaves an empty one per call until the process ends
        "shared": sum(
            f"{pid}" in f"{folder}/{file}"
            for folder, _, files in os.walk("/dev/shm")
            for file in files
        ),
    }


def mix(X, y, folder, turn):
    """Do a bit of everything."""
    common = {"max_epochs": 2, "random_state": turn}
    clf = ResNetFER(
        early_stopping=True,
        validation_fraction=0.3,
        augment="strong",
        ema_decay=0.9,
        checkpoint_dir=folder / f"fit-{turn}",
        sampler=AugmentedOverSampler(),
        **common,
    ).fit(X, y)
    clf.save(folder / "model.safetensors")
    loaded = ferkit.load(folder / "model.safetensors")
    np.testing.assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))
    threads = [threading.Thread(target=loaded.transform, args=(X,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    MobileNetFER(variant="strided", teacher=str(folder / "model.safetensors"), **common).fit(X, y)
    try:
        LinearFER(lr=1e38, optimizer="sgd", **common).fit(X, y)
    except ValueError:
        pass  # it diverged, as it should
    else:
        raise AssertionError("a learning rate of 1e38 did not diverge")
    space = {"lr": FloatDistribution(1e-4, 1e-2, log=True)}
    n_jobs = 2 if turn % 4 == 0 else 1
    FERSearchCV(LinearFER(**common), space, n_trials=4, cv=2, n_jobs=n_jobs, random_state=0).fit(
        X, y
    )


def fit_small(X, y, folder, turn):
    """Fit for one epoch, on few faces."""
    LinearFER(max_epochs=1, random_state=turn).fit(X, y).predict(X)


def watch(name, work, data, is_over, interval):
    """Repeat some work, and look at intervals; return the rows and how often it was done."""
    rows, n_done, next_look = [], 0, 0.0
    with tempfile.TemporaryDirectory() as folder:
        while not is_over(n_done):
            work(*data, Path(folder), n_done)
            n_done += 1
            if time.monotonic() >= next_look:
                row = look()
                rows.append(row)
                next_look = time.monotonic() + interval
                others = "  ".join(f"{key} {row[key]}" for key in OTHERS)
                seconds = row["seconds"] - rows[0]["seconds"]
                text = f"{name} {n_done:5d}  {seconds:6.0f} s  RSS {row['rss'] / 2**20:7.1f} MiB"
                print(f"{text}  {others}", flush=True)
    return rows, n_done


def judge(name, rows, n_done):
    """Print a verdict; return whether nothing grew."""
    rows = rows[int(len(rows) * WARM_UP) :]
    if len(rows) < 6:
        print(f"{name}: {len(rows)} looks after the warm-up are too few; take longer")
        return False
    seconds = np.array([row["seconds"] for row in rows])
    rss = np.array([row["rss"] for row in rows])
    slope = np.polyfit(seconds - seconds[0], rss, 1)[0]
    grown = slope * (seconds[-1] - seconds[0])
    is_well = grown < MAX_GROWTH * rss[0]
    print(
        f"{name}: {n_done} times; after the warm-up RSS {rss[0] / 2**20:.1f} to "
        f"{rss[-1] / 2**20:.1f} MiB, a slope of {slope * 3600 / 2**20:+.2f} MiB an hour: "
        f"{'even' if is_well else 'IT GROWS'}"
    )
    half = len(rows) // 2
    for key in OTHERS:
        first, second = (max(row[key] for row in part) for part in (rows[:half], rows[half:]))
        is_well &= second <= first
        verdict = "even" if second <= first else "MORE"
        print(f"{name}: {key} at most {first}, then {second}: {verdict}")
    return is_well


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Look for leaks.")
    parser.add_argument("--minutes", type=float, default=60, help="of fits, predictions, searches")
    parser.add_argument("--fits", type=int, default=3000, help="small fits afterwards")
    parser.add_argument("--interval", type=float, default=30, help="seconds between looks")
    args = parser.parse_args()
    torch.set_num_threads(1)
    faces = make_faces(140, image_size=24, random_state=0, return_X_y=True)
    end = time.monotonic() + 60 * args.minutes
    runs = {
        "mix": watch("mix", mix, faces, lambda _: time.monotonic() > end, args.interval),
        "fits": watch(
            "fits",
            fit_small,
            (faces[0][:32], faces[1][:32]),
            lambda n_done: n_done >= args.fits,
            args.interval / 10,
        ),
    }
    is_well = [judge(name, *run) for name, run in runs.items()]
    sys.exit(not all(is_well))


if __name__ == "__main__":
    main()
