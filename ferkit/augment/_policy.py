"""Named sets of changes."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import overload

import torch

from ._affine import random_affine, random_crop
from ._checks import (
    ALPHA,
    ALPHA_OR_NONE,
    FRACTION,
    PADDING,
    PROBABILITY,
    ROTATION,
    SHEAR,
    ZOOM,
    check_numbers,
)
from ._levels import random_brightness, random_contrast, random_erasing, random_noise
from ._mixing import cutmix, mixup


@dataclass(frozen=True, kw_only=True, repr=False)
class Policy:
    """How batches are changed; a function of a batch.

    What is 0 is left out. Policies are equal if their values are, so they can be parameters of
    estimators and candidates of a search.

    Parameters
    ----------
    flip, rotation, shear, translation, zoom : float, default=0.0
        As in `random_affine`: a probability, degrees, degrees, and fractions.
    crop : int, default=0
        Padding of `random_crop`, in pixels.
    brightness, contrast : float, default=0.0
        Largest changes of `random_brightness` and `random_contrast`.
    noise : float, default=0.0
        Standard deviation of `random_noise`.
    erasing : float, default=0.0
        Probability of `random_erasing`.
    mixup, cutmix : float, default=0.0
        Their alpha, from 0.01 to 1000. With both, each batch has one of them, by a coin.

    Raises
    ------
    ValueError
        If a value is not in its range.

    Examples
    --------
    >>> import torch
    >>> from ferkit.augment import POLICIES, Policy
    >>> policy = Policy(flip=0.5, rotation=10, erasing=0.25)
    >>> policy(torch.rand(8, 1, 48, 48)).shape
    torch.Size([8, 1, 48, 48])
    >>> policy == Policy(flip=0.5, rotation=10, erasing=0.25)
    True
    """

    flip: float = 0.0
    rotation: float = 0.0
    shear: float = 0.0
    translation: float = 0.0
    zoom: float = 0.0
    crop: int = 0
    brightness: float = 0.0
    contrast: float = 0.0
    noise: float = 0.0
    erasing: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0

    def __post_init__(self):
        numbers = {name: (getattr(self, name), allowed) for name, allowed in _RANGES.items()}
        check_numbers("a Policy", **numbers)
        alphas = {name: getattr(self, name) for name in ("mixup", "cutmix")}
        check_numbers("a Policy", **{name: (a, ALPHA) for name, a in alphas.items() if a})

    @property
    def mixes(self) -> bool:
        """Whether targets are changed, too: by `mix`."""
        return self.mixup > 0 or self.cutmix > 0

    def __repr__(self):
        values = ((field.name, getattr(self, field.name)) for field in fields(self))
        return f"Policy({', '.join(f'{name}={value!r}' for name, value in values if value)})"

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """Change each image of a batch on its own.

        Parameters
        ----------
        images : torch.Tensor of shape (n, channels, height, width)
            Floats in [0, 1].

        Returns
        -------
        torch.Tensor of shape (n, channels, height, width)
            New images where anything is asked for; the input is not changed.

        Raises
        ------
        ValueError
            If the images are something else, and there is something to change.
        """
        if len(images) == 0:
            return images
        affine = {name: getattr(self, name) for name in _AFFINE}
        if any(affine.values()):
            images = random_affine(images, **affine)
        for name, function in _FUNCTIONS.items():
            if getattr(self, name):
                images = function(images, getattr(self, name))
        return images

    def mix(self, images: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mix the images of a batch, and their targets.

        Parameters
        ----------
        images : torch.Tensor of shape (n, channels, height, width)
            Floats.
        targets : torch.Tensor of shape (n, n_classes)
            Probabilities of the classes.

        Returns
        -------
        images : torch.Tensor of shape (n, channels, height, width)
            Mixed; as they are, if the policy has neither `mixup` nor `cutmix`.
        targets : torch.Tensor of shape (n, n_classes)
            Their probabilities.

        Raises
        ------
        ValueError
            If the images or targets are something else, and there is something to mix.
        """
        choices = [(f, alpha) for f, alpha in ((mixup, self.mixup), (cutmix, self.cutmix)) if alpha]
        if not choices:
            return images, targets
        # drawn on the CPU, where every device's fit has a seeded generator: no waiting for a device
        function, alpha = choices[torch.randint(len(choices), (), device="cpu")]
        return function(images, targets, alpha=alpha)


_AFFINE = ("flip", "rotation", "shear", "translation", "zoom")

_FUNCTIONS = {
    "crop": random_crop,
    "brightness": random_brightness,
    "contrast": random_contrast,
    "noise": random_noise,
    "erasing": random_erasing,
}

_RANGES = {
    "flip": PROBABILITY,
    "rotation": ROTATION,
    "shear": SHEAR,
    "translation": FRACTION,
    "zoom": ZOOM,
    "crop": PADDING,
    "brightness": FRACTION,
    "contrast": FRACTION,
    "noise": FRACTION,
    "erasing": PROBABILITY,
    "mixup": ALPHA_OR_NONE,
    "cutmix": ALPHA_OR_NONE,
}

POLICIES = {
    "reference": Policy(flip=0.5, rotation=5, shear=10, translation=0.2),
    "offline": Policy(flip=0.5, rotation=15, translation=0.1, zoom=0.1),
    "strong": Policy(
        flip=0.5,
        rotation=15,
        translation=0.09,
        zoom=0.15,
        brightness=0.1,
        contrast=0.2,
        erasing=0.5,
    ),
}
"""Named policies. "reference" and "offline" are what Pazos and Wang (2025) trained with, in each
epoch and to make more images of short classes; "strong" is for long trainings."""


@overload
def resolve_policy(policy: str | Policy, name: str = ...) -> Policy: ...


@overload
def resolve_policy(policy: None, name: str = ...) -> None: ...


def resolve_policy(policy: str | Policy | None, name: str = "policy") -> Policy | None:
    """Find a policy by its name.

    Parameters
    ----------
    policy : str, Policy or None
        A name in `POLICIES`, or what is returned as it is.
    name : str, default="policy"
        Of the parameter, for the message.

    Returns
    -------
    Policy or None
        The policy.

    Raises
    ------
    ValueError
        If it is something else.

    Examples
    --------
    >>> from ferkit.augment import resolve_policy
    >>> resolve_policy("reference").flip
    0.5
    """
    if policy is None or isinstance(policy, Policy):
        return policy
    if not isinstance(policy, str) or policy not in POLICIES:
        raise ValueError(
            f"got {name}={policy!r}, expected a ferkit.augment.Policy, None or one of "
            f"{', '.join(map(repr, POLICIES))}; choose one"
        )
    return POLICIES[policy]
