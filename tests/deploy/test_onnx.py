"""ONNX files compute what the estimator does, and say what they are."""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
import torch
from sklearn import config_context
from sklearn.base import clone, is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.validation import check_is_fitted
from torch import nn
from torch.torch_version import TorchVersion

import ferkit
from ferkit import EMOTIONS, VGG16FER, BaseFER, LargeFER, MobileNetFER, ResNetFER
from ferkit.datasets import make_faces
from ferkit.deploy import OnnxFER, export_onnx
from ferkit.deploy._quantize import quantize_int8
from tests.helpers import LinearFER

ESTIMATORS = {
    "mobilenet": MobileNetFER(),
    "mobilenet-strided": MobileNetFER(variant="strided", tta="flip"),
    "resnet": ResNetFER(tta="ten"),
    "resnet-strided": ResNetFER(variant="strided", channels=3, tta="tilt"),
    "resemote": LargeFER(),
    "resmasking": LargeFER(architecture="resmasking"),
    "efficientnetv2": LargeFER(architecture="efficientnetv2"),
    "vgg16": VGG16FER(),
}


@pytest.fixture(scope="module")
def faces():
    return make_faces(500, random_state=0, return_X_y=True)


@pytest.fixture(scope="module")
def trained(faces):
    """An estimator that tells drawn faces apart, with all that acts at prediction."""
    clf = ResNetFER(max_epochs=10, random_state=0, tta="flip")
    return clf.fit(*faces).set_params(temperature=1.3, logit_adjustment=0.4)


@pytest.fixture(scope="module")
def file(trained, tmp_path_factory):
    path = tmp_path_factory.mktemp("onnx") / "faces.onnx"
    export_onnx(trained, path, card="A card.")
    return path


def test_a_file_tells_nothing_of_the_machine(file):
    assert os.fsencode(Path(ferkit.__file__).parent) not in file.read_bytes()


def test_all_ways_to_run_a_model_agree(trained, file, faces, tmp_path):
    X, _ = faces
    expected = trained.predict_proba(X)
    assert set(expected.argmax(axis=1)) == set(range(7))  # else agreeing would be easy
    trained.save(tmp_path / "faces.safetensors")
    reloaded = ferkit.load(tmp_path / "faces.safetensors")
    np.testing.assert_allclose(reloaded.predict_proba(X), expected, atol=1e-5)
    by_file = OnnxFER(file)
    np.testing.assert_allclose(by_file.predict_proba(X), expected, atol=1e-5)
    np.testing.assert_array_equal(by_file.predict(X), trained.predict(X))
    np.testing.assert_allclose(by_file.transform(X), trained.transform(X), rtol=1e-4, atol=1e-4)
    by_hand = onnxruntime.InferenceSession(file)
    probabilities, embedding = by_hand.run(None, {"images": X})
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)
    assert embedding.shape == (500, 64)
    (one,) = by_hand.run(["probabilities"], {"images": X[:1]})
    np.testing.assert_allclose(one, expected[:1], atol=1e-5)
    labels = json.loads(by_hand.get_modelmeta().custom_metadata_map["labels"])
    assert labels == list(EMOTIONS)


def test_names_of_columns(tmp_path):
    X, y = make_faces(14, image_size=16, random_state=0, return_X_y=True)
    columns = pd.DataFrame(X.reshape(len(X), -1)).rename(columns=str)
    clf = MobileNetFER(variant="strided", max_epochs=1, random_state=0).fit(columns, y)
    export_onnx(clf, tmp_path / "a.onnx")
    by_file = OnnxFER(tmp_path / "a.onnx")
    assert by_file.feature_names_in_.tolist() == columns.columns.tolist()
    np.testing.assert_allclose(by_file.predict_proba(columns), clf.predict_proba(X), atol=1e-5)
    with pytest.raises(ValueError, match="feature names should match"):
        by_file.predict(columns[columns.columns[::-1]])


