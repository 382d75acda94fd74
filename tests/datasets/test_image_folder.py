import io
import re
import tempfile
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from ferkit import EMOTIONS
from ferkit.datasets import _any_images, load_fer2013, load_image_folder
from ferkit.deploy import read_photo
from tests.datasets.fer2013_files import csv, write_clutter, write_files
from tests.datasets.image_sets import colours, encode, faces, write_classes
from tests.helpers import without_rights

FIX = r"; convert, replace or remove the file, or pass on_error='skip'$"
READ_ANYHOW = r"; make it 8 bits without transparency .+, or pass on_error='skip'$"


def two_classes(root):
    return write_classes(root, {"smile": faces()[:3], "other": faces()[3:7]})


def test_bunch(tmp_path):
    data = load_image_folder(str(two_classes(tmp_path)))
    expected = ["DESCR", "data", "filenames", "images", "skipped", "target", "target_names"]
    assert sorted(data) == sorted(expected)
    np.testing.assert_array_equal(data.images, faces()[[3, 4, 5, 6, 0, 1, 2]])
    assert data.images.dtype == np.uint8
    assert data.images.flags.writeable
    assert data.data.shape == (7, 2304)
    assert np.shares_memory(data.data, data.images)
    assert data.target.tolist() == [0] * 4 + [1] * 3
    assert data.target.dtype == np.int64
    assert data.target_names == ["other", "smile"]
    assert data.filenames[[0, -1]].tolist() == ["other/000.png", "smile/002.png"]
    assert data.skipped == []
    assert "7" in data.DESCR
    assert "other, smile" in data.DESCR


def test_return_X_y(tmp_path):
    data = load_image_folder(two_classes(tmp_path))
    images, target = load_image_folder(tmp_path, return_X_y=True)
    np.testing.assert_array_equal(images, data.images)
    np.testing.assert_array_equal(target, data.target)


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    two_classes(tmp_path / "faces")
    data = load_image_folder("~/faces", memmap="~/faces.npy")
    assert len(np.load(tmp_path / "faces.npy")) == len(data.images) == 7
    fer2013 = csv(tmp_path)
    assert len(load_fer2013(f"~/{fer2013.name}").images) > 0


@pytest.mark.parametrize("classes", [EMOTIONS, ("surprise", "neutral", "angry")])
def test_emotions_have_ferkits_labels(classes, tmp_path):
    write_classes(tmp_path, {name: faces()[i : i + 1] for i, name in enumerate(classes)})
    data = load_image_folder(tmp_path)
    assert data.target_names == list(EMOTIONS)
    assert [EMOTIONS[label] for label in data.target] == sorted(classes)
    assert [name.split("/")[0] for name in data.filenames] == sorted(classes)


def test_seven_other_classes_without_their_names_warn(tmp_path):
    names = ["anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise"]
    for name in names:
        (tmp_path / name).mkdir()
        Image.new("L", (4, 4)).save(tmp_path / name / "1.png")
    with pytest.warns(UserWarning, match="expected those in ferkit.EMOTIONS, which 0 to 6 mean"):
        data = load_image_folder(tmp_path)
    assert data.target_names == names
    (tmp_path / "zeal").mkdir()
    Image.new("L", (4, 4)).save(tmp_path / "zeal" / "1.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_image_folder(tmp_path)


def test_subjects_in_the_class_folders(tmp_path):
    for name in ("Anger", "Happiness"):
        (tmp_path / name / "S1").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"such as Anger/S1, expected images; move these up"):
        load_image_folder(tmp_path)


def test_emotions_spelt_otherwise_keep_their_names_and_warn(tmp_path):
    classes = {"Happiness": faces()[:1], "anger": faces()[1:2], "sad": faces()[2:3]}
    with pytest.warns(UserWarning, match="Happiness, anger, sad.* to happy, angry, sad for") as w:
        data = load_image_folder(write_classes(tmp_path, classes))
    assert [warning.filename for warning in w] == [__file__]
    assert data.target_names == sorted(classes)
    assert data.target.tolist() == [0, 1, 2]


