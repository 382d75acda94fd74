"""Estimators to and from files."""

import copy
import json
import os
import stat
import struct
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import safetensors.torch
import torch

import ferkit
from ferkit import VGG16FER, LargeFER, MobileNetFER, ResNetFER, _paths, _saving, persistence
from ferkit._header import from_json
from ferkit.augment import Policy
from ferkit.datasets import make_faces
from tests.helpers import without_rights


@pytest.fixture(scope="module")
def faces():
    return make_faces(40, image_size=16, random_state=0, return_X_y=True)


@pytest.fixture(scope="module")
def fitted(faces):
    X, y = faces
    return ResNetFER(max_epochs=2, random_state=0).fit(X, y, X_val=X, y_val=y)


@pytest.fixture
def saved(fitted, tmp_path):
    path = tmp_path / "model.safetensors"
    fitted.save(path)
    return path


def test_a_tilde_is_the_home_folder(faces, tmp_path, monkeypatch):
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    params = {"max_epochs": 1, "random_state": 0}
    clf = ResNetFER(checkpoint_dir="~/checkpoints", **params).fit(*faces)
    clf.save("~/model.safetensors")
    assert {path.name for path in tmp_path.iterdir()} == {"checkpoints", "model.safetensors"}
    assert ferkit.load("~/model.safetensors").n_iter_ == 1
    ResNetFER(weights="~/model.safetensors", **params).fit(*faces)
    with pytest.raises(FileNotFoundError, match=f"got {tmp_path}"):
        ferkit.load("~/other.safetensors")


@pytest.mark.parametrize("estimator", [LargeFER, MobileNetFER, ResNetFER, VGG16FER])
def test_everything_comes_back(estimator, faces, tmp_path):
    X, y = faces
    params = {
        "max_epochs": np.int64(1),
        "lr": 0.002,
        "optimizer": "sgd",
        "class_weight": {int(label): 1.5 for label in np.unique(y)},
        "image_shape": (16, 16),
        "augment": "reference",
        "random_state": 3,
    }
    clf = estimator(**params).fit(X, y, X_val=X, y_val=y)
    clf.save(tmp_path / "m")
    loaded = ferkit.load(tmp_path / "m")
    assert type(loaded) is estimator
    assert loaded.get_params() == clf.get_params()
    for name in ("classes_", "n_features_in_", "image_shape_", "n_iter_", "n_parameters_"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(clf, name))
    pd.testing.assert_frame_equal(loaded.history_, clf.history_)
    np.testing.assert_array_equal(loaded.decision_function(X), clf.decision_function(X))
    np.testing.assert_array_equal(loaded.transform(X), clf.transform(X))
    with pytest.warns(UserWarning, match="got float64 images, expected uint8"):
        loaded.predict(X / 255)
    assert loaded.partial_fit(X, y).n_iter_ == 2


def test_numpys_numbers_in_a_policy(faces, tmp_path):
    policy = Policy(flip=np.float32(0.5), crop=np.int64(2))
    params = {"augment": policy, "max_epochs": 1, "checkpoint_dir": tmp_path}
    ResNetFER(**params).fit(*faces).save(tmp_path / "m")
    assert ferkit.load(tmp_path / "m").augment == policy


def test_numpys_numbers_in_a_history(faces, tmp_path):
    clf = ResNetFER(lr=np.float32(1e-3), channels=np.int64(3), max_epochs=1, random_state=0)
    clf.set_params(checkpoint_dir=tmp_path / "checkpoints").fit(*faces).save(tmp_path / "m")
    loaded = ferkit.load(tmp_path / "m")
    assert loaded.history_["lr"].tolist() == clf.history_["lr"].tolist()
    np.testing.assert_array_equal(loaded.predict(faces[0]), clf.predict(faces[0]))


def test_the_same_model_is_the_same_file(fitted, tmp_path):
    for number in range(5):
        fitted.save(tmp_path / str(number))
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1


def test_colour_images_and_feature_names(tmp_path):
    rng = np.random.default_rng(0)
    y = np.arange(10) % 2
    colour = rng.integers(0, 256, (10, 8, 8, 3), np.uint8)
    frame = pd.DataFrame(rng.integers(0, 256, (10, 9))).add_prefix("p")
    for X in (colour, frame):
        clf = ResNetFER(max_epochs=1, random_state=0).fit(X, y)
        clf.save(tmp_path / "m")
        loaded = ferkit.load(tmp_path / "m")
        np.testing.assert_array_equal(loaded.decision_function(X), clf.decision_function(X))
    np.testing.assert_array_equal(loaded.feature_names_in_, clf.feature_names_in_)


