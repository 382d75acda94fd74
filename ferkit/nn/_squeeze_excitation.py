"""Attention over channels."""

from torch import nn
from torch.nn import functional as F


class SqueezeExcitation(nn.Module):
    """Weigh channels by what all of the image says.

    After Hu et al., "Squeeze-and-Excitation Networks", CVPR 2018; `activation` follows the hidden
    layer.
    """

    def __init__(self, channels, hidden, activation=F.relu):
        super().__init__()
        self.activation = activation
        self.squeeze = nn.Linear(channels, hidden)
        self.excite = nn.Linear(hidden, channels)

    def forward(self, x):
        """Map (n, channels, h, w) to the same shape."""
        weights = self.excite(self.activation(self.squeeze(x.mean((2, 3))))).sigmoid()
        return x * weights[:, :, None, None]
