"""FER2013 as csv: one row a face, its 2,304 grey levels as text in one field."""

import gzip
import zipfile
import zlib
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from .._labels import EMOTIONS
from .._progress import can_draw
from ._bad_samples import bad_line
from ._fer2013_images import SIDE

# What reading a damaged gzip or zip raises.
DAMAGE = (OSError, EOFError, zlib.error, zipfile.BadZipFile)

HEADER_SIZE = 200  # bytes, at most

_N_PIXELS = SIDE * SIDE
_USAGES = {b"Training": "Training", b"PublicTest": "PublicTest", b"PrivateTest": "PrivateTest"}
_LABELS = {b"%d" % label: label for label in range(len(EMOTIONS))}
_CHUNK = 16  # rows: larger temporary arrays are returned to the system, and faulted in again
_BUFFER = 2**18  # bytes: a row is longer than the default buffer
_MAX_LINE = 2**16  # bytes: a face takes 9,300 at most
MAX_SIZE = 2**30  # bytes: FER2013 takes 301 million
_MAX_LINES = 2**17  # counts blank ones too, as a few bytes of gzip hold a million
_PADDING = b' "\t\r\n'
_ZERO, _SPACE, _NEWLINE = ord("0"), ord(" "), ord("\n")


class _Row(NamedTuple):
    """A row of the csv; the pixels are still text."""

    number: int
    label: int
    usage: str
    pixels: bytes


@dataclass
class Table:
    """The rows of the wanted usages, and which usages the file holds."""

    labels: list = field(default_factory=list)
    usages: list = field(default_factory=list)
    row_numbers: list = field(default_factory=list)
    levels: bytearray = field(default_factory=bytearray)  # grows in place: no second copy
    found: set = field(default_factory=set)

    @property
    def images(self):
        """Images of shape (n_rows, 48, 48), a view of the levels."""
        return np.frombuffer(self.levels, np.uint8).reshape(-1, SIDE, SIDE)


def open_csv(path):
    """Open a csv, gzipped or not, in binary mode."""
    with open(path, "rb") as file:
        is_gzip = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if is_gzip else open(path, "rb", buffering=_BUFFER)


def first_line(path):
    """Read the first line of a csv, or the start of another file."""
    with open_csv(path) as stream:
        try:
            return stream.readline(HEADER_SIZE)
        except DAMAGE:
            return b""


def find_columns(header):
    """Find the positions of emotion, pixels and Usage in a csv's first line.

    None if the header is another one.
    """
    names = [name.strip(_PADDING) for name in header.removeprefix(b"\xef\xbb\xbf").split(b",")]
    if sorted(names) != [b"Usage", b"emotion", b"pixels"]:
        return None
    return names.index(b"emotion"), names.index(b"pixels"), names.index(b"Usage")


def read_csv(stream, path, usages, bad):
    """Read the rows of some usages from a binary stream at its start, as a Table.

    The pixels of other rows are not looked at. `bad` is told of rows that are not a label, 2,304
    levels and a usage. ValueError if the file itself is damaged, or too large for FER2013. `path`
    is for messages.
    """
    from tqdm import tqdm

    table = Table()
    try:
        columns = find_columns(stream.readline(HEADER_SIZE))
    except DAMAGE as error:  # in later rows: the stream reads ahead to fill its buffer
        raise _damaged(path, 1, error) from error
    chunk = []
    with tqdm(desc="FER2013", unit="rows", delay=2, disable=not can_draw()) as bar:
        for number, line in _lines(stream, path):
            try:
                row = _split_row(line, columns, path, number)
            except ValueError as error:
                _append_rows(table, chunk, path, bad)  # bad rows come in the file's order
                chunk = []
                bad.add(number, error)
                continue
            table.found.add(row.usage)
            if row.usage in usages:
                chunk.append(row)
            if len(chunk) == _CHUNK:
                _append_rows(table, chunk, path, bad)
                bar.update(_CHUNK)
                chunk = []
        _append_rows(table, chunk, path, bad)
    return table


