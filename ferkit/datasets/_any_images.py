"""Image files of any kind and size, made gray and of one size as they are read."""

import io
import math
import os
from contextlib import contextmanager
from functools import partial
from itertools import compress
from typing import NamedTuple

import numpy as np
from sklearn.utils import Bunch

from .._images import check_size
from .._paths import as_path, whole_file
from ._bad_samples import check_on_error
from ._image_files import (
    MODES,
    UnfitFileError,
    decode_file,
    decode_gray_jpeg,
    decode_in_order,
    has_good_exif,
    is_visible,
    read_file,
    unfit_if_damaged,
    without_pillow_warnings,
)

_MAX_SIZE = 2**26  # bytes of a file, as it may be a photograph

# Pixels to decode at most: a file of a few kilobytes may claim any number. It may be less than a
# JPEG has, for large JPEGs are decoded at a coarser scale.
_MAX_PIXELS = 2**25

_FORMATS = ("JPEG", "PNG", "BMP", "GIF", "PPM", "TIFF", "WEBP")
_KIND = "a JPEG, PNG, BMP, GIF, PPM, TIFF or WebP image of 8 bits"
_PLAIN_MODES = {"1", "L", "P", "RGB", "CMYK", "YCbCr"}
_ALPHA_MODES = {"LA", "PA", "RGBA"}
_READ_ANYHOW = "make it 8 bits without transparency (as read_photo reads it), or remove it"

_ORIENTATION = 0x0112  # EXIF's tag, and what makes images upright that have it
_TURNS = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}


class LabelledFile(NamedTuple):
    """A labelled image file."""

    name: str
    label: int
    box: tuple | None = None  # (left, upper, right, lower) of the face, in pixels; None: all


def check_options(image_size, memmap, on_error):
    """Refuse bad options that the loaders share; give `image_size` as height and width, or None.

    ValueError for a bad size or `on_error`, FileExistsError if there is a file at `memmap`, and
    FileNotFoundError if there is no folder for it.
    """
    check_on_error(on_error)
    if memmap is not None and os.path.lexists(as_path(memmap)):
        raise FileExistsError(
            f"{memmap}: got an existing file, expected a new path for the images; remove the "
            "file, pass another memmap, or read what is in it with np.load(path, mmap_mode='r')"
        )
    if memmap is not None and not as_path(memmap).parent.is_dir():
        raise FileNotFoundError(
            f"{memmap}: got a path in a folder that does not exist, expected a new file in an "
            "existing folder; make the folder, or pass another memmap"
        )
    return None if image_size is None else check_size(image_size, "image_size")


def read_bunch(samples, path, bad, *, image_size, gray, memmap, target_names, desc):
    """Read the images of at least one LabelledFile; names start from the folder `path`.

    The Bunch has images, data, target, target_names (what labels are positions in), filenames and
    skipped. `image_size` is (height, width); None takes that of the first good file, and other
    sizes are bad. `memmap` is the .npy file to write; None keeps the images in memory. `desc`
    stands before the progress bar. ValueError if no image is left.
    """
    shape, other_size = image_size, None
    if shape is None:
        with without_pillow_warnings():
            shape, first = _find_shape(samples, path)
        other_size = (
            f"{shape[1]} x {shape[0]} pixels as in {first}",
            f"replace or remove it, pass image_size=48 or {shape} to resize all",
        )
    image_shape = shape if gray else (*shape, 3)
    decode = partial(_decode_sample, path=path, shape=shape, gray=gray, other_size=other_size)
    settings = {"image_size": math.prod(image_shape), "desc": desc}
    if memmap is None:
        levels = bytearray()  # grows in place
        is_good = _decode_all(decode, samples, path, bad, levels.extend, **settings)
        images = np.frombuffer(levels, np.uint8).reshape(-1, *image_shape)
    else:
        memmap = as_path(memmap)
        with _new_npy(memmap, image_shape) as write:
            is_good = _decode_all(decode, samples, path, bad, write, **settings)
        images = np.load(memmap, mmap_mode="r")
    good = list(compress(samples, is_good))
    return Bunch(
        images=images,
        data=images.reshape(len(images), math.prod(image_shape)),
        target=np.array([sample.label for sample in good], dtype=np.int64),
        target_names=target_names,
        filenames=np.array([sample.name for sample in good], dtype=np.str_),
        skipped=bad.skipped,
    )


def _decode_all(decode, samples, path, bad, write, **settings):
    """Decode and write the images, as `decode_in_order` does; raise if none is good."""
    is_good = decode_in_order(decode, samples, bad, write, **settings)
    if not is_good.any():
        raise ValueError(
            f"{path}: got no images but {bad.count()}, expected some good ones; mend the data "
            f"set. The first bad one: {bad.skipped[0][1]}"
        )
    return is_good


def _decode_sample(sample, *, path, shape, gray, other_size):
    """Decode a sample to the levels of an image of this shape, as bytes."""
    convert = partial(_convert, shape=shape, gray=gray, box=sample.box, other_size=other_size)
    return _decode_with(convert, sample, path)


def _decode_with(decode, sample, path):
    """Read a sample's file and decode its bytes; raise ValueError if it is unfit."""
    return decode_file(decode, partial(_read, path), sample.name, path, _KIND)


def _read(path, name):
    return read_file(os.path.join(path, name), _MAX_SIZE)


def _find_shape(samples, path):
    """Find height and width of the first file that is an image, and its name.

    Where none is, they do not matter: each file will be refused.
    """
    for sample in samples:
        try:
            shape = _decode_with(_shape_of, sample, path)
        except ValueError:
            continue  # all files are decoded later; bad ones are reported then
        return shape, sample.name
    return (1, 1), None


