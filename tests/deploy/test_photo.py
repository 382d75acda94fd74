import io
import os
import re
import struct
import tracemalloc
from zlib import compress, crc32

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from ferkit import EMOTIONS, MobileNetFER, ResNetFER
from ferkit.datasets import load_image_folder, make_faces
from ferkit.deploy import _read_photo, crop_faces, predict_files, predict_photo, read_photo
from ferkit.deploy._photo import image_shape_of
from ferkit.preprocessing import EqualizeHistogram, PixelRows
from tests.helpers import LinearFER, without_rights

COLUMNS = ["x", "y", "width", "height", "label", "probability"]

# What turns an upright photo into one that is stored under an EXIF orientation.
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.fixture(scope="module")
def astronaut():
    pytest.importorskip("cv2")
    return pytest.importorskip("skimage.data").astronaut()


@pytest.fixture(scope="module")
def clf():
    return MobileNetFER.from_pretrained("fer2013")


class Recorder:
    """Neither a scikit-learn estimator nor of torch: seven classes, and what it was given."""

    classes_ = np.arange(7)

    def __init__(self):
        self.calls = []

    def predict_proba(self, X):
        self.calls.append(X)
        return np.tile(np.eye(7)[3] * 0.93 + 0.01, (len(X), 1))


class Boxes:
    """A detector that knows."""

    def __init__(self, boxes):
        self.boxes = boxes

    def detect(self, photo):
        return self.boxes


