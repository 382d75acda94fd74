"""The weights that come with ferkit."""

import hashlib
import json
import os
import shutil

import numpy as np
import pytest
from sklearn.metrics import accuracy_score

import ferkit
from ferkit import LargeFER, MobileNetFER, ResNetFER, weights
from ferkit.datasets import load_fer2013, make_faces
from ferkit.inspection import HistoryDisplay

LIMITS = {MobileNetFER: (150_000, 300_000), ResNetFER: (500_000, 1_000_000)}


@pytest.fixture(scope="module")
def faces():
    return make_faces(70, random_state=0, return_X_y=True)


@pytest.mark.parametrize("estimator", LIMITS)
def test_from_pretrained(estimator, faces):
    assert "fer2013" in ferkit.available_weights()[estimator.__name__]
    clf = estimator.from_pretrained("fer2013")
    assert type(clf) is estimator
    assert clf.classes_.tolist() == list(range(7))
    assert clf.image_shape_ == (48, 48)
    assert clf.tta is not None
    assert clf.temperature != 1
    np.testing.assert_allclose(clf.predict_proba(faces[0]).sum(axis=1), 1)
    n_parameters, n_bytes = LIMITS[estimator]
    assert clf.n_parameters_ <= n_parameters
    assert weights.find_weights(estimator.__name__, "fer2013").stat().st_size <= n_bytes


def test_every_file_has_a_card_and_a_digest():
    folder = weights._FOLDER
    index = json.loads((folder / "index.json").read_text())
    files = [entry for names in index.values() for entry in names.values()]
    assert {entry["file"] for entry in files} == {p.name for p in folder.glob("*.safetensors")}
    for entry in files:
        data = (folder / entry["file"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == entry["sha256"]
        card = (folder / entry["file"]).with_suffix(".rst").read_text()
        for topic in (
            "Intended use",
            "Data",
            "Training",
            "Scores",
            "Calibration",
            "Limits",
            "Terms",
        ):
            assert f"\n{topic}\n" in card
        assert "2024/1689" in card  # the AI Act


@pytest.mark.parametrize("estimator", LIMITS)
def test_they_are_what_training_may_begin_with(estimator, faces):
    X, y = faces
    pretrained = estimator.from_pretrained("fer2013").set_params(tta=None)
    params = {"weights": "fer2013", "variant": "strided", "freeze": "features", "max_epochs": 1}
    clf = estimator(**params, random_state=0).fit(X, y % 3)
    np.testing.assert_array_equal(clf.transform(X), pretrained.transform(X))
    with pytest.raises(ValueError, match=r"got weights of another network, .*variant"):
        estimator(weights="fer2013").fit(X, y)
    with pytest.raises(ValueError, match="got weights for gray images, expected some for colour"):
        estimator(weights="fer2013", variant="strided").fit(np.stack([X] * 3, axis=3), y)


@pytest.mark.parametrize("estimator", LIMITS)
def test_a_pretrained_estimator_can_go_on(estimator, faces):
    X, y = faces
    clf = estimator.from_pretrained("fer2013")
    before = clf.predict_proba(X)
    assert (clf.partial_fit(X, y).predict_proba(X) != before).any()
    clf = estimator.from_pretrained("fer2013").set_params(
        warm_start=True, freeze="features", lr=1e-9, max_epochs=2, warmup_epochs=0
    )
    features = clf.transform(X)
    np.testing.assert_array_equal(clf.fit(X, y).transform(X), features)
    assert clf.n_iter_ == 2


def test_unknown_names(faces):
    with pytest.raises(ValueError, match=r"got 'imagenet' .* of ResNetFER, expected one of \['fer"):
        ResNetFER.from_pretrained("imagenet")
    with pytest.raises(
        ValueError, match=r"got 'fer2013' as weights of LargeFER, for which there are none"
    ):
        LargeFER.from_pretrained("fer2013")
    with pytest.raises(FileNotFoundError, match=r"got weights='fer2031', .* one of \['fer2013'\]"):
        ResNetFER(weights="fer2031").fit(*faces)


def test_a_path_is_no_name(faces, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ResNetFER(max_epochs=1, random_state=0).fit(*faces).save("fer2013")
    params = {"max_epochs": 1, "lr": 1e-30, "freeze": "features", "random_state": 0}
    assert ResNetFER(weights="./fer2013", **params).fit(*faces).transform(faces[0]).shape[1] == 64
    with pytest.raises(ValueError, match="got weights of another network"):
        ResNetFER(weights="fer2013", **params).fit(*faces)


def test_a_network_is_named_by_all_that_decides_it(faces, tmp_path):
    params = {"max_epochs": 1, "random_state": 0}
    LargeFER(width=np.int64(2), **params).fit(*faces).save(tmp_path / "wide")
    for width in (2, np.int64(2)):
        LargeFER(width=width, weights=tmp_path / "wide", **params).fit(*faces)
    for others in ({}, {"width": 2, "architecture": "resmasking"}):
        with pytest.raises(ValueError, match=r"another network, LargeFER.*'resemote', width=2"):
            LargeFER(weights=tmp_path / "wide", **others, **params).fit(*faces)


def test_classes_of_ones_own(faces):
    class Mine(ResNetFER):
        pass

    class_of_the_name = type("ResNetFER", (ResNetFER,), {"__module__": "mine"})
    Mine(variant="strided", weights="fer2013", max_epochs=1).fit(*faces)
    with pytest.raises(
        ValueError, match=r"got 'fer2013' as weights of Mine, for which there are none"
    ):
        Mine.from_pretrained("fer2013")
    with pytest.raises(ValueError, match=r"got the class mine.ResNetFER, expected ferkit's"):
        class_of_the_name.from_pretrained("fer2013")


def test_there_is_no_history():
    clf = ResNetFER.from_pretrained("fer2013")
    assert clf.n_iter_ == len(clf.history_) == 0
    with pytest.raises(ValueError, match="got a ResNetFER without history, expected one"):
        HistoryDisplay.from_estimator(clf)


def test_a_damaged_file_is_not_loaded(monkeypatch, tmp_path):
    shutil.copytree(weights._FOLDER, tmp_path / "weights")
    monkeypatch.setattr(weights, "_FOLDER", tmp_path / "weights")
    path = weights.find_weights("ResNetFER", "fer2013")
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"expected .* it is damaged or changed: install ferkit"):
        ResNetFER.from_pretrained("fer2013")


@pytest.mark.skipif("FERKIT_DATA" not in os.environ, reason="FERKIT_DATA names no real FER2013")
@pytest.mark.parametrize("estimator", LIMITS)
def test_real_faces_are_recognised_as_the_card_says(estimator):
    path = os.path.join(os.environ["FERKIT_DATA"], "fer2013.zip")
    X, y = load_fer2013(path, subset="public_test", return_X_y=True)
    clf = estimator.from_pretrained("fer2013").set_params(tta=None)
    accuracy = 100 * accuracy_score(y, clf.predict(X))
    card = weights.find_weights(estimator.__name__, "fer2013").with_suffix(".rst").read_text()
    assert f" {accuracy:.1f} [" in card