def test_clutter_and_files_beside_the_classes_are_ignored(tmp_path):
    write_clutter(tmp_path / "smile")
    write_files(two_classes(tmp_path), {"labels.csv": b"x", ".git/x.png": b"x"})
    (tmp_path / "smile" / "README.md").unlink()
    for name in ("train", "__MACOSX"):
        for path in sorted((tmp_path / "smile" / name).rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        (tmp_path / "smile" / name).rmdir()
    assert len(load_image_folder(tmp_path).images) == 7


@pytest.mark.parametrize("format", ["JPEG", "PNG", "BMP", "GIF", "PPM", "TIFF", "WEBP"])
@pytest.mark.parametrize("gray", [True, False])
def test_formats(format, gray, tmp_path):
    options = {"lossless": True} if format == "WEBP" else {}
    smooth = np.uint8(np.indices((20, 30, 3)).sum(axis=0) * 4)  # JPEG clips no colour of it
    content = encode(smooth, format, **options)
    write_files(tmp_path, {"a/1": content})
    image = load_image_folder(tmp_path, gray=gray).images[0]
    expected = np.asarray(Image.open(io.BytesIO(content)).convert("L" if gray else "RGB"))
    assert image.shape == ((20, 30) if gray else (20, 30, 3))
    difference = np.abs(image.astype(int) - expected)
    assert difference.max() <= (2 if format == "JPEG" and gray else 0)  # luma, rounded elsewhere


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK"])
def test_modes(mode, tmp_path):
    content = encode(colours(), "TIFF" if mode == "CMYK" else "PNG", mode=mode)
    write_files(tmp_path, {"a/1": content})
    opened = Image.open(io.BytesIO(content))
    for gray, target in ((True, "L"), (False, "RGB")):
        image = load_image_folder(tmp_path, gray=gray).images[0]
        np.testing.assert_array_equal(image, opened.convert(target))


def test_a_gray_jpeg_of_the_size_is_pillows(tmp_path):
    contents = [encode(face, "JPEG") for face in faces()]
    write_files(tmp_path, {f"a/{i:03}.jpg": content for i, content in enumerate(contents)})
    expected = [np.asarray(Image.open(io.BytesIO(content))) for content in contents]
    np.testing.assert_array_equal(load_image_folder(tmp_path).images, expected)


@given(
    shape=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    size=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    gray=st.booleans(),
)
def test_resizing_is_pillows(shape, size, gray, tmp_path_factory):
    root = write_files(tmp_path_factory.mktemp("a"), {"a/1.png": encode(colours(shape=shape))})
    image = load_image_folder(root, image_size=size, gray=gray).images[0]
    expected = Image.fromarray(colours(shape=shape)).convert("L" if gray else "RGB")
    expected = expected.resize(size[::-1], Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(image, expected)


def test_a_large_jpeg_is_antialiased(tmp_path):
    y, x = np.mgrid[:800, :800]
    smooth = np.uint8(127 + 100 * np.sin(x / 120) * np.cos(y / 90))
    noisy = smooth ^ np.uint8(np.random.default_rng(0).integers(0, 2, (800, 800)) * 16)
    write_files(tmp_path, {"a/1.jpg": encode(noisy, "JPEG", quality=95)})
    image = load_image_folder(tmp_path, image_size=48).images[0]
    expected = Image.fromarray(noisy).resize((48, 48), Image.Resampling.BICUBIC)
    assert np.abs(image.astype(int) - np.asarray(expected)).max() <= 4


@pytest.mark.parametrize("gray", [True, False])
def test_a_single_size_is_square(gray, tmp_path):
    data = load_image_folder(two_classes(tmp_path), image_size=np.int64(16).item(), gray=gray)
    assert data.images.shape == (7, 16, 16) if gray else (7, 16, 16, 3)
    assert data.data.shape == (7, 256 if gray else 768)


@pytest.mark.parametrize("orientation", range(10))  # 0 and 9 mean nothing
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_images_are_turned_upright(orientation, format, tmp_path):
    image = Image.fromarray(faces()[0])
    stored = image.resize((20, 30) if orientation in range(5, 9) else (30, 20))
    exif = stored.getexif()
    exif[0x0112] = orientation
    write_files(tmp_path, {"a/1": encode(np.asarray(image.resize((30, 20)))), "b/1": b""})
    stored.save(tmp_path / "b" / "1", format, exif=exif)
    upright = ImageOps.exif_transpose(Image.open(tmp_path / "b" / "1")).convert("L")
    assert upright.size == (30, 20)
    for size in (None, (10, 15)):
        got = load_image_folder(tmp_path, image_size=size).images[1]
        expected = upright.resize((size or (20, 30))[::-1], Image.Resampling.BICUBIC)
        assert np.abs(got.astype(int) - np.asarray(expected)).max() <= 2


@pytest.mark.parametrize("exif", [b"Exif\0\0junkjunkjunkjunk", b"Exif\0\0MM\0*"])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_a_damaged_tag_condemns_no_image(exif, format, tmp_path):
    (tmp_path / "a").mkdir()
    Image.fromarray(faces()[0]).save(tmp_path / "a" / "1", format, exif=exif)
    assert load_image_folder(tmp_path).images.shape == (1, 48, 48)
    assert read_photo(tmp_path / "a" / "1").shape[:2] == (48, 48)


def test_a_missing_size_demands_a_common_one(tmp_path):
    write_files(two_classes(tmp_path), {"smile/odd.png": encode(colours())})
    message = (
        r"smile/odd.png: got 30 x 20 pixels, expected 48 x 48 pixels as in other/000.png; "
        r"replace or remove it, pass image_size=48 or \(48, 48\) to resize all, or pass "
        r"on_error='skip'$"
    )
    with pytest.raises(ValueError, match=message):
        load_image_folder(tmp_path)
    assert load_image_folder(tmp_path, image_size=(48, 48)).images.shape == (8, 48, 48)
    with pytest.warns(UserWarning, match="left out 1 bad sample"):
        data = load_image_folder(tmp_path, on_error="skip")
    assert data.images.shape == (7, 48, 48)


@pytest.mark.parametrize("image_size", [None, 48])
def test_of_what_is_no_image_a_kind_is_expected_not_a_size(image_size, tmp_path):
    two_classes(tmp_path)
    (tmp_path / "smile" / "more").mkdir()
    message = r"smile/more: got a folder, expected a JPEG.* of 8 bits; convert, replace or remove"
    with pytest.raises(ValueError, match=message):
        load_image_folder(tmp_path, image_size=image_size)
    write_files(tmp_path, {"other/000.png": b"nothing"})
    message = r"other/000.png: got .*, expected a JPEG.* of 8 bits; convert, replace or remove"
    with pytest.raises(ValueError, match=message):
        load_image_folder(tmp_path, image_size=image_size)


# -- memory maps -------------------------------------------------------------------------------


@pytest.mark.parametrize("gray", [True, False])
@pytest.mark.parametrize("image_size", [None, 30])
def test_memmap_holds_the_same(gray, image_size, tmp_path):
    root = two_classes(tmp_path / "set")
    options = {"gray": gray, "image_size": image_size}
    expected = load_image_folder(root, **options)
    data = load_image_folder(root, memmap=str(tmp_path / "images.npy"), **options)
    assert isinstance(data.images, np.memmap)
    assert not data.images.flags.writeable
    assert isinstance(data.data, np.memmap)
    np.testing.assert_array_equal(data.images, expected.images)
    np.testing.assert_array_equal(data.data, expected.data)
    np.testing.assert_array_equal(np.load(tmp_path / "images.npy"), expected.images)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images.npy", "set"]


def test_memmap_without_bad_samples_has_the_right_length(tmp_path):
    root = write_files(two_classes(tmp_path / "set"), {"other/001.png": b"x", "smile/9.png": b""})
    with pytest.warns(UserWarning, match="left out 2 bad samples"):
        data = load_image_folder(root, memmap=tmp_path / "a.npy", on_error="skip")
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), faces()[[3, 5, 6, 0, 1, 2]])
    assert data.target.tolist() == [0] * 3 + [1] * 3
    assert [name for name, _ in data.skipped] == ["other/001.png", "smile/9.png"]