def _lines(stream, path):
    """Yield the lines below the header with their numbers; blank ones count, but are left out."""
    number, size = 1, 0
    try:
        while line := stream.readline(_MAX_LINE):
            number += 1
            if number > _MAX_LINES:
                raise ValueError(
                    f"{path}: got more than {_MAX_LINES:,} lines, expected FER2013's 35,888; fetch "
                    "the file again"
                )
            rest = line
            while rest:  # read a long line to its end, so that it counts as one bad row
                size += len(rest)
                if size > MAX_SIZE:
                    raise ValueError(
                        f"{path}: got more than {MAX_SIZE:,} bytes of text, expected FER2013's "
                        "301 million; fetch the file again"
                    )
                rest = b"" if rest[-1] == _NEWLINE else stream.readline(_MAX_LINE)
            if not line.isspace():
                yield number, line
    except DAMAGE as error:
        raise _damaged(path, number, error) from error


def _damaged(path, number, error):
    return ValueError(
        f"{path}: got damaged data after line {number} or before ({error}), expected a whole "
        "file; fetch it again"
    )


def _split_row(line, columns, path, number):
    """Split a line into a row."""
    if len(line) == _MAX_LINE:
        raise bad_line(path, number, f"{_MAX_LINE:,} bytes or more", "about 8,000")
    fields = [value.strip() for value in line.split(b",")]
    if b'"' in line:
        fields = [_unquote(value) for value in fields]
    if len(fields) != len(columns):
        expected = f"{len(columns)} (emotion, pixels and Usage)"
        raise bad_line(path, number, f"{len(fields)} fields", expected)
    emotion, pixels, usage = (fields[column] for column in columns)
    if emotion not in _LABELS:
        expected = ", ".join(f"{label} ({name})" for label, name in enumerate(EMOTIONS))
        raise bad_line(path, number, f"emotion {_show(emotion)}", f"one of {expected}")
    if usage not in _USAGES:
        expected = ", ".join(_USAGES.values())
        raise bad_line(path, number, f"Usage {_show(usage)}", f"one of {expected}")
    return _Row(number, _LABELS[emotion], _USAGES[usage], pixels)


def _unquote(value):
    """Take away one pair of quotes; others are no part of a label, levels or a usage."""
    is_quoted = len(value) > 1 and value[:1] == value[-1:] == b'"'
    return value[1:-1].strip() if is_quoted else value


def _append_rows(table, chunk, path, bad):
    if not chunk:
        return
    levels = _parse_fast([row.pixels for row in chunk])
    if levels is None:
        parsed = {}
        for row in chunk:
            try:
                parsed[row] = _parse_row(row.pixels, path, row.number)
            except ValueError as error:
                bad.add(row.number, error)
        chunk, levels = list(parsed), b"".join(parsed.values())
    table.labels += [row.label for row in chunk]
    table.usages += [row.usage for row in chunk]
    table.row_numbers += [row.number for row in chunk]
    table.levels += levels


def _parse_fast(chunk):
    """Parse rows at once, if they are flawless: numbers of one to three digits, one space between.

    From fields of levels to one byte a level; None if there is anything else, which `_parse_row`
    can judge.
    """
    text = np.frombuffer(b"\n\n\n\n" + b"\n".join([*chunk, b""]), np.uint8)
    digits = text - np.uint8(_ZERO)  # what lies below "0" wraps around to 200 and more
    ends = np.flatnonzero(digits[4:] > 9)  # the padding lets us look back from the first
    if len(ends) != len(chunk) * _N_PIXELS:
        return None
    separators = text[4:].take(ends).reshape(-1, _N_PIXELS)
    if (separators[:, :-1] != _SPACE).any() or (separators[:, -1] != _NEWLINE).any():
        return None
    ones, tens, hundreds, thousands = (digits[start:].take(ends) for start in (3, 2, 1, 0))
    has_tens = tens <= 9
    has_hundreds = has_tens & (hundreds <= 9)
    if (ones > 9).any() or (has_hundreds & (thousands <= 9)).any():
        return None
    values = (ones + tens * has_tens * np.uint8(10)).astype(np.uint16)
    values += hundreds * has_hundreds * np.uint16(100)
    return values.astype(np.uint8).tobytes() if values.max() <= 255 else None


def _parse_row(text, path, number):
    """Parse one row; every bad one ends here."""
    values = text.split()
    if len(values) != _N_PIXELS:
        raise bad_line(path, number, f"{len(values)} pixels", f"{_N_PIXELS}")
    for position, value in enumerate(values):
        if not value.isdigit() or len(value) > 9 or int(value) > 255:
            what = f"level {_show(value)} in pixel {position}"
            raise bad_line(path, number, what, "an integer in 0..255")
    return bytes(map(int, values))


def _show(value):
    return repr(value[:20].decode(errors="replace"))
