"""The reference study's figures, of real trainings, and drawn faces: what the documentation shows.

``python tests/benchmarks/figures.py --data fer2013.zip --models mobilenet.safetensors
resnet.safetensors --out docs/images`` takes models that `ferkit train` saved, of any kind. The
models of the documentation's figures were trained by the recipes.
"""

import argparse
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt

import ferkit
from ferkit.datasets import load_fer2013, make_faces
from ferkit.inspection import (
    ClassBalanceDisplay,
    ClassMetricsDisplay,
    EmbeddingDisplay,
    FaceGridDisplay,
    HistoryDisplay,
)
from ferkit.metrics import fer_report
from ferkit.over_sampling import AugmentedOverSampler, at_least


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Draw the study's figures.")
    parser.add_argument("--data", type=Path, required=True, help="FER2013")
    parser.add_argument("--models", type=Path, nargs="+", required=True, metavar="FILE")
    parser.add_argument("--out", type=Path, required=True, help="folder")
    args = parser.parse_args()
    mpl.use("Agg")
    args.out.mkdir(parents=True, exist_ok=True)

    def save(name, display):
        display.figure_.savefig(args.out / f"{name}.png", dpi=80, metadata={"Software": None})
        plt.close(display.figure_)

    drawn = make_faces(70, random_state=0, return_X_y=True)
    save("drawn", FaceGridDisplay.from_images(*drawn, n_per_class=4))
    X, y = load_fer2013(args.data, return_X_y=True)
    X_test, y_test = load_fer2013(args.data, subset="public_test", return_X_y=True)
    sampler = AugmentedOverSampler(sampling_strategy=at_least(4000), random_state=0)
    balanced = sampler.fit_resample(X, y)[1]
    save("balance", ClassBalanceDisplay.from_labels({"train": y, "at least 4,000": balanced}))
    models = {}
    for path in args.models:
        clf = ferkit.load(path)
        models[type(clf).__name__] = clf
    save("curves", HistoryDisplay.from_estimator(models))
    reports = {name: fer_report(clf, X_test, y_test) for name, clf in models.items()}
    save("classes", ClassMetricsDisplay.from_reports(reports))
    save("pixels", EmbeddingDisplay.from_images(X_test, y_test))
    for name, clf in models.items():
        save(f"embedding-{name}", EmbeddingDisplay.from_estimator(clf, X_test, y_test))


if __name__ == "__main__":
    main()
