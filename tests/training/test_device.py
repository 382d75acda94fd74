import pytest
import torch
from torch import nn

from ferkit.nn import MobileNetV2_48, ResNetLite
from ferkit.training.device import resolve_device, resolve_precision


def test_auto_device_is_one_that_works():
    device = resolve_device("auto")
    assert torch.zeros(2, device=device).sum().item() == 0


@pytest.mark.parametrize("device", ["cuda:99", "tpu", "", "meta"])
def test_devices_that_are_not_there(device):
    with pytest.raises(ValueError, match=f"got device='{device}', expected 'auto'.*cpu"):
        resolve_device(device)


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
