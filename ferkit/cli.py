"""The command line: what it takes, and what it returns."""

import argparse
import os
import sys

from . import __version__, _commands
from ._paths import as_path

_MODEL = f"model file, or one that comes with ferkit: {' or '.join(_commands.SHIPPED)}"


def _path(text):
    """Make a path of an argument; argparse shows the message of its own error only."""
    try:
        return as_path(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def main(argv=None):
    """Run the command line with `argv`, None for the process's arguments; give the exit code.

    0; 1 if the input was not what the command can use; 2 if there is no such command; 3 if some
    image files could not be read, the others could; 130 if interrupted; 141 if what reads the
    output has ended.
    """
    args = _parser().parse_args(argv)
    if getattr(sys.stdout, "errors", None) == "strict":
        # names of files may have what the output's encoding has not
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = args.run(args)
    except BrokenPipeError:  # such as head, which has what it wanted
        # so that flushing at the exit does not fail again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except ModuleNotFoundError as error:  # pip was told to leave dependencies out
        print(
            f"ferkit {args.command}: got no module {error.name}, expected all that ferkit depends "
            "on; install what it belongs to, or ferkit without --no-deps",
            file=sys.stderr,
        )
        return 1
    except (ValueError, OSError, ImportError, RuntimeError) as error:
        print(f"ferkit {args.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        folder = getattr(args, "checkpoint_dir", None)
        kept = f"; the same command goes on after the last epoch that it has kept in {folder}"
        goes_on = kept if folder else ""
        print(f"ferkit {args.command}: interrupted{goes_on}", file=sys.stderr)
        return 130
    return code or 0


def _parser():
    parser = argparse.ArgumentParser(prog="ferkit", description="Facial-emotion recognition.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    _add_demo(commands)
    _add_train(commands)
    _add_evaluate(commands)
    _add_predict(commands)
    _add_export(commands)
    _add_report(commands)
    return parser


def _add_demo(commands):
    demo = commands.add_parser("demo", help="train on drawn faces and show what comes out")
    demo.set_defaults(run=_commands.demo)
    demo.add_argument(
        "--out",
        type=_path,
        default="ferkit-demo",
        help="folder of the plots (default: ferkit-demo)",
    )


def _add_train(commands):
    train = commands.add_parser("train", help="train on FER2013 and save the model")
    train.set_defaults(run=_commands.train)
    _add_data(train)
    train.add_argument("--out", type=_path, required=True, metavar="FILE", help="model file")
    train.add_argument("--model", choices=_commands.MODELS, help="default: mobilenet")
    train.add_argument(
        "--variant",
        choices=["reference", "strided"],
        help="of the network, as in Python (default: reference)",
    )
    train.add_argument("--epochs", type=_count, metavar="N", help="default: 15")
    train.add_argument(
        "--augment", choices=["reference", "strong", "none"], help="default: reference"
    )
    train.add_argument(
        "--recipe",
        metavar="NAME",
        help="in place of --model, --variant, --epochs and --augment, with --checkpoint-dir: train "
        "as the weights that come with ferkit were, on a CPU for hours or days; mobilenet-fer2013 "
        "or resnet-fer2013, or one of the stages before, mobilenet-first to -fifth, resnet-first "
        "to -fourth, large-resemote or large-resmasking",
    )
    train.add_argument("--seed", type=_seed, default=0, help="of all random numbers (default: 0)")
    train.add_argument(
        "--checkpoint-dir",
        type=_path,
        metavar="FOLDER",
        help="where to keep the state of each epoch; the same command goes on from there",
    )


def _add_evaluate(commands):
    evaluate = commands.add_parser("evaluate", help="score a model on FER2013")
    evaluate.set_defaults(run=_commands.evaluate)
    evaluate.add_argument("model", metavar="MODEL", help=f"{_MODEL}; or an ONNX file")
    _add_data(evaluate)
    _add_subset(evaluate)
    _add_tta(evaluate)


def _add_predict(commands):
    predict = commands.add_parser("predict", help="find faces in photos, and their emotions")
    predict.set_defaults(run=_commands.predict)
    predict.add_argument("paths", nargs="+", metavar="PATH", help="photo, or folder of them")
    predict.add_argument(
        "--model",
        default="mobilenet-fer2013",
        metavar="MODEL",
        help=f"{_MODEL}; or an ONNX file (default: mobilenet-fer2013)",
    )
    predict.add_argument(
        "--crops",
        action="store_true",
        help="each image is a face that was cut out already; no face is looked for",
    )
    _add_tta(predict)
    predict.add_argument("--json", action="store_true", help="a line of JSON for each file")


def _add_export(commands):
    export = commands.add_parser("export", help="write a model as an ONNX file")
    export.set_defaults(run=_commands.export)
    export.add_argument("model", metavar="MODEL", help=_MODEL)
    export.add_argument("--out", type=_path, required=True, metavar="FILE", help="ONNX file")
    _add_tta(export)
    export.add_argument(
        "--int8",
        type=_path,
        metavar="DATA",
        help="round to 8 bits, by images of FER2013 (folder, zip or csv)",
    )
    export.add_argument(
        "--max-f1-drop",
        type=_fall,
        metavar="FALL",
        help="largest fall of macro-F1 to accept; 1 takes any (with --int8; default: 0.005)",
    )


def _add_report(commands):
    report = commands.add_parser("report", help="write a page about a model")
    report.set_defaults(run=_commands.report)
    report.add_argument("model", metavar="MODEL", help=_MODEL)
    _add_data(report)
    _add_subset(report)
    _add_tta(report)
    report.add_argument("--out", type=_path, required=True, metavar="FILE", help="HTML file")


def _count(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected a whole number, 1 or more")
    return int(text)


def _seed(text):
    if not text.isdecimal() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected a whole number, 0 to 2**32 - 1")
    return int(text)


def _fall(text):
    try:
        fall = float(text)
    except ValueError:
        fall = -1.0
    if not 0 <= fall <= 1:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected a number from 0 to 1")
    return fall


def _add_subset(parser):
    parser.add_argument(
        "--subset",
        choices=["train", "public_test", "private_test", "test"],
        default="public_test",
        help="part of FER2013 (default: public_test)",
    )


def _add_tta(parser):
    parser.add_argument(
        "--tta",
        choices=["none", "flip", "tilt", "ten"],
        help="views of a face to take the mean over, as in Python; none is one view, and fastest "
        "(default: the model's own, flip for those that come with ferkit)",
    )


def _add_data(parser):
    parser.add_argument("data", type=_path, metavar="DATA", help="FER2013: folder, zip or csv")
    parser.add_argument(
        "--on-error",
        choices=["raise", "skip"],
        default="raise",
        help="stop at a bad image or row, or leave it out (default: raise)",
    )
