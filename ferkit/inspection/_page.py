"""A page about a trained estimator, in one file."""

import base64
import hashlib
import html
import io
import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np
from sklearn.calibration import calibration_curve
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.utils import check_random_state

from ..metrics import fer_report
from ..persistence import write_whole
from ._class_balance import ClassBalanceDisplay
from ._class_metrics import ClassMetricsDisplay
from ._embedding import EmbeddingDisplay
from ._face_grid import FaceGridDisplay
from ._history import HistoryDisplay
from ._saliency import SaliencyDisplay

_N_BINS = 15
_N_SALIENCY = 100  # images of a class: enough for a mean map
_STYLE = """
:root { color-scheme: light dark; --text: #1a1a1a; --soft: #555; --back: #fff; --line: #ddd; }
@media (prefers-color-scheme: dark) {
  :root { --text: #eee; --soft: #aaa; --back: #16181c; --line: #3a3d44; }
}
body { font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--back);
       max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem;
     border-top: 1px solid var(--line); padding-top: 1rem; }
p.note, figcaption { color: var(--soft); font-size: .9rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .8rem; text-align: right; border-bottom: 1px solid var(--line); }
th:first-child { text-align: left; }
figure { margin: 1rem 0; } img { max-width: 100%; background: #fff; border-radius: 4px; }
code, pre { font-size: .85rem; overflow-wrap: anywhere; white-space: pre-wrap; }
.numbers { display: flex; flex-wrap: wrap; gap: 2rem; } .numbers b { font-size: 1.8rem; }
.numbers div { line-height: 1.3; }
"""


