"""A page about a trained estimator, in one file."""

from __future__ import annotations

import hashlib
import html
import platform
import warnings
from collections.abc import Iterable, Sequence
from functools import partial
from importlib.metadata import version
from inspect import signature

import numpy as np
from numpy.typing import ArrayLike
from sklearn.calibration import calibration_curve
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.utils import check_consistent_length, check_random_state

from .._base import BaseFER
from .._estimators import check_fitted_fer
from .._labels import check_labels, encode
from .._paths import as_path, check_place, write_whole
from .._typing import StrPath
from ..metrics import FERReport
from ..metrics._calibration import N_BINS
from ..metrics._copies import find_copies
from ._class_balance import ClassBalanceDisplay
from ._class_metrics import ClassMetricsDisplay
from ._embedding import EmbeddingDisplay
from ._face_grid import FaceGridDisplay
from ._history import HistoryDisplay
from ._html import make_code, make_page, make_picture, make_table, try_picture
from ._legend import literal
from ._saliency import NoFeatureMapError, SaliencyDisplay, grad_cam

_NAMES = {
    "accuracy": "accuracy",
    "f1_macro": "macro-F1",
    "calibration_error": "calibration error",
}
_PLACES = {"checkpoint_dir", "teacher"}  # these would show paths of the machine that trained
_N_SALIENCY = 100  # images of a class: enough for a mean map
_N_OCCLUDED = 5  # each is predicted some 225 times
_N_EMBEDDED = 2000  # more points hide each other, and t-SNE takes minutes


def write_page(
    path: StrPath,
    estimator: BaseFER,
    X: ArrayLike,
    y: ArrayLike,
    *,
    X_train: ArrayLike | None = None,
    y_train: ArrayLike | None = None,
    title: str | None = None,
    command: str | None = None,
    notes: Sequence[str] = (),
    random_state: int | None = 0,
) -> None:
    """Write a page about a fitted estimator: data, training, scores, mistakes, explanations.

    Everything is in the one file, which needs no network. It has faces of `X` in it. A picture that
    cannot be drawn, such as an embedding of images that are all the same, is left out with a line
    that says why.

    Parameters
    ----------
    path : path-like
        The file, which ends up whole or not at all.
    estimator : BaseFER
        Fitted.
    X : array-like
        Images that it has not seen.
    y : array-like of shape (n,)
        Their labels.
    X_train, y_train : array-like, default=None
        The training set, images and labels, which come together: its balance is shown, and scores
        are given without images of `X` that have a copy in it.
    title : str, default=None
        Heading; None takes the estimator's class.
    command : str, default=None
        What makes this page again.
    notes : str or sequence of str, default=()
        More to say about the data, in a paragraph each.
    random_state : int or None, default=0
        Governs intervals, embedding and samples.

    Raises
    ------
    ValueError
        If `estimator` is none of ferkit's, the images or labels are not what it takes or
        differ in number, or one of `X_train` and `y_train` is missing.
    OSError
        If the file cannot be written, or its folder does not exist.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from ferkit import ResNetFER
    >>> from ferkit.datasets import make_faces
    >>> from ferkit.inspection import write_page
    >>> X, y = make_faces(140, random_state=0, return_X_y=True)
    >>> clf = ResNetFER(max_epochs=1, random_state=0).fit(X[:70], y[:70])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_page(Path(folder) / "page.html", clf, X[70:], y[70:])
    ...     "Where it is wrong" in (Path(folder) / "page.html").read_text()
    True
    """
    check_fitted_fer(estimator)
    notes = _check_notes(notes)
    path = as_path(path)
    check_place(path)
    if (X_train is None) != (y_train is None):
        raise ValueError("got one of X_train and y_train, expected both or neither; pass the other")
    y = check_labels(y)
    encode(y, estimator.classes_)
    images = estimator._check_X(X)
    check_consistent_length(images, y)
    if y_train is not None:
        y_train = check_labels(y_train)
        encode(y_train, estimator.classes_)
        check_consistent_length(X_train, y_train)
    with warnings.catch_warnings():  # noqa: TID251, as warning_filter would block other threads
        # X has been warned of above, and X_train only gives copies and a digest
        warnings.filterwarnings("ignore", message="X does not have valid feature names")
        warnings.filterwarnings("ignore", message=r"got \w+ images, expected \w+ as in the fit")
        if X_train is not None:  # bring it to the form of X, so that equal images have one digest
            X_train = estimator._check_X(X_train)
        sections = _make_sections(
            estimator, images, y, X_train, y_train, title, command, notes, random_state
        )
    page = make_page(title or type(estimator).__name__, sections)
    write_whole(path, page.encode())


