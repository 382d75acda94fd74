import copy

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn

from ferkit import MobileNetFER, ResNetFER
from ferkit.datasets import make_faces
from ferkit.training.averaging import WeightAverage


def make_module(seed):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(12, 2))


def test_the_average_is_the_formula():
    with torch.random.fork_rng():
        module = make_module(0)
        average, by_hand = copy.deepcopy(module), copy.deepcopy(module).state_dict()
        for n in range(30):
            module(torch.randn(8, 1, 4, 4))
            for parameter in module.parameters():
                parameter.data.add_(torch.randn_like(parameter))
            WeightAverage(average, module, 0.6).update(n)
            decay = min(0.6, (1 + n) / (10 + n))
            for name, value in module.state_dict().items():
                if value.is_floating_point():
                    by_hand[name] = decay * by_hand[name] + (1 - decay) * value
                else:
                    by_hand[name] = value
    for name, value in average.state_dict().items():
        torch.testing.assert_close(value, by_hand[name])


def test_a_weight_under_two_names_is_averaged_once():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    module[1].weight = module[0].weight
    average = copy.deepcopy(module)
    before, moved = module[0].weight.detach().clone(), torch.rand(3, 3)
    module[0].weight.data.copy_(moved)
    WeightAverage(average, module, 0.5).update(1000)
    torch.testing.assert_close(average[0].weight.detach(), (before + moved) / 2)


def test_tensors_that_are_replaced_are_averaged_too():
    class Mean(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("mean", torch.zeros(()))
            self.register_buffer("count", torch.zeros((), dtype=torch.int64))
            self.register_buffer("scale", torch.ones(()), persistent=False)

    module = Mean()
    average = copy.deepcopy(module)
    update = WeightAverage(average, module, 0.5).update
    module.mean, module.count, module.scale = torch.tensor(4.0), module.count + 1, torch.zeros(())
    update(1000)
    assert (average.mean, average.count, average.scale) == (2, 1, 1)


@pytest.mark.parametrize("clf", [MobileNetFER(variant="strided"), ResNetFER()])
def test_batch_statistics_are_right_for_the_average(clf):
    X, y = make_faces(350, image_size=24, random_state=0, return_X_y=True)
    params = {"max_epochs": 20, "lr_schedule": "cosine", "random_state": 0}
    clf = clone(clf).set_params(ema_decay=0.9, **params).fit(X, y)
    averaged = clf.decision_function(X)
    # measured anew, on the data, for the averaged weights
    for module in clf.module_.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None
    clf.module_.train()
    for dropout in [m for m in clf.module_.modules() if "Dropout" in type(m).__name__]:
        dropout.eval()
    with torch.no_grad():
        for start in range(0, 350, 70):
            batch = torch.from_numpy(X[start : start + 70, None]) / 127.5 - 1
            clf.module_(batch.contiguous(memory_format=torch.channels_last))
    exact = clf.decision_function(X)
    assert (averaged.argmax(axis=1) == exact.argmax(axis=1)).mean() > 0.95
    assert np.abs(averaged - exact).mean() < 0.2 * exact.std()


def test_the_average_predicts_and_training_goes_on_without_it():
    X, y = make_faces(140, image_size=24, random_state=0, return_X_y=True)
    plain = ResNetFER(max_epochs=3, random_state=0).fit(X, y)
    averaged = ResNetFER(max_epochs=3, ema_decay=0.99, random_state=0).fit(X, y)
    np.testing.assert_array_equal(
        plain.history_["train_loss"], averaged.history_["train_loss"]
    )  # the trained weights are the same
    for a, b in zip(plain.module_.parameters(), averaged.net_.module_.parameters(), strict=True):
        assert torch.equal(a, b)
    assert not np.array_equal(plain.decision_function(X), averaged.decision_function(X))


def test_optimizers_leave_the_average_alone():
    X, y = make_faces(70, image_size=24, random_state=0, return_X_y=True)
    clf = ResNetFER(max_epochs=1, ema_decay=0.5, random_state=0).fit(X, y)
    trained = {id(p) for group in clf.net_.optimizer_.param_groups for p in group["params"]}
    assert trained == {id(p) for p in clf.net_.module_.parameters()}
    assert not any(p.requires_grad for p in clf.module_.parameters())
