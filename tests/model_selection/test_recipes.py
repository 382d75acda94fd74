"""Trainings in stages."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from imblearn.over_sampling import RandomOverSampler
from sklearn.frozen import FrozenEstimator

import ferkit
from ferkit.datasets import make_faces
from ferkit.model_selection import RECIPES, Stage, _recipes, train_recipe
from ferkit.over_sampling import at_least


@pytest.fixture(scope="module")
def faces():
    X, y = make_faces(140, image_size=16, random_state=0, return_X_y=True)
    return {"X": X[:98], "y": y[:98], "X_val": X[98:], "y_val": y[98:]}


def shorten(stage):
    """Train an epoch on few images, for the way that stages go is what is tested."""
    params = {**stage.params, "max_epochs": 1, "warmup_epochs": 0}
    if "sampler" in params:
        params["sampler"] = RandomOverSampler(sampling_strategy=at_least(20))
    return replace(stage, params=params)


SHORT = {name: shorten(stage) for name, stage in RECIPES.items()}


def test_every_stage_is_one_that_can_be_trained():
    for name, stage in RECIPES.items():
        estimator = getattr(ferkit, stage.estimator)(**stage.params)
        estimator._validate_params()
        for other in (*stage.teachers, *filter(None, [stage.begins_with])):
            assert other in RECIPES
            assert other != name
            assert not RECIPES[other].refit
        if stage.begins_with:
            before = RECIPES[stage.begins_with]
            assert before.estimator == stage.estimator
            assert before.params.get("variant") == stage.params.get("variant")


def test_stages_are_trained_in_order_and_once(faces, tmp_path, capsys):
    folder, X = tmp_path / "new", faces["X"]
    params = {**faces, "folder": folder, "random_state": 0, "recipes": SHORT}
    clf = train_recipe("resnet-third", **params, verbose=2)
    text = capsys.readouterr().out
    stages = [line.split()[1] for line in text.splitlines() if line.startswith("stage ")]
    assert stages == ["mobilenet-first", "resnet-first", "resnet-second", "resnet-third"]
    assert type(clf) is ferkit.ResNetFER
    assert clf.tta == "flip"
    assert clf.temperature != 1
    assert clf.teacher is clf.weights is clf.checkpoint_dir is None
    clf.set_params(sampler__random_state=5)
    assert SHORT["resnet-third"].params["sampler"].random_state is None
    clf.save(tmp_path / "saved")
    loaded = ferkit.load(tmp_path / "saved").set_params(warm_start=True)
    loaded.fit(**faces)

    again = train_recipe("resnet-third", **params)
    assert again.history_["seconds"].tolist() == clf.history_["seconds"].tolist()  # loaded
    np.testing.assert_array_equal(again.predict_proba(X), clf.predict_proba(X))

    # by hand
    mobilenet = ferkit.MobileNetFER(**SHORT["mobilenet-first"].params, random_state=0)
    resnet = ferkit.ResNetFER(**SHORT["resnet-first"].params, random_state=0)
    teachers = [FrozenEstimator(each.fit(X, faces["y"])) for each in (mobilenet, resnet)]
    resnet.save(tmp_path / "begin")
    second = ferkit.ResNetFER(
        **SHORT["resnet-second"].params,
        weights=tmp_path / "begin",
        teacher=teachers,
        random_state=0,
    ).fit(X, faces["y"])
    second.save(tmp_path / "second")
    by_hand = ferkit.ResNetFER(
        **SHORT["resnet-third"].params,
        weights=tmp_path / "second",
        tta="flip",
        random_state=0,
    ).fit(**faces)
    np.testing.assert_array_equal(by_hand.transform(X), clf.transform(X))


def test_the_last_stages_learn_from_all_networks(faces, tmp_path, capsys, monkeypatch):
    params = {**faces, "random_state": 0, "recipes": SHORT}
    train_recipe("mobilenet-fer2013", **params, folder=tmp_path, verbose=2)
    text = capsys.readouterr().out
    stages = [line.split()[1] for line in text.splitlines() if line.startswith("stage ")]
    assert stages == [
        "large-resemote",
        "large-resmasking",
        "mobilenet-first",
        "resnet-first",
        "resnet-second",
        "resnet-third",
        "mobilenet-second",
        "mobilenet-third",
        "resnet-fourth",
        "mobilenet-fourth",
        "mobilenet-fifth",
        "mobilenet-fer2013",
    ]
    # the last stage has seen the validation images, so the one before it is judged on them
    judged = []
    monkeypatch.setattr(_recipes, "tune_prediction", lambda clf, *_: judged.append(clf) or {})
    clf = train_recipe("mobilenet-fer2013", **params, folder=tmp_path)  # loaded
    assert [each.tta for each in (clf, *judged)] == ["flip", "flip"]
    assert judged != [clf]


def test_a_refit_trains_on_all_and_takes_its_choices_from_before(faces, tmp_path):
    params = {"variant": "strided", "max_epochs": 2}
    recipes = {
        "before": Stage(estimator="MobileNetFER", params=params),
        "all": Stage(estimator="MobileNetFER", params=params, begins_with="before", refit=True),
    }
    settings = {**faces, "folder": tmp_path, "random_state": 0, "recipes": recipes}
    before, clf = train_recipe("before", **settings), train_recipe("all", **settings)
    assert clf.class_count_.sum() == 140
    assert clf.temperature == before.temperature != 1
    assert clf.logit_adjustment == before.logit_adjustment

    before.save(tmp_path / "begin")
    by_hand = ferkit.MobileNetFER(
        **params, weights=tmp_path / "begin", tta="flip", random_state=0
    ).fit(np.concatenate([faces["X"], faces["X_val"]]), [*faces["y"], *faces["y_val"]])
    np.testing.assert_array_equal(by_hand.transform(faces["X"]), clf.transform(faces["X"]))

    recipes["after"] = replace(recipes["before"], begins_with="all")
    with pytest.raises(ValueError, match="'after' built on 'all', expected stages without refit"):
        train_recipe("after", **settings)
    recipes["after"] = replace(recipes["before"], teachers=("none",))
    with pytest.raises(ValueError, match="'after' built on 'none', expected others of bef"):
        train_recipe("after", **settings)
    recipes["after"] = replace(recipes["before"], teachers=("circle",))
    recipes["circle"] = replace(recipes["before"], teachers=("after",))
    with pytest.raises(ValueError, match="on each other, 'after' on 'circle' on 'after', expec"):
        train_recipe("after", **settings)
    with pytest.raises(ValueError, match="got refit=True without begins_with"):
        Stage(estimator="MobileNetFER", refit=True)
    with pytest.raises(ValueError, match="got refit=True with early_stopping=True"):
        replace(recipes["all"], params={"early_stopping": True})


def test_an_impossible_stage_is_found_before_any_is_trained(faces, tmp_path):
    first = Stage(estimator="MobileNetFER", params={"max_epochs": 1})
    recipes = {
        "first": first,
        "bad": replace(first, teachers=("none",)),
        "last": replace(first, teachers=("first", "bad")),
    }
    with pytest.raises(ValueError, match="'bad' built on 'none', expected others of first"):
        train_recipe("last", **faces, folder=tmp_path, recipes=recipes)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"params": {"max_epoch": 1}}, r"stage 'bad': .*unexpected keyword argument 'max_epoch'"),
        ({"params": {"lr": -1}}, "stage 'bad': The 'lr' parameter of MobileNetFER must be"),
        ({"params": {"augment": "none"}}, "stage 'bad': got augment='none', expected"),
        ({"estimator": "Nope"}, "stage 'bad': got estimator 'Nope', expected the name of one of"),
        ({"estimator": "Emotion"}, "stage 'bad': got estimator 'Emotion', expected the name of"),
    ],
)
def test_an_impossible_stage_parameter_is_found_before(faces, tmp_path, bad, message):
    first = Stage(estimator="MobileNetFER", params={"max_epochs": 1})
    recipes = {"first": first, "bad": replace(first, teachers=("first",), **bad)}
    with pytest.raises(ValueError, match=message):
        train_recipe("bad", **faces, folder=tmp_path, recipes=recipes)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("shape", [(-1, 16, 16, 1), (-1, 256)])
def test_a_refit_of_images_in_two_forms(faces, tmp_path, shape):
    params = {"variant": "strided", "max_epochs": 1}
    recipes = {
        "before": Stage(estimator="MobileNetFER", params=params),
        "all": Stage(estimator="MobileNetFER", params=params, begins_with="before", refit=True),
    }
    data = {**faces, "X_val": faces["X_val"].reshape(shape)}
    clf = train_recipe("all", **data, folder=tmp_path, recipes=recipes)
    assert clf.class_count_.sum() == 140


@pytest.mark.parametrize("as_frame", [False, True])
def test_a_refit_of_rows(faces, tmp_path, as_frame):
    params = {"variant": "strided", "max_epochs": 1, "image_shape": (32, 8)}
    recipes = {
        "before": Stage(estimator="MobileNetFER", params=params),
        "all": Stage(estimator="MobileNetFER", params=params, begins_with="before", refit=True),
    }
    rows = {name: X.reshape(len(X), -1) for name, X in faces.items() if name.startswith("X")}
    if as_frame:
        columns = [f"pixel{i}" for i in range(256)]
        rows = {name: pd.DataFrame(X, columns=columns) for name, X in rows.items()}
    clf = train_recipe("all", **{**faces, **rows}, folder=tmp_path, recipes=recipes)
    assert clf.image_shape_ == (32, 8)
    assert clf.class_count_.sum() == 140
    assert getattr(clf, "feature_names_in_", np.array([])).tolist() == (columns if as_frame else [])


def test_unfit_calls(faces, tmp_path):
    with pytest.raises(ValueError, match="got recipe 'best', expected one of mobilenet-first"):
        train_recipe("best", **faces, folder=tmp_path)
    with pytest.raises(ValueError, match="got no X_val or no y_val, expected both"):
        train_recipe("resnet-first", **{**faces, "y_val": None}, folder=tmp_path)
    for X_val in (faces["X_val"][:, :8], faces["X_val"] / 255):
        with pytest.raises(ValueError, match=r"uint8 and shape \(16, 16, 1\) in X, of .* in X_val"):
            train_recipe("resnet-fer2013", **{**faces, "X_val": X_val}, folder=tmp_path)
    assert not list(tmp_path.iterdir())
