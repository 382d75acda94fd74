"""Files of the present format load, and predict what they predicted when they were written.

Their larger weights are rounded, so that they pack well; models.json has what their estimators said
of the images below.
"""

import json
import lzma
from pathlib import Path

import numpy as np
import pytest

import ferkit
from ferkit.datasets import make_faces

FOLDER = Path(__file__).parent / "data"
SAID = json.loads((FOLDER / "models.json").read_text())


@pytest.fixture(scope="module")
def images():
    levels = np.random.default_rng(0).integers(0, 256, (8, 4, 4), dtype=np.uint8)
    return np.kron(levels, np.ones((12, 12), np.uint8))


def unpack(name, folder):
    path = folder / f"{name}.safetensors"
    path.write_bytes(lzma.decompress((FOLDER / f"{path.name}.xz").read_bytes()))
    return path


@pytest.mark.parametrize("name", SAID)
def test_it_predicts_what_it_predicted_then(name, images, tmp_path):
    clf = ferkit.load(unpack(name, tmp_path))
    assert clf.get_params()["max_epochs"] == 1
    assert clf.n_iter_ == 1
    assert clf.history_["train_loss"].notna().all()
    logits = np.array(SAID[name]["decision_function"])
    assert np.ptp(logits, axis=0).max() > 0.05  # they tell images apart
    np.testing.assert_allclose(clf.decision_function(images), logits, atol=1e-4)
    assert clf.predict(images).tolist() == SAID[name]["predict"]


def test_training_goes_on_from_it(tmp_path):
    X, y = make_faces(70, random_state=0, return_X_y=True)
    y = np.array(ferkit.EMOTIONS)[y]
    clf = ferkit.load(unpack("resnet", tmp_path)).set_params(warm_start=True)
    before = clf.module_.state_dict()["classifier.weight"].clone()
    after = clf.fit(X, y).module_.state_dict()["classifier.weight"]
    assert 0 < (after - before).abs().max() < 0.1
    clf.save(tmp_path / "again.safetensors")
    np.testing.assert_array_equal(
        ferkit.load(tmp_path / "again.safetensors").predict(X), clf.predict(X)
    )


def test_all_files_are_tested():
    names = {path.name for path in FOLDER.glob("*.xz")}
    assert names == {f"{name}.safetensors.xz" for name in SAID}
