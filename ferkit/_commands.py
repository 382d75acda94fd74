"""The commands: each is a few lines over the public API.

Each takes the arguments of its parser in `cli.py`, and returns an exit code or None for 0.
"""

import os
import sys

from ._labels import EMOTIONS, enumerate_labels
from ._messages import escape
from ._names import find_labels
from ._paths import as_path, check_model_place, check_place, make_folder

MODELS = {"mobilenet": "MobileNetFER", "resnet": "ResNetFER"}
SHIPPED = {f"{short}-fer2013": kind for short, kind in MODELS.items()}
_N_CALIBRATION = 512


def demo(args):
    """Train on drawn faces, and plot what comes out."""
    from sklearn.model_selection import train_test_split

    from . import ResNetFER
    from .datasets import make_faces

    make_folder(args.out, "--out")
    X, y = make_faces(3500, random_state=0, return_X_y=True)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.2, stratify=y, random_state=0)
    print(f"training ResNetFER on {len(X)} drawn faces, scoring on {len(X_test)} others")
    clf = ResNetFER(max_epochs=10, random_state=0, verbose=2)
    clf.fit(X, y, X_val=X_test, y_val=y_test)
    _print_report(clf, X_test, y_test)
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


def train(args):
    """Train on FER2013, and save the model."""
    import shlex

    check_place(args.out)  # before imports, which take seconds
    check_model_place(args.out)
    if args.checkpoint_dir is not None:
        make_folder(args.checkpoint_dir, "--checkpoint-dir")
    from .datasets import load_fer2013, validation_split
    from .model_selection import RECIPES

    fit = _fit_one
    if args.recipe is not None:
        _check_recipe(args)
        fit = _fit_recipe
    X, y = load_fer2013(args.data, on_error=args.on_error, return_X_y=True)
    train, valid = validation_split(X, y)
    clf = fit(args, X[train], y[train], X_val=X[valid], y_val=y[valid])
    clf.save(args.out)
    print(f"wrote {args.out}\n")
    if args.recipe is not None and RECIPES[args.recipe].refit:
        command = shlex.join(["ferkit", "evaluate", str(args.out), str(args.data)])
        print(
            "the last stage has trained on the validation images, too; for scores on others, "
            f"run: {command}"
        )
        return
    print("validation images, a tenth of train:")
    _print_report(clf, X[valid], y[valid])


def _fit_one(args, X, y, *, X_val, y_val):
    import ferkit

    augment = args.augment or "reference"
    clf = getattr(ferkit, MODELS[args.model or "mobilenet"])(
        variant=args.variant or "reference",
        max_epochs=15 if args.epochs is None else args.epochs,
        augment=None if augment == "none" else augment,
        checkpoint_dir=None if args.checkpoint_dir is None else str(args.checkpoint_dir),
        random_state=args.seed,
        verbose=2,
    )
    print(f"training {clf} on {len(X)} images, validating on {len(X_val)} others")
    return clf.fit(X, y, X_val=X_val, y_val=y_val)


def _check_recipe(args):
    from .model_selection import RECIPES

    if args.recipe not in RECIPES:
        raise ValueError(f"got --recipe {args.recipe}, expected one of {', '.join(RECIPES)}")
    names = ("model", "variant", "epochs", "augment")
    given = [name for name in names if getattr(args, name) is not None]
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
    from .model_selection import RECIPES, train_recipe

    n_valid = len(validation["y_val"])
    refit = f", the last stage on all {len(X) + n_valid}" if RECIPES[args.recipe].refit else ""
    print(f"training {args.recipe} on {len(X)} images{refit}, validating on {n_valid}")
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


def evaluate(args):
    """Score a model on FER2013."""
    from .datasets import load_fer2013

    clf = _load(args.model, tta=args.tta)
    _check_emotions(clf)
    X, y = load_fer2013(args.data, subset=args.subset, on_error=args.on_error, return_X_y=True)
    print(f"{clf}\n{args.subset}, {len(X)} images:")
    _print_report(clf, X, _as_labels_of(clf, y))


def report(args):
    """Write a page about a model."""
    import hashlib
    import shlex

    import matplotlib

    matplotlib.use("Agg")
    from .datasets import load_fer2013
    from .inspection import write_page

    check_place(args.out)
    clf = _load(args.model, tta=args.tta, onnx=False)
    _check_emotions(clf)
    X, y = load_fer2013(args.data, subset=args.subset, on_error=args.on_error, return_X_y=True)
    X_train = y_train = None
    path = _find(args.model)
    notes = [f"SHA-256 of {path.name}: {hashlib.sha256(path.read_bytes()).hexdigest()}"]
    if args.subset == "train":
        notes.append("It has seen these images: scores on others are lower.")
    else:
        X_train, y_train = load_fer2013(args.data, on_error=args.on_error, return_X_y=True)
        notes.append(
            "The training set is all of FER2013's train; ferkit train holds a tenth of it out for "
            "validation, except in the last stage of a recipe for the weights that come with it."
        )
    print("drawing the page, which takes a minute or two", flush=True)
    options = ["--subset", args.subset, "--out", args.out]
    if args.tta is not None:
        options += ["--tta", args.tta]
    if args.on_error != "raise":
        options += ["--on-error", args.on_error]
    write_page(
        args.out,
        clf,
        X,
        _as_labels_of(clf, y),
        X_train=X_train,
        y_train=None if y_train is None else _as_labels_of(clf, y_train),
        title=f"{path.name} on {args.subset}",
        command=shlex.join(map(str, ["ferkit", "report", args.model, args.data, *options])),
        notes=notes,
    )
    print(f"wrote {args.out}, {args.out.stat().st_size / 1e6:.1f} MB")


