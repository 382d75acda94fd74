"""Gradients: of every block against differences, of every network in float32 against float64."""

import copy
import statistics

import pytest
import torch
from sklearn.base import clone
from torch import nn

from ferkit import VGG16FER, LargeFER, MobileNetFER, ResNetFER
from ferkit.nn._conv import Conv2d
from ferkit.nn._efficientnetv2 import MBConv
from ferkit.nn._mobilenet import InvertedResidual
from ferkit.nn._relu6 import ReLU6
from ferkit.nn._residual_masking import MaskingBlock
from ferkit.nn._resnet import ResidualBlock
from ferkit.nn._se_resnet import SEResidualBlock
from ferkit.nn._squeeze_excitation import SqueezeExcitation
from ferkit.nn._vgg16 import MaxPool, Normalize
from ferkit.training.distillation import Distillation
from ferkit.training.losses import FocalLoss

BLOCKS = {
    "Conv2d": lambda: Conv2d(2, 3, 3, stride=2),
    "ReLU6": lambda: nn.Sequential(nn.Conv2d(2, 3, 1), ReLU6()),
    "InvertedResidual": lambda: InvertedResidual(2, 2, 1, 2),
    "InvertedResidual, strided": lambda: InvertedResidual(2, 3, 2, 2),
    "ResidualBlock": lambda: ResidualBlock(2, 3),
    "SqueezeExcitation": lambda: SqueezeExcitation(2, 3),
    "SEResidualBlock": lambda: SEResidualBlock(2, 2),
    "SEResidualBlock, strided": lambda: SEResidualBlock(2, 3, stride=2),
    "MBConv": lambda: MBConv("mbconv", 2, 2, 1, 2),
    "MBConv, strided": lambda: MBConv("mbconv", 2, 3, 2, 2),
    "MBConv, fused": lambda: MBConv("fused", 2, 2, 1, 2),
    "MaskingBlock": lambda: MaskingBlock(2, 2),
    "Normalize": lambda: Normalize(2),
    "MaxPool": MaxPool,
}
NETWORKS = {
    "mobilenet": MobileNetFER(),
    "mobilenet, strided": MobileNetFER(variant="strided"),
    "resnet": ResNetFER(),
    "resnet, strided": ResNetFER(variant="strided"),
    **{name: LargeFER(architecture=name) for name in ("resemote", "resmasking", "efficientnetv2")},
    "vgg16": VGG16FER(),
}


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng():
        torch.manual_seed(2)
        yield


@pytest.mark.parametrize("name", BLOCKS)
@pytest.mark.parametrize("shape", [(5, 5), (1, 1)])
def test_blocks_against_differences(name, shape):
    block = BLOCKS[name]().double().train()
    # as numbers that are never equal, so that no maximum is at a tie
    x = torch.randn(3, 2, *shape, dtype=torch.float64).requires_grad_()
    parameters = tuple(block.parameters())
    assert torch.autograd.gradcheck(lambda x, *_: block(x), (x, *parameters))


@pytest.mark.parametrize("name", NETWORKS)
def test_float32_against_float64(name):
    # With some weights, rounding puts a unit on the other side of its ReLU, by the CPU's
    # instructions: in the median of three draws, none. What is wrong is so in all.
    assert statistics.median(_gradient_error(NETWORKS[name]) for _ in range(3)) < 1e-4


def _gradient_error(estimator):
    network = clone(estimator).set_params(dropout=0.0)._make_module(1, 7).train()
    exact = copy.deepcopy(network).double()
    x, y = torch.randn(8, 1, 24, 24), torch.arange(8) % 7
    x_exact = x.double().requires_grad_()
    x = x.requires_grad_()
    nn.functional.cross_entropy(network(x), y).backward()
    nn.functional.cross_entropy(exact(x_exact), y).backward()
    pairs = zip(
        [x.grad, *(p.grad for p in network.parameters())],
        [x_exact.grad, *(p.grad for p in exact.parameters())],
        strict=True,
    )
    errors, norms = zip(*((torch.dist(a.double(), b), b.norm()) for a, b in pairs), strict=True)
    # of each alone: what is zero in theory, such as of a bias before batch normalisation, is noise
    return max(errors) / max(norms)


@pytest.mark.parametrize("gamma", [0.0, 2.0])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_the_focal_loss_against_differences(gamma, label_smoothing):
    weight = torch.tensor([1.0, 2.0, 0.5], dtype=torch.float64)
    loss = FocalLoss(gamma=gamma, weight=weight, label_smoothing=label_smoothing)
    logits = torch.randn(4, 3, dtype=torch.float64).requires_grad_()
    for targets in (torch.tensor([0, 2, 1, 1]), torch.rand(4, 3, dtype=torch.float64)):
        assert torch.autograd.gradcheck(lambda logits, y=targets: loss(logits, y), (logits,))


def test_the_loss_against_teachers_against_differences():
    teacher = nn.Sequential(nn.Flatten(), nn.Linear(9, 3)).double()
    distillation = Distillation(
        [(teacher, 1, [0, 1, 2])],
        weight=0.8,
        temperature=2.0,
        device=torch.device("cpu"),
        precision="float32",
    )
    x = torch.randn(4, 1, 3, 3, dtype=torch.float64)
    logits = torch.randn(4, 3, dtype=torch.float64).requires_grad_()

    def loss(logits):
        own = nn.functional.cross_entropy(logits, torch.tensor([0, 2, 1, 1]))
        return distillation(own, logits, x)

    # the teachers' probabilities are float32, and constants
    assert torch.autograd.gradcheck(loss, (logits,))
