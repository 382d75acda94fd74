"""MobileNetV2: inverted residuals with linear bottlenecks."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from ._budget import MAX_PARAMETERS
from ._conv import conv_bn
from ._pooled import PooledClassifier
from ._relu6 import ReLU6


def _conv_bn_relu6(*args, **kwargs):
    return [*conv_bn(*args, **kwargs), ReLU6()]


class InvertedResidual(nn.Module):
    """Expand with 1x1, filter with depthwise 3x3, project with 1x1, add the input if it fits.

    The stride is that of the depthwise convolution; the shortcut needs stride 1 and equal channels.
    Hidden channels are ``expansion * in_channels``; 1 leaves the expansion out.
    """

    def __init__(self, in_channels, out_channels, stride, expansion):
        super().__init__()
        hidden = in_channels * expansion
        layers = [] if expansion == 1 else _conv_bn_relu6(in_channels, hidden, 1)
        layers += _conv_bn_relu6(hidden, hidden, 3, stride=stride, groups=hidden)
        layers += conv_bn(hidden, out_channels, 1)
        self.block = nn.Sequential(*layers)
        self.has_shortcut = stride == 1 and in_channels == out_channels

    def forward(self, x):
        """Map (n, in_channels, h, w) to (n, out_channels, ceil(h/stride), ceil(w/stride))."""
        return x + self.block(x) if self.has_shortcut else self.block(x)


class MobileNetV2(PooledClassifier):
    """MobileNetV2 from a table of its layers.

    See [1]_.

    Parameters
    ----------
    layers : sequence of (expansion, out_channels, n_blocks, stride)
        The inverted residuals, one row per stage: the paper's (t, c, n, s). The stride is that of
        the stage's first block.
    in_channels : int, default=3
        Channels of the images.
    n_classes : int, default=1000
        Number of logits.
    stem_channels : int, default=32
        Channels of the first convolution.
    stem_stride : int, default=2
        Stride of the first convolution.
    last_channels : int, default=1280
        Channels of the last 1x1 convolution, which are also the embedding.
    dropout : float, default=0.0
        Dropout rate after the last convolution, before the global average pooling, where it does
        not disturb batch normalisation [2]_.
    max_parameters : int or None, default=500_000
        Parameter budget; None lifts it.

    Attributes
    ----------
    embedding_size : int
        Width of ``embed``'s output.

    Raises
    ------
    ValueError
        If the network has more than `max_parameters` parameters.

    References
    ----------
    .. [1] Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018.
    .. [2] Kim et al., "How to Use Dropout Correctly on Residual Networks with Batch
       Normalization", UAI 2023.

    Examples
    --------
    The network of the paper's Table 2:

    >>> from ferkit.nn import MobileNetV2, count_parameters
    >>> layers = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
    ...           (6, 160, 3, 2), (6, 320, 1, 1)]
    >>> count_parameters(MobileNetV2(layers, max_parameters=None))
    3504872
    """

    def __init__(
        self,
        layers: Sequence[tuple[int, int, int, int]],
        in_channels: int = 3,
        n_classes: int = 1000,
        *,
        stem_channels: int = 32,
        stem_stride: int = 2,
        last_channels: int = 1280,
        dropout: float = 0.0,
        max_parameters: int | None = MAX_PARAMETERS,
    ) -> None:
        stages = _conv_bn_relu6(in_channels, stem_channels, 3, stride=stem_stride)
        channels = stem_channels
        for expansion, out_channels, n_blocks, stride in layers:
            for block in range(n_blocks):
                block_stride = stride if block == 0 else 1
                stages.append(InvertedResidual(channels, out_channels, block_stride, expansion))
                channels = out_channels
        stages += _conv_bn_relu6(channels, last_channels, 1)
        super().__init__(
            stages, last_channels, n_classes, dropout=dropout, max_parameters=max_parameters
        )


class MobileNetV2_48(MobileNetV2):
    """MobileNetV2 for 48 x 48 faces: 132,359 parameters for gray images and seven classes.

    The reference study's network [1]_: the stem and the first two stages keep the full
    resolution, five stages instead of seven, 128 last channels. About 49.5 million
    multiply-adds a gray face.

    Parameters
    ----------
    in_channels : int, default=3
        Channels of the images.
    n_classes : int, default=7
        Number of logits.
    dropout : float, default=0.0
        See `MobileNetV2`.
    max_parameters : int or None, default=500_000
        Parameter budget; None lifts it.

    References
    ----------
    .. [1] Pazos and Wang, "Facial Emotion Recognition", Universitat Pompeu Fabra, 2025.

    Examples
    --------
    >>> from ferkit.nn import MobileNetV2_48, count_parameters
    >>> count_parameters(MobileNetV2_48(in_channels=3))
    132935
    """

    LAYERS = ((1, 16, 1, 1), (6, 24, 1, 1), (6, 32, 2, 2), (6, 64, 1, 2), (6, 96, 1, 1))

    def __init__(
        self,
        in_channels: int = 3,
        n_classes: int = 7,
        *,
        dropout: float = 0.0,
        max_parameters: int | None = MAX_PARAMETERS,
    ) -> None:
        super().__init__(
            self.LAYERS,
            in_channels,
            n_classes,
            stem_stride=1,
            last_channels=128,
            dropout=dropout,
            max_parameters=max_parameters,
        )