def _find(model):
    from .weights import find_weights

    return find_weights(SHIPPED[model], "fer2013") if model in SHIPPED else as_path(model)


def _load(model, *, tta, onnx=True):
    import ferkit

    path = _find(model)
    if not path.is_file():
        raise FileNotFoundError(
            f"got {model}, expected a model file or the name of weights, {' or '.join(SHIPPED)}; "
            "it is no file, check the path"
        )
    if path.suffix.lower() != ".onnx":
        clf = ferkit.load(path)
        return clf if tta is None else clf.set_params(tta=None if tta == "none" else tta)
    if not onnx:
        raise ValueError(
            f"got {model}, an ONNX file, expected a model file, made by ferkit train or an "
            "estimator's save; give the one that it was exported from"
        )
    if tta is not None:
        raise ValueError(
            f"got --tta with {model}, expected a model file or the name of weights: an ONNX file "
            "has its views in it; export it anew with --tta"
        )
    return ferkit.deploy.OnnxFER(path)


def _check_emotions(clf):
    """Refuse a model that knows none of FER2013's labels before that is read."""
    if (_find_emotions(clf) < 0).all():
        raise ValueError(
            f"got a model of the classes {enumerate_labels(clf.classes_)}, expected FER2013's: 0 "
            f"to 6, or {', '.join(EMOTIONS)}; use it on data of its own in Python, with "
            "ferkit.metrics.fer_report or ferkit.inspection.write_page"
        )


def _as_labels_of(clf, y):
    """Give FER2013's labels as a model has them: as they are, or by name."""
    import numpy as np

    if clf.classes_.dtype.kind not in "OU":
        return y
    places = _find_emotions(clf).tolist()
    names = [clf.classes_[i] if i >= 0 else name for i, name in zip(places, EMOTIONS, strict=True)]
    return np.array(names, dtype=object)[y]


def _find_emotions(clf):
    import numpy as np

    return find_labels(np.arange(len(EMOTIONS)), clf.classes_)


def predict(args):
    """Find faces in photos, and print their emotions."""
    import json

    from tqdm import tqdm

    from .deploy import predict_files

    found = predict_files(_load(args.model, tta=args.tta), args.paths, crops=args.crops)
    n_files, n_faces, unread = 0, 0, []
    with tqdm(found, unit=" files", disable=None) as progress:
        for path, faces, error in progress:
            n_files += 1
            if error is not None:
                unread.append(error)
            if args.json:
                found_in_it = {"faces": _as_json(faces)} if error is None else {"error": error}
                progress.write(json.dumps({"path": path, **found_in_it}), file=sys.stdout)
            elif error is None:
                n_faces += len(faces)
                words = f"{_escape(path)}: {_in_words(faces, args.crops)}"
                progress.write(words, file=sys.stdout)
    if n_files == 0:
        raise ValueError(f"got no image in {', '.join(args.paths)}, expected one or more")
    if len(unread) < n_files and not (n_faces or args.crops or args.json):
        print("images that are faces, cut out already, want --crops", file=sys.stderr)
    for error in unread:
        print(f"ferkit predict: {_escape(error)}", file=sys.stderr)
    if unread:
        print(f"{len(unread)} of {n_files} could not be read", file=sys.stderr)
    if len(unread) == n_files:
        return 1
    return 3 if unread else 0


def _escape(text):
    """Escape what is no character: bytes that are no text, ends of lines, a terminal's commands."""
    return escape(os.fsencode(text).decode(errors="backslashreplace"))


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
        f"{_escape(str(face.label))} {face.probability:.2f}"
        + ("" if are_crops else f" at {face.x},{face.y} {face.width}x{face.height}")
        for face in faces.itertuples()
    )


def export(args):
    """Write a model as an ONNX file."""
    from .deploy import OnnxFER, export_onnx

    check_place(args.out)
    if args.out.suffix.lower() != ".onnx":
        raise ValueError(f"got --out {args.out}, expected a name that ends in .onnx")
    clf = _load(args.model, tta=args.tta, onnx=False)
    if args.max_f1_drop is not None and args.int8 is None:
        raise ValueError("got --max-f1-drop without --int8, expected both or --int8 alone")
    options = {}
    if args.model in SHIPPED:
        options["card"] = _find(args.model).with_suffix(".rst").read_text(encoding="utf-8")
    if args.int8 is not None:
        _check_emotions(clf)
        options |= {"quantize": "int8", **_split_for_int8(clf, args.int8)}
        if args.max_f1_drop is not None:
            options["max_f1_drop"] = args.max_f1_drop
    export_onnx(clf, args.out, **options)
    print(f"wrote {args.out}, {args.out.stat().st_size / 1e3:.0f} kB")
    if args.int8 is not None:
        facts = OnnxFER(args.out).metadata_
        known = ", which these weights were trained on, too" if args.model in SHIPPED else ""
        print(
            f"macro-F1 on the {facts['n_scored']} images that ferkit train validates on{known}: "
            f"{facts['f1_macro']:.3f} in 8 bits, {facts['f1_macro_before']:.3f} before"
        )


def _split_for_int8(clf, data):
    import numpy as np

    from .datasets import load_fer2013, validation_split

    X, y = load_fer2013(data, return_X_y=True)
    train, valid = validation_split(X, y)
    chosen = np.random.default_rng(0).permutation(train)[:_N_CALIBRATION]
    return {"calibration": X[chosen], "X_val": X[valid], "y_val": _as_labels_of(clf, y[valid])}


def _print_report(clf, X, y):
    from .metrics import fer_report

    for line in str(fer_report(clf, X, y)).split("\n"):
        print(_escape(line))
