"""Image files, in a folder or a zip: many of them, read and decoded fast and safely."""

import mmap
import os
import re
import stat
import struct
import zipfile
import zlib
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
from PIL import UnidentifiedImageError  # not the heavy part of Pillow

from .._locks import warning_filter
from .._progress import can_draw

READABLE = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}

_CHUNK = 256  # images: long enough for threads, short enough for a progress bar
_CHUNK_SIZE = 2**22  # bytes of decoded images, in a chunk of more than one
_N_AHEAD = 4  # chunks decoded before they are asked for
_MAX_SIZE = 2**20  # bytes of a file: a face has about 1,500; what has a million is something else

# Opening a pipe would wait for somebody to write to it.
_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

# Pillow's modes, in words.
MODES = {
    "1": "a black and white image",
    "P": "a palette image",
    "LA": "an image with alpha",
    "PA": "a palette image with alpha",
    "RGBA": "a colour image with alpha",
    "I": "a 16-bit image",
    "I;16": "a 16-bit image",
}

# Scans of a JPEG: each costs few bytes in the file, but time for all pixels. Cameras write ten.
_MAX_SCANS = 100
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # others occur in a scan's data

# Markers of a JPEG frame header: all of 0xC0 to 0xCF but three that mean something else.
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}

_EXIF_MARKER = 0xE1

# Hidden files, and those that macOS and Windows add to folders and zips.
_CLUTTER = re.compile(r"(?:^|/)(?:\.|(?:__MACOSX|Thumbs\.db|desktop\.ini)(?:/|$))")


class UnfitFileError(ValueError):
    """Not a file that could hold a face: what it is, what would be right, and what to do.

    None for the latter two stands for what is said of any file.
    """

    def __init__(self, what, expected=None, advice=None):
        super().__init__(what)
        self.expected = expected
        self.advice = advice


def is_visible(name):
    """Tell files of the data set from those that operating systems add."""
    return not _CLUTTER.search(name)


def read_file(path, max_size=_MAX_SIZE):
    """Read an image file whole.

    OSError if it cannot be read; UnfitFileError, a ValueError, if it has more than `max_size`
    bytes, or is a folder, pipe or device.
    """
    descriptor = os.open(path, _OPEN_FLAGS)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            is_folder = stat.S_ISDIR(status.st_mode)
            raise UnfitFileError("a folder" if is_folder else "a pipe or device")
        _check_size(status.st_size, max_size)
        return os.read(descriptor, status.st_size)
    finally:
        os.close(descriptor)


def _check_size(size, max_size=_MAX_SIZE):
    if size > max_size:
        raise UnfitFileError(f"a file of {size:,} bytes")


@contextmanager
def open_members(path, members):
    """Open a zip so that several threads can read it.

    Yields a function from a name to bytes, of the `members`, ZipInfo by name, all compressed by
    `READABLE` methods. It raises ValueError if the member is damaged, or too large for a face.

    ZipFile.read takes as long as decoding the image, holds the interpreter meanwhile, and may not
    be called from two threads; reading at a place has none of that. Neither has a slice of a memory
    map, but where the file is cut meanwhile, or its drive goes, it ends the process.
    """
    with open(path, "rb") as file, _open_at(file) as read_at:

        def read(name):
            try:
                return _read_member(read_at, members[name])
            except (struct.error, zlib.error, zipfile.BadZipFile) as error:
                raise UnfitFileError(f"a damaged zip member ({error})") from error

        yield read


@contextmanager
def _open_at(file):
    """Make a function that reads bytes of a file: from where, and how many."""
    if hasattr(os, "pread"):
        yield lambda start, size: os.pread(file.fileno(), size, start)
        return
    # Windows lacks pread, but refuses to cut a file that is mapped, so a map is safe there.
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as buffer:
        yield lambda start, size: buffer[start : start + size]


def _read_member(read_at, info):
    _check_size(max(info.compress_size, info.file_size))
    header = read_at(info.header_offset, 30)
    lengths = struct.unpack_from("<HH", header, 26)  # the fields of name and extra
    content = read_at(info.header_offset + 30 + sum(lengths), info.compress_size)
    if info.compress_type == zipfile.ZIP_DEFLATED:
        # The directory may lie about the size, so one byte more than that is the most we unpack.
        content = zlib.decompressobj(-zlib.MAX_WBITS).decompress(content, info.file_size + 1)
    if len(content) != info.file_size or zlib.crc32(content) != info.CRC:
        raise zipfile.BadZipFile("size or checksum differs")
    return content


