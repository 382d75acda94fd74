"""FER2013 as csv, whose oracle is Python's csv module and int()."""

import csv
import gzip
import io
import re
import zipfile
import zlib
from functools import cache

import numpy as np

from ferkit.datasets import load_fer2013
from tests.attacks.damage import damage
from tests.attacks.faces import USAGES, samples
from tests.attacks.targets import Case, Target

HEADER = b"emotion,pixels,Usage"
_NAMES = HEADER.split(b",")
_SUBSETS = {
    "train": USAGES[:1],
    "public_test": USAGES[1:2],
    "private_test": USAGES[2:],
    "test": USAGES[1:],
    "all": USAGES,
}
_PLAIN_PIXELS = re.compile(r"\d{1,3}(?: \d{1,3}){2303}", re.ASCII)


class CsvTarget(Target):
    """`load_fer2013` on csv files: plain, gzipped and zipped."""

    name = "csv"

    def prepare(self):
        """Make the bombs."""
        _gz_of_newlines(), _gz_of_bad_rows()

    def make(self, random):
        """Write a csv of 21 rows, mutated as text, as rows, or as the file around them."""
        lines = [list(row) for row in _rows(self.data)]
        story = []
        for _ in range(random.choice([0, 1, 1, 2, 3])):
            mutate = random.choice(_FIELDS + _LINES)
            story.append(mutate.__name__)
            lines = mutate(random, lines)
        header, newline = HEADER, b"\n"
        if random.random() < 0.2:
            header, lines = _reorder(random, lines)
            story.append("_reorder")
        if random.random() < 0.15:
            header = random.choice(_HEADERS)
            story.append(header)
        if random.random() < 0.2:
            newline = random.choice([b"\r\n", b"\r\n", b"\r", b"\n\n", b"\n\r", b" \n", b"\n" * 99])
            story.append(newline[:4])
        text = newline.join([header, *(b",".join(fields) for fields in lines), b""])
        if random.random() < 0.3:
            mutate = random.choice(_TEXTS)
            text = mutate(random, text)
            story.append(mutate.__name__)
        wrap = random.choices([_plain, _gzip, _zip], [6, 1, 1])[0]
        name, content = wrap(random, text)
        story.append(name)
        if wrap is not _plain and random.random() < 0.4:
            content = damage(random, content, keep=3)
            story.append("damaged")
        if random.random() < 0.0005:
            name, content = random.choice([_gz_of_newlines, _gz_of_bad_rows])()
            story = [name]
        path = self.folder / name
        path.write_bytes(content)
        options = {
            "subset": random.choice(["all", "all", "train", "test", "public_test"]),
            "on_error": random.choice(["raise", "skip"]),
        }
        return Case(path, content, story, options)

    def is_past_header(self, case):
        """Tell whether the first line has the names of the columns."""
        text = _unpack(case.content)
        return text is not None and _find_columns(text) is not None

    def call(self, case):
        """Load the csv."""
        return load_fer2013(case.path, **case.options)

    def check(self, case, faces):
        """Compare each row that was kept with its line, and look for others that should be."""
        text = _unpack(case.content)
        assert text is not None
        columns = _find_columns(text)
        lines = text.split(b"\n")
        usages = _SUBSETS[case.options["subset"]]
        kept = faces.row_numbers.tolist()
        assert kept == sorted(set(kept))
        rows = zip(kept, faces.target, faces.usage, faces.images, strict=True)
        for number, label, usage, image in rows:
            row = _parse(lines[number - 1], columns)
            assert row is not None, f"line {number} was kept"
            assert (label, usage) == row[:2], f"line {number} has {row[:2]}"
            assert image.ravel().tolist() == row[2], f"line {number} has other levels"
        skipped = {number for number, _ in faces.skipped}
        assert not skipped.intersection(kept)
        assert not skipped or case.options["on_error"] == "skip"
        for number, line in enumerate(lines[1:], start=2):
            if number in kept or not line.strip():
                continue
            row = _parse(line, columns)
            if row is None:
                # a row of another usage need not be looked at
                assert number in skipped or _usage(line, columns) not in usages
            else:
                is_odd = number in skipped and not row[3]
                assert is_odd or row[1] not in usages, f"line {number} was left out"
        assert faces.images.dtype == np.uint8
        assert faces.data.shape == (len(kept), 2304)

    def check_refusal(self, case):
        """See that not every row is plain and of the subset."""
        text = None if case.content.startswith(b"PK") else _unpack(case.content)
        columns = text and _find_columns(text)
        if not columns or len(text) > 2**24 or not text.startswith(b",".join(_NAMES)):
            return
        rows = [_parse(line, columns) for line in text.split(b"\n")[1:] if line.strip()]
        is_good = all(row is not None and row[3] for row in rows)
        wanted = {(usage, y) for usage in _SUBSETS[case.options["subset"]] for y in range(7)}
        assert not (is_good and wanted <= {(row[1], row[0]) for row in rows}), "all rows are good"


