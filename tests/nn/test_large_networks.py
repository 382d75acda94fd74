"""The networks of LargeFER, and what they are made of."""

import pytest
import torch

from ferkit import LargeFER
from ferkit.nn import EfficientNetV2, ResidualMaskingNet, SEResNet, count_parameters
from ferkit.nn._efficientnetv2 import MBConv
from ferkit.nn._residual_masking import MaskingBlock

ARCHITECTURES = ["resemote", "resmasking", "efficientnetv2"]
V2_S = [  # the paper's Table 4
    ("fused", 1, 24, 2, 1),
    ("fused", 4, 48, 4, 2),
    ("fused", 4, 64, 4, 2),
    ("mbconv", 4, 128, 6, 2),
    ("mbconv", 6, 160, 9, 1),
    ("mbconv", 6, 256, 15, 2),
]


def make(architecture, in_channels=1, n_classes=7, **params):
    torch.manual_seed(0)
    return LargeFER(architecture=architecture, **params)._make_module(in_channels, n_classes)


@pytest.mark.parametrize(
    ("architecture", "in_channels", "expected"),
    [
        ("resemote", 1, 1_247_679),
        ("resemote", 3, 1_248_831),
        ("resmasking", 1, 2_072_327),
        ("resmasking", 3, 2_073_479),
        ("efficientnetv2", 1, 1_817_831),
        ("efficientnetv2", 3, 1_818_407),
    ],
)
def test_n_parameters(architecture, in_channels, expected):
    assert count_parameters(make(architecture, in_channels)) == expected


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_width_multiplies_the_channels(architecture):
    narrow, wide = make(architecture), make(architecture, width=2)
    assert wide.embedding_size == 2 * narrow.embedding_size
    assert 3.9 < count_parameters(wide) / count_parameters(narrow) < 4.1


def test_the_papers_table_gives_the_papers_network():
    # torchvision's efficientnet_v2_s
    assert count_parameters(EfficientNetV2(V2_S, 3, 1000, max_parameters=None)) == 21_458_488


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("shape", [(48, 48), (1, 1), (1, 5), (3, 3), (47, 49), (96, 96)])
@pytest.mark.parametrize("in_channels", [1, 3])
def test_sizes(architecture, shape, in_channels):
    module = make(architecture, in_channels, n_classes=4).eval()
    x = torch.rand(2, in_channels, *shape)
    embedding = module.embed(x)
    assert embedding.shape == (2, module.embedding_size)
    assert torch.equal(module(x), module.classifier(embedding))
    assert module(x).shape == (2, 4)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("shape", [(48, 48), (1, 5)])
def test_gradients_reach_all_parameters(architecture, shape):
    module = make(architecture).train()
    module(torch.rand(8, 1, *shape)).square().sum().backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("shape", [(48, 48), (1, 5)])
def test_predictions_do_not_depend_on_the_batch(architecture, shape):
    module, x = make(architecture), torch.rand(7, 1, *shape)
    with torch.no_grad():
        module.train()(x)  # statistics other than the first
        module.eval()
        alone = torch.cat([module(image) for image in x.split(1)])
        torch.testing.assert_close(module(x), alone, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_dropout_acts_in_training_only(architecture):
    module, x = make(architecture, dropout=0.5), torch.rand(4, 1, 16, 16)
    module.train()
    assert not torch.equal(module(x), module(x))
    module.eval()
    assert torch.equal(module(x), module(x))


@pytest.mark.parametrize(
    ("network", "stages"),
    [
        (SEResNet, [(256, 1, 1)]),
        (ResidualMaskingNet, [(256, 1, 1)]),
        (EfficientNetV2, [("fused", 4, 128, 3, 1)]),
    ],
)
def test_budget(network, stages):
    with pytest.raises(ValueError, match=r"got a \w+ of [\d,]+ parameters.*max_parameters=500,000"):
        network(stages)
    assert network(stages, max_parameters=None)(torch.rand(2, 3, 8, 8)).shape == (2, 7)


# -- what they are made of ---------------------------------------------------------------------


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("shape", [(24, 24), (1, 5), (7, 9)])
def test_a_mask_lies_between_0_and_1(depth, shape):
    torch.manual_seed(0)
    block, x = MaskingBlock(16, depth), 3 * torch.randn(4, 16, *shape)
    mask = block.eval().mask(x)
    assert mask.shape == x.shape
    assert 0 < mask.min() < mask.max() < 1
    assert torch.equal(block(x), x * (1 + mask))


def test_the_masks_reach_as_deep():
    blocks = [m for m in make("resmasking").modules() if isinstance(m, MaskingBlock)]
    assert [len(block.encoder) for block in blocks] == [3, 2, 1]
    assert [len(block.decoder) for block in blocks] == [2, 1, 0]


@pytest.mark.parametrize("kind", ["fused", "mbconv"])
def test_shortcuts_are_where_they_fit(kind):
    assert MBConv(kind, 8, 8, 1, 4).has_shortcut
    assert not MBConv(kind, 8, 8, 2, 4).has_shortcut
    assert not MBConv(kind, 8, 16, 1, 4).has_shortcut
    assert MBConv(kind, 8, 16, 2, 1)(torch.rand(2, 8, 5, 6)).shape == (2, 16, 3, 3)


def test_unknown_kind():
    message = "got a stage of 'conv' blocks, expected 'fused' or 'mbconv'"
    with pytest.raises(ValueError, match=message):
        EfficientNetV2([("conv", 1, 8, 1, 1)])
