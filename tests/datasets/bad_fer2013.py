"""Every kind of bad FER2013 that a disk may hold, and what a user reads about it.

`python -m tests.datasets.bad_fer2013` prints the list.
"""

import gzip
import io
import os
import re
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from ferkit.datasets import load_fer2013
from tests.datasets import fer2013_files as good


class Case(NamedTuple):
    """A bad data set: how to write it, and what is said."""

    write: Callable[[Path], Path]  # into a folder; returns the path to load
    message: str  # a regular expression
    place: str | int | None = None  # of the sample that on_error="skip" leaves out; None: raises


BASE = good.image_files(good.SAMPLES)
NAME = "train/happy/Training_12.png"
FIX_IMAGE = (
    r"expected a gray JPEG or PNG of 48 x 48 pixels; convert, replace or remove the file, or pass "
    r"on_error='skip'$"
)
FIX_NAME = r"; rename or remove it, or pass on_error='skip'$"
FIX_ROW = r"; mend or remove the line, or pass on_error='skip'$"


def in_folder(files):
    return lambda path: good.write_files(path, files)


def in_zip(files, compression=zipfile.ZIP_STORED):
    return lambda path: good.write_zip(path / "fer2013.zip", files, compression)


def in_file(name, content):
    return lambda path: good.write_files(path, {name: content}) / name


# -- images ------------------------------------------------------------------------------------


def encode(image, format="PNG", **options):
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def png(value=0, shape=(48, 48), dtype=np.uint8):
    return encode(Image.fromarray(np.full(shape, value, dtype)))


def png_that_claims(width, height):
    """A PNG of a few bytes whose header says that it is huge."""

    def chunk(kind, content):
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(bytes(9999))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


GRAY = Image.fromarray(good.SAMPLES[0][3])
RAMP = Image.fromarray(np.uint8(np.add.outer(np.arange(48), np.arange(48))))
JPEG = encode(RAMP, "JPEG")
COLOUR = Image.fromarray(np.uint8(np.arange(48 * 48 * 3).reshape(48, 48, 3) % 251))

IMAGES = {
    "empty file": (b"", "got no bytes"),
    "web page for an image": (b"<html>Log in", "got 12 bytes that start with b'<html>Lo'"),
    "GIF": (encode(GRAY, "GIF"), r"got \d+ bytes that start with b'GIF8"),
    "truncated PNG": (encode(GRAY)[:900], r"got a damaged image \(.*\)"),
    "truncated JPEG": (JPEG[:-99], r"got a damaged image \(.*\)"),
    "JPEG cut in its header": (JPEG[:180], r"got a damaged image \(.*\)"),
    "JPEG of 15 bytes": (JPEG[:15], r"got 15 bytes that start with|got a damaged image"),
    "smaller image": (png(shape=(48, 47)), "got an image of 47 x 48 pixels"),
    "larger image": (encode(Image.new("L", (64, 64)), "JPEG"), "got an image of 64 x 64 pixels"),
    "huge image": (png_that_claims(30_000, 30_000), "got an image of very many pixels"),
    "colour image": (encode(COLOUR), "got a colour image"),
    "colour JPEG": (encode(COLOUR, "JPEG"), "got a colour image"),
    "CMYK": (encode(COLOUR.convert("CMYK"), "JPEG"), "got a CMYK image"),
    "palette": (encode(GRAY.convert("P")), "got a palette image"),
    "colour and alpha": (encode(COLOUR.convert("RGBA")), "got a colour image with alpha"),
    "gray and alpha": (encode(GRAY.convert("LA")), "got an image with alpha"),
    "one level transparent": (encode(GRAY, transparency=5), "got an image with alpha"),
    "16 bits": (png(999, dtype=np.uint16), "got a 16-bit image"),
    "1 bit": (encode(GRAY.convert("1")), "got a black and white image"),
    "animation": (
        encode(GRAY, save_all=True, append_images=[RAMP]),
        "got an animation",
    ),
    "huge file": (JPEG + bytes(2**20), r"got a file of 1,04\d,\d{3} bytes"),
}


