"""Learning from teachers."""

import copy
import pickle
import re

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback
from torch.nn import functional as F

from ferkit import EMOTIONS, LargeFER, MobileNetFER, ResNetFER, load
from ferkit.datasets import make_faces
from ferkit.training import Distillation
from tests.helpers import LinearFER


@pytest.fixture(scope="module")
def faces():
    return make_faces(140, image_size=16, random_state=0, return_X_y=True)


@pytest.fixture(scope="module")
def teacher(faces):
    return ResNetFER(max_epochs=3, random_state=1).fit(*faces)


def fit(faces, estimator=LinearFER, **params):
    return estimator(**{"max_epochs": 2, "random_state": 0, **params}).fit(*faces)


def differ(a, b, X):
    return not np.array_equal(a.decision_function(X), b.decision_function(X))


@pytest.mark.parametrize("estimator", [LargeFER, MobileNetFER, ResNetFER])
def test_a_path_and_a_frozen_estimator_teach_the_same(estimator, faces, teacher, tmp_path):
    teacher.save(tmp_path / "t.safetensors")
    frozen = fit(faces, estimator, teacher=FrozenEstimator(teacher), max_epochs=1)
    stored = fit(faces, estimator, teacher=tmp_path / "t.safetensors", max_epochs=1)
    assert not differ(frozen, stored, faces[0])
    assert differ(frozen, fit(faces, estimator, max_epochs=1), faces[0])


def test_the_parameters_act(faces, teacher):
    params = {"teacher": FrozenEstimator(teacher)}
    fits = [
        fit(faces, **params),
        fit(faces, **params, teacher_weight=0.3),
        fit(faces, **params, teacher_temperature=5),
        fit(faces, teacher=[FrozenEstimator(teacher), FrozenEstimator(fit(faces))]),
    ]
    for i, first in enumerate(fits):
        assert all(differ(first, other, faces[0]) for other in fits[:i])


def test_a_temperature_too_high_for_float32_is_refused(faces, teacher):
    with pytest.raises(ValueError, match="The 'teacher_temperature' parameter of"):
        fit(faces, teacher=FrozenEstimator(teacher), teacher_temperature=1e4)


def test_a_pupil_with_wrong_labels_comes_near_its_teacher(faces):
    X, y = faces
    scrambled = np.random.default_rng(0).permutation(y)
    teacher = fit(faces, max_epochs=20)
    taught = fit((X, scrambled), max_epochs=20, teacher=FrozenEstimator(teacher), teacher_weight=1)
    alone = fit((X, scrambled), max_epochs=20)
    agreement = [np.mean(clf.predict(X) == teacher.predict(X)) for clf in (taught, alone)]
    assert agreement[0] > 0.8 > 0.4 > agreement[1]


def test_the_loss_is_the_papers():
    torch.manual_seed(0)
    first, second = (torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 3)) for _ in "ab")
    distillation = Distillation(
        [(first, 3, [0, 1, 2]), (second, 3, [2, 0, 1])],
        weight=0.3,
        temperature=4.0,
        device=torch.device("cpu"),
        precision="float32",
    )
    x, logits, own = torch.rand(5, 3, 2, 2), torch.randn(5, 3), torch.tensor(0.7)
    p = (F.softmax(first(x) / 4, 1) + F.softmax(second(x) / 4, 1)[:, [2, 0, 1]]) / 2
    log_q = F.log_softmax(logits / 4, 1)
    expected = 0.7 * own + 0.3 * 16 * (p * (p.log() - log_q)).sum(1).mean()
    torch.testing.assert_close(distillation(own, logits, x), expected)


def test_teachers_see_as_many_channels_as_they_were_trained_on(faces, teacher):
    of_three = fit(faces, ResNetFER, channels=3)
    assert teacher.net_.in_channels == 1
    images = torch.rand(4, 1, 16, 16)
    for clf, channels in ((teacher, 1), (of_three, 3)):
        for pupil_channels in (1, 3):
            distillation = Distillation(
                [(clf.module_, channels, np.arange(7))],
                weight=1.0,
                temperature=1.0,
                device=torch.device("cpu"),
                precision="float32",
            )
            x = images.expand(-1, pupil_channels, -1, -1)
            logits = clf.module_.eval()(images.expand(-1, channels, -1, -1))
            loss = distillation(torch.tensor(3.0), logits, x).item()
            assert loss == pytest.approx(0, abs=1e-6)
    fit(faces, channels=3, teacher=[FrozenEstimator(teacher), FrozenEstimator(of_three)])


def test_colour_images_and_two_classes(faces):
    X, y = faces
    colour, names = np.repeat(X[..., None], 3, axis=3), np.where(y < 4, "a", "b")
    teacher = fit((colour, names), ResNetFER)
    pupil = fit((colour, names), teacher=FrozenEstimator(teacher))
    assert differ(pupil, fit((colour, names)), colour)


def test_votes_and_teachers_together(faces, teacher):
    X, y = faces
    votes = np.full((len(y), 7), 0.02)
    votes[np.arange(len(y)), y] = 0.88
    params = {"max_epochs": 1, "random_state": 0}
    both = LinearFER(**params, teacher=FrozenEstimator(teacher)).fit(X, y, soft_targets=votes)
    assert differ(both, LinearFER(**params).fit(X, y, soft_targets=votes), X)
    assert differ(both, fit(faces, max_epochs=1, teacher=FrozenEstimator(teacher)), X)


