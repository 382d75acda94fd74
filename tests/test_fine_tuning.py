"""Training that begins with weights which are there already."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from skorch.callbacks import Callback
from torch import nn

import ferkit
from ferkit import EMOTIONS, MobileNetFER, ResNetFER
from ferkit._names import find_labels
from ferkit.datasets import make_faces
from ferkit.nn import ResNetLite
from ferkit.training.fine_tuning import frozen_parts
from tests.helpers import LinearFER

ESTIMATORS = [MobileNetFER, ResNetFER]


@pytest.fixture(scope="module")
def faces():
    return make_faces(140, image_size=16, random_state=0, return_X_y=True)


def weights_of(clf):
    return {name: tensor.clone() for name, tensor in clf.module_.state_dict().items()}


def changed_names(before, clf):
    return {
        name for name, t in clf.module_.state_dict().items() if not torch.equal(t, before[name])
    }


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("ema_decay", [None, 0.9])
def test_weights_from_a_file(estimator, ema_decay, faces, tmp_path):
    X, y = faces
    first = estimator(max_epochs=2, random_state=0).fit(X, y)
    first.save(tmp_path / "m.safetensors")
    # a learning rate that moves nothing shows what training began with
    params = {"weights": tmp_path / "m.safetensors", "lr": 1e-30, "max_epochs": 1}
    still = estimator(**params, ema_decay=ema_decay, freeze="features", random_state=1)
    np.testing.assert_array_equal(still.fit(X, y).decision_function(X), first.decision_function(X))
    np.testing.assert_array_equal(
        still.partial_fit(X, y).decision_function(X), first.decision_function(X)
    )
    # other labels: the same features under another last layer
    names = np.array(["yes", "no"])[y % 2]
    other = estimator(**params, freeze="features", random_state=1).fit(X, names)
    np.testing.assert_array_equal(other.transform(X), first.transform(X))
    assert set(other.predict(X)) <= {"yes", "no"}
    # as many labels, but others
    same_number = estimator(**params, freeze="features", random_state=1).fit(X, y + 1)
    assert not np.array_equal(same_number.decision_function(X), first.decision_function(X))


def begin_with(weights, X, y, **params):
    """Fit with a learning rate that moves nothing: the outputs are those training began with."""
    params = {"weights": weights, "lr": 1e-30, "max_epochs": 1, "random_state": 1, **params}
    return ResNetFER(freeze="features", **params).fit(X, y)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("are_names_first", [False, True])
def test_names_and_numbers_of_emotions_are_the_same_labels(are_names_first, dtype, faces, tmp_path):
    X, y = faces
    names = np.array(EMOTIONS)[y]
    targets = [names, y] if are_names_first else [y, names]
    first = ResNetFER(max_epochs=2, random_state=0).fit(X, targets[0])
    first.save(tmp_path / "m", dtype=dtype)
    other = begin_with(tmp_path / "m", X, targets[1])
    order = np.argsort(EMOTIONS)  # of the names, in classes_
    order = np.argsort(order) if are_names_first else order
    np.testing.assert_allclose(
        other.decision_function(X),
        first.decision_function(X)[:, order],
        atol=1e-6 if dtype == "float32" else 2e-3,
    )


def test_truth_values_are_no_numbers(faces, tmp_path, capsys):
    X, y = faces
    first = ResNetFER(max_epochs=2, random_state=0).fit(X, y % 2)
    first.save(tmp_path / "m")
    begin_with(tmp_path / "m", X, y % 2 == 1, verbose=1)
    assert "the last layer is new for [False, True]\n" in capsys.readouterr().err


@pytest.mark.parametrize("first", [1, 3])  # 1 to 7, and two of 0 to 6
def test_some_integers_could_be_anybodys_classes(first, faces, tmp_path, capsys):
    X, y = faces
    ResNetFER(max_epochs=1, random_state=0).fit(X, y).save(tmp_path / "m")
    own = y + 1 if first == 1 else (y == 0).astype(int)
    clf = begin_with(tmp_path / "m", X, own, verbose=1)
    assert f"the last layer is new for {clf.classes_.tolist()}\n" in capsys.readouterr().err


def test_emotions_by_other_names(faces, tmp_path, capsys):
    X, y = faces
    first = ResNetFER(max_epochs=2, random_state=0).fit(X, y)
    first.save(tmp_path / "m")
    names = np.array(["Anger", "Disgust", "Fear", "Happiness", "Sadness", "Surprise", "Neutral"])
    other = begin_with(tmp_path / "m", X, names[y], verbose=1)
    assert "goes on for ['Anger', 'Disgust', " in capsys.readouterr().err
    order = [names.tolist().index(name) for name in other.classes_]
    np.testing.assert_allclose(
        other.decision_function(X), first.decision_function(X)[:, order], atol=1e-6
    )


@pytest.mark.parametrize(
    ("labels", "among", "expected"),
    [
        (["Anger", "happy"], ["Anger", "angry", "happy"], [0, 2]),
        (["Anger", "anger"], ["Anger", "happy"], [0, -1]),
        (["Joy", "happiness"], ["happy", "sad"], [-1, -1]),
        (["Happy", "neutral"], ["Happy", "happy", "neutral"], [0, 2]),
        (["joy", "bored"], ["bored", "Happy"], [1, 0]),
        (range(7), [name.upper() for name in EMOTIONS], range(7)),
        ([0, 1], ["angry", "disgust"], [-1, -1]),
    ],
)
def test_labels_are_found_by_name_then_by_what_they_mean(labels, among, expected):
    assert find_labels(np.array(labels), np.array(among)).tolist() == list(expected)


def test_a_last_layer_that_is_not_linear_is_new(faces, capsys):
    class Deep(ResNetFER):
        def _make_module(self, in_channels, n_classes):
            module = super()._make_module(in_channels, n_classes)
            module.classifier = nn.Sequential(nn.ReLU(), module.classifier)
            return module

    X, y = faces
    clf = Deep(max_epochs=1, warm_start=True, random_state=0, verbose=1).fit(X, y)
    clf.fit(X[y < 3], y[y < 3])
    assert "the last layer is new for [0, 1, 2]\n" in capsys.readouterr().err


def test_what_is_new_is_said_once(faces, tmp_path, capsys):
    X, y = faces
    ResNetFER(max_epochs=1, random_state=0).fit(X, y).save(tmp_path / "m")
    clf = ResNetFER(weights=tmp_path / "m", random_state=0, verbose=1)
    for _ in range(3):
        clf.partial_fit(X, y, classes=range(8))
    assert capsys.readouterr().err.count("[0, 1, 2, 3, 4, 5, 6] and is new for [7]") == 1


def test_labels_that_weights_know_keep_their_part(faces, tmp_path, capsys):
    X, y = faces
    labels = np.array(["b", "c", "a", "d", "e", "f", "g"], dtype=object)[y]
    first = ResNetFER(max_epochs=2, random_state=0).fit(X, labels)
    first.save(tmp_path / "m")
    fewer = y < 3
    clf = begin_with(tmp_path / "m", X[fewer], labels[fewer], verbose=1)
    np.testing.assert_allclose(
        clf.decision_function(X), first.decision_function(X)[:, :3], atol=1e-6
    )
    assert "the last layer goes on for ['a', 'b', 'c']\n" in capsys.readouterr().err
    labels[y == 1] = "bored"
    clf = begin_with(tmp_path / "m", X, labels, verbose=1)
    assert clf.classes_.tolist() == ["a", "b", "bored", "d", "e", "f", "g"]
    known = [0, 1, 3, 4, 5, 6]
    outputs = clf.decision_function(X), first.decision_function(X)
    np.testing.assert_allclose(outputs[0][:, known], outputs[1][:, known], atol=1e-6)
    assert np.abs(outputs[0][:, 2] - outputs[1][:, 2]).max() > 0.01
    said = "the last layer goes on for ['a', 'b', 'd', 'e', 'f', 'g'] and is new for ['bored']"
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_frozen_features(estimator, faces):
    X, y = faces
    clf = estimator(max_epochs=1, random_state=0).fit(X, y)
    before = weights_of(clf)
    clf.set_params(warm_start=True, freeze="features", lr=0.1, weight_decay=0.1, dropout=0.5)
    clf.fit(X, y)
    assert changed_names(before, clf) == {"classifier.weight", "classifier.bias"}
    clf.set_params(freeze=None).fit(X, y)
    assert changed_names(before, clf) == set(before)


def test_a_network_names_parts_of_its_own():
    class Own(ResNetLite):
        def freezable_parts(self):
            return {"first": [self.block1]}

    module = Own()
    assert frozen_parts(module, "first") == [module.block1]
    assert module.block1 in frozen_parts(module, "features")
    assert module.classifier not in frozen_parts(module, "features")
    for other, names in ((module, r"\['features', 'first'\]"), (ResNetLite(), r"\['features'\]")):
        with pytest.raises(ValueError, match=f"got freeze='second' for .* one of {names}"):
            frozen_parts(other, "second")


def test_warm_start(faces):
    X, y = faces
    params = {"max_epochs": 10, "random_state": 0}
    cold = ResNetFER(**params).fit(X, y)
    first = cold.history_["train_loss"].iloc[0]
    warm = ResNetFER(warm_start=True, **params).fit(X, y)
    assert warm.history_["train_loss"].iloc[0] == first  # there was nothing before
    warm.fit(X, y)
    assert warm.history_["train_loss"].iloc[0] < cold.history_["train_loss"].iloc[-2] < first
    assert warm.n_iter_ == 10
    assert cold.fit(X, y).history_["train_loss"].iloc[0] == first


def test_refusals(faces, tmp_path):
    X, y = faces
    ResNetFER(max_epochs=1, random_state=0).fit(X, y).save(tmp_path / "resnet")
    MobileNetFER(max_epochs=1, channels=3, random_state=0).fit(X, y).save(tmp_path / "rgb")
    with pytest.raises(FileNotFoundError, match="expected a model file"):
        ResNetFER(weights=tmp_path / "none").fit(X, y)
    with pytest.raises(ValueError, match=r"got weights of another network, ResNetFER.*take ResN"):
        MobileNetFER(weights=tmp_path / "resnet").fit(X, y)
    with pytest.raises(
        ValueError, match=r"got weights for colour images, expected some for gray .*channels=3"
    ):
        MobileNetFER(weights=tmp_path / "rgb").fit(X, y)
    MobileNetFER(max_epochs=1, random_state=0).fit(X, y).save(tmp_path / "gray")
    with pytest.raises(ValueError, match=r"for gray images, expected some for colour .*'auto'"):
        MobileNetFER(weights=tmp_path / "gray", channels=3).fit(X, y)
    with pytest.raises(ValueError, match="got freeze='features' for random weights, expected some"):
        ResNetFER(freeze="features").fit(X, y)
    linear = LinearFER(max_epochs=1, warm_start=True, random_state=0).fit(X, y)
    before = linear.decision_function(X)
    linear.fit(X, y)  # all of it is taken over
    with pytest.raises(ValueError, match="got a Sequential without classifier, expected its last"):
        linear.fit(X, y + 1)
    assert not np.array_equal(linear.decision_function(X), before)
    assert linear.classes_.tolist() == list(range(7))  # the fit that failed left no trace


def test_a_warm_start_never_validates_what_it_was_trained_on(faces, tmp_path):
    X, y = faces
    seen = []

    class Watch(Callback):
        def on_epoch_begin(self, net, dataset_train, dataset_valid, **kwargs):
            seen.append([set(map(bytes, dataset.X)) for dataset in (dataset_train, dataset_valid)])

    for random_state in (None, np.random.RandomState(0), 0):
        clf = ResNetFER(
            max_epochs=1,
            warm_start=True,
            early_stopping=True,
            validation_fraction=0.2,
            callbacks=[Watch()],
            random_state=random_state,
        )
        for _ in range(3):
            clf.fit(X, y)
        clf.set_params(random_state=None).save(tmp_path / "model")
        ferkit.load(tmp_path / "model").set_params(callbacks=[Watch()]).fit(X, y)
        (first, _), *others = [seen.pop(0) for _ in range(4)]
        assert all(not first & valid for _, valid in others)


class Merging(nn.Linear):
    """Doubles its weights while it evaluates, as LoRA's layers merge theirs."""

    is_merged = False

    def train(self, mode=True):
        if self.is_merged == mode:
            self.weight.data.mul_(0.5 if mode else 2)
            self.is_merged = not mode
        return super().train(mode)


