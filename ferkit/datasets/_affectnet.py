"""AffectNet, with FER2013's labels."""

from __future__ import annotations

from collections import Counter
from typing import Literal, overload

from sklearn.utils import Bunch

from .._labels import EMOTIONS
from .._paths import as_path
from .._typing import ImagesAndTarget, OnError, StrPath
from ._affectnet_layouts import CODES, SPLITS, locate
from ._any_images import LabelledFile, check_options, read_bunch
from ._bad_samples import BadSamples, permission_explained

_DESCR = """\
AffectNet: facial expressions in the wild
-----------------------------------------
Faces found by web search and labelled by hand (Mollahosseini, Hasani and Mahoor, 2017).

:Samples: {n_samples} of {subset}; left out by label: {dropped}
:Levels: uint8, 0 (black) to 255 (white)
:Classes: 0 angry, 1 disgust, 2 fear, 3 happy, 4 sad, 5 surprise, 6 neutral

The training set is far from balanced (almost a half is happy), the validation set has 500 images
a class. AffectNet is for research, by agreement with its authors.
"""


@overload
def load_affectnet(
    path: StrPath,
    *,
    subset: Literal["train", "val", "test"] = ...,
    contempt: str = ...,
    image_size: int | tuple[int, int] = ...,
    gray: bool = ...,
    memmap: StrPath | None = ...,
    on_error: OnError = ...,
    return_X_y: Literal[False] = ...,
) -> Bunch: ...


@overload
def load_affectnet(
    path: StrPath,
    *,
    subset: Literal["train", "val", "test"] = ...,
    contempt: str = ...,
    image_size: int | tuple[int, int] = ...,
    gray: bool = ...,
    memmap: StrPath | None = ...,
    on_error: OnError = ...,
    return_X_y: Literal[True],
) -> ImagesAndTarget: ...


