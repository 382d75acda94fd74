"""FER2013 in the forms in which it is passed around: image folder, zip of it, and two csv files."""

import os
import zipfile
from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

from .._images import EMOTIONS
from ._fer2013_csv import DAMAGE, HEADER_SIZE, find_columns, first_line, open_csv, read_csv
from ._fer2013_images import (
    SPLITS,
    decode_images,
    find_root,
    index_samples,
    is_visible,
    list_folder,
    open_members,
)

SUBSETS = {
    "train": ("Training",),
    "public_test": ("PublicTest",),
    "private_test": ("PrivateTest",),
    "test": ("PublicTest", "PrivateTest"),
    "all": ("Training", "PublicTest", "PrivateTest"),
}

_FORMS = (
    "FER2013 as a folder with train/ and test/, a zip of it, or a csv with the header "
    "emotion,pixels,Usage"
)

_DESCR = """\
FER2013: facial expressions in the wild
---------------------------------------
Gray face crops of 48 x 48 pixels, collected by web search and labelled by hand, from the
"Challenges in Representation Learning" contest of ICML 2013.

:Samples: 28,709 Training, 3,589 PublicTest, 3,589 PrivateTest
:Levels: uint8, 0 (black) to 255 (white)
:Classes: 0 angry, 1 disgust, 2 fear, 3 happy, 4 sad, 5 surprise, 6 neutral

The classes are far from balanced (a quarter is happy, less than 2 % disgust), human accuracy is
about 65 %, and many images occur more than once, also across the training and test parts.
"""


def load_fer2013(path, *, subset="train", return_X_y=False):
    """Load FER2013 from disk.

    The data set is recognised by its content in these forms:

    - the Kaggle image folder, ``train/<class>/Training_<id>.jpg`` and
      ``test/<class>/PublicTest_<id>.jpg`` or ``PrivateTest_<id>.jpg`` (PNG files too);
    - a zip of that folder, read without extracting;
    - ``fer2013.csv`` or ``icml_face_data.csv``, plain, as .gz, or within a zip.

    Parameters
    ----------
    path : str or path-like
        The folder or file; or a folder that holds exactly one of these forms. Within a folder
        or zip, hidden files, and whatever lies beside ``train`` and ``test``, are ignored.
    subset : {"train", "public_test", "private_test", "test", "all"}, default="train"
        Which images to load; "test" is the public and the private test set together. Only
        these are decoded.
    return_X_y : bool, default=False
        Return ``(images, target)`` instead of a Bunch.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With the following attributes, of the same order. Images of a folder or zip come by
        usage (train, public test, private test), then by class folder in alphabetical order,
        then by id; rows of a csv as in the file. Either way, shuffle before splitting.

        images : ndarray of shape (n_samples, 48, 48), dtype uint8
            Grey levels, 0 to 255.
        data : ndarray of shape (n_samples, 2304), dtype uint8
            The same memory, one image a row.
        target : ndarray of shape (n_samples,), dtype int64
            Positions in `target_names`.
        target_names : list of str
            ``ferkit.EMOTIONS``.
        usage : ndarray of shape (n_samples,), dtype str
            "Training", "PublicTest" or "PrivateTest".
        filenames : ndarray of shape (n_samples,), dtype str
            Paths from the folder that holds ``train`` and ``test``; folder and zip only.
        row_numbers : ndarray of shape (n_samples,), dtype int64
            Lines of the file, where the header is line 1; csv only.
        DESCR : str
            A description of the data set.

    (images, target) : tuple
        If `return_X_y` is true.

    Raises
    ------
    FileNotFoundError
        If there is nothing at `path`.
    ValueError
        If `path` holds none of the forms or several, lacks a part of `subset`, or has a file
        or row that is not a labelled gray image of 48 x 48 pixels.

    References
    ----------
    .. [1] I. J. Goodfellow et al. (2013). "Challenges in representation learning: A report on
       three machine learning contests." ICONIP 2013.

    Examples
    --------
    >>> from ferkit.datasets import load_fer2013
    >>> faces = load_fer2013("fer2013.zip", subset="public_test")  # doctest: +SKIP
    >>> faces.images.shape  # doctest: +SKIP
    (3589, 48, 48)
    >>> X, y = load_fer2013("fer2013.zip", return_X_y=True)  # doctest: +SKIP
    """
    if subset not in list(SUBSETS):
        raise ValueError(
            f"got subset={subset!r}, expected one of {', '.join(map(repr, SUBSETS))}; choose one"
        )
    path, load = _locate(Path(path))
    faces = load(path, subset)
    if return_X_y:
        return faces.images, faces.target
    return faces


