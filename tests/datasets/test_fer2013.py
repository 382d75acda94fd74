import gzip
import io
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ferkit._images import EMOTIONS
from ferkit.datasets import _fer2013_csv, _fer2013_images, load_fer2013

SPLITS = {"Training": "train", "PublicTest": "test", "PrivateTest": "test"}
HEADER = "emotion,pixels,Usage"


def draw(n_images, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n_images, 48, 48), dtype=np.uint8)


def make_samples():
    """Two images a class and usage: (usage, label, id, image), ids neither sorted nor padded."""
    kinds = [(usage, label) for usage in SPLITS for label in range(7) for _ in range(2)]
    numbers = np.random.default_rng(1).permutation(len(kinds)) * 7 + 2
    return [(*kind, int(n), im) for kind, n, im in zip(kinds, numbers, draw(42), strict=True)]


def name_of(usage, label, number, suffix="png"):
    return f"{SPLITS[usage]}/{EMOTIONS[label]}/{usage}_{number}.{suffix}"


def encode(image, suffix="png", **options):
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG" if suffix == "png" else "JPEG", **options)
    return stream.getvalue()


def write_files(root, files):
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def write_zip(path, files, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def image_files(samples, suffix="png"):
    return {name_of(u, y, n, suffix): encode(image, suffix) for u, y, n, image in samples}


def csv_text(samples, header=HEADER, newline="\n", quote=""):
    rows = [header]
    for usage, label, _, image in samples:
        fields = {
            "emotion": str(label),
            "pixels": " ".join(map(str, image.ravel().tolist())),
            "Usage": usage,
        }
        columns = [name.strip(' "') for name in header.split(",")]
        rows.append(",".join(f"{quote}{fields[column]}{quote}" for column in columns))
    return (newline.join(rows) + newline).encode()


def pairs(faces):
    return {
        (image.tobytes(), int(label), str(usage))
        for image, label, usage in zip(faces.images, faces.target, faces.usage, strict=True)
    }


def write_clutter(root):
    write_files(
        root,
        {
            ".DS_Store": b"x",
            "train/.DS_Store": b"x",
            "train/angry/Thumbs.db": b"x",
            "train/angry/._Training_1.jpg": b"x",
            "__MACOSX/train/angry/._Training_1.jpg": b"x",
            "README.md": b"x",
        },
    )


SAMPLES = make_samples()


def folder(tmp_path):
    return write_files(tmp_path, image_files(SAMPLES))


def cluttered_folder(tmp_path):
    write_clutter(folder(tmp_path))
    return tmp_path


def enclosed_folder(tmp_path):
    write_files(tmp_path / "fer2013", image_files(SAMPLES))
    write_files(tmp_path, {".DS_Store": b"x", "__MACOSX/._fer2013": b"x"})
    return tmp_path


def image_zip(tmp_path):
    return write_zip(tmp_path / "fer2013.zip", image_files(SAMPLES))


def deflated_enclosed_zip(tmp_path):
    files = {f"archive/{name}": content for name, content in image_files(SAMPLES).items()}
    clutter = {"archive/": b"", "__MACOSX/archive/train/angry/._Training_2.png": b"x"}
    return write_zip(tmp_path / "download", clutter | files, zipfile.ZIP_DEFLATED)


def folder_of_zip(tmp_path):
    image_zip(tmp_path)
    return write_files(tmp_path, {"README.md": b"# fer2013.zip\n", ".hidden.csv": b"x"})


def csv(tmp_path):
    return write_files(tmp_path, {"faces.txt": csv_text(SAMPLES)}) / "faces.txt"


def icml_csv(tmp_path):
    text = csv_text(SAMPLES, header="emotion, Usage, pixels")
    return write_files(tmp_path, {"icml_face_data.csv": text}) / "icml_face_data.csv"


def windows_csv(tmp_path):
    text = csv_text(SAMPLES, header='"emotion","pixels","Usage"', newline="\r\n", quote='"')
    return write_files(tmp_path, {"a.csv": b"\xef\xbb\xbf" + text + b"\r\n"}) / "a.csv"


def gzipped_csv(tmp_path):
    text = gzip.compress(csv_text(SAMPLES))
    return write_files(tmp_path, {"fer2013.csv.gz": text}) / "fer2013.csv.gz"


def zipped_csv(tmp_path):
    files = {"icml/fer2013.csv": csv_text(SAMPLES), "icml/train.csv": b"emotion,pixels\n"}
    return write_zip(tmp_path / "fer2013.csv.zip", files, zipfile.ZIP_DEFLATED)


def folder_of_csv(tmp_path):
    csv(tmp_path)
    return write_files(tmp_path, {"fer2013new.csv": b"Usage,Image name,neutral\n"})


IMAGE_LAYOUTS = [
    folder,
    cluttered_folder,
    enclosed_folder,
    image_zip,
    deflated_enclosed_zip,
    folder_of_zip,
]
CSV_LAYOUTS = [csv, icml_csv, windows_csv, gzipped_csv, zipped_csv, folder_of_csv]
each_layout = pytest.mark.parametrize("layout", IMAGE_LAYOUTS + CSV_LAYOUTS)


@each_layout
def test_every_layout_holds_the_same_data(layout, tmp_path):
    faces = load_fer2013(layout(tmp_path), subset="all")
    assert pairs(faces) == {(image.tobytes(), y, usage) for usage, y, _, image in SAMPLES}
    assert len(faces.images) == len(SAMPLES)


@each_layout
def test_subsets(layout, tmp_path):
    path = str(layout(tmp_path))
    for subset, usages in {
        "train": ["Training"],
        "public_test": ["PublicTest"],
        "private_test": ["PrivateTest"],
        "test": ["PublicTest", "PrivateTest"],
    }.items():
        faces = load_fer2013(path, subset=subset)
        assert pairs(faces) == {(im.tobytes(), y, u) for u, y, _, im in SAMPLES if u in usages}


@pytest.mark.parametrize("layout", [folder, csv])
def test_bunch(layout, tmp_path):
    faces = load_fer2013(layout(tmp_path))
    place = "filenames" if layout is folder else "row_numbers"
    expected = ["DESCR", "data", place, "images", "target", "target_names", "usage"]
    assert sorted(faces) == sorted(expected)
    assert faces.images.shape == (14, 48, 48)
    assert faces.images.dtype == np.uint8
    assert faces.images.flags.c_contiguous
    assert faces.images.flags.writeable
    assert faces.data.shape == (14, 2304)
    assert np.shares_memory(faces.data, faces.images)
    assert faces.target.shape == faces.usage.shape == faces[place].shape == (14,)
    assert faces.target.dtype == np.int64
    assert faces.target_names == list(EMOTIONS)
    assert "FER2013" in faces.DESCR


@pytest.mark.parametrize("layout", [folder, csv])
def test_return_X_y(layout, tmp_path):
    path = layout(tmp_path)
    faces = load_fer2013(path, subset="test")
    images, target = load_fer2013(path, subset="test", return_X_y=True)
    np.testing.assert_array_equal(images, faces.images)
    np.testing.assert_array_equal(target, faces.target)


@pytest.mark.parametrize("layout", IMAGE_LAYOUTS)
def test_order_of_files(layout, tmp_path):
    faces = load_fer2013(layout(tmp_path), subset="all")
    order = sorted(SAMPLES, key=lambda s: (list(SPLITS).index(s[0]), EMOTIONS[s[1]], s[2]))
    assert faces.filenames.tolist() == [name_of(*sample[:3]) for sample in order]
    np.testing.assert_array_equal(faces.images, [sample[3] for sample in order])


def test_order_of_rows(tmp_path):
    samples = [SAMPLES[i] for i in np.random.default_rng(2).permutation(len(SAMPLES))]
    text = csv_text(samples).replace(b"\n", b"\n\n", 1)  # line 2 is blank
    faces = load_fer2013(write_files(tmp_path, {"a.csv": text}) / "a.csv", subset="test")
    rows = [(i, s) for i, s in enumerate(samples, start=3) if s[0] != "Training"]
    assert faces.row_numbers.tolist() == [i for i, _ in rows]
    np.testing.assert_array_equal(faces.images, [sample[3] for _, sample in rows])


def smooth(samples):
    """Images that JPEG likes; the corners make sure that a decoder's clipping is seen."""
    ramp = np.add.outer(np.arange(48), np.arange(48)) * 2
    return [(*sample[:3], np.uint8(np.clip(ramp + 3 * i, 0, 255))) for i, sample in samples]


@pytest.mark.parametrize("options", [{}, {"optimize": True}, {"progressive": True}])
def test_jpeg_decodes_as_pillow_does(tmp_path, options):
    samples = smooth(enumerate(SAMPLES))
    files = {name_of(*s[:3], "jpg"): encode(s[3], "jpg", **options) for s in samples}
    faces = load_fer2013(write_zip(tmp_path / "a.zip", files), subset="all")
    for name, image in zip(faces.filenames, faces.images, strict=True):
        np.testing.assert_array_equal(image, Image.open(io.BytesIO(files[name])))


def test_an_rgb_image_with_equal_channels_is_gray(tmp_path):
    image = draw(1)[0]
    content = encode(np.repeat(image[..., np.newaxis], 3, axis=2))
    write_files(tmp_path, {"train/sad/Training_1.png": content})
    np.testing.assert_array_equal(load_fer2013(tmp_path).images, [image])


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_other_subsets_are_not_decoded(tmp_path, kind):
    files = image_files(SAMPLES[:14]) | {"test/sad/PublicTest_1.jpg": b"not an image"}
    path = write_files(tmp_path, files) if kind == "folder" else write_zip(tmp_path / "a", files)
    assert len(load_fer2013(path).images) == 14
    with pytest.raises(ValueError, match="not an i"):
        load_fer2013(path, subset="public_test")


def test_pixels_of_other_subsets_are_not_parsed(tmp_path):
    text = csv_text(SAMPLES[:14]) + b"0,no pixels,PublicTest\n"
    path = write_files(tmp_path, {"a.csv": text}) / "a.csv"
    assert len(load_fer2013(path).images) == 14
    with pytest.raises(ValueError, match="line 16: got 2 pixels"):
        load_fer2013(path, subset="public_test")


def test_odd_but_right_rows(tmp_path):
    text = csv_text(SAMPLES[:1]).replace(b" ", b"  ", 5).replace(b"  ", b" 0", 1)
    text = text.replace(b",Tr", b" , Tr")
    path = write_files(tmp_path, {"a.csv": text}) / "a.csv"
    np.testing.assert_array_equal(load_fer2013(path).images[0], SAMPLES[0][3])


@pytest.mark.parametrize("n_rows", [1, 7, 8, 9, 20])
def test_the_two_parsers_agree(n_rows):
    images = draw(n_rows)
    images[0, 0, :6] = [0, 9, 10, 99, 100, 255]
    chunk = [" ".join(map(str, image.ravel().tolist())).encode() for image in images]
    assert _fer2013_csv._parse_fast(chunk) == images.tobytes()
    assert b"".join(_fer2013_csv._parse_row(row, "", 0) for row in chunk) == images.tobytes()


@pytest.mark.parametrize("at", [0, 1, 1150, 2303])
@pytest.mark.parametrize(
    "value", ["256", "999", "1000", "0255", "", "-1", "+1", "1.5", "1\t2", "1\n2", "1 2", "a", "é"]
)
def test_the_fast_parser_leaves_flaws_to_the_other(value, at):
    row = ["7"] * 2304
    row[at] = value
    flawed = " ".join(row).encode()
    good = " ".join(["7"] * 2304).encode()
    assert _fer2013_csv._parse_fast([good, flawed, good]) is None


def test_the_fast_parser_counts_by_row():
    chunk = [" ".join(["7"] * n).encode() for n in (2303, 2305)]
    assert _fer2013_csv._parse_fast(chunk) is None


def png(value=0, shape=(48, 48)):
    return encode(np.full(shape, value, np.uint8))


def colour():
    image = np.zeros((48, 48, 3), np.uint8)
    image[5, 7] = 1, 2, 3
    return encode(image)


JPEG = encode(smooth(enumerate(SAMPLES[:1]))[0][3], "jpg")
NAME = "train/happy/Training_12.png"
FIX_IMAGE = "expected a gray JPEG or PNG of 48 x 48 pixels; replace or remove the file"

# What a file holds, and what is said about it.
BAD_IMAGES = {
    "empty": (b"", f"got 0 bytes that start with b'', {FIX_IMAGE}"),
    "text": (b"<html>Log in", rf"got 12 bytes that start with b'<html>Lo', {FIX_IMAGE}"),
    "gif": (b"GIF89a" + bytes(50), f"got 56 bytes that start with b'GIF89a.*', {FIX_IMAGE}"),
    "truncated png": (encode(SAMPLES[0][3])[:900], f"got a damaged image (.*), {FIX_IMAGE}"),
    "truncated jpeg": (JPEG[:-99], f"got a damaged image (.*truncated.*), {FIX_IMAGE}"),
    "jpeg header": (JPEG[:180], f"got a damaged image (.*), {FIX_IMAGE}"),
    "jpeg start": (JPEG[:15], f"got .*, {FIX_IMAGE}"),
    "size": (png(shape=(48, 47)), f"got an image of 47 x 48 pixels, {FIX_IMAGE}"),
    "large": (encode(np.zeros((64, 64), np.uint8), "jpg"), "got an image of 64 x 64 pixels"),
    "colour": (colour(), f"got a colour image, {FIX_IMAGE}"),
    "alpha": (png(shape=(48, 48, 4)), f"got an image of mode RGBA, {FIX_IMAGE}"),
}


@pytest.mark.parametrize("kind", ["folder", "zip"])
@pytest.mark.parametrize("bad", BAD_IMAGES)
def test_bad_image(tmp_path, kind, bad):
    content, message = BAD_IMAGES[bad]
    files = {f"train/happy/Training_{i}.png": png(i) for i in range(2, 20)} | {NAME: content}
    path = write_files(tmp_path, files) if kind == "folder" else write_zip(tmp_path / "a", files)
    with pytest.raises(ValueError, match=rf"{re.escape(f'{path}/{NAME}')}: {message}"):
        load_fer2013(path)


def test_the_first_bad_image_is_named(tmp_path):
    files = {f"train/sad/Training_{i}.png": b"?" for i in range(600)}
    with pytest.raises(ValueError, match=r"/train/sad/Training_0\.png: got 1 bytes"):
        load_fer2013(write_files(tmp_path, files))


BAD_NAMES = {
    "class": (
        "train/contempt/Training_1.png",
        "got 'contempt' in train, expected the class folders angry, disgust, fear, happy, sad, "
        "surprise, neutral; rename or remove it",
    ),
    "file for class": ("train/notes.txt", "got 'notes.txt' in train, expected the class folders"),
    "name": (
        "train/sad/1.png",
        "got '1.png' in train, expected Training_<id>.jpg or .png; rename or remove it",
    ),
    "suffix": ("train/sad/Training_1.gif", "got 'Training_1.gif' in train, expected Training_<id>"),
    "deep": ("train/sad/more/Training_1.png", "got 'more.*' in train, expected Training_<id>"),
    "leak": (
        "train/sad/PublicTest_1.png",
        "got 'PublicTest_1.png' in train, expected Training_<id>.jpg or .png; rename or remove it",
    ),
    "leak into test": (
        "test/sad/Training_1.png",
        "got 'Training_1.png' in test, expected PublicTest_<id> or PrivateTest_<id>.jpg or .png",
    ),
}


@pytest.mark.parametrize("kind", ["folder", "zip"])
@pytest.mark.parametrize("bad", BAD_NAMES)
def test_bad_name(tmp_path, kind, bad):
    name, message = BAD_NAMES[bad]
    files = {name: png(), "train/sad/Training_3.png": png()}
    path = write_files(tmp_path, files) if kind == "folder" else write_zip(tmp_path / "a", files)
    with pytest.raises(ValueError, match=message):
        load_fer2013(path)


def row(label="3", pixels=None, usage="Training"):
    return f"{label},{' '.join(pixels or ['7'] * 2304)},{usage}\n".encode()


def with_pixel(value, at=1234):
    return ["7"] * at + [value] + ["7"] * (2303 - at)


FIX_ROW = "; mend or remove the line, or fetch the file again"

BAD_ROWS = {
    "few pixels": (row(pixels=["7"] * 2303), f"got 2303 pixels, expected 2304{FIX_ROW}"),
    "many pixels": (row(pixels=["7"] * 2305), f"got 2305 pixels, expected 2304{FIX_ROW}"),
    "no pixels": (b"3,,Training\n", "got 0 pixels, expected 2304"),
    "high": (
        row(pixels=with_pixel("256")),
        rf"got level '256' in pixel 1234, expected an integer in 0\.\.255{FIX_ROW}",
    ),
    "negative": (row(pixels=with_pixel("-1")), "got level '-1' in pixel 1234, expected an integer"),
    "float": (row(pixels=with_pixel("0.5", 0)), "got level '0.5' in pixel 0, expected an integer"),
    "text": (row(pixels=with_pixel("é", 2303)), "got level 'é' in pixel 2303, expected an integer"),
    "long": (row(pixels=with_pixel("9" * 9999)), "got level '9{20}' in pixel 1234, expected"),
    "label": (
        row(label="7"),
        rf"got emotion '7', expected one of 0 \(angry\), .*, 6 \(neutral\){FIX_ROW}",
    ),
    "name for label": (row(label="happy"), r"got emotion 'happy', expected one of 0 \(angry\)"),
    "usage": (
        row(usage="Test"),
        f"got Usage 'Test', expected one of Training, PublicTest, PrivateTest{FIX_ROW}",
    ),
    "few fields": (b"3,7 7\n", f"got 2 fields, expected 3{FIX_ROW}"),
    "many fields": (row(usage="Training,1"), f"got 4 fields, expected 3{FIX_ROW}"),
    "no newline": (row()[:3000], f"got 2 fields, expected 3{FIX_ROW}"),
}


@pytest.mark.parametrize("place", [0, 7, 8, 19])
@pytest.mark.parametrize("bad", BAD_ROWS)
def test_bad_row(tmp_path, bad, place):
    content, message = BAD_ROWS[bad]
    text = f"{HEADER}\n".encode() + row() * place + content
    path = write_files(tmp_path, {"a.csv": text}) / "a.csv"
    with pytest.raises(ValueError, match=rf"a\.csv, line {place + 2}: {message}"):
        load_fer2013(path)


# What a folder holds, what is loaded from it, and what is said.
BAD_PATHS = {
    "missing": ({}, "no", "/no: got a path where nothing is, expected FER2013 as .*; check"),
    "empty folder": ({}, "", "got a folder with nothing, expected FER2013 as a folder .*; pass"),
    "other folder": ({"a.txt": b"x", "b/c": b"x"}, "", "got a folder with a.txt, b, expected"),
    "no images": ({"train/sad/.DS_Store": b"x"}, "", "got no images, expected FER2013's; fetch"),
    "no rows": ({"a.csv": b"emotion,pixels,Usage\n"}, "a.csv", "a.csv: got no images, expected"),
    "empty file": ({"a.csv": b""}, "a.csv", "got a file that starts with b'', expected FER2013"),
    "header": (
        {"a.csv": b"label,pixels\n0,1\n"},
        "a.csv",
        r"got a file that starts with b'label,pixels\\n', expected FER2013 as .* header "
        "emotion,pixels,Usage; pass",
    ),
    "binary": ({"a.csv": bytes(9999)}, "a.csv", r"got a file that starts with b'\\x00"),
    "cut zip": ({"a.zip": b"PK\x03\x04" + bytes(50)}, "a.zip", "got a part of a zip file, expect"),
    "cut gz header": ({"a.gz": b"\x1f\x8b\x08"}, "a.gz", "got a gzip file that cannot be read"),
    "ambiguous files": (
        {"a.csv": csv_text(SAMPLES), "b.csv": csv_text(SAMPLES), "c.csv": b"x"},
        "",
        "got a folder with a.csv, b.csv, expected one data set; pass the path of one",
    ),
    "ambiguous folders": (
        {"a/train/sad/Training_1.png": b"", "b/test/sad/PublicTest_1.png": b""},
        "",
        "got a folder with a, b, expected one data set",
    ),
}


@pytest.mark.parametrize("bad", BAD_PATHS)
def test_bad_path(tmp_path, bad):
    files, path, message = BAD_PATHS[bad]
    write_files(tmp_path, files)
    error = FileNotFoundError if bad == "missing" else ValueError
    with pytest.raises(error, match=message) as caught:
        load_fer2013(tmp_path / path)
    assert str(caught.value).startswith(str(tmp_path / path))


BAD_ZIPS = {
    "empty": ({}, "got a zip with nothing, expected train/ and test/, or one readable csv with"),
    "foreign": ({"a.txt": b"x"}, "got a zip with a.txt, expected train/ and test/.*; unzip it"),
    "two csvs": ({"a.csv": csv_text([]), "b.csv": csv_text([])}, "got a zip with a.csv, b.csv"),
    "no rows": ({"a.csv": csv_text([])}, "got no images, expected FER2013's"),
    "no images": ({"train/sad/": b"", "train/.DS_Store": b""}, "got a zip with nothing"),
    "two roots": (
        {"a/train/sad/Training_1.png": b"", "b/train/sad/Training_1.png": b""},
        "got several folders with images, a/, b/, expected one data set; unzip it",
    ),
}


@pytest.mark.parametrize("bad", BAD_ZIPS)
def test_bad_zip(tmp_path, bad):
    files, message = BAD_ZIPS[bad]
    with pytest.raises(ValueError, match=rf"a\.zip(/a\.csv)?: {message}"):
        load_fer2013(write_zip(tmp_path / "a.zip", files))


def flip_byte(path, at):
    content = bytearray(path.read_bytes())
    content[at] ^= 0xFF
    path.write_bytes(content)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_damaged_zip_member_is_named(tmp_path, compression):
    path = write_zip(tmp_path / "a.zip", {NAME: encode(SAMPLES[0][3])}, compression)
    flip_byte(path, 1000)
    message = rf"{NAME}: got a damaged zip member \(.*\), expected its checksum to match; fetch"
    with pytest.raises(ValueError, match=message):
        load_fer2013(path)


def test_an_unknown_compression_is_named(tmp_path):
    path = write_zip(tmp_path / "a.zip", {NAME: png()}, zipfile.ZIP_BZIP2)
    with pytest.raises(ValueError, match=r"member \(compression method 12\)"):
        load_fer2013(path)


def test_damaged_gzip(tmp_path):
    path = gzipped_csv(tmp_path)
    path.write_bytes(path.read_bytes()[:-50_000])
    with pytest.raises(ValueError, match=r"gz, line \d+: got damaged data \(.*\), expected a csv"):
        load_fer2013(path, subset="all")


def test_damaged_zipped_csv(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"a.csv": csv_text(SAMPLES)})
    path.write_bytes(path.read_bytes().replace(b" 10 ", b" 11 ", 1))
    with pytest.raises(ValueError, match=r"a\.csv, line \d+: got damaged data \(Bad CRC-32"):
        load_fer2013(path, subset="all")


