"""Residual networks with squeeze-and-excitation."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn
from torch.nn import functional as F

from ._budget import MAX_PARAMETERS
from ._conv import conv_bn
from ._pooled import PooledClassifier
from ._squeeze_excitation import SqueezeExcitation


class SEResidualBlock(nn.Module):
    """Two 3x3 convolutions, and squeeze-and-excitation, beside a shortcut, then ReLU.

    The stride is that of the first convolution. The excitation's hidden layer has an eighth of the
    channels, but at least 8. The shortcut averages before it projects, so that no pixel is left out
    (ResNet-D in He et al., "Bag of Tricks for Image Classification with Convolutional Neural
    Networks", CVPR 2019).
    """

    def __init__(self, in_channels, out_channels, stride=1, has_excitation=True):
        super().__init__()
        layers = [
            *conv_bn(in_channels, out_channels, 3, stride),
            nn.ReLU(inplace=True),
            *conv_bn(out_channels, out_channels, 3),
        ]
        if has_excitation:
            layers.append(SqueezeExcitation(out_channels, max(8, out_channels // 8)))
        self.block = nn.Sequential(*layers)
        shortcut = []
        if stride > 1:  # ceil_mode as the convolution's padding: odd sides, and those of one pixel
            shortcut += [nn.AvgPool2d(stride, ceil_mode=True)]
        if stride > 1 or in_channels != out_channels:
            shortcut += conv_bn(in_channels, out_channels, 1)
        self.shortcut = nn.Sequential(*shortcut)

    def forward(self, x):
        """Map (n, in_channels, h, w) to (n, out_channels, ceil(h/stride), ceil(w/stride))."""
        return F.relu(self.block(x) + self.shortcut(x))


class SEResNet(PooledClassifier):
    """Residual network with squeeze-and-excitation from a table of its stages.

    See [1]_ and [2]_.

    A 3x3 convolution of stride 2, the stages, global average pooling and a linear layer. At
    48 x 48 pixels, all but the first convolution works on maps of 24 x 24 and fewer.

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
    .. [1] He et al., "Deep Residual Learning for Image Recognition", CVPR 2016.
    .. [2] Hu et al., "Squeeze-and-Excitation Networks", CVPR 2018.
    .. [3] Kim et al., "How to Use Dropout Correctly on Residual Networks with Batch
       Normalization", UAI 2023.

    Examples
    --------
    The network of ``ResNetFER(variant="strided")``:

    >>> from ferkit.nn import SEResNet, count_parameters
    >>> count_parameters(SEResNet([(32, 2, 1), (64, 2, 2), (144, 1, 2)], in_channels=1))
    458489
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
        layers = [*conv_bn(in_channels, channels, 3, stride=2), nn.ReLU(inplace=True)]
        for out_channels, n_blocks, stride in stages:
            for block in range(n_blocks):
                block_stride = stride if block == 0 else 1
                layers.append(SEResidualBlock(channels, out_channels, block_stride))
                channels = out_channels
        super().__init__(
            layers, channels, n_classes, dropout=dropout, max_parameters=max_parameters
        )
