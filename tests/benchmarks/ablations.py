"""What each ingredient of the recipes gives, on the fixed validation split.

``python tests/benchmarks/ablations.py --data fer2013.zip --out ablations`` leaves out one
ingredient of the recipe's first stage at a time, and prints means and spreads over the seeds. The
folder keeps finished runs: the same command goes on where it was stopped.
"""

import argparse
from pathlib import Path

from sklearn.model_selection import train_test_split

from ferkit import ResNetFER
from ferkit.datasets import load_fer2013, validation_split
from ferkit.model_selection import RECIPES, compare, summarize

WITHOUT = {
    "all of it": {},
    "no averaged weights": {"ema_decay": None},
    "no label smoothing": {"label_smoothing": 0.0},
    "no dropout": {"dropout": 0.0},
    "no weight decay": {"weight_decay": 0.0},
    "Adam, 1e-3": {"optimizer": "adam", "lr": 1e-3, "weight_decay": 0.0},
    "no schedule": {"lr_schedule": None, "lr": 0.01},
    'augment="reference"': {"augment": "reference"},
    "no augmentation": {"augment": None},
    'variant="reference"': {"variant": "reference", "lr": 0.01},
}
FIGURES = ["accuracy", "f1_macro", "f1_1"]  # 1 is disgust


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Leave out one ingredient at a time.")
    parser.add_argument("--data", type=Path, required=True, help="FER2013")
    parser.add_argument("--out", type=Path, required=True, help="for finished runs")
    parser.add_argument("--share", type=float, default=1.0, help="of the training images")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--jobs", type=int, default=2, help="trainings at once")
    parser.add_argument("--only", nargs="+", choices=WITHOUT, default=list(WITHOUT))
    args = parser.parse_args()
    X, y = load_fer2013(args.data, return_X_y=True)
    train, valid = validation_split(X, y)
    if args.share < 1:
        train, _ = train_test_split(train, train_size=args.share, stratify=y[train], random_state=0)
    params = {**RECIPES["resnet-first"].params, "max_epochs": args.epochs}
    runs = compare(
        {name: ResNetFER(**{**params, **WITHOUT[name]}) for name in args.only},
        X[train],
        y[train],
        X_test=X[valid],
        y_test=y[valid],
        seeds=args.seeds,
        n_jobs=args.jobs,
        out=args.out,
        verbose=1,
    )
    print(summarize(runs)[FIGURES].round(3).to_string())


if __name__ == "__main__":
    main()
