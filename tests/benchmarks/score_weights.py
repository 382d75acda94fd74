"""Score the weights that come with ferkit on FER2013's PublicTest.

``python tests/benchmarks/score_weights.py --data fer2013.zip`` prints the README's table, and with
``--cards`` what the model cards say. Nothing is chosen by these figures.
"""

import argparse
from pathlib import Path

import ferkit
from ferkit.datasets import load_fer2013
from ferkit.metrics import fer_report

VIEWS = {None: "one", "flip": "flip", "tilt": "tilt", "ten": "ten"}


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Score the weights that come with ferkit.")
    parser.add_argument("--data", type=Path, required=True, help="FER2013")
    parser.add_argument("--cards", action="store_true", help="print what the model cards say")
    args = parser.parse_args()
    X, y = load_fer2013(args.data, subset="public_test", return_X_y=True)
    X_train, _ = load_fer2013(args.data, return_X_y=True)
    models = [
        getattr(ferkit, kind).from_pretrained(name)
        for kind, names in ferkit.available_weights().items()
        for name in names
    ]
    if not args.cards:
        print("| | parameters | views | accuracy | macro-F1 | disgust F1 | calibration error |")
        print("|---|---|---|---|---|---|---|")
    for clf in models:
        stored = clf.tta
        reports = {
            views: fer_report(clf.set_params(tta=tta), X, y, X_train=X_train)
            for tta, views in VIEWS.items()
        }
        if args.cards:
            print_card(type(clf).__name__, reports, VIEWS[stored])
            continue
        for views, report in reports.items():
            value = report.scores.loc["all", "value"]
            print(
                f"| `{type(clf).__name__}` | {clf.n_parameters_:,} | {views} | "
                f"{100 * value['accuracy']:.1f} | {short(value['f1_macro'])} | "
                f"{short(report.classes.loc['disgust', 'f1'])} | "
                f"{short(value['calibration_error'], 3)} |"
            )


def print_card(name, reports, stored):
    """Print the figures of a model card, as reStructuredText.

    Parameters
    ----------
    name : str
        Of the class.
    reports : dict of str to FERReport
        Reports by views.
    stored : str
        The views that come with the weights, of which scores are given per class.
    """
    rows = []
    for views, report in reports.items():
        for images, scores in report.scores.groupby(level="images", sort=False):
            of = scores.droplevel("images")
            accuracy = [f"{100 * v:.1f}" for v in of.loc["accuracy", ["value", "low", "high"]]]
            f1 = [short(v) for v in of.loc["f1_macro", ["value", "low", "high"]]]
            error = short(of.loc["calibration_error", "value"], 3)
            n_images = of.loc["accuracy", "n_images"]
            cells = [views, f"{images}, {n_images:,}", interval(accuracy), interval(f1), error]
            rows.append(cells)
    print(f"\n{name}\n")
    print_table(["views", "images", "accuracy", "macro-F1", "calibration error"], rows)
    rows = []
    for emotion, row in reports[stored].classes.iterrows():
        f1 = interval([short(row[column]) for column in ("f1", "f1_low", "f1_high")])
        support = f"{int(row['support']):,}"
        rows.append([emotion, short(row["precision"]), short(row["recall"]), f1, support])
    print_table(["emotion", "precision", "recall", "F1", "images"], rows)


def interval(texts):
    """Write a value and the ends of its interval."""
    value, low, high = texts
    return f"{value} [{low}, {high}]"


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


def short(value, digits=2):
    """Format a share without its leading zero, as in .53."""
    return f"{value:.{digits}f}".removeprefix("0")


if __name__ == "__main__":
    main()
