"""Photos, from files and arrays."""

from __future__ import annotations

import io
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .._locks import warning_filter
from .._paths import as_path
from .._typing import StrPath
from ..datasets._any_images import draft, find_turn, turned
from ..datasets._image_files import (
    UnfitFileError,
    has_good_exif,
    read_file,
    unfit_if_damaged,
    without_pillow_warnings,
)

if TYPE_CHECKING:
    from PIL import Image

_MAX_SIZE = 2**29  # bytes of a file: more than Pillow's limit of pixels needs
_BAND = 2**22  # pixels that are converted at once, if the photo has more than four times as many
_FORMATS = ("JPEG", "PNG", "BMP", "GIF", "PPM", "TIFF", "WEBP")
_ENDINGS = "jpg", "jpeg", "jfif", "png", "bmp", "gif", "ppm", "pgm", "pbm", "tif", "tiff", "webp"
SUFFIXES = frozenset(f".{ending}" for ending in _ENDINGS)
_GRAY_MODES = {"1", "L", "LA"}
_COLOUR_MODES = {"P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV"}


def read_photo(photo: StrPath | Image.Image) -> NDArray[np.uint8]:
    """Read a photo as levels, upright.

    It is turned and mirrored as its EXIF orientation says. Levels of 16 bits are divided by 257,
    so that 65535 is white; transparent pixels are laid on white. Of an animation or of several
    pages, the first image is read.

    Parameters
    ----------
    photo : str, os.PathLike or PIL.Image.Image
        The path of a JPEG, PNG, BMP, GIF, PPM, TIFF or WebP file; or an image that Pillow opened,
        which may be of any format and come from anywhere (``PIL.Image.open(io.BytesIO(content))``).

    Returns
    -------
    ndarray of shape (height, width) or (height, width, 3), dtype uint8
        Gray or RGB levels.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    TypeError
        If it is something else.
    ValueError
        If it is a folder, not an image of these formats, damaged, of floats, has more pixels
        than ``PIL.Image.MAX_IMAGE_PIXELS``, which a small file can pretend to have, or is a JPEG of
        more than 100 scans, each of which takes the time of all pixels.

    Examples
    --------
    >>> from PIL import Image
    >>> from ferkit.deploy import read_photo
    >>> read_photo(Image.new("RGBA", (640, 480))).shape
    (480, 640, 3)
    """
    from PIL import Image, ImageOps

    if not isinstance(photo, (str, os.PathLike, Image.Image)):
        raise TypeError(
            f"got a photo of type {type(photo).__name__}, expected a path or a PIL image (an array "
            "goes to predict_photo as it is); open bytes with PIL.Image.open(io.BytesIO(content)), "
            "lists with predict_files; None is what OpenCV gives where it cannot read"
        )
    if isinstance(photo, Image.Image):
        with _explained("the photo"), unfit_if_damaged(b""):
            return _to_levels(ImageOps.exif_transpose(photo))
    with _opened(photo) as image:
        image.load()  # looking for EXIF does so with PNGs, and hides that one is damaged
        if has_good_exif(image):
            ImageOps.exif_transpose(image, in_place=True)
        return _to_levels(image)


def read_crop(path, size, margin, gray):
    """Read a face that was cut out already, at a size; the aspect ratio is not kept.

    It is what `load_image_folder` makes of it, to the bit; what that refuses but `read_photo` reads
    is read, too. `size` is (height, width), and `margin`, 0 or less, what is cut off at each side,
    as a part of it. Returns the face, uint8 of shape (height, width) or (height, width, 3), and
    width and height of the upright image. Raises as `read_photo` does.
    """
    from PIL import Image

    with _opened(path) as image:
        turn = find_turn(image)
        height, width = turned((image.height, image.width), turn)
        shape = turned(size, turn)
        draft(image, shape, gray, _inner_box(image, margin))
        levels = _to_levels(image)
    face = Image.fromarray(levels).convert("L" if gray else "RGB")
    face = face.resize(shape[::-1], Image.Resampling.BICUBIC, _inner_box(face, margin))
    if turn is not None:
        face = face.transpose(Image.Transpose[turn])
    return np.asarray(face), (width, height)


