"""Configurations side by side."""

import gc
import json
import weakref
from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest
from imblearn.over_sampling import RandomOverSampler
from sklearn.dummy import DummyClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import accuracy_score, f1_score
from skorch.callbacks import Callback

import ferkit
from ferkit import ResNetFER, _paths
from ferkit.datasets import make_faces
from ferkit.model_selection import compare, summarize
from tests.helpers import LinearFER

CONFIGS = {
    "slow / one": LinearFER(lr=1e-4, max_epochs=3),
    "fast": LinearFER(lr=3e-2, max_epochs=4, ema_decay=0.5),
}


@pytest.fixture(scope="module")
def faces():
    X, y = make_faces(140, image_size=16, random_state=0, return_X_y=True)
    parts = {"": slice(70), "_val": slice(70, 105), "_test": slice(105, 140)}
    return {f"{name}{part}": a[s] for part, s in parts.items() for name, a in (("X", X), ("y", y))}


def without_times(runs):
    return runs.drop(columns=["seconds", "milliseconds", "history"])


def histories_of(runs):
    """Stack the histories, without what is time."""
    return pd.concat(list(runs["history"])).drop(columns=["seconds", "images_per_second"])


def test_each_run_is_a_fit(faces):
    runs = compare(CONFIGS, **faces, seeds=[3, 4])
    assert runs[["config", "seed", "weights"]].values.tolist() == [
        [config, seed, weights]
        for config in CONFIGS
        for seed in (3, 4)
        for weights in ("last epoch", "best validation")
    ]
    by_hand = LinearFER(lr=3e-2, max_epochs=4, ema_decay=0.5, random_state=4)
    by_hand.fit(faces["X"], faces["y"], X_val=faces["X_val"], y_val=faces["y_val"])
    last = runs.query("config == 'fast' and seed == 4 and weights == 'last epoch'").iloc[0]
    predicted = by_hand.predict(faces["X_test"])
    assert last["accuracy"] == accuracy_score(faces["y_test"], predicted)
    f1 = f1_score(faces["y_test"], predicted, average=None, labels=range(7), zero_division=0)
    assert last[[f"f1_{label}" for label in range(7)]].tolist() == f1.tolist()
    assert last["f1_macro"] == pytest.approx(f1.mean())
    assert (last["epoch"], last["n_parameters"]) == (4, by_hand.n_parameters_)
    assert last["n_multiply_adds"] == by_hand.n_multiply_adds_ > 0
    assert 0 < last["milliseconds"] < 1e4
    columns = ["epoch", "train_loss", "valid_loss", "valid_f1_macro", "valid_f1_3"]
    pd.testing.assert_frame_equal(last["history"][columns], by_hand.history_[columns])

    # the best epoch is that of the history, and its network a fit of as many epochs
    best = runs.query("config == 'slow / one' and seed == 3 and weights == 'best validation'")
    slow = LinearFER(lr=1e-4, max_epochs=3, random_state=3)
    slow.fit(faces["X"], faces["y"], X_val=faces["X_val"], y_val=faces["y_val"])
    epoch = slow.history_["valid_f1_macro"].argmax() + 1
    assert best["epoch"].item() == epoch
    shorter = LinearFER(lr=1e-4, max_epochs=epoch, random_state=3).fit(faces["X"], faces["y"])
    assert best["accuracy"].item() == shorter.score(faces["X_test"], faces["y_test"])


def test_a_class_named_macro_leaves_macro_f1_its_column(faces):
    names = np.array(["a", "b", "c", "d", "e", "f", "macro"])
    data = {name: names[faces[name]] if name[0] == "y" else faces[name] for name in faces}
    only = {"fast": CONFIGS["fast"]}
    named, numbered = (compare(only, **d, seeds=[0]) for d in (data, faces))
    assert named["f1_macro"].tolist() == numbered["f1_macro"].tolist()
    assert named["f1_class_macro"].tolist() == numbered["f1_6"].tolist()


def test_without_validation_the_last_epoch_is_scored(faces):
    data = {name: faces[name] for name in ("X", "y", "X_test", "y_test")}
    runs = compare(CONFIGS, **data, seeds=[0])
    assert runs["weights"].unique().tolist() == ["last epoch"]


def test_seeds_of_numpy_are_integers(faces, tmp_path):
    only = {"fast": CONFIGS["fast"]}
    first = compare(only, **faces, seeds=np.arange(2), out=tmp_path)
    again = compare(only, **faces, seeds=[0, 1], out=tmp_path)
    assert again["seconds"].tolist() == first["seconds"].tolist()  # kept
    assert json.dumps(first["seed"].tolist()) == "[0, 0, 1, 1]"


