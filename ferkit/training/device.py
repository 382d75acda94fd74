"""Where a fit runs, and in which precision."""

import copy

import torch
from torch import nn


def resolve_device(device):
    """Turn an estimator's `device` into a torch device that is there.

    "auto" is the first of cuda, mps and cpu that torch can use. Raises a ValueError for a device
    that torch does not know or cannot use.
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


def resolve_precision(precision, device, module, input_shape=None):
    """Turn an estimator's `precision` into the dtype that training computes in.

    "auto" is a fixed table, never a measurement, so that the same machine gives the same bits:
    bfloat16 where the hardware multiplies it natively, else float32. On the CPU, networks with
    strided convolutions other than ferkit's stay in float32 if torch's gradient for them is slow,
    as for depthwise ones, or wrong, as for maps narrower than the stride; a ValueError refuses
    bfloat16 that is asked for where it is wrong. Weights, batch statistics and inference are
    float32 in any case.

    `input_shape` has the channels, height and width of what `module` is trained on; None if it only
    predicts.
    """
    if precision == "float32" or (precision == "auto" and not _pays(device, module)):
        return torch.float32
    if (
        device.type == "cpu"
        and input_shape is not None
        and _has_wrong_gradient(module, input_shape)
    ):
        if precision == "auto":
            return torch.float32
        raise ValueError(
            "got precision='bfloat16' for a network with a convolution whose stride is larger than "
            "its input is wide, for which torch computes wrong gradients on the CPU; expected "
            "'float32' or 'auto'"
        )
    return torch.bfloat16


def memory_format(device):
    """Choose the order in memory of images and weights: channels last, as kernels are fastest.

    Except on Apple's GPUs, where torch's batch normalisation gets wrong gradients from it:
    https://github.com/pytorch/pytorch/issues/175189
    """
    return torch.contiguous_format if device.type == "mps" else torch.channels_last


def describe_training(device, dtype):
    """Say to people where a fit runs, and how."""
    where = str(device)
    if where == "cpu":
        n_threads = torch.get_num_threads()
        where += f", {n_threads} thread" + "s" * (n_threads > 1)
    order = ", channels last" if memory_format(device) == torch.channels_last else ""
    return f"{where}, {str(dtype).removeprefix('torch.')}{order}"


def _pays(device, module):
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu":
        return False
    is_native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return is_native and not any(layer.groups > 1 for layer in _torchs_strided(module))


def _has_wrong_gradient(module, input_shape):
    """Tell whether a convolution gets maps narrower than its stride.

    In bfloat16, torch 2.13 reads memory that nobody has written for its weights' gradient.
    """
    if not _torchs_strided(module):  # before the copy, which takes longer than a small fit's step
        return False
    narrow = []

    def look(layer, args, kwargs):
        maps = args[0] if args else kwargs["input"]
        if maps.shape[-1] < layer.stride[-1]:
            narrow.append(layer)

    module = copy.deepcopy(module).eval()
    layers = _torchs_strided(module)
    for layer in layers:
        layer.register_forward_pre_hook(look, with_kwargs=True)
    with torch.no_grad():
        # two images: one alone has no batch statistics
        module(layers[0].weight.new_zeros(2, *input_shape))
    return bool(narrow)


def _torchs_strided(module):
    return [
        layer
        for layer in module.modules()
        if isinstance(layer, nn.Conv2d)
        and max(layer.stride) > 1
        and not getattr(layer, "has_good_strided_gradient", False)
    ]