def draw(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def save(image, path, **options):
    image.save(path, **options)
    return path


# -- reading --------------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("mode", ["L", "RGB", "I;16"])
def test_every_orientation_is_the_same_photo(tmp_path, orientation, mode):
    upright = Image.fromarray(draw(30, 40, 3)).convert("RGB" if mode == "RGB" else "L")
    expected = np.asarray(upright)
    if mode == "I;16":
        upright = Image.fromarray(expected.astype(np.uint16) * 257)
    method = STORED[orientation]
    stored = upright if method is None else upright.transpose(method)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(stored, tmp_path / "photo.png", exif=exif)
    np.testing.assert_array_equal(read_photo(path), expected)
    with Image.open(path) as image:
        size = image.size
        np.testing.assert_array_equal(read_photo(image), expected)
        assert image.size == size  # the caller's image stays as it is


def test_an_orientation_that_is_none(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 77
    path = save(Image.fromarray(draw(30, 40)), tmp_path / "photo.png", exif=exif)
    np.testing.assert_array_equal(read_photo(path), draw(30, 40))


def rgb():
    return Image.fromarray(draw(20, 30, 3))


@pytest.mark.parametrize(
    ("image", "name"),
    [
        (rgb().convert("1"), "1.png"),
        (rgb().convert("1"), "1.tiff"),
        (rgb().convert("L"), "L.png"),
        (rgb().convert("L"), "L.bmp"),
        (rgb().convert("L"), "L.pgm"),
        (rgb().convert("LA"), "LA.png"),
        (rgb().quantize(16), "P.png"),
        (rgb().quantize(16), "P.gif"),
        (rgb(), "RGB.png"),
        (rgb(), "RGB.ppm"),
        (rgb(), "RGB.tiff"),
        (rgb().convert("RGBA"), "RGBA.png"),
        (rgb().convert("RGBA"), "RGBA.tiff"),
        (rgb().convert("CMYK"), "CMYK.tiff"),
        (rgb().convert("YCbCr"), "YCbCr.tiff"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_mode(tmp_path, image, name):
    levels = read_photo(save(image, tmp_path / name))
    is_gray = name[0] in "1L"
    expected = np.asarray(image.convert("L" if is_gray else "RGB"))
    assert levels.dtype == np.uint8
    assert levels.flags.writeable
    np.testing.assert_array_equal(levels, expected)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK", "YCbCr"])
def test_jpeg(tmp_path, mode):
    flat = Image.new("RGB", (32, 32), (200, 90, 40)).convert(mode)
    levels = read_photo(save(flat, tmp_path / "photo.jpg", quality=95))
    expected = np.asarray(flat if mode == "L" else flat.convert("RGB"))
    assert levels.shape == expected.shape
    assert np.abs(levels.astype(int) - expected).max() <= 3  # JPEG's rounding, twice for CMYK


@pytest.mark.parametrize(
    ("name", "dtype"),
    [("photo.png", "<u2"), ("photo.pgm", "<u2"), ("photo.tiff", "<u2"), ("photo.tiff", ">u2")],
)
def test_16_bits_are_scaled_not_clipped(tmp_path, name, dtype):
    levels = np.linspace(0, 65535, 20 * 30).astype(dtype).reshape(20, 30)
    path = save(Image.fromarray(levels), tmp_path / name)
    np.testing.assert_array_equal(read_photo(path), np.rint(levels / 257))


def test_16_bits_as_pillow_before_11_opens_them():
    levels = np.linspace(0, 65535, 600).astype(np.int32).reshape(20, 30)
    np.testing.assert_array_equal(read_photo(Image.fromarray(levels)), np.rint(levels / 257))
    with pytest.raises(ValueError, match="the photo: got levels from 0 to 131070, expected"):
        read_photo(Image.fromarray(2 * levels))


def test_transparent_pixels_are_white(tmp_path):
    rgba = draw(4, 4, 4)
    rgba[..., 3] = [0, 64, 128, 255]
    expected = 255 + (rgba[..., :3] - 255.0) * rgba[..., 3:] / 255
    levels = read_photo(save(Image.fromarray(rgba), tmp_path / "photo.png"))
    assert np.abs(levels - expected).max() < 1
    gray = Image.fromarray(np.uint8([[[40, 0], [40, 255]]]))
    assert read_photo(gray).tolist() == [[255, 40]]
    palette = Image.new("P", (2, 1))
    palette.putpalette([255, 0, 0, 0, 0, 255])
    palette.putpixel((1, 0), 1)
    path = save(palette, tmp_path / "photo.gif", transparency=0)
    assert read_photo(path).tolist() == [[[255, 255, 255], [0, 0, 255]]]


def test_the_first_of_an_animation(tmp_path):
    frames = [Image.new("L", (8, 8), level) for level in (10, 200)]
    path = save(frames[0], tmp_path / "photo.gif", save_all=True, append_images=frames[1:])
    assert (read_photo(path) == 10).all()


def encode(image, kind):
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "no bytes"),
        (b"x,y\n1,2\n", r"8 bytes that start with b'x,y\\n1,2\\n'"),
        (encode(rgb(), "JPEG")[:400], "a damaged image"),
        (encode(rgb(), "PNG")[:400], "a damaged image"),
        (encode(Image.fromarray(np.float32(draw(9, 9))), "TIFF"), "an image of Pillow's mode F"),
        (encode(rgb().resize((8, 8)), "ICO"), "bytes that start with"),
    ],
)
def test_files_that_are_none(tmp_path, content, what):
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    message = f"^{re.escape(str(path))}: got .*{what}.*, expected a JPEG, .*; convert"
    with pytest.raises(ValueError, match=message):
        read_photo(path)


def test_a_png_that_is_damaged_in_the_middle(tmp_path):
    lines = [bytes([9 if number == 256 else 0]) + bytes(512) for number in range(512)]

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 512, 512, 8, 0, 0, 0, 0))
    data = chunk(b"IDAT", compress(b"".join(lines)))  # there is no filter 9
    path = tmp_path / "photo.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + data + chunk(b"IEND", b""))
    with pytest.raises(ValueError, match=r"photo.png: got a damaged image"):
        read_photo(path)


def test_an_open_image_that_is_cut():
    with (
        Image.open(io.BytesIO(encode(rgb(), "PNG")[:400])) as image,
        pytest.raises(ValueError, match=r"the photo: got a damaged image .*truncated"),
    ):
        read_photo(image)


