import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ferkit.datasets import make_faces
from ferkit.preprocessing import EqualizeHistogram

each_method = pytest.mark.parametrize("method", ["global", "clahe"])


@pytest.fixture(scope="module")
def exposure():
    return pytest.importorskip("skimage.exposure")


@pytest.fixture(scope="module")
def faces():
    return make_faces(7, random_state=0)["images"]


def colour(images):
    return np.stack([images, images // 2, 255 - images], axis=-1)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_gray_is_scikit_images(exposure, faces, dtype):
    X = faces if dtype == np.uint8 else np.float32(faces / 255)
    options = {"kernel_size": 12, "clip_limit": 0.03, "nbins": 64}
    for transformer, expected in [
        (EqualizeHistogram(), [exposure.equalize_hist(image) for image in X]),
        (EqualizeHistogram("clahe"), [exposure.equalize_adapthist(image) for image in X]),
        (
            EqualizeHistogram("clahe", **options),
            [exposure.equalize_adapthist(image, **options) for image in X],
        ),
    ]:
        equalized = transformer.transform(X)
        assert equalized.dtype == dtype
        if dtype == np.uint8:
            expected = np.rint(np.multiply(expected, 255))
        np.testing.assert_array_equal(equalized, expected)


def test_colour_is_scikit_images(exposure, faces):
    X = colour(faces)
    expected = [exposure.equalize_adapthist(image) for image in X]
    equalized = EqualizeHistogram("clahe").transform(X)
    assert equalized.dtype == np.uint8
    np.testing.assert_array_equal(equalized, np.rint(np.multiply(expected, 255)))


@each_method
def test_colours_keep_their_hue(exposure, faces, method):
    from skimage.color import rgb2hsv

    X = np.float32(colour(faces) / 255)
    equalized = EqualizeHistogram(method).transform(X)
    before, after = rgb2hsv(X), rgb2hsv(equalized)
    is_bright = after[..., 2] > 0.1  # black has no hue
    np.testing.assert_allclose(after[is_bright, 0], before[is_bright, 0], atol=1e-3)
    np.testing.assert_allclose(after[is_bright, 1], before[is_bright, 1], atol=1e-3)
    assert np.abs(after[..., 2] - before[..., 2]).mean() > 0.05


@each_method
@pytest.mark.parametrize("channels", [(), (3,)])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_flat_image_stays(exposure, method, channels, level):
    images = np.full((1, 48, 48, *channels), level, dtype=np.uint8)
    equalize = EqualizeHistogram(method)
    np.testing.assert_array_equal(equalize.transform(images), images)
    floats = np.float32(images / 255)
    np.testing.assert_allclose(equalize.transform(floats), floats, atol=1e-6)


@each_method
def test_standardised_floats(exposure, faces, method):
    X = np.float32(faces / 255)
    equalize = EqualizeHistogram(method)
    np.testing.assert_allclose(equalize.transform((X - 0.5) * 4), equalize.transform(X), atol=0.05)


def test_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage.color.adapt_rgb", None)
    message = r'got no skimage.*pip install "ferkit\[image\]"'
    with pytest.raises(ImportError, match=message):
        EqualizeHistogram().fit_transform(np.zeros((2, 4, 4), dtype=np.uint8))


def test_import_is_light():
    code = (
        "import sys, ferkit.preprocessing; "
        "print([name for name in ('torch', 'PIL.Image', 'skimage') if name in sys.modules])"
    )
    output = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    ).stdout
    assert output.strip() == "[]"