def test_unknown_subset(tmp_path):
    with pytest.raises(ValueError, match="got subset='val', expected one of 'train', 'public_test"):
        load_fer2013(tmp_path, subset="val")


@pytest.mark.parametrize("kind", ["folder", "zip", "csv"])
@pytest.mark.parametrize(
    ("subset", "missing"),
    [
        ("private_test", "PrivateTest"),
        ("test", "PrivateTest"),
        ("all", "PrivateTest"),
    ],
)
def test_a_missing_subset(tmp_path, kind, subset, missing):
    samples = SAMPLES[:28]
    if kind == "csv":
        path = write_files(tmp_path, {"a.csv": csv_text(samples)}) / "a.csv"
    elif kind == "zip":
        path = write_zip(tmp_path / "a.zip", image_files(samples))
    else:
        path = write_files(tmp_path, image_files(samples))
    message = (
        f"{re.escape(str(path))}: got no {missing} images, expected them for subset='{subset}'; "
        "ask for subset='train' or 'public_test', or fetch the whole data set"
    )
    with pytest.raises(ValueError, match=message):
        load_fer2013(path, subset=subset)


@pytest.mark.parametrize("layout", [image_zip, csv])
def test_the_progress_bar_waits(layout, tmp_path, capfd):
    load_fer2013(layout(tmp_path))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("layout", [image_zip, csv])