def _inner_box(image, margin):
    left, upper = -margin * image.width, -margin * image.height
    return left, upper, image.width - left, image.height - upper


@contextmanager
def _opened(path):
    with _explained(path):
        content = read_file(as_path(path), _MAX_SIZE)
        with without_pillow_warnings(), unfit_if_damaged(content), _open(content) as image:
            yield image


@contextmanager
def _explained(name):
    """Say what is wrong with a file or an image."""
    try:
        yield
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{name}: got no such file, expected a photo; check the path"
        ) from error
    except UnfitFileError as error:
        raise ValueError(
            f"{name}: got {error}, expected a JPEG, PNG, BMP, GIF, "
            "PPM, TIFF or WebP photo; convert, shrink or replace it (predict_files takes folders "
            "and lists)"
        ) from error


def _open(content):
    from PIL import Image

    with warning_filter("error", category=Image.DecompressionBombWarning):
        try:
            return Image.open(io.BytesIO(content), formats=_FORMATS)
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise UnfitFileError(
                f"more than PIL.Image.MAX_IMAGE_PIXELS, {Image.MAX_IMAGE_PIXELS:,} pixels"
            ) from error


def _to_levels(image):
    """Make an array of uint8 levels, gray or RGB, of a Pillow image."""
    is_deep = image.mode.startswith("I")
    if not is_deep and image.mode not in _GRAY_MODES | _COLOUR_MODES:
        raise UnfitFileError(f"an image of Pillow's mode {image.mode}")
    mode = "L" if is_deep or image.mode in _GRAY_MODES else "RGB"
    width, height = image.size
    if width * height <= 4 * _BAND:
        return _convert(image, mode)
    levels = np.empty((height, width) if mode == "L" else (height, width, 3), np.uint8)
    n_lines = max(1, _BAND // width)  # every step takes memory of its own
    for top in range(0, height, n_lines):
        band = image.crop((0, top, width, min(top + n_lines, height)))
        levels[top : top + n_lines] = _convert(band, mode)
    return levels


def _convert(image, mode):
    """Lay an image on white, and make levels of it."""
    if image.mode.startswith("I"):
        return _from_16_bits(np.asarray(image))
    if image.has_transparency_data:
        from PIL import Image

        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.array(image if image.mode == mode else image.convert(mode))


def _from_16_bits(levels):
    low, high = levels.min(), levels.max()
    if low < 0 or high > 65535:
        raise UnfitFileError(f"levels from {low} to {high}")
    return ((levels.astype(np.uint32) + 128) // 257).astype(np.uint8)


def check_photo(photo):
    """Look at a photo that came as an array of uint8 levels.

    It may have the shape (h, w), (h, w, 1), (h, w, 3) or (h, w, 4), and comes back as (h, w) or
    (h, w, 3); transparent pixels are laid on white. ValueError for another shape or dtype.
    """
    photo = np.asarray(photo)
    channels = photo.shape[2:]
    if photo.ndim not in (2, 3) or 0 in photo.shape or channels not in ((), (1,), (3,), (4,)):
        advice = "give one photo at a time, and crops to the estimator's predict_proba"
        if photo.ndim == 0:
            advice = "read files and PIL images with read_photo"
        elif photo.ndim == 3 and photo.shape[0] in (1, 3, 4):
            advice = "move its channels last, with photo.transpose(1, 2, 0)"
        raise ValueError(
            f"got a photo of shape {photo.shape}, expected (height, width) or (height, width, 3); "
            f"{advice}"
        )
    if photo.dtype != np.uint8:
        advice = "give levels as photo.astype(np.uint8)"
        if photo.dtype.kind == "f":
            advice = "of floats in [0, 1], give (photo * 255).round().astype(np.uint8)"
        elif photo.dtype.kind in "iu" and photo.max() > 255:
            advice = "of 16 bits, give (photo // 257).astype(np.uint8)"
        raise ValueError(f"got a photo of dtype {photo.dtype}, expected uint8 levels; {advice}")
    if channels == (1,):
        return photo[..., 0]
    if channels == (4,):
        from PIL import Image

        return _to_levels(Image.fromarray(np.ascontiguousarray(photo)))
    return photo
