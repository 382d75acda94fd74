"""Count the copies within FER2013's training images, and between them and PublicTest.

``python tests/benchmarks/twins.py --data fer2013.zip`` takes a quarter of a minute.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from ferkit.datasets import find_duplicates, load_fer2013


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Count copies in FER2013.")
    parser.add_argument("--data", type=Path, required=True, help="FER2013")
    parser.add_argument("--thresholds", type=float, nargs="+", default=[0.9, 0.95, 0.99, 1.0])
    args = parser.parse_args()
    train = load_fer2013(args.data, return_X_y=True)
    test = load_fer2013(args.data, subset="public_test", return_X_y=True)
    rows = {threshold: count(train, test, threshold) for threshold in args.thresholds}
    print(pd.DataFrame(rows).T.to_string())


def count(train, test, threshold):
    """Count copies.

    Parameters
    ----------
    train, test : tuple of ndarray
        Images and labels.
    threshold : float
        Correlation of copies.

    Returns
    -------
    dict
        Numbers of images and groups.
    """
    groups = find_duplicates(train[0], threshold=threshold)
    of_group = pd.Series(train[1]).groupby(groups).agg(["size", "nunique"])
    both = find_duplicates(np.concatenate([train[0], test[0]]), threshold=threshold)
    of_train, of_test = np.split(both, [len(train[0])])
    is_twin = np.isin(of_test, of_train)
    pairs = set(zip(of_train, train[1], strict=True))
    twins = zip(of_test[is_twin], test[1][is_twin], strict=True)
    return {
        "train: images with an earlier copy": len(train[0]) - len(of_group),
        "groups": (of_group["size"] > 1).sum(),
        "largest": of_group["size"].max(),
        "under several labels": (of_group["nunique"] > 1).sum(),
        "PublicTest: twins in train": is_twin.sum(),
        "under the same label": sum(pair in pairs for pair in twins),
    }


if __name__ == "__main__":
    main()
