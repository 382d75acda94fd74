import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from ferkit import LargeFER, MobileNetFER, ResNetFER
from ferkit.training.folding import fold_batch_norm


def with_statistics(module):
    """Give batch normalisation something to do: as initialised, it changes nothing in eval mode."""
    generator = torch.Generator().manual_seed(0)
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d) and layer.running_mean is not None:
            for tensor in (layer.weight.data, layer.bias.data, layer.running_mean):
                tensor.add_(torch.randn(tensor.shape, generator=generator) / 5)
            layer.running_var.mul_(torch.rand(layer.running_var.shape, generator=generator) + 0.5)
    return module.eval()


@pytest.mark.parametrize(
    "estimator",
    [
        MobileNetFER(),
        MobileNetFER(variant="strided"),
        ResNetFER(),  # its convolutions have biases
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


class TwiceConv2d(nn.Conv2d):
    def forward(self, x):
        return 2 * super().forward(x)


class BatchNormReLU(nn.BatchNorm2d):
    def forward(self, x):
        return super().forward(x).relu()


class Backwards(nn.Sequential):
    def forward(self, x):
        for layer in reversed(self):
            x = layer(x)
        return x


def hooked(layer):
    layer.register_forward_hook(lambda layer, args, output: output + 1)
    return layer


def changed(layer):
    layer.forward = lambda x: 2 * x
    return layer


shared = nn.ReLU()


@pytest.mark.parametrize(
    "module",
    [
        nn.Sequential(nn.BatchNorm2d(2), nn.Conv2d(2, 2, 3), nn.ReLU(), nn.BatchNorm2d(2)),
        # one activation twice
        nn.Sequential(nn.Conv2d(2, 2, 3), shared, nn.Conv2d(2, 2, 3), shared, nn.BatchNorm2d(2)),
        nn.Sequential(TwiceConv2d(2, 2, 3), nn.BatchNorm2d(2)),
        nn.Sequential(nn.Conv2d(2, 2, 3), BatchNormReLU(2)),
        Backwards(nn.Conv2d(2, 2, 3), nn.BatchNorm2d(2)),
        nn.Sequential(hooked(nn.Conv2d(2, 2, 3)), nn.BatchNorm2d(2)),
        nn.Sequential(nn.Conv2d(2, 2, 3), hooked(nn.BatchNorm2d(2))),
        nn.Sequential(nn.Conv2d(2, 2, 3), nn.BatchNorm2d(2, track_running_stats=False)),
        nn.Sequential(nn.Conv2d(2, 2, 3), changed(nn.BatchNorm2d(2))),
        nn.Sequential(parametrizations.weight_norm(nn.Conv2d(2, 2, 3)), nn.BatchNorm2d(2)),
    ],
)
def test_what_cannot_be_folded_stays(module):
    module = with_statistics(module)
    layers, x = list(module), torch.rand(3, 2, 8, 8)
    with torch.no_grad():
        before = module(x)
        assert torch.equal(fold_batch_norm(module)(x), before)
    assert all(a is b for a, b in zip(module, layers, strict=True))
