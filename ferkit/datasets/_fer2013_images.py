"""FER2013 as image files, in a folder or a zip: finding them, and what their names say."""

import os
import re
from typing import NamedTuple

from .._labels import EMOTIONS
from .._messages import printable

SPLITS = ("train", "test")

_USAGES = {"Training": "train", "PublicTest": "test", "PrivateTest": "test"}
_LABELS = {emotion: label for label, emotion in enumerate(EMOTIONS)}
_NAME = re.compile(
    r"(train|test)/([^/]+)/(Training|PublicTest|PrivateTest)_(\d{1,18})\.(?i:jpe?g|png)", re.ASCII
)
_CLUTTER = re.compile(r"(?:^|/)(?:\.|(?:__MACOSX|Thumbs\.db|desktop\.ini)(?:/|$))")


class Sample(NamedTuple):
    """What the name of an image says."""

    usage: str
    emotion: str
    number: int
    name: str

    @property
    def label(self):
        return _LABELS[self.emotion]


def is_visible(name):
    """Tell files of the data set from those that operating systems add."""
    return not _CLUTTER.search(name)


def list_folder(path):
    """List the files of an image folder, as names such as ``train/angry/Training_1.jpg``.

    Parameters
    ----------
    path : path-like
        The folder that holds ``train`` or ``test``.

    Returns
    -------
    list of str
    """
    names = []
    for split in SPLITS:
        for folder in _children(path, split):
            names += _children(path, folder) if os.path.isdir(path / folder) else [folder]
    return names


def _children(path, folder):
    if not os.path.isdir(path / folder):
        return []
    return [f"{folder}/{name}" for name in os.listdir(path / folder) if is_visible(name)]


def find_root(names, path):
    """Find the folder that holds ``train`` and ``test`` within a zip.

    Parameters
    ----------
    names : list of str
        The zip's files.
    path : path-like
        The zip, for messages.

    Returns
    -------
    str or None
        "" or a name with a trailing slash; None if this is not a zip of images.

    Raises
    ------
    ValueError
        If several folders could be meant.
    """
    roots = set()
    for name in names:
        first, *rest = name.split("/", 2)
        if rest and first in SPLITS:
            return ""
        if len(rest) == 2 and rest[0] in SPLITS:
            roots.add(first + "/")
    if len(roots) > 1:
        held = printable(", ".join(sorted(roots)))
        raise ValueError(
            f"{path}: got several folders with images, {held}, expected one data set; unzip it "
            "and pass the path of one"
        )
    return roots.pop() if roots else None


def index_samples(names, path, bad):
    """Read usage, label and order from names.

    Parameters
    ----------
    names : list of str
        Such as ``train/angry/Training_1.jpg``.
    path : path-like
        Where they are, for messages.
    bad : BadSamples
        What to do about a name of another form.

    Returns
    -------
    list of Sample
        By usage, class folder and id.
    """
    samples, misnamed = {usage: [] for usage in _USAGES}, []
    for name in names:
        match = _NAME.fullmatch(name)
        if match and match[2] in _LABELS and _USAGES[match[3]] == match[1]:
            samples[match[3]].append(Sample(match[3], match[2], int(match[4]), name))
        else:
            misnamed.append(name)
    for name in sorted(misnamed):
        bad.add(name, ValueError(f"{path}/{name}: {_explain_name(name)}"))
    # the real set has ids that occur twice, in two classes
    return [sample for usage in _USAGES for sample in sorted(samples[usage])]


def _explain_name(name):
    split, folder, *rest = name.split("/", 2)
    if folder not in _LABELS:
        return (
            f"got {folder!r} in {split}, expected the class folders {', '.join(EMOTIONS)}; "
            "rename or remove it, or pass on_error='skip'"
        )
    expected = "Training" if split == "train" else "PublicTest_<id> or PrivateTest"
    return (
        f"got {'/'.join(rest)!r} in {split}/{folder}, expected {expected}_<id>.jpg or .png; "
        "rename or remove it, or pass on_error='skip'"
    )
