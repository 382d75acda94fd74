"""Convolution, and what goes with it."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.grad import conv2d_weight

from ._batch_norm import BatchNorm2d


class Conv2d(nn.Conv2d):
    """torch's, without a bias, with gradients in bfloat16 on the CPU that are right and fast.

    There, where there is a stride, torch 2.13 reads memory which nobody has written for the
    weights' gradient if the map is one pixel wide, so a stride with nothing to skip is left out;
    and for the input's gradient of a depthwise convolution, see `_StridedDepthwise`.

    `kernel_size` is odd, and the padding half of it. `groups` is 1, or as many as channels, which
    is depthwise.
    """

    has_good_strided_gradient = True

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, groups=1):
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride=stride,
            padding=kernel_size // 2,
            groups=groups,
            bias=False,
        )

    def forward(self, x):
        """Map (n, in_channels, h, w) to (n, out_channels, ceil(h/stride), ceil(w/stride))."""
        stride = [
            step if size > 1 else 1 for step, size in zip(self.stride, x.shape[2:], strict=True)
        ]
        is_slow = (
            x.dtype == torch.bfloat16
            and x.device.type == "cpu"
            and max(stride) > 1
            and self.groups == self.in_channels == self.out_channels
            and self.bias is None  # tools that fold batch normalisation into it set one
        )
        if is_slow and torch.is_grad_enabled():
            return _StridedDepthwise.apply(x, self.weight.to(x.dtype), stride, self.padding)
        return F.conv2d(x, self.weight, self.bias, stride, self.padding, groups=self.groups)


class _StridedDepthwise(torch.autograd.Function):
    # its input's gradient takes torch 2.13 120 ms for 64 maps of 144 x 48 x 48; with zeros for what
    # the stride skips, it is a depthwise convolution without a stride, which takes a third at most

    @staticmethod
    def forward(ctx, x, weight, stride, padding):
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        return F.conv2d(x, weight, stride=stride, padding=padding, groups=len(weight))

    @staticmethod
    def backward(ctx, gradient):
        x, weight = ctx.saved_tensors
        for_x = for_weight = None
        if ctx.needs_input_grad[0]:
            spread = torch.zeros_like(x)
            spread[:, :, :: ctx.stride[0], :: ctx.stride[1]] = gradient
            for_x = F.conv2d(spread, weight.flip(2, 3), padding=ctx.padding, groups=len(weight))
        if ctx.needs_input_grad[1]:
            for_weight = conv2d_weight(
                x, weight.shape, gradient, ctx.stride, ctx.padding, groups=len(weight)
            )
        return for_x, for_weight, None, None


def conv_bn(in_channels, out_channels, kernel_size, stride=1, groups=1):
    """Make a `Conv2d` and its batch normalisation: a list of both, without what follows them."""
    return [
        Conv2d(in_channels, out_channels, kernel_size, stride=stride, groups=groups),
        BatchNorm2d(out_channels),
    ]
