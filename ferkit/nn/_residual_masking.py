"""Residual networks whose stages are masked."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F

from ._budget import MAX_PARAMETERS
from ._conv import conv_bn
from ._pooled import PooledClassifier
from ._se_resnet import SEResidualBlock


def _conv_bn_relu(in_channels, out_channels, stride=1):
    return nn.Sequential(*conv_bn(in_channels, out_channels, 3, stride), nn.ReLU(inplace=True))


class MaskingBlock(nn.Module):
    """Weigh each value of a map by a mask that a small U-Net draws: ``x * (1 + mask)``.

    The U-Net (Ronneberger et al., "U-Net: Convolutional Networks for Biomedical Image
    Segmentation", MICCAI 2015) works at `depth` resolutions, one more than it has poolings: on half
    of the channels at the input's, and on twice as many after each pooling.
    """

    def __init__(self, channels, depth):
        super().__init__()
        widths = [channels // 2 * 2**level for level in range(depth)]
        self.encoder = nn.ModuleList(
            _conv_bn_relu(*pair) for pair in zip([channels, *widths], widths, strict=False)
        )
        # ceil_mode keeps a one-pixel side from vanishing
        self.pool = nn.MaxPool2d(2, ceil_mode=True)
        self.decoder = nn.ModuleList(
            _conv_bn_relu(low + high, high) for high, low in pairwise(widths)
        )
        self.logits = nn.Conv2d(widths[0], channels, 1)

    def mask(self, x):
        """Draw the mask of a map (n, channels, h, w): weights from 0 to 1, of the same shape."""
        x, skips = self.encoder[0](x), []
        for encode in self.encoder[1:]:
            skips.append(x)
            x = encode(self.pool(x))
        for skip, decode in zip(reversed(skips), reversed(self.decoder), strict=True):
            # to the skip's size rather than twice the own, for odd sides
            x = decode(torch.cat([F.interpolate(x, skip.shape[2:]), skip], 1))
        return self.logits(x).sigmoid()

    def forward(self, x):
        """Map (n, channels, h, w) to the same shape."""
        return x * (1 + self.mask(x))


class ResidualMaskingNet(PooledClassifier):
    """Residual masking network from a table of its stages.

    See [1]_.

    A 3x3 convolution of stride 2, the residual stages, each followed by a masking block, global
    average pooling and a linear layer. The last stage's mask is drawn at one resolution, the one
    before at two, and so on: at 48 x 48 pixels and with stages of 24, 12 and 6 pixels, all of them
    reach down to 6.

    It differs from the authors' network [2]_, which is a ResNet-34 that ImageNet has trained, for
    faces enlarged to 224 x 224, with four stages: the table sets the stages, and all trains from
    scratch. The first convolution is 3x3 without pooling, as the images are small. The masks'
    U-Nets have single convolutions instead of residual blocks, a quarter of the channels, and
    nearest neighbours instead of transposed convolutions. The mask is a sigmoid, where the authors'
    code has a softmax over the channels, which leaves each of them little.

    Parameters
    ----------
    stages : sequence of (out_channels, n_blocks, stride)
        A row per stage; the stride is that of the stage's first block.
    in_channels : int, default=3
        Channels of the images.
    n_classes : int, default=7
        Number of logits.
    dropout : float, default=0.0
        Dropout rate before the global average pooling, where it does not disturb batch
        normalisation [3]_.
    max_parameters : int or None, default=500_000
        Parameter budget; None lifts it.

    Attributes
    ----------
    embedding_size : int
        Width of ``embed``'s output: the last stage's channels.

    Raises
    ------
    ValueError
        If the network has more than `max_parameters` parameters.

    References
    ----------
    .. [1] Pham, Vu and Tran, "Facial Expression Recognition Using Residual Masking Network",
       ICPR 2020.
    .. [2] https://github.com/phamquiluan/ResidualMaskingNetwork
    .. [3] Kim et al., "How to Use Dropout Correctly on Residual Networks with Batch
       Normalization", UAI 2023.

    Examples
    --------
    The network of ``LargeFER(architecture="resmasking")``:

    >>> from ferkit.nn import ResidualMaskingNet, count_parameters
    >>> stages = [(64, 1, 1), (128, 1, 2), (256, 1, 2)]
    >>> count_parameters(ResidualMaskingNet(stages, in_channels=1, max_parameters=None))
    2072327
    """

    def __init__(
        self,
        stages: Sequence[tuple[int, int, int]],
        in_channels: int = 3,
        n_classes: int = 7,
        *,
        dropout: float = 0.0,
        max_parameters: int | None = MAX_PARAMETERS,
    ) -> None:
        channels = stages[0][0]
        layers = [_conv_bn_relu(in_channels, channels, stride=2)]
        for stage, (out_channels, n_blocks, stride) in enumerate(stages):
            for block in range(n_blocks):
                block_stride = stride if block == 0 else 1
                layers.append(
                    SEResidualBlock(channels, out_channels, block_stride, has_excitation=False)
                )
                channels = out_channels
            layers.append(MaskingBlock(channels, depth=len(stages) - stage))
        super().__init__(
            layers, channels, n_classes, dropout=dropout, max_parameters=max_parameters
        )
