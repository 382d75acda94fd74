import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skorch.dataset import Dataset

from ferkit import MobileNetFER
from ferkit.augment import Policy
from ferkit.datasets import make_faces
from ferkit.training.batches import Batches, on_device, to_input


@given(n=st.integers(1, 300), batch_size=st.integers(2, 70), shuffle=st.booleans())
def test_every_image_once_in_even_batches(n, batch_size, shuffle):
    images = np.zeros((n, 1, 1, 1), np.float32)
    batches = Batches(Dataset(images, np.arange(n)), batch_size, in_channels=1)
    batches.shuffle_seed = 0 if shuffle else None
    targets = [t for _, t in batches]
    sizes = [len(t) for t in targets]
    assert len(sizes) == len(batches)
    assert sizes == [batches.n_images_of(step) for step in range(len(sizes))]
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) <= batch_size + 1
    assert min(sizes) >= min(2, n)
    assert sorted(torch.cat(targets).tolist()) == list(range(n))


def test_the_seed_is_the_order():
    dataset = Dataset(np.zeros((50, 1, 1, 1), np.float32), np.arange(50))

    def order(seed):
        batches = Batches(dataset, 8, in_channels=1)
        batches.shuffle_seed = seed
        return torch.cat([t for _, t in batches]).tolist()

    assert order(0) == order(0) != order(1)
    assert order(None) == list(range(50))


@pytest.mark.parametrize("n_channels", [1, 3])
def test_levels_and_floats_give_the_same_input(n_channels):
    levels = np.random.default_rng(0).integers(0, 256, (5, 4, 6, n_channels), dtype=np.uint8)
    floats = levels.astype(np.float32) / np.float32(255)
    (a, targets), (b, _) = (
        next(iter(Batches(Dataset(x), 5, in_channels=3))) for x in (levels, floats)
    )
    assert torch.equal(a, b)
    assert a.shape == (5, 3, 4, 6)
    assert a.is_contiguous(memory_format=torch.channels_last)
    assert targets.tolist() == [0] * 5
    expected = levels.transpose(0, 3, 1, 2) / 127.5 - 1
    np.testing.assert_allclose(a, np.broadcast_to(expected, a.shape), atol=1e-6)


def test_augmentation_sees_unit_floats_and_never_the_stored_images():
    levels = np.full((4, 2, 2, 1), 255, np.uint8)
    seen = []

    class Blacken(Policy):
        def __call__(self, x):
            seen.append(x.clone())
            return x.zero_()

    batches = Batches(Dataset(levels), 4, in_channels=1, augment=Blacken())
    assert next(iter(batches))[0].eq(-1).all()
    assert seen[0].eq(1).all()
    assert (levels == 255).all()


@pytest.mark.parametrize("n_channels", [1, 3])
@pytest.mark.parametrize("augment", [None, Policy(flip=0.5)])
def test_strides_are_those_of_channels_last(augment, n_channels):
    levels = np.zeros((4, 6, 8, 1), np.uint8)
    batches = Batches(Dataset(levels), 4, in_channels=n_channels, augment=augment)
    # also of one channel, where any memory format claims to be the one
    assert next(iter(batches))[0].stride() == (48 * n_channels, 1, 8 * n_channels, n_channels)


@pytest.mark.parametrize("are_soft", [False, True])
def test_mixed_targets_go_with_mixed_images(are_soft):
    images = np.zeros((12, 4, 4, 3), np.float32)
    images[np.arange(12), ..., np.arange(12) % 3] = 1  # pure red, green and blue
    targets = np.arange(12) % 3
    if are_soft:
        targets = np.eye(3, dtype=np.float32)[targets]
    mixing = Batches(
        Dataset(images, targets), 12, in_channels=3, augment=Policy(mixup=1.0), n_classes=3
    )
    inputs, mixed = next(iter(mixing))
    torch.testing.assert_close((inputs.mean(dim=(2, 3)) + 1) / 2, mixed)
    assert ((mixed > 0.01).sum(dim=1) == 2).any()


def test_to_input_leaves_its_argument():
    x = torch.rand(2, 1, 3, 3)
    before = x.clone()
    to_input(x, 1)
    assert torch.equal(x, before)


def test_images_on_a_device_give_the_same_batches():
    levels = np.random.default_rng(0).integers(0, 256, (11, 4, 4, 1), dtype=np.uint8)
    there = torch.from_numpy(levels), torch.arange(11)
    for a, b in zip(*(_shuffled(*data) for data in ((levels, np.arange(11)), there)), strict=True):
        assert torch.equal(a[0], b[0])
        assert torch.equal(a[1], b[1])


def _shuffled(images, targets):
    batches = Batches(Dataset(images, targets), 4, in_channels=1)
    batches.shuffle_seed = 0
    return batches


def test_the_cpu_keeps_arrays_where_they_are():
    images = np.zeros((2, 1, 1, 1), np.uint8)
    images.setflags(write=False)
    assert on_device(images, torch.device("cpu")) is images
    assert on_device(images, torch.device("meta")).device.type == "meta"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_no_step_waits_for_the_device():
    X, y = make_faces(512, random_state=0, return_X_y=True)
    clf = MobileNetFER(max_epochs=1, augment="reference", batch_size=32, random_state=0)
    clf.fit(X, y)  # compiles kernels and fills caches
    n_waits = []
    for n_steps in (8, 16):
        torch.cuda.set_sync_debug_mode("warn")
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                clf.fit(X[: 32 * n_steps], y[: 32 * n_steps])
        finally:
            torch.cuda.set_sync_debug_mode("default")
        n_waits.append(len(caught))
    assert n_waits[0] == n_waits[1] > 0