def write_page(
    path, estimator, X, y, *, X_train=None, y_train=None, title=None, command=None, random_state=0
):
    """Write a page about a fitted estimator: data, training, scores, mistakes, explanations.

    Everything is in the one file, which needs no network. It has faces of `X` in it.

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
        The images and labels that it was trained on: their balance is shown, and scores are given
        without images of `X` that have a copy among them.
    title : str, default=None
        Heading; None takes the estimator's class.
    command : str, default=None
        What makes this page again.
    random_state : int or None, default=0
        Governs intervals, embedding and samples.

    Raises
    ------
    ValueError
        If the images or labels are not what the estimator takes.
    OSError
        If the file cannot be written.

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
    report = fer_report(estimator, X, y, X_train=X_train, random_state=random_state)
    X, y = np.asarray(X), np.asarray(y)
    y_prob = estimator.predict_proba(X)
    sections = [
        _head(estimator, report, title),
        _data(X, y, y_train),
        _training(estimator),
        _scores(estimator, report, y, y_prob),
        _mistakes(estimator, X, y, y_prob),
        _explanations(estimator, X, y, random_state),
        _limits(),
        _environment(estimator, command),
    ]
    name = html.escape(title or type(estimator).__name__)
    page = (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{name}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body>\n{''.join(sections)}</body></html>\n"
    )
    write_whole(Path(path), page.encode())


def _head(estimator, report, title):
    of_all = report.scores.loc["all"]
    names = {"accuracy": "accuracy", "f1_macro": "macro-F1", "calibration_error": "calib. error"}
    numbers = "".join(
        f"<div><b>{of_all.loc[score, 'value']:.3f}</b><br>{name}<br>"
        f"<small>{of_all.loc[score, 'low']:.3f} to {of_all.loc[score, 'high']:.3f}</small></div>"
        for score, name in names.items()
    )
    return (
        f"<h1>{html.escape(title or type(estimator).__name__)}</h1>"
        f"<p>{type(estimator).__name__}, {estimator.n_parameters_:,} parameters, on "
        f"{of_all.loc['accuracy', 'n_images']:,} images.</p>"
        f'<div class="numbers">{numbers}</div>'
        f'<p class="note">Below each figure, its {report.confidence_level:.0%} interval by the '
        "bootstrap over images: what another draw of as many images could have given. The spread "
        "between trainings is not in it.</p>"
    )


def _data(X, y, y_train):
    sets = {"scored": y} if y_train is None else {"trained on": y_train, "scored": y}
    figure = ClassBalanceDisplay.from_labels(sets).figure_
    digest = hashlib.sha256(np.ascontiguousarray(X)).hexdigest()[:16]
    return (
        f"<h2>Data</h2><p>{len(y):,} images of {' x '.join(map(str, X.shape[1:]))} values, "
        f"{X.dtype}; SHA-256 of the values begins with <code>{digest}</code>.</p>"
        + _picture(figure, "Images of each class.")
    )


def _training(estimator):
    defaults = type(estimator)().get_params(deep=False)
    changed = {
        name: value
        for name, value in estimator.get_params(deep=False).items()
        if repr(value) != repr(defaults[name])
    }
    lines = "\n".join(f"{name} = {value!r}" for name, value in changed.items())
    text = f"<h2>Training</h2><p>Parameters that are not the default:</p><pre>{_code(lines)}</pre>"
    if estimator.n_iter_ == 0:
        return text + '<p class="note">Its curves do not come with these weights.</p>'
    figure = HistoryDisplay.from_estimator(estimator).figure_
    kept = f"{estimator.n_iter_} epochs; the dotted line is the one whose weights were kept."
    return text + _picture(figure, kept)


def _scores(estimator, report, y, y_prob):
    import matplotlib.pyplot as plt

    classes = [str(name) for name in report.classes.index]
    confusion = report.confusion.to_numpy()
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    figure, ax = plt.subplots(figsize=(5.5, 4.5), layout="constrained")
    ConfusionMatrixDisplay(shares, display_labels=classes).plot(
        ax=ax, values_format=".2f", xticks_rotation=45, cmap="cividis"
    )
    return (
        "<h2>How good it is</h2>"
        + report.scores.round(3).to_html(border=0)
        + '<p class="note">"without copies" leaves out images that have a copy among those '
        "trained on.</p>"
        + report.classes.rename_axis(None).round(3).to_html(border=0)
        + _picture(ClassMetricsDisplay.from_reports(report).figure_, "F1 with intervals.")
        + _picture(figure, "Shares of each true class (rows) by what was predicted.")
        + _picture(_draw_calibration(estimator, y, y_prob), "How often predictions are right.")
    )


def _draw_calibration(estimator, y, y_prob):
    import matplotlib.pyplot as plt

    is_right = estimator.classes_[y_prob.argmax(axis=1)] == y
    confidence = y_prob.max(axis=1)
    right, mean = calibration_curve(is_right, confidence, n_bins=_N_BINS)
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
    display = FaceGridDisplay.from_predictions(X, y, y_prob, labels=estimator.classes_)
    caption = (
        "The mistakes that it was surest of, in rows by true class; over each face is what it was "
        "taken for, and how surely. Some of these labels are wrong."
    )
    return text + _picture(display.figure_, caption)


def _explanations(estimator, X, y, random_state):
    text = "<h2>What it looks at</h2>"
    rng = check_random_state(random_state)
    chosen = [rng.permutation(np.flatnonzero(y == label))[:_N_SALIENCY] for label in np.unique(y)]
    chosen = np.concatenate(chosen)
    display = SaliencyDisplay.from_estimator(estimator, X[chosen], y[chosen], average=True)
    text += _picture(display.figure_, "Mean face of each class, and below it mean Grad-CAM.")
    if len(X) < 3:
        return text
    display = EmbeddingDisplay.from_estimator(estimator, X, y, random_state=random_state)
    caption = (
        "t-SNE of the embeddings. It keeps neighbours; gaps and sizes of clusters mean nothing."
    )
    return text + _picture(display.figure_, caption)


def _limits():
    return (
        "<h2>Limits</h2><p>Labels are what annotators saw in a photo, not what a person felt; "
        "annotators disagree on about a third of FER2013's. Scores hold for images like these. "
        "Nothing here tells for which ages, genders or skin colours they hold. In the European "
        "Union, systems that infer emotions at work and in schools are prohibited but for medical "
        "and safety reasons (Regulation (EU) 2024/1689, Article 5).</p>"
    )


def _environment(estimator, command):
    import ferkit

    packages = ["torch", "skorch", "scikit-learn", "numpy"]
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    lines = f"ferkit {ferkit.__version__}, {versions}, Python {platform.python_version()}"
    again = "" if command is None else f"<p>Made by</p><pre>{_code(command)}</pre>"
    return f"<h2>Environment</h2><p>{lines}; on {platform.machine()}.</p>{again}"


def _picture(figure, caption):
    """Put a figure into the page, and close it."""
    import matplotlib.pyplot as plt

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100, metadata={"Software": None})
    plt.close(figure)
    data = base64.b64encode(buffer.getvalue()).decode()
    text = html.escape(caption)
    return (
        f'<figure><img alt="{text}" src="data:image/png;base64,{data}">'
        f"<figcaption>{text}</figcaption></figure>"
    )


def _code(text):
    return f"<code>{html.escape(text)}</code>"
