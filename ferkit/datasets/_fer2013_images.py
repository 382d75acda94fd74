"""FER2013 as image files, in a folder or a zip: listing, naming and decoding them."""

import io
import mmap
import os
import re
import struct
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from PIL import UnidentifiedImageError  # not the heavy part of Pillow

from .._images import EMOTIONS

SPLITS = ("train", "test")

_SIDE = 48
_CHUNK = 256  # images: long enough for threads, short enough for a progress bar
_USAGES = {"Training": "train", "PublicTest": "test", "PrivateTest": "test"}
_ORDER = {usage: position for position, usage in enumerate(_USAGES)}
_LABELS = {emotion: label for label, emotion in enumerate(EMOTIONS)}
_NAME = re.compile(
    r"(train|test)/([^/]+)/(Training|PublicTest|PrivateTest)_(\d{1,18})\.(?i:jpe?g|png)", re.ASCII
)
_CLUTTER = {"__MACOSX", "Thumbs.db", "desktop.ini"}

# Markers of a JPEG frame header: all of 0xC0 to 0xCF but three that mean something else.
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_GRAY_FRAME = bytes([8, 0, _SIDE, 0, _SIDE, 1])  # bits, height, width, channels


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
    return not any(part.startswith(".") or part in _CLUTTER for part in name.split("/"))


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
        raise ValueError(
            f"{path}: got several folders with images, {', '.join(sorted(roots))}, expected one "
            "data set; unzip it and pass the path of one"
        )
    return roots.pop() if roots else None


def index_samples(names, path):
    """Read usage, label and order from names.

    Parameters
    ----------
    names : list of str
        Such as ``train/angry/Training_1.jpg``.
    path : path-like
        Where they are, for messages.

    Returns
    -------
    list of Sample
        By usage, class folder and id.

    Raises
    ------
    ValueError
        If a name is not of this form.
    """
    samples = []
    for name in names:
        match = _NAME.fullmatch(name)
        if not match or match[2] not in _LABELS or _USAGES[match[3]] != match[1]:
            raise ValueError(f"{path}/{name}: {_explain_name(name)}")
        samples.append(Sample(match[3], match[2], int(match[4]), name))
    return sorted(samples, key=lambda sample: (_ORDER[sample.usage], *sample[1:]))


def _explain_name(name):
    split, folder, *rest = name.split("/", 2)
    if folder not in _LABELS:
        return (
            f"got {folder!r} in {split}, expected the class folders {', '.join(EMOTIONS)}; "
            "rename or remove it"
        )
    expected = "Training" if split == "train" else "PublicTest_<id> or PrivateTest"
    return (
        f"got {'/'.join(rest)!r} in {split}, expected {expected}_<id>.jpg or .png; "
        "rename or remove it"
    )


@contextmanager
def open_members(path, members):
    """Open a zip so that several threads can read it.

    ZipFile.read takes as long as decoding the image, holds the interpreter meanwhile, and may
    not be called from two threads; slices of a memory map have none of that.

    Parameters
    ----------
    path : path-like
        The zip.
    members : dict of str to zipfile.ZipInfo
        Its files.

    Yields
    ------
    callable
        Takes a name, returns bytes; raises ValueError if the member is damaged.
    """
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as buffer:

        def read(name):
            try:
                return _read_member(buffer, members[name])
            except (struct.error, zlib.error, zipfile.BadZipFile) as error:
                raise ValueError(
                    f"{path}/{name}: got a damaged zip member ({error}), expected its checksum to "
                    "match; fetch the file again"
                ) from error

        yield read


def _read_member(buffer, info):
    lengths = struct.unpack_from("<HH", buffer, info.header_offset + 26)  # of name and extra
    start = info.header_offset + 30 + sum(lengths)
    content = buffer[start : start + info.compress_size]
    if info.flag_bits & 1:
        raise zipfile.BadZipFile("encrypted")
    if info.compress_type == zipfile.ZIP_DEFLATED:
        content = zlib.decompress(content, wbits=-zlib.MAX_WBITS)
    elif info.compress_type != zipfile.ZIP_STORED:
        raise zipfile.BadZipFile(f"compression method {info.compress_type}")
    if zlib.crc32(content) != info.CRC:
        raise zipfile.BadZipFile("checksum differs")
    return content


def decode_images(read, names, path):
    """Decode images, in threads: Pillow releases the interpreter while it decodes.

    Parameters
    ----------
    read : callable
        Takes a name, returns bytes; called from several threads.
    names : list of str
        What to decode.
    path : path-like
        Where they are, for messages.

    Returns
    -------
    ndarray of shape (n_names, 48, 48), dtype uint8

    Raises
    ------
    ValueError
        If a file is not a gray image of this size; the first one in order is named.
    """
    from tqdm import tqdm

    images = np.empty((len(names), _SIDE, _SIDE), np.uint8)

    def decode_chunk(start):
        chunk = names[start : start + _CHUNK]
        levels = b"".join([_decode_named(read(name), f"{path}/{name}") for name in chunk])
        images[start : start + _CHUNK] = np.frombuffer(levels, np.uint8).reshape(-1, _SIDE, _SIDE)
        return len(chunk)

    # More threads than two only wait for the interpreter.
    with (
        tqdm(total=len(names), desc="FER2013", unit="images", delay=2) as bar,
        ThreadPoolExecutor(max_workers=min(2, os.cpu_count() or 1)) as pool,
    ):
        try:
            for count in pool.map(decode_chunk, range(0, len(names), _CHUNK)):
                bar.update(count)
        finally:
            pool.shutdown(cancel_futures=True)
    return images


class _UnfitImageError(ValueError):
    """A sound image of another kind."""


def _decode_named(content, name):
    """Decode one file; every bad one ends here."""
    try:
        return _decode(content)
    except _UnfitImageError as error:
        what = str(error)
    except UnidentifiedImageError:
        what = f"{len(content)} bytes that start with {content[:8]!r}"
    except Exception as error:  # Pillow raises all sorts for damaged files
        what = f"a damaged image ({error})"
    raise ValueError(
        f"{name}: got {what}, expected a gray JPEG or PNG of {_SIDE} x {_SIDE} pixels; replace or "
        "remove the file"
    )


def _decode(content):
    """Decode a file to its grey levels, as bytes."""
    from PIL import Image

    if _has_gray_frame(content):
        # Without Image.open, which is slow and holds the interpreter. The pixels are the same.
        try:
            return Image.frombytes("L", (_SIDE, _SIDE), content, "jpeg", "L", "").tobytes()
        except ValueError:
            pass  # damaged: Image.open tells how
    with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as image:
        if image.size != (_SIDE, _SIDE):
            raise _UnfitImageError(f"an image of {image.width} x {image.height} pixels")
        if image.mode == "L":
            return image.tobytes()
        if image.mode == "RGB":
            return _gray(image)
        raise _UnfitImageError(f"an image of mode {image.mode}")


def _has_gray_frame(content):
    """Tell whether a JPEG's frame header says 48 x 48 pixels and one channel."""
    at = 2
    while at + 10 <= len(content) and content[at] == 0xFF:
        if content[at + 1] in _FRAME_MARKERS:
            return content[:2] == b"\xff\xd8" and content[at + 4 : at + 10] == _GRAY_FRAME
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return False


def _gray(image):
    levels = np.asarray(image)
    if (levels != levels[..., :1]).any():
        raise _UnfitImageError("a colour image")
    return levels[..., 0].tobytes()