def image_cases():
    for what, (content, message) in IMAGES.items():
        for where in (in_folder, in_zip):
            write = where(BASE | {NAME: content})
            full = f"{NAME}: {message}.*, {FIX_IMAGE}"
            yield f"{what}, {where.__name__[3:]}", Case(write, full, NAME)


# -- files that are no ordinary ones -----------------------------------------------------------


def with_link(target):
    def write(path):
        good.write_files(path, BASE)
        (path / NAME).symlink_to(target)
        return path

    return write


def with_pipe(path):
    good.write_files(path, BASE)
    os.mkfifo(path / NAME)
    return path


ODD_FILES = {
    "link to itself": (with_link(Path(NAME).name), "got a file that cannot be read (Too many"),
    "link to an endless device": (with_link("/dev/zero"), "got a pipe or device"),
    "pipe": (with_pipe, "got a pipe or device"),
    "folder named as an image": (
        in_folder(BASE | {f"{NAME}/a.png": png()}),
        "got a folder",
    ),
}


def odd_file_cases():
    message = f"{NAME}: got no such file, expected .*; fetch or unpack the images again, or pass"
    yield "link to nothing", Case(with_link("nothing"), message, NAME)
    for what, (write, message) in ODD_FILES.items():
        yield what, Case(write, f"{NAME}: {re.escape(message)}.*, {FIX_IMAGE}", NAME)


# -- names -------------------------------------------------------------------------------------

NAMES = {
    "unknown class folder": (
        "train/contempt/Training_1.png",
        "got 'contempt' in train, expected the class folders angry, disgust, fear, happy, sad, "
        "surprise, neutral",
    ),
    "file for a class folder": (
        "train/notes.txt",
        "got 'notes.txt' in train, expected the class folders",
    ),
    "name of another form": (
        "train/sad/1.png",
        r"got '1.png' in train/sad, expected Training_<id>\.jpg or \.png",
    ),
    "suffix": ("train/sad/Training_1.gif", "got 'Training_1.gif' in train/sad, expected Training_"),
    "name that clears the screen": (
        "train/sad/\x1b[2J\n.png",
        r"got '\\x1b\[2J\\n.png' in train/sad, expected Training_<id>",
    ),
    "deeper folder": ("train/sad/more/Training_1.png", "got 'more.*' in train/sad, expected"),
    "test image in train": (
        "train/sad/PublicTest_1.png",
        "got 'PublicTest_1.png' in train/sad, expected Training_<id>.jpg",
    ),
    "training image in test": (
        "test/sad/Training_1.png",
        "got 'Training_1.png' in test/sad, expected PublicTest_<id> or PrivateTest_<id>.jpg",
    ),
}


def name_cases():
    for what, (name, message) in NAMES.items():
        for where in (in_folder, in_zip):
            write = where(BASE | {name: png()})
            # a folder below a class folder is listed itself, not its files
            place = name.removesuffix("/Training_1.png") if "more" in name else name
            place = place if where is in_folder else name
            yield f"{what}, {where.__name__[3:]}", Case(write, f"{message}.*{FIX_NAME}", place)


# -- rows --------------------------------------------------------------------------------------


def row(label="3", pixels=None, usage="Training"):
    return f"{label},{' '.join(pixels or ['7'] * 2304)},{usage}\n".encode()


def with_pixel(value, at=1234):
    return ["7"] * at + [value] + ["7"] * (2303 - at)


EMOTION = r"expected one of 0 \(angry\), 1 \(disgust\), .*, 6 \(neutral\)"
LEVEL = r"expected an integer in 0\.\.255"

