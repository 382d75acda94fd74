"""A search by optuna against the reference study's named configurations.

``python tests/benchmarks/search.py --data fer2013.zip --storage sqlite:///search.db --out last``
searches on a stratified share of train, tries the named configurations on the same folds, and
trains the best of both sides on that share with several seeds, to be scored on the validation
split, which neither has seen. The same command goes on with the search, and with the last
trainings, where it was stopped.
"""

import argparse
from collections import Counter
from pathlib import Path

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, cross_val_score, train_test_split

from ferkit import ResNetFER
from ferkit.datasets import find_duplicates, load_fer2013, validation_split
from ferkit.model_selection import FERSearchCV, compare, reference_configs, summarize


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Search, and compare with named configurations.")
    parser.add_argument("--data", type=Path, required=True, help="FER2013")
    parser.add_argument("--storage", required=True, help="URL of a database for the study")
    parser.add_argument("--out", type=Path, required=True, help="folder for the last trainings")
    parser.add_argument("--share", type=float, default=0.15, help="of train, stratified")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--folds", type=int, default=2)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--jobs", type=int, default=1, help="trainings at once")
    args = parser.parse_args()
    X, y = load_fer2013(args.data, return_X_y=True)
    train, valid = validation_split(X, y)
    X_valid, y_valid = X[valid], y[valid]
    X, _, y, _ = train_test_split(
        X[train], y[train], train_size=args.share, stratify=y[train], random_state=0
    )
    clf = ResNetFER(max_epochs=args.epochs)
    search = FERSearchCV(
        clf,
        n_trials=args.trials,
        cv=args.folds,
        storage=args.storage,
        study_name="resnet",
        n_jobs=args.jobs,
        random_state=0,
        refit=False,
        verbose=1,
    ).fit(X, y)
    trials = search.study_.trials
    n_of = Counter(trial.state.name for trial in trials)
    n_epochs = {name: 0 for name in n_of}
    for trial in trials:
        n_epochs[trial.state.name] += len(trial.intermediate_values)
    n_whole = (n_of["COMPLETE"] + n_of["PRUNED"]) * args.folds * args.epochs
    n_trained = n_epochs.get("COMPLETE", 0) + n_epochs.get("PRUNED", 0)
    print(f"trials: {dict(n_of)}")
    print(f"epochs: {n_trained} of {n_whole} without pruning, {1 - n_trained / n_whole:.0%} saved")
    print(f"best: {search.best_score_:.3f} {search.best_params_}")

    folds = list(StratifiedGroupKFold(args.folds).split(X, y, find_duplicates(X)))
    named = {
        name: ResNetFER(max_epochs=args.epochs, **params)
        for name, params in reference_configs("resnet").items()
    }
    scores = {
        name: cross_val_score(
            named[name].set_params(random_state=0),
            X,
            y,
            cv=folds,
            scoring="f1_macro",
            n_jobs=args.jobs,
        ).mean()
        for name in named
    }
    for name, score in scores.items():
        print(f"{score:.3f} {name}")
    best_name = max(scores, key=scores.get)
    runs = compare(
        {
            "found": ResNetFER(max_epochs=args.epochs, **search.best_params_),
            best_name: named[best_name],
        },
        X,
        y,
        X_test=X_valid,
        y_test=y_valid,
        seeds=args.seeds,
        n_jobs=args.jobs,
        out=args.out,
        verbose=1,
    )
    print(summarize(runs)[["accuracy", "f1_macro"]].round(3).to_string())
    for seed, of_seed in runs.groupby("seed"):
        difference = -np.diff(of_seed["f1_macro"]).item()
        print(f"seed {seed}: {difference:+.3f} macro-F1 for what was found")


if __name__ == "__main__":
    main()
