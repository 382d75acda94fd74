"""FER+: ten votes for each image of FER2013."""

from __future__ import annotations

from collections import Counter
from typing import Literal, overload

import numpy as np
from sklearn.utils import Bunch

from .._emotion_names import find_emotion
from .._labels import EMOTIONS
from .._paths import as_path
from .._typing import ImagesAndTarget, OnError, StrPath, Subset
from ._bad_samples import BadSamples, bad_line
from ._fer2013 import SUBSETS, check_choices, load_fer2013
from ._label_csv import read_label_csv

VOTE_NAMES = (
    "neutral",
    "happiness",
    "surprise",
    "sadness",
    "anger",
    "disgust",
    "fear",
    "contempt",
    "unknown",
    "NF",
)
_COLUMNS = [list(map(find_emotion, VOTE_NAMES)).index(emotion) for emotion in EMOTIONS]

_MAJORITIES = (*VOTE_NAMES, "no majority")

_DESCR = """\
FER+: FER2013 labelled anew by ten people an image
--------------------------------------------------
The images of FER2013 with the votes of Barsoum, Zhang, Canton Ferrer and Zhang (2016).

:Samples: {n_samples} of subset {subset!r}; left out by majority: {dropped}
:Levels: uint8, 0 (black) to 255 (white)
:Classes: 0 angry, 1 disgust, 2 fear, 3 happy, 4 sad, 5 surprise, 6 neutral
"""


@overload
def load_ferplus(
    fer2013_csv: StrPath,
    ferplus_csv: StrPath,
    *,
    subset: Subset = ...,
    on_error: OnError = ...,
    return_X_y: Literal[False] = ...,
) -> Bunch: ...


@overload
def load_ferplus(
    fer2013_csv: StrPath,
    ferplus_csv: StrPath,
    *,
    subset: Subset = ...,
    on_error: OnError = ...,
    return_X_y: Literal[True],
) -> ImagesAndTarget: ...


def load_ferplus(
    fer2013_csv: StrPath,
    ferplus_csv: StrPath,
    *,
    subset: Subset = "train",
    on_error: OnError = "raise",
    return_X_y: bool = False,
) -> Bunch | ImagesAndTarget:
    """Load FER2013 with the labels and votes of FER+ [1]_.

    As in the authors' code, single votes are taken for slips and do not count, and a label needs
    more than half of the votes that are left. Images of another majority (contempt, unknown, or
    NF: not a face) or without one are left out.

    Parameters
    ----------
    fer2013_csv : str or path-like
        ``fer2013.csv``, all of it, in any of the forms of csv that `load_fer2013` reads. The image
        folder will not do: its ids are not FER+'s rows.
    ferplus_csv : str or path-like
        ``fer2013new.csv``, whose row i belongs to row i of ``fer2013.csv``.
    subset : {"train", "public_test", "private_test", "test", "all"}, default="train"
        Which images to load, as in `load_fer2013`.
    on_error : {"raise", "skip"}, default="raise"
        What to do about a row of either file that is bad: raise, or leave the image out, warn
        once, and list all that were left out in `skipped`.
    return_X_y : bool, default=False
        Return ``(images, target)`` instead of a Bunch.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With the following attributes, in the order of the files.

        images : ndarray of shape (n_samples, 48, 48), dtype uint8
            Grey levels, 0 to 255.
        data : ndarray of shape (n_samples, 2304), dtype uint8
            The same memory, one image a row.
        target : ndarray of shape (n_samples,), dtype int64
            The majority, as positions in `target_names`.
        target_names : list of str
            ``ferkit.EMOTIONS``.
        soft_targets : ndarray of shape (n_samples, 7), dtype float32
            The share of each emotion in the votes that count for one of the seven; rows sum to 1.
            Columns are in the order of `target_names`. An estimator's ``fit`` takes them as
            `soft_targets`, together with `target`.
        votes : ndarray of shape (n_samples, 10), dtype int64
            All votes as in the file, single ones too, by `vote_names`.
        vote_names : list of str
            neutral, happiness, surprise, sadness, anger, disgust, fear, contempt, unknown, NF.
        usage : ndarray of shape (n_samples,), dtype str
            "Training", "PublicTest" or "PrivateTest".
        row_numbers : ndarray of shape (n_samples,), dtype int64
            Lines of ``fer2013.csv``, where the header is line 1.
        dropped : dict of str to int
            How many images of the subset were left out, by majority: contempt, unknown, NF,
            "no majority".
        skipped : list of tuple (int or str, str)
            What `on_error` left out: the number of the line in ``fer2013.csv``, or the name of the
            other file with its line, and the reason.
        DESCR : str
            A description of the data set.

    (images, target) : tuple
        If `return_X_y` is true.

    Raises
    ------
    FileNotFoundError
        If there is nothing at a path.
    ValueError
        If a file is another one than expected, or their rows do not belong together. Unless
        `on_error` is "skip", also if a row is bad.

    Warns
    -----
    UserWarning
        If rows were bad; not of what is in `dropped`.

    References
    ----------
    .. [1] E. Barsoum, C. Zhang, C. Canton Ferrer and Z. Zhang (2016). "Training deep networks for
       facial expression recognition with crowd-sourced label distribution." ICMI 2016.
       https://github.com/microsoft/FERPlus

    Examples
    --------
    >>> from ferkit.datasets import load_ferplus
    >>> faces = load_ferplus("fer2013.csv", "fer2013new.csv")  # doctest: +SKIP
    >>> model.fit(  # doctest: +SKIP
    ...     faces.images, faces.target, soft_targets=faces.soft_targets
    ... )
    """
    check_choices(subset, on_error)
    ferplus_csv, bad = as_path(ferplus_csv), BadSamples(on_error)
    try:
        faces = load_fer2013(fer2013_csv, subset="all", on_error=on_error)
    except ValueError as error:
        raise ValueError(f"{error}. FER+ counts the rows of the whole fer2013.csv") from error
    if "row_numbers" not in faces:
        raise ValueError(
            f"{fer2013_csv}: got image files, expected fer2013.csv, whose rows FER+ counts; fetch "
            "it from the Kaggle contest"
        )
    usage, votes, is_good = _read_votes(ferplus_csv, bad)
    rows = _match_rows(faces, len(votes), fer2013_csv, ferplus_csv)
    _check_usage(faces, usage[rows], fer2013_csv, ferplus_csv)
    bad.warn(ferplus_csv)
    votes = votes[rows]
    majority = _find_majority(votes)
    is_asked = np.isin(faces.usage, SUBSETS[subset]) & is_good[rows]
    keep = is_asked & np.isin(majority, _COLUMNS)
    if not keep.any():
        raise ValueError(
            f"{ferplus_csv}: got no {subset} image with a majority for one of the seven emotions, "
            "expected some; fetch the file again"
        )
    dropped = Counter(majority[is_asked & ~keep].tolist())
    dropped = {name: dropped[i] for i, name in enumerate(_MAJORITIES) if i in dropped}
    bunch = _bunch(faces, votes, keep)
    if return_X_y:
        return bunch.images, bunch.target
    left_out = ", ".join(f"{count} {name}" for name, count in dropped.items()) or "none"
    bunch.dropped = dropped
    bunch.skipped = faces.skipped + bad.skipped
    bunch.DESCR = _DESCR.format(n_samples=len(bunch.target), subset=subset, dropped=left_out)
    return bunch