def _shape_of(content):
    from PIL import Image

    with unfit_if_damaged(content), Image.open(io.BytesIO(content), formats=_FORMATS) as image:
        return turned((image.height, image.width), find_turn(image))


def _convert(content, shape, gray, box, other_size):
    """Decode a file to the levels of an image of this shape, as bytes.

    It is turned upright and resized, or refused with what `other_size` says. A box is of the file's
    own pixels, so with one, nothing is turned.
    """
    from PIL import Image

    levels = decode_gray_jpeg(content, shape) if gray and box is None else None
    if levels is not None:
        return levels
    with unfit_if_damaged(content), Image.open(io.BytesIO(content), formats=_FORMATS) as image:
        turn = find_turn(image) if box is None else None
        height, width = turned((image.height, image.width), turn)
        if other_size is not None and (height, width) != shape:
            raise UnfitFileError(f"{width} x {height} pixels", *other_size)
        shape = turned(shape, turn)
        if getattr(image, "is_animated", False) and image.format != "MPO":
            raise UnfitFileError("an animation, or several pages")
        box = _clip(box, image.size)
        box = draft(image, shape, gray, box)
        if image.width * image.height > _MAX_PIXELS:
            raise UnfitFileError(f"{image.width} x {image.height} pixels")
        image = _flatten(image).convert("L" if gray else "RGB")
        if image.size != shape[::-1] or box != (0, 0, *image.size):
            image = image.resize(shape[::-1], Image.Resampling.BICUBIC, box)
        if turn is not None:
            image = image.transpose(Image.Transpose[turn])
        return image.tobytes()


def find_turn(image):
    """Find what makes an image upright, by how the camera was held; no pixels are decoded.

    A name in ``PIL.Image.Transpose``; None if the image is upright, or does not say.
    """
    # TIFF is left to Pillow; without EXIF before a PNG's pixels, they would be decoded for it
    if "exif" not in image.info or not has_good_exif(image):
        return None
    return _TURNS.get(image.getexif().get(_ORIENTATION))


def turned(shape, turn):
    """Find the (height, width) after a turn by `find_turn`, or before it to have this one after."""
    is_on_its_side = turn in ("TRANSPOSE", "TRANSVERSE", "ROTATE_90", "ROTATE_270")
    return shape[::-1] if is_on_its_side else shape


def _clip(box, size):
    """Cut a box to the image that it lies in."""
    if box is None:
        return (0, 0, *size)
    left, upper, right, lower = box
    clipped = (max(left, 0), max(upper, 0), min(right, size[0]), min(lower, size[1]))
    if clipped[0] >= clipped[2] or clipped[1] >= clipped[3]:
        raise UnfitFileError(
            f"a face box {box} beside the image of {size[0]} x {size[1]} pixels",
            "a box within the image",
            "mend or remove its line of the csv",
        )
    return clipped


def draft(image, shape, gray, box):
    """Let a JPEG decode gray, and no finer than twice what is asked for; return the box, rescaled.

    None of the image's pixels may have been decoded yet. `shape` is the height and width of what is
    to be made of the box, which is (left, upper, right, lower) in pixels; it comes back in pixels
    of the coarser image.
    """
    width, height = image.size
    fraction = (box[2] - box[0]) / width, (box[3] - box[1]) / height
    target = [math.ceil(2 * side / part) for side, part in zip(shape[::-1], fraction, strict=True)]
    image.draft("L" if gray else "RGB", target)
    scale = image.width / width, image.height / height
    return tuple(edge * factor for edge, factor in zip(box, scale * 2, strict=True))


def _flatten(image):
    """Take away an alpha channel that says nothing; refuse what cannot be made levels."""
    if image.mode in _ALPHA_MODES or "transparency" in image.info:
        image = image.convert("RGBA")
        if image.getextrema()[3][0] < 255:
            raise UnfitFileError("an image with transparent pixels", "opaque ones", _READ_ANYHOW)
    elif image.mode not in _PLAIN_MODES:
        advice = _READ_ANYHOW if image.mode.startswith("I") else None
        raise UnfitFileError(MODES.get(image.mode, f"a {image.mode} image"), advice=advice)
    return image


@contextmanager
def _new_npy(path, image_shape):
    """Write images to a .npy file one after another; it appears when all are there."""
    # A stream: with a full disk it raises, where a memory map would end the process.
    with whole_file(path) as file:
        _write_header(file, 0, image_shape)
        start = file.tell()
        yield file.write
        n_images = (file.tell() - start) // math.prod(image_shape)
        file.seek(0)
        # numpy pads headers, so that one with another number of images has the same length.
        _write_header(file, n_images, image_shape)


def _write_header(file, n_images, image_shape):
    header = {"descr": "|u1", "fortran_order": False, "shape": (n_images, *image_shape)}
    np.lib.format.write_array_header_1_0(file, header)


def list_class_folders(path):
    """List the names of the folders within a folder, sorted, but for clutter.

    FileNotFoundError or ValueError if it is not a folder.
    """
    if not path.exists():
        raise FileNotFoundError(
            f"{path}: got no such path, expected a folder with class folders; check the path"
        )
    if not path.is_dir():
        raise ValueError(
            f"{path}: got a file, expected a folder; unpack an archive, and of an annotation csv "
            "pass the folder in which it lies"
        )
    with os.scandir(path) as entries:
        return sorted(entry.name for entry in entries if entry.is_dir() and is_visible(entry.name))


def list_files(path, folder):
    """List what lies in a class folder, but for clutter, as sorted names from `path`."""
    return [f"{folder}/{name}" for name in sorted(os.listdir(path / folder)) if is_visible(name)]