@pytest.mark.parametrize("fails", [False, True])
def test_a_slow_load_shows_a_bar_and_closes_it(layout, tmp_path, capfd, monkeypatch, fails):
    import tqdm

    bars = []

    class Bar(tqdm.tqdm):
        def __init__(self, *args, delay, **options):
            assert delay == 2
            super().__init__(*args, **options)  # without the delay
            bars.append(self)

    def fail(*_):
        raise ValueError("no")

    monkeypatch.setattr(tqdm, "tqdm", Bar)
    path = layout(tmp_path)
    if fails:
        monkeypatch.setattr(_fer2013_images, "_decode", fail)
        monkeypatch.setattr(_fer2013_csv, "_append_levels", fail)
        with pytest.raises(ValueError, match="no"):
            load_fer2013(path)
    else:
        load_fer2013(path)
    out, err = capfd.readouterr()
    assert out == ""
    assert "FER2013" in err
    assert bars[0].disable  # that is, closed


def test_import_is_light():
    code = (
        "import sys, ferkit.datasets; "
        "print([name for name in ('torch', 'PIL.Image', 'tqdm') if name in sys.modules])"
    )
    root = Path(__file__).parents[2]
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root
    ).stdout
    assert output.strip() == "[]"


@pytest.fixture(scope="module")
def real():
    if not os.environ.get("FERKIT_DATA"):
        pytest.skip("FERKIT_DATA does not name the folder that holds FER2013")
    return os.environ["FERKIT_DATA"]


@pytest.mark.parametrize(
    ("subset", "counts"),
    [
        ("train", [3995, 436, 4097, 7215, 4830, 3171, 4965]),
        ("public_test", [467, 56, 496, 895, 653, 415, 607]),
    ],
)
def test_real_class_counts(real, subset, counts):
    images, target = load_fer2013(real, subset=subset, return_X_y=True)
    assert np.bincount(target).tolist() == counts
    assert images.shape == (sum(counts), 48, 48)


def test_real_images_are_pillows(real):
    path = Path(real) / "fer2013.zip"
    if not path.exists():
        pytest.skip("FERKIT_DATA holds no fer2013.zip")
    faces = load_fer2013(path)
    with zipfile.ZipFile(path) as archive:
        for i in range(0, len(faces.images), 97):
            with archive.open(faces.filenames[i]) as file, Image.open(file) as image:
                np.testing.assert_array_equal(faces.images[i], image)
