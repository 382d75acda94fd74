"""What a second worker gives a grid search, and what memory it takes.

``python tests/benchmarks/parallel_search.py --data fer2013.zip`` on an idle machine of two cores
fits the same grid with one job and with two, of one thread each, in turns. Efficiency is the time
of one job over twice that of two. Memory is the proportional set size (Linux), in which pages that
processes share are counted once in all.
"""

import argparse
import os
import re
import threading
import time
from pathlib import Path
from statistics import median

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported, here and in workers

from sklearn.model_selection import GridSearchCV, StratifiedShuffleSplit

from ferkit import MobileNetFER, ResNetFER
from ferkit.datasets import load_fer2013

ESTIMATORS = {"resnet": ResNetFER(), "mobilenet": MobileNetFER(variant="strided")}


class MemoryWatch(threading.Thread):
    """Read every half second how much memory this process and its children take."""

    def __init__(self):
        super().__init__(daemon=True)
        self.peaks, self.stopped = {}, threading.Event()

    def run(self):
        while not self.stopped.wait(0.5):
            sizes = {f"process {pid}": _proportional_size(pid) for pid in _family(os.getpid())}
            sizes["all together"] = sum(sizes.values())
            for name, size in sizes.items():
                self.peaks[name] = max(self.peaks.get(name, 0), size)


def _family(pid):
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rsplit(")", 1)[1].split()
        except OSError:  # it has ended
            continue
        parents[int(status.parent.name)] = int(fields[1])
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def _proportional_size(pid):
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        return 1024 * int(re.search(r"^Pss:\s*(\d+) kB", text, re.MULTILINE)[1])
    except (OSError, TypeError):
        return 0


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Measure a grid search with one and two jobs.")
    parser.add_argument("--data", type=Path, required=True, help="FER2013")
    parser.add_argument("--model", choices=ESTIMATORS, default="resnet")
    parser.add_argument("--share", type=float, default=0.3, help="of train, for each fit")
    parser.add_argument("--turns", type=int, default=3)
    args = parser.parse_args()
    X, y = load_fer2013(args.data, return_X_y=True)
    # a small validation part, so that nearly all of the time is training
    cv = StratifiedShuffleSplit(1, train_size=args.share, test_size=0.02, random_state=0)
    clf = ESTIMATORS[args.model].set_params(max_epochs=1, random_state=0)
    grid = {"lr": [1e-4, 2e-4, 5e-4, 1e-3]}
    results, seconds = {}, {1: [], 2: []}
    for turn in range(-1, args.turns):  # one to start the workers
        for n_jobs in (1, 2):
            search = GridSearchCV(clf, grid, scoring="f1_macro", cv=cv, n_jobs=n_jobs, refit=False)
            watch = MemoryWatch()
            watch.start()
            start = time.perf_counter()
            search.fit(X, y)
            if turn >= 0:
                seconds[n_jobs].append(time.perf_counter() - start)
            watch.stopped.set()
            results[n_jobs] = search.cv_results_["mean_test_score"].tolist(), watch.peaks
    assert results[1][0] == results[2][0], "scores differ"
    efficiencies = [one / (2 * two) for one, two in zip(*seconds.values(), strict=True)]
    print(f"seconds: {median(seconds[1]):.1f} with one job, {median(seconds[2]):.1f} with two")
    worst, *_, best = sorted(efficiencies)
    print(f"efficiency: {median(efficiencies):.2f}, {worst:.2f} to {best:.2f}")
    for n_jobs, (_, peaks) in results.items():
        print(f"peak memory, {n_jobs} jobs, process {os.getpid()} being the parent:")
        for name, size in peaks.items():
            if size > 50e6:
                print(f"  {name}: {size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
