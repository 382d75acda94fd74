import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ferkit.augment import POLICIES, random_affine


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def disc(height, width, radius=5):
    y, x = np.mgrid[:height, :width]
    distance = np.hypot(y - (height - 1) / 2, x - (width - 1) / 2)
    return torch.from_numpy((distance < radius).astype(np.float32))[None, None]


def test_nothing_asked_nothing_changed():
    images = torch.rand(3, 2, 8, 11)
    torch.testing.assert_close(random_affine(images), images, rtol=0, atol=1e-5)


def test_flip():
    images = torch.rand(3, 1, 8, 11)
    torch.testing.assert_close(random_affine(images, flip=1.0), images.flip(-1), rtol=0, atol=1e-5)
    flipped = random_affine(images[:1].expand(400, -1, -1, -1), flip=0.5)
    share = (flipped - images[:1].flip(-1)).abs().amax(dim=(1, 2, 3)).lt(1e-4).float().mean()
    assert 0.4 < share < 0.6


@given(height=st.integers(24, 40), width=st.integers(24, 40))
def test_rotation_keeps_a_disc_round(height, width):
    # it would become an ellipse if the aspect ratio were forgotten
    image = disc(height, width)
    rotated = random_affine(image.expand(8, -1, -1, -1), rotation=180)
    assert (rotated - image).abs().mean() < 0.02


def test_translation_moves_by_pixels():
    image = torch.zeros(200, 1, 20, 40)
    image[:, :, 8:12, 18:22] = 1
    moved = random_affine(image, translation=0.2)
    y, x = torch.meshgrid(torch.arange(20.0), torch.arange(40.0), indexing="ij")
    mass = moved.sum(dim=(1, 2, 3))
    shift_y = (moved[:, 0] * y).sum(dim=(1, 2)) / mass - 9.5
    shift_x = (moved[:, 0] * x).sum(dim=(1, 2)) / mass - 19.5
    assert shift_y.abs().max() <= 4.01
    assert shift_x.abs().max() <= 8.01
    assert shift_y.abs().max() > 3.5
    assert shift_x.abs().max() > 7


def test_shear_is_horizontal():
    image = torch.zeros(100, 1, 21, 21)
    image[:, :, 10] = 1  # a horizontal line through the centre stays
    sheared = random_affine(image, shear=10)
    torch.testing.assert_close(sheared[:, :, 10, 3:-3], image[:, :, 10, 3:-3])
    assert sheared[:, :, :9].max() < 1e-4


@pytest.mark.parametrize("name", POLICIES)
def test_policies(name):
    images = torch.rand(16, 3, 48, 48)
    before = images.clone()
    augmented = POLICIES[name](images)
    assert torch.equal(images, before)
    assert augmented.shape == images.shape
    assert augmented.min() >= 0
    assert augmented.max() <= 1 + 1e-6
    assert (augmented - images).abs().amax(dim=(1, 2, 3)).min() > 0.1
    # the same change for every channel of an image, another one for every image
    grays = POLICIES[name](images[:1, :1].expand(16, 3, -1, -1))
    assert torch.equal(grays[:, 0], grays[:, 1])
    assert not torch.equal(grays[0], grays[1])
