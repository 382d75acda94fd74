"""Convolution."""

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
