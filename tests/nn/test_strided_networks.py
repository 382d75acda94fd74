"""The strided variants of the small networks."""

import pytest
import torch

from ferkit import MobileNetFER, ResNetFER
from ferkit.nn import SEResNet, count_parameters
from ferkit.nn._se_resnet import SEResidualBlock
from ferkit.nn._squeeze_excitation import SqueezeExcitation

BUDGETS = {MobileNetFER: 150_000, ResNetFER: 500_000}


def make(estimator, in_channels=1, n_classes=7, **params):
    torch.manual_seed(0)
    return estimator(variant="strided", **params)._make_module(in_channels, n_classes)


@pytest.mark.parametrize(
    ("estimator", "in_channels", "expected"),
    [
        (MobileNetFER, 1, 137_103),
        (MobileNetFER, 3, 137_679),
        (ResNetFER, 1, 458_489),
        (ResNetFER, 3, 459_065),
    ],
)
def test_n_parameters(estimator, in_channels, expected):
    module = make(estimator, in_channels)
    assert count_parameters(module) == expected <= BUDGETS[estimator]


@pytest.mark.parametrize("estimator", BUDGETS)
@pytest.mark.parametrize("shape", [(48, 48), (1, 1), (1, 5), (47, 49), (96, 96)])
@pytest.mark.parametrize("in_channels", [1, 3])
def test_sizes(estimator, shape, in_channels):
    module = make(estimator, in_channels, n_classes=4).eval()
    x = torch.rand(2, in_channels, *shape)
    embedding = module.embed(x)
    assert embedding.shape == (2, module.embedding_size)
    assert torch.equal(module(x), module.classifier(embedding))
    assert module(x).shape == (2, 4)


@pytest.mark.parametrize("estimator", BUDGETS)
def test_gradients_reach_all_parameters(estimator):
    module = make(estimator).train()
    module(torch.rand(8, 1, 48, 48)).square().sum().backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad.any(), name


def test_excitation_weighs_whole_channels():
    torch.manual_seed(0)
    module, x = SqueezeExcitation(16, 8), torch.randn(2, 16, 5, 5)
    weights = module(x) / x
    assert torch.allclose(weights, weights[:, :, :1, :1].expand_as(weights), atol=1e-5)
    assert 0 < weights.min() < weights.max() < 1


def test_a_block_adds_to_what_came_in():
    torch.manual_seed(0)
    block, x = SEResidualBlock(8, 8).eval(), torch.rand(2, 8, 6, 6)
    block.block[4].weight.data.zero_()
    assert torch.equal(block(x), x)
    halved = SEResidualBlock(8, 12, stride=2)(torch.rand(2, 8, 7, 5))
    assert halved.shape == (2, 12, 4, 3)


def test_a_block_without_excitation():
    layers = SEResidualBlock(8, 8, has_excitation=False).block
    assert not any(isinstance(layer, SqueezeExcitation) for layer in layers)


def test_the_table_of_stages():
    module = SEResNet([(8, 2, 1), (16, 1, 2)], 1, 3)
    blocks = [m for m in module.modules() if isinstance(m, SEResidualBlock)]
    assert [block.block[0].stride for block in blocks] == [(1, 1), (1, 1), (2, 2)]
    assert module.embedding_size == 16
