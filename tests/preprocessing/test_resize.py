import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ferkit.preprocessing import Resize, _base, _resize

sides = st.integers(1, 60)


def draw(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@given(source=st.tuples(sides, sides), size=st.tuples(sides, sides))
def test_levels_are_pillows_but_for_two(source, size):
    for shape in (source, (*source, 3)):
        # Either side is rounded, and cut off at black and white, in the order of the library's
        # choice: 2 at most of half the contrast, 24 seen of random levels of all of it.
        images = draw(2, *shape) // 2 + 64
        resized = Resize(size, image_shape=shape).fit_transform(images)
        assert resized.dtype == np.uint8
        assert resized.shape == (2, *size, *shape[2:])
        for image, result in zip(images, resized, strict=True):
            expected = Image.fromarray(image).resize(size[::-1], Image.Resampling.BICUBIC)
            assert np.abs(np.asarray(expected).astype(int) - result).max() <= 2


@given(source=st.tuples(sides, sides), size=st.tuples(sides, sides))
def test_floats_are_pillows(source, size):
    images = np.float32(draw(2, *source) / 255)
    resized = Resize(size, image_shape=source).transform(images)
    assert resized.dtype == np.float32
    for image, result in zip(images, resized, strict=True):
        expected = Image.fromarray(image).resize(size[::-1], Image.Resampling.BICUBIC)
        np.testing.assert_allclose(result, np.clip(expected, 0, 1), atol=1e-5)


@pytest.mark.parametrize("low", [-2, 0, 0.5])
@pytest.mark.parametrize("high", [0.6, 1, 2])
def test_floats_of_any_range_stay_in_it(low, high):
    images = np.float32(low + draw(2, 20, 30) / 255 * (high - low))
    resized = Resize(48).transform(images)
    for image, result in zip(images, resized, strict=True):
        assert result.min() >= min(image.min(), 0)
        assert result.max() <= max(image.max(), 1)


@pytest.mark.parametrize("width", [8, 200])
def test_levels_do_not_wrap_around_at_edges(width):
    step = np.repeat(np.uint8([[0, 255]]), width // 2, axis=1)[None].repeat(width, axis=1)
    (resized,) = Resize(48).transform(step)
    expected = Image.fromarray(step[0]).resize((48, 48), Image.Resampling.BICUBIC)
    assert np.abs(np.asarray(expected).astype(int) - resized).max() <= 2
    assert np.unique(resized).tolist()[:: len(np.unique(resized)) - 1] == [0, 255]


@given(channels=st.sampled_from([(), (3,)]), side=sides, level=st.integers(0, 255))
def test_a_flat_image_stays_flat(channels, side, level):
    images = np.full((1, 20, 30, *channels), level, dtype=np.uint8)
    assert (Resize(side).transform(images) == level).all()


def test_antialiasing():
    # without it, every second column of stripes would be all there is
    stripes = np.tile(np.uint8([0, 255]), (1, 96, 48))
    assert np.ptp(Resize(24).transform(stripes)[:, :, 1:-1].astype(int)) < 40


@pytest.mark.parametrize("channels", [(), (3,)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_images_of_the_size_are_returned_as_they_are(channels, dtype):
    images = draw(3, 24, 32, *channels)
    images = images if dtype == np.uint8 else np.float32(images / 255)
    resized = Resize((24, 32)).fit_transform(images)
    np.testing.assert_array_equal(resized, images)
    assert np.shares_memory(resized, images)


def test_an_int_is_a_square():
    np.testing.assert_array_equal(
        Resize(12).transform(draw(2, 20, 30)), Resize([12, 12]).transform(draw(2, 20, 30))
    )


@pytest.mark.parametrize("length", [1, 3, 10])
def test_chunks_do_not_show(monkeypatch, length):
    images = draw(10, 20, 30, 3)
    expected = Resize(12).transform(images)
    chunks = []
    interpolate = _resize._interpolate

    def spy(images, size):
        chunks.append(len(images))
        return interpolate(images, size)

    monkeypatch.setattr(_base, "_CHUNK_VALUES", length * 20 * 30 * 3)
    monkeypatch.setattr(_resize, "_interpolate", spy)
    np.testing.assert_array_equal(Resize(12).transform(images), expected)
    assert max(chunks) == length
    assert sum(chunks) == 10


def test_images_larger_than_a_chunk():
    assert Resize(12).transform(draw(2, 1500, 1500, 3)).shape == (2, 12, 12, 3)


@pytest.mark.parametrize("image_shape", [None, (20, 30)])
def test_images_of_any_size_after_a_fit(image_shape):
    resize = Resize(12, image_shape=image_shape).fit(draw(2, 20, 30))
    np.testing.assert_array_equal(
        resize.transform(draw(2, 50, 40, 3)), Resize(12).transform(draw(2, 50, 40, 3))
    )