TARGETS = {CsvTarget.name: CsvTarget}


@cache
def _rows(data):
    return [
        (b"%d" % label, " ".join(map(str, image.ravel().tolist())).encode(), usage.encode())
        for usage, label, image in samples(data)
    ]


# -- the oracle ----------------------------------------------------------------------------------


def _unpack(content):
    """Unpack a gzip, or the one csv of a zip; None if it cannot be."""
    try:
        if content.startswith(b"\x1f\x8b"):
            return gzip.decompress(content)
        if zipfile.is_zipfile(io.BytesIO(content)):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                return archive.read(archive.namelist()[0])
    except Exception:
        return None
    return content


def _find_columns(text):
    header = text.split(b"\n", 1)[0].removeprefix(b"\xef\xbb\xbf")
    names = [name.strip(b' "\t\r') for name in header.split(b",")]
    return [names.index(name) for name in _NAMES] if sorted(names) == sorted(_NAMES) else None


def _fields(line, columns):
    line = line.replace(b"\r", b" ").replace(b"\t", b" ")  # spaces like others
    try:
        rows = list(csv.reader([line.decode("utf-8", "replace")], skipinitialspace=True))
    except csv.Error:
        return None
    if len(rows) != 1 or len(rows[0]) != len(columns):
        return None
    return [rows[0][column].strip() for column in columns]


def _usage(line, columns):
    fields = _fields(line, columns)
    return fields and fields[2]


def _parse(line, columns):
    """Parse a line to (label, usage, levels, whether it is plain); None if it is no row."""
    fields = _fields(line, columns)
    if fields is None or fields[2] not in USAGES:
        return None
    try:
        label, levels = int(fields[0]), list(map(int, fields[1].split()))
    except ValueError:
        return None
    if not 0 <= label < 7 or len(levels) != 2304 or not 0 <= min(levels) <= max(levels) < 256:
        return None
    is_plain = len(fields[0]) == 1 and fields[0].isascii() and b'"' not in line
    return label, fields[2], levels, is_plain and bool(_PLAIN_PIXELS.fullmatch(fields[1]))


# -- mutations of a field ------------------------------------------------------------------------

_LABELS = [b"7", b"-1", b"", b"3.0", b"0x1", b" 3 ", b'"3"', b"1e0", b"NaN", "٣".encode(), b"\0"]
_LABELS += [b"06", b"+3", b"1_0", b"9" * 5000, b"happy", b"\xff\xfe", b"'3'", b"3;", b"-0"]
_VALUES = [b"256", b"-1", b"1.5", b"1e2", b"1_0", b"+5", b"007", b"0000", b"", b"x", b"\0", b"999"]
_VALUES += ["٣".encode(), b"\xa0", b"9" * 30, b"0x10", b"--", b"NaN", b"\x0b", b"1\t2", b"2 "]
_USAGE_TEXTS = [b"training", b"Training ", b'"Training"', b"", b"Test", b"PublicTest\0", b"\xe9"]
_USAGE_TEXTS += [b"Training,", b"PrivateTest" * 9999, b"PublicTest", b"\xef\xbb\xbfTraining"]
_HEADERS = [b"emotion,pixels", b"emotion,pixels,Usage,x", b"Emotion,pixels,Usage", b"", b"x" * 300]
_HEADERS += [b'"emotion","pixels","Usage"', b" emotion , pixels , Usage ", b"emotion;pixels;Usage"]
_HEADERS += [b"emotion,pixels,Usage\0", b"emotion,emotion,Usage", b",emotion,pixels,Usage"]
_HEADERS += [b"\xef\xbb\xbfemotion,pixels,Usage", b"emotion,pixels,Usage\nemotion,pixels,Usage"]


def _in_a_row(change):
    def mutate(random, lines):
        whole = [fields for fields in lines if len(fields) == 3]
        if whole:
            change(random, random.choice(whole))
        return lines

    mutate.__name__ = change.__name__
    return mutate


@_in_a_row
def _label(random, fields):
    fields[0] = random.choice(_LABELS)


@_in_a_row
def _value(random, fields):
    values = fields[1].split(b" ")
    values[random.randrange(len(values))] = random.choice(_VALUES)
    fields[1] = b" ".join(values)


