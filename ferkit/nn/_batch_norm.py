"""Batch normalisation whose speed does not depend on the number of channels."""

import math

import torch
from torch import nn
from torch.autograd.function import once_differentiable

_LANES = 16  # floats in a vector of AVX512
_MANY = 2**20  # values; of fewer, putting statistics together takes longer than it saves


class BatchNorm2d(nn.BatchNorm2d):
    """torch's, with numbers of channels that do not fill the CPU's vectors as fast as others.

    In bfloat16, 24 channels take torch 2.13 up to five times as long, so training on large batches
    looks at two neighbours of 24 as at one pixel of 48 channels, and puts their statistics
    together: the same numbers within rounding, with a first derivative only.
    """

    def __init__(self, num_features):
        super().__init__(num_features)

    def forward(self, x):
        """Map (n, channels, h, w) to the same, normalised."""
        is_as_fast = not self.training or x.dtype != torch.bfloat16 or x.device.type != "cpu"
        # compilers write kernels of their own; without gradients, exporters look on
        if is_as_fast or torch.compiler.is_compiling() or not torch.is_grad_enabled():
            return super().forward(x)
        fold = math.lcm(self.num_features, _LANES) // self.num_features
        if (
            fold == 1
            or x.numel() <= _MANY
            or self.weight.dtype != torch.float32
            or x.shape[3] % fold
            or not x.is_contiguous(memory_format=torch.channels_last)
        ):
            return super().forward(x)
        y, mean, var = _FoldedBatchNorm.apply(x, self.weight, self.bias, self.eps, fold)
        n = x.numel() / self.num_features
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(var * (n / (n - 1)), self.momentum)
        self.num_batches_tracked += 1
        return y


class _FoldedBatchNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias, eps, fold):
        # the running statistics that are handed in are float32, and so is what comes out
        unused = weight.new_zeros(2, fold * len(weight))
        means, variances = torch.batch_norm_update_stats(_fold(x, fold), *unused, 0.0)
        means, variances = means.view(fold, -1), variances.view(fold, -1)
        mean = means.mean(0)
        var = (variances + (means - mean).square()).mean(0)
        ctx.eps, ctx.fold = eps, fold
        ctx.save_for_backward(x, weight, mean, var)
        ctx.mark_non_differentiable(mean, var)
        return _normalize(x, mean, var, weight, bias, eps, fold), mean, var

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient, *_):
        x, weight, mean, var = ctx.saved_tensors
        rstd = (var + ctx.eps).rsqrt()
        direct, for_weight, for_bias = torch.ops.aten.native_batch_norm_backward(
            _fold(gradient.contiguous(memory_format=torch.channels_last), ctx.fold),
            _fold(x, ctx.fold),
            weight.repeat(ctx.fold),
            mean.repeat(ctx.fold),
            var.repeat(ctx.fold),
            None,
            None,
            False,  # take the statistics as constants; their own gradients are added below
            ctx.eps,
            [True, True, True],
        )
        for_weight, for_bias = (g.view(ctx.fold, -1).sum(0) for g in (for_weight, for_bias))
        share = -weight * rstd / (x.numel() / len(weight))
        for_x = _normalize(x, mean, var, share * for_weight, share * for_bias, ctx.eps, ctx.fold)
        _fold(for_x, ctx.fold).add_(direct)
        return for_x, for_weight, for_bias, None, None


def _fold(x, fold):
    """See (n, channels, h, w), channels last, as (n, fold * channels, h, w / fold)."""
    n, channels, height, width = x.shape
    rows = x.permute(0, 2, 3, 1)
    return rows.view(n, height, width // fold, fold * channels).permute(0, 3, 1, 2)


def _normalize(x, mean, var, weight, bias, eps, fold):
    y = torch.empty_like(x)
    params = [p.repeat(fold) for p in (weight, bias, mean, var)]
    # written into y, for a view could not be changed in place by what follows
    out = (_fold(y, fold), mean.new_empty(0), mean.new_empty(0))
    torch.native_batch_norm(_fold(x, fold), *params, False, 0.0, eps, out=out)
    return y