def decode_in_order(decode, samples, bad, write, *, image_size, desc):
    """Decode images, in threads: Pillow releases the interpreter while it decodes.

    `decode` takes a sample and returns levels as bytes, or raises ValueError, which `bad` is told
    with the sample's `name`; several threads call it. `write`, called from this thread, takes the
    levels of the next good images as bytes. `image_size` is the bytes of an image's levels, and
    `desc` stands before the progress bar. Returns a bool for each sample: whether it was written.
    """
    from tqdm import tqdm

    is_good = np.ones(len(samples), bool)
    chunk_length = min(_CHUNK, max(1, _CHUNK_SIZE // image_size))

    def decode_chunk(start):
        chunk, levels, errors = samples[start : start + chunk_length], [], {}
        for at, sample in enumerate(chunk, start):
            try:
                levels.append(decode(sample))
            except ValueError as error:
                errors[at] = error
        return len(chunk), b"".join(levels), errors

    # More threads than two only wait for the interpreter.
    with (
        without_pillow_warnings(),
        tqdm(total=len(samples), desc=desc, unit="images", delay=2, disable=not can_draw()) as bar,
        ThreadPoolExecutor(max_workers=min(2, os.cpu_count() or 1)) as pool,
    ):
        try:
            starts = range(0, len(samples), chunk_length)
            for count, levels, errors in _map_ahead(pool, decode_chunk, starts):
                for at, error in errors.items():
                    bad.add(samples[at].name, error)
                    is_good[at] = False
                write(levels)
                bar.update(count)
        finally:
            pool.shutdown(cancel_futures=True)
    return is_good


def _map_ahead(pool, function, items):
    """Map as `pool.map` does, but hold a few results at a time, not all of them."""
    pending = deque()
    for item in items:
        pending.append(pool.submit(function, item))
        if len(pending) > _N_AHEAD:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()


def decode_file(decode, read, name, path, expected):
    """Read and decode one file; every bad one ends here, as a ValueError.

    `read` makes bytes of the name and `decode` makes levels, also bytes, of those. `expected` is
    what the message asks for where the error does not say it.
    """
    advice = "convert, replace or remove the file"
    try:
        return decode(read(name))
    except UnfitFileError as error:
        what = str(error)
        expected, advice = error.expected or expected, error.advice or advice
    except FileNotFoundError:  # a csv names it
        what, advice = "no such file", "fetch or unpack the images again"
    except OSError as error:
        what = f"a file that cannot be read ({error.strerror})"
    raise ValueError(
        f"{path}/{name}: got {what}, expected {expected}; {advice}, or pass on_error='skip'"
    )


def decode_gray_jpeg(content, shape):
    """Decode a gray JPEG without Image.open, which is slow and holds the interpreter.

    The levels are the same, as bytes. None if it is another file than a gray JPEG of this height
    and width (`shape`), or a damaged one, which Image.open explains.
    """
    from PIL import Image

    if not _has_gray_frame(content, shape):
        return None
    try:
        return Image.frombytes("L", shape[::-1], content, "jpeg", "L", "").tobytes()
    except ValueError:
        return None


@contextmanager
def without_pillow_warnings():
    """Silence Pillow's warnings about damaged tags; damaged images still raise.

    Other threads that filter warnings wait meanwhile, so the threads of a pool must not.
    """
    with warning_filter("ignore", module=r"PIL\."):
        yield


@contextmanager
def unfit_if_damaged(content):
    """Make UnfitFileError of whatever Pillow raises for the file, and of too many scans."""
    from PIL import Image

    try:
        _check_scans(content)
        yield
    except UnfitFileError:
        raise
    except UnidentifiedImageError as error:
        start = f"{len(content)} bytes that start with {content[:8]!r}" if content else "no bytes"
        raise UnfitFileError(start) from error
    except Image.DecompressionBombError as error:
        raise UnfitFileError("an image of very many pixels") from error
    except Exception as error:  # Pillow raises all sorts for damaged files
        raise UnfitFileError(f"a damaged image ({error})") from error


def has_good_exif(image):
    """Tell whether EXIF data can be read; damaged ones say nothing about the pixels."""
    try:
        image.getexif()
    except Exception:  # Pillow raises all sorts
        return False
    return True


def _check_scans(content):
    """Refuse a JPEG that would take minutes to decode."""
    at, n_scans = 2, 0
    while content[:2] == b"\xff\xd8" and (marker := _MARKER.search(content, at)):
        kind = content[marker.start() + 1]
        if kind == 0xD9:  # the end; bytes after it may look like markers
            return
        n_scans += kind == 0xDA
        if n_scans > _MAX_SCANS:
            raise UnfitFileError(f"a JPEG of more than {_MAX_SCANS} scans")
        at = marker.end() + int.from_bytes(content[marker.end() : marker.end() + 2], "big")


def _has_gray_frame(content, shape):
    """Tell whether a JPEG's frame header says this height and width, and one channel.

    Not if EXIF data come before, which may say that the image lies on its side.
    """
    gray_frame = (8, *shape, 1)  # bits, height, width, channels
    at = 2
    while at + 10 <= len(content) and content[at] == 0xFF:
        if content[at + 1] == _EXIF_MARKER:
            return False
        if content[at + 1] in _FRAME_MARKERS:
            frame = struct.unpack_from(">BHHB", content, at + 4)
            return content[:2] == b"\xff\xd8" and frame == gray_frame
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return False