@pytest.mark.parametrize("times", [1, 4])  # Pillow warns up to twice its limit, and raises then
def test_decompression_bombs(tmp_path, monkeypatch, times):
    path = save(Image.new("L", (20, 30 * times)), tmp_path / "photo.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)
    with pytest.raises(ValueError, match=r"got more than PIL.Image.MAX_IMAGE_PIXELS, 500 pixels"):
        read_photo(path)


def test_a_jpeg_of_very_many_scans(tmp_path):
    path = tmp_path / "a.jpg"
    Image.new("L", (64, 64)).save(path, progressive=True)
    content = path.read_bytes()
    last = content[content.rindex(b"\xff\xda") : -2]
    path.write_bytes(content[:-2] + last * 80 + content[-2:] + last * 80)  # a movie may follow
    assert read_photo(path).shape == (64, 64)
    path.write_bytes(content[:-2] + last * 100 + content[-2:])
    with pytest.raises(ValueError, match="got a JPEG of more than 100 scans, expected"):
        read_photo(path)


def test_damaged_tags_do_not_warn(tmp_path):
    Image.new("L", (64, 64)).save(tmp_path / "a.tif")
    content = (tmp_path / "a.tif").read_bytes()
    start = int.from_bytes(content[4:8], "little")
    (tmp_path / "a.tif").write_bytes(content[: start + 50])
    with pytest.raises(ValueError, match=r"a.tif: got .*, expected"):
        read_photo(tmp_path / "a.tif")


def test_bands_leave_no_seams(tmp_path, monkeypatch):
    monkeypatch.setattr(_read_photo, "_BAND", 64 * 5)  # seven bands
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 256, (33, 64, 3), np.uint8)
    np.testing.assert_array_equal(read_photo(Image.fromarray(photo)), photo)
    deep = Image.fromarray(rng.integers(0, 256, (33, 64)).astype(np.uint16) * 257)
    np.testing.assert_array_equal(read_photo(deep), np.asarray(deep) // 257)


def test_a_square_around_a_strip_takes_no_gigabytes():
    for shape in ((1, 60_000), (60_000, 1)):
        strip = np.full(shape, 7, np.uint8)
        strip[:] += (np.arange(60_000) >= 30_000).reshape(shape)
        tracemalloc.start()
        (crop,) = crop_faces(strip, [[0, 0, *shape[::-1]]], size=2)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 2**26
        assert sorted(crop.ravel()) == [7, 7, 8, 8]


def test_paths_that_are_none(tmp_path):
    with pytest.raises(ValueError, match="got a folder, expected a JPEG"):
        read_photo(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"none.jpg: got no such file, expected a photo"):
        read_photo(str(tmp_path / "none.jpg"))
    path = save(rgb(), tmp_path / "photo.png")
    path.chmod(0)
    with without_rights(), pytest.raises(PermissionError):
        read_photo(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes")
def test_a_pipe_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="got a pipe or device"):
        read_photo(tmp_path / "pipe")


@pytest.mark.parametrize("photo", [b"\xff\xd8\xff", None, 3, io.BytesIO()])
def test_photos_of_other_types(photo):
    name = type(photo).__name__
    with pytest.raises(TypeError, match=f"got a photo of type {name}, expected a path"):
        read_photo(photo)


# -- cropping -------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", [30, 96])
def test_crops_are_resized_as_files_are_loaded(tmp_path, side):
    photo = draw(100, 100)
    (crop,) = crop_faces(photo, [[2, 3, side, side]])
    (tmp_path / "a").mkdir()
    Image.fromarray(photo[3 : 3 + side, 2 : 2 + side]).save(tmp_path / "a" / "1.png")
    np.testing.assert_array_equal(crop, load_image_folder(tmp_path, image_size=48).images[0])


def test_a_box_of_the_size_is_cut_as_it_is():
    photo = draw(100, 100, 3)
    crops = crop_faces(photo, [[10, 20, 48, 48], [52, 52, 48, 48]], gray=False)
    np.testing.assert_array_equal(crops, [photo[20:68, 10:58], photo[52:, 52:]])
    grays = crop_faces(photo, [[10, 20, 48, 48]])
    np.testing.assert_array_equal(grays[0], Image.fromarray(photo[20:68, 10:58]).convert("L"))


def test_gray_photos_for_colour_networks():
    photo = draw(60, 60)
    crops = crop_faces(photo, [[0, 0, 48, 48]], gray=False)
    assert (crops == photo[:48, :48, None]).all()


def test_squares_keep_the_longer_side_and_the_middle():
    photo = draw(100, 100)
    tall, wide = crop_faces(photo, [[30, 20, 20, 48], [20, 30, 48, 20]])
    np.testing.assert_array_equal(tall, photo[20:68, 16:64])
    np.testing.assert_array_equal(wide, photo[16:64, 20:68])


def test_edges_are_repeated():
    photo = draw(40, 60)
    padded = np.pad(photo, 50, mode="edge")
    boxes = [[-20, -10, 48, 48], [45, 30, 48, 48], [5, -4, 48, 48]]
    for (x, y, *_), crop in zip(boxes, crop_faces(photo, boxes), strict=True):
        np.testing.assert_array_equal(crop, padded[50 + y : 98 + y, 50 + x : 98 + x])


def test_margin():
    photo = draw(100, 100)
    np.testing.assert_array_equal(
        crop_faces(photo, [[30, 30, 40, 40]], margin=0.1), photo[None, 26:74, 26:74]
    )
    np.testing.assert_array_equal(
        crop_faces(photo, [[20, 20, 60, 60]], margin=-0.1), photo[None, 26:74, 26:74]
    )


def test_enlarging_is_smooth():
    ramp = np.tile(np.arange(0, 240, 10, dtype=np.uint8), (24, 1))
    crop = crop_faces(ramp, [[0, 0, 24, 24]])[0]
    assert np.diff(crop[24].astype(int)).max() < 10  # nearest pixels would leave steps of 10


@pytest.mark.parametrize(("size", "shape"), [(32, (32, 32)), ((24, 40), (24, 40))])
def test_sizes(size, shape):
    assert crop_faces(draw(90, 90), [[0, 0, 80, 80]] * 3, size).shape == (3, *shape)


def test_no_boxes():
    assert crop_faces(draw(90, 90), []).shape == (0, 48, 48)
    assert crop_faces(draw(90, 90), np.empty((0, 4)), 32, gray=False).shape == (0, 32, 32, 3)


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        ([1, 2, 3, 4], r"got boxes of shape \(4,\) .* give a single box as \[box\]"),
        ([[1, 2, 3]], r"got boxes of shape \(1, 3\)"),
        ([["1", "2", "3", "4"]], "got boxes .* expected numbers"),
        ([[0, 0, 9, 9], [3, 3, 0, 9]], r"got box \[3, 3, 0, 9\] at 1, .* of 60 x 40 pixels"),
        ([[0, 0, 9, -9]], r"got box \[0, 0, 9, -9\] at 0"),
        ([[60, 0, 9, 9]], r"got box \[60, 0, 9, 9\] at 0"),
        ([[0, -9, 9, 9]], r"got box \[0, -9, 9, 9\] at 0"),
        ([[0, 0, np.nan, 9]], "got box .*nan"),
        ([[0, 0, np.inf, 9]], "got box .*inf"),
    ],
)
def test_bad_boxes(boxes, message):
    with pytest.raises(ValueError, match=message):
        crop_faces(draw(40, 60), boxes)