@pytest.mark.parametrize("estimator", [MobileNetFER, ResNetFER])
def test_half_precision(estimator, faces, tmp_path):
    X, y = faces
    clf = estimator(variant="strided", max_epochs=2, random_state=0).fit(X, y)
    clf.save(tmp_path / "whole")
    clf.save(tmp_path / "half", dtype="float16")
    sizes = [(tmp_path / name).stat().st_size for name in ("whole", "half")]
    assert sizes[1] < 0.6 * sizes[0]
    loaded = ferkit.load(tmp_path / "half")
    assert {tensor.dtype for tensor in loaded.module_.parameters()} == {torch.float32}
    assert (loaded.decision_function(X) != clf.decision_function(X)).any()
    np.testing.assert_allclose(loaded.predict_proba(X), clf.predict_proba(X), atol=0.01)
    begun = estimator(
        variant="strided", weights=tmp_path / "half", freeze="features", max_epochs=1, lr=1e-30
    )
    np.testing.assert_array_equal(begun.fit(X, y).predict(X), loaded.predict(X))


def test_half_precision_may_not_be_enough(fitted, tmp_path):
    with pytest.raises(ValueError, match="got dtype='int8', expected 'float32' or 'float16'"):
        fitted.save(tmp_path / "m", dtype="int8")
    large = copy.deepcopy(fitted)
    large.module_.classifier.bias.data[0] = 1e5
    with pytest.raises(ValueError, match=r"got classifier.bias with values up to 1e\+05, expected"):
        large.save(tmp_path / "m", dtype="float16")
    assert not list(tmp_path.iterdir())


def test_what_was_fitted_is_saved_not_what_was_set_since(faces, tmp_path):
    clf = ResNetFER(max_epochs=1, class_weight="balanced", random_state=0).fit(*faces)
    weight = clf.net_.criterion_.weight
    clf.set_params(channels=3, class_weight=None).save(tmp_path / "m")
    loaded = ferkit.load(tmp_path / "m")
    np.testing.assert_array_equal(
        loaded.decision_function(faces[0]), clf.decision_function(faces[0])
    )
    assert loaded.net_.criterion_.weight.equal(weight)
    with pytest.raises(ValueError, match="max_epochs"):
        clf.set_params(max_epochs=0).save(tmp_path / "m")


@pytest.mark.parametrize("params", [{"variant": "strided"}, {"augment": "bogus"}])
def test_parameters_that_load_would_refuse(params, saved, faces):
    before, clf = saved.read_bytes(), ferkit.load(saved)
    with pytest.raises(
        ValueError, match=r"could not be loaded \(.*; if parameters were set since, set the"
    ):
        clf.set_params(**params).save(saved)
    assert saved.read_bytes() == before


def test_soft_targets_come_back_to_the_bit(faces, tmp_path):
    X, y = faces
    votes = np.random.default_rng(0).dirichlet(np.ones(7), len(y)) + 2 * np.eye(7)[y]
    votes = (votes / 3).astype(np.float32)
    clf = ResNetFER(max_epochs=1, logit_adjustment=1, random_state=0)
    clf.fit(X, y, soft_targets=votes)
    for _ in range(2):
        clf.save(tmp_path / "m")
        loaded = ferkit.load(tmp_path / "m")
        assert loaded.class_count_.dtype == clf.class_count_.dtype
        np.testing.assert_array_equal(loaded.decision_function(X), clf.decision_function(X))
        clf.partial_fit(X, y)


@pytest.mark.parametrize("estimator", [MobileNetFER, ResNetFER])
def test_the_module_gives_what_is_predicted(estimator, faces, tmp_path):
    X, y = faces
    clf = estimator(variant="strided", max_epochs=1, ema_decay=0.9, random_state=0).fit(X, y)
    clf.save(tmp_path / "m")
    x = torch.from_numpy(X[:, None]) / 127.5 - 1
    for step in (lambda: clf, lambda: ferkit.load(tmp_path / "m"), lambda: clf.partial_fit(X, y)):
        fresh = step()
        with torch.no_grad():
            logits = fresh.module_(x)  # before anything was predicted
        np.testing.assert_allclose(logits, fresh.decision_function(X), atol=1e-4)


def test_unfitted(tmp_path):
    with pytest.raises(ValueError, match="not fitted"):
        ResNetFER().save(tmp_path / "m")
    assert not os.listdir(tmp_path)


def test_parameters_that_a_file_cannot_hold(fitted, faces, tmp_path):
    clf = ResNetFER(max_epochs=1, random_state=np.random.RandomState(0)).fit(*faces)
    with pytest.raises(ValueError, match=r"got random_state=RandomState.*set_params\(random_state"):
        clf.save(tmp_path / "m")
    clf.set_params(random_state=None).save(tmp_path / "m")


