"""ferkit's batch normalisation against torch's in float64."""

import pytest
import torch
from torch import nn

from ferkit.nn import _batch_norm
from ferkit.nn._batch_norm import BatchNorm2d

PARTS = ["output", "gradient", "gradient of the weight", "of the bias", "mean", "variance"]


@pytest.fixture(autouse=True)
def any_size(monkeypatch):
    monkeypatch.setattr(_batch_norm, "_MANY", 0)


def parts(module, x, gradient):
    module = module(x.shape[1]).to(torch.promote_types(x.dtype, torch.float32))
    with torch.no_grad():
        module.weight.copy_(torch.linspace(0.5, 2, x.shape[1]))
        module.bias.copy_(torch.linspace(-1, 2, x.shape[1]))
    x = x.clone().requires_grad_()
    y = module(x)
    assert y.is_contiguous(memory_format=torch.channels_last)
    y.backward(gradient.to(x.dtype))
    return y, x.grad, module.weight.grad, module.bias.grad, module.running_mean, module.running_var


def errors(found, expected):
    return {
        name: ((a.double() - b).norm() / b.norm()).item()
        for name, a, b in zip(PARTS, found, expected, strict=True)
    }


@pytest.mark.parametrize("channels", [1, 3, 16, 24, 40])
@pytest.mark.parametrize("shape", [(1, 4), (6, 4), (5, 7), (48, 48)])
def test_it_is_torchs(channels, shape):
    torch.manual_seed(0)
    x, gradient = (
        (torch.randn(8, channels, *shape) + shift).to(
            torch.bfloat16, memory_format=torch.channels_last
        )
        for shift in (2, 0.3)
    )
    expected = parts(nn.BatchNorm2d, x.double(), gradient.double())
    theirs = errors(parts(nn.BatchNorm2d, x, gradient), expected)
    ours = parts(BatchNorm2d, x, gradient)
    fold = {1: 16, 3: 16, 16: 1, 24: 2, 40: 2}[channels]
    assert is_folded(ours[0]) == (fold > 1 and shape[1] % fold == 0)
    for name, error in errors(ours, expected).items():
        assert error <= 2 * theirs[name] + 1e-5, name


def is_folded(y):
    return "Folded" in type(y.grad_fn).__name__


@pytest.mark.parametrize(
    ("n", "dtype", "expected"),
    [(64, torch.bfloat16, True), (8, torch.bfloat16, False), (64, torch.float32, False)],
)
def test_where_it_pays(n, dtype, expected, monkeypatch):
    monkeypatch.undo()
    x = torch.randn(n, 24, 48, 48).to(dtype, memory_format=torch.channels_last)
    norm = BatchNorm2d(24)
    assert is_folded(norm(x)) == expected
    assert not is_folded(norm.eval()(x))


def test_the_callers_default_device_does_not_matter():
    x = torch.randn(4, 24, 6, 6).to(torch.bfloat16, memory_format=torch.channels_last)
    norm = BatchNorm2d(24)
    with torch.device("meta"):
        y = norm(x)
    assert is_folded(y)
    assert torch.equal(y, BatchNorm2d(24)(x))


def test_a_network_that_is_bfloat16_itself_is_left_to_torch():
    x = torch.randn(4, 24, 6, 6).to(torch.bfloat16, memory_format=torch.channels_last)
    ours, theirs = BatchNorm2d(24).to(torch.bfloat16), nn.BatchNorm2d(24).to(torch.bfloat16)
    assert torch.equal(ours(x), theirs(x))


def test_what_follows_may_work_in_place():
    torch.manual_seed(0)
    x = torch.randn(4, 24, 6, 6).to(torch.bfloat16, memory_format=torch.channels_last)
    gradients = []
    for inplace in (False, True):
        norm = BatchNorm2d(24)
        nn.Sequential(norm, nn.ReLU(inplace=inplace))(x).float().square().sum().backward()
        gradients.append(norm.weight.grad)
    assert torch.equal(*gradients)


def test_state_and_evaluation_are_torchs():
    torch.manual_seed(0)
    x = torch.randn(4, 24, 6, 6).to(torch.bfloat16, memory_format=torch.channels_last)
    ours, theirs = BatchNorm2d(24), nn.BatchNorm2d(24)
    for module in (ours, theirs):
        for _ in range(3):
            module(x)
    assert ours.num_batches_tracked == theirs.num_batches_tracked == 3
    assert torch.allclose(ours.running_mean, theirs.running_mean, rtol=1e-4, atol=1e-5)
    assert torch.allclose(ours.running_var, theirs.running_var, rtol=1e-4)
    theirs.load_state_dict(ours.state_dict())
    assert torch.equal(ours.eval()(x), theirs.eval()(x))
