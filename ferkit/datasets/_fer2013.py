"""FER2013 in the forms in which it is passed around: image folder, zip of it, and two csv files."""

from __future__ import annotations

import io
import os
import zipfile
from itertools import compress
from typing import Literal, overload

import numpy as np
from sklearn.utils import Bunch

from .._labels import EMOTIONS
from .._messages import shorten, warn_user
from .._paths import as_path
from .._typing import ImagesAndTarget, OnError, StrPath, Subset
from ._bad_samples import BadSamples, check_on_error, permission_explained
from ._fer2013_csv import (
    DAMAGE,
    HEADER_SIZE,
    MAX_SIZE,
    find_columns,
    first_line,
    open_csv,
    read_csv,
)
from ._fer2013_images import SIDE, SPLITS, decode_images, find_root, index_samples, list_folder
from ._image_files import READABLE, is_visible, open_members, read_file

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


@overload
def load_fer2013(
    path: StrPath,
    *,
    subset: Subset = ...,
    on_error: OnError = ...,
    return_X_y: Literal[False] = ...,
) -> Bunch: ...


@overload
def load_fer2013(
    path: StrPath, *, subset: Subset = ..., on_error: OnError = ..., return_X_y: Literal[True]
) -> ImagesAndTarget: ...


def load_fer2013(
    path: StrPath,
    *,
    subset: Subset = "train",
    on_error: OnError = "raise",
    return_X_y: bool = False,
) -> Bunch | ImagesAndTarget:
    """Load FER2013 [1]_ from disk.

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
    on_error : {"raise", "skip"}, default="raise"
        What to do about a file or row that is not a labelled gray image of 48 x 48 pixels:
        raise, or leave it out, warn once, and list all that were left out in `skipped`.
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
        skipped : list of tuple (str or int, str)
            What `on_error` left out: the file's name or the line's number, and the reason.
        DESCR : str
            A description of the data set.

    (images, target) : tuple
        If `return_X_y` is true.

    Raises
    ------
    FileNotFoundError
        If there is nothing at `path`.
    PermissionError
        If `path` or a class folder may not be read.
    ValueError
        If `path` holds none of the forms or several, is damaged, encrypted or far larger than
        FER2013, or lacks a part of `subset`. Unless `on_error` is "skip", also if it has a file
        or row that is not a labelled gray image of 48 x 48 pixels, or lacks a class.

    Warns
    -----
    UserWarning
        If files or rows were left out, or a class is not there.

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
    check_choices(subset, on_error)
    bad = BadSamples(on_error)
    with permission_explained():
        path, load = _locate(as_path(path))
        faces = load(path, subset, bad)
    bad.warn(path)
    _check_classes(faces, SUBSETS[subset], path, on_error)
    if return_X_y:
        return faces.images, faces.target
    return faces


def check_choices(subset, on_error):
    """Refuse what is not one of the choices for `subset` and `on_error`."""
    if subset not in list(SUBSETS):  # a list, as an unhashable subset cannot be looked up in a dict
        raise ValueError(
            f"got subset={subset!r}, expected one of {', '.join(map(repr, SUBSETS))}; choose one"
        )
    check_on_error(on_error)


def _locate(path):
    """Find the data set at or just below `path`, and the function that loads it."""
    if not path.exists():
        what = "a symbolic link that leads nowhere" if path.is_symlink() else "no such path"
        raise FileNotFoundError(
            f"{path}: got {what}, expected {_FORMS}; check the path, "
            "or get it with ferkit.datasets.fetch_fer2013"
        )
    load = _loader(path)
    if load is None and path.is_dir():
        return _locate_inside(path)
    if load is None:
        raise ValueError(f"{path}: {_explain_file(path)}")
    return path, load


def _locate_inside(folder):
    entries = [entry for entry in sorted(folder.iterdir()) if is_visible(entry.name)]
    found = [(entry, load) for entry in entries if (load := _loader(entry))]
    if len(found) > 1:
        names = shorten(", ".join(entry.name for entry, _ in found))
        raise ValueError(
            f"{folder}: got a folder with {names}, expected one data set; pass the path of one"
        )
    if not found:
        held = shorten(", ".join(map(_describe, entries[:5]))) or "nothing"
        more = f" and {len(entries) - 5} more" if len(entries) > 5 else ""
        raise ValueError(
            f"{folder}: got a folder with {held}{more}, expected {_FORMS}; pass the path of one "
            "(ferkit.datasets.load_image_folder reads a folder for each class)"
        )
    return found[0]


def _describe(entry):
    is_dangling = entry.is_symlink() and not entry.exists()
    return f"{entry.name} (a link that leads nowhere)" if is_dangling else entry.name


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
    if not path.is_file():
        return f"got a pipe or device, expected {_FORMS}; save it to a file"
    start = first_line(path)
    if start.startswith(b"PK"):
        return "got a part of a zip file, expected all of it; fetch the file again"
    if not start and path.stat().st_size:
        return "got a gzip file that cannot be read, expected a csv in it; fetch it again"
    return _explain_header(start)


def _explain_header(start):
    """Say why what a file starts with is not the header of the csv."""
    if not start:
        return f"got an empty file, expected {_FORMS}; fetch it again"
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "got text in UTF-16, expected a csv in UTF-8; save it again in that encoding"
    missing = [name for name in ("emotion", "pixels", "Usage") if name.encode() not in start]
    if len(missing) < 2:
        advice = "separate the columns by commas, and remove others (in pandas, index=False)"
        if missing:
            advice = f"add {missing[0]}, or rename the column that has it, or fetch fer2013.csv"
        return (
            f"got a csv that starts with {start[:60]!r}, expected the columns emotion, pixels and "
            f"Usage alone; {advice}"
        )
    return f"got a file that starts with {start[:40]!r}, expected {_FORMS}; pass the path of one"


def _load_folder(path, subset, bad):
    def read(name):
        return read_file(os.path.join(path, name))

    return _load_images(path, list_folder(path), read, subset, bad)


def _load_zip(path, subset, bad):
    try:
        archive = zipfile.ZipFile(path)
    except Exception as error:  # zipfile raises all sorts for damaged files
        raise ValueError(
            f"{path}: got a damaged zip ({error}), expected a whole one; fetch the file again"
        ) from error
    with archive:
        _check_zip(archive, path)
        names = [name for name in archive.namelist() if is_visible(name) and not name.endswith("/")]
        root = find_root(names, path)
        members = {name: archive.getinfo(name) for name in names if name.startswith(root or "")}
        methods = {info.compress_type for info in members.values()} - READABLE
        if methods:
            raise ValueError(
                f"{path}: got a zip of compression method {methods.pop()}, expected stored or "
                "deflated entries; unzip it and pass the path of what it holds"
            )
        if root is None:
            return _load_zipped_csv(archive, names, path, subset, bad)
    with open_members(path, members) as read_member:
        # Names are those of the extracted folder, whether or not another one encloses it.
        names = [name.removeprefix(root) for name in members]
        names = [name for name in names if name.startswith(tuple(f"{s}/" for s in SPLITS))]
        return _load_images(path, names, lambda name: read_member(root + name), subset, bad)


def _check_zip(archive, path):
    """Refuse a zip that nobody should unzip, or that we cannot."""
    seen = set()
    for info in archive.infolist():
        name = info.filename
        if name.startswith("/") or ".." in name.split("/"):
            raise ValueError(
                f"{path}: got a zip whose entry {name[:200]!r} leads out of it, expected names "
                "within it; do not unzip it, and fetch the data set from a source that you trust"
            )
        if name in seen:
            raise ValueError(
                f"{path}: got a zip with two entries {name[:200]!r}, expected each name once; "
                "fetch the file again"
            )
        if info.flag_bits & 1:
            raise ValueError(
                f"{path}: got an encrypted zip, expected one without a password; unzip it and pass "
                "the path of the folder"
            )
        seen.add(name)


def _load_images(path, names, read, subset, bad):
    samples = index_samples(names, path, bad)
    _check_subset(subset, {sample.usage for sample in samples}, path, bad)
    samples = [sample for sample in samples if sample.usage in SUBSETS[subset]]
    images, is_good = decode_images(read, samples, path, bad)
    samples = list(compress(samples, is_good))
    return _bunch(
        images,
        target=[sample.label for sample in samples],
        usage=[sample.usage for sample in samples],
        filenames=np.array([sample.name for sample in samples], dtype=np.str_),
        skipped=bad.skipped,
    )


def _load_zipped_csv(archive, names, path, subset, bad):
    headers = {name: _first_line_of_member(archive, name) for name in names}
    found = [name for name, header in headers.items() if find_columns(header)]
    if len(names) == 1 and not found:
        start = headers[names[0]]
        if start.startswith(b"PK"):
            explanation = f"got a zip within a zip, expected {_FORMS}; unzip the outer one"
        else:
            explanation = _explain_header(start)
        raise ValueError(f"{path}/{shorten(names[0])}: {explanation}")
    if len(found) != 1:
        held = shorten(", ".join((found or names)[:5])) or "nothing"
        raise ValueError(
            f"{path}: got a zip with {held}, expected train/ and test/, or one readable csv with "
            "the header emotion,pixels,Usage; unzip it and pass the path of what to load"
        )
    size, place = archive.getinfo(found[0]).file_size, f"{path}/{shorten(found[0])}"
    if size > MAX_SIZE:
        raise ValueError(
            f"{place}: got a csv of {size:,} bytes, expected FER2013's 301 million; "
            "fetch the file again"
        )
    with io.BufferedReader(archive.open(found[0])) as stream:
        return _load_rows(stream, place, subset, bad)


def _first_line_of_member(archive, name):
    try:
        with archive.open(name) as stream:
            return stream.readline(HEADER_SIZE)
    except (RuntimeError, *DAMAGE):  # RuntimeError: an unknown compression
        return b""


def _load_csv(path, subset, bad):
    with open_csv(path) as stream:
        return _load_rows(stream, path, subset, bad)


def _load_rows(stream, path, subset, bad):
    table = read_csv(stream, path, SUBSETS[subset], bad)
    _check_subset(subset, table.found, path, bad)
    return _bunch(
        table.images,
        target=table.labels,
        usage=table.usages,
        row_numbers=np.array(table.row_numbers, dtype=np.int64),
        skipped=bad.skipped,
    )


def _check_subset(subset, found, path, bad):
    missing = [usage for usage in SUBSETS[subset] if usage not in found]
    if missing and bad.skipped:  # the images left out may be the missing ones
        raise ValueError(
            f"{path}: got no {' or '.join(missing)} images but {bad.count()}, expected some good "
            f"ones; mend the data set. The first bad one: {bad.skipped[0][1]}"
        )
    if not found:
        raise ValueError(f"{path}: got no images, expected FER2013's; fetch the data set again")
    if missing:
        complete = [repr(name) for name, usages in SUBSETS.items() if found.issuperset(usages)]
        raise ValueError(
            f"{path}: got no {' or '.join(missing)} images, expected them for subset={subset!r}; "
            f"ask for subset={' or '.join(complete)}, or fetch the whole data set"
        )


def _check_classes(faces, usages, path, on_error):
    """Refuse, or warn of, a part of the data set that lacks a class."""
    for usage in usages:
        present = set(faces.target[faces.usage == usage])
        missing = [name for label, name in enumerate(EMOTIONS) if label not in present]
        if missing:
            message = (
                f"{path}: got no {', '.join(missing)} in {usage}, expected images of all seven "
                "classes; fetch the data set again, or pass on_error='skip' to go without"
            )
            if on_error == "raise" or not present:
                raise ValueError(message)
            warn_user(message)


def _bunch(images, *, target, usage, **where):
    return Bunch(
        data=images.reshape(len(images), SIDE * SIDE),
        images=images,
        target=np.array(target, dtype=np.int64),
        target_names=list(EMOTIONS),
        usage=np.array(usage, dtype=np.str_),
        **where,
        DESCR=_DESCR,
    )