def _locate(path):
    """Find the data set at or just below `path`, and the function that loads it."""
    if not path.exists():
        raise FileNotFoundError(
            f"{path}: got a path where nothing is, expected {_FORMS}; check the path"
        )
    load = _loader(path)
    if load is None and path.is_dir():
        return _locate_inside(path)
    if load is None:
        raise ValueError(_explain_file(path))
    return path, load


def _locate_inside(folder):
    entries = [entry for entry in sorted(folder.iterdir()) if is_visible(entry.name)]
    found = [(entry, load) for entry in entries if (load := _loader(entry))]
    if len(found) > 1:
        names = ", ".join(entry.name for entry, _ in found)
        raise ValueError(
            f"{folder}: got a folder with {names}, expected one data set; pass the path of one"
        )
    if not found:
        held = ", ".join(entry.name for entry in entries[:5]) or "nothing"
        raise ValueError(
            f"{folder}: got a folder with {held}, expected {_FORMS}; pass the path of one"
        )
    return found[0]


def _loader(path):
    """Tell from its content how to load `path`; None if it is none of the forms."""
    if path.is_dir():
        return _load_folder if any((path / split).is_dir() for split in SPLITS) else None
    if not path.is_file():
        return None
    if zipfile.is_zipfile(path):
        return _load_zip
    return _load_csv if find_columns(first_line(path)) else None


def _explain_file(path):
    start = first_line(path)[:60]
    if start.startswith(b"PK"):
        return f"{path}: got a part of a zip file, expected all of it; fetch the file again"
    if not start and path.stat().st_size:
        return f"{path}: got a gzip file that cannot be read, expected a csv in it; fetch it again"
    return f"{path}: got a file that starts with {start!r}, expected {_FORMS}; pass the path of one"


def _load_folder(path, subset):
    def read(name):
        with open(os.path.join(path, name), "rb", buffering=0) as file:
            return file.read()

    return _load_images(path, list_folder(path), read, subset)


def _load_zip(path, subset):
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if is_visible(name) and name[-1] != "/"]
        root = find_root(names, path)
        if root is None:
            return _load_zipped_csv(archive, names, path, subset)
        members = {name: archive.getinfo(name) for name in names if name.startswith(root)}
    with open_members(path, members) as read_member:
        # Names are those of the extracted folder, whether or not another one encloses it.
        names = [name.removeprefix(root) for name in members]
        names = [name for name in names if name.partition("/")[0] in SPLITS]
        return _load_images(path, names, lambda name: read_member(root + name), subset)


def _load_images(path, names, read, subset):
    samples = index_samples(names, path)
    _check_subset(subset, {sample.usage for sample in samples}, path)
    samples = [sample for sample in samples if sample.usage in SUBSETS[subset]]
    images = decode_images(read, [sample.name for sample in samples], path)
    return _bunch(
        images,
        target=[sample.label for sample in samples],
        usage=[sample.usage for sample in samples],
        filenames=np.array([sample.name for sample in samples]),
    )


def _load_zipped_csv(archive, names, path, subset):
    found = [name for name in names if find_columns(_first_line_of_member(archive, name))]
    if len(found) != 1:
        held = ", ".join((found or names)[:5]) or "nothing"
        raise ValueError(
            f"{path}: got a zip with {held}, expected train/ and test/, or one readable csv with "
            "the header emotion,pixels,Usage; unzip it and pass the path of what to load"
        )
    with archive.open(found[0]) as stream:
        return _load_rows(stream, f"{path}/{found[0]}", subset)


def _first_line_of_member(archive, name):
    try:
        with archive.open(name) as stream:
            return stream.readline(HEADER_SIZE)
    except (RuntimeError, *DAMAGE):  # RuntimeError: encrypted, or an unknown compression
        return b""


def _load_csv(path, subset):
    with open_csv(path) as stream:
        return _load_rows(stream, path, subset)


def _load_rows(stream, path, subset):
    table = read_csv(stream, path, SUBSETS[subset])
    _check_subset(subset, table.found, path)
    return _bunch(
        table.images,
        target=table.labels,
        usage=table.usages,
        row_numbers=np.array(table.row_numbers, dtype=np.int64),
    )


def _check_subset(subset, found, path):
    if not found:
        raise ValueError(f"{path}: got no images, expected FER2013's; fetch the data set again")
    missing = [usage for usage in SUBSETS[subset] if usage not in found]
    if missing:
        complete = [repr(name) for name, usages in SUBSETS.items() if found.issuperset(usages)]
        raise ValueError(
            f"{path}: got no {' or '.join(missing)} images, expected them for subset={subset!r}; "
            f"ask for subset={' or '.join(complete)}, or fetch the whole data set"
        )


def _bunch(images, *, target, usage, **where):
    return Bunch(
        data=images.reshape(len(images), -1),
        images=images,
        target=np.array(target, dtype=np.int64),
        target_names=list(EMOTIONS),
        usage=np.array(usage),
        **where,
        DESCR=_DESCR,
    )
