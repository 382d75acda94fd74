"""What training in bfloat16 costs: scores beside those of float32, over seeds.

``python tests/benchmarks/precision.py --data fer2013.zip --share 0.1 --network resnet`` trains both
ways on a share of FER2013's training images, scores on the validation split, and prints the
difference of macro-F1 and accuracy for each seed, beside the spread that seeds make. Without
``--data`` it draws faces.
"""

import argparse

import torch
from sklearn.base import clone
from sklearn.model_selection import train_test_split

from ferkit import MobileNetFER, ResNetFER
from ferkit.datasets import load_fer2013, make_faces, validation_split
from ferkit.model_selection import compare

FIGURES = ["f1_macro", "accuracy"]
NETWORKS = {"mobilenet": MobileNetFER, "resnet": ResNetFER}


def load(args):
    """Return images and labels to train on, and to score on."""
    if args.data is None:
        X, y = make_faces(4000, random_state=0, return_X_y=True)
        return X[:2000], y[:2000], X[2000:], y[2000:]
    X, y = load_fer2013(args.data, return_X_y=True)
    train, valid = validation_split(X, y)
    some, _ = train_test_split(train, train_size=args.share, stratify=y[train], random_state=0)
    return X[some], y[some], X[valid], y[valid]


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Compare bfloat16 with float32.")
    parser.add_argument("--data", help="FER2013; drawn faces without")
    parser.add_argument("--network", choices=NETWORKS, default="resnet")
    parser.add_argument("--variant", default="reference", help="of the network")
    parser.add_argument("--share", type=float, default=0.1, help="of FER2013's training images")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    args = parser.parse_args()
    torch.set_num_threads(1)
    X, y, X_test, y_test = load(args)
    estimator = NETWORKS[args.network](
        variant=args.variant,
        max_epochs=args.epochs,
        augment="reference",
        lr_schedule="cosine",
    )
    runs = compare(
        {name: clone(estimator).set_params(precision=name) for name in ("float32", "bfloat16")},
        X,
        y,
        X_test=X_test,
        y_test=y_test,
        seeds=args.seeds,
    )
    runs = runs[runs["weights"] == "last epoch"]
    scores = runs.pivot(index="seed", columns="config", values=FIGURES)
    for figure in FIGURES:
        full, half = scores[figure]["float32"], scores[figure]["bfloat16"]
        difference = half - full
        print(scores[figure].assign(difference=difference).round(4).to_string())
        print(
            f"{figure}: bfloat16 - float32 is {difference.mean():+.4f} on average, from "
            f"{difference.min():+.4f} to {difference.max():+.4f}; float32's own standard deviation "
            f"over {len(full)} seeds is {full.std():.4f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
