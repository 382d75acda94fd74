"""FER2013 from Kaggle."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections import Counter
from typing import Literal, overload

from sklearn.utils import Bunch

from .._extras import import_extra
from .._labels import EMOTIONS
from .._messages import warn_user
from .._paths import as_path
from .._typing import ImagesAndTarget, OnError, StrPath, Subset
from ._bad_samples import BadSamples
from ._fer2013 import check_choices, load_fer2013
from ._fer2013_images import index_samples, list_folder

_HANDLE = "msambare/fer2013"
_URL = f"https://www.kaggle.com/datasets/{_HANDLE}"

# Images a class, in the order of EMOTIONS.
_COUNTS = {
    "Training": (3995, 436, 4097, 7215, 4830, 3171, 4965),
    "PublicTest": (467, 56, 496, 895, 653, 415, 607),
    "PrivateTest": (491, 55, 528, 879, 594, 416, 626),
}

# What `_digest` makes of the decoded levels of PublicTest.
_PUBLIC_TEST = "07827f3f364f55044f8de36e08900e3d3b45dfada651fe6cdd796697cd74e83e"


@overload
def fetch_fer2013(
    *,
    data_home: StrPath | None = ...,
    subset: Subset = ...,
    on_error: OnError = ...,
    return_X_y: Literal[False] = ...,
) -> Bunch: ...


@overload
def fetch_fer2013(
    *,
    data_home: StrPath | None = ...,
    subset: Subset = ...,
    on_error: OnError = ...,
    return_X_y: Literal[True],
) -> ImagesAndTarget: ...


def fetch_fer2013(
    *,
    data_home: StrPath | None = None,
    subset: Subset = "train",
    on_error: OnError = "raise",
    return_X_y: bool = False,
) -> Bunch | ImagesAndTarget:
    """Load FER2013, fetching it from Kaggle the first time.

    The edition is msambare/fer2013, an image folder of about 60 MB, fetched by kagglehub
    (``pip install "ferkit[fetch]"``). Once it is there, nothing touches the network.

    Parameters
    ----------
    data_home : str, path-like or None, default=None
        The folder to keep it in, as ``<data_home>/fer2013``; None means ``~/.cache/ferkit``.
    subset : {"train", "public_test", "private_test", "test", "all"}, default="train"
        Which images to load, as in `load_fer2013`.
    on_error : {"raise", "skip"}, default="raise"
        What to do about a bad file, as in `load_fer2013`.
    return_X_y : bool, default=False
        Return ``(images, target)`` instead of a Bunch.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        What `load_fer2013` returns for an image folder.

    (images, target) : tuple
        If `return_X_y` is true.

    Raises
    ------
    ImportError
        If it is to be fetched, and kagglehub is not installed.
    ConnectionError
        If it cannot be fetched: offline, or Kaggle wants credentials. The message says what came,
        and how to go without.
    ValueError
        If the folder holds another number of images of a class and usage than FER2013 has, or as
        `load_fer2013` raises it.

    Warns
    -----
    UserWarning
        If the levels of the public test set are others than expected: another edition, or
        another JPEG decoder. They are looked at when it is fetched.

    See Also
    --------
    load_fer2013 : The same from a folder, zip or csv that you have.

    Examples
    --------
    >>> from ferkit.datasets import fetch_fer2013
    >>> X, y = fetch_fer2013(return_X_y=True)  # doctest: +SKIP
    """
    check_choices(subset, on_error)  # a wrong argument should not cost a download
    home = as_path("~/.cache/ferkit" if data_home is None else data_home)
    path = home / "fer2013"
    is_new = not path.exists()
    if is_new:
        _download(path)
    _check_counts(path)
    if is_new:
        _check_levels(path)
    faces = load_fer2013(path, subset=subset, on_error=on_error)
    return (faces.images, faces.target) if return_X_y else faces


def _download(path):
    """Bring the data set to a path, whole or not at all."""
    by_hand = f"get {_URL} by hand and use load_fer2013"
    cure = f'install it with pip install "ferkit[fetch]", or {by_hand}'
    kagglehub = import_extra("kagglehub", "fetching FER2013", cure)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix="fetching-") as folder:
        try:
            fetched = kagglehub.dataset_download(_HANDLE, output_dir=os.path.join(folder, "new"))
        except TypeError:  # a release of kagglehub that takes other arguments; the network is fine
            raise
        except Exception as error:  # requests, kagglehub and the system raise all sorts
            raise ConnectionError(
                f"got {type(error).__name__} from Kaggle ({error}), expected the data set "
                f"{_HANDLE}; check the connection, and log in with kagglehub.login() if it asks "
                f"for that, or {by_hand}"
            ) from error
        os.replace(fetched, path)


def _check_counts(path):
    # Bad names are passed over here, as load_fer2013 reports them.
    samples = index_samples(list_folder(path), path, BadSamples("skip"))
    found = Counter((sample.usage, sample.label) for sample in samples)
    for usage, counts in _COUNTS.items():
        for label, (name, count) in enumerate(zip(EMOTIONS, counts, strict=True)):
            if found[usage, label] != count:
                raise ValueError(
                    f"{path}: got {found[usage, label]} images of {name} in {usage}, expected "
                    f"{count}; remove the folder and fetch it again, or use load_fer2013 to load "
                    "it as it is"
                )


def _check_levels(path):
    images, target = load_fer2013(path, subset="public_test", return_X_y=True)
    digest = _digest(images, target)
    if digest != _PUBLIC_TEST:
        warn_user(
            f"{path}: got PublicTest with the SHA-256 {digest[:12]}..., expected "
            f"{_PUBLIC_TEST[:12]}...; the data set or Pillow's JPEG decoder is another, so figures "
            "may differ from those of others"
        )


def _digest(images, target):
    """Hash images and labels, whatever their order."""
    rows = sorted(
        bytes([label]) + image.tobytes() for image, label in zip(images, target, strict=True)
    )
    return hashlib.sha256(b"".join(rows)).hexdigest()
