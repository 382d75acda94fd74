"""What networks end with: features, their average, and a linear layer."""

from __future__ import annotations

import torch
from torch import nn

from ._budget import check_budget


class PooledClassifier(nn.Module):
    """Features, dropout, global average pooling and a linear layer.

    The `features` map images, one after the other, to a map of `embedding_size` channels.
    `ValueError` if the network has more than `max_parameters` parameters; None allows any number.
    """

    def __init__(
        self,
        features: list[nn.Module],
        embedding_size: int,
        n_classes: int,
        *,
        dropout: float,
        max_parameters: int | None,
    ) -> None:
        super().__init__()
        self.embedding_size = embedding_size
        self.features = nn.Sequential(*features)
        self.dropout = nn.Dropout(dropout)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(embedding_size, n_classes)
        check_budget(self, max_parameters)

    def embed(self, x: torch.Tensor) -> torch.Tensor:
        """Map images to the classifier's input.

        Parameters
        ----------
        x : torch.Tensor of shape (n, in_channels, height, width)
            Images scaled to [-1, 1].

        Returns
        -------
        torch.Tensor of shape (n, embedding_size)
            Globally averaged features.
        """
        return self.pool(self.dropout(self.features(x))).flatten(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (n, in_channels, height, width) images in [-1, 1] to (n, n_classes) logits."""
        return self.classifier(self.embed(x))
