"""Random changes of how faces look: pure functions on batches, and policies built from them.

A batch is a float tensor of shape (n, channels, height, width) with black at 0 and white at 1, on
any device. Random numbers come from torch's default generator of that device, and nothing is read
back from it.
"""

from ._affine import random_affine, random_crop
from ._levels import random_brightness, random_contrast, random_erasing, random_noise
from ._mixing import cutmix, mixup
from ._policy import POLICIES, Policy, resolve_policy

__all__ = [
    "POLICIES",
    "Policy",
    "cutmix",
    "mixup",
    "random_affine",
    "random_brightness",
    "random_contrast",
    "random_crop",
    "random_erasing",
    "random_noise",
    "resolve_policy",
]
