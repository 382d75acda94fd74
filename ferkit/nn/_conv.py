"""Convolution, and what goes with it."""

from torch import nn


class Conv2d(nn.Conv2d):
    """torch's, without its gradient of a strided convolution of a single pixel.

    In bfloat16 on the CPU, that reads memory which nobody has written (torch 2.13). A stride has
    nothing to skip there, so it is left out.
    """

    def forward(self, x):
        """Map (n, in_channels, h, w) to (n, out_channels, ceil(h/stride), ceil(w/stride))."""
        if x.shape[2:] != (1, 1):
            return super().forward(x)
        return nn.functional.conv2d(
            x, self.weight, self.bias, padding=self.padding, groups=self.groups
        )


def conv_bn(in_channels, out_channels, kernel_size, stride=1, groups=1):
    """Make a convolution and its batch normalisation.

    Parameters
    ----------
    in_channels, out_channels : int
        Channels of the input and of the output.
    kernel_size : int
        Odd; the padding is half of it.
    stride, groups : int, default=1
        Of the convolution.

    Returns
    -------
    list of torch.nn.Module
        Both, without what follows them.
    """
    return [
        Conv2d(
            in_channels,
            out_channels,
            kernel_size,
            stride=stride,
            padding=kernel_size // 2,
            groups=groups,
            bias=False,
        ),
        nn.BatchNorm2d(out_channels),
    ]
