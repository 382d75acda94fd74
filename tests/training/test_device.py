import copy
import pickle

import pytest
import torch
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook

from ferkit import LargeFER, MobileNetFER, ResNetFER
from ferkit.datasets import make_faces
from ferkit.nn import MobileNetV2_48, ResNetLite
from ferkit.training import batches, distillation, net
from ferkit.training.device import memory_format, resolve_device, resolve_precision


def test_auto_device_is_one_that_works():
    device = resolve_device("auto")
    assert torch.zeros(2, device=device).sum().item() == 0


@pytest.mark.parametrize("device", ["cuda:99", "tpu", "", "meta"])
def test_devices_that_are_not_there(device):
    with pytest.raises(ValueError, match=f"got device='{device}', expected 'auto'.*cpu"):
        resolve_device(device)


@pytest.mark.parametrize(
    "estimator", [LargeFER(), MobileNetFER(variant="strided"), ResNetFER(variant="strided")]
)
def test_batch_normalisation_gets_no_channels_last_on_apples_gpus(estimator, monkeypatch):
    assert memory_format(torch.device("mps")) == torch.contiguous_format
    for module in (batches, distillation, net):
        monkeypatch.setattr(module, "memory_format", lambda device: torch.contiguous_format)
    n_seen = 0

    def look(layer, args):
        nonlocal n_seen
        if isinstance(layer, nn.BatchNorm2d):
            n_seen += 1
            assert args[0].is_contiguous()

    X, y = make_faces(14, image_size=16, random_state=0, return_X_y=True)
    estimator.set_params(max_epochs=1, precision="float32", random_state=0)
    hook = register_module_forward_pre_hook(look)
    try:
        teacher = FrozenEstimator(estimator.fit(X, y))
        clone(estimator).set_params(teacher=teacher).fit(X, y).predict(X)
    finally:
        hook.remove()
    assert n_seen > 0


@pytest.mark.parametrize("device", ["mps", "cuda:99"])
def test_a_pickle_from_a_device_that_is_not_there(device):
    if device == "mps" and torch.backends.mps.is_available():
        pytest.skip("needs a machine without Apple's GPU")
    X, y = make_faces(14, image_size=16, random_state=0, return_X_y=True)
    clf = ResNetFER(max_epochs=1, device="cpu", random_state=0).fit(X, y)
    expected = clf.predict_proba(X)
    clf.net_.device = device
    pickled = pickle.dumps(clf)
    with pytest.warns(UserWarning, match=rf"'{device}', which torch cannot.*loaded on the CPU"):
        again = pickle.loads(pickled)
    assert (again.predict_proba(X) == expected).all()


@pytest.mark.parametrize("native", [True, False])
def test_precision_table_on_cpu(native, monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: native)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    cpu = torch.device("cpu")
    expected = torch.bfloat16 if native else torch.float32
    for module in (MobileNetV2_48(), ResNetLite(), nn.Conv2d(4, 4, 3, groups=4)):
        assert resolve_precision("auto", cpu, module) == expected

    class Derived(nn.Conv2d):
        pass

    for conv_class in (Derived, nn.Conv2d):
        theirs = nn.Sequential(conv_class(4, 4, 3, stride=2, groups=4))
        assert resolve_precision("auto", cpu, theirs) == torch.float32
    for name in ("float32", "bfloat16"):
        assert resolve_precision(name, cpu, theirs) == getattr(torch, name)


def test_networks_are_looked_through_however_they_call_their_layers(monkeypatch):
    class Odd(nn.Module):
        def __init__(self, stride):
            super().__init__()
            self.conv = nn.Conv2d(1, 4, 3, stride=stride, padding=1)
            self.norm = nn.BatchNorm2d(4, track_running_stats=False)

        def forward(self, x):
            return self.norm(self.conv(input=x).mean((2, 3), keepdim=True))

    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    for stride, expected in ((8, torch.bfloat16), (9, torch.float32)):
        assert resolve_precision("auto", torch.device("cpu"), Odd(stride), (1, 8, 8)) == expected


@pytest.mark.parametrize(
    ("size", "stride", "is_right"),
    [
        (8, 2, True),
        (4, 2, False),
        (8, 3, False),
        (12, 3, True),
        (8, (1, 4), False),
        (4, (2, 1), True),
    ],
)
def test_bfloat16_is_not_trained_where_torchs_gradient_is_wrong(
    size, stride, is_right, monkeypatch
):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    cpu, shape = torch.device("cpu"), (1, size, size)
    layers = [nn.Conv2d(1, 4, 3, stride=4, padding=1), nn.BatchNorm2d(4)]
    module = nn.Sequential(*layers, nn.Conv2d(4, 4, 3, stride=stride, padding=1)).train()
    before = copy.deepcopy(module.state_dict())
    expected = torch.bfloat16 if is_right else torch.float32
    assert resolve_precision("auto", cpu, module, shape) == expected
    assert resolve_precision("auto", cpu, module) == torch.bfloat16
    assert resolve_precision("float32", cpu, module, shape) == torch.float32
    if is_right:
        assert resolve_precision("bfloat16", cpu, module, shape) == torch.bfloat16
    else:
        with pytest.raises(ValueError, match=r"'bfloat16' for a network with.*'auto'"):
            resolve_precision("bfloat16", cpu, module, shape)
    assert module.training
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
