"""The baseline, and ImageNet's weights in it; the files here are drawn, of torchvision's layout."""

import hashlib
import os
import shutil
import urllib.error

import numpy as np
import pytest
import torch

import ferkit
from ferkit import VGG16FER
from ferkit._torchvision import VGG16_URL
from ferkit.datasets import make_faces
from tests.nn.test_vgg16 import CONVOLUTIONS

FIFTH_BLOCK = {f"features.{n}.{kind}" for n in (24, 26, 28) for kind in ("weight", "bias")}


@pytest.fixture(scope="module")
def faces():
    return make_faces(21, image_size=16, random_state=0, return_X_y=True)


@pytest.fixture(scope="module")
def tensors():
    """torchvision's file, with other values."""
    generator = torch.Generator().manual_seed(0)
    widths = [3, 64, 64, 128, 128, 256, 256, 256, *[512] * 6]
    tensors = {}
    for n, width, out in zip(CONVOLUTIONS, widths[:-1], widths[1:], strict=True):
        weight = torch.empty(out, width, 3, 3).normal_(0, (2 / 9 / out) ** 0.5, generator=generator)
        tensors[f"features.{n}.weight"] = weight
        tensors[f"features.{n}.bias"] = torch.empty(out).normal_(0, 0.1, generator=generator)
    # expanded, which makes them small in a file
    for n, shape in [(0, (4096, 25088)), (3, (4096, 4096)), (6, (1000, 4096))]:
        tensors[f"classifier.{n}.weight"] = torch.zeros(1).expand(shape)
        tensors[f"classifier.{n}.bias"] = torch.zeros(1).expand(shape[0])
    return tensors


@pytest.fixture(scope="module")
def copy(tensors, tmp_path_factory):
    path = tmp_path_factory.mktemp("vgg16") / "copy.pth"
    torch.save(tensors, path)
    return path


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """torch.hub with an empty cache and no network; it returns what it was asked for."""
    calls = []

    def download(url, path, hash_prefix=None, progress=True):
        calls.append((url, hash_prefix, progress))
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    return calls


def changed_names(before, clf):
    return {
        name for name, t in clf.module_.state_dict().items() if not torch.equal(t, before[name])
    }


def snapshot(clf):
    return {name: tensor.clone() for name, tensor in clf.module_.state_dict().items()}


def test_defaults(faces):
    clf = VGG16FER(max_epochs=1, random_state=0).fit(*faces)
    assert clf.n_parameters_ == 14_734_663
    assert clf.transform(faces[0]).shape == (21, 32)
    assert clf.net_.in_channels == 3  # gray images are repeated
    params = VGG16FER().get_params()
    expected = {"optimizer": "adam", "lr": 1e-3, "max_epochs": 15, "batch_size": 64, "dropout": 0.5}
    assert {name: params[name] for name in expected} == expected
    assert params["weight_decay"] == 0
    assert params["weights"] is params["freeze"] is None


def test_the_studys_baseline(faces, tensors, copy, hub, monkeypatch, capfd):
    X, y = faces
    asked = []

    def serve(url, path, hash_prefix, progress):
        asked.append((url, hash_prefix, progress))
        shutil.copy(copy, path)

    monkeypatch.setattr(torch.hub, "download_url_to_file", serve)
    (params,) = ferkit.model_selection.reference_configs("vgg16").values()
    clf = VGG16FER(**params, max_epochs=2, random_state=0).fit(X, y)
    VGG16FER(**params, max_epochs=1).fit(X, y)  # from the cache
    assert asked == [(VGG16_URL, "397923af", False)]
    assert capfd.readouterr() == ("", "")
    assert VGG16_URL == "https://download.pytorch.org/models/vgg16-397923af.pth"
    own = clf.module_.state_dict()
    for name in (name for name in tensors if name.startswith("features.")):
        assert torch.equal(own[name], tensors[name]) == (name not in FIFTH_BLOCK), name
    # gradients of what is frozen are not even computed
    for name, parameter in clf.module_.named_parameters():
        is_frozen = name.startswith("features.") and name not in FIFTH_BLOCK
        assert (parameter.grad is None) == is_frozen, name
        assert parameter.requires_grad != is_frozen, name


def test_a_copy_that_is_not_finite(faces, tensors, tmp_path):
    bias = tensors["features.2.bias"].clone()
    bias[5] = torch.nan
    torch.save({**tensors, "features.2.bias": bias}, tmp_path / "bad.pth")
    with pytest.raises(
        ValueError, match=r"bad\.pth' of which features\.2\.bias is no tensor of finite"
    ):
        VGG16FER(weights=tmp_path / "bad.pth").fit(*faces)


def test_the_head_stays_random(faces, copy):
    X, y = faces
    params = {"weights": copy, "max_epochs": 1, "lr": 1e-30}
    first, again, other = (
        VGG16FER(**params, random_state=seed).fit(X, y).module_ for seed in (0, 0, 1)
    )
    for name in ("head.1.weight", "classifier.weight"):
        a, b, c = (module.state_dict()[name] for module in (first, again, other))
        assert torch.equal(a, b)
        assert not torch.equal(a, c)
    for name, tensor in first.features.state_dict().items():
        assert torch.equal(tensor, other.features.state_dict()[name]), name


@pytest.mark.parametrize("ema_decay", [None, 0.5])
def test_frozen_parts_stay_and_the_rest_moves(faces, copy, ema_decay):
    X, y = faces
    params = {"random_state": 0, "weights": copy, "freeze": "reference", "ema_decay": ema_decay}
    still = VGG16FER(**params, max_epochs=1, lr=1e-30, optimizer="sgd").fit(X, y)
    before = snapshot(still)
    clf = VGG16FER(**params, max_epochs=3, weight_decay=0.1).fit(X, y)
    frozen = {n for n in before if n.startswith("features.")} - FIFTH_BLOCK
    assert changed_names(before, clf) == set(before) - frozen
    predictor = clf.net_.predictor_.state_dict()
    assert all(torch.equal(predictor[name], before[name]) for name in frozen)