ROWS = {
    "2,303 pixels": (row(pixels=["7"] * 2303), "got 2303 pixels, expected 2304"),
    "2,305 pixels": (row(pixels=["7"] * 2305), "got 2305 pixels, expected 2304"),
    "semicolon": (row(pixels=["7;7", *["7"] * 2302]), "got 2303 pixels, expected 2304"),
    "no pixels": (b"3,,Training\n", "got 0 pixels, expected 2304"),
    "level 256": (row(pixels=with_pixel("256")), f"got level '256' in pixel 1234, {LEVEL}"),
    "level -1": (row(pixels=with_pixel("-1")), f"got level '-1' in pixel 1234, {LEVEL}"),
    "level 1.5": (row(pixels=with_pixel("1.5", 0)), rf"got level '1\.5' in pixel 0, {LEVEL}"),
    "level x": (row(pixels=with_pixel("x", 2303)), f"got level 'x' in pixel 2303, {LEVEL}"),
    "level of 9,999 digits": (
        row(pixels=with_pixel("9" * 9999)),
        f"got level '9{{20}}' in pixel 1234, {LEVEL}",
    ),
    "empty level": (row(pixels=with_pixel("")), "got 2303 pixels, expected 2304"),
    "commas between levels": (b"3" + b",7" * 2304 + b",Training\n", "got 2306 fields, expected 3 "),
    "label 9": (row(label="9"), f"got emotion '9', {EMOTION}"),
    "label 7": (row(label="7"), f"got emotion '7', {EMOTION}"),
    "label happy": (row(label="happy"), f"got emotion 'happy', {EMOTION}"),
    "no label": (row(label=""), f"got emotion '', {EMOTION}"),
    "other usage": (
        row(usage="Test"),
        "got Usage 'Test', expected one of Training, PublicTest, PrivateTest",
    ),
    "no usage": (row(usage=""), "got Usage '', expected one of Training, PublicTest, PrivateTest"),
    "2 fields": (b"3,7 7\n", "got 2 fields, expected 3"),
    "4 fields": (row(usage="Training,1"), "got 4 fields, expected 3"),
    "second header": (b"emotion,pixels,Usage\n", f"got emotion 'emotion', {EMOTION}"),
    "NUL in a level": (
        row(pixels=with_pixel("7\0")),
        rf"got level '7\\x00' in pixel 1234, {LEVEL}",
    ),
    "a line of NULs": (bytes(9000) + b"\n", "got 1 fields, expected 3"),
    "a line of a megabyte": (b"3," + b"7 " * 2**19 + b"\n", "got 65,536 bytes or more, expected"),
    "a quote without its other": (
        b'"3,' + b" ".join([b"7"] * 2304) + b",Training\n",
        "got emotion",
    ),
    "a quote at a level": (
        row(pixels=with_pixel('7"', 2303)),
        f"got level '7\"' in pixel 2303, {LEVEL}",
    ),
    "not UTF-8": (b"\xff" + row(), f"got emotion '\ufffd3', {EMOTION}"),
}


def row_cases():
    header, *lines = good.csv_text(good.SAMPLES).splitlines(keepends=True)
    for what, (line, message) in ROWS.items():
        # beside the edges of the chunks of rows that are parsed at once
        for at in (0, 7, 8, len(lines)):
            text = b"".join([header, *lines[:at], line, *lines[at:]])
            full = f", line {at + 2}: {message}.*{FIX_ROW}"
            yield f"{what}, line {at + 2}", Case(in_file("a.csv", text), full, at + 2)
    cut = b"".join([header, *lines, row()[:3000]])
    full = f", line {len(lines) + 2}: got 2 fields, expected 3 .*{FIX_ROW}"
    yield "last line cut", Case(in_file("a.csv", cut), full, len(lines) + 2)


# -- whole files -------------------------------------------------------------------------------

CSV = good.csv_text(good.SAMPLES)
FORMS = "expected FER2013 as a folder with train/ and test/, a zip of it, or a csv with the header"


def missing(path):
    return path / "no"


def link_loop(path):
    (path / "a").symlink_to("b")
    (path / "b").symlink_to("a")
    return path / "a"


def folder_loop(path):
    (path / "train").symlink_to("train")
    return path


