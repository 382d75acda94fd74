"""Small gray image files, in a folder or a zip: many of them, read and decoded fast and safely."""

import io
import mmap
import os
import stat
import struct
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
from PIL import UnidentifiedImageError  # not the heavy part of Pillow

READABLE = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}

_SIDE = 48
_CHUNK = 256  # images: long enough for threads, short enough for a progress bar
_MAX_SIZE = 2**20  # bytes of a file: a face has about 1,500; what has a million is something else

# Opening a pipe would wait for somebody to write to it.
_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

# Pillow's modes, in words.
_MODES = {
    "1": "a black and white image",
    "P": "a palette image",
    "LA": "an image with alpha",
    "PA": "a palette image with alpha",
    "RGBA": "a colour image with alpha",
    "I": "a 16-bit image",
    "I;16": "a 16-bit image",
}

# Markers of a JPEG frame header: all of 0xC0 to 0xCF but three that mean something else.
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_GRAY_FRAME = bytes([8, 0, _SIDE, 0, _SIDE, 1])  # bits, height, width, channels


class _UnfitFileError(ValueError):
    """Not a file that could hold a face; the text says what it is."""


def read_file(path):
    """Read an image file whole.

    Parameters
    ----------
    path : str
        The file.

    Returns
    -------
    bytes

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is too large for a face, or a folder, pipe or device.
    """
    descriptor = os.open(path, _OPEN_FLAGS)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            is_folder = stat.S_ISDIR(status.st_mode)
            raise _UnfitFileError("a folder" if is_folder else "a pipe or device")
        _check_size(status.st_size)
        return os.read(descriptor, status.st_size)
    finally:
        os.close(descriptor)


def _check_size(size):
    if size > _MAX_SIZE:
        raise _UnfitFileError(f"a file of {size:,} bytes")


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
        Its files, compressed by `READABLE` methods.

    Yields
    ------
    callable
        Takes a name, returns bytes; raises ValueError if the member is damaged, or too large for
        a face.
    """
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as buffer:

        def read(name):
            try:
                return _read_member(buffer, members[name])
            except (struct.error, zlib.error, zipfile.BadZipFile) as error:
                raise _UnfitFileError(f"a damaged zip member ({error})") from error

        yield read


def _read_member(buffer, info):
    _check_size(max(info.compress_size, info.file_size))
    lengths = struct.unpack_from("<HH", buffer, info.header_offset + 26)  # of name and extra
    start = info.header_offset + 30 + sum(lengths)
    content = buffer[start : start + info.compress_size]
    if info.compress_type == zipfile.ZIP_DEFLATED:
        # what the directory says of its size need not be true
        content = zlib.decompressobj(-zlib.MAX_WBITS).decompress(content, info.file_size + 1)
    if len(content) != info.file_size or zlib.crc32(content) != info.CRC:
        raise zipfile.BadZipFile("size or checksum differs")
    return content


def decode_images(read, names, path, bad):
    """Decode images, in threads: Pillow releases the interpreter while it decodes.

    Parameters
    ----------
    read : callable
        Takes a name, returns bytes or raises OSError or ValueError; called from several threads.
    names : list of str
        What to decode.
    path : path-like
        Where they are, for messages.
    bad : BadSamples
        What to do about a file that is not a gray image of this size.

    Returns
    -------
    images : ndarray of shape (n_good, 48, 48), dtype uint8
    is_good : ndarray of shape (n_names,), dtype bool
        Which names they are of.
    """
    from tqdm import tqdm

    images = np.empty((len(names), _SIDE, _SIDE), np.uint8)
    is_good = np.ones(len(names), bool)

    def decode_chunk(start):
        chunk, levels, errors = names[start : start + _CHUNK], [], {}
        for at, name in enumerate(chunk, start):
            try:
                levels.append(_decode_named(read, name, path))
            except ValueError as error:
                levels.append(bytes(_SIDE * _SIDE))
                errors[at] = error
        chunk_images = np.frombuffer(b"".join(levels), np.uint8).reshape(-1, _SIDE, _SIDE)
        images[start : start + _CHUNK] = chunk_images
        return len(chunk), errors

    # More threads than two only wait for the interpreter.
    with (
        tqdm(total=len(names), desc="FER2013", unit="images", delay=2) as bar,
        ThreadPoolExecutor(max_workers=min(2, os.cpu_count() or 1)) as pool,
    ):
        try:
            for count, errors in pool.map(decode_chunk, range(0, len(names), _CHUNK)):
                for at, error in errors.items():
                    bad.add(names[at], error)
                    is_good[at] = False
                bar.update(count)
        finally:
            pool.shutdown(cancel_futures=True)
    return (images if is_good.all() else images[is_good]), is_good


def _decode_named(read, name, path):
    """Read and decode one file; every bad one ends here."""
    try:
        return _decode(read(name))
    except _UnfitFileError as error:
        what = str(error)
    except OSError as error:
        what = f"a file that cannot be read ({error.strerror})"
    raise ValueError(
        f"{path}/{name}: got {what}, expected a gray JPEG or PNG of {_SIDE} x {_SIDE} pixels; "
        "convert, replace or remove the file, or pass on_error='skip'"
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
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as image:
            _check_kind(image)
            return np.asarray(image).reshape(_SIDE, _SIDE, -1)[..., 0].tobytes()
    except _UnfitFileError:
        raise
    except UnidentifiedImageError as error:
        start = f"{len(content)} bytes that start with {content[:8]!r}" if content else "no bytes"
        raise _UnfitFileError(start) from error
    except Image.DecompressionBombError as error:
        raise _UnfitFileError("an image of very many pixels") from error
    except Exception as error:  # Pillow raises all sorts for damaged files
        raise _UnfitFileError(f"a damaged image ({error})") from error


def _check_kind(image):
    # before it is decoded: a small file can hold a huge image
    if image.size != (_SIDE, _SIDE):
        raise _UnfitFileError(f"an image of {image.width} x {image.height} pixels")
    if getattr(image, "is_animated", False):
        raise _UnfitFileError(f"an animation of {image.n_frames} images")
    if image.mode == "RGB":
        levels = np.asarray(image)
        if (levels != levels[..., :1]).any():
            raise _UnfitFileError("a colour image")
    elif image.mode != "L":
        raise _UnfitFileError(_MODES.get(image.mode, f"a {image.mode} image"))


def _has_gray_frame(content):
    """Tell whether a JPEG's frame header says 48 x 48 pixels and one channel."""
    at = 2
    while at + 10 <= len(content) and content[at] == 0xFF:
        if content[at + 1] in _FRAME_MARKERS:
            return content[:2] == b"\xff\xd8" and content[at + 4 : at + 10] == _GRAY_FRAME
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return False
