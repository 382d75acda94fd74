import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ferkit.augment import (
    POLICIES,
    Policy,
    cutmix,
    mixup,
    random_affine,
    random_brightness,
    random_contrast,
    random_crop,
    random_erasing,
    random_noise,
    resolve_policy,
)
from ferkit.augment._random import boxes


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


def test_an_empty_batch_stays_empty():
    assert random_affine(torch.rand(0, 1, 48, 24), rotation=5).shape == (0, 1, 48, 24)
    for policy in POLICIES.values():
        assert policy(torch.rand(0, 1, 48, 48)).shape == (0, 1, 48, 48)


def test_shear_is_horizontal():
    image = torch.zeros(100, 1, 21, 21)
    image[:, :, 10] = 1  # a horizontal line through the centre stays
    sheared = random_affine(image, shear=10)
    torch.testing.assert_close(sheared[:, :, 10, 3:-3], image[:, :, 10, 3:-3])
    assert sheared[:, :, :9].max() < 1e-4


def test_zoom_changes_the_size():
    images = disc(48, 48, radius=10).expand(300, -1, -1, -1)
    sizes = random_affine(images, zoom=0.2).sum(dim=(1, 2, 3)) / images[0].sum()
    assert 0.8**2 * 0.95 < sizes.min() < 0.7
    assert 1.35 < sizes.max() < 1.2**2 * 1.05
    assert 0.9 < sizes.median() < 1.1


def test_crop_shifts_by_whole_pixels():
    image = torch.rand(1, 2, 6, 9)
    cropped = random_crop(image.expand(100, -1, -1, -1), 2)
    padded = torch.nn.functional.pad(image[0], (2,) * 4)
    windows = padded.unfold(1, 6, 1).unfold(2, 9, 1).permute(1, 2, 0, 3, 4).reshape(25, -1)
    distances = (cropped.flatten(1)[:, None] - windows).abs().amax(dim=2)
    assert distances.amin(dim=1).eq(0).all()
    assert len(distances.argmin(dim=1).unique()) == 25


def test_brightness_and_contrast():
    images = torch.rand(200, 1, 8, 8) * 0.2 + 0.4
    shifts = (random_brightness(images, 0.3) - images).flatten(1)
    assert shifts.std(dim=1).max() < 1e-6
    assert 0.25 < shifts.abs().max() <= 0.3 + 1e-6
    spread = random_contrast(images, 0.3)
    torch.testing.assert_close(spread.mean(dim=(1, 2, 3)), images.mean(dim=(1, 2, 3)))
    factors = spread.flatten(1).std(dim=1) / images.flatten(1).std(dim=1)
    assert 0.7 - 1e-4 < factors.min() < 0.75
    assert 1.25 < factors.max() < 1.3 + 1e-4


def test_noise_is_of_the_asked_size():
    noise = random_noise(torch.full((20, 1, 48, 48), 0.5), 0.05) - 0.5
    assert noise.std().item() == pytest.approx(0.05, rel=0.02)
    assert abs(noise.mean().item()) < 1e-3


def test_erasing_hides_one_box_of_the_asked_share():
    images = torch.full((400, 3, 40, 50), -1.0)
    is_hidden = (random_erasing(images, 0.5, area=(0.1, 0.2)) != -1).all(dim=1)
    shares = is_hidden.float().mean(dim=(1, 2))
    assert 0.4 < (shares > 0).float().mean() < 0.6
    shares = shares[shares > 0]
    assert shares.max() < 0.21
    assert shares.median() > 0.1
    for hidden in is_hidden[is_hidden.any(dim=(1, 2))]:
        rows, columns = hidden.any(dim=1).sum(), hidden.any(dim=0).sum()
        assert hidden.sum() == rows * columns  # all of a box


def test_boxes_lie_anywhere():
    hidden = boxes(torch.full((2000,), 2.0), torch.full((2000,), 3.0), 5, 7)
    assert hidden.shape == (2000, 1, 5, 7)
    assert (hidden.sum(dim=(1, 2, 3)) == 6).all()
    for dim, n_places in ((3, 4), (2, 5)):
        first = hidden.any(dim=dim).float().argmax(dim=2).flatten()
        counts = torch.bincount(first)
        assert len(counts) == n_places
        assert counts.min() > 0.75 * 2000 / n_places


