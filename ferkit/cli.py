"""The command line: every command is a few lines over the public API."""

import argparse
import sys
from pathlib import Path

from ._images import EMOTIONS

MODELS = {"mobilenet": "MobileNetFER", "resnet": "ResNetFER"}


def main(argv=None):
    """Run the command line.

    Parameters
    ----------
    argv : list of str, default=None
        Arguments; None takes those of the process.

    Returns
    -------
    int
        The exit code: 0, 1 if the input was not what the command can use, 130 if interrupted.
    """
    args = _parser().parse_args(argv)
    try:
        args.run(args)
    except (ValueError, OSError) as error:
        print(f"ferkit {args.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"ferkit {args.command}: interrupted", file=sys.stderr)
        return 130
    return 0


def _parser():
    parser = argparse.ArgumentParser(prog="ferkit", description="Facial-emotion recognition.")
    commands = parser.add_subparsers(dest="command", required=True)

    demo = commands.add_parser("demo", help="train on drawn faces and show what comes out")
    demo.set_defaults(run=_demo)
    demo.add_argument("--out", type=Path, default=Path("ferkit-demo"), help="folder of the plots")

    train = commands.add_parser("train", help="train on FER2013 and save the model")
    train.set_defaults(run=_train)
    _add_data(train)
    train.add_argument("--out", type=Path, required=True, metavar="FILE", help="model file")
    train.add_argument("--model", choices=MODELS, help="default: mobilenet")
    train.add_argument("--epochs", type=int, help="default: 15")
    train.add_argument("--augment", choices=["reference", "none"], help="default: reference")
    train.add_argument(
        "--recipe",
        metavar="NAME",
        help="in place of these three: train for hours, as the weights that come with ferkit were; "
        "mobilenet-fer2013 or resnet-fer2013",
    )
    train.add_argument("--seed", type=int, default=0)
    train.add_argument(
        "--checkpoint-dir",
        type=Path,
        metavar="FOLDER",
        help="where to keep the state of each epoch; the same command goes on from there",
    )

    evaluate = commands.add_parser("evaluate", help="score a saved model on FER2013")
    evaluate.set_defaults(run=_evaluate)
    _add_model(evaluate)

    report = commands.add_parser("report", help="write a page about a saved model")
    report.set_defaults(run=_write_report)
    _add_model(report)
    report.add_argument("--out", type=Path, required=True, metavar="FILE", help="HTML file")
    return parser


def _add_model(parser):
    parser.add_argument("model", type=Path, metavar="FILE", help="model file")
    _add_data(parser)
    parser.add_argument(
        "--subset",
        choices=["train", "public_test", "private_test", "test"],
        default="public_test",
    )


def _add_data(parser):
    parser.add_argument("data", type=Path, metavar="DATA", help="FER2013: folder, zip or csv")
    parser.add_argument(
        "--on-error",
        choices=["raise", "skip"],
        default="raise",
        help="stop at a bad image or row, or leave it out",
    )


def _demo(args):
    from sklearn.model_selection import train_test_split

    from . import ResNetFER
    from .datasets import make_faces

    args.out.mkdir(parents=True, exist_ok=True)
    X, y = make_faces(3500, random_state=0, return_X_y=True)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.2, stratify=y, random_state=0)
    print(f"training ResNetFER on {len(X)} drawn faces, scoring on {len(X_test)} others")
    clf = ResNetFER(max_epochs=10, random_state=0, verbose=2)
    clf.fit(X, y, X_val=X_test, y_val=y_test)
    _report(clf, X_test, y_test)
    _plot(clf, X_test, y_test, args.out)


def _plot(clf, X, y, folder):
    import matplotlib

    matplotlib.use("Agg")
    from sklearn.metrics import ConfusionMatrixDisplay

    from .inspection import HistoryDisplay

    history = HistoryDisplay.from_estimator(clf)
    confusion = ConfusionMatrixDisplay.from_estimator(
        clf,
        X,
        y,
        display_labels=EMOTIONS,
        xticks_rotation=45,
        normalize="true",
        values_format=".2f",
    )
    for name, display in (("history", history), ("confusion_matrix", confusion)):
        path = folder / f"{name}.png"
        display.figure_.savefig(path, dpi=120, bbox_inches="tight")
        print(f"wrote {path}")


