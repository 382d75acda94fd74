"""Batch normalisation as part of the convolution before it."""

from itertools import pairwise

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from .plain import is_plain


def fold_batch_norm(module):
    """Put batch normalisation into the convolutions before it: the same function, in fewer steps.

    The module, in eval mode, is changed in place where the one directly follows the other in a
    `torch.nn.Sequential`, and both are torch's or ferkit's. Its parameters are no longer those that
    were trained.
    """
    for sequence in list(module.modules()):
        if type(sequence) is nn.Sequential:
            # named_children would leave out what is there twice
            for (i, conv), (j, norm) in pairwise(list(sequence._modules.items())):
                if _can_be_folded(conv, norm):
                    setattr(sequence, i, fuse_conv_bn_eval(conv, norm))
                    setattr(sequence, j, nn.Identity())
    return module


def _can_be_folded(conv, norm):
    return (
        isinstance(conv, nn.Conv2d)
        and isinstance(norm, nn.BatchNorm2d)
        and is_plain(conv)
        and is_plain(norm)
        and norm.running_mean is not None
    )
