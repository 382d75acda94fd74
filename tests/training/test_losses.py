import numpy as np
import pytest
import torch
from torch.nn import CrossEntropyLoss

from ferkit.training.losses import FocalLoss

LOGITS = torch.from_numpy(np.random.default_rng(0).normal(size=(9, 4), scale=3)).float()
TARGETS = torch.arange(9) % 4
SOFT = torch.softmax(LOGITS.flip(0), dim=1)


@pytest.mark.parametrize("targets", [TARGETS, SOFT], ids=["indices", "probabilities"])
@pytest.mark.parametrize("weight", [None, torch.tensor([1.0, 0.2, 3.0, 0.0])])
def test_gamma_zero_is_cross_entropy(targets, weight):
    torch.testing.assert_close(
        FocalLoss(0.0, weight)(LOGITS, targets), CrossEntropyLoss(weight)(LOGITS, targets)
    )


def test_smoothing_is_that_of_cross_entropy():
    expected = CrossEntropyLoss(label_smoothing=0.2)(LOGITS, TARGETS)
    torch.testing.assert_close(FocalLoss(0.0, label_smoothing=0.2)(LOGITS, TARGETS), expected)


def test_the_papers_formula():
    p = torch.softmax(LOGITS, dim=1)[torch.arange(9), TARGETS]
    expected = (-((1 - p) ** 2) * p.log()).mean()
    torch.testing.assert_close(FocalLoss(2.0)(LOGITS, TARGETS), expected)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
def test_what_is_right_has_no_gradient(gamma):
    logits = torch.tensor([[50.0, 0.0], [0.0, 1.0]], requires_grad=True)
    FocalLoss(gamma)(logits, torch.tensor([0, 0])).backward()
    assert logits.grad[0].abs().max() < 1e-3 < logits.grad[1].abs().max()
    assert logits.grad.isfinite().all()
