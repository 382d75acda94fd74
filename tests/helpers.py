"""What several test modules use."""

from math import prod

from torch import nn

from ferkit import BaseFER


class LinearFER(BaseFER):
    """The cheapest network there is."""

    def _make_module(self, in_channels, n_classes):
        n_pixels = prod(self.image_shape_[:2])
        return nn.Sequential(nn.Flatten(), nn.Linear(in_channels * n_pixels, n_classes))