def _train(args):
    from .datasets import load_fer2013, validation_split

    _check_out(args.out)
    fit = _fit_one
    if args.recipe is not None:
        _check_recipe(args)
        fit = _fit_recipe
    X, y = load_fer2013(args.data, on_error=args.on_error, return_X_y=True)
    train, valid = validation_split(X, y)
    clf = fit(args, X[train], y[train], X_val=X[valid], y_val=y[valid])
    clf.save(args.out)
    print(f"wrote {args.out}\n\nvalidation images, a tenth of train:")
    _report(clf, X[valid], y[valid])


def _check_out(out):
    """Check a file that is written after hours of training or minutes of prediction."""
    if not out.parent.is_dir() or out.is_dir():
        raise ValueError(f"got --out {out}, expected a file in a folder that exists")


def _fit_one(args, X, y, *, X_val, y_val):
    import ferkit

    augment = args.augment or "reference"
    clf = getattr(ferkit, MODELS[args.model or "mobilenet"])(
        max_epochs=15 if args.epochs is None else args.epochs,
        augment=None if augment == "none" else augment,
        checkpoint_dir=args.checkpoint_dir,
        random_state=args.seed,
        verbose=2,
    )
    print(f"training {clf} on {len(X)} images, validating on {len(X_val)} others")
    return clf.fit(X, y, X_val=X_val, y_val=y_val)


def _check_recipe(args):
    from .model_selection import RECIPES

    if args.recipe not in RECIPES:
        raise ValueError(f"got --recipe {args.recipe}, expected one of {', '.join(RECIPES)}")
    given = [name for name in ("model", "epochs", "augment") if getattr(args, name) is not None]
    if given:
        raise ValueError(
            f"got --{given[0]} with --recipe, expected one or the other: a recipe says it all"
        )
    if args.checkpoint_dir is None:
        raise ValueError(
            "got --recipe without --checkpoint-dir, expected a folder for its stages, which take "
            "hours; the same command goes on from there"
        )


def _fit_recipe(args, X, y, **validation):
    from .model_selection import train_recipe

    print(f"training {args.recipe} on {len(X)} images, validating on {len(validation['y_val'])}")
    clf = train_recipe(
        args.recipe,
        X,
        y,
        folder=args.checkpoint_dir,
        random_state=args.seed,
        verbose=2,
        **validation,
    )
    print(
        f"chose logit_adjustment={clf.logit_adjustment} and temperature={clf.temperature} by the "
        "validation images"
    )
    return clf


def _evaluate(args):
    import ferkit

    from .datasets import load_fer2013

    clf = ferkit.load(args.model)
    X, y = load_fer2013(args.data, subset=args.subset, on_error=args.on_error, return_X_y=True)
    print(f"{clf}\n{args.subset}, {len(X)} images:")
    _report(clf, X, y)


def _write_report(args):
    import hashlib
    import shlex

    import matplotlib

    matplotlib.use("Agg")
    import ferkit

    from .datasets import load_fer2013
    from .inspection import write_page

    _check_out(args.out)
    clf = ferkit.load(args.model)
    X, y = load_fer2013(args.data, subset=args.subset, on_error=args.on_error, return_X_y=True)
    X_train = y_train = None
    notes = [f"SHA-256 of {args.model.name}: {hashlib.sha256(args.model.read_bytes()).hexdigest()}"]
    if args.subset == "train":
        notes.append("It has seen these images: scores on others are lower.")
    else:
        X_train, y_train = load_fer2013(args.data, on_error=args.on_error, return_X_y=True)
        notes.append(
            "The training set is all of FER2013's train; ferkit train and its recipes hold a tenth "
            "of it out for validation."
        )
    options = ["--subset", args.subset, "--out", args.out]
    if args.on_error != "raise":
        options += ["--on-error", args.on_error]
    write_page(
        args.out,
        clf,
        X,
        y,
        X_train=X_train,
        y_train=y_train,
        title=f"{args.model.name} on {args.subset}",
        command=shlex.join(map(str, ["ferkit", "report", args.model, args.data, *options])),
        notes=notes,
    )
    print(f"wrote {args.out}, {args.out.stat().st_size / 1e6:.1f} MB")


def _report(clf, X, y):
    from .metrics import fer_report

    print(fer_report(clf, X, y))


if __name__ == "__main__":
    sys.exit(main())