def only_pipe(path):
    os.mkfifo(path / "fer2013.csv")
    return path / "fer2013.csv"


def cut_gz(path):
    content = gzip.compress(CSV)
    return good.write_files(path, {"a.csv.gz": content[:-50_000]}) / "a.csv.gz"


def gz_bomb(path):
    """1.1 GB of text in 1.2 MB: gzip files may be strung together."""
    start = gzip.compress(b"emotion,pixels,Usage\n")
    return good.write_files(path, {"a.gz": start + gzip.compress(b"7" * 2**24) * 70}) / "a.gz"


def gz_of_lines(line):
    """Millions of lines in a few kilobytes."""
    content = gzip.compress(b"emotion,pixels,Usage\n" + line * 2**20)
    return in_file("a.gz", content)


def nameless_entry(path):
    path /= "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo()
        info.filename = ""
        archive.writestr(info, b"")
    return path


def flip_byte(path, at):
    content = bytearray(path.read_bytes())
    content[at] ^= 0xFF
    path.write_bytes(content)
    return path


def damaged_member(compression):
    def write(path):
        path = in_zip({NAME: encode(GRAY)} | BASE, compression)(path)
        return flip_byte(path, 1000)

    return write


def damaged_directory(path):
    path = in_zip(BASE)(path)
    return flip_byte(path, path.read_bytes().rindex(b"PK\x01\x02"))


def damaged_zipped_csv(path):
    path = in_zip({"a\x1b[2J.csv": CSV})(path)
    path.write_bytes(path.read_bytes().replace(b" 10 ", b" 11 ", 1))
    return path


def patched_zip(files, change, compression=zipfile.ZIP_DEFLATED):
    """Write a zip and change the directory's entries, of 46 bytes and the name each."""

    def write(path):
        path = in_zip(files, compression)(path)
        content = bytearray(path.read_bytes())
        at = content.index(b"PK\x01\x02")
        while content[at : at + 4] == b"PK\x01\x02":
            name_size = int.from_bytes(content[at + 28 : at + 30], "little")
            name = content[at + 46 : at + 46 + name_size].decode()
            change(content, at, name)
            at += 46 + name_size
        path.write_bytes(content)
        return path

    return write


def encrypt(content, at, name):
    content[at + 8] |= 1


def claim(size, of):
    def change(content, at, name):
        if name == of:
            content[at + 24 : at + 28] = size.to_bytes(4, "little")

    return change


def two_of_a_name(path):
    files = {"train/sad/Training_1.png": png(1), "train/sad/Training_2.png": png(2)}
    path = in_zip(files)(path)
    path.write_bytes(path.read_bytes().replace(b"Training_2", b"Training_1"))
    return path


def zip_in_zip(path):
    inner = in_zip(BASE)(path).read_bytes()
    return good.write_zip(path / "outer.zip", {"fer2013.zip": inner})


def several(path):
    return good.write_files(path, {"a.csv": CSV, "b.csv": CSV, "c.csv": b"x"})


UTF_16 = "got text in UTF-16, expected a csv in UTF-8; save it again in that encoding"
NO_USAGE = r"got a csv that starts with b'emotion,pixels.*', expected the columns .*; add Usage, or"
NO_DISGUST = "got no disgust in Training, expected images of all seven classes; fetch .* on_error="
TWICE = r"got a zip with two entries '.*', expected each name once; fetch"
ESCAPES = r"got a zip whose entry '.*' leads out of it, expected names within it; do not unzip it"

