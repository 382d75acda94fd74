"""Changes of where a face is and which way it looks."""

from __future__ import annotations

import math

import torch
from torch.nn import functional as F

from ._checks import (
    FRACTION,
    PADDING,
    PROBABILITY,
    ROTATION,
    SHEAR,
    ZOOM,
    check_images,
    check_numbers,
)
from ._random import uniform


def random_affine(
    images: torch.Tensor,
    *,
    flip: float = 0.0,
    rotation: float = 0.0,
    shear: float = 0.0,
    translation: float = 0.0,
    zoom: float = 0.0,
) -> torch.Tensor:
    """Flip, rotate, shear, shift and zoom each image of a batch, in one bilinear resampling.

    Parameters
    ----------
    images : torch.Tensor of shape (n, channels, height, width)
        Floats; pixels from outside an image are 0, black.
    flip : float, default=0.0
        Probability of a horizontal flip.
    rotation : float, default=0.0
        Largest rotation about the centre, in degrees, either way; up to 180.
    shear : float, default=0.0
        Largest horizontal shear angle, in degrees, either way; up to 80.
    translation : float, default=0.0
        Largest shift, as a fraction of the height and of the width, either way. It comes before the
        other changes: with `zoom`, `shear` or `rotation`, a face can end up further away.
    zoom : float, default=0.0
        Largest change of size, either way: 0.1 shows the face at 0.9 to 1.1 times its size. Up to
        0.9.

    Returns
    -------
    torch.Tensor of shape (n, channels, height, width)
        New images; the input is not changed.

    Raises
    ------
    ValueError
        If the images are something else, or a number is not in its range.

    Examples
    --------
    >>> import torch
    >>> from ferkit.augment import random_affine
    >>> images = torch.rand(4, 1, 48, 48)
    >>> random_affine(images, flip=0.5, rotation=15, translation=0.1).shape
    torch.Size([4, 1, 48, 48])
    """
    check_images("random_affine", images)
    check_numbers(
        "random_affine",
        flip=(flip, PROBABILITY),
        rotation=(rotation, ROTATION),
        shear=(shear, SHEAR),
        translation=(translation, FRACTION),
        zoom=(zoom, ZOOM),
    )
    n, _, height, width = images.shape
    if n == 0:
        return images.clone()
    angle = uniform(images, math.radians(rotation))
    slope = torch.tan(uniform(images, math.radians(shear)))
    mirror = 1 - 2 * (torch.rand(n, device=images.device) < flip).float()
    shift_x, shift_y = uniform(images, 2 * translation), uniform(images, 2 * translation)
    cos, sin = torch.cos(angle), torch.sin(angle)
    if zoom:  # the matrix leads from the new image to the old one
        scale = 1 / (1 + uniform(images, zoom))
        cos, sin = cos * scale, sin * scale
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
    dtype = torch.promote_types(images.dtype, torch.float32)  # half precision would blur places
    grid = F.affine_grid(theta, list(images.shape), align_corners=False).to(dtype)
    moved = F.grid_sample(images.to(dtype), grid, mode="bilinear", align_corners=False)
    return moved.to(images.dtype)


def random_crop(images: torch.Tensor, padding: int) -> torch.Tensor:
    """Cut each image out of itself with a black margin: a shift by whole pixels.

    Parameters
    ----------
    images : torch.Tensor of shape (n, channels, height, width)
        Floats.
    padding : int
        Width of the margin, which is the largest shift, in pixels: 0 to 1000.

    Returns
    -------
    torch.Tensor of shape (n, channels, height, width)
        New images; the input is not changed.

    Raises
    ------
    ValueError
        If the images are something else, or a number is not in its range.

    Examples
    --------
    >>> import torch
    >>> from ferkit.augment import random_crop
    >>> images = torch.rand(4, 1, 48, 48)
    >>> random_crop(images, padding=4).shape
    torch.Size([4, 1, 48, 48])
    """
    check_images("random_crop", images)
    check_numbers("random_crop", padding=(padding, PADDING))
    n, channels, height, width = images.shape
    padded = F.pad(images, (padding,) * 4)
    top, left = torch.randint(2 * padding + 1, (2, n, 1), device=images.device)
    rows = top + torch.arange(height, device=images.device)
    columns = left + torch.arange(width, device=images.device)
    rows = rows[:, None, :, None].expand(-1, channels, -1, padded.shape[3])
    columns = columns[:, None, None, :].expand(-1, channels, height, -1)
    return padded.gather(2, rows).gather(3, columns)