def test_a_bad_teacher_leaves_the_network(faces, tmp_path):
    X, y = faces
    clf = fit(faces)
    before = clf.decision_function(X)
    with pytest.raises(FileNotFoundError):
        clf.set_params(teacher=tmp_path / "none").partial_fit(X, y)
    np.testing.assert_array_equal(clf.decision_function(X), before)


def test_teachers_are_left_as_they_were_and_stay_out_of_pickles(faces, teacher, tmp_path):
    before = {name: tensor.clone() for name, tensor in teacher.module_.state_dict().items()}
    clf = fit(faces, teacher=FrozenEstimator(teacher), augment="strong")
    assert all(torch.equal(before[n], t) for n, t in teacher.module_.state_dict().items())
    assert all(p.requires_grad for p in teacher.module_.parameters())
    n_bytes = len(pickle.dumps(clf.set_params(teacher=None)))
    assert n_bytes < 1.1 * len(pickle.dumps(fit(faces)))
    saved = fit(faces, ResNetFER, teacher=FrozenEstimator(teacher))
    saved.save(tmp_path / "m.safetensors")
    loaded = load(tmp_path / "m.safetensors")
    assert loaded.teacher is None
    assert not differ(loaded, saved, faces[0])


def test_a_copy_in_training_leaves_teachers_and_data_behind(faces, teacher):
    seen = []

    class Keep(Callback):
        def on_epoch_end(self, net, **kwargs):
            seen.extend((net, copy.deepcopy(net)))
            assert None not in (net.train_split, net._distillation)

    clf = LinearFER(max_epochs=1, teacher=FrozenEstimator(teacher), callbacks=[Keep()])
    clf.fit(*faces, X_val=faces[0], y_val=faces[1])
    net, copied = seen
    assert net is clf.net_
    assert copied.train_split is copied._distillation is None


def test_partial_fit_equals_fit(faces, teacher):
    X, y = faces
    params = {"teacher": FrozenEstimator(teacher), "random_state": 0}
    clf = LinearFER(**params)
    for _ in range(2):
        clf.partial_fit(X, y, classes=np.unique(y))
    assert not differ(clf, fit(faces, **params), X)


def test_clones_and_searches_keep_the_teacher(faces, teacher):
    frozen = FrozenEstimator(teacher)
    assert clone(LinearFER(teacher=frozen)).teacher is frozen
    assert clone(LinearFER(teacher=[frozen, "path"])).teacher == [frozen, "path"]
    search = GridSearchCV(
        LinearFER(max_epochs=1, random_state=0), {"teacher": [None, frozen]}, cv=2
    ).fit(*faces)
    assert np.ptp(search.cv_results_["mean_test_score"]) > 0


def test_checkpoints_tell_teachers_apart(faces, teacher, tmp_path):
    def n_folders(**params):
        fit(faces, max_epochs=1, checkpoint_dir=tmp_path, **params)
        return sum(path.is_dir() for path in tmp_path.iterdir())

    assert n_folders() == 1
    assert n_folders(teacher_weight=0.5, teacher_temperature=3) == 1  # there is no teacher
    assert n_folders(teacher=FrozenEstimator(teacher)) == 2
    assert n_folders(teacher=[FrozenEstimator(teacher)]) == 2
    assert n_folders(teacher=FrozenEstimator(fit(faces))) == 3
    assert n_folders(teacher=FrozenEstimator(teacher), teacher_weight=0.5) == 4


def test_teachers_may_call_the_emotions_by_their_names(faces, teacher):
    X, y = faces
    named = ResNetFER(max_epochs=3, random_state=1).fit(X, np.array(EMOTIONS)[y])
    # the same teacher: its rows of the last layer are in the order of the alphabet
    last, others = named.module_.classifier, teacher.module_.state_dict()
    named.module_.load_state_dict(others)
    order = np.argsort(EMOTIONS)
    last.weight.data.copy_(others["classifier.weight"][order])
    last.bias.data.copy_(others["classifier.bias"][order])
    taught = fit(faces, teacher=FrozenEstimator(named))
    assert not differ(taught, fit(faces, teacher=FrozenEstimator(teacher)), X)


def test_unfit_teachers(faces, teacher, tmp_path):
    X, y = faces
    cases = [
        (teacher, "expected it in a FrozenEstimator"),
        (LogisticRegression(), "expected it in a FrozenEstimator"),
        ([3], "got 3 among teachers, expected files or estimators"),
        ([], r"got teacher=\[\], expected one or more; write teacher=None"),
        ("fer2013", "a name of weights, expected a file or an estimator; write sklearn.frozen"),
        ([LogisticRegression()], "expected it in a FrozenEstimator"),
        (FrozenEstimator(ResNetFER()), "expected a fitted ferkit estimator"),
        (FrozenEstimator(LogisticRegression()), "expected a fitted ferkit estimator"),
        ([FrozenEstimator(fit((X, y + 1)))], r"got a teacher of classes_ \(1, .*expected \(0, "),
        (FrozenEstimator(fit((X[:, :8], y))), r"got a teacher of image_shape_ \(8, 16\), expected"),
    ]
    for bad, message in cases:
        with pytest.raises(ValueError, match=message):
            fit(faces, teacher=bad)
    with pytest.raises(FileNotFoundError, match=re.escape(str(tmp_path))):
        fit(faces, teacher=tmp_path / "none")