def test_missing_folder(fitted, tmp_path):
    with pytest.raises(FileNotFoundError, match="expected a file in a folder that exists"):
        fitted.save(tmp_path / "no" / "m")
    with pytest.raises(FileNotFoundError, match="there is none"):
        ferkit.load(tmp_path / "m")


def test_a_file_that_may_not_be_read(fitted):
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are closed to others
        os.chmod(folder, 0o755)
        path = Path(folder) / "closed"
        fitted.save(path)
        path.chmod(0)
        with without_rights(), pytest.raises(PermissionError, match="closed"):
            ferkit.load(path)


def test_names_of_onnx_files_are_refused(fitted, tmp_path):
    with pytest.raises(
        ValueError, match=r"faces.onnx, expected .*faces.safetensors; ONNX files are"
    ):
        fitted.save(tmp_path / "faces.onnx")
    assert not list(tmp_path.iterdir())


def test_a_read_file_may_be_changed(saved):
    tensors, _ = persistence.read(saved)
    before = {name: tensor.clone() for name, tensor in tensors.items()}
    with open(saved, "r+b") as file:
        file.write(bytes(saved.stat().st_size))
    assert all(torch.equal(tensors[name], tensor) for name, tensor in before.items())


def test_a_write_that_fails_leaves_the_older_file(saved, fitted, monkeypatch):
    before = saved.read_bytes()

    def full_disk(descriptor):
        raise OSError("No space left on device")

    monkeypatch.setattr(_paths.os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        fitted.save(saved)
    assert saved.read_bytes() == before
    assert os.listdir(saved.parent) == [saved.name]


def test_files_are_as_readable_as_others(saved):
    other = saved.with_name("other")
    other.touch()
    assert stat.S_IMODE(saved.stat().st_mode) == stat.S_IMODE(other.stat().st_mode)


def read_header(path):
    """Return a file's data, the length of its header, and that: safetensors' and ferkit's JSON."""
    data = path.read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    outer = json.loads(data[8 : 8 + size])
    return data, size, outer, json.loads(outer["__metadata__"]["ferkit"])


def edit_header(path, **changes):
    """Rewrite a file's JSON header, with its checksum; None drops a key."""
    data, size, outer, inner = read_header(path)
    inner.pop("crc32")
    inner = {**inner, **changes}
    inner = {key: value for key, value in inner.items() if changes.get(key, 0) is not None}
    inner["crc32"] = persistence.checksum(json.dumps(inner), safetensors.torch.load(data))
    outer["__metadata__"] = {"ferkit": json.dumps(inner)}
    header = json.dumps(outer).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + data[8 + size :])


def edit_text(path, old, new):
    """Replace a part of a file's header."""
    data, size, *_ = read_header(path)
    header = data[8 : 8 + size].replace(old.encode(), new.encode())
    path.write_bytes(struct.pack("<Q", len(header)) + header + data[8 + size :])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"class": "os.system"}, "its class is 'os.system', expected one of LargeFER"),
        ({"class": "MobileNetFER"}, "damaged"),
        ({"classes": ["<i8", [0, 1]]}, "damaged"),
        ({"classes": None}, "damaged"),
        ({"params": {"lr": -1, "no_such": 2}}, "damaged"),
        (
            {"params": {"checkpoint_dir": "/etc"}},
            "it has one of callbacks, checkpoint_dir, sampler",
        ),
        ({"classes": ["<i8", [0, 1, 2, 3, 4, 5, 5]]}, "its classes are"),
        ({"classes": ["<i8,<i8", [0, 1]]}, "its classes are of dtype"),
        ({"classes": ["|O", [0, 1, 2, 3, 4, 5, 6]]}, "its classes are"),
        ({"classes": ["|u1", [0, 1, 2, 3, 4, 5, 256]]}, "damaged"),
        ({"classes": ["<i8", [0, 1, 2, 3, 4, 5, 1e308]]}, r"its classes are \[0, 1, .*1e\+308"),
        ({"image_shape": [16, -16]}, r"its image_shape is \[16, -16\]"),
        ({"image_shape": "ab"}, "its image_shape is 'ab'"),
        ({"image_shape": ["a", 10**9], "feature_names_in": ["a"]}, r"its image_shape is \['a', 10"),
        ({"n_features_in": 255}, "its n_features_in is 255"),
        ({"n_features_in": 256.0}, "its n_features_in is 256.0"),
        ({"feature_names_in": ["a"]}, "its feature_names_in is"),
        ({"feature_names_in": "a" * 256}, "its feature_names_in is"),
        ({"dtype": "float64"}, "its dtype is 'float64'"),
        ({"in_channels": 10**6}, "its in_channels is 1000000"),
        ({"seed": -1}, "its seed is -1"),
        ({"split_seed": "x"}, "its split_seed is 'x'"),
        ({"class_count": [1, 2]}, "its class_count is"),
        ({"class_count": [1, 2, 1e308, 4, 5, 6, 7]}, "its class_count is"),
        ({"class_weight": [-1] * 7}, "its class_weight is"),
        ({"best_epoch": "x"}, "its best_epoch is 'x'"),
        ({"began_with": 1}, "its began_with is 1"),
        ({"began_with": "home/a"}, "its began_with is 'home/a'"),
        ({"history": [{"valid_f1": 3}]}, "its history is"),
        ({"history": [{"train_loss": float("nan")}]}, "its header has the value NaN"),
        ({"format": 99}, "of model format 99, expected 1; use the release of ferkit"),
        ({"format": None}, "of another kind or damaged"),
    ],
)
def test_files_with_another_header(changes, message, saved):
    edit_header(saved, **changes)
    with pytest.raises(ValueError, match=message):
        ferkit.load(saved)


