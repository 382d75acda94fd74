"""A loss that torch does not have, and what logits say."""

import torch
from torch import nn
from torch.nn import functional as F


class FocalLoss(nn.Module):
    """Cross-entropy in which what is already right counts less.

    Each class's term is multiplied by (1 - its probability) ** gamma; 0 is cross-entropy. `weight`
    is of the classes, and `label_smoothing` the share of the target that is spread over all of
    them. See Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017.
    """

    def __init__(self, gamma=2.0, weight=None, label_smoothing=0.0):
        super().__init__()
        self.gamma = gamma
        self.register_buffer("weight", weight)
        self.label_smoothing = label_smoothing

    def forward(self, logits, targets):
        """Compute the loss of a batch, whose targets are indices of classes or their probabilities.

        It is a mean as `torch.nn.CrossEntropyLoss` takes it: by the weights of the classes where
        the targets are indices.
        """
        log_p = F.log_softmax(logits, dim=1)
        n_classes = logits.shape[1]
        total = len(targets)
        if not targets.is_floating_point():
            if self.weight is not None:
                total = self.weight[targets].sum()
            targets = F.one_hot(targets, n_classes).to(log_p.dtype)
        targets = torch.lerp(targets, torch.full_like(targets, 1 / n_classes), self.label_smoothing)
        # a power below 1 has no derivative at 0, which is where images are that are certain
        doubt = (1 - log_p.exp()).clamp_min(1e-8)
        terms = -targets * doubt**self.gamma * log_p
        if self.weight is not None:
            terms = terms * self.weight
        return terms.sum() / total


def softmax(logits):
    """Turn logits into probabilities; by this name, a net that has it can be pickled."""
    return torch.softmax(logits, dim=-1)