@pytest.mark.parametrize(
    "params", [{"size": 0}, {"size": (48,)}, {"size": "48"}, {"margin": -0.5}, {"gray": 2}]
)
def test_bad_parameters_of_crops(params):
    (name,) = params
    with pytest.raises(ValueError, match=name):
        crop_faces(draw(40, 60), [[0, 0, 9, 9]], **params)


# -- predicting -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["MobileNetFER", "ResNetFER"])
def test_the_astronaut_is_happy(astronaut, name):
    import ferkit

    faces = predict_photo(getattr(ferkit, name).from_pretrained("fer2013"), astronaut)
    assert faces.columns.tolist() == [*COLUMNS, *EMOTIONS]
    assert faces["label"].tolist() == ["happy"]
    assert faces.loc[0, "probability"] == faces.loc[0, "happy"] > 0.5
    assert faces[list(EMOTIONS)].sum(axis=1).to_numpy() == pytest.approx(1)
    assert (faces.dtypes[COLUMNS[:4]] == np.int64).all()


def test_probabilities_are_those_of_the_crops(astronaut, clf):
    faces = predict_photo(clf, astronaut, margin=0.2)
    crops = crop_faces(astronaut, faces[COLUMNS[:4]], margin=0.2)
    np.testing.assert_array_equal(faces[list(EMOTIONS)], clf.predict_proba(crops))