def _check_notes(notes):
    are_many = isinstance(notes, Iterable) and not isinstance(notes, str)
    notes = list(notes) if are_many else [notes]
    if not all(isinstance(note, str) for note in notes):
        raise ValueError(f"got notes={notes!r:.80}, expected a string, or a list of them")
    return notes


def _make_sections(estimator, X, y, X_train, y_train, title, command, notes, random_state):
    y_prob = estimator.predict_proba(X)
    report = FERReport.from_predictions(
        y,
        y_prob=y_prob,
        labels=estimator.classes_,
        is_copy=None if X_train is None else find_copies(X, X_train),
        random_state=random_state,
    )
    return [
        _head(estimator, report, title),
        _data(X, y, X_train, y_train, notes),
        _training(estimator),
        _scores(estimator, report, y, y_prob),
        _mistakes(estimator, X, y, y_prob),
        _explanations(estimator, X, y, random_state),
        _limits(),
        _environment(command, random_state),
    ]


def _head(estimator, report, title):
    of_all = report.scores.loc["all"]
    numbers = "".join(
        f"<div><b>{of_all.loc[score, 'value']:.3f}</b><br>{name}<br>"
        f"<small>{of_all.loc[score, 'low']:.3f} to {of_all.loc[score, 'high']:.3f}</small></div>"
        for score, name in _NAMES.items()
    )
    return (
        f"<h1>{html.escape(title or type(estimator).__name__)}</h1>"
        f"<p>{type(estimator).__name__}, {estimator.n_parameters_:,} parameters, on "
        f"{of_all.loc['accuracy', 'n_images']:,} images.</p>"
        f'<div class="numbers">{numbers}</div>'
        f'<p class="note">Below each figure, its {100 * report.confidence_level:g}% interval by '
        "the bootstrap over images: what another draw of as many images could have given. The "
        "spread between trainings is not in it.</p>"
    )


def _data(X, y, X_train, y_train, notes):
    sets = {"scored": (X, y)}
    if X_train is not None:
        sets = {"training set": (X_train, y_train), **sets}
    labels_of = {name: labels for name, (_, labels) in sets.items()}
    figure = ClassBalanceDisplay.from_labels(labels_of).figure_
    shape = " x ".join(map(str, X.shape[1:]))
    digests = "".join(
        f"<p>{name}: {len(labels):,} images; SHA-256 of the values {make_code(_digest(images))}, "
        f"of the labels, as lines of text, {make_code(_digest_labels(labels))}.</p>"
        for name, (images, labels) in sets.items()
    )
    notes = "".join(f"<p>{html.escape(note)}</p>" for note in notes)
    return (
        f"<h2>Data</h2><p>Images of {shape} values, {X.dtype}.</p>{digests}{notes}"
        + make_picture(figure, "Images of each class.")
    )


def _digest(X):
    return hashlib.sha256(np.ascontiguousarray(X)).hexdigest()


def _digest_labels(y):
    return hashlib.sha256("\n".join(map(str, y.tolist())).encode()).hexdigest()


def _training(estimator):
    parameters = signature(type(estimator)).parameters
    params = estimator.get_params(deep=False)
    if "weights" in params:  # name them: they may have been trained on the scored images
        params["weights"] = estimator._began_with
    changed = {
        name: value
        for name, value in params.items()
        if name not in _PLACES and repr(value) != repr(parameters[name].default)
    }
    lines = "\n".join(f"{name} = {value!r}" for name, value in changed.items())
    text = (
        f"<h2>Training</h2><p>Parameters that are not the default:</p>"
        f"<pre>{make_code(lines)}</pre><p>The seed, random_state, was {estimator.net_.seed}.</p>"
    )
    if estimator.n_iter_ == 0:
        return text + '<p class="note">Its curves do not come with these weights.</p>'
    figure = HistoryDisplay.from_estimator(estimator).figure_
    kept = f"{estimator.n_iter_} epochs; the dotted line is the one whose weights were kept."
    return text + make_picture(figure, kept)


