"""The reference study's tables again: its configurations for 15 epochs on FER2013.

``python tests/benchmarks/reference_tables.py resnet --data fer2013.zip --out tables`` trains
each configuration on train, balanced offline to at least 4,000 images a class and augmented online
as in the study, but without AffectNet's images, which it added to three classes. PublicTest is
scored after the last epoch; the study's figures are of PublicTest and PrivateTest together. The
folder keeps finished runs: the same command goes on where it was stopped.
"""

import argparse
from pathlib import Path

import pandas as pd
from sklearn.model_selection import train_test_split

from ferkit import VGG16FER, MobileNetFER, ResNetFER
from ferkit.datasets import load_fer2013
from ferkit.model_selection import compare, reference_configs, summarize
from ferkit.over_sampling import AugmentedOverSampler, at_least

ESTIMATORS = {"resnet": ResNetFER, "mobilenet": MobileNetFER, "vgg16": VGG16FER}
FIGURES = {"accuracy": "accuracy", "f1_macro": "macro-F1", "f1_3": "happy F1", "f1_1": "disgust F1"}
PUBLISHED = {
    "adam_lr3_dropout0_bn": [47.60, 40.95, 76.30, 14.77],
    "adam_lr3_dropout15_bn": [45.20, 32.99, 72.10, 17.82],
    "adam_lr2_dropout15_bn": [37.30, 27.93, 61.60, 4.11],
    "adam_lr3_dropout20_bn": [45.90, 35.96, 74.40, 10.80],
    "sgd_mom09_lr3_dropout15_bn": [42.00, 33.65, 63.40, 3.54],
    "adam_lr3_drop0_wd0_bn": [31.70, 24.92, 66.35, 7.22],
    "adam_lr3_drop0_wd1e4_bn": [41.08, 32.71, 17.34, 11.61],
    "adam_lr3_drop15_wd0_bn": [42.76, 36.73, 75.81, 9.07],
    "adam_lr3_drop15_wd1e4_bn": [42.96, 33.56, 74.32, 9.44],
    "sgd_lr3_drop15_wd1e4_bn": [32.13, 26.13, 56.73, 2.66],
    "baseline": [27.77, 11, 42.00, 0.00],
}


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Train the reference study's configurations.")
    parser.add_argument("network", choices=ESTIMATORS)
    parser.add_argument("--data", type=Path, required=True, help="FER2013")
    parser.add_argument("--out", type=Path, required=True, help="for finished runs")
    parser.add_argument("--share", type=float, default=1.0, help="of train, stratified")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--jobs", type=int, default=1, help="trainings at once")
    parser.add_argument(
        "--weights", help='of vgg16: "imagenet", a local copy of torchvision\'s file, or "none"'
    )
    args = parser.parse_args()
    X, y = load_fer2013(args.data, subset="train", return_X_y=True)
    X_test, y_test = load_fer2013(args.data, subset="public_test", return_X_y=True)
    if args.share < 1:
        X, _, y, _ = train_test_split(X, y, train_size=args.share, stratify=y, random_state=0)
    balanced = AugmentedOverSampler(sampling_strategy=at_least(round(4000 * args.share)))
    configs = {}
    for name, params in reference_configs(args.network).items():
        if args.network == "vgg16" and args.weights == "none":
            params = {**params, "weights": None, "freeze": None}
        elif args.network == "vgg16" and args.weights:
            params = {**params, "weights": args.weights}
        configs[name] = ESTIMATORS[args.network](**params, sampler=balanced, augment="reference")
    runs = compare(
        configs,
        X,
        y,
        X_test=X_test,
        y_test=y_test,
        max_epochs=args.epochs,
        seeds=args.seeds,
        n_jobs=args.jobs,
        out=args.out,
        verbose=1,
    )
    means = summarize(runs)[list(FIGURES)].xs("mean", axis=1, level=1).droplevel("weights") * 100
    published = pd.DataFrame.from_dict(PUBLISHED, orient="index", columns=list(FIGURES))
    table = pd.concat({"here": means, "published": published.loc[means.index]}, axis=1)
    table = table.swaplevel(axis=1).reindex(columns=list(FIGURES), level=0)
    print(table.rename(columns=FIGURES).round(1).to_string())


if __name__ == "__main__":
    main()