def test_labels_may_be_objects_or_lists(faces):
    only = {"fast": CONFIGS["fast"]}
    objects = {name: a.astype(object) if name[0] == "y" else a for name, a in faces.items()}
    lists = {name: a.tolist() if name[0] == "y" else a for name, a in faces.items()}
    runs, *others = (compare(only, **data, seeds=[0]) for data in (faces, objects, lists))
    for other in others:
        pd.testing.assert_frame_equal(without_times(other), without_times(runs))


def test_two_names_are_two_files(faces, tmp_path):
    for names in (["a b", "a/b"], ["A", "a"]):
        configs = dict.fromkeys(names, CONFIGS["fast"])
        with pytest.raises(ValueError, match=f"{names[0]}' and '{names[1]}', whose runs would be"):
            compare(configs, **faces, seeds=[0], out=tmp_path)
    assert not list(tmp_path.iterdir())


class Refuses:
    def __reduce__(self):
        raise TypeError

    def __deepcopy__(self, memo):
        return self

    def fit_resample(self, X, y):
        return X, y


def test_an_error_that_says_nothing(faces, tmp_path):
    with pytest.raises(ValueError, match=r"cannot be pickled \(TypeError\)"):
        compare({"a": LinearFER(sampler=Refuses())}, **faces, out=tmp_path)


def test_a_sampler_that_cannot_be_pickled_is_told_before_training(faces, tmp_path):
    sampler = RandomOverSampler(sampling_strategy=lambda y: {1: 30})
    with pytest.raises(ValueError, match=r"configuration 'a' that cannot be pickled.*out needs"):
        compare({"a": LinearFER(sampler=sampler)}, **faces, out=tmp_path)


def test_two_processes_find_the_same(faces):
    alone, together = (compare(CONFIGS, **faces, seeds=[0, 1], n_jobs=n) for n in (1, 2))
    pd.testing.assert_frame_equal(without_times(alone), without_times(together))
    pd.testing.assert_frame_equal(histories_of(alone), histories_of(together))


def test_finished_runs_are_kept(faces, tmp_path, monkeypatch):
    folder = tmp_path / "new"
    only = {"fast": CONFIGS["fast"]}
    first = compare(only, **faces, seeds=[0], out=folder)
    trained = []
    original = LinearFER.fit
    monkeypatch.setattr(
        LinearFER, "fit", lambda self, *args, **k: trained.append(1) or original(self, *args, **k)
    )
    runs = compare(CONFIGS, **faces, seeds=[0, 1], out=folder)
    assert len(trained) == 3
    kept = runs.query("config == 'fast' and seed == 0").reset_index(drop=True)
    rest = [column for column in first if column != "history"]
    pd.testing.assert_frame_equal(kept[rest], first[rest])  # its seconds too
    pd.testing.assert_frame_equal(kept["history"][0], first["history"][0])
    verbose = {"fast": LinearFER(**{**CONFIGS["fast"].get_params(), "verbose": 1})}
    compare(verbose, **faces, seeds=[1], out=folder)
    assert len(trained) == 3