class MergingFER(LinearFER):
    def _make_module(self, in_channels, n_classes):
        *parts, linear = super()._make_module(in_channels, n_classes)
        return nn.Sequential(*parts, Merging(linear.in_features, n_classes))


def test_a_warm_start_of_layers_that_merge_their_weights(faces):
    clf = MergingFER(max_epochs=1, random_state=0).fit(*faces)
    before = clf.decision_function(faces[0])
    clf.set_params(warm_start=True, lr=1e-12).fit(*faces)
    np.testing.assert_allclose(clf.decision_function(faces[0]), before, atol=1e-4)


def test_a_fit_forgets_the_split_of_the_one_before(faces):
    X, y = faces
    split = {"early_stopping": True, "validation_fraction": 0.2}
    after, anew = (LinearFER(max_epochs=1, random_state=0) for _ in range(2))
    after.set_params(**split).fit(X, y).set_params(early_stopping=False)
    for clf in (after, anew):
        clf.fit(X, y).set_params(**split, warm_start=True, random_state=7).fit(X, y)
    np.testing.assert_array_equal(after.decision_function(X), anew.decision_function(X))


def test_a_refit_from_a_file_splits_anew(faces, tmp_path):
    ResNetFER(max_epochs=1, random_state=0).fit(*faces).save(tmp_path / "m")
    clf = ResNetFER(weights=tmp_path / "m", early_stopping=True, max_epochs=1, random_state=0)
    clf.fit(*faces).set_params(random_state=1).fit(*faces)
    np.testing.assert_array_equal(
        clone(clf).fit(*faces).history_["valid_loss"], clf.history_["valid_loss"]
    )


def test_checkpoints_know_the_weights_that_training_began_with(faces, tmp_path):
    X, y = faces
    params = {"max_epochs": 1, "random_state": 0, "checkpoint_dir": tmp_path}
    clf = ResNetFER(**params, warm_start=True).fit(X, y)
    first = clf.decision_function(X)
    second = clf.fit(X, y).decision_function(X)
    assert not np.array_equal(first, second)
    assert len(list(tmp_path.iterdir())) == 2
    np.testing.assert_array_equal(ResNetFER(**params).fit(X, y).decision_function(X), first)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own, in its compiler
def test_compiled_steps_train_the_same(faces):
    X, y = faces
    params = {"max_epochs": 2, "precision": "float32", "random_state": 0}
    try:
        compiled = LinearFER(compile=True, **params).fit(X, y)
    except torch._inductor.exc.InductorError as error:  # no C++ compiler
        pytest.skip(str(error).splitlines()[0])
    eager = LinearFER(**params).fit(X, y)
    assert compiled.module_._compiled_call_impl is not None
    np.testing.assert_allclose(
        compiled.history_["train_loss"], eager.history_["train_loss"], rtol=1e-4
    )
    assert weights_of(compiled).keys() == weights_of(eager).keys()
