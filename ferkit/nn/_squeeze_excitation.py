"""Attention over channels."""

from torch import nn
from torch.nn import functional as F


class SqueezeExcitation(nn.Module):
    """Weigh channels by what all of the image says.

    See [1]_.

    Parameters
    ----------
    channels : int
        Channels of the input and of the output.
    hidden : int
        Width of the hidden layer.
    activation : callable, default=torch.nn.functional.relu
        What follows the hidden layer.

    References
    ----------
    .. [1] Hu et al., "Squeeze-and-Excitation Networks", CVPR 2018.
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
