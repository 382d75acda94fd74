"""Where a fit runs, and in which precision."""

import torch
from torch import nn


def resolve_device(device):
    """Turn an estimator's `device` into a torch device that is there.

    Parameters
    ----------
    device : str
        "auto" for the first of cuda, mps and cpu that torch can use, or a torch device name.

    Returns
    -------
    torch.device
        The device.

    Raises
    ------
    ValueError
        If torch does not know the device or cannot use it.
    """
    available = ["cpu"]
    if torch.backends.mps.is_available():
        available.insert(0, "mps")
    if torch.cuda.is_available():
        available[:0] = ["cuda", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    if device == "auto":
        return torch.device(available[0])
    if device not in available:
        raise ValueError(
            f"got device={device!r}, expected 'auto' or one that torch can use here: "
            f"{', '.join(available)}; use device='auto'"
        )
    return torch.device(device)


def resolve_precision(precision, device, module):
    """Turn an estimator's `precision` into the dtype that training computes in.

    "auto" is a fixed table, never a measurement, so that the same machine gives the same bits:
    bfloat16 where the hardware multiplies it natively, else float32. On the CPU, networks with
    strided depthwise convolutions other than ferkit's stay in float32, for torch has no fast
    gradient for them. Weights, batch statistics and inference are float32 in any case.

    Parameters
    ----------
    precision : {"auto", "float32", "bfloat16"}
        What the user asked for.
    device : torch.device
        Where training runs.
    module : torch.nn.Module
        What is trained.

    Returns
    -------
    torch.dtype
        torch.float32 or torch.bfloat16.
    """
    if precision != "auto":
        return {"float32": torch.float32, "bfloat16": torch.bfloat16}[precision]
    if device.type == "cuda":
        pays = torch.cuda.is_bf16_supported(including_emulation=False)
    elif device.type == "cpu":
        is_native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        pays = is_native and not any(map(_is_slow, module.modules()))
    else:
        pays = False
    return torch.bfloat16 if pays else torch.float32


def _is_slow(layer):
    is_strided_in_groups = (
        isinstance(layer, nn.Conv2d) and layer.groups > 1 and max(layer.stride) > 1
    )
    return is_strided_in_groups and not getattr(layer, "has_fast_strided_gradient", False)