def test_a_killed_comparison_leaves_whole_files(faces, tmp_path, monkeypatch):
    def fail(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(_paths.os, "replace", fail)
        with pytest.raises(KeyboardInterrupt):
            compare(CONFIGS, **faces, seeds=[0], out=tmp_path)
    assert not list(tmp_path.iterdir())
    compare(CONFIGS, **faces, seeds=[0], out=tmp_path)
    assert all(json.loads(path.read_text())["rows"] for path in tmp_path.glob("*.json"))


def test_runs_on_other_data_are_noticed(faces, tmp_path, monkeypatch):
    compare(CONFIGS, **faces, seeds=[0], out=tmp_path)
    other = {**faces, "y_test": np.roll(faces["y_test"], 1)}
    with pytest.raises(ValueError, match="a run with different data, expected one of this compari"):
        compare(CONFIGS, **other, seeds=[0], out=tmp_path)
    configs = {"fast": LinearFER(lr=1e-2, max_epochs=4)}
    with pytest.raises(ValueError, match="a run with different parameters"):
        compare(configs, **faces, seeds=[0], out=tmp_path)
    monkeypatch.setattr(ferkit, "__version__", "0.0.1")
    with pytest.raises(ValueError, match="a run with different release"):
        compare(CONFIGS, **faces, seeds=[0], out=tmp_path)


def test_files_count_by_their_content(faces, tmp_path):
    begun, again = tmp_path / "begun.safetensors", tmp_path / "again.safetensors"
    first = ResNetFER(max_epochs=1, random_state=0).fit(faces["X"], faces["y"])
    first.save(begun)
    first.save(again)
    compare({"a": ResNetFER(weights=begun, max_epochs=1)}, **faces, seeds=[0], out=tmp_path)
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.json")}
    compare({"a": ResNetFER(weights=again, max_epochs=1)}, **faces, seeds=[0], out=tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.json")} == kept
    for _ in range(2):
        teacher = FrozenEstimator(ferkit.load(begun))
        compare({"b": ResNetFER(teacher=teacher, max_epochs=1)}, **faces, seeds=[0], out=tmp_path)
    for name, taken in (("weights", begun), ("teacher", [begun])):
        configs = {name: ResNetFER(max_epochs=1, **{name: taken})}
        first.save(begun)
        compare(configs, **faces, seeds=[0], out=tmp_path)
        first.partial_fit(faces["X"], faces["y"]).save(begun)
        with pytest.raises(ValueError, match="a run with different parameters"):
            compare(configs, **faces, seeds=[0], out=tmp_path)


def test_means_and_spreads(faces):
    runs = compare(CONFIGS, **faces, seeds=[0, 1, 2])
    table = summarize(runs)
    assert table.index.tolist()[:2] == [
        ("slow / one", "last epoch"),
        ("slow / one", "best validation"),
    ]
    chosen = runs.query("config == 'fast' and weights == 'last epoch'")["f1_macro"]
    row = table.loc[("fast", "last epoch"), "f1_macro"]
    assert row["mean"] == pytest.approx(chosen.mean())
    assert row["std"] == pytest.approx(np.std(chosen, ddof=1))
    pd.testing.assert_frame_equal(summarize(runs.set_index(["config", "weights"])), table)
    with pytest.raises(ValueError, match="got runs without weights, expected the DataFrame of"):
        summarize(runs.drop(columns="weights"))


@pytest.mark.parametrize(
    ("configs", "changes", "message"),
    [
        ({"dummy": DummyClassifier()}, {}, "as configuration 'dummy', expected a ferkit estimator"),
        ({"a": ResNetFER(early_stopping=True)}, {}, "got early_stopping=True in configuration 'a'"),
        ([ResNetFER()], {}, "expected a dict of unfitted ferkit estimators by names"),
        (CONFIGS, {"seeds": [0, 0]}, r"got seeds=\[0, 0\], expected different ones"),
        (CONFIGS, {"seeds": [0.5]}, r"got seeds=\[0.5\], expected integers"),
        (CONFIGS, {"seeds": None}, r"got seeds=\[None\], expected integers"),
        (CONFIGS, {"y_val": None}, "got one of X_val and y_val, expected both or neither"),
        (CONFIGS, {"y_test": [0, 7] * 17 + [0]}, r"got labels \[7\], expected labels among"),
        (CONFIGS, {"y_test": ["happy"] * 35}, r"got labels \['happy'\], expected labels among"),
        (CONFIGS, {"X_test": np.ma.masked_less(np.zeros((35, 16, 16)), 1)}, "masked values in X"),
        (CONFIGS, {"y_test": [0]}, r"inconsistent numbers of samples: \[35, 1\]"),
        (CONFIGS, {"X_test": np.zeros((35, 9, 9), np.uint8)}, r"^X_test: got images of shape \(9,"),
        (CONFIGS, {"X_val": np.zeros((35, 9, 9), np.uint8)}, "configuration 'slow / one': X_val"),
        (CONFIGS, {"seeds": [0, -1]}, r"got seeds=\[0, -1\], expected integers, 0 or more"),
        (CONFIGS, {"max_epochs": 0}, "configuration 'slow / one': The 'max_epochs' parameter of"),
        ({"a": LinearFER(), "b": LinearFER(lr=-1)}, {}, "configuration 'b': The 'lr' parameter of"),
        ({"a": LinearFER(augment="foo")}, {}, "configuration 'a': got augment='foo', expected"),
        ({"a": LinearFER(warmup_epochs=99)}, {}, "configuration 'a': got warmup_epochs=99"),
        ({"a": LinearFER(class_weight={9: 1})}, {}, "configuration 'a': got class_weight"),
    ],
)
def test_bad_input_is_refused_before_training(faces, configs, changes, message, monkeypatch):
    monkeypatch.setattr(LinearFER, "fit", lambda *args, **kwargs: pytest.fail("it trains"))
    with pytest.raises(ValueError, match=message):
        compare(configs, **{**faces, **changes})


def test_missing_files_and_bad_folders_are_told_before_training(faces, tmp_path, monkeypatch):
    monkeypatch.setattr(LinearFER, "fit", lambda *args, **kwargs: pytest.fail("it trains"))
    for name in ("weights", "teacher"):
        configs = {**CONFIGS, "a": LinearFER(**{name: tmp_path / "none"})}
        with pytest.raises(FileNotFoundError, match=r"configuration 'a': .*none"):
            compare(configs, **faces)
    (tmp_path / "file").write_text("")
    with pytest.raises(
        OSError, match=r"got out=.*none, expected a place where a folder can be made"
    ):
        compare(CONFIGS, **faces, out=tmp_path / "file" / "none")
    with pytest.raises(NotADirectoryError, match="file, a file, expected a folder"):
        compare(CONFIGS, **faces, out=tmp_path / "file")


def test_a_run_that_fails_leaves_the_others(faces, tmp_path):
    configs = {"wild": LinearFER(lr=1e38, optimizer="sgd"), "fast": CONFIGS["fast"]}
    message = (
        "got runs that failed, expected all to end well; .*; those that ended, 1, are {}"
        "\n  'wild' with seed 0: ValueError: .*diverged"
    )
    lost, kept = message.format("lost, pass out to keep them"), message.format("kept in .*")
    with pytest.raises(ValueError, match=lost) as error:
        compare(configs, **faces, seeds=[0])
    assert "in check_finite" in error.value.__notes__[0]
    with pytest.raises(ValueError, match=kept):
        compare(configs, **faces, seeds=[0], out=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["fast-0.json"]


@pytest.mark.parametrize("failing", [False, True])
def test_a_runs_network_is_let_go(failing, faces):
    nets = []

    class Watch(Callback):
        def on_epoch_end(self, net, **kwargs):
            gc.collect()
            assert not any(other() for other in nets)
            nets.append(weakref.ref(net))
            if failing:
                raise MemoryError

    configs = {name: LinearFER(max_epochs=1, callbacks=[Watch()]) for name in "ab"}
    message = "'a' with seed 0: MemoryError: \n  'b' with seed 0: M"
    with pytest.raises(ValueError, match=message) if failing else nullcontext():
        compare(configs, **faces, seeds=[0])
    assert len(nets) == 2


class RecordArray(Callback):
    def on_epoch_end(self, net, **kwargs):
        net.history.record("gradient", np.zeros(3))


def test_a_history_that_no_file_can_hold(faces, tmp_path):
    configs = {"a": LinearFER(max_epochs=1, callbacks=[RecordArray()]), "fast": CONFIGS["fast"]}
    with pytest.raises(ValueError, match=r"those that ended, 1, are kept(.|\n)*'a' with .*no file"):
        compare(configs, **faces, seeds=[0], out=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["fast-0.json"]
    assert len(compare(configs, **faces, seeds=[0])) == 4  # without files, it may hold anything


def test_a_full_disk_ends_it(faces, tmp_path, monkeypatch):
    def fail(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_paths.os, "replace", fail)
    with pytest.raises(OSError, match="No space left on device"):
        compare(CONFIGS, **faces, seeds=[0], out=tmp_path)


def test_the_layout_of_images_in_memory_does_not_matter(faces, tmp_path, monkeypatch):
    first = compare(CONFIGS, **faces, seeds=[0], out=tmp_path)
    monkeypatch.setattr(LinearFER, "fit", lambda *args, **kwargs: pytest.fail("it trains"))
    fortran = {name: np.asfortranarray(values) for name, values in faces.items()}
    again = compare(CONFIGS, **fortran, seeds=[0], out=tmp_path)
    pd.testing.assert_frame_equal(without_times(first), without_times(again))


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"key": {}}', '{"key": 1, "rows": 1, "history": 1}']
)
def test_a_damaged_run(faces, tmp_path, content):
    (tmp_path / "fast-0.json").write_text(content)
    with pytest.raises(ValueError, match=r"fast-0.json, a damaged or other file.* delete the file"):
        compare({"fast": CONFIGS["fast"]}, **faces, seeds=[0], out=tmp_path)
