"""Measure ferkit beside its rivals.

``python tests/benchmarks/benchmark.py --data fer2013.zip --json results.json`` takes 25 minutes on
two cores for training alone. Leave the machine alone meanwhile: a single other process at work
makes training several times slower, ferkit's and its rivals' alike.

Every run of a contender is a process of its own, all of them on the CPU, and the contenders of a
comparison take turns (A B C A B C ...), so that what changes with time hits all. Ratios are taken
within a turn. The benchmarks report; they do not judge.

What is compared:

training
    Images per second in an epoch of batches of 64 with Adam, learning rate 1e-3, making the
    network included. ferkit's `fit` with the reference study's augmentation and three channels
    beside the study's own way ("reference"), and without augmentation, with one channel, beside
    vanilla skorch and two hand loops: "plain", and "tricks", with all that makes it faster. All
    train the same module with the same parameters on the same images; rivals_training.py holds
    the rivals. The reference study's two loader processes are not in its memory and CPU time.
augmentation
    The same epoch with and without each policy; and the milliseconds that a policy takes for a
    batch, on one thread, beside kornia's parts for the same where kornia is installed.
prediction
    Images per second of `predict` on one thread, and seconds of the median call.
loading
    All images of FER2013 from the zip and from the folder beside Pillow alone, which decodes the
    same files from memory, in one thread; and FER2013's csv beside pandas with two customary ways
    to parse its pixels. All files are warm. `memory` is by how much the resident process grows at
    most, per byte of the images; pages of the zip that are mapped into it count.
start
    Wall time of imports, and of loading a saved model where torch is there already.

The JSON file holds::

    {"machine": {"cpu": ..., "cores": ..., "threads": ..., "load": ..., versions, ...},
     "arguments": {...},
     "comparisons": {
       "training/ResNetFER": {
         "contenders": {
           "ferkit": {
             "runs": [{"seconds": ..., "images_per_second": ..., "peak_rss_mb": ...}, ...],
             "summary": {"seconds": {"minimum": ..., "median": ..., "maximum": ...,
                                     "target": ""}, ...}},
           ...},
         "ratios": {
           "ferkit / skorch": {"figure": "images_per_second", "values": [...], "minimum": ...,
                               "median": ..., "maximum": ..., "target": ""},
           ...}},
       ...}}

Runs are in the order in which they were taken, the i-th of all contenders in the i-th turn.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import corpus
import plan
import torch
from report import describe, summarise

ESTIMATORS = {"mobilenet": "MobileNetFER", "resnet": "ResNetFER"}
SUBJECTS = ("training", "augmentation", "prediction", "loading", "start")
N_IMAGES = {"MobileNetFER": 2048, "ResNetFER": 4096}  # memory settles in the first ten steps
N_DRAWN = {"n_training": 4096, "n_test": 512}
PACKAGES = ("ferkit", "torch", "numpy", "pandas", "pillow", "scikit-learn", "skorch")


def main():
    """Run the command line."""
    args = _parser().parse_args()
    results = {
        "machine": describe_machine(),
        "arguments": vars(args),
        "comparisons": {},
    }
    with tempfile.TemporaryDirectory() as folder:
        for comparison in prepare(args, Path(folder)):
            runs = take_turns(comparison, args.repetitions)
            results["comparisons"][comparison.name] = summarise(comparison, runs)
    print(describe(results))
    if args.json:
        args.json.write_text(json.dumps(results, indent=1, default=str))


def _parser():
    parser = argparse.ArgumentParser(description="Measure ferkit beside its rivals.")
    parser.add_argument(
        "--data",
        type=Path,
        metavar="ZIP",
        help="zip of FER2013's image folder; without it, faces are drawn",
    )
    parser.add_argument("--only", nargs="+", choices=SUBJECTS, default=SUBJECTS)
    parser.add_argument("--networks", nargs="+", choices=ESTIMATORS, default=list(ESTIMATORS))
    parser.add_argument(
        "--images",
        type=_multiple_of_64,
        metavar="N",
        help="images of an epoch, a multiple of 64; by default 2048 for mobilenet, 4096 for resnet",
    )
    parser.add_argument("--repetitions", type=int, default=5, metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write all figures")
    return parser


def _multiple_of_64(text):
    number = int(text)
    if number < 64 or number % 64:
        raise argparse.ArgumentTypeError(f"got {number}, expected a multiple of 64")
    return number


def prepare(args, folder):
    """Write the files that are measured on, and plan the comparisons.

    Parameters
    ----------
    args : argparse.Namespace
        The command line's.
    folder : pathlib.Path
        Where to write.

    Returns
    -------
    list of plan.Comparison
        What to measure.
    """
    archive = args.data
    if archive is None:
        archive = folder / "drawn.zip"
        corpus.draw_zip(archive, **N_DRAWN)
    samples = corpus.index_zip(archive)
    estimators = [ESTIMATORS[network] for network in args.networks]
    comparisons = []
    if {"training", "augmentation"} & set(args.only):
        for estimator in estimators:
            n_images = args.images or N_IMAGES[estimator]
            corpus.extract_sample(archive, samples, n_images, folder / estimator)
    if "training" in args.only:
        comparisons += [plan.compare_training(name, folder / name) for name in estimators]
    if "augmentation" in args.only:
        comparisons += [plan.compare_augmented_training(name, folder / name) for name in estimators]
        comparisons += plan.compare_policies()
    if "prediction" in args.only:
        comparisons += [plan.compare_prediction(estimator) for estimator in estimators]
    if "loading" in args.only:
        corpus.extract(archive, samples, folder / "images")
        corpus.write_csv(archive, samples, folder / "fer2013.csv")
        subsets = corpus.subsets(samples)
        comparisons.append(plan.compare_image_loading(archive, folder / "images", subsets))
        comparisons.append(plan.compare_csv_loading(folder / "fer2013.csv"))
    if "start" in args.only:
        models = {estimator: folder / f"{estimator}.safetensors" for estimator in estimators}
        for estimator, path in models.items():
            corpus.save_model(estimator, path)
        comparisons.append(plan.compare_start(models))
    os.sync()  # what was written shall not be on its way to the disk during the measurements
    return comparisons


def take_turns(comparison, repetitions):
    """Run the contenders in turn.

    Parameters
    ----------
    comparison : plan.Comparison
        What to run.
    repetitions : int
        How often.

    Returns
    -------
    dict of str to list of dict
        By contender, the figures of its runs.
    """
    runs = {name: [] for name in comparison.commands}
    for turn in range(repetitions):
        for name, command in comparison.commands.items():
            figures = run(command)
            runs[name].append(figures)
            shown = "  ".join(f"{figure} {value:.4g}" for figure, value in figures.items())
            print(
                f"{comparison.name} {turn + 1}/{repetitions}  {name}: {shown}",
                file=sys.stderr,
                flush=True,
            )
    return runs


def run(command):
    """Run a command; return the figures that it prints, or else the seconds that it took."""
    start = time.perf_counter()
    output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    seconds = time.perf_counter() - start
    return json.loads(output) if output else {"seconds": seconds}


def describe_machine():
    """Collect what the figures depend on.

    Returns
    -------
    dict
        Among others, load is the system's load average of the last minute.
    """
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "load": os.getloadavg()[0],
        "system": platform.platform(),
        "python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
    }


def _cpu_model():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()


if __name__ == "__main__":
    main()