def test_features_freeze_all_but_the_last_layer(faces):
    X, y = faces
    clf = VGG16FER(max_epochs=1, random_state=0).fit(X, y)
    before = snapshot(clf)
    clf.set_params(warm_start=True, freeze="features").fit(X, y)
    assert changed_names(before, clf) == {"classifier.weight", "classifier.bias"}


def test_model_files(faces, copy, tmp_path):
    X, y = faces
    params = {"max_epochs": 1, "random_state": 0}
    clf = VGG16FER(weights=copy, freeze="reference", **params).fit(X, y)
    clf.save(tmp_path / "m")
    loaded = ferkit.load(tmp_path / "m")
    assert type(loaded) is VGG16FER
    assert loaded.freeze == "reference"
    np.testing.assert_array_equal(loaded.decision_function(X), clf.decision_function(X))
    # frozen features need no ImageNet any more; other labels are other last layers
    params |= {"weights": tmp_path / "m", "freeze": "features", "lr": 1e-30}
    begun = VGG16FER(**params).fit(X, y % 2)
    np.testing.assert_array_equal(begun.transform(X), clf.transform(X))


def test_checkpoints(faces, copy, tmp_path):
    X, y = faces
    params = {"weights": copy, "freeze": "reference", "max_epochs": 1, "random_state": 0}
    clf = VGG16FER(**params, checkpoint_dir=tmp_path).fit(X, y)
    loaded = VGG16FER(**params, checkpoint_dir=tmp_path).fit(X, y)
    assert len(list(tmp_path.iterdir())) == 1
    np.testing.assert_array_equal(loaded.decision_function(X), clf.decision_function(X))


def test_offline(faces, hub):
    message = r"got nothing from https.*Name or service not known.*expected.*path of a copy"
    with pytest.raises(OSError, match=message):
        VGG16FER(weights="imagenet").fit(*faces)
    with pytest.raises(OSError, match="got nothing"):
        VGG16FER(weights="imagenet", verbose=1).fit(*faces)
    assert hub == [(VGG16_URL, "397923af", False), (VGG16_URL, "397923af", True)]


def test_another_file_is_served(faces, hub, monkeypatch, tmp_path):
    """torch.hub's own check of the hash finds it."""
    monkeypatch.undo()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    content = b"another file"
    served = tmp_path / "served"
    served.write_bytes(content)
    real = torch.hub.urlopen
    monkeypatch.setattr(torch.hub, "urlopen", lambda _: real(served.as_uri()))
    digest = hashlib.sha256(content).hexdigest()
    with pytest.raises(ValueError, match=rf"another file.*invalid hash.*{digest}.*path of a copy"):
        VGG16FER(weights="imagenet").fit(*faces)


def test_a_damaged_cache(faces, hub, tmp_path):
    cached = tmp_path / "hub" / "checkpoints" / VGG16_URL.rsplit("/")[-1]
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"damaged")
    with pytest.raises(ValueError, match=r"another file.*delete what is in .*checkpoints"):
        VGG16FER(weights="imagenet").fit(*faces)


class Acting:
    """Pickled, it makes a folder where it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("is_cached", [False, True])
def test_files_run_no_code(is_cached, faces, hub, tmp_path):
    path = tmp_path / "vgg16.pth"
    if is_cached:
        path = tmp_path / "hub" / "checkpoints" / VGG16_URL.rsplit("/")[-1]
        path.parent.mkdir(parents=True)
    torch.save({"features.0.weight": Acting(tmp_path / "made")}, path)
    with pytest.raises(ValueError, match="weights_only"):
        VGG16FER(weights="imagenet" if is_cached else path).fit(*faces)
    assert not (tmp_path / "made").exists()


def test_refusals(faces, tensors, hub, tmp_path):
    X, y = faces
    with pytest.raises(FileNotFoundError, match="expected 'imagenet', a copy of torchvision's"):
        VGG16FER(weights="imagnet").fit(X, y)
    with pytest.raises(ValueError, match="got freeze='reference' for random weights"):
        VGG16FER(freeze="reference").fit(X, y)
    for channels in ("auto", 1):
        with pytest.raises(ValueError, match=f"got channels={channels!r} for torchvision's"):
            VGG16FER(weights="imagenet", channels=channels).fit(X, y)
    with pytest.raises(ValueError, match="got freeze='features' for torchvision's weights"):
        VGG16FER(weights="imagenet", freeze="features").fit(X, y)
    assert not hub  # nothing was downloaded for it

    path = tmp_path / "m.pth"
    path.write_bytes(b"no pickle")
    with pytest.raises(ValueError, match=r"got .*m\.pth, expected VGG16's weights as torchvision"):
        VGG16FER(weights=path).fit(X, y)
    for content in ([1, 2], torch.zeros(3)):
        torch.save(content, path)
        with pytest.raises(ValueError, match=r"m\.pth"):
            VGG16FER(weights=path).fit(X, y)
    torch.save({"layer.weight": torch.zeros(3)}, path)
    with pytest.raises(
        ValueError, match=r"without features\.0\.weight and so on, expected VGG16's"
    ):
        VGG16FER(weights=path).fit(X, y)
    torch.save({"features.0.weight": tensors["features.0.weight"]}, path)
    with pytest.raises(ValueError, match="got weights of another network"):
        VGG16FER(weights=path).fit(X, y)
    with pytest.raises(ValueError, match="'freeze' parameter of MobileNetFER"):
        ferkit.MobileNetFER(freeze="reference").fit(X, y)
