"""What is measured, and what is compared with what."""

import json
import sys
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

_MEASURE = Path(__file__).with_name("measure.py")


@dataclass(frozen=True)
class Ratio:
    """A figure of one contender over that of another, run by run.

    Attributes
    ----------
    name : str
        For the report.
    figure : str
        Which of the figures.
    over, under : str
        The contenders.
    target : str
        What is aimed for; empty if nothing is.
    """

    name: str
    figure: str
    over: str
    under: str
    target: str = ""


@dataclass(frozen=True)
class Comparison:
    """Contenders whose runs take turns.

    Attributes
    ----------
    name : str
        For the report.
    commands : dict of str to list of str
        By contender. A command prints its figures as a line of JSON; if it prints nothing, the
        figure is its wall time.
    ratios : list of Ratio
        What to compare.
    targets : dict of tuple of (str, str) to str
        By contender and figure, what is aimed for where a figure stands for itself.
    """

    name: str
    commands: dict
    ratios: list = field(default_factory=list)
    targets: dict = field(default_factory=dict)


def compare_training(estimator, folder):
    """Compare ferkit's training with the rivals'."""
    contenders = ("ferkit augmented", "ferkit", "reference", "skorch", "plain", "tricks")
    reference = {"MobileNetFER": "at least 3.5", "ResNetFER": "at least 3"}[estimator]
    pairs = [
        ("ferkit augmented", "reference", reference),
        ("ferkit", "skorch", "at least 2"),
        ("ferkit", "plain", "at least .95"),
        ("ferkit", "tricks", "at least .95"),
    ]
    return Comparison(
        f"training/{estimator}",
        {
            name: _measure("training", contender=name, estimator=estimator, folder=str(folder))
            for name in contenders
        },
        [
            Ratio(f"{over} / {under}", "images_per_second", over, under, target)
            for over, under, target in pairs
        ],
    )


def compare_augmented_training(estimator, folder):
    """Compare training with and without each policy."""
    policies = ("reference", "offline", "strong")
    arguments = {"contender": "ferkit", "estimator": estimator, "folder": str(folder)}
    return Comparison(
        f"augmentation/{estimator}",
        {
            "none": _measure("training", **arguments),
            **{name: _measure("training", **arguments, augment=name) for name in policies},
        },
        [Ratio(f"{name} / none", "seconds", name, "none", "at most 1.1") for name in policies],
    )


def compare_policies():
    """Compare the policies alone with kornia, where it is installed."""
    rivals = ["ferkit", "kornia"] if find_spec("kornia") else ["ferkit"]
    return [
        Comparison(
            f"augmentation/{policy}",
            {rival: _measure("augmentation", contender=rival, policy=policy) for rival in rivals},
            [Ratio("kornia / ferkit", "milliseconds", "kornia", "ferkit")] * (len(rivals) - 1),
        )
        for policy in ("reference", "strong")
    ]


def compare_prediction(estimator):
    """Measure prediction, one by one and in batches."""
    return Comparison(
        f"prediction/{estimator}",
        {
            f"batch of {size}": _measure("prediction", estimator=estimator, batch_size=size)
            for size in (1, 64)
        },
    )


def compare_image_loading(archive, folder, subsets):
    """Compare loading from a zip and from a folder with Pillow's decoding alone."""
    places = {"zip": archive, "folder": folder}
    return Comparison(
        "loading/images",
        {
            **{
                place: _measure("loading", contender="ferkit", path=str(path), subsets=subsets)
                for place, path in places.items()
            },
            "Pillow alone": _measure("loading", contender="pillow", path=str(folder)),
        },
        [
            Ratio(f"{place} / Pillow alone", "seconds", place, "Pillow alone", "at most 1")
            for place in places
        ],
        {(place, "memory"): "under 3" for place in places},
    )


def compare_csv_loading(path):
    """Compare loading the csv with the customary ways."""
    rivals = {"pandas, split": "split", "pandas, fromstring": "fromstring"}
    return Comparison(
        "loading/csv",
        {
            "ferkit": _measure("loading", contender="ferkit", path=str(path), subsets=["all"]),
            **{
                rival: _measure("loading", contender=name, path=str(path))
                for rival, name in rivals.items()
            },
        },
        [Ratio(f"{rival} / ferkit", "seconds", rival, "ferkit", "at least 3") for rival in rivals],
        {("ferkit", "memory"): "under 3"},
    )


def compare_start(model_paths):
    """Measure imports, and loading models of some estimators."""
    statements = ("pass", "import torch", "import ferkit", "from ferkit import MobileNetFER")
    return Comparison(
        "start",
        {
            **{statement: [sys.executable, "-c", statement] for statement in statements},
            **{
                f"load {estimator}": _measure("model", path=str(path))
                for estimator, path in model_paths.items()
            },
        },
    )


def _measure(subject, **arguments):
    return [sys.executable, str(_MEASURE), subject, json.dumps(arguments)]
