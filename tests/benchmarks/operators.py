"""Where the time of training goes: torch's operators, by their own time.

``python tests/benchmarks/operators.py`` trains each network on drawn faces, and prints the time of
a full batch, and the share of each operator in it.
"""

import argparse
from itertools import product

import torch
from torch.profiler import ProfilerActivity, profile

from ferkit import MobileNetFER, ResNetFER
from ferkit.datasets import make_faces


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Print the share of operators in training.")
    parser.add_argument("--batches", type=int, default=10, help="of 64 images")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--least", type=float, default=1.0, help="percent that earn a line")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    X, y = make_faces(64 * args.batches, random_state=0, return_X_y=True)
    for estimator, variant in product((MobileNetFER, ResNetFER), ("reference", "strided")):
        clf = estimator(variant=variant, augment="reference", batch_size=64, random_state=0)
        clf.partial_fit(X, y, classes=range(7))  # the first epoch sets up memory and kernels
        with profile(activities=[ProfilerActivity.CPU]) as profiler:
            clf.partial_fit(X, y)
        operators = sorted(
            profiler.key_averages(), key=lambda event: event.self_cpu_time_total, reverse=True
        )
        total = sum(event.self_cpu_time_total for event in operators)
        print(f"{estimator.__name__}, {variant}: {total / 1e3 / args.batches:.0f} ms a batch")
        for event in operators:
            share = 100 * event.self_cpu_time_total / total
            if share >= args.least:
                print(f"  {share:4.1f} %  {event.count / args.batches:6.1f} times  {event.key}")


if __name__ == "__main__":
    main()