@_in_a_row
def _count(random, fields):
    values = fields[1].split(b" ")
    n = random.choice([-1, 1, 2, -2303, -2304, 2304, 30_000])
    fields[1] = b" ".join(values[:n] if n < 0 else values + [b"7"] * n)


@_in_a_row
def _separator(random, fields):
    at = random.choice([i for i, byte in enumerate(fields[1]) if byte == 32] or [0])
    other = random.choice([b"  ", b"\t", b",", b"\x0b", b"\x0c", b"\xc2\xa0", b"\0", b"", b"\r"])
    fields[1] = fields[1][:at] + other + fields[1][at + 1 :]


@_in_a_row
def _edge(random, fields):
    at = random.randrange(len(fields))
    before, after = (random.choice([b"", b" ", b'"', b'""', b"\t", b"'", b"\r"]) for _ in range(2))
    fields[at] = before + fields[at] + after


@_in_a_row
def _usage_text(random, fields):
    fields[-1] = random.choice(_USAGE_TEXTS)


@_in_a_row
def _number_of_fields(random, fields):
    at = random.randrange(len(fields) + 1)
    if at == len(fields):
        fields.append(b"")
    elif random.random() < 0.5:
        fields.insert(at, fields[at])
    else:
        del fields[at]


@_in_a_row
def _damaged(random, fields):
    at = random.randrange(len(fields))
    fields[at] = damage(random, fields[at])


# -- mutations of lines and of the text ----------------------------------------------------------


def _quotes(random, lines):
    return [[b'"' + field + b'"' for field in fields] for fields in lines]


def _blank(random, lines):
    at = random.randint(0, len(lines))
    return [*lines[:at], [random.choice([b"", b" ", b"\t", b"\r"])], *lines[at:]]


def _fewer(random, lines):
    return random.sample(lines, random.randint(0, len(lines)))


def _more(random, lines):
    return random.choices(lines, k=40) if lines else []


def _header_again(random, lines):
    return [*lines[:5], list(_NAMES), *lines[5:]]


def _reorder(random, lines):
    order = random.sample(range(3), 3)
    lines = [[fields[i] for i in order] if len(fields) == 3 else fields for fields in lines]
    return b",".join(_NAMES[i] for i in order), lines


def _damage_text(random, text):
    return damage(random, text, keep=len(HEADER) + 1)


def _end_early(random, text):
    return text[: random.randint(0, len(text))]


def _utf16(random, text):
    return text.decode("latin-1").encode(random.choice(["utf-16", "utf-16-le", "utf-16-be"]))


def _bom(random, text):
    return b"\xef\xbb\xbf" * random.randint(1, 2) + text


def _no_end(random, text):
    return text.rstrip()


def _trailing(random, text):
    return text + random.choice([b"\0" * 99, b"\x1a", b"\n" * 99, b'"', b"," * 99, text])


_FIELDS = (_label, _value, _value, _count, _separator, _separator, _edge, _edge, _usage_text)
_FIELDS += (_number_of_fields, _damaged)
_LINES = (_quotes, _blank, _fewer, _more, _header_again)
_TEXTS = (_damage_text, _damage_text, _end_early, _utf16, _bom, _no_end, _trailing)


# -- files around the text -----------------------------------------------------------------------


def _plain(random, text):
    return "fer2013.csv", text


def _gzip(random, text):
    content = gzip.compress(text, 1)
    kind = random.randrange(6)
    if kind == 0:
        content += random.choice([b"\0" * 9, b"x", content, gzip.compress(b"")])
    elif kind == 1:
        content = content[: random.randrange(2, len(content))]
    return "fer2013.csv.gz", content


def _zip(random, text):
    stream = io.BytesIO()
    method = random.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_DEFLATED])
    if random.random() < 0.2:
        method = random.choice([zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    with zipfile.ZipFile(stream, "w", method, compresslevel=1) as archive:
        archive.writestr("fer2013.csv", text)
        if random.random() < 0.1:
            archive.writestr(random.choice(["b.csv", "../a.csv", "/a.csv", "train/"]), HEADER)
    return "fer2013.zip", stream.getvalue()


@cache
def _gz_of_newlines():
    return "newlines.csv.gz", _gz_of(b"\n" * 2**20, 64)


@cache
def _gz_of_bad_rows():
    return "rows.csv.gz", _gz_of(b"7\n" * 2**19, 64)


def _gz_of(block, n):
    packer = zlib.compressobj(1, wbits=31)
    start = packer.compress(HEADER + b"\n")
    return start + b"".join(packer.compress(block) for _ in range(n)) + packer.flush()
