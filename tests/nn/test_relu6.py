import copy

import pytest
import torch
from torch import nn

from ferkit import MobileNetFER
from ferkit.nn import MobileNetV2_48
from ferkit.nn._relu6 import ReLU6


@pytest.mark.parametrize("training", [True, False])
def test_values_and_gradients_are_torchs_to_the_bit(training):
    x = torch.linspace(-3, 9, 241)
    x[7], x[11] = 0.0, 6.0
    a, b = (x.clone().requires_grad_() for _ in range(2))
    ours, torchs = ReLU6().train(training)(a * 1), nn.ReLU6()(b)
    assert torch.equal(ours, torchs)
    weights = torch.randn(241)
    (ours * weights).sum().backward()
    (torchs * weights).sum().backward()
    assert torch.equal(a.grad, b.grad)
    with torch.no_grad():
        assert torch.equal(ReLU6()(x), torchs)


def test_gradients_of_gradients():
    x = torch.linspace(-3, 9, 7, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradgradcheck(lambda x: ReLU6()(x**2) ** 2, (x,))


@pytest.mark.parametrize("training", [True, False])
def test_the_input_is_overwritten_in_training_only(training):
    x = torch.linspace(-3, 9, 7).requires_grad_()
    doubled = 2 * x
    ReLU6().train(training)(doubled)
    assert torch.equal(doubled, 2 * x) is not training


def with_torchs(network):
    for module in network.modules():
        for name, child in module.named_children():
            if isinstance(child, ReLU6):
                setattr(module, name, nn.ReLU6(inplace=True))
    return network


@pytest.mark.parametrize("variant", ["reference", "strided"])
def test_a_step_of_the_network_is_torchs_to_the_bit(variant):
    ours = MobileNetFER(variant=variant, dropout=0.0)._make_module(1, 7).train()
    torchs = with_torchs(copy.deepcopy(ours))
    x, y = torch.randn(8, 1, 24, 24), torch.arange(8) % 7
    for network in (ours, torchs):
        nn.functional.cross_entropy(network(x), y).backward()
    for a, b in zip(ours.parameters(), torchs.parameters(), strict=True):
        assert torch.equal(a.grad, b.grad)


def test_a_step_keeps_less():
    def kept(module):
        sizes = {}

        def pack(tensor):
            storage = tensor.untyped_storage()
            sizes[storage.data_ptr()] = storage.nbytes()
            held.append(tensor)  # else its place would be given away
            return tensor

        held = []
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            module(torch.zeros(4, 1, 48, 48))
        return sum(sizes.values())

    network = MobileNetV2_48(in_channels=1)
    ours = kept(network)
    assert ours < 0.75 * kept(with_torchs(network))
