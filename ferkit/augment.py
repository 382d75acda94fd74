"""Random changes of how faces look: pure functions on batches, and policies built from them.

A batch is a float tensor of shape (n, channels, height, width) with black at 0. Random numbers
come from torch's default generator of the batch's device.
"""

import math
from functools import partial

import torch
from torch.nn import functional as F


def random_affine(images, *, flip=0.0, rotation=0.0, shear=0.0, translation=0.0):
    """Flip, rotate, shear and shift each image of a batch, in one bilinear resampling.

    Parameters
    ----------
    images : torch.Tensor of shape (n, channels, height, width)
        Floats; pixels from outside an image are 0, black.
    flip : float, default=0.0
        Probability of a horizontal flip.
    rotation : float, default=0.0
        Largest rotation about the centre, in degrees, either way.
    shear : float, default=0.0
        Largest horizontal shear angle, in degrees, either way.
    translation : float, default=0.0
        Largest shift, as a fraction of the height and of the width, either way.

    Returns
    -------
    torch.Tensor of shape (n, channels, height, width)
        New images; the input is not changed.
    """
    n, _, height, width = images.shape

    def uniform(largest):
        return (2 * torch.rand(n, device=images.device) - 1) * largest

    angle = uniform(math.radians(rotation))
    slope = torch.tan(uniform(math.radians(shear)))
    mirror = 1 - 2 * (torch.rand(n, device=images.device) < flip).float()
    shift_x, shift_y = uniform(2 * translation), uniform(2 * translation)
    cos, sin = torch.cos(angle), torch.sin(angle)
    # rotation @ shear @ flip, in grid_sample's coordinates, where each side has length 2: the
    # terms that mix x and y carry the aspect ratio
    aspect = height / width
    theta = torch.stack(
        [
            torch.stack([mirror * cos, (cos * slope - sin) * aspect, shift_x], dim=1),
            torch.stack([mirror * sin / aspect, sin * slope + cos, shift_y], dim=1),
        ],
        dim=1,
    )
    grid = F.affine_grid(theta, images.shape, align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", align_corners=False)


POLICIES = {
    "reference": partial(random_affine, flip=0.5, rotation=5, shear=10, translation=0.2),
}
"""Named policies: "reference" is what Pazos and Wang (2025) trained with."""
