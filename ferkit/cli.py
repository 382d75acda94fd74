"""The command line: every command is a few lines over the public API."""

import argparse
import os
import sys
from pathlib import Path

from ._labels import EMOTIONS

MODELS = {"mobilenet": "MobileNetFER", "resnet": "ResNetFER"}
_SHIPPED = {f"{short}-fer2013": kind for short, kind in MODELS.items()}
_N_CALIBRATION = 512


_MODEL = f"model file, ONNX file, or one that comes with ferkit: {' or '.join(_SHIPPED)}"


def main(argv=None):
    """Run the command line.

    Parameters
    ----------
    argv : list of str, default=None
        Arguments; None takes those of the process.

    Returns
    -------
    int
        The exit code: 0; 1 if the input was not what the command can use; 2 if the command is
        none; 3 if some image files could not be read, the others could; 130 if interrupted; 141 if
        what reads the output has ended.
    """
    args = _parser().parse_args(argv)
    try:
        code = args.run(args)
    except BrokenPipeError:  # such as head, which has what it wanted
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nor at the exit
        return 141
    except (ValueError, OSError, ImportError, RuntimeError) as error:
        print(f"ferkit {args.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"ferkit {args.command}: interrupted", file=sys.stderr)
        return 130
    return code or 0


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

    predict = commands.add_parser("predict", help="find faces in photos, and their emotions")
    predict.set_defaults(run=_predict)
    predict.add_argument("paths", nargs="+", metavar="PATH", help="photo, or folder of them")
    predict.add_argument("--model", default="mobilenet-fer2013", metavar="MODEL", help=_MODEL)
    predict.add_argument(
        "--crops",
        action="store_true",
        help="each image is a face that was cut out already; no face is looked for",
    )
    predict.add_argument("--json", action="store_true", help="a line of JSON for each file")

    export = commands.add_parser("export", help="write a model as an ONNX file")
    export.set_defaults(run=_export)
    export.add_argument("model", metavar="MODEL", help=_MODEL)
    export.add_argument("--out", type=Path, required=True, metavar="FILE", help="ONNX file")
    export.add_argument(
        "--int8",
        type=Path,
        metavar="DATA",
        help="round to 8 bits, by images of FER2013 (folder, zip or csv)",
    )
    export.add_argument(
        "--max-f1-drop",
        type=float,
        default=0.005,
        metavar="FALL",
        help="of macro-F1, that 8 bits may cost; 1 takes any (default: 0.005)",
    )

    report = commands.add_parser("report", help="write a page about a saved model")
    report.set_defaults(run=_write_report)
    _add_model(report)
    report.add_argument("--out", type=Path, required=True, metavar="FILE", help="HTML file")
    return parser


def _add_model(parser):
    parser.add_argument("model", metavar="MODEL", help=_MODEL)
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
    from .datasets import load_fer2013

    clf = _load(args.model)
    X, y = load_fer2013(args.data, subset=args.subset, on_error=args.on_error, return_X_y=True)
    print(f"{clf}\n{args.subset}, {len(X)} images:")
    _report(clf, X, y)


def _write_report(args):
    import hashlib
    import shlex

    import matplotlib

    matplotlib.use("Agg")
    from .datasets import load_fer2013
    from .inspection import write_page

    _check_out(args.out)
    clf = _load(args.model)
    X, y = load_fer2013(args.data, subset=args.subset, on_error=args.on_error, return_X_y=True)
    X_train = y_train = None
    path = _find(args.model)
    notes = [f"SHA-256 of {path.name}: {hashlib.sha256(path.read_bytes()).hexdigest()}"]
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
        title=f"{path.name} on {args.subset}",
        command=shlex.join(map(str, ["ferkit", "report", args.model, args.data, *options])),
        notes=notes,
    )
    print(f"wrote {args.out}, {args.out.stat().st_size / 1e6:.1f} MB")


def _find(model):
    from .weights import find_weights

    return find_weights(_SHIPPED[model], "fer2013") if model in _SHIPPED else Path(model)


def _load(model):
    import ferkit

    path = _find(model)
    return ferkit.deploy.OnnxFER(path) if path.suffix.lower() == ".onnx" else ferkit.load(path)


def _predict(args):
    import json

    from tqdm import tqdm

    from .deploy import predict_files

    found = predict_files(_load(args.model), args.paths, crops=args.crops)
    n_files, unread = 0, []
    with tqdm(found, unit=" files", disable=None) as progress:
        for path, faces, error in progress:
            n_files += 1
            if error is not None:
                unread.append(error)
            if args.json:
                found_in_it = {"faces": _as_json(faces)} if error is None else {"error": error}
                progress.write(json.dumps({"path": path, **found_in_it}), file=sys.stdout)
            elif error is None:
                words = f"{_printable(path)}: {_in_words(faces, args.crops)}"
                progress.write(words, file=sys.stdout)
    if n_files == 0:
        raise ValueError(f"got no image in {', '.join(args.paths)}, expected one or more")
    for error in unread:
        print(f"ferkit predict: {_printable(error)}", file=sys.stderr)
    if unread:
        print(f"{len(unread)} of {n_files} could not be read", file=sys.stderr)
    if len(unread) == n_files:
        return 1
    return 3 if unread else 0


def _printable(text):
    """Escape what is no character, and what would end a line."""
    text = os.fsencode(text).decode(errors="backslashreplace")
    return text.replace("\n", "\\n").replace("\r", "\\r")


def _as_json(faces):
    box, named = ["x", "y", "width", "height"], ["label", "probability"]
    probabilities = faces.drop(columns=box + named).to_dict("records")
    return [
        {**face, "probabilities": of_face}
        for face, of_face in zip(faces[box + named].to_dict("records"), probabilities, strict=True)
    ]


def _in_words(faces, are_crops):
    if faces.empty:
        return "no face"
    return "; ".join(
        f"{face.label} {face.probability:.2f}"
        + ("" if are_crops else f" at {face.x},{face.y} {face.width}x{face.height}")
        for face in faces.itertuples()
    )


def _export(args):
    from .deploy import OnnxFER, export_onnx

    _check_out(args.out)
    if args.out.suffix.lower() != ".onnx":
        raise ValueError(f"got --out {args.out}, expected a name that ends in .onnx")
    options = {"max_f1_drop": args.max_f1_drop}
    if args.model in _SHIPPED:
        options["card"] = _find(args.model).with_suffix(".rst").read_text(encoding="utf-8")
    if args.int8 is not None:
        options |= {"quantize": "int8", **_split_for_int8(args.int8)}
    export_onnx(_load(args.model), args.out, **options)
    print(f"wrote {args.out}, {args.out.stat().st_size / 1e3:.0f} kB")
    if args.int8 is not None:
        facts = OnnxFER(args.out).metadata_
        print(
            f"macro-F1 on {facts['n_scored']} validation images: {facts['f1_macro']:.3f} in 8 "
            f"bits, {facts['f1_macro_before']:.3f} before"
        )


def _split_for_int8(data):
    import numpy as np

    from .datasets import load_fer2013, validation_split

    X, y = load_fer2013(data, return_X_y=True)
    train, valid = validation_split(X, y)
    chosen = np.random.default_rng(0).permutation(train)[:_N_CALIBRATION]
    return {"calibration": X[chosen], "X_val": X[valid], "y_val": y[valid]}


def _report(clf, X, y):
    from .metrics import fer_report

    print(fer_report(clf, X, y))


if __name__ == "__main__":
    sys.exit(main())
