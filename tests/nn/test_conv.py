"""ferkit's convolution against torch's."""

import pytest
import torch
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ferkit.nn._batch_norm import BatchNorm2d
from ferkit.nn._conv import Conv2d


def depthwise(conv_class, **params):
    conv = conv_class(4, 4, 3, stride=2, groups=4, **params)
    with torch.no_grad():
        conv.weight.copy_(torch.linspace(-1, 1, conv.weight.numel()).view_as(conv.weight))
    return conv


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("groups", [1, 2, 12], ids="groups={}".format)
@pytest.mark.parametrize("stride", [1, 2, (2, 1)], ids="stride={}".format)
@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (6, 6), (7, 9)])
def test_convolutions_are_torchs(shape, stride, groups, dtype):
    torch.manual_seed(0)
    ours = Conv2d(12, 12, 3, stride=stride, groups=groups)
    torchs = torch.nn.Conv2d(12, 12, 3, stride=stride, padding=1, groups=groups, bias=False)
    torchs.load_state_dict(ours.state_dict())
    x = torch.rand(4, 12, *shape)
    results = []
    for conv, precision in ((torchs, torch.float32), (ours, dtype)):
        x_in = x.to(precision, memory_format=torch.channels_last).requires_grad_()
        with torch.autocast("cpu", enabled=precision == torch.bfloat16, cache_enabled=False):
            y = conv(x_in)
        y.float().square().sum().backward()
        assert x_in.grad.is_contiguous(memory_format=torch.channels_last)
        results.append((y.float(), x_in.grad.float(), conv.weight.grad))
    for theirs, own in zip(*results, strict=True):
        tolerance = {torch.float32: 1e-5, torch.bfloat16: 0.02}[dtype] * theirs.abs().max()
        assert (own - theirs).abs().max() <= tolerance


def test_a_depthwise_convolution_with_a_stride_gives_the_gradients_that_are_asked_for():
    conv = Conv2d(4, 4, 3, stride=2, groups=4)
    x = torch.rand(2, 4, 6, 6, dtype=torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        conv(x).sum().backward()
        weights_only = conv.weight.grad.clone()
        conv.requires_grad_(False)
        conv(x.requires_grad_()).sum().backward()
    assert weights_only.any()
    assert x.grad.any()
    assert torch.equal(conv.weight.grad, weights_only)


@pytest.mark.parametrize("groups", [1, 64], ids="groups={}".format)
@pytest.mark.parametrize("stride", [1, 2, (2, 1)], ids="stride={}".format)
@pytest.mark.parametrize("shape", [(1, 1), (2, 1), (2, 2), (3, 1), (3, 2), (6, 1), (1, 6)])
def test_no_gradient_comes_from_memory_that_nobody_wrote(shape, stride, groups):
    conv = Conv2d(64, 64, 3, stride=stride, groups=groups).to(memory_format=torch.channels_last)
    x = torch.randn(15, 64, *shape).to(torch.bfloat16, memory_format=torch.channels_last)
    gradients = []
    for _ in range(20):
        conv.zero_grad()
        for n in (1_000, 50_000, 100_000, 300_000):  # what freed memory may hold
            torch.full((n,), torch.nan)
        with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
            y = conv(x)
        y.float().square().sum().backward()
        gradients.append(conv.weight.grad.clone())
    assert all(torch.equal(gradients[0], gradient) for gradient in gradients)
    assert gradients[0].isfinite().all()


def test_second_derivatives_are_torchs():
    results = []
    for conv in (depthwise(Conv2d), depthwise(torch.nn.Conv2d, padding=1, bias=False)):
        torch.manual_seed(0)
        x = torch.randn(2, 4, 6, 6, dtype=torch.bfloat16, requires_grad=True)
        with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
            y = conv(x)
        (gradient,) = torch.autograd.grad(y.float().square().sum(), x, create_graph=True)
        gradient.float().square().sum().backward()
        results.append((x.grad.float(), conv.weight.grad))
    for ours, theirs in zip(*results, strict=True):
        assert theirs.any()
        assert (ours - theirs).norm() <= 0.02 * theirs.norm()


def test_a_bias_that_folded_batch_normalisation_adds_counts():
    norm = BatchNorm2d(4).eval()
    norm.bias.data = torch.arange(1.0, 5.0)
    conv = depthwise(Conv2d).eval()
    fused = fuse_conv_bn_eval(conv, norm)
    x = torch.randn(2, 4, 6, 6)
    assert torch.allclose(fused(x), norm(conv(x)), atol=1e-5)
    x = x.bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.allclose(fused(x), norm(conv(x)).bfloat16(), atol=0.1)
