"""Images in one folder per class."""

from __future__ import annotations

from typing import Literal, overload

from sklearn.utils import Bunch

from .._emotion_names import find_emotion
from .._labels import EMOTIONS
from .._messages import shorten, warn_user
from .._paths import as_path
from .._typing import ImagesAndTarget, OnError, StrPath
from ._any_images import (
    LabelledFile,
    check_options,
    list_class_folders,
    list_files,
    read_bunch,
)
from ._bad_samples import BadSamples, permission_explained

_DESCR = """\
Images in one folder per class
------------------------------
:Folder: {path}
:Samples: {n_samples}
:Levels: uint8, 0 (black) to 255 (white)
:Classes: {classes}
"""


@overload
def load_image_folder(
    path: StrPath,
    *,
    image_size: int | tuple[int, int] | None = ...,
    gray: bool = ...,
    memmap: StrPath | None = ...,
    on_error: OnError = ...,
    return_X_y: Literal[False] = ...,
) -> Bunch: ...


@overload
def load_image_folder(
    path: StrPath,
    *,
    image_size: int | tuple[int, int] | None = ...,
    gray: bool = ...,
    memmap: StrPath | None = ...,
    on_error: OnError = ...,
    return_X_y: Literal[True],
) -> ImagesAndTarget: ...


def load_image_folder(
    path: StrPath,
    *,
    image_size: int | tuple[int, int] | None = None,
    gray: bool = True,
    memmap: StrPath | None = None,
    on_error: OnError = "raise",
    return_X_y: bool = False,
) -> Bunch | ImagesAndTarget:
    """Load a data set that has one folder of image files per class.

    Files are ``<path>/<class>/<name>``, of any name, in any of the formats JPEG, PNG, BMP, GIF,
    PPM, TIFF and WebP. They are decoded, turned upright as an EXIF orientation before the
    pixels says, grayed and resized one by one, so that memory is that of the result.

    Parameters
    ----------
    path : str or path-like
        The folder that holds the class folders. Hidden files, and files beside the class folders,
        are ignored.
    image_size : int, tuple (height, width) or None, default=None
        Pixels to resize to, by antialiased bicubic interpolation; the aspect ratio is not kept.
        JPEG files far larger than that are decoded at a coarser scale, at least twice
        `image_size`; images of which more than 33 million pixels would have to be decoded are
        refused. None demands that all files have the size of the first.
    gray : bool, default=True
        Whether to make grey levels (ITU-R 601 luma) of colours, or RGB of everything.
    memmap : str, path-like or None, default=None
        Where to write the images, a new ``.npy`` file; they come back as a read-only memory map,
        so that hundreds of thousands take constant memory. The file appears when it is complete.
        One that exists is neither reused nor replaced: that is an error.
    on_error : {"raise", "skip"}, default="raise"
        What to do about a file that is not an image (of the common size, if `image_size` is
        None): raise, or leave it out, warn once, and list all that were left out in `skipped`.
    return_X_y : bool, default=False
        Return ``(images, target)`` instead of a Bunch.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With the following attributes, by class folder in alphabetical order, then by file name;
        so shuffle before splitting.

        images : ndarray of shape (n_samples, height, width) or (n_samples, height, width, 3), \
dtype uint8
            Levels, 0 to 255.
        data : ndarray of shape (n_samples, n_values), dtype uint8
            The same memory, one image a row; a classifier's `image_shape` says how to read it.
        target : ndarray of shape (n_samples,), dtype int64
            Positions in `target_names`, so of a folder with other classes they mean others: train
            on names, ``np.array(target_names)[target]``.
        target_names : list of str
            ``ferkit.EMOTIONS``, all seven, if each folder has the name of one of them; else the
            folders' names in alphabetical order. Folders are not renamed: "anger" and "Angry"
            are not "angry".
        filenames : ndarray of shape (n_samples,), dtype str
            Paths from `path`.
        skipped : list of tuple (str, str)
            What `on_error` left out: the file's name, and the reason.
        DESCR : str
            A description.

    (images, target) : tuple
        If `return_X_y` is true.

    Raises
    ------
    FileNotFoundError
        If there is nothing at `path`, or no folder for `memmap`.
    FileExistsError
        If there is a file at `memmap`.
    PermissionError
        If a folder may not be read.
    ValueError
        If `path` has no class folders. Unless `on_error` is "skip", also if a file is not such an
        image, or a class folder is empty.

    Warns
    -----
    UserWarning
        If files were left out or a class folder is empty; if the folders' names mean FER2013's
        emotions but are spelt otherwise, for then labels are not ``ferkit.EMOTIONS``'; or if
        there are seven other classes, whose integers everything would read as these emotions
        (who trains on names may filter this one).

    See Also
    --------
    load_fer2013 : FER2013, also as a zip or csv.
    load_affectnet : AffectNet, in several layouts.

    Examples
    --------
    >>> import numpy as np
    >>> from ferkit.datasets import load_image_folder
    >>> faces = load_image_folder("RAF-DB/train", image_size=48)  # doctest: +SKIP
    >>> X = faces.images  # doctest: +SKIP
    >>> y = np.array(faces.target_names)[faces.target]  # doctest: +SKIP
    """
    image_size = check_options(image_size, memmap, on_error)
    path, bad = as_path(path), BadSamples(on_error)
    with permission_explained():
        samples, classes = _index(path, on_error)
        bunch = read_bunch(
            samples,
            path,
            bad,
            image_size=image_size,
            gray=gray,
            memmap=memmap,
            target_names=classes,
            desc=path.name,
        )
    bad.warn(path)
    if return_X_y:
        return bunch.images, bunch.target
    bunch.DESCR = _DESCR.format(path=path, n_samples=len(bunch.target), classes=", ".join(classes))
    return bunch