@pytest.mark.parametrize("orientation", STORED)
def test_every_orientation_gives_the_same_faces(tmp_path, astronaut, clf, orientation):
    expected = predict_photo(clf, astronaut)
    image, method = Image.fromarray(astronaut), STORED[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "photo.jpg"
    (image if method is None else image.transpose(method)).save(path, quality=95, exif=exif)
    faces = predict_photo(clf, str(path))
    # JPEG's blocks lie otherwise in each orientation
    np.testing.assert_allclose(faces[COLUMNS[:4]], expected[COLUMNS[:4]], atol=4)
    np.testing.assert_allclose(faces[list(EMOTIONS)], expected[list(EMOTIONS)], atol=0.05)


@pytest.mark.parametrize("kind", ["L", "RGBA", "CMYK", "P", "I;16", "gray array", "RGBA array"])
def test_every_kind_of_photo_is_happy(astronaut, clf, kind):
    photo = Image.fromarray(astronaut)
    if kind == "I;16":
        photo = Image.fromarray(np.asarray(photo.convert("L")).astype(np.uint16) * 257)
    elif kind.endswith("array"):
        photo = np.asarray(photo.convert("L" if kind[0] == "g" else "RGBA"))
    else:
        photo = photo.convert(kind)
    assert predict_photo(clf, photo)["label"].tolist() == ["happy"]


def test_many_faces_are_one_call(astronaut, clf):
    recorder = Recorder()
    photo = np.tile(astronaut, (3, 4, 1))
    faces = predict_photo(recorder, photo)
    (crops,) = recorder.calls
    assert len(faces) == len(crops) == 12
    assert crops.shape == (12, 48, 48)
    assert crops.dtype == np.uint8
    assert faces["probability"].to_numpy() == pytest.approx(0.94)
    centres = (faces[["x", "y"]] + faces[["width", "height"]].to_numpy() / 2) // 512
    assert len(centres.drop_duplicates()) == 12  # one in each tile
    assert predict_photo(clf, photo)["label"].tolist() == ["happy"] * 12


def test_no_face():
    recorder = Recorder()
    faces = predict_photo(recorder, np.zeros((90, 90), np.uint8), detector=Boxes([]))
    one = predict_photo(recorder, np.zeros((90, 90), np.uint8), detector=Boxes([[0, 0, 9, 9]]))
    assert faces.shape == (0, 13)
    assert len(recorder.calls) == 1
    pd.testing.assert_series_equal(faces.dtypes, one.dtypes)
    assert pd.concat([faces, one]).shape == (1, 13)
    with pytest.raises(ValueError, match=r"The 'margin' parameter of predict_photo must be"):
        predict_photo(recorder, np.zeros((90, 90), np.uint8), detector=Boxes([]), margin=-3)


def test_no_face_in_a_cup(clf):
    pytest.importorskip("cv2")
    coffee = pytest.importorskip("skimage.data").coffee()
    assert predict_photo(clf, coffee).columns.tolist() == [*COLUMNS, *EMOTIONS]
    assert predict_photo(clf, coffee).empty


def test_huge_photos_are_not_copied(astronaut):
    photo = np.full((6000, 8000, 3), 128, np.uint8)
    photo[1500:4572, 3000:6072] = np.kron(astronaut, np.ones((6, 6, 1), np.uint8))
    recorder = Recorder()
    tracemalloc.start()
    try:
        faces = predict_photo(recorder, photo)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(faces) == 1
    assert peak < photo.nbytes / 10  # a small copy and a crop
    # the crop is cut from the photo, not from the small copy: the astronaut's own pixels
    x, y, width, height = faces.loc[0, COLUMNS[:4]]
    own = [[(x - 3000) / 6, (y - 1500) / 6, width / 6, height / 6]]
    difference = crop_faces(astronaut, own)[0].astype(int) - recorder.calls[0][0]
    assert np.abs(difference).mean() < 5


def test_crops_take_the_shape_of_the_fit():
    X, y = make_faces(14, random_state=0, return_X_y=True)
    colour = np.repeat(X[:, :24, :36, None], 3, axis=3)
    photo, detector = draw(90, 90, 3), Boxes(np.array([[3, 4, 50, 50], [9, 9, 40, 40]]))
    for images, chain in [
        (X[:, :32, :32], LinearFER(max_epochs=1)),
        (colour, LinearFER(max_epochs=1)),
        (X[:, :32, :32], make_pipeline(EqualizeHistogram(), LinearFER(max_epochs=1))),
        (
            colour[:, :, :24],
            make_pipeline(PixelRows(), LinearFER(max_epochs=1, image_shape=(24, 24, 3))),
        ),
    ]:
        fitted = chain.fit(images, y)
        faces = predict_photo(fitted, photo, detector=detector)
        crops = crop_faces(photo, detector.boxes, images.shape[1:3], gray=images.ndim == 3)
        np.testing.assert_array_equal(faces[list(EMOTIONS)], fitted.predict_proba(crops))


class OfImages(ClassifierMixin, BaseEstimator):
    """A classifier of one's own, which takes images alone."""

    def fit(self, X, y):
        self.n_features_in_, self.classes_ = X[0].size, np.unique(y)
        return self

    def predict_proba(self, X):
        assert X.shape[1:] == (32, 32)
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))


