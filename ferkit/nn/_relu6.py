"""ReLU6 that takes less memory in training than torch's."""

import torch
from torch import nn
from torch.nn import functional as F


class ReLU6(nn.Module):
    """Clamp to 0 to 6, in training in place.

    torch's keeps its input for the backward pass, in place a copy of it. The output tells as well
    where the gradient passes, and the next convolution keeps that anyway. In place, it follows a
    layer whose gradient does not need its output, such as batch normalisation.
    """

    def forward(self, x):
        """Map a tensor of any shape to the same, clamped."""
        if torch.is_grad_enabled() and not torch.compiler.is_compiling():
            return _ReLU6.apply(x, self.training)
        return F.relu6(x)


class _ReLU6(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, inplace):
        if inplace:
            ctx.mark_dirty(x)
        clamped = F.relu6(x, inplace=inplace)
        ctx.save_for_backward(clamped)
        return clamped

    @staticmethod
    def backward(ctx, gradient):
        (clamped,) = ctx.saved_tensors
        return torch.ops.aten.hardtanh_backward(gradient, clamped, 0.0, 6.0), None