@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_network(name, tmp_path):
    X, y = make_faces(14, random_state=0, return_X_y=True)
    clf = clone(ESTIMATORS[name]).set_params(max_epochs=1, random_state=0, batch_size=14)
    clf.fit(X, y)
    export_onnx(clf, tmp_path / "a.onnx")  # compares
    by_file = OnnxFER(tmp_path / "a.onnx")
    np.testing.assert_allclose(by_file.predict_proba(X), clf.predict_proba(X), atol=1e-5)
    np.testing.assert_allclose(by_file.transform(X), clf.transform(X), rtol=1e-3, atol=1e-4)
    kinds = [node.op_type for node in onnx.load(tmp_path / "a.onnx").graph.node]
    assert "BatchNormalization" not in kinds or name == "vgg16"  # its come after no convolution
    assert kinds.count("Conv") == sum(isinstance(m, nn.Conv2d) for m in clf.module_.modules())


def test_colour_floats_and_other_sizes(tmp_path):
    X, y = make_faces(28, image_size=32, random_state=0, return_X_y=True)
    X = np.repeat(X[..., None], 3, axis=3)[:, :, :30] / np.float32(255)
    names = np.array(EMOTIONS)[y]
    clf = MobileNetFER(max_epochs=1, random_state=0).fit(X, names)
    export_onnx(clf, tmp_path / "a.onnx")
    by_file = OnnxFER(tmp_path / "a.onnx")
    assert by_file.image_shape_ == (32, 30, 3)
    np.testing.assert_allclose(by_file.predict_proba(X), clf.predict_proba(X), atol=1e-5)
    assert by_file.classes_.tolist() == sorted(EMOTIONS)
    assert by_file.metadata_["labels"] == sorted(EMOTIONS)
    with pytest.warns(UserWarning, match="got uint8 images, expected float32"):
        levels = by_file.predict_proba((X * 255).round().astype(np.uint8))
    np.testing.assert_allclose(levels, clf.predict_proba(X), atol=1e-5)


class PlainFER(BaseFER):
    """A network without an embedding."""

    def _make_module(self, in_channels, n_classes):
        return nn.Sequential(nn.Flatten(), nn.Linear(in_channels * 256, n_classes))


def test_a_network_without_embedding(tmp_path):
    X, y = make_faces(14, image_size=16, random_state=0, return_X_y=True)
    clf = PlainFER(max_epochs=1, random_state=0).fit(X, y)
    export_onnx(clf, tmp_path / "a.onnx")
    by_file = OnnxFER(tmp_path / "a.onnx")
    np.testing.assert_allclose(by_file.predict_proba(X), clf.predict_proba(X), atol=1e-5)
    for ask in (lambda: by_file.transform(X), by_file.get_feature_names_out):
        with pytest.raises(AttributeError, match="whose network has no embedding"):
            ask()


def test_it_is_a_scikit_learn_classifier(file, faces, trained, tmp_path):
    X, y = faces
    clf = OnnxFER(file, n_threads=2)
    check_is_fitted(clf)
    assert is_classifier(clf)
    assert clf.n_features_in_ == 48 * 48
    assert clf.score(X, y) == accuracy_score(y, trained.predict(X))
    assert clf.fit(X, y) is clf
    rows = X.reshape(len(X), -1)
    np.testing.assert_array_equal(clf.predict(rows), clf.predict(X))
    flipped = make_pipeline(FunctionTransformer(lambda X: X[:, :, ::-1]), clf)
    np.testing.assert_array_equal(flipped.predict(X), clf.predict(X[:, :, ::-1]))
    assert clf.get_feature_names_out()[0] == "onnxfer0"
    again = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(again.predict_proba(X), clf.predict_proba(X))
    assert clone(clf).get_params() == {"path": file, "n_threads": 2}
    with (
        pytest.warns(UserWarning, match="got float32 images, expected uint8"),
        pytest.raises(ValueError, match=r"got floats, expected the uint8 levels .* in \[0, 1\]"),
    ):
        clf.predict(X / np.float32(255))
    with pytest.raises(ValueError, match=r"got images of shape \(16, 16\)"):
        clf.predict(np.zeros((2, 16, 16), np.uint8))