def load_affectnet(
    path: StrPath,
    *,
    subset: Literal["train", "val", "test"] = "train",
    contempt: str = "drop",
    image_size: int | tuple[int, int] = 48,
    gray: bool = True,
    memmap: StrPath | None = None,
    on_error: OnError = "raise",
    return_X_y: bool = False,
) -> Bunch | ImagesAndTarget:
    """Load AffectNet's [1]_ seven emotions from disk, with FER2013's labels.

    The layout is recognised by the names of folders and files. They are given for "train"; those
    of "val" have val or validation instead, and folders may be in any case:

    - ``train/<class>/*`` or ``train_class/<class>/*``, where a class is a name ("anger", "Angry",
      "happiness", ...), AffectNet's code (0 neutral, 1 happy, 2 sad, 3 surprise, 4 fear,
      5 disgust, 6 anger, 7 contempt, 8 none, 9 uncertain, 10 no-face), or class001 (neutral)
      to class008 (contempt). Kaggle's mstjebashazida/affectnet (``Train`` and ``Test``) is one of
      these. Editions whose folders are numbered in alphabetical order look the same: rename such
      folders first;
    - ``<class>/*`` alone, which is all "train": Kaggle's noamsegal/affectnet-training-data. Its
      labels.csv, which holds guesses of a network, is not read;
    - ``training.csv`` with the columns ``subDirectory_filePath``, ``expression`` and, if faces are
      to be cut out, ``face_x``, ``face_y``, ``face_width`` and ``face_height``, next to the images
      or their folder ``Manually_Annotated_Images``: the release of 2017, with 8 or 11 codes. A csv
      without a header has its nine columns in their order;
    - ``train_set/images/<id>.jpg`` with ``train_set/annotations/<id>_exp.npy``: the release of
      2021.

    Parameters
    ----------
    path : str or path-like
        The folder that holds one of these, or a folder that holds exactly one such folder.
    subset : {"train", "val", "test"}, default="train"
        Which part. The authors keep their test set; some editions have one of their own.
    contempt : str, default="drop"
        What to do with contempt, which FER2013 lacks: "drop" it, or one of ``ferkit.EMOTIONS`` to
        count it as that.
    image_size : int or tuple (height, width), default=48
        Pixels to resize to, by antialiased bicubic interpolation; the aspect ratio is not kept.
        JPEG files far larger than that are decoded at a coarser scale, at least twice
        `image_size`; images of which more than 33 million pixels would have to be decoded are
        refused.
    gray : bool, default=True
        Whether to make grey levels (ITU-R 601 luma) of colours, or RGB of everything.
    memmap : str, path-like or None, default=None
        Where to write the images, a new ``.npy`` file; they come back as a read-only memory map,
        so that hundreds of thousands take constant memory. The file appears when it is complete.
        One that exists is neither reused nor replaced: that is an error.
    on_error : {"raise", "skip"}, default="raise"
        What to do about a file that is not an image, a class folder of another name, or a label
        or face box that cannot be: raise, or leave it out, warn once, and list all that were left
        out in `skipped`.
    return_X_y : bool, default=False
        Return ``(images, target)`` instead of a Bunch.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With the following attributes; by class folder in alphabetical order and then by file
        name, or by file name, or as in the csv. Either way, shuffle before splitting.

        images : ndarray of shape (n_samples, height, width) or (n_samples, height, width, 3), \
dtype uint8
            Levels, 0 to 255.
        data : ndarray of shape (n_samples, n_values), dtype uint8
            The same memory, one image a row.
        target : ndarray of shape (n_samples,), dtype int64
            Positions in `target_names`.
        target_names : list of str
            ``ferkit.EMOTIONS``.
        filenames : ndarray of shape (n_samples,), dtype str
            Paths from the folder of the class folders, or of the images.
        dropped : dict of str to int
            How many images have a label that is none of the seven emotions, by label: contempt,
            none, uncertain, no-face.
        skipped : list of tuple (str or int, str)
            What `on_error` left out: the name of the file or folder, or the number of the line,
            and the reason.
        DESCR : str
            A description of the data set.

    (images, target) : tuple
        If `return_X_y` is true.

    Raises
    ------
    FileNotFoundError
        If there is nothing at `path`, no image of a csv, or no folder for `memmap`.
    FileExistsError
        If there is a file at `memmap`.
    PermissionError
        If a folder may not be read.
    ValueError
        If `path` holds none of the layouts or several, lacks the subset, or its csv is damaged.
        Unless `on_error` is "skip", also if a file, label or box is bad.

    Warns
    -----
    UserWarning
        If something bad was left out; not of what is in `dropped`.

    References
    ----------
    .. [1] A. Mollahosseini, B. Hasani and M. H. Mahoor (2017). "AffectNet: A database for facial
       expression, valence, and arousal computing in the wild." IEEE Transactions on Affective
       Computing 10(1), 18-31.

    Examples
    --------
    >>> from ferkit.datasets import load_affectnet
    >>> faces = load_affectnet("AffectNet", memmap="affectnet.npy")  # doctest: +SKIP
    >>> faces.dropped  # doctest: +SKIP
    {'contempt': 3750}
    """
    image_size = _check_parameters(subset, contempt, image_size, memmap, on_error)
    path, bad = as_path(path), BadSamples(on_error)
    with permission_explained():
        place, index = locate(path, subset)
        root, labelled = index(place, bad)
        samples, dropped = _drop(labelled, contempt)
        if not samples:
            raise ValueError(
                f"{root}: got no image of the seven emotions, expected AffectNet's; fetch the data "
                f"set again{_first_of(bad)}"
            )
        bunch = read_bunch(
            samples,
            root,
            bad,
            image_size=image_size,
            gray=gray,
            memmap=memmap,
            target_names=list(EMOTIONS),
            desc="AffectNet",
        )
    bad.warn(path)
    if return_X_y:
        return bunch.images, bunch.target
    left_out = ", ".join(f"{count} {name}" for name, count in dropped.items()) or "none"
    bunch.dropped = dropped
    bunch.DESCR = _DESCR.format(n_samples=len(bunch.target), subset=subset, dropped=left_out)
    return bunch


def _check_parameters(subset, contempt, image_size, memmap, on_error):
    if subset not in list(SPLITS):  # a list, as an unhashable subset cannot be looked up in a dict
        raise ValueError(f"got subset={subset!r}, expected 'train', 'val' or 'test'; choose one")
    if contempt not in ["drop", *EMOTIONS]:
        raise ValueError(
            f"got contempt={contempt!r}, expected 'drop' or one of {', '.join(EMOTIONS)}; choose "
            "one"
        )
    if image_size is None:
        raise ValueError(
            "got image_size=None, expected a number of pixels or (height, width), as AffectNet's "
            "images have many sizes; pass 48 for FER2013's"
        )
    return check_options(image_size, memmap, on_error)


def _drop(labelled, contempt):
    """Make samples of (name, class, box); count what is none of the seven emotions."""
    labels = {emotion: label for label, emotion in enumerate(EMOTIONS)}
    if contempt != "drop":
        labels["contempt"] = labels[contempt]
    samples = [LabelledFile(name, labels[c], box) for name, c, box in labelled if c in labels]
    counts = Counter(c for _, c, _ in labelled if c not in labels)
    return samples, {name: counts[name] for name in CODES if name in counts}


def _first_of(bad):
    return f". The first bad sample: {bad.skipped[0][1]}" if bad.skipped else ""