WHOLE = {
    "no such path": (missing, f"got no such path, {FORMS}.*; check the path"),
    "links in a circle": (link_loop, f"got a symbolic link that leads nowhere, {FORMS}.*; check"),
    "train is a link to itself": (
        folder_loop,
        rf"got a folder with train \(a link that leads nowhere\), {FORMS}",
    ),
    "a pipe for a file": (only_pipe, f"got a pipe or device, {FORMS}.*; save it to a file"),
    "empty folder": (lambda path: path, f"got a folder with nothing, {FORMS}.*; pass the path"),
    "other folder": (
        in_folder({"a.txt": b"x", "b/c": b"x"}),
        f"got a folder with a.txt, b, {FORMS}",
    ),
    "two data sets": (several, "got a folder with a.csv, b.csv, expected one data set; pass"),
    "two image folders": (
        in_folder({"a/train/sad/Training_1.png": b"", "b/test/sad/PublicTest_1.png": b""}),
        "got a folder with a, b, expected one data set; pass the path of one",
    ),
    "no images": (in_folder({"train/sad/.DS_Store": b"x"}), "got no images, expected FER2013's; f"),
    "no rows": (in_file("a.csv", b"emotion,pixels,Usage\n"), "got no images, expected FER2013's"),
    "empty csv": (in_file("a.csv", b""), f"got an empty file, {FORMS}"),
    "other csv": (
        in_file("a.csv", b"label,pixels\n0,1\n"),
        rf"got a file that starts with b'label,pixels\\n', {FORMS} emotion,pixels,Usage; pass",
    ),
    "csv without Usage": (in_file("train.csv", CSV.replace(b",Usage", b"", 1)), NO_USAGE),
    "csv without pixels": (
        in_file("a.csv", b"emotion,Usage\n0,Training\n"),
        "got a csv that starts with .*, expected the columns .*; add pixels, or",
    ),
    "csv with an index": (
        in_file("a.csv", b"," + CSV),
        r"got a csv that starts with b',emotion,pixels,Usage.*', expected .* alone; separate .*",
    ),
    "csv with semicolons": (
        in_file("a.csv", CSV.replace(b",", b";")),
        r"got a csv that starts with b'emotion;pixels;Usage.*', expected .* alone; separate .*",
    ),
    "zipped csv without Usage": (in_zip({"train.csv": CSV.replace(b",Usage", b"")}), NO_USAGE),
    "csv in UTF-16": (in_file("a.csv", CSV.decode().encode("utf-16")), UTF_16),
    "zipped csv in UTF-16": (in_zip({"a.csv": CSV.decode().encode("utf-16")}), UTF_16),
    "NULs": (in_file("a.csv", bytes(9999)), rf"got a file that starts with b'\\x00.*', {FORMS}"),
    "cut zip": (
        in_file("a.zip", b"PK\x03\x04" + bytes(50)),
        "got a part of a zip file, expected all of it; fetch the file again",
    ),
    "gz cut in its header": (
        in_file("a.gz", b"\x1f\x8b\x08"),
        "got a gzip file that cannot be read",
    ),
    "cut gz": (
        cut_gz,
        r"got damaged data after line \d+ or before \(.*\), expected a whole file; fetch",
    ),
    "gz of a gigabyte": (gz_bomb, "got more than 1,073,741,824 bytes of text, expected FER2013's"),
    "gz of a million blank lines": (gz_of_lines(b"\n"), "got more than 131,072 lines, expected"),
    "missing class folder": (
        in_folder({name: content for name, content in BASE.items() if "train/disgust" not in name}),
        NO_DISGUST,
    ),
    "class without rows": (
        in_file("a.csv", good.csv_text([s for s in good.SAMPLES if s[:2] != ("Training", 1)])),
        NO_DISGUST,
    ),
    "missing split": (
        in_folder({name: content for name, content in BASE.items() if name.startswith("train")}),
        "got no PublicTest or PrivateTest images, expected them for subset='all'; ask for "
        "subset='train', or fetch the whole data set",
    ),
    "zip of an entry without a name": (nameless_entry, "got an empty file, expected"),
    "zip with a file for a folder": (
        in_zip({"train": b"", "test/sad/PublicTest_1.png": png()}),
        "got no Training or PrivateTest images, expected them",
    ),
    "zip of a very long name": (
        in_zip({"../" + "a" * 60_000: b"x"}),
        "got a zip whose entry '../a{197}' leads out",
    ),
    "empty zip": (in_zip({}), "got a zip with nothing, expected train/ and test/, or one readable"),
    "other zip": (in_zip({"a.txt": b"x"}), f"got a file that starts with b'x', {FORMS}"),
    "zip of empty folders": (
        in_zip({"train/sad/": b"", "train/.DS_Store": b""}),
        "got a zip with n",
    ),
    "zip of two csvs": (in_zip({"a.csv": CSV, "b.csv": CSV}), "got a zip with a.csv, b.csv, expec"),
    "zip of two image folders": (
        in_zip({"a/train/sad/Training_1.png": b"", "b/train/sad/Training_1.png": b""}),
        "got several folders with images, a/, b/, expected one data set; unzip it and pass",
    ),
    "zip within a zip": (zip_in_zip, f"got a zip within a zip, {FORMS}.*; unzip the outer one"),
    "encrypted zip": (
        patched_zip(BASE, encrypt),
        "got an encrypted zip, expected one without a password; unzip it and pass the path",
    ),
    "encrypted zip of a csv": (patched_zip({"a.csv": CSV}, encrypt), "got an encrypted zip"),
    "damaged directory of a zip": (
        damaged_directory,
        r"got a damaged zip \(.*\), expected a whole one; fetch the file again",
    ),
    "damaged csv in a zip": (
        damaged_zipped_csv,
        r"got damaged data after line \d+ or before \(Bad CRC",
    ),
    "unknown compression of a csv": (
        in_zip({"a.csv": CSV}, zipfile.ZIP_LZMA),
        "got a zip of compression method 14, expected stored or deflated entries; unzip it and",
    ),
    "unknown compression": (
        in_zip(BASE, zipfile.ZIP_BZIP2),
        "got a zip of compression method 12, expected stored or deflated entries; unzip it and",
    ),
    "entry that leads out": (in_zip(BASE | {"../train/sad/Training_1.png": png()}), ESCAPES),
    "entry with a root": (in_zip(BASE | {"/etc/passwd": b"x"}), ESCAPES),
    "entry that leads out below": (in_zip(BASE | {"train/../../a.png": png()}), ESCAPES),
    "two entries of a name": (two_of_a_name, TWICE),
    "csv of 3 GB in a zip": (
        patched_zip({"a.csv": CSV}, claim(3 * 2**30, "a.csv")),
        r"/a\.csv: got a csv of 3,221,225,472 bytes, expected FER2013's 301 million; fetch",
    ),
}

