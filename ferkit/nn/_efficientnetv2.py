"""EfficientNetV2: inverted residuals, at first with their convolutions fused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import nn
from torch.nn import functional as F

from ._budget import MAX_PARAMETERS
from ._conv import conv_bn
from ._pooled import PooledClassifier
from ._squeeze_excitation import SqueezeExcitation


def _conv_bn_silu(*args, **kwargs):
    return [*conv_bn(*args, **kwargs), nn.SiLU(inplace=True)]


def _fused_mbconv(in_channels, out_channels, stride, expansion):
    """Expand with 3x3, project with 1x1; without expansion, one 3x3."""
    if expansion == 1:
        return _conv_bn_silu(in_channels, out_channels, 3, stride=stride)
    hidden = in_channels * expansion
    return [
        *_conv_bn_silu(in_channels, hidden, 3, stride=stride),
        *conv_bn(hidden, out_channels, 1),
    ]


def _mbconv(in_channels, out_channels, stride, expansion):
    """Expand with 1x1, filter with depthwise 3x3, weigh the channels, project with 1x1."""
    hidden = in_channels * expansion
    return [
        *([] if expansion == 1 else _conv_bn_silu(in_channels, hidden, 1)),
        *_conv_bn_silu(hidden, hidden, 3, stride=stride, groups=hidden),
        # a quarter of the block's channels, not of the expanded ones
        SqueezeExcitation(hidden, max(1, in_channels // 4), F.silu),
        *conv_bn(hidden, out_channels, 1),
    ]


_BLOCKS = {"fused": _fused_mbconv, "mbconv": _mbconv}


class MBConv(nn.Module):
    """Expand, filter, project, and add the input if it fits.

    Kind "fused" expands and filters in one 3x3 convolution; "mbconv" expands with 1x1, filters with
    depthwise 3x3, and weighs the channels by squeeze-and-excitation. The stride is that of the 3x3
    convolution; the shortcut needs stride 1 and equal channels. Hidden channels are
    ``expansion * in_channels``; 1 leaves the expansion out.
    """

    def __init__(self, kind, in_channels, out_channels, stride, expansion):
        super().__init__()
        if kind not in _BLOCKS:
            raise ValueError(
                f"got a stage of {kind!r} blocks, expected {' or '.join(map(repr, _BLOCKS))}; name "
                "one of them in the stage's row"
            )
        self.block = nn.Sequential(*_BLOCKS[kind](in_channels, out_channels, stride, expansion))
        self.has_shortcut = stride == 1 and in_channels == out_channels

    def forward(self, x):
        """Map (n, in_channels, h, w) to (n, out_channels, ceil(h/stride), ceil(w/stride))."""
        return x + self.block(x) if self.has_shortcut else self.block(x)


class EfficientNetV2(PooledClassifier):
    """EfficientNetV2 from a table of its stages.

    See [1]_.

    A 3x3 convolution of stride 2, the stages, a 1x1 convolution, global average pooling and a
    linear layer. Unlike the paper's, it drops no blocks at random in training (stochastic depth).

    Parameters
    ----------
    stages : sequence of (kind, expansion, out_channels, n_blocks, stride)
        A row per stage. The kind is "fused" for the paper's Fused-MBConv, "mbconv" for its MBConv
        with squeeze-and-excitation; the stride is that of the stage's first block.
    in_channels : int, default=3
        Channels of the images.
    n_classes : int, default=7
        Number of logits.
    stem_channels : int, default=24
        Channels of the first convolution.
    last_channels : int, default=1280
        Channels of the last 1x1 convolution, which are also the embedding.
    dropout : float, default=0.0
        Dropout rate before the global average pooling, where it does not disturb batch
        normalisation [2]_.
    max_parameters : int or None, default=500_000
        Parameter budget; None lifts it.

    Attributes
    ----------
    embedding_size : int
        Width of ``embed``'s output.

    Raises
    ------
    ValueError
        If the network has more than `max_parameters` parameters, or a stage is of unknown kind.

    References
    ----------
    .. [1] Tan and Le, "EfficientNetV2: Smaller Models and Faster Training", ICML 2021.
    .. [2] Kim et al., "How to Use Dropout Correctly on Residual Networks with Batch
       Normalization", UAI 2023.

    Examples
    --------
    The network of ``LargeFER(architecture="efficientnetv2")``:

    >>> from ferkit.nn import EfficientNetV2, count_parameters
    >>> stages = [("fused", 1, 32, 2, 1), ("fused", 4, 64, 2, 2), ("mbconv", 4, 128, 3, 2),
    ...           ("mbconv", 6, 160, 3, 1)]
    >>> network = EfficientNetV2(
    ...     stages, in_channels=1, stem_channels=32, last_channels=640, max_parameters=None
    ... )
    >>> count_parameters(network)
    1817831
    """

    def __init__(
        self,
        stages: Sequence[tuple[Literal["fused", "mbconv"], int, int, int, int]],
        in_channels: int = 3,
        n_classes: int = 7,
        *,
        stem_channels: int = 24,
        last_channels: int = 1280,
        dropout: float = 0.0,
        max_parameters: int | None = MAX_PARAMETERS,
    ) -> None:
        layers = _conv_bn_silu(in_channels, stem_channels, 3, stride=2)
        channels = stem_channels
        for kind, expansion, out_channels, n_blocks, stride in stages:
            for block in range(n_blocks):
                block_stride = stride if block == 0 else 1
                layers.append(MBConv(kind, channels, out_channels, block_stride, expansion))
                channels = out_channels
        layers += _conv_bn_silu(channels, last_channels, 1)
        super().__init__(
            layers, last_channels, n_classes, dropout=dropout, max_parameters=max_parameters
        )