def _index(path, on_error):
    """List the samples, and the classes in the order of their labels."""
    folders = list_class_folders(path)
    if not folders:
        raise ValueError(
            f"{path}: got no class folders, expected one folder of images per class; pass the "
            "path of the folder that holds them"
        )
    names = {folder: list_files(path, folder) for folder in folders}
    if not any(names.values()):
        raise ValueError(
            f"{path}: got empty class folders, expected images in them; put some there, or "
            "fetch the data set again"
        )
    entries = [name for folder in folders for name in names[folder]]
    if all((path / name).is_dir() for name in entries):  # fast, as it ends at the first file
        advice = f"if {shorten(folders[0])} is a part of the data set, pass its path"
        if any(map(find_emotion, folders)):
            advice = "move these up, or list them with pathlib.Path.rglob and read one by one"
        raise ValueError(
            f"{path}: got folders in the class folders, such as {shorten(entries[0])}, expected "
            f"images; {advice}"
        )
    for folder in folders:
        if not names[folder]:
            _tell_of_empty(path / folder, on_error)
    classes = _order(folders, path)
    samples = [LabelledFile(name, classes.index(f)) for f in folders for name in names[f]]
    return samples, classes


def _order(folders, path):
    """Order classes as their labels are."""
    names = shorten(", ".join(folders))
    if set(folders) <= set(EMOTIONS):
        return list(EMOTIONS)
    emotions = [find_emotion(folder) for folder in folders]
    if all(folder.isdecimal() for folder in folders):
        warn_user(
            f"{path}: got the classes {names}, labelled 0, 1, ... in this order, "
            "expected names; the labels are neither these numbers nor positions in "
            "ferkit.EMOTIONS, so rename the folders to what the numbers mean"
        )
    elif None not in emotions:
        warn_user(
            f"{path}: got the classes {names}, labelled 0, 1, ... in this order, "
            "expected the names in ferkit.EMOTIONS, to be labelled as there; rename the folders "
            f"to {', '.join(emotions)} for that"
        )
    elif len(folders) == len(EMOTIONS):
        warn_user(
            f"{path}: got the classes {names}, labelled 0 to 6 in this order, expected those in "
            "ferkit.EMOTIONS, which 0 to 6 mean in reports, predictions and weights; train on "
            "names, np.array(data.target_names)[data.target]"
        )
    return folders


def _tell_of_empty(folder, on_error):
    message = (
        f"{shorten(str(folder))}: got no files, expected images of the class; remove the "
        "folder or fetch the data set again, or pass on_error='skip' to go without"
    )
    if on_error == "raise":
        raise ValueError(message)
    warn_user(message)