def test_it_says_what_it_is(file, trained):
    metadata = OnnxFER(file).metadata_
    assert metadata["estimator"] == "ResNetFER"
    assert metadata["n_parameters"] == trained.n_parameters_
    assert (metadata["tta"], metadata["temperature"]) == ("flip", 1.3)
    (card,) = (p.value for p in onnx.load(file).metadata_props if p.key == "model_card")
    assert card == "A card."
    onnx.checker.check_model(onnx.load(file))


def test_it_gives_the_containers_that_scikit_learn_asks_for(file, faces):
    X = faces[0][:3]
    clf = OnnxFER(file).set_output(transform="pandas")
    frame = clf.transform(X)
    assert frame.columns.tolist() == clf.get_feature_names_out().tolist()
    np.testing.assert_array_equal(frame.to_numpy(), OnnxFER(file).transform(X))
    rows = pd.DataFrame(X.reshape(3, -1), index=["a", "b", "c"])
    assert clone(clf).fit_transform(rows).index.tolist() == ["a", "b", "c"]
    with config_context(transform_output="pandas"):
        assert isinstance(OnnxFER(file).transform(X), pd.DataFrame)
        assert isinstance(clf.set_output(transform="default").transform(X), np.ndarray)
    names = make_union(clf, clf).set_output(transform="pandas").transform(X).columns
    assert names[0] == "onnxfer-1__onnxfer0"


def test_it_works_within_scikit_learns_estimators(file, faces):
    X, y = faces
    clf = OnnxFER(file)
    assert "n_threads=1" in repr(make_pipeline(clf))
    sure = CalibratedClassifierCV(FrozenEstimator(clf), method="temperature").fit(X, y)
    np.testing.assert_array_equal(sure.predict(X), clf.predict(X))
    vote = VotingClassifier([("a", clf), ("b", clf)], voting="soft").fit(X, y)
    np.testing.assert_allclose(vote.predict_proba(X), clf.predict_proba(X), atol=1e-7)
    search = GridSearchCV(clf, {"n_threads": [1, 2]}, cv=2).fit(X, y)
    assert search.best_score_ == pytest.approx(clf.score(X, y), abs=0.01)
    weights = np.arange(len(y))
    hits = clf.predict(X) == y
    assert clf.score(X, y, sample_weight=weights) == np.average(hits, weights=weights)
    with config_context(enable_metadata_routing=True):
        pipeline = make_pipeline(FunctionTransformer(), clf).fit(X, y)
        assert pipeline.score(X, y) == clf.score(X, y)
        weighted = clf.score(X, y, sample_weight=weights)
        assert pipeline.score(X, y, sample_weight=weights) == weighted
    with pytest.raises(ValueError, match="pass strings where classes_ has strings"):
        clf.score(X, y.astype(str))
    with pytest.raises(ValueError, match="got parameter 'threads' of OnnxFER, expected one"):
        clf.set_params(threads=2)