def test_a_classifier_of_ones_own_is_given_images():
    X, y = make_faces(14, image_size=32, random_state=0, return_X_y=True)
    faces = predict_photo(OfImages().fit(X, y), draw(90, 90), detector=Boxes([[3, 4, 50, 50]]))
    assert len(faces) == 1


@pytest.mark.parametrize("is_search", [False, True])
def test_what_takes_rows_is_given_rows(is_search):
    X, y = make_faces(70, image_size=32, random_state=0, return_X_y=True)
    clf = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000))
    if is_search:
        clf = GridSearchCV(clf, {"logisticregression__C": [1]}, cv=2)
    clf.fit(X.reshape(70, -1), y)
    photo, detector = draw(90, 90), Boxes(np.array([[3, 4, 50, 50], [9, 9, 40, 40]]))
    crops = crop_faces(photo, detector.boxes, 32)
    faces = predict_photo(clf, photo, detector=detector)
    np.testing.assert_array_equal(faces[list(EMOTIONS)], clf.predict_proba(crops.reshape(2, -1)))


def test_what_was_fitted_on_floats_is_given_floats(tmp_path):
    X, y = make_faces(70, image_size=32, random_state=0, return_X_y=True)
    clf = LinearFER(max_epochs=1, random_state=0).fit(X / np.float32(255), y)
    photo, detector = draw(90, 90), Boxes(np.array([[3, 4, 50, 50]]))
    crops = crop_faces(photo, detector.boxes, 32)
    faces = predict_photo(clf, photo, detector=detector)  # and does not warn
    expected = clf.predict_proba(crops / np.float32(255))
    np.testing.assert_array_equal(faces[list(EMOTIONS)], expected)
    save(Image.fromarray(crops[0]), tmp_path / "a.png")
    ((_, of_file, _),) = predict_files(clf, tmp_path, crops=True)
    np.testing.assert_array_equal(of_file[list(EMOTIONS)], expected)


