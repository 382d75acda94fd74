"""Compare ways to deal with FER2013's imbalance, on the fixed validation split.

``python tests/benchmarks/balancing.py --data fer2013.zip --folder results`` trains ResNetFER once
for each way and seed, about ten minutes each on one core, and prints a table. The folder keeps
checkpoints: the same command goes on where it was stopped.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from imblearn.over_sampling import RandomOverSampler
from sklearn.metrics import accuracy_score, f1_score

from ferkit import EMOTIONS, ResNetFER
from ferkit.datasets import load_fer2013, validation_split
from ferkit.over_sampling import AugmentedOverSampler, at_least

FEW = at_least(4000)

WAYS = {
    "none": {},
    "random oversampling": {"sampler": RandomOverSampler(sampling_strategy=FEW)},
    "AugmentedOverSampler": {"sampler": AugmentedOverSampler(sampling_strategy=FEW)},
    'class_weight="balanced"': {"class_weight": "balanced"},
    'class_weight="effective"': {"class_weight": "effective"},
    'loss="focal"': {"loss": "focal"},
}
TAUS = (0.5, 1.0)  # logit adjustment works on what any way has trained


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Compare ways to deal with imbalance.")
    parser.add_argument("--data", type=Path, required=True, help="FER2013")
    parser.add_argument("--folder", type=Path, required=True, help="for checkpoints")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--augment", default="reference", help="a policy, or none")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS), help="only these")
    args = parser.parse_args()
    X, y = load_fer2013(args.data, return_X_y=True)
    train, valid = validation_split(X, y)
    rows = []
    for seed in args.seeds:
        for way in args.ways:
            clf = ResNetFER(
                max_epochs=args.epochs,
                lr_schedule="cosine",
                augment=None if args.augment == "none" else args.augment,
                checkpoint_dir=args.folder,
                random_state=seed,
                **WAYS[way],
            ).fit(X[train], y[train])
            for tau in (0.0, *TAUS) if way == "none" else (0.0,):
                clf.set_params(logit_adjustment=tau)
                name = f"logit_adjustment={tau}" if tau else way
                loss = clf.history_["train_loss"].iloc[-1]
                scores = score(y[valid], clf.predict(X[valid]))
                rows.append({"way": name, **scores, "train_loss": loss})
                print(pd.Series({"seed": seed, **rows[-1]}).to_frame().T.to_string(), flush=True)
    table = pd.DataFrame(rows).groupby("way", sort=False)
    print(table.mean().round(3).to_string())
    if len(args.seeds) > 1:
        print("standard deviations between seeds")
        print(table.std().round(3).to_string())


def score(y, predicted):
    """Score a prediction.

    Parameters
    ----------
    y, predicted : ndarray of shape (n,)
        FER2013's labels.

    Returns
    -------
    dict
        macro_f1, accuracy, and F1 of the rare class and of one that others are taken for.
    """
    f1 = f1_score(y, predicted, average=None, labels=np.arange(len(EMOTIONS)), zero_division=0)
    return {
        "macro_f1": f1.mean(),
        "accuracy": accuracy_score(y, predicted),
        "disgust_f1": f1[EMOTIONS.index("disgust")],
        "fear_f1": f1[EMOTIONS.index("fear")],
        "happy_f1": f1[EMOTIONS.index("happy")],
    }


if __name__ == "__main__":
    main()