@pytest.mark.parametrize(("mix", "alpha"), [(mixup, 0.4), (cutmix, 1.0)])
def test_targets_are_mixed_as_the_images_are(mix, alpha):
    # each image is of one level, which no other has, and that is its target, too
    n = 40
    levels = torch.arange(n, dtype=torch.float32)
    images, targets = mix(levels.view(-1, 1, 1, 1).expand(-1, 3, 12, 10), torch.eye(n), alpha=alpha)
    torch.testing.assert_close(targets.sum(dim=1), torch.ones(n))
    torch.testing.assert_close(images.mean(dim=(1, 2, 3)), targets @ levels, rtol=1e-4, atol=1e-4)
    assert (targets.diagonal() < 0.999).any()
    assert ((targets > 0).sum(dim=1) <= 2).all()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize(
    "change",
    [
        lambda x, _: random_affine(x, flip=0.5, rotation=15, shear=5, translation=0.1, zoom=0.1),
        lambda x, _: random_brightness(x, 0.2),
        lambda x, _: random_contrast(x, 0.2),
        lambda x, _: random_crop(x, 2),
        lambda x, targets: mixup(x, targets, alpha=0.4)[0],
        lambda x, targets: cutmix(x, targets, alpha=1.0)[1],
    ],
)
def test_floats_of_any_kind_keep_it(change, dtype):
    images, targets = torch.rand(20, 1, 48, 48).to(dtype), torch.eye(20).to(dtype)
    results = []
    for kind in (torch.float32, dtype):
        torch.manual_seed(0)
        results.append(change(images.to(kind), targets.to(kind)))
    assert results[1].dtype == dtype
    torch.testing.assert_close(results[1].float(), results[0], rtol=0, atol=0.02)


def test_policies_are_values():
    assert Policy(flip=0.5) == Policy(flip=0.5) != Policy(flip=0.4)
    assert repr(Policy(flip=0.5, crop=4)) == "Policy(flip=0.5, crop=4)"
    assert resolve_policy("strong") is POLICIES["strong"]
    assert resolve_policy(None) is None
    images = torch.rand(2, 1, 8, 8)
    assert Policy()(images) is images
    none = Policy(flip=0.5, rotation=10, noise=0.1)(images[:0])
    assert none.shape == (0, 1, 8, 8)


@pytest.mark.parametrize("policy", [Policy(mixup=0.2), Policy(cutmix=1), Policy(mixup=1, cutmix=1)])
def test_mixing_policies(policy):
    assert policy.mixes
    assert not Policy(flip=1).mixes
    images, targets = torch.rand(16, 1, 8, 8), torch.eye(16)
    assert Policy(flip=1).mix(images, targets) == (images, targets)
    images, targets = policy.mix(torch.rand(16, 1, 8, 8), torch.eye(16))
    assert images.shape == (16, 1, 8, 8)
    torch.testing.assert_close(targets.sum(dim=1), torch.ones(16))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"flip": 1.5}, r"got flip=1\.5 in a Policy, expected a probability"),
        ({"rotation": -5}, "got rotation=-5 in a Policy, expected degrees"),
        ({"zoom": 1}, "got zoom=1 in a Policy, expected a fraction"),
        ({"crop": 2.0}, "got crop=2.0 in a Policy, expected whole pixels"),
        ({"crop": float("inf")}, "expected whole pixels"),
        ({"flip": "a"}, "got flip='a' in a Policy"),
        ({"flip": True}, "got flip=True in a Policy"),
        ({"noise": 25}, "got noise=25 in a Policy, expected a fraction"),
        ({"noise": float("nan")}, "got noise=nan"),
    ],
)
def test_values_out_of_range(values, message):
    with pytest.raises(ValueError, match=message):
        Policy(**values)


