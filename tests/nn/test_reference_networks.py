"""The reference networks, pinned: parameters, and outputs for weights set by a formula."""

import copy

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from ferkit.nn import MobileNetV2, MobileNetV2_48, ResNetLite, count_multiply_adds, count_parameters
from ferkit.nn._resnet import ResidualBlock

SANDLER = [
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
]

# logits of the reference study's own classes, in training mode (batch statistics, no dropout),
# for the weights and images that `set_by_formula` and `formula_images` make
REFERENCE_LOGITS = {
    MobileNetV2_48: [
        [2.3214846, 4.3239818, -4.8128275, 4.9802823, 1.5857105, -3.2673366, 5.8990874],
        [2.2862084, 4.3956156, -4.8742270, 4.9915137, 1.6319526, -3.3409760, 5.9522290],
    ],
    ResNetLite: [
        [0.9419858, -2.7148938, 1.1324450, 2.0634527, -2.7489793, -0.1205772, 2.8692641],
        [1.1830595, -2.4183745, 0.6522350, 2.1542120, -2.3419645, -0.5395846, 2.8001695],
    ],
}


def set_by_formula(module):
    with torch.no_grad():
        for i, parameter in enumerate(module.parameters()):
            values = torch.sin(torch.arange(parameter.numel(), dtype=torch.float64) * 1.7 + i)
            if parameter.ndim > 1:
                values = values * (6 / parameter[0].numel()) ** 0.5
            else:
                values = values / 2 + (i % 3 == 1)
            parameter.copy_(values.reshape(parameter.shape))
    return module


def formula_images():
    k = torch.arange(2 * 3 * 48 * 48, dtype=torch.float64)
    return torch.cos(k * 0.37).reshape(2, 3, 48, 48).float()


@pytest.mark.parametrize(
    ("network", "in_channels", "expected"),
    [
        (MobileNetV2_48, 3, 132_935),
        (MobileNetV2_48, 1, 132_359),
        (ResNetLite, 3, 481_551),
        (ResNetLite, 1, 481_071),
    ],
)
def test_n_parameters(network, in_channels, expected):
    assert count_parameters(network(in_channels)) == expected


def test_sandlers_table_gives_sandlers_network():
    assert count_parameters(MobileNetV2(SANDLER, max_parameters=None)) == 3_504_872


def test_multiply_adds_of_a_network_without_parameters():
    module = torch.nn.Sequential(torch.nn.AvgPool2d(2), torch.nn.Flatten())
    assert count_multiply_adds(module, (1, 4, 4)) == 0


@pytest.mark.parametrize(("network", "expected"), [(MobileNetV2_48, 50.8e6), (ResNetLite, 32.6e6)])
def test_multiply_adds(network, expected):
    module = network().train()
    assert count_multiply_adds(module, (3, 48, 48)) == pytest.approx(expected, rel=2e-3)
    frozen = next(part for part in module.modules() if isinstance(part, torch.nn.BatchNorm2d))
    frozen.eval()
    count_multiply_adds(module, (3, 48, 48))
    assert module.training
    assert not frozen.training


@pytest.mark.parametrize("network", [MobileNetV2_48, ResNetLite])
def test_forward_equals_the_reference(network):
    module = set_by_formula(network()).train()
    logits = module(formula_images()).detach().numpy()
    np.testing.assert_allclose(logits, REFERENCE_LOGITS[network], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_relu_after_the_pooling_changes_nothing(dtype):
    ours = ResNetLite(in_channels=1).train()
    studys = copy.deepcopy(ours)
    for block in (studys.block1, studys.block2):
        block.register_forward_hook(lambda _, args, output: F.relu(output))
    x, y = torch.randint(0, 4, (8, 1, 48, 48)) / 3, torch.arange(8) % 7  # many a tie
    for network in (ours, studys):
        with torch.autocast("cpu", dtype, enabled=dtype == torch.bfloat16):
            loss = F.cross_entropy(network(x), y)
        loss.backward()
    for a, b in zip(ours.parameters(), studys.parameters(), strict=True):
        assert torch.equal(a.grad, b.grad)


@pytest.mark.parametrize("network", [MobileNetV2_48, ResNetLite])
@pytest.mark.parametrize("shape", [(1, 1), (1, 10), (7, 3), (32, 32), (48, 64), (96, 96)])
@pytest.mark.parametrize("in_channels", [1, 3])
def test_other_sizes(network, shape, in_channels):
    module = network(in_channels, n_classes=4).eval()
    x = torch.rand(2, in_channels, *shape)
    embedding = module.embed(x)
    assert embedding.shape == (2, module.embedding_size)
    assert torch.equal(module(x), module.classifier(embedding))
    assert module(x).shape == (2, 4)


@pytest.mark.parametrize("network", [MobileNetV2_48, ResNetLite])
@pytest.mark.parametrize("size", [64, 112, 224])
def test_large_images(network, size):
    assert network().eval()(torch.rand(1, 3, size, size)).shape == (1, 7)


@pytest.mark.parametrize("network", [MobileNetV2_48, ResNetLite])
def test_budget(network):
    with pytest.raises(ValueError, match=r"got a \w+ of [\d,]+ parameters.*max_parameters=500,000"):
        network(n_classes=5000)
    assert network(n_classes=5000, max_parameters=None)(torch.rand(2, 3, 48, 48)).shape == (2, 5000)


@pytest.mark.parametrize("network", [MobileNetV2_48, ResNetLite])
def test_dropout_acts_in_training_only(network):
    module, x = network(dropout=0.5), torch.rand(4, 3, 48, 48)
    module.train()
    assert not torch.equal(module(x), module(x))
    module.eval()
    assert torch.equal(module(x), module(x))


def test_hooks_in_evaluation_keep_what_they_saw():
    torch.manual_seed(0)
    block, x, seen = ResidualBlock(2, 3).eval(), torch.rand(2, 2, 6, 6), []
    block.block.register_forward_hook(lambda module, args, output: seen.append(output))
    y = block(x)
    assert torch.equal(seen[0] + block.shortcut(x), y)
