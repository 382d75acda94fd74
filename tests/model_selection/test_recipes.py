"""Trainings in stages."""

import numpy as np
import pytest

import ferkit
from ferkit.datasets import make_faces
from ferkit.model_selection import RECIPES, Stage, _recipes, train_recipe


@pytest.fixture(scope="module")
def faces():
    X, y = make_faces(140, image_size=16, random_state=0, return_X_y=True)
    return {"X": X[:98], "y": y[:98], "X_val": X[98:], "y_val": y[98:]}


@pytest.fixture
def short(monkeypatch):
    """Give the recipes an epoch a stage, for the way they go is what is tested."""
    stages = {
        name: Stage(
            estimator=stage.estimator,
            params={**stage.params, "max_epochs": 1, "warmup_epochs": 0},
            begins_with=stage.begins_with,
            teachers=stage.teachers,
        )
        for name, stage in RECIPES.items()
    }
    monkeypatch.setattr(_recipes, "RECIPES", stages)


def test_every_stage_is_one_that_can_be_trained():
    for name, stage in RECIPES.items():
        estimator = getattr(ferkit, stage.estimator)(**stage.params)
        estimator._validate_params()
        for other in (*stage.teachers, *filter(None, [stage.begins_with])):
            assert other in RECIPES
            assert other != name
        if stage.begins_with:
            before = RECIPES[stage.begins_with]
            assert before.estimator == stage.estimator
            assert before.params["variant"] == stage.params["variant"]


@pytest.mark.usefixtures("short")
def test_stages_are_trained_in_order_and_once(faces, tmp_path, capsys):
    clf = train_recipe(
        "resnet-fer2013", **faces, folder=tmp_path / "new", random_state=0, verbose=2
    )
    text = capsys.readouterr().out
    stages = [line.split()[1] for line in text.splitlines() if line.startswith("stage ")]
    assert stages == ["mobilenet-first", "resnet-first", "resnet-fer2013"]
    assert type(clf) is ferkit.ResNetFER
    assert clf.tta == "flip"
    assert clf.temperature != 1
    assert clf.teacher is clf.weights is None
    first = ferkit.load(tmp_path / "new" / "resnet-first.safetensors")
    assert not np.array_equal(first.transform(faces["X"]), clf.transform(faces["X"]))

    again = train_recipe("resnet-fer2013", **faces, folder=tmp_path / "new", random_state=0)
    assert again.history_["seconds"].tolist() == clf.history_["seconds"].tolist()  # loaded
    np.testing.assert_array_equal(again.predict_proba(faces["X"]), clf.predict_proba(faces["X"]))


def test_unknown_recipe(faces, tmp_path):
    with pytest.raises(ValueError, match="got recipe 'best', expected one of mobilenet-first"):
        train_recipe("best", **faces, folder=tmp_path)
