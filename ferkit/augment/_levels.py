"""Changes of light, and of parts that cannot be seen."""

from __future__ import annotations

import math

import torch

from ._checks import FRACTION, PROBABILITY, check_images, check_numbers, check_range
from ._random import boxes, per_image, uniform


def random_brightness(images: torch.Tensor, largest: float) -> torch.Tensor:
    """Make each image of a batch lighter or darker.

    Parameters
    ----------
    images : torch.Tensor of shape (n, channels, height, width)
        Floats, for which 0 is black and 1 is white.
    largest : float
        Largest change, either way, where black to white is 1: 0 to 1.

    Returns
    -------
    torch.Tensor of shape (n, channels, height, width)
        New images, which may leave [0, 1]; the input is not changed.

    Raises
    ------
    ValueError
        If the images are something else, or a number is not in its range.

    Examples
    --------
    >>> import torch
    >>> from ferkit.augment import random_brightness
    >>> images = torch.rand(4, 1, 48, 48)
    >>> random_brightness(images, 0.2).shape
    torch.Size([4, 1, 48, 48])
    """
    check_images("random_brightness", images)
    check_numbers("random_brightness", largest=(largest, FRACTION))
    return images + per_image(uniform(images, largest), images)


def random_contrast(images: torch.Tensor, largest: float) -> torch.Tensor:
    """Spread or draw together the levels of each image of a batch, about their mean.

    Parameters
    ----------
    images : torch.Tensor of shape (n, channels, height, width)
        Floats, for which 0 is black and 1 is white.
    largest : float
        Largest change, either way, 0 to 1: 0.2 multiplies by 0.8 to 1.2.

    Returns
    -------
    torch.Tensor of shape (n, channels, height, width)
        New images, which may leave [0, 1]; the input is not changed.

    Raises
    ------
    ValueError
        If the images are something else, or a number is not in its range.

    Examples
    --------
    >>> import torch
    >>> from ferkit.augment import random_contrast
    >>> images = torch.rand(4, 1, 48, 48)
    >>> random_contrast(images, 0.2).shape
    torch.Size([4, 1, 48, 48])
    """
    check_images("random_contrast", images)
    check_numbers("random_contrast", largest=(largest, FRACTION))
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return torch.lerp(mean, images, per_image(1 + uniform(images, largest), images))


def random_noise(images: torch.Tensor, std: float) -> torch.Tensor:
    """Add normal noise, another in each pixel and channel.

    Parameters
    ----------
    images : torch.Tensor of shape (n, channels, height, width)
        Floats, for which 0 is black and 1 is white.
    std : float
        Standard deviation, where black to white is 1: 0 to 1.

    Returns
    -------
    torch.Tensor of shape (n, channels, height, width)
        New images, which may leave [0, 1]; the input is not changed.

    Raises
    ------
    ValueError
        If the images are something else, or a number is not in its range.

    Examples
    --------
    >>> import torch
    >>> from ferkit.augment import random_noise
    >>> images = torch.rand(4, 1, 48, 48)
    >>> random_noise(images, 0.05).shape
    torch.Size([4, 1, 48, 48])
    """
    check_images("random_noise", images)
    check_numbers("random_noise", std=(std, FRACTION))
    return torch.randn_like(images).mul_(std).add_(images)


def random_erasing(
    images: torch.Tensor,
    probability: float,
    *,
    area: tuple[float, float] = (0.02, 0.33),
    aspect: tuple[float, float] = (0.3, 3.3),
) -> torch.Tensor:
    """Hide a box of some images of a batch under random grey levels.

    See [1]_.

    Parameters
    ----------
    images : torch.Tensor of shape (n, channels, height, width)
        Floats, for which 0 is black and 1 is white.
    probability : float
        Of an image to lose a box.
    area : tuple of float, default=(0.02, 0.33)
        Smallest and largest part of the image; a box that would stand out is cut to fit.
    aspect : tuple of float, default=(0.3, 3.3)
        Smallest and largest ratio of the box's height to its width.

    Returns
    -------
    torch.Tensor of shape (n, channels, height, width)
        New images, which may leave [0, 1]; the input is not changed.

    Raises
    ------
    ValueError
        If the images are something else, or a number is not in its range.

    References
    ----------
    .. [1] Zhong et al., "Random Erasing Data Augmentation", AAAI 2020.

    Examples
    --------
    >>> import torch
    >>> from ferkit.augment import random_erasing
    >>> images = torch.rand(4, 1, 48, 48)
    >>> random_erasing(images, 0.5).shape
    torch.Size([4, 1, 48, 48])
    """
    check_images("random_erasing", images)
    check_numbers("random_erasing", probability=(probability, PROBABILITY))
    check_range("random_erasing", "area", area, 1)
    check_range("random_erasing", "aspect", aspect, math.inf)
    n, _, height, width = images.shape
    is_erased = torch.rand(n, device=images.device) < probability
    share, ratio = torch.rand((2, n), device=images.device)
    pixels = (area[0] + (area[1] - area[0]) * share) * height * width
    low, high = map(math.log, aspect)
    ratio = torch.exp(low + (high - low) * ratio)
    heights = torch.sqrt(pixels * ratio).round_().clamp_(1, height) * is_erased
    widths = torch.sqrt(pixels / ratio).round_().clamp_(1, width)
    is_hidden = boxes(heights, widths, height, width)
    return torch.where(is_hidden, torch.rand_like(images[:, :1]), images)