def test_a_failure_leaves_no_file(tmp_path):
    root = write_files(two_classes(tmp_path / "set"), {"smile/9.png": b"x"})
    with pytest.raises(ValueError, match="1 bytes that start"):
        load_image_folder(root, memmap=tmp_path / "a.npy")
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("old.npy", FileExistsError, "got an existing file, expected a new path"),
        ("none/new.npy", FileNotFoundError, "got a path in a folder that does not exist"),
    ],
)
def test_memmap_elsewhere_than_at_a_new_path(name, error, message, tmp_path):
    root = two_classes(tmp_path / "set")
    (tmp_path / "old.npy").write_bytes(b"precious")
    with pytest.raises(error, match=message):
        load_image_folder(root, memmap=tmp_path / name)
    assert (tmp_path / "old.npy").read_bytes() == b"precious"


def test_memmap_takes_constant_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("ferkit.datasets._image_files._CHUNK_SIZE", 2**16)
    content = encode(faces()[0])
    write_files(tmp_path / "set", {f"a/{i}.png": content for i in range(150)})
    load_image_folder(tmp_path / "set", image_size=8)  # imports
    peaks = []
    for memmap in (None, tmp_path / "a.npy"):
        tracemalloc.start()
        load_image_folder(tmp_path / "set", image_size=200, memmap=memmap)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[0] > 150 * 200 * 200
    assert peaks[1] < peaks[0] / 3


