"""The baseline's network."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ferkit.nn import VGG16, count_parameters

# torchvision's features.N of vgg16: a convolution, or a pooling
CONVOLUTIONS = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
POOLINGS = [4, 9, 16, 23, 30]


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return VGG16(n_classes=4).eval()


def test_n_parameters():
    module = VGG16()
    statistics = [b for name, b in module.named_buffers() if "running" in name]
    assert count_parameters(module) == 14_734_663
    # Keras counts the running statistics, which are never trainable
    assert count_parameters(module) + sum(b.numel() for b in statistics) == 14_735_879
    for part in module.freezable_parts()["reference"]:
        part.requires_grad_(False)
    assert sum(p.numel() for p in module.parameters() if p.requires_grad) == 7_099_399


def test_the_study_froze_all_but_the_last_four_layers(network):
    (frozen,) = network.freezable_parts()["reference"]
    left = list(network.features)[len(frozen) :]
    assert [type(layer).__name__ for layer in left] == [*["Conv2d", "ReLU"] * 3, "MaxPool"]
    assert list(network.features)[: len(frozen)] == list(frozen)


def test_names_are_torchvisions(network):
    names = {f"features.{n}.{kind}" for n in CONVOLUTIONS for kind in ("weight", "bias")}
    tensors = network.state_dict()
    assert {name for name in tensors if name.startswith("features.")} == names
    children = {name.split(".")[0] for name in tensors}
    assert children == {"features", "head", "classifier"}
    assert all(type(network.features[n]).__name__ == "MaxPool" for n in POOLINGS)


@pytest.mark.parametrize("size", [48, 96])
def test_the_convolutional_part_is_vgg16s(network, size):
    x = torch.rand(2, 3, size, size)
    expected = x
    with torch.no_grad():
        for n in range(31):
            if n in CONVOLUTIONS:
                layer = network.features[n]
                expected = F.conv2d(expected, layer.weight, layer.bias, padding=1).relu()
            elif n in POOLINGS:
                expected = F.max_pool2d(expected, 2)
        features = network.features(x)
    torch.testing.assert_close(features, expected)
    assert features.shape == (2, 512, size // 32, size // 32)
    if size == 48:
        assert torch.equal(network.pool(features), features)


@pytest.mark.parametrize("shape", [(48, 48), (1, 1), (1, 5), (3, 2), (47, 49), (96, 96)])
def test_sizes(network, shape):
    x = torch.rand(2, 3, *shape)
    embedding = network.embed(x)
    assert embedding.shape == (2, network.embedding_size) == (2, 32)
    assert torch.equal(network(x), network.classifier(embedding))
    assert network(x).shape == (2, 4)


def test_images_are_normalised_as_imagenets(network):
    x = torch.rand(2, 3, 4, 4) * 2 - 1
    mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    std = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    torch.testing.assert_close(network.normalize(x), ((x + 1) / 2 - mean) / std)
    seen = []
    handle = network.features.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    before = x.clone()
    network(x)
    handle.remove()
    assert torch.equal(seen[0], network.normalize(x))
    assert torch.equal(x, before)


def test_one_channel_is_normalised_by_the_mean_of_three():
    network = VGG16(1).eval()
    x = torch.rand(2, 1, 4, 4) * 2 - 1
    expected = ((x + 1) / 2 - (0.485 + 0.456 + 0.406) / 3) / ((0.229 + 0.224 + 0.225) / 3)
    torch.testing.assert_close(network.normalize(x), expected)
    assert network(x).shape == (2, 7)


def test_random_weights_neither_fade_nor_explode(network):
    assert 0.1 < network.features(torch.randn(4, 3, 48, 48)).std() < 10


def test_gradients_reach_all_convolutions():
    torch.manual_seed(0)
    module = VGG16().train()
    module(torch.rand(8, 3, 8, 8)).square().sum().backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any() or "head" in name, name


def test_predictions_do_not_depend_on_the_batch(network):
    x = torch.rand(5, 3, 16, 16)
    with torch.no_grad():
        alone = torch.cat([network(image) for image in x.split(1)])
        torch.testing.assert_close(network(x), alone, rtol=1e-5, atol=1e-5)


def test_dropout_acts_in_training_only():
    module, x = VGG16(dropout=0.5), torch.rand(4, 3, 4, 4)
    assert [m.p for m in module.modules() if isinstance(m, nn.Dropout)] == [0.5] * 3
    module.train()
    assert not torch.equal(module(x), module(x))
    module.eval()
    assert torch.equal(module(x), module(x))


def test_budget():
    with pytest.raises(ValueError, match=r"got a VGG16 of 14,734,663 parameters.*500,000"):
        VGG16(max_parameters=500_000)
