"""VGG16 under a narrow head."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from ._budget import check_budget

_BLOCKS = [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)]

# mean and deviation of ImageNet's RGB values in [0, 1]
_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)


class Normalize(nn.Module):
    """From [-1, 1] to what ImageNet's weights were trained on: a mean of 0, a deviation of 1.

    Other than three channels all have the means of ImageNet's mean and standard deviation.
    """

    def __init__(self, in_channels):
        super().__init__()
        mean, std = torch.tensor(_MEAN), torch.tensor(_STD)
        if in_channels != 3:
            mean, std = mean.mean().expand(in_channels), std.mean().expand(in_channels)
        # constants: they belong into no file, and torchvision's has none
        self.register_buffer("mean", (2 * mean - 1).reshape(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", (2 * std).reshape(1, -1, 1, 1), persistent=False)

    def forward(self, x):
        """Map (n, in_channels, h, w) to the same shape."""
        return (x - self.mean) / self.std


class MaxPool(nn.Module):
    """2 x 2 max-pooling of stride 2 that leaves a side of one pixel as it is.

    With torch's ``ceil_mode`` such a side would survive, too, but so would the last row and column
    of the 3 x 3 map that VGG16's last pooling meets at 48 x 48.
    """

    def forward(self, x):
        """Map (n, channels, h, w) to (n, channels, h // 2 or 1, w // 2 or 1)."""
        return F.max_pool2d(x, [min(2, side) for side in x.shape[2:]])


class VGG16(nn.Module):
    """VGG16's convolutions under a narrow head: 14,734,663 parameters for seven classes.

    See [1]_.

    The reference study's baseline [2]_, which is beyond the budget of 500,000 on purpose: 13
    convolutions, whose weights can be ImageNet's, dropout, batch normalisation, three dense layers
    of 32 and a last one. About 0.7 billion multiply-adds a face of 48 x 48, which the convolutions
    map to 1 x 1 x 512. What is left of larger images is averaged.

    Batch normalisation has torch's defaults rather than those of Keras, in which the study was
    done. Keras counts 14,735,879 parameters, for running statistics are parameters there.

    Parameters
    ----------
    in_channels : int, default=3
        Channels of the images.
    n_classes : int, default=7
        Number of logits.
    dropout : float, default=0.5
        Dropout rate, after the convolutions and after the first two dense layers.
    max_parameters : int or None, default=None
        Parameter budget; None lifts it.

    Attributes
    ----------
    embedding_size : int
        Width of ``embed``'s output, 32.
    features : torch.nn.Sequential
        The convolutions, numbered as torchvision numbers them.

    Raises
    ------
    ValueError
        If the network has more than `max_parameters` parameters.

    References
    ----------
    .. [1] Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
       Recognition", ICLR 2015.
    .. [2] Pazos and Wang, "Facial Emotion Recognition", Universitat Pompeu Fabra, 2025.

    Examples
    --------
    >>> from ferkit.nn import VGG16, count_parameters
    >>> count_parameters(VGG16())
    14734663
    """

    def __init__(
        self,
        in_channels: int = 3,
        n_classes: int = 7,
        *,
        dropout: float = 0.5,
        max_parameters: int | None = None,
    ) -> None:
        super().__init__()
        self.embedding_size = 32
        self.normalize = Normalize(in_channels)
        layers, width = [], in_channels
        for out_channels, n_convolutions in _BLOCKS:
            for _ in range(n_convolutions):
                layers += [nn.Conv2d(width, out_channels, 3, padding=1), nn.ReLU(inplace=True)]
                width = out_channels
            layers.append(MaxPool())
        self.features = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Sequential(
            nn.BatchNorm1d(width),
            nn.Linear(width, 32),
            nn.BatchNorm1d(32),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(32, 32),
            nn.BatchNorm1d(32),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(32, self.embedding_size),
            nn.BatchNorm1d(self.embedding_size),
            nn.ReLU(inplace=True),
        )
        self.classifier = nn.Linear(self.embedding_size, n_classes)
        check_budget(self, max_parameters)
        for layer in self.features:  # torch's default fades out within so many layers
            if isinstance(layer, nn.Conv2d) and layer.bias is not None:
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
                nn.init.zeros_(layer.bias)

    def freezable_parts(self) -> dict[str, list[nn.Module]]:
        """List parts that training can leave as they are.

        Returns
        -------
        dict of str to list of torch.nn.Module
            "reference" is what the study froze: the convolutions but for the fifth block's.
        """
        return {"reference": [self.features[:24]]}

    def embed(self, x: torch.Tensor) -> torch.Tensor:
        """Map images to the classifier's input.

        Parameters
        ----------
        x : torch.Tensor of shape (n, in_channels, height, width)
            Images scaled to [-1, 1].

        Returns
        -------
        torch.Tensor of shape (n, 32)
            Hidden features after ReLU.
        """
        x = self.pool(self.features(self.normalize(x)))
        return self.head(self.dropout(x).flatten(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (n, in_channels, height, width) images in [-1, 1] to (n, n_classes) logits."""
        return self.classifier(self.embed(x))
