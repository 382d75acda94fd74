"""Images made of two, with targets to match."""

from __future__ import annotations

import torch
from torch.distributions import Beta

from ._checks import ALPHA, check_images, check_numbers, check_targets
from ._random import boxes, per_image


def mixup(
    images: torch.Tensor, targets: torch.Tensor, *, alpha: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Blend each image of a batch with another of it, and their targets alike.

    See [1]_.

    Parameters
    ----------
    images : torch.Tensor of shape (n, channels, height, width)
        Floats.
    targets : torch.Tensor of shape (n, n_classes)
        Probabilities of the classes.
    alpha : float
        Both parameters of the beta distribution of an image's own share: 1 is uniform, less keeps
        most images nearly whole. From 0.01 to 1000.

    Returns
    -------
    images : torch.Tensor of shape (n, channels, height, width)
        New images.
    targets : torch.Tensor of shape (n, n_classes)
        Their probabilities.

    Raises
    ------
    ValueError
        If the images or targets are something else, or `alpha` is not in its range.

    References
    ----------
    .. [1] Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018.

    Examples
    --------
    >>> import torch
    >>> from ferkit.augment import mixup
    >>> targets = torch.eye(7)[[0, 3, 3, 6]]
    >>> images, targets = mixup(torch.rand(4, 1, 48, 48), targets, alpha=1.0)
    >>> targets.sum(dim=1)
    tensor([1., 1., 1., 1.])
    """
    check_images("mixup", images)
    check_targets("mixup", images, targets)
    check_numbers("mixup", alpha=(alpha, ALPHA))
    share = _draw_shares(images, alpha)
    other = torch.randperm(len(images), device=images.device)
    return (
        torch.lerp(images[other], images, per_image(share, images)),
        torch.lerp(targets[other], targets, share[:, None].to(targets.dtype)),
    )


def cutmix(
    images: torch.Tensor, targets: torch.Tensor, *, alpha: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Cover a box of each image with that of another, and mix their targets by area.

    See [1]_.

    Parameters
    ----------
    images : torch.Tensor of shape (n, channels, height, width)
        Floats.
    targets : torch.Tensor of shape (n, n_classes)
        Probabilities of the classes.
    alpha : float
        Both parameters of the beta distribution of the area that an image keeps. From 0.01 to
        1000.

    Returns
    -------
    images : torch.Tensor of shape (n, channels, height, width)
        New images.
    targets : torch.Tensor of shape (n, n_classes)
        Their probabilities.

    Raises
    ------
    ValueError
        If the images or targets are something else, or `alpha` is not in its range.

    References
    ----------
    .. [1] Yun et al., "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable
       Features", ICCV 2019.

    Examples
    --------
    >>> import torch
    >>> from ferkit.augment import cutmix
    >>> targets = torch.eye(7)[[0, 3, 3, 6]]
    >>> images, targets = cutmix(torch.rand(4, 1, 48, 48), targets, alpha=1.0)
    >>> targets.sum(dim=1)
    tensor([1., 1., 1., 1.])
    """
    check_images("cutmix", images)
    check_targets("cutmix", images, targets)
    check_numbers("cutmix", alpha=(alpha, ALPHA))
    height, width = images.shape[2:]
    side = torch.sqrt(1 - _draw_shares(images, alpha))
    covered = boxes(torch.round(side * height), torch.round(side * width), height, width)
    share = 1 - covered.float().mean(dim=(2, 3))
    other = torch.randperm(len(images), device=images.device)
    return (
        torch.where(covered, images[other], images),
        torch.lerp(targets[other], targets, share.to(targets.dtype)),
    )


def _draw_shares(images, alpha):
    alpha = images.new_full((len(images),), alpha, dtype=torch.float32)
    return Beta(alpha, alpha, validate_args=False).sample()