# -- what is bad -------------------------------------------------------------------------------


def transparent():
    return encode(np.dstack([colours(), np.full((20, 30), 128, np.uint8)]))


def animation():
    frames = [Image.fromarray(colours(i)) for i in range(2)]
    stream = io.BytesIO()
    frames[0].save(stream, "GIF", save_all=True, append_images=frames[1:])
    return stream.getvalue()


BAD = {
    "empty": (b"", "got no bytes"),
    "text": (b"hello, world", r"got 12 bytes that start with b'hello, w'"),
    "cut off": (encode(colours())[:-300], "got a damaged image"),
    "cut off jpeg": (encode(faces()[0], "JPEG")[:-300], "got a damaged image"),
    "transparent": (transparent(), "got an image with transparent pixels"),
    "16 bit": (encode(np.zeros((20, 30), np.uint16)), "got a 16-bit image"),
    "animation": (animation(), "got an animation, or several pages"),
}


@pytest.mark.parametrize("what", BAD)
@pytest.mark.parametrize("image_size", [48, None])
def test_bad_files(what, image_size, tmp_path):
    content, message = BAD[what]
    write_files(two_classes(tmp_path), {"smile/bad": content})
    if image_size is None:
        message = "smile/bad: got "
    with pytest.raises(ValueError, match=f"smile/bad: {message}" if image_size else message) as e:
        load_image_folder(tmp_path, image_size=image_size)
    assert re.fullmatch(r"got .+, expected .+; .+", str(e.value).partition(": ")[2])
    if image_size:
        fix = READ_ANYHOW if what in ("transparent", "16 bit") else FIX
        assert re.search(fix, str(e.value))
    with pytest.warns(UserWarning, match="left out 1 bad sample, all listed") as w:
        data = load_image_folder(tmp_path, image_size=image_size, on_error="skip")
    assert w[0].filename == __file__
    assert len(data.images) == 7
    assert data.skipped == [("smile/bad", str(e.value))]


def test_an_image_of_very_many_pixels_is_not_decoded(tmp_path):
    content = encode(np.zeros((6000, 6000), np.uint8))
    write_files(two_classes(tmp_path), {"smile/bad": content})
    with pytest.raises(ValueError, match="smile/bad: got 6000 x 6000 pixels, expected"):
        load_image_folder(tmp_path, image_size=48)
    write_files(tmp_path, {"smile/bad": encode(np.zeros((6000, 6000), np.uint8), "JPEG")})
    assert len(load_image_folder(tmp_path, image_size=48).images) == 8  # at an eighth of the size


