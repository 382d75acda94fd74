"""Time the change of a batch: ferkit's policies, and kornia's parts for the same."""

import statistics
import time

import torch

N_CALLS = 200


def measure(contender, policy):
    """Time a policy on batches of 64 gray images of 48 x 48 pixels, on one thread.

    Parameters
    ----------
    contender : {"ferkit", "kornia"}
        Who changes the batches.
    policy : str
        A name in `ferkit.augment.POLICIES`.

    Returns
    -------
    dict
        milliseconds of the median call.
    """
    torch.set_num_threads(1)
    torch.manual_seed(0)
    change = _kornia(policy) if contender == "kornia" else _ferkit(policy)
    images = torch.rand(64, 1, 48, 48)
    seconds = []
    for _ in range(N_CALLS):
        start = time.perf_counter()
        change(images)
        seconds.append(time.perf_counter() - start)
    return {"milliseconds": 1000 * statistics.median(seconds)}


def _ferkit(policy):
    from ferkit.augment import POLICIES

    return POLICIES[policy]


def _kornia(policy):
    from kornia import augmentation as k

    from ferkit.augment import POLICIES

    p = POLICIES[policy]
    parts = [
        k.RandomHorizontalFlip(p=p.flip),
        k.RandomAffine(
            degrees=p.rotation,
            shear=p.shear,
            translate=(p.translation, p.translation),
            scale=(1 - p.zoom, 1 + p.zoom),
            p=1.0,
        ),
    ]
    if p.brightness:
        parts.append(k.RandomBrightness((1 - p.brightness, 1 + p.brightness), p=1.0))
    if p.contrast:
        parts.append(k.RandomContrast((1 - p.contrast, 1 + p.contrast), p=1.0))
    if p.erasing:
        parts.append(k.RandomErasing(p=p.erasing))
    return torch.nn.Sequential(*parts)
