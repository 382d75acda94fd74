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

from ferkit import EMOTIONS
from ferkit.datasets import _fer2013_csv, _fer2013_images, load_fer2013
from tests.datasets.fer2013_files import (
    CSV_LAYOUTS,
    IMAGE_LAYOUTS,
    SAMPLES,
    SPLITS,
    csv,
    csv_text,
    draw,
    encode,
    folder,
    gzipped_csv,
    icml_csv,
    image_files,
    image_zip,
    name_of,
    pairs,
    write_files,
    write_zip,
)

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
    expected = ["DESCR", "data", place, "images", "skipped", "target", "target_names", "usage"]
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
    files = {
        name_of(*sample[:3]): encode(np.repeat(sample[3][..., np.newaxis], 3, axis=2))
        for sample in SAMPLES
    }
    faces = load_fer2013(write_files(tmp_path, files), subset="all")
    assert pairs(faces) == {(image.tobytes(), y, usage) for usage, y, _, image in SAMPLES}


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_other_subsets_are_not_decoded(tmp_path, kind):
    files = image_files(SAMPLES[:28]) | {"test/sad/PublicTest_1.jpg": b"not an image"}
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
    text = csv_text(SAMPLES[:14]).replace(b" ", b"  ", 5).replace(b"  ", b" 0", 1)
    text = text.replace(b",Tr", b" , Tr", 1)
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
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    path = layout(tmp_path)
    if fails:
        monkeypatch.setattr(_fer2013_images, "_decode", fail)
        monkeypatch.setattr(_fer2013_csv, "_append_rows", fail)
        with pytest.raises(ValueError, match="no"):
            load_fer2013(path)
    else:
        load_fer2013(path)
    out, err = capfd.readouterr()
    assert out == ""
    assert "FER2013" in err
    assert bars[0].disable  # that is, closed


@pytest.mark.parametrize("layout", [image_zip, csv])
def test_a_log_gets_no_bar(layout, tmp_path, capfd, monkeypatch):
    import tqdm

    bar = tqdm.tqdm
    monkeypatch.setattr(tqdm, "tqdm", lambda *args, delay, **options: bar(*args, **options))
    load_fer2013(layout(tmp_path))
    assert capfd.readouterr() == ("", "")


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


def test_real_pairs_are_the_same_from_every_layout(real, tmp_path):
    faces = load_fer2013(real, subset="public_test")
    rows = zip(faces.usage, faces.target, range(len(faces.images)), faces.images, strict=True)
    samples = [(str(usage), int(label), i, image) for usage, label, i, image in rows]
    for layout in (folder, image_zip, csv, gzipped_csv, icml_csv):
        root = tmp_path / layout.__name__
        root.mkdir()
        again = load_fer2013(layout(root, samples), subset="public_test")
        assert len(again.images) == len(samples)
        assert pairs(again) == pairs(faces)