@pytest.mark.parametrize("keep", [0, 5, 100, -1])
def test_truncated_files(keep, saved):
    saved.write_bytes(saved.read_bytes()[:keep])
    with pytest.raises(ValueError, match="of another kind or damaged"):
        ferkit.load(saved)


@pytest.mark.parametrize(
    ("name", "advice"),
    [("a.onnx", "ferkit.deploy.OnnxFER"), ("a.pkl", "pickle.load"), ("a.joblib", "joblib.load")],
)
def test_files_of_another_kind(name, advice, tmp_path):
    (tmp_path / name).write_bytes(b"\x80\x04" * 50)
    with pytest.raises(ValueError, match=f"of another kind or damaged.*{advice}"):
        ferkit.load(tmp_path / name)


def test_a_flipped_bit(saved):
    content = bytearray(saved.read_bytes())
    content[-9] ^= 1
    saved.write_bytes(content)
    with pytest.raises(ValueError, match="its checksum differs"):
        ferkit.load(saved)


def test_json_of_a_hundred_thousand_brackets(saved):
    edit_header(saved, seed="here")
    edit_text(saved, '\\"here\\"', "[" * 100_000 + "]" * 100_000)
    with pytest.raises(ValueError, match="RecursionError"):
        ferkit.load(saved)


def test_dicts_within_dicts_end_somewhere():
    value = 1
    for _ in range(3):
        value = {"dict": [["key", value]]}
    assert from_json(value) == {"key": {"key": {"key": 1}}}
    for deeper in ({"dict": [["key", value]]}, {"dict": [[[[["key"]]], 1]]}):
        with pytest.raises(ValueError, match="parts within parts"):
            from_json(deeper)


def test_text_that_claims_gigabytes(faces, tmp_path):
    X, y = faces
    clf = ResNetFER(max_epochs=1).fit(X, np.array(ferkit.EMOTIONS)[y])
    clf.save(tmp_path / "m")
    edit_header(tmp_path / "m", classes=["<U999999999", clf.classes_.tolist()])
    assert ferkit.load(tmp_path / "m").classes_.dtype == clf.classes_.dtype


@pytest.mark.parametrize("read", [ferkit.load, _saving.load_weights])
def test_weights_that_are_not_finite(read, saved):
    saved.write_bytes(saved.read_bytes()[:-4] + np.float32(np.nan).tobytes())
    edit_header(saved)
    with pytest.raises(ValueError, match=r"its .*weight is not finite"):
        read(saved)


def test_weights_of_a_file_without_classes(saved):
    edit_header(saved, classes=None)
    with pytest.raises(ValueError, match="expected a ferkit model file; it is damaged"):
        _saving.load_weights(saved)


def test_foreign_files(tmp_path):
    from safetensors.numpy import save_file

    save_file({"a": np.zeros(3)}, tmp_path / "m")
    with pytest.raises(ValueError, match="of another kind or damaged"):
        ferkit.load(tmp_path / "m")


def test_a_file_cannot_ask_for_more_memory_than_it_fills(faces, tmp_path):
    path = tmp_path / "large"
    LargeFER(max_epochs=1, random_state=0).fit(*faces).save(path)
    params = read_header(path)[-1]["params"]
    edit_header(path, params={**params, "width": 10_000})  # half a petabyte
    with pytest.raises(ValueError, match=r"it has [0-9,]+ values for a network of [0-9,]{18,}"):
        ferkit.load(path)


def test_a_model_of_another_device_loads_where_that_is_missing(saved, faces):
    expected = ferkit.load(saved).decision_function(faces[0])
    params = read_header(saved)[-1]["params"]
    edit_header(saved, params={**params, "device": "cuda:7"})
    with pytest.warns(UserWarning, match="of device='cuda:7', expected one that is here"):
        clf = ferkit.load(saved)
    np.testing.assert_array_equal(clf.decision_function(faces[0]), expected)
