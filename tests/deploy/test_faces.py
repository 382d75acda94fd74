import pickle
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ferkit.deploy import FaceDetector, _faces

cv2 = pytest.importorskip("cv2")
data = pytest.importorskip("skimage.data")

# The astronaut's eyes, nose and mouth, read off the photo: a box of the face has them all.
FEATURES = np.array([[202, 101], [246, 102], [224, 125], [224, 145]])


@pytest.fixture(scope="module")
def astronaut():
    return data.astronaut()


def is_face(box, features=FEATURES):
    """Tell whether a box holds the features and is not much larger than what they span."""
    x, y, width, height = box
    inside = (features > [x, y]) & (features < [x + width, y + height])
    return inside.all() and max(width, height) < 3 * np.ptp(features, axis=0).max()


def test_astronaut(astronaut):
    boxes = FaceDetector().detect(astronaut)
    assert boxes.shape == (1, 4)
    assert boxes.dtype == np.int64
    assert is_face(boxes[0])


@pytest.mark.parametrize(
    "change",
    [
        lambda photo: photo[..., :1],
        lambda photo: photo[..., 0],
        lambda photo: np.dstack([photo, np.full(photo.shape[:2], 255, np.uint8)]),
        lambda photo: np.asfortranarray(photo),
        lambda photo: photo[::-1].copy()[::-1],
    ],
    ids=["one channel", "gray", "RGBA", "Fortran order", "negative strides"],
)
def test_photos_of_other_kinds(astronaut, change):
    boxes = FaceDetector().detect(change(astronaut))
    assert len(boxes) == 1
    assert is_face(boxes[0])


@pytest.mark.parametrize(
    "name", ["brick", "camera", "cat", "coffee", "coins", "grass", "gravel", "moon", "page", "text"]
)
def test_photos_without_a_face_of_the_front(name):
    # the heads on the coins are profiles; the camera's man looks away
    assert FaceDetector().detect(getattr(data, name)()).shape == (0, 4)


def test_most_faces_of_lfw_and_no_other_crops():
    # 25 x 25 pixels each, 100 faces before 100 that are none; they need room and enlarging
    crops = np.pad(np.uint8(data.lfw_subset() * 255), [(0, 0), (8, 8), (8, 8)], mode="edge")
    found = [len(FaceDetector().detect(np.kron(crop, np.ones((4, 4), np.uint8)))) for crop in crops]
    assert np.count_nonzero(found[:100]) >= 90
    assert np.count_nonzero(found[100:]) == 0


def test_the_largest_comes_first(astronaut):
    half = cv2.resize(astronaut, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    photo = np.zeros((768, 768, 3), np.uint8)
    photo[:256, :256] = photo[:256, 512:] = half
    photo[256:, 128:640] = astronaut
    boxes = FaceDetector().detect(photo)
    assert len(boxes) == 3
    expected = [FEATURES + np.array([128, 256]), FEATURES / 2, FEATURES / 2 + np.array([512, 0])]
    for box, features in zip(boxes, expected, strict=True):
        assert is_face(box, features)


def test_min_size(astronaut):
    (side,) = {*FaceDetector().detect(astronaut)[0, 2:].tolist()}
    assert len(FaceDetector(min_size=side - 10).detect(astronaut)) == 1
    assert len(FaceDetector(min_size=2 * side).detect(astronaut)) == 0


def test_min_neighbors(astronaut):
    counts = [len(FaceDetector(min_neighbors=n).detect(astronaut)) for n in (1, 5, 1000)]
    assert counts[0] >= counts[1] > counts[2] == 0


def test_large_photos_are_searched_in_a_copy(astronaut, monkeypatch):
    seen = []

    class Cascade:
        def detectMultiScale(self, photo, minSize, **options):
            seen.append((photo.shape, minSize))
            return np.array([[0, 0, *photo.shape[::-1]]])

    monkeypatch.setattr(_faces, "_load_cascade", lambda thread: Cascade())
    photo = np.zeros((3000, 4001), np.uint8)
    # a box of the whole copy is one of the whole photo: nothing is lost in rounding
    assert FaceDetector(min_size=100).detect(photo).tolist() == [[0, 0, 4001, 3000]]
    assert FaceDetector(max_side=500).detect(photo).tolist() == [[0, 0, 4001, 3000]]
    assert seen == [((960, 1280), (32, 32)), ((375, 500), (4, 4))]


def test_a_copy_finds_the_same_face(astronaut):
    huge = np.kron(astronaut, np.ones((6, 6, 1), np.uint8))
    boxes = FaceDetector().detect(huge)
    assert len(boxes) == 1
    assert is_face(boxes[0], 6 * FEATURES)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (40000, 20), (3, 3, 3), (20, 20)])
def test_photos_of_odd_shapes(shape):
    assert FaceDetector().detect(np.zeros(shape, np.uint8)).shape == (0, 4)


