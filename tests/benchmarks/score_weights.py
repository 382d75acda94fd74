"""Score the weights that come with ferkit on FER2013's PublicTest.

``python tests/benchmarks/score_weights.py --data fer2013.zip`` prints the README's table, and with
``--cards`` what the model cards say. Nothing is chosen by these figures.
"""

import argparse
from pathlib import Path

import numpy as np
from scipy.stats import bootstrap
from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support

import ferkit
from ferkit import EMOTIONS
from ferkit.datasets import find_duplicates, load_fer2013
from ferkit.metrics import expected_calibration_error

LABELS = np.arange(len(EMOTIONS))
VIEWS = {None: "one", "flip": "flip", "ten": "ten"}


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Score the weights that come with ferkit.")
    parser.add_argument("--data", type=Path, required=True, help="FER2013")
    parser.add_argument("--cards", action="store_true", help="print what the model cards say")
    args = parser.parse_args()
    X, y = load_fer2013(args.data, subset="public_test", return_X_y=True)
    models = [
        getattr(ferkit, kind).from_pretrained(name)
        for kind, names in ferkit.available_weights().items()
        for name in names
    ]
    if args.cards:
        X_train, _ = load_fer2013(args.data, return_X_y=True)
        groups = find_duplicates(np.concatenate([X_train, X]))
        is_twin = np.isin(groups[len(X_train) :], groups[: len(X_train)])
        for clf in models:
            print_card(clf, X, y, is_twin)
        return
    print("| | parameters | views | accuracy | macro-F1 | disgust F1 | calibration error |")
    print("|---|---|---|---|---|---|---|")
    for clf in models:
        for tta, views in VIEWS.items():
            proba = clf.set_params(tta=tta).predict_proba(X)
            predicted = proba.argmax(axis=1)
            print(
                f"| `{type(clf).__name__}` | {clf.n_parameters_:,} | {views} | "
                f"{100 * accuracy_score(y, predicted):.1f} | {short(macro_f1(y, predicted))} | "
                f"{short(f1_score(y == 1, predicted == 1))} | "
                f"{short(expected_calibration_error(y, proba), 3)} |"
            )


def print_card(clf, X, y, is_twin):
    """Print the figures of a model card, as reStructuredText.

    Parameters
    ----------
    clf : BaseFER
        Fitted.
    X, y : ndarray
        PublicTest.
    is_twin : ndarray of bool
        Whether an image has a copy among the training images.
    """
    stored = clf.tta
    rows = []
    for tta, views in VIEWS.items():
        proba = clf.set_params(tta=tta).predict_proba(X)
        predicted = proba.argmax(axis=1)
        for name, chosen in {"all": np.full(len(y), True), "without copies": ~is_twin}.items():
            pair = y[chosen], predicted[chosen]
            error = expected_calibration_error(y[chosen], proba[chosen])
            accuracy, f1 = with_interval(accuracy_score, *pair, 100), with_interval(macro_f1, *pair)
            rows.append([views, f"{name}, {chosen.sum():,}", accuracy, f1, short(error, 3)])
    print(f"\n{type(clf).__name__}\n")
    print_table(["views", "images", "accuracy", "macro-F1", "calibration error"], rows)
    predicted = clf.set_params(tta=stored).predict(X)
    rows = []
    for emotion, precision, recall, _, n in zip(
        EMOTIONS, *precision_recall_fscore_support(y, predicted, labels=LABELS), strict=True
    ):
        label = EMOTIONS.index(emotion)
        f1 = with_interval(f1_score, y == label, predicted == label)
        rows.append([emotion, short(precision), short(recall), f1, f"{n:,}"])
    print_table(["emotion", "precision", "recall", "F1", "images"], rows)


def print_table(header, rows):
    """Print a table as reStructuredText.

    Parameters
    ----------
    header : list of str
        Names of the columns.
    rows : list of list of str
        Its cells.
    """
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    rule = "  ".join("=" * width for width in widths)
    lines = [
        "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [header, *rows]
    ]
    print("\n".join([rule, lines[0], rule, *lines[1:], rule]) + "\n")


def with_interval(metric, y, predicted, factor=1):
    """Compute a score and its 95 % interval by the bootstrap.

    Parameters
    ----------
    metric : callable
        Of labels and predictions.
    y, predicted : ndarray of shape (n,)
        Labels and predictions.
    factor : int, default=1
        100 for percent.

    Returns
    -------
    str
        The score, and the interval in brackets.
    """
    found = bootstrap(
        (y, predicted),
        metric,
        paired=True,
        vectorized=False,
        n_resamples=999,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    values = [factor * v for v in (metric(y, predicted), found.low, found.high)]
    score, low, high = [f"{v:.1f}" if factor > 1 else short(v) for v in values]
    return f"{score} [{low}, {high}]"


def macro_f1(y, predicted):
    """Compute macro-F1 over all emotions."""
    return f1_score(y, predicted, labels=LABELS, average="macro", zero_division=0)


def short(value, digits=2):
    """Format a share without its leading zero, as in .53."""
    return f"{value:.{digits}f}".removeprefix("0")


if __name__ == "__main__":
    main()
