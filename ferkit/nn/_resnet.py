"""ResNet-lite: two residual blocks and a dense head."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from ._batch_norm import BatchNorm2d
from ._budget import MAX_PARAMETERS, check_budget


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with batch normalisation beside a 1x1 convolution; no last ReLU."""

    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.block = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 3, padding=1),
            BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(out_channels, out_channels, 3, padding=1),
            BatchNorm2d(out_channels),
        )
        self.shortcut = nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x):
        """Map (n, in_channels, h, w) to (n, out_channels, h, w)."""
        residual, shortcut = self.block(x), self.shortcut(x)
        # in place, for the gradient of batch normalisation does not need its output; in evaluation,
        # hooks may have kept it
        return residual.add_(shortcut) if self.training else residual + shortcut


class ResNetLite(nn.Module):
    """ResNet-lite for 48 x 48 faces: 481,071 parameters for gray images and seven classes.

    The reference study's network [1]_: two residual blocks [2]_ of 24 and 48 channels, each
    followed by 2 x 2 max-pooling and dropout, then 12 x 12 x 48 features into a hidden layer
    of 64. About 31.5 million multiply-adds a gray face. Images of other sizes are pooled to 12 x 12
    before the hidden layer.

    Parameters
    ----------
    in_channels : int, default=3
        Channels of the images.
    n_classes : int, default=7
        Number of logits.
    dropout : float, default=0.0
        Dropout rate after each pooling and before the last layer, where the reference had it.
    max_parameters : int or None, default=500_000
        Parameter budget; None lifts it.

    Attributes
    ----------
    embedding_size : int
        Width of ``embed``'s output, 64.

    Raises
    ------
    ValueError
        If the network has more than `max_parameters` parameters.

    References
    ----------
    .. [1] Pazos and Wang, "Facial Emotion Recognition", Universitat Pompeu Fabra, 2025.
    .. [2] He et al., "Deep Residual Learning for Image Recognition", CVPR 2016.

    Examples
    --------
    >>> from ferkit.nn import ResNetLite, count_parameters
    >>> count_parameters(ResNetLite(in_channels=3))
    481551
    """

    def __init__(
        self,
        in_channels: int = 3,
        n_classes: int = 7,
        *,
        dropout: float = 0.0,
        max_parameters: int | None = MAX_PARAMETERS,
    ) -> None:
        super().__init__()
        self.embedding_size = 64
        self.block1 = ResidualBlock(in_channels, 24)
        self.block2 = ResidualBlock(24, 48)
        # ceil_mode changes nothing at 48 x 48 and keeps a one-pixel side from vanishing
        self.pool = nn.MaxPool2d(2, ceil_mode=True)
        self.resize = nn.AdaptiveAvgPool2d(12)
        self.dropout = nn.Dropout(dropout)
        self.hidden = nn.Linear(48 * 12 * 12, self.embedding_size)
        self.classifier = nn.Linear(self.embedding_size, n_classes)
        check_budget(self, max_parameters)

    def embed(self, x: torch.Tensor) -> torch.Tensor:
        """Map images to the classifier's input.

        Parameters
        ----------
        x : torch.Tensor of shape (n, in_channels, height, width)
            Images scaled to [-1, 1].

        Returns
        -------
        torch.Tensor of shape (n, 64)
            Hidden features after ReLU.
        """
        x = self.dropout(self._activate_and_pool(self.block1(x)))
        x = self.dropout(self._activate_and_pool(self.block2(x)))
        if x.shape[2:] != (12, 12):
            x = self.resize(x)
        return F.relu(self.hidden(x.flatten(1)))

    def _activate_and_pool(self, x):
        # The same either way: after the pooling, ReLU has a quarter to do; before it, runtimes for
        # inference make it one with the addition.
        return F.relu(self.pool(x)) if self.training else self.pool(F.relu(x))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (n, in_channels, height, width) images in [-1, 1] to (n, n_classes) logits."""
        return self.classifier(self.dropout(self.embed(x)))
