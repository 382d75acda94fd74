"""FER2013 as image files, in a folder or a zip: finding them, what their names say, decoding."""

import io
import os
import re
from functools import partial
from typing import NamedTuple

import numpy as np

from .._labels import EMOTIONS
from .._messages import shorten
from ._image_files import (
    MODES,
    UnfitFileError,
    decode_file,
    decode_gray_jpeg,
    decode_in_order,
    is_visible,
    unfit_if_damaged,
)

SIDE = 48  # pixels: the height and the width of FER2013's images
SPLITS = ("train", "test")

_USAGES = {"Training": "train", "PublicTest": "test", "PrivateTest": "test"}
_KIND = f"a gray JPEG or PNG of {SIDE} x {SIDE} pixels"
_LABELS = {emotion: label for label, emotion in enumerate(EMOTIONS)}
_NAME = re.compile(
    r"(train|test)/([^/]+)/(Training|PublicTest|PrivateTest)_(\d{1,18})\.(?i:jpe?g|png)", re.ASCII
)


class FER2013Sample(NamedTuple):
    """What the name of an image says."""

    usage: str
    emotion: str
    number: int
    name: str

    @property
    def label(self):
        return _LABELS[self.emotion]


def list_folder(path):
    """List the files of an image folder, as names such as ``train/angry/Training_1.jpg``."""
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
    """Find the folder that holds ``train`` and ``test`` within a zip, by its files' names.

    "" or a name with a trailing slash; None if this is not a zip of images. ValueError if several
    folders could be meant. `path` is for the message.
    """
    roots = set()
    for name in names:
        first, *rest = name.split("/", 2)
        if rest and first in SPLITS:
            return ""
        if len(rest) == 2 and rest[0] in SPLITS:
            roots.add(first + "/")
    if len(roots) > 1:
        held = shorten(", ".join(sorted(roots)))
        raise ValueError(
            f"{path}: got several folders with images, {held}, expected one data set; unzip it "
            "and pass the path of one"
        )
    return roots.pop() if roots else None


def index_samples(names, path, bad):
    """Read usage, label and order from names such as ``train/angry/Training_1.jpg``.

    The samples come by usage, class folder and id. `bad` is told of names of another form. `path`
    is for messages.
    """
    samples, misnamed = {usage: [] for usage in _USAGES}, []
    for name in names:
        match = _NAME.fullmatch(name)
        if match and match[2] in _LABELS and _USAGES[match[3]] == match[1]:
            sample = FER2013Sample(match[3], match[2], int(match[4]), name)
            samples[sample.usage].append(sample)
        else:
            misnamed.append(name)
    for name in sorted(misnamed):
        bad.add(name, ValueError(f"{path}/{name}: {_explain_name(name)}"))
    # Sorted by class before id, as some ids of the real set occur in two classes.
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


def decode_images(read, samples, path, bad):
    """Decode images of FER2013; return those that are good, and which samples they are of.

    Images are uint8 of shape (n_good, 48, 48), the second a bool for each sample. `read` takes a
    name and returns bytes, or raises OSError or ValueError; several threads call it. `bad` is told
    of files that are not gray images of this size. `path` is for messages.
    """
    decode = partial(_decode_sample, read=read, path=path)
    levels = bytearray()  # grows in place
    is_good = decode_in_order(
        decode, samples, bad, levels.extend, image_size=SIDE * SIDE, desc="FER2013"
    )
    return np.frombuffer(levels, np.uint8).reshape(-1, SIDE, SIDE), is_good


def _decode_sample(sample, *, read, path):
    return decode_file(_decode, read, sample.name, path, _KIND)


def _decode(content):
    """Decode a file to its grey levels, as bytes."""
    levels = decode_gray_jpeg(content, (SIDE, SIDE))
    if levels is not None:
        return levels
    from PIL import Image

    with (
        unfit_if_damaged(content),
        Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as image,
    ):
        _check_kind(image)
        return np.asarray(image).reshape(SIDE, SIDE, -1)[..., 0].tobytes()


def _check_kind(image):
    # The size is checked before decoding, as a small file can hold a huge image.
    if image.size != (SIDE, SIDE):
        raise UnfitFileError(f"an image of {image.width} x {image.height} pixels")
    if getattr(image, "is_animated", False):
        raise UnfitFileError("an animation")
    if "transparency" in image.info:
        raise UnfitFileError("an image with alpha")
    if image.mode == "RGB":
        levels = np.asarray(image)
        if (levels != levels[..., :1]).any():
            raise UnfitFileError("a colour image")
    elif image.mode != "L":
        raise UnfitFileError(MODES.get(image.mode, f"a {image.mode} image"))
