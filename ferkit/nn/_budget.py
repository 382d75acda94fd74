"""How large a network is, and how large it may be."""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

MAX_PARAMETERS = 500_000


def count_parameters(module: nn.Module) -> int:
    """Count a module's parameters, trainable or not (buffers are not parameters).

    Parameters
    ----------
    module : torch.nn.Module
        The network.

    Returns
    -------
    int
        Number of scalars in all its parameters.

    Examples
    --------
    >>> from torch import nn
    >>> from ferkit.nn import count_parameters
    >>> count_parameters(nn.Linear(9, 7))
    70
    """
    return sum(parameter.numel() for parameter in module.parameters())


def count_multiply_adds(module: nn.Module, input_shape: tuple[int, int, int]) -> int:
    """Count the multiplications, each with its addition, that a module makes for one image.

    Those of convolutions and matrix products, as torch's FlopCounterMode finds them.

    Parameters
    ----------
    module : torch.nn.Module
        The network.
    input_shape : tuple of int
        Of its image: (channels, height, width).

    Returns
    -------
    int
        Number of multiply-adds.

    Examples
    --------
    >>> from ferkit.nn import MobileNetV2_48, count_multiply_adds
    >>> count_multiply_adds(MobileNetV2_48(in_channels=3), (3, 48, 48))
    50781056
    """
    module = copy.deepcopy(module).eval()  # a copy: the module's mode stays, part by part
    like = next(module.parameters(), torch.empty(0))
    image = like.new_zeros(1, *input_shape)
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        module(image)
    return counter.get_total_flops() // 2  # the counter counts additions, too


def check_budget(module: nn.Module, max_parameters: int | None) -> None:
    """Refuse a module that is larger than its budget.

    Parameters
    ----------
    module : torch.nn.Module
        The network.
    max_parameters : int or None
        The largest number of parameters allowed; None allows any.

    Raises
    ------
    ValueError
        If the module has more parameters than that.

    Examples
    --------
    >>> from torch import nn
    >>> from ferkit.nn import check_budget
    >>> check_budget(nn.Linear(9, 7), max_parameters=100)
    """
    n_parameters = count_parameters(module)
    if max_parameters is not None and n_parameters > max_parameters:
        raise ValueError(
            f"got a {type(module).__name__} of {n_parameters:,} parameters, expected at most "
            f"max_parameters={max_parameters:,}; use fewer classes or channels, or "
            "ferkit.LargeFER; in ferkit.nn, max_parameters=None lifts the budget"
        )