def _scores(estimator, report, y, y_prob):
    import matplotlib.pyplot as plt

    classes = list(map(literal, report.classes.index))
    confusion = report.confusion.to_numpy()
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    figure, ax = plt.subplots(figsize=(5.5, 4.5), layout="constrained")
    ConfusionMatrixDisplay(shares, display_labels=classes).plot(
        ax=ax, values_format=".2f", xticks_rotation=45, cmap="cividis"
    )
    scores = report.scores.rename(columns={"n_images": "images"})
    scores = scores.rename(index=_NAMES, level="score").rename_axis([None, None])
    copies = "without copies" in report.scores.index.get_level_values("images")
    note = '"without copies" leaves out images that have a copy in the training set.'
    return (
        "<h2>How good it is</h2>"
        + make_table(scores)
        + (f'<p class="note">{note}</p>' if copies else "")
        + make_table(
            report.classes.rename_axis(None).rename(
                columns={"f1": "F1", "f1_low": "F1, low", "f1_high": "F1, high"}
            )
        )
        + make_picture(ClassMetricsDisplay.from_reports(report).figure_, "F1 with intervals.")
        + make_picture(figure, "Shares of each true class (rows) by what was predicted.")
        + make_picture(_draw_calibration(estimator, y, y_prob), "How often predictions are right.")
    )


def _draw_calibration(estimator, y, y_prob):
    import matplotlib.pyplot as plt

    is_right = estimator.classes_[y_prob.argmax(axis=1)] == y
    confidence = y_prob.max(axis=1)
    right, mean = calibration_curve(is_right, confidence, n_bins=N_BINS)
    figure, ax = plt.subplots(figsize=(4.5, 4), layout="constrained")
    ax.plot([0, 1], [0, 1], color="gray", linestyle=":", label="as often as it says")
    ax.plot(mean, right, marker="o", color="#0072B2", label="this estimator")
    ax.set(xlabel="confidence", ylabel="share that is right", xlim=(0, 1), ylim=(0, 1))
    ax.legend(frameon=False)
    return figure


def _mistakes(estimator, X, y, y_prob):
    text = "<h2>Where it is wrong</h2>"
    if (estimator.classes_[y_prob.argmax(axis=1)] == y).all():
        return text + "<p>Nowhere, on these images.</p>"
    caption = (
        "The mistakes that it was surest of, in rows by true class; over each face is what it was "
        "taken for, and how surely. Some of these labels are wrong."
    )
    draw = partial(FaceGridDisplay.from_predictions, X, y, y_prob, labels=estimator.classes_)
    return text + try_picture(draw, caption)


def _explanations(estimator, X, y, random_state):
    text = "<h2>What it looks at</h2>"
    method, name, n_per_class = "grad_cam", "Grad-CAM", _N_SALIENCY
    try:
        grad_cam(estimator, X[:1])
    except NoFeatureMapError:  # occlusion works for any network, but takes long
        method, n_per_class = "occlusion", _N_OCCLUDED
        name = "fall of its probability where a face is covered"
    draw = partial(_draw_saliency, estimator, X, y, random_state, method, n_per_class)
    text += try_picture(draw, f"Mean face of each class, and below it mean {name}.")
    if not hasattr(estimator.module_, "embed"):
        return text + '<p class="note">The network has no embedding to draw.</p>'
    chosen = check_random_state(random_state).permutation(len(X))[:_N_EMBEDDED]
    draw = partial(
        EmbeddingDisplay.from_estimator, estimator, X[chosen], y[chosen], random_state=random_state
    )
    which = f" of {len(chosen):,} of the images" if len(chosen) < len(X) else ""
    caption = (
        f"t-SNE of the embeddings{which}. It keeps neighbours; gaps and sizes of clusters mean "
        "nothing."
    )
    return text + try_picture(draw, caption)


def _draw_saliency(estimator, X, y, random_state, method, n_per_class):
    rng = check_random_state(random_state)
    chosen = [rng.permutation(np.flatnonzero(y == label))[:n_per_class] for label in np.unique(y)]
    chosen = np.concatenate(chosen)
    return SaliencyDisplay.from_estimator(
        estimator, X[chosen], y[chosen], method=method, average=True
    )


def _limits():
    return (
        "<h2>Limits</h2><p>Labels are what annotators saw in a photo, not what a person felt; "
        "others would label about a third of FER2013's differently. Scores hold for images like "
        "these. Nothing here tells for which ages, genders or skin colours they hold. In the "
        "European Union, systems that infer emotions at work and in education are prohibited, "
        "except for medical or safety reasons (Regulation (EU) 2024/1689, Article 5).</p>"
    )


def _environment(command, random_state):
    import ferkit

    packages = ["torch", "skorch", "scikit-learn", "numpy"]
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    lines = f"ferkit {ferkit.__version__}, {versions}, Python {platform.python_version()}"
    again = "" if command is None else f"<p>Made by</p><pre>{make_code(command)}</pre>"
    return (
        f"<h2>Environment</h2><p>{lines}; on {platform.machine()}. Intervals and samples are of "
        f"random_state={random_state!r}.</p>{again}"
    )