def _read_votes(path, bad):
    """Read usage and votes of each row, and whether the votes are numbers."""
    table = read_label_csv(path, ("Usage", *VOTE_NAMES))
    fields = table[list(VOTE_NAMES)]
    is_good = fields.apply(lambda column: column.str.fullmatch(r"[0-9]{1,3}")).all(axis=1)
    for line in table.index[~is_good]:
        got = f"the votes {', '.join(fields.loc[line])}"
        bad.add(f"{path.name}, line {line}", bad_line(path, line, got, "ten counts"))
    votes = fields.where(is_good, "0", axis=0).to_numpy().astype(np.int64)
    return table["Usage"].to_numpy(), votes, is_good.to_numpy()


def _match_rows(faces, n_rows, fer2013_csv, ferplus_csv):
    """Find the row of votes that belongs to each image."""
    lines = np.sort([*faces.row_numbers, *(line for line, _ in faces.skipped)])
    if len(lines) != n_rows:
        raise ValueError(
            f"{ferplus_csv}: got {n_rows} rows for the {len(lines)} of {fer2013_csv}, expected one "
            "for each; pass both files as they were published, of 35,887 rows"
        )
    return np.searchsorted(lines, faces.row_numbers)


def _check_usage(faces, usage, fer2013_csv, ferplus_csv):
    is_other = faces.usage != usage
    if is_other.any():
        at = is_other.argmax()
        raise ValueError(
            f"{ferplus_csv}: got Usage {str(usage[at])[:40]!r} where line "
            f"{faces.row_numbers[at]} of {fer2013_csv} has {str(faces.usage[at])!r}, expected the "
            "same rows in the same order; pass both files as they were published"
        )


def _count(votes):
    """Leave single votes out."""
    return np.where(votes > 1, votes, 0)


def _find_majority(votes):
    """Find the position in `_MAJORITIES` of what has more than half of the votes that count."""
    counted = _count(votes)
    has_majority = 2 * counted.max(axis=1) > counted.sum(axis=1)
    return np.where(has_majority, counted.argmax(axis=1), len(VOTE_NAMES))


def _bunch(faces, votes, keep):
    images = faces.images[keep]
    counted = _count(votes[keep])[:, _COLUMNS].astype(np.float32)
    return Bunch(
        images=images,
        data=images.reshape(len(images), -1),
        target=counted.argmax(axis=1),
        target_names=list(EMOTIONS),
        soft_targets=counted / counted.sum(axis=1, keepdims=True),
        votes=votes[keep],
        vote_names=list(VOTE_NAMES),
        usage=faces.usage[keep],
        row_numbers=faces.row_numbers[keep],
    )
