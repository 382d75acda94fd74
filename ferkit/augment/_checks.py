"""What the changes of a batch are given: images, and numbers in their ranges."""

from numbers import Integral, Real

import torch

# the kind of a number, the smallest, the largest, and all of it in words
PROBABILITY = (Real, 0, 1, "a probability, 0 to 1")
FRACTION = (Real, 0, 1, "a fraction, 0 to 1")
ROTATION = (Real, 0, 180, "degrees, 0 to 180")
SHEAR = (Real, 0, 80, "degrees, 0 to 80")
ZOOM = (Real, 0, 0.9, "a fraction, 0 to 0.9")
PADDING = (Integral, 0, 1000, "whole pixels, 0 to 1000")
ALPHA = (Real, 0.01, 1000, "a number, 0.01 to 1000")  # with less, torch draws wrongly
ALPHA_OR_NONE = (Real, 0, 1000, "0, or 0.01 to 1000")


def check_numbers(where, **numbers):
    """Refuse numbers that a change cannot take, by a ValueError.

    Each keyword is a pair: the number, and what it has to be, one of this module's constants.
    `where` says of what they are parameters.
    """
    for name, (value, (kind, smallest, largest, meaning)) in numbers.items():
        is_number = isinstance(value, kind) and not isinstance(value, bool)
        if not (is_number and smallest <= value <= largest):
            raise ValueError(f"got {name}={value!r} in {where}, expected {meaning}; change it")


def check_range(where, name, value, largest):
    """Refuse what is not a smallest and a largest number, both above 0 and at most `largest`.

    A ValueError, which names the parameter as `name` of `where`.
    """
    is_pair = (
        isinstance(value, (tuple, list))
        and len(value) == 2
        and all(isinstance(v, Real) for v in value)
    )
    if not (is_pair and 0 < value[0] <= value[1] <= largest):
        raise ValueError(
            f"got {name}={value!r} in {where}, expected a smallest and a largest number above 0, "
            f"up to {largest}; change it"
        )


def check_images(where, images):
    """Refuse, by a ValueError, what is not a batch of images: floats, (n, channels, height, width).

    It looks at what is known without waiting for a device. `where` says to what it was given.
    """
    if not isinstance(images, torch.Tensor):
        raise ValueError(
            f"got images of type {type(images).__name__} in {where}, expected a float tensor "
            "(n, channels, height, width); use torch.as_tensor"
        )
    shape = tuple(images.shape)
    if len(shape) != 4:
        hint = {2: "images[None, None]", 3: "images[:, None] if they are gray"}
        raise ValueError(
            f"got images of shape {shape} in {where}, expected (n, channels, height, width); use "
            f"{hint.get(len(shape), 'reshape')}"
        )
    if shape[1] not in (1, 3) and shape[3] in (1, 3):
        raise ValueError(
            f"got images of shape {shape} in {where}, expected channels first, "
            f"{(shape[0], shape[3], *shape[1:3])}; use images.permute(0, 3, 1, 2)"
        )
    if not images.is_floating_point():
        raise ValueError(
            f"got {images.dtype} images in {where}, expected floats in [0, 1]; of levels, give "
            "images / 255"
        )


def check_targets(where, images, targets):
    """Refuse, by a ValueError, what is not (n, n_classes) floats, one row for each image.

    They are probabilities of the classes. `where` says to what they were given.
    """
    is_tensor = isinstance(targets, torch.Tensor)
    if not is_tensor or targets.ndim != 2 or not targets.is_floating_point():
        what = f"{targets.dtype} {tuple(targets.shape)}" if is_tensor else type(targets).__name__
        raise ValueError(
            f"got targets in {where} that are {what}, expected probabilities, a float tensor "
            "(n, n_classes); use torch.nn.functional.one_hot(targets, n_classes).float()"
        )
    if len(targets) != len(images):
        raise ValueError(
            f"got {len(targets)} targets for {len(images)} images in {where}, expected as many; "
            "give those of the batch"
        )
