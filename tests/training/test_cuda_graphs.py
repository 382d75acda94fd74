"""Recorded training steps; what they are compared with is the same training without them."""

import pytest
import torch
from skorch.callbacks import Freezer
from torch import nn

from ferkit import VGG16FER, LargeFER, MobileNetFER, ResNetFER
from ferkit.datasets import make_faces
from ferkit.training import net
from ferkit.training.cuda_graphs import GraphedStep, can_be_graphed

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")


@pytest.fixture
def no_recording(monkeypatch):
    def stop():
        monkeypatch.setattr(net, "GraphedStep", lambda function, parameters: function)

    return stop


def test_only_ferkits_own_networks_are_recorded():
    own = [c()._make_module(1, 7) for c in (LargeFER, MobileNetFER, ResNetFER, VGG16FER)]
    assert can_be_graphed(own)
    assert not can_be_graphed([*own, nn.Sequential(nn.Flatten(), nn.Linear(2304, 7))])


@needs_cuda
@pytest.mark.parametrize("estimator", [MobileNetFER, ResNetFER])
def test_training_is_the_same_to_the_bit(estimator, no_recording):
    X, y = make_faces(250, random_state=0, return_X_y=True)  # batches of 32 and 31
    clf = estimator(
        max_epochs=3, batch_size=32, augment="strong", ema_decay=0.9, device="cuda", random_state=0
    )
    recorded = clf.fit(X, y).decision_function(X)
    no_recording()
    assert (clf.fit(X, y).decision_function(X) == recorded).all()


@needs_cuda
def test_a_callback_that_freezes_is_heeded(no_recording):
    X, y = make_faces(256, random_state=0, return_X_y=True)
    freezer = Freezer("block1.*", at=2)
    clf = ResNetFER(max_epochs=3, batch_size=16, callbacks=[freezer], device="cuda", random_state=0)
    recorded = clf.fit(X, y).decision_function(X)
    no_recording()
    assert (clf.fit(X, y).decision_function(X) == recorded).all()


@needs_cuda
def test_gradients_and_outputs_are_those_of_the_function():
    torch.manual_seed(0)
    module = nn.Linear(5, 3).cuda()

    def compute(x):
        output = module(x)
        output.square().sum().backward()
        return (output,)

    step = GraphedStep(compute, module.parameters())
    for n in [4] * 6 + [7] * 6 + [4]:
        x = torch.randn(n, 5, device="cuda")
        module.zero_grad()
        (output,) = compute(x)
        expected = [output, *(p.grad for p in module.parameters())]
        module.zero_grad()
        (output,) = step(x)
        for a, b in zip(expected, [output, *(p.grad for p in module.parameters())], strict=True):
            torch.testing.assert_close(a, b)