def test_a_bad_first_file_is_told_of(tmp_path):
    write_files(two_classes(tmp_path), {"other/000.png": b"x"})
    with pytest.raises(ValueError, match=r"other/000.png: got 1 bytes"):
        load_image_folder(tmp_path)
    with pytest.warns(UserWarning, match="left out 1 bad"):
        assert len(load_image_folder(tmp_path, on_error="skip").images) == 6


@pytest.mark.parametrize("memmap", [False, True])
def test_nothing_but_bad_files(memmap, tmp_path):
    write_files(tmp_path / "set", {"a/1.png": b"x", "b/1.png": b"x"})
    memmap = tmp_path / "a.npy" if memmap else None
    with pytest.raises(ValueError, match=r"got no images but 2 bad samples, .* The first bad one"):
        load_image_folder(tmp_path / "set", on_error="skip", memmap=memmap)
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_folders_beside_images_are_left_out(tmp_path):
    two_classes(tmp_path)
    folders = [path for path in tmp_path.iterdir() if path.is_dir()]
    for folder in folders:
        (folder / "0").mkdir()
    with pytest.warns(UserWarning, match="got a folder, expected a JPEG"):
        faces = load_image_folder(tmp_path, on_error="skip", image_size=8)
    assert len(faces.skipped) == len(folders)
    with pytest.raises(ValueError, match="0: got a folder, expected a JPEG"):
        load_image_folder(tmp_path, image_size=8)


def test_splits_are_not_taken_for_classes(tmp_path):
    two_classes(tmp_path / "train")
    two_classes(tmp_path / "test")
    with pytest.raises(ValueError, match="such as test/other, expected images; if test is a part"):
        load_image_folder(tmp_path)


def test_what_one_may_not_read():
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are closed to others
        root = two_classes(Path(folder))
        root.chmod(0o755)
        (root / "other/000.png").chmod(0)
        with (
            without_rights(),
            pytest.raises(ValueError, match=r"000.png: got a file that cannot be read \(Perm"),
        ):
            load_image_folder(root, image_size=48)
        (root / "other").chmod(0)
        with (
            without_rights(),
            pytest.raises(PermissionError, match=r"other: got no permission to read or write it,"),
        ):
            load_image_folder(root)


def test_an_empty_class(tmp_path):
    (two_classes(tmp_path) / "void").mkdir()
    message = "void: got no files, expected images of the class; remove the folder or"
    with pytest.raises(ValueError, match=message):
        load_image_folder(tmp_path)
    with pytest.warns(UserWarning, match=message) as w:
        data = load_image_folder(tmp_path, on_error="skip")
    assert w[0].filename == __file__
    assert data.target_names == ["other", "smile", "void"]


@pytest.mark.parametrize(
    ("files", "name", "message"),
    [
        ({"x.png": b""}, "", "got no class folders, expected one folder of images per class"),
        ({"a/.x": b""}, "", "got empty class folders, expected images"),
        ({"train/a/1.png": b"", "test/a/2.png": b""}, "", "folders, such as test/a, .* pass its"),
        ({"x.png": b""}, "x.png", "x.png: got a file, expected a folder; unpack"),
    ],
)
def test_no_classes(files, name, message, tmp_path):
    write_files(tmp_path, files)
    with pytest.raises(ValueError, match=message):
        load_image_folder(tmp_path / name)


def test_no_path(tmp_path):
    with pytest.raises(FileNotFoundError, match="got no such path, expected a folder"):
        load_image_folder(tmp_path / "none")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"on_error": "ignore"}, "got on_error='ignore', expected 'raise' or 'skip'"),
        ({"image_size": 0}, r"got image_size=0, expected a number of pixels or \(height, width\)"),
        ({"image_size": (1, 2, 3)}, r"got image_size=\(1, 2, 3\)"),
        ({"image_size": 48.0}, r"got image_size=48.0"),
        ({"image_size": "48"}, r"got image_size='48'"),
    ],
)
def test_parameters(options, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        load_image_folder(two_classes(tmp_path), **options)


def test_headers_are_rewritten_in_place():
    sizes = set()
    for n in (0, 10**6, 10**12):
        stream = io.BytesIO()
        _any_images._write_header(stream, n, (48, 48))
        sizes.add(stream.tell())
    assert len(sizes) == 1