IMAGES = torch.rand(4, 1, 8, 8)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: random_affine(IMAGES, flip=50), "got flip=50 in random_affine, expected a proba"),
        (lambda: random_affine(IMAGES, zoom=1.1), r"got zoom=1\.1 in random_affine, expected a fr"),
        (lambda: random_affine(IMAGES, rotation=200), "got rotation=200 in .*, expected degrees"),
        (lambda: random_affine(IMAGES, translation=5), "got translation=5 in .*, expected a fract"),
        (lambda: random_affine(IMAGES, shear=90), "got shear=90 in .*, expected degrees, 0 to 80"),
        (lambda: random_crop(IMAGES, 0.1), r"got padding=0\.1 in random_crop, expected whole pix"),
        (lambda: random_brightness(IMAGES, 30), "got largest=30 in random_brightness, expected a"),
        (lambda: random_contrast(IMAGES, -0.1), r"got largest=-0\.1 in random_contrast, expected"),
        (lambda: random_noise(IMAGES, 25), "got std=25 in random_noise, expected a fraction, 0 to"),
        (lambda: random_erasing(IMAGES, 2), "got probability=2 in random_erasing, expected a pro"),
        (lambda: random_erasing(IMAGES, 1, area=0.2), r"got area=0\.2 in random_erasing, expected"),
        (lambda: random_erasing(IMAGES, 1, area=(0.1, 5)), r"got area=.* up to 1; change it"),
        (
            lambda: random_erasing(IMAGES, 1, aspect=(3, 1)),
            r"got aspect=\(3, 1\) in random_erasing",
        ),
        (lambda: random_noise(IMAGES.numpy(), 0.1), "got images of type ndarray in random_noise"),
        (
            lambda: random_affine(IMAGES[0]),
            r"shape \(1, 8, 8\) in .* use images\[:, None\] if they",
        ),
        (lambda: random_affine(IMAGES[0, 0]), r"shape \(8, 8\) in .*use images\[None, None\]"),
        (
            lambda: random_crop(torch.rand(4, 8, 8, 3), 1),
            r"channels first, \(4, 3, 8, 8\); use ima",
        ),
        (
            lambda: random_crop(IMAGES.byte(), 1),
            r"got torch\.uint8 images in random_crop, expected",
        ),
        (
            lambda: mixup(IMAGES, torch.eye(4), alpha=0),
            r"got alpha=0 in mixup, expected a number, 0\.01 to 1000",
        ),
        (
            lambda: Policy(cutmix=0.001),
            r"got cutmix=0\.001 in a Policy, expected a number, 0\.01 to 1000",
        ),
        (
            lambda: cutmix(IMAGES, torch.arange(4), alpha=1),
            r"that are torch\.int64 \(4,\), expected",
        ),
        (lambda: mixup(IMAGES, [0, 1, 2, 3], alpha=1), "got targets in mixup that are list, ex"),
        (lambda: cutmix(IMAGES, torch.eye(3), alpha=1), "got 3 targets for 4 images in cutmix, ex"),
        (
            lambda: POLICIES["strong"](IMAGES[0]),
            r"got images of shape \(1, 8, 8\) in random_affine",
        ),
    ],
)
def test_what_functions_refuse(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_unknown_policies():
    with pytest.raises(ValueError, match=r"got policy='refrence', expected .*'reference'"):
        resolve_policy("refrence")


@pytest.mark.parametrize("name", POLICIES)
def test_policies(name):
    images = torch.rand(16, 3, 48, 48)
    before = images.clone()
    augmented = POLICIES[name](images)
    assert torch.equal(images, before)
    assert augmented.shape == images.shape
    assert augmented.min() >= -0.35
    assert augmented.max() <= 1.35
    assert (augmented - images).abs().amax(dim=(1, 2, 3)).min() > 0.1
    # the same change for every channel of an image, another one for every image
    grays = POLICIES[name](images[:1, :1].expand(16, 3, -1, -1))
    assert torch.equal(grays[:, 0], grays[:, 1])
    assert not torch.equal(grays[0], grays[1])
