"""Recorded training steps; what they are compared with is the same training without them."""

import pytest
import torch
from sklearn.frozen import FrozenEstimator
from skorch.callbacks import EpochScoring, Freezer
from torch import nn

from ferkit import VGG16FER, LargeFER, MobileNetFER, ResNetFER
from ferkit.augment import Policy
from ferkit.datasets import make_faces
from ferkit.training import net
from ferkit.training.cuda_graphs import GraphedStep, can_be_graphed

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")


@pytest.fixture
def no_recording(monkeypatch):
    def stop():
        monkeypatch.setattr(net, "can_be_graphed", lambda *args, **kwargs: False)

    return stop


def test_the_net_trains_as_without(monkeypatch):
    n_calls = 0

    class FakeStep:
        """Do on the CPU what a recorded step does for those around it: gradients are its own."""

        def __init__(self, function, parameters):
            self.function, self.parameters = function, list(parameters)

        def __call__(self, *inputs):
            nonlocal n_calls
            n_calls += 1
            outputs = tuple(output.detach() for output in self.function(*inputs))
            for parameter in self.parameters:
                parameter.grad = parameter.grad.clone()
            return outputs

    X, y = make_faces(100, image_size=16, random_state=0, return_X_y=True)
    callbacks = [EpochScoring("accuracy", name="mine", on_train=True, lower_is_better=False)]
    clf = ResNetFER(max_epochs=2, clip_grad_norm=1, callbacks=callbacks, random_state=0)
    expected = clf.fit(X, y)
    scores, outputs = expected.net_.history[:, "mine"], expected.decision_function(X)
    monkeypatch.setattr(net, "can_be_graphed", lambda *args, **kwargs: True)
    monkeypatch.setattr(net, "GraphedStep", FakeStep)
    graphed = clf.fit(X, y)
    assert n_calls == 4
    assert graphed.net_.history[:, "mine"] == scores
    assert (graphed.decision_function(X) == outputs).all()
    assert graphed.net_._graphed_step is None
    assert all(p.grad is None for p in graphed.module_.parameters())


def test_what_is_recorded(monkeypatch):
    cuda, callbacks = torch.device("cuda"), [EpochScoring("accuracy")]
    own = [c()._make_module(1, 7) for c in (LargeFER, MobileNetFER, ResNetFER, VGG16FER)]
    assert can_be_graphed(cuda, own, callbacks, n_steps=100)
    assert not can_be_graphed(cuda, own, callbacks, n_steps=99)
    assert not can_be_graphed(torch.device("cpu"), own, callbacks, n_steps=100)
    assert not can_be_graphed(cuda, own, [type("Mine", (EpochScoring,), {})(None)], n_steps=100)

    class Head(nn.Linear):
        pass

    for change in (
        lambda module: setattr(module, "classifier", Head(64, 7)),
        lambda module: module.classifier.register_forward_hook(print),
        lambda module: module.classifier.weight.register_hook(print),
    ):
        other = ResNetFER(variant="strided")._make_module(1, 7)
        assert can_be_graphed(cuda, [other], [], n_steps=100)
        change(other)
        assert not can_be_graphed(cuda, [*own, other], [], n_steps=100)
    monkeypatch.setattr(torch.version, "hip", "6.4")
    assert not can_be_graphed(cuda, own, callbacks, n_steps=100)


@pytest.fixture
def n_recordings(monkeypatch):
    """Count recordings; without, a test would compare a training with itself."""
    counts, record = [0], GraphedStep._record

    def count(*args):
        counts[0] += 1
        return record(*args)

    monkeypatch.setattr(GraphedStep, "_record", count)
    return counts


@needs_cuda
@pytest.mark.parametrize("is_taught", [False, True])
@pytest.mark.parametrize("estimator", [MobileNetFER, ResNetFER])
def test_training_is_the_same_to_the_bit(estimator, is_taught, no_recording, n_recordings):
    X, y = make_faces(250, random_state=0, return_X_y=True)  # batches of 32 and 31
    params = {"device": "cuda", "random_state": 0}
    teacher = FrozenEstimator(ResNetFER(max_epochs=1, **params).fit(X, y)) if is_taught else None
    augment = Policy(flip=0.5, erasing=0.5, mixup=0.4 * is_taught)
    clf = estimator(
        max_epochs=15, batch_size=32, augment=augment, ema_decay=0.9, teacher=teacher, **params
    )
    recorded = clf.fit(X, y).decision_function(X)
    assert n_recordings == [2]
    no_recording()
    assert (clf.fit(X, y).decision_function(X) == recorded).all()


@needs_cuda
def test_a_callback_that_freezes_is_heeded(no_recording, n_recordings):
    X, y = make_faces(256, random_state=0, return_X_y=True)
    freezer = Freezer("block1.*", at=2)
    clf = ResNetFER(max_epochs=8, batch_size=16, callbacks=[freezer], device="cuda", random_state=0)
    recorded = clf.fit(X, y).decision_function(X)
    assert n_recordings == [2]
    no_recording()
    assert (clf.fit(X, y).decision_function(X) == recorded).all()


@needs_cuda
def test_gradients_and_outputs_are_those_of_the_function():
    torch.manual_seed(0)
    module = nn.Linear(5, 3).cuda()

    def compute(x):
        output = module(x)
        output.square().sum().backward()
        return (output.detach(),)  # what is alive of the graph would tie gradients to its stream

    step, kept = GraphedStep(compute, module.parameters()), []
    for i, n in enumerate([4] * 6 + [7] * 6 + [4] * 7):
        if i == 13:  # it records anew for other weights
            module.weight.data = torch.randn_like(module.weight)
        x = torch.randn(n, 5, device="cuda")
        module.zero_grad()
        (output,) = compute(x)
        gradients = [p.grad for p in module.parameters()]
        kept.append((*step(x), output))
        for expected, parameter in zip(gradients, module.parameters(), strict=True):
            torch.testing.assert_close(parameter.grad, expected)
    assert len(step._recordings) == 1
    for output, expected in kept:  # no later call wrote into them
        torch.testing.assert_close(output, expected)