@pytest.mark.parametrize(
    ("photo", "message"),
    [
        (np.zeros((8, 8)), r"got a photo of dtype float64, .* \(photo \* 255\)"),
        (np.full((8, 8), 256), "got a photo of dtype int64, .* 16 bits"),
        (np.zeros((8, 8), bool), r"got a photo of dtype bool, .* photo.astype\(np.uint8\)"),
        (np.zeros(8, np.uint8), r"got a photo of shape \(8,\)"),
        (np.zeros((0, 8), np.uint8), r"got a photo of shape \(0, 8\)"),
        (np.zeros((9, 48, 48), np.uint8), r"\(9, 48, 48\), .* crops to the estimator's"),
        (np.zeros((3, 48, 48), np.uint8), r"\(3, 48, 48\), .* photo.transpose\(1, 2, 0\)"),
        (np.zeros((2, 48, 48, 3), np.uint8), "one photo at a time"),
        ("photo.jpg", r"got a photo of shape \(\), .* read_photo"),
    ],
)
def test_what_is_no_photo(photo, message):
    with pytest.raises(ValueError, match=message):
        FaceDetector().detect(photo)


@pytest.mark.parametrize(
    "params",
    [
        {"model": 1},
        {"min_size": 0},
        {"max_side": 0.5},
        {"min_neighbors": 0},
        {"score_threshold": 2},
    ],
)
def test_bad_parameters(params):
    (name,) = params
    with pytest.raises(ValueError, match=f"The '{name}' parameter"):
        FaceDetector(**params)


def test_pickled_after_use_and_in_threads(astronaut):
    detector = FaceDetector(min_size=40)
    expected = detector.detect(astronaut)
    detector = pickle.loads(pickle.dumps(detector))
    assert detector.min_size == 40
    with ThreadPoolExecutor(4) as pool:
        for boxes in pool.map(detector.detect, [astronaut] * 8):
            np.testing.assert_array_equal(boxes, expected)


# -- YuNet: no model comes with OpenCV, so a stand-in behaves as its documentation says -----------


class StandIn:
    """cv2.FaceDetectorYN, which sees a face in the image's middle half if it is not black."""

    created = None

    @classmethod
    def create(cls, model, config, input_size):
        cls.created = model, config
        return cls()

    def setScoreThreshold(self, threshold):
        self.threshold = threshold

    def setInputSize(self, size):
        self.size = size

    def detect(self, image):
        height, width, channels = image.shape
        assert (width, height) == self.size
        assert channels == 3
        assert image.dtype == np.uint8
        self.last = image
        scores = np.array([0.95, 0.8], np.float32)
        boxes = [[width / 4, height / 4, width / 2, height / 2], [-4.4, 10, 20, 30.2]]
        faces = np.hstack([np.float32(boxes), np.zeros((2, 10), np.float32), scores[:, None]])
        faces = faces[scores >= self.threshold]
        return 1, faces if image.any() and len(faces) else None


@pytest.fixture
def yunet(tmp_path, monkeypatch):
    monkeypatch.setattr(cv2, "FaceDetectorYN", StandIn)
    path = tmp_path / "yunet.onnx"
    path.touch()
    yield path
    _faces._load_yunet.cache_clear()


def test_stand_in_has_yunets_methods():
    for name in ("create", "detect", "setInputSize", "setScoreThreshold"):
        assert hasattr(cv2.FaceDetectorYN, name)


@pytest.mark.parametrize("channels", [(), (3,)])
def test_yunet(yunet, channels):
    photo = np.full((300, 400, *channels), 9, np.uint8)
    boxes = FaceDetector(model=yunet).detect(photo)
    assert boxes.dtype == np.int64
    assert boxes.tolist() == [[100, 75, 200, 150]]
    assert StandIn.created == (str(yunet), "")
    both = FaceDetector(model=str(yunet), score_threshold=0.7, min_size=30).detect(photo)
    assert both.tolist() == [[100, 75, 200, 150], [-4, 10, 20, 30]]  # corners are rounded
    assert len(FaceDetector(model=yunet, score_threshold=0.7, min_size=31).detect(photo)) == 1


def test_yunet_finds_nothing(yunet):
    assert FaceDetector(model=yunet).detect(np.zeros((30, 40), np.uint8)).shape == (0, 4)


def test_yunet_sees_a_small_copy_in_bgr(yunet):
    photo = np.full((1500, 2000, 3), [1, 2, 3], np.uint8)
    assert FaceDetector(model=yunet).detect(photo).tolist() == [[500, 375, 1000, 750]]
    seen = _faces._load_yunet(str(yunet), threading.get_ident()).last
    assert seen.shape == (480, 640, 3)
    assert (seen == [3, 2, 1]).all()


def test_yunet_file_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none.onnx: got no such file, expected the ONNX"):
        FaceDetector(model=tmp_path / "none.onnx")


def test_yunet_file_is_none(tmp_path, astronaut):
    path = tmp_path / "other.onnx"
    path.write_bytes(b"something else")
    with pytest.raises(ValueError, match=r"other.onnx: got a file that OpenCV cannot detect faces"):
        FaceDetector(model=path).detect(astronaut)


# -- without OpenCV, and with another -------------------------------------------------------------


def test_import_needs_neither_torch_nor_opencv():
    code = "import sys, ferkit.deploy; print({'torch', 'cv2'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_without_opencv(astronaut, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(ImportError, match=r'got no cv2, .* pip install "ferkit\[photo\]"') as info:
        FaceDetector().detect(astronaut)
    assert info.value.name == "cv2"


def test_opencv_5(astronaut, monkeypatch):
    monkeypatch.delattr(cv2, "CascadeClassifier")
    monkeypatch.setattr(_faces, "_load_cascade", _faces._load_cascade.__wrapped__)
    with pytest.raises(ImportError, match=r"without its Haar cascades, expected OpenCV 4"):
        FaceDetector().detect(astronaut)