@pytest.mark.parametrize(
    ("classes", "names"),
    [
        (["angry", "happy"], ["angry", "happy"]),
        ([0, 3], [0, 3]),
        ([10, 20], [10, 20]),
        (["glad", "sad"], ["glad", "sad"]),
    ],
)
def test_labels_of_other_classes(classes, names):
    class Two(Recorder):
        classes_ = np.array(classes)

        def predict_proba(self, X):
            return np.tile([0.25, 0.75], (len(X), 1))

    faces = predict_photo(Two(), draw(90, 90), detector=Boxes([[0, 0, 50, 50]]))
    assert faces.columns.tolist() == [*COLUMNS, *names]
    assert faces["label"].tolist() == names[1:]
    assert faces["probability"].tolist() == [0.75]


def test_boxes_at_the_edge_and_of_floats():
    detector = Boxes([[-10.0, -10.0, 50.0, 50.0], [70.5, 70.5, 40.0, 40.0]])
    faces = predict_photo(Recorder(), draw(90, 90), detector=detector)
    assert faces[COLUMNS[:4]].to_numpy().tolist() == detector.boxes


def test_a_face_that_the_photo_cuts(astronaut, clf):
    cut = astronaut[62:, 172:]  # the box ends a few pixels within
    faces = predict_photo(clf, cut)
    assert faces["label"].tolist() == ["happy"]


def test_what_is_no_classifier():
    with pytest.raises(TypeError, match=r"got PixelRows, expected a fitted classifier"):
        predict_photo(PixelRows(), draw(90, 90))
    with pytest.raises(TypeError, match="got the class MobileNetFER, expected a fitted classifier"):
        predict_photo(MobileNetFER, np.zeros((9, 9), np.uint8))
    with pytest.raises(NotFittedError, match="got a MobileNetFER that is not fitted"):
        predict_photo(MobileNetFER(), draw(90, 90))


def test_what_is_no_detector(clf):
    with pytest.raises(TypeError, match=r"got 'yunet.onnx' as detector, expected an object with a"):
        predict_photo(clf, draw(90, 90), detector="yunet.onnx")


def test_what_is_no_photo(clf):
    with pytest.raises(ValueError, match="got a photo of dtype float64"):
        predict_photo(clf, np.zeros((90, 90)))
    with pytest.raises(ValueError, match=r"got box .* at 0"):
        predict_photo(clf, draw(90, 90), detector=Boxes([[100, 0, 9, 9]]))
    with pytest.raises(FileNotFoundError, match="got no such file"):
        predict_photo(clf, "none.jpg")
    with pytest.raises(TypeError, match="got a photo of type list"):
        predict_photo(clf, draw(90, 90).tolist())


def test_a_pipeline_knows_the_shape_of_its_last_step():
    X = np.random.default_rng(0).integers(0, 256, (14, 48, 40), dtype=np.uint8)
    y = np.arange(14) % 7
    pipe = make_pipeline(EqualizeHistogram(), ResNetFER(max_epochs=1, random_state=0))
    pipe.fit(X, y)
    assert image_shape_of(pipe) == (48, 40)
    # counts 48 values, the lines; what it makes of images may have any shape
    pipe = make_pipeline(FunctionTransformer(lambda images: images[:, ::2, ::2]), LinearFER())
    rows = FunctionTransformer(lambda images: images.reshape(len(images), -1))
    for chain in (pipe, make_pipeline(rows, GaussianNB())):
        with pytest.raises(ValueError, match="fitted on 48 values for an image"):
            image_shape_of(chain.fit(X, y))
    rows = GaussianNB().fit(X[:, :7].reshape(14, -1), y)
    with pytest.raises(ValueError, match="fitted on 280 values for an image"):
        image_shape_of(rows)


def test_a_class_with_the_name_of_a_column():
    names = np.array(["label", "sad"] * 7)
    X = np.random.default_rng(0).integers(0, 256, (14, 48, 48), dtype=np.uint8)
    clf = ResNetFER(max_epochs=1, random_state=0).fit(X, names)
    with pytest.raises(ValueError, match="got a class called 'label'"):
        predict_photo(clf, np.zeros((90, 90), np.uint8))
