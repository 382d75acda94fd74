import copy

import pytest
import torch
from torch import nn

from ferkit import LargeFER, MobileNetFER, ResNetFER
from ferkit.training.folding import fold_batch_norm


def with_statistics(module):
    """Give batch normalisation something to do: as initialised, it changes nothing in eval mode."""
    generator = torch.Generator().manual_seed(0)
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            for tensor in (layer.weight.data, layer.bias.data, layer.running_mean):
                tensor.add_(torch.randn(tensor.shape, generator=generator) / 5)
            layer.running_var.mul_(torch.rand(layer.running_var.shape, generator=generator) + 0.5)
    return module.eval()


@pytest.mark.parametrize(
    "estimator",
    [
        MobileNetFER(),
        MobileNetFER(variant="strided"),
        ResNetFER(variant="strided"),
        *(LargeFER(architecture=name) for name in ("resemote", "resmasking", "efficientnetv2")),
    ],
)
def test_the_function_stays_the_same(estimator):
    module = with_statistics(estimator._make_module(1, 7))
    folded = fold_batch_norm(copy.deepcopy(module))
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in folded.modules())
    x = torch.rand(5, 1, 48, 48)
    with torch.no_grad():
        torch.testing.assert_close(folded(x), module(x), rtol=1e-4, atol=1e-4)


def test_what_does_not_follow_a_convolution_directly_stays():
    module = with_statistics(
        nn.Sequential(nn.BatchNorm2d(1), nn.Conv2d(1, 2, 3), nn.ReLU(), nn.BatchNorm2d(2))
    )
    x = torch.rand(3, 1, 8, 8)
    with torch.no_grad():
        before = module(x)
        assert torch.equal(fold_batch_norm(module)(x), before)
    assert [type(layer) for layer in module] == [nn.BatchNorm2d, nn.Conv2d, nn.ReLU, nn.BatchNorm2d]