def test_it_needs_neither_torch_nor_scikit_learn(file):
    code = (
        "import sys, numpy as np; from ferkit.deploy import OnnxFER; X = np.zeros((3, 48, 48), "
        f"np.uint8); clf = OnnxFER({str(file)!r}); clf.predict(X); clf.transform(X); repr(clf); "
        "print({'torch', 'skorch', 'onnx', 'cv2', 'matplotlib', 'sklearn', 'scipy', 'pandas'} "
        "& set(sys.modules)); sys.modules['sklearn'] = None\n"
        "try: clf.predict(X / 255)\n"
        "except ImportError as error: print(error)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules, message = run.stdout.splitlines()
    assert modules == "set()"
    assert message == (
        "got no sklearn, expected it for checking X of dtype float64 and shape (3, 48, 48); "
        "install scikit-learn, or give uint8 images (n, 48, 48)"
    )


def test_threads_may_import_scikit_learn_meanwhile(file):
    code = f"""
import threading, numpy as np
from ferkit.deploy import OnnxFER
clf, X = OnnxFER({str(file)!r}), np.zeros((3, 48, 48), np.uint8)
clf.predict(X)
done = threading.Event()
def transform():
    while not done.is_set():
        clf.transform(X)
def check():
    try:
        clf.predict(X.reshape(3, -1))
    finally:
        done.set()
threads = [threading.Thread(target=target) for target in (transform, transform, check)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    assert run.stderr == ""


def test_what_is_checked(file):
    clf = OnnxFER(file)
    X = np.random.default_rng(0).integers(0, 256, (4, 48, 48), np.uint8)
    expected = clf.predict_proba(X)
    memory = np.memmap(file.with_suffix(".images"), np.uint8, "w+", shape=X.shape)
    memory[:] = X
    for given in (X[::-1][::-1], np.asfortranarray(X), memory, X[..., None], X.astype(int)):
        np.testing.assert_array_equal(clf.predict_proba(given), expected)
    with pytest.raises(ValueError, match="0 sample"):
        clf.predict_proba(X[:0])


def test_eight_bits(trained, file, faces, tmp_path):
    X, y = faces
    path = tmp_path / "small.onnx"
    split = {"calibration": X[:200], "X_val": X[200:], "y_val": y[200:]}
    # an image is worth .003 here
    export_onnx(trained, path, quantize="int8", max_f1_drop=0.02, **split)
    assert path.stat().st_size < file.stat().st_size / 3
    metadata = OnnxFER(path).metadata_
    assert metadata["quantize"] == "int8"
    assert metadata["n_scored"] == 300
    assert metadata["f1_macro_before"] - metadata["f1_macro"] <= 0.02
    agree = OnnxFER(path).predict(X) == trained.predict(X)
    assert agree.mean() > 0.97
    kinds = [node.op_type for node in onnx.load(path).graph.node]
    assert kinds.count("Relu") == 1  # after the first convolution; rounding does the others


def test_eight_bits_that_cost_too_much(trained, faces, tmp_path, monkeypatch):
    X, y = faces
    path = tmp_path / "small.onnx"
    split = {"calibration": X[:100], "X_val": X[100:], "y_val": y[100:]}

    def with_dark_images(model, images):  # ranges that no other image keeps to
        return quantize_int8(model, np.zeros_like(images))

    monkeypatch.setattr("ferkit.deploy._export.quantize_int8", with_dark_images)
    with pytest.raises(ValueError, match=r"got a macro-F1 of 0\.\d+ in 8 bits and 0\.\d+ before"):
        export_onnx(trained, path, quantize="int8", **split)
    assert list(tmp_path.iterdir()) == []
    export_onnx(trained, path, quantize="int8", max_f1_drop=None, **split)
    metadata = OnnxFER(path).metadata_
    assert metadata["f1_macro"] < metadata["f1_macro_before"] - 0.005


def test_a_file_that_computes_something_else(trained, tmp_path, monkeypatch):
    ramp = np.arange(7, dtype=np.float32)
    monkeypatch.setattr("ferkit.deploy._inference.logit_offset", lambda *_: ramp)
    with pytest.raises(RuntimeError, match="differ by"):
        export_onnx(trained, tmp_path / "a.onnx")
    assert list(tmp_path.iterdir()) == []


def test_an_estimator_that_gives_tables(faces, tmp_path):
    clf = ResNetFER(max_epochs=1, random_state=0).fit(*faces).set_output(transform="pandas")
    export_onnx(clf, tmp_path / "a.onnx")
    table = clf.transform(faces[0])
    np.testing.assert_allclose(OnnxFER(tmp_path / "a.onnx").transform(faces[0]), table, atol=1e-4)


def test_a_file_whose_embedding_is_another(faces, tmp_path):
    X, y = faces
    clf = LinearFER(max_epochs=1, random_state=0).fit(X, y)
    clf.module_.embedding_size = 3
    clf.module_.embed = lambda x: x.flatten(1)[:, :3] * (1 + torch.compiler.is_exporting())
    with pytest.raises(RuntimeError, match="got embedding from the file that differ by"):
        export_onnx(clf, tmp_path / "a.onnx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"quantize": "int4"}, "'quantize' parameter"),
        ({"quantize": "int8"}, "without all of calibration, X_val and y_val"),
        ({"X_val": np.zeros((1, 48, 48), "u1")}, "without quantize"),
        ({"max_f1_drop": -1}, "'max_f1_drop' parameter"),
    ],
)
def test_bad_arguments(trained, tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        export_onnx(trained, tmp_path / "a.onnx", **arguments)


def test_a_class_without_validation_images(trained, faces, tmp_path):
    X, y = faces
    some = trained.predict(X) == y  # no mistake before
    keep = some & (y != 1)
    X_val, y_val = X[keep][40:], y[keep][40:]
    split = {"calibration": X[keep][:40], "X_val": X_val, "y_val": y_val}
    export_onnx(trained, tmp_path / "a.onnx", quantize="int8", max_f1_drop=None, **split)
    metadata = OnnxFER(tmp_path / "a.onnx").metadata_
    assert metadata["f1_macro_before"] == 1
    expected = f1_score(
        y_val, OnnxFER(tmp_path / "a.onnx").predict(X_val), labels=np.unique(y_val), average="macro"
    )
    assert metadata["f1_macro"] == pytest.approx(expected)


class BranchingNet(nn.Module):
    """Does another thing to bright images than to dark ones."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(256, 7)

    def forward(self, x):
        logits = self.linear(x.flatten(1))
        return logits * 2 if x.mean() > 0 else logits


class BranchingFER(BaseFER):
    """An estimator of it."""

    def _make_module(self, in_channels, n_classes):
        return BranchingNet()


def test_what_onnx_cannot_say(tmp_path):
    X, y = make_faces(14, image_size=16, random_state=0, return_X_y=True)
    clf = BranchingFER(max_epochs=1, random_state=0).fit(X, y)
    with pytest.raises(RuntimeError, match=r"got a BranchingNet that torch.onnx.export cannot"):
        export_onnx(clf, tmp_path / "a.onnx")
    assert list(tmp_path.iterdir()) == []


def test_an_older_torch(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(torch, "__version__", TorchVersion("2.9.1+cpu"))
    with pytest.raises(ImportError, match=r"got torch 2.9.1\+cpu, expected 2.10 or newer"):
        export_onnx(trained, tmp_path / "a.onnx")
    monkeypatch.setattr(torch, "__version__", TorchVersion("2.10.0"))
    export_onnx(trained, tmp_path / "a.onnx")


def test_what_is_no_estimator(trained, file, tmp_path):
    with pytest.raises(ValueError, match=r"pass pipe\[-1\]; the file lacks the other steps"):
        export_onnx(make_pipeline(trained), tmp_path / "a.onnx")
    for estimator in (OnnxFER(file), "mobilenet"):
        with pytest.raises(ValueError, match=r"got a \w+, expected a fitted ferkit estimator"):
            export_onnx(estimator, tmp_path / "a.onnx")


@pytest.mark.parametrize("name", ["calibration", "X_val"])
def test_images_of_another_dtype(trained, faces, tmp_path, name):
    X, y = faces
    split = {"calibration": X[:9], "X_val": X[9:20], "y_val": y[9:20]}
    split[name] = split[name] / np.float32(255)
    with (
        pytest.warns(UserWarning, match="got float32 images"),
        pytest.raises(ValueError, match=f"got float32 images as {name}, expected uint8"),
    ):
        export_onnx(trained, tmp_path / "a.onnx", quantize="int8", **split)


def test_an_image_on_both_sides(trained, faces, tmp_path):
    X, y = faces
    split = {"calibration": X[:10], "X_val": X[9:20], "y_val": y[9:20]}
    with pytest.raises(ValueError, match="got an image in both calibration and X_val"):
        export_onnx(trained, tmp_path / "a.onnx", quantize="int8", **split)


def test_a_tilde_is_the_home_folder(trained, faces, tmp_path, monkeypatch):
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    export_onnx(trained, "~/a.onnx")
    assert (tmp_path / "a.onnx").exists()
    assert len(OnnxFER("~/a.onnx").predict(faces[0][:2])) == 2


def test_bad_places_and_files(trained, tmp_path):
    with pytest.raises(FileNotFoundError, match="expected a file in a folder that exists"):
        export_onnx(trained, tmp_path / "none" / "a.onnx")
    with pytest.raises(FileNotFoundError, match="expected an ONNX file; there is none"):
        OnnxFER(tmp_path / "a.onnx").predict(np.zeros((1, 48, 48), np.uint8))
    (tmp_path / "a.onnx").write_text("not a model")
    with pytest.raises(ValueError, match=r"expected a file by ferkit.deploy.export_onnx"):
        _ = OnnxFER(tmp_path / "a.onnx").classes_
    node = onnx.helper.make_node("Identity", ["a"], ["b"])
    a, b = (onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, [1]) for n in "ab")
    opset = [onnx.helper.make_opsetid("", 18)]
    foreign = onnx.helper.make_model(
        onnx.helper.make_graph([node], "g", [a], [b]), opset_imports=opset, ir_version=9
    )
    onnx.save(foreign, tmp_path / "a.onnx")
    with pytest.raises(ValueError, match="it lacks ferkit's metadata"):
        _ = OnnxFER(tmp_path / "a.onnx").classes_


@pytest.mark.parametrize("n_threads", ["a", -1, None])
def test_bad_threads(file, n_threads):
    with pytest.raises(ValueError, match=f"got n_threads={n_threads!r}, expected an integer"):
        OnnxFER(file, n_threads=n_threads).predict(np.zeros((1, 48, 48), np.uint8))


def test_a_newer_format(file, tmp_path):
    model = onnx.load(file)
    (text,) = (p for p in model.metadata_props if p.key == "ferkit")
    text.value = json.dumps({**json.loads(text.value), "format": 99})
    onnx.save(model, tmp_path / "a.onnx")
    with pytest.raises(ValueError, match="its format is 99, not 1"):
        _ = OnnxFER(tmp_path / "a.onnx").classes_


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image_shape": [48, -48]}, r"its image_shape is \[48, -48\]"),
        ({"image_shape": ["a", 10**9], "feature_names_in": ["a"]}, r"its image_shape is \['a', 10"),
        ({"image_shape": [24, 96]}, "its inputs are"),
        ({"dtype": "float32"}, "its inputs are"),
        ({"dtype": "float64"}, "its dtype is 'float64'"),
        ({"classes": ["<i8", [0, 1]]}, "its outputs are"),
        ({"classes": ["<i8", 2**70]}, "it lacks ferkit's metadata"),
    ],
)
def test_metadata_of_another_network(changes, message, file, tmp_path):
    model = onnx.load(file)
    (text,) = (p for p in model.metadata_props if p.key == "ferkit")
    text.value = json.dumps({**json.loads(text.value), **changes})
    onnx.save(model, tmp_path / "a.onnx")
    with pytest.raises(ValueError, match=message):
        _ = OnnxFER(tmp_path / "a.onnx").classes_


def test_weights_from_another_file(file, tmp_path):
    model = onnx.load(file)
    onnx.save(model, tmp_path / "a.onnx", save_as_external_data=True, location="other")
    assert (tmp_path / "other").exists()
    with pytest.raises(ValueError, match=r"a.onnx, expected a file by ferkit.deploy.export_onnx"):
        _ = OnnxFER(tmp_path / "a.onnx").classes_


def test_a_network_that_cannot_run(file, tmp_path):
    model = onnx.load(file)
    model.graph.node[-1].input[0] = "nothing"
    onnx.save(model, tmp_path / "a.onnx")
    with pytest.raises(ValueError, match=r"a.onnx, expected a file by ferkit.deploy.export_onnx"):
        OnnxFER(tmp_path / "a.onnx").predict(np.zeros((1, 48, 48), np.uint8))


def test_a_missing_package(trained, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ImportError, match=r'pip install "ferkit\[onnx\]"'):
        export_onnx(trained, tmp_path / "a.onnx")