MEMBERS = {
    "damaged member": (
        damaged_member(zipfile.ZIP_STORED),
        "got a damaged zip member (size or check",
    ),
    "damaged deflated member": (damaged_member(zipfile.ZIP_DEFLATED), "got a damaged zip member ("),
    "member that claims 3 GB": (
        patched_zip({NAME: png()} | BASE, claim(3 * 2**30, NAME)),
        "got a file of 3,221,225,472 bytes",
    ),
    "member of 64 MB that claims 99 bytes": (
        patched_zip({NAME: bytes(2**26)} | BASE, claim(99, NAME)),
        "got a damaged zip member (size or checksum differs)",
    ),
}


def whole_cases():
    for what, (write, message) in WHOLE.items():
        yield what, Case(write, message)


def member_cases():
    for what, (write, message) in MEMBERS.items():
        yield what, Case(write, f"{NAME}: {re.escape(message)}.*, {FIX_IMAGE}", NAME)


CASES = {
    what: case
    for cases in (image_cases, odd_file_cases, name_cases, row_cases, whole_cases, member_cases)
    for what, case in cases()
}


def main():
    told = set()
    for what, case in CASES.items():
        kind = what.rpartition(", ")[0] or what
        if kind in told:
            continue
        told.add(kind)
        with tempfile.TemporaryDirectory() as folder:
            try:
                load_fer2013(case.write(Path(folder)), subset="all")
            except (ValueError, OSError) as error:
                print(f"{kind}\n    {type(error).__name__}: {error}".replace(folder, "..."))


if __name__ == "__main__":
    main()
