"""Classes of different sizes: weights, losses, logit adjustment, samplers and soft targets."""

import re

import numpy as np
import pandas as pd
import pytest
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.pipeline import make_pipeline as make_sampler_pipeline
from imblearn.under_sampling import RandomUnderSampler
from sklearn import config_context
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import StratifiedKFold, cross_validate
from skorch.callbacks import Callback

import ferkit
from ferkit import MobileNetFER, ResNetFER
from ferkit._imbalance import class_weights, logit_offset
from ferkit.augment import Policy
from ferkit.datasets import make_faces
from ferkit.over_sampling import AugmentedOverSampler, ImagePool, PoolOverSampler, at_least
from ferkit.preprocessing import PixelRows
from tests.helpers import LinearFER

COUNTS = np.array([12, 4, 9, 25, 10, 8, 9])


@pytest.fixture(scope="module")
def faces():
    return make_faces(77, class_weights=COUNTS, image_size=16, random_state=0, return_X_y=True)


def fit(faces, estimator=LinearFER, **params):
    return estimator(**{"max_epochs": 2, "random_state": 0, **params}).fit(*faces)


class Watch(Callback):
    """Keep what is trained on and validated."""

    def on_epoch_begin(self, net, dataset_train, dataset_valid, **kwargs):
        self.train, self.valid = dataset_train, dataset_valid

    def __sklearn_clone__(self):
        return self


# -- weights ---------------------------------------------------------------------------------------


def test_effective_weights_are_the_papers(faces):
    y = faces[1]
    weights = class_weights("effective", np.arange(7), COUNTS)
    effective = (1 - 0.9999**COUNTS) / (1 - 0.9999)
    np.testing.assert_allclose(weights / weights[0], effective[0] / effective)
    assert (weights @ COUNTS) == pytest.approx(len(y))


def test_effective_weights_are_milder_than_balanced_ones():
    counts = np.array([7215, 436])  # FER2013's happy and disgust
    effective, balanced = (
        class_weights(w, np.arange(2), counts) for w in ("effective", "balanced")
    )
    assert 1 < effective[1] / effective[0] < balanced[1] / balanced[0]


@pytest.mark.parametrize("params", [{"class_weight": "effective"}, {"loss": "focal"}])
def test_losses_act(params, faces):
    a, b = fit(faces), fit(faces, **params)
    assert (a.decision_function(faces[0]) != b.decision_function(faces[0])).any()


def test_focal_gamma_acts(faces):
    a, b = (fit(faces, loss="focal", focal_gamma=gamma) for gamma in (0.5, 5))
    assert (a.decision_function(faces[0]) != b.decision_function(faces[0])).any()


# -- logit adjustment ------------------------------------------------------------------------------


def test_logits_are_moved_by_the_logarithm_of_the_share(faces):
    clf = fit(faces)
    plain = clf.decision_function(faces[0])
    adjusted = clf.set_params(logit_adjustment=0.7).decision_function(faces[0])
    expected = plain - 0.7 * np.log(COUNTS / COUNTS.sum())
    np.testing.assert_allclose(adjusted, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(clf.predict(faces[0]), clf.predict_proba(faces[0]).argmax(axis=1))
    assert np.bincount(clf.predict(faces[0]), minlength=7)[1] > (plain.argmax(axis=1) == 1).sum()


def test_validation_scores_are_those_of_the_adjusted_prediction(faces):
    X, y = faces
    clf = LinearFER(max_epochs=1, logit_adjustment=2.0, random_state=0)
    clf.fit(X, y, X_val=X, y_val=y)
    assert clf.history_["valid_accuracy"][0] == clf.score(X, y)
    assert clf.score(X, y) != clf.set_params(logit_adjustment=0.0).score(X, y)


@pytest.mark.parametrize("tau", [-1, None, "1", 1e31])
def test_bad_strengths_set_after_the_fit(tau, faces):
    clf = fit(faces).set_params(logit_adjustment=tau)
    with pytest.raises(ValueError, match="The 'logit_adjustment' parameter of LinearFER must be"):
        clf.predict(faces[0])


def test_weights_of_unknown_classes(faces):
    with pytest.raises(ValueError, match=r"got class_weight for 'digust', expected labels among"):
        fit(faces, class_weight={"digust": 3})


def test_two_classes(faces):
    X, y = faces
    clf = fit((X[y < 2], y[y < 2]), logit_adjustment=1.0)
    decision = clf.decision_function(X)
    np.testing.assert_array_equal(clf.predict(X), (decision > 0).astype(int))


def test_counts_go_with_the_model(faces, tmp_path):
    clf = fit(faces, ResNetFER, logit_adjustment=1.0, sampler=RandomOverSampler())
    assert clf.class_count_.tolist() == [25] * 7
    clf.save(tmp_path / "m")
    loaded = ferkit.load(tmp_path / "m")
    np.testing.assert_array_equal(loaded.class_count_, clf.class_count_)
    np.testing.assert_array_equal(loaded.predict_proba(faces[0]), clf.predict_proba(faces[0]))
    assert loaded.sampler is None


def test_partial_fits_count_all_they_saw(faces):
    X, y = faces
    clf = LinearFER(random_state=0).partial_fit(X[:10], y[:10], classes=range(7))
    clf.partial_fit(X[10:], y[10:])
    np.testing.assert_array_equal(clf.class_count_, COUNTS)
    assert np.isfinite(logit_offset(1.0, np.array([3, 0]))).all()


# -- samplers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sampler",
    [
        RandomOverSampler(),
        SMOTE(k_neighbors=2),
        AugmentedOverSampler(),
        make_sampler_pipeline(
            PoolOverSampler(
                ImagePool(*make_faces(70, image_size=16, random_state=1, return_X_y=True)),
                sampling_strategy={1: 10},
            ),
            AugmentedOverSampler(sampling_strategy=at_least(25)),
        ),
    ],
    ids=["random", "smote", "augmented", "the study's"],
)
def test_training_images_are_balanced_and_others_left_alone(sampler, faces):
    watch = Watch()
    X, y = faces
    fit((X, y), sampler=sampler, early_stopping=True, validation_fraction=0.25, callbacks=[watch])
    assert watch.train.X.dtype == np.uint8
    counts = np.bincount(watch.train.y)
    assert counts.tolist() == [counts[0]] * 7
    originals = {image.tobytes() for image in X}
    assert all(image.tobytes() in originals for image in watch.valid.X)
    assert len(watch.valid.X) == 20


def test_smote_makes_levels_between_its_parents(faces):
    watch = Watch()
    X, y = faces
    fit((X, y), sampler=SMOTE(k_neighbors=2), callbacks=[watch])
    made, labels = watch.train.X[len(X) :, ..., 0].astype(int), watch.train.y[len(X) :]
    for label in np.unique(labels):
        parents = X[y == label].astype(int)
        # in uint8 differences would wrap around, out of the range of all parents
        assert (made[labels == label] >= parents.min(axis=0) - 1).all()
        assert (made[labels == label] <= parents.max(axis=0) + 1).all()


def test_under_sampling_and_names(faces):
    X, y = faces
    names = np.array(ferkit.EMOTIONS)[y]
    clf = fit((X, names), sampler=RandomUnderSampler())
    assert clf.class_count_.tolist() == [4] * 7
    assert set(clf.predict(X)) <= set(ferkit.EMOTIONS)


def test_a_sampler_follows_random_state(faces):
    a, b, c = (fit(faces, sampler=AugmentedOverSampler(), random_state=s) for s in (0, 0, 1))
    np.testing.assert_array_equal(a.decision_function(faces[0]), b.decision_function(faces[0]))
    first, second = Watch(), Watch()
    fit(faces, sampler=AugmentedOverSampler(random_state=5), random_state=0, callbacks=[first])
    fit(faces, sampler=AugmentedOverSampler(random_state=5), random_state=1, callbacks=[second])
    np.testing.assert_array_equal(first.train.X, second.train.X)  # its own seed is heeded
    assert a.sampler.random_state is None
    assert (a.decision_function(faces[0]) != c.decision_function(faces[0])).any()


def test_samplers_of_both_kinds_go_together(faces):
    X, y = faces
    sampler = make_sampler_pipeline(
        RandomOverSampler(sampling_strategy=at_least(20)),
        "passthrough",
        AugmentedOverSampler(policy="strong", sampling_strategy=at_least(30)),
        SMOTE(sampling_strategy=at_least(40)),
    )
    watch = Watch()
    assert fit(faces, sampler=sampler, callbacks=[watch]).class_count_.tolist() == [40] * 7
    images = watch.train.X[..., 0]
    np.testing.assert_array_equal(images[: len(X)], X)
    assert abs(images.mean() / X.mean() - 1) < 0.3  # levels throughout
    floats = Watch()
    fit((X / 255, y), sampler=sampler, callbacks=[floats])
    np.testing.assert_allclose(floats.train.X[: len(X), ..., 0], X / 255, atol=1e-6)
    assert abs(floats.train.X.mean() * 255 / X.mean() - 1) < 0.3


def test_transformers_are_no_samplers(faces):
    sampler = make_sampler_pipeline(PixelRows(), SMOTE(k_neighbors=2))
    with pytest.raises(ValueError, match=r"got a sampler with the step 'pixelrows'.*samplers only"):
        fit(faces, sampler=sampler)


def test_a_sampler_that_loses_a_class(faces):
    sampler = RandomUnderSampler(sampling_strategy={3: 0})
    with pytest.raises(ValueError, match="got no images of class 3 from the sampler"):
        fit(faces, sampler=sampler)


def test_sampler_parameters_are_nested(faces):
    clf = LinearFER(sampler=AugmentedOverSampler())
    clf.set_params(sampler__sampling_strategy=at_least(30), max_epochs=1)
    assert clone(clf).fit(*faces).class_count_.tolist() == [30] * 7


def test_checkpoints_tell_samplers_and_policies_apart(faces, tmp_path):
    def n_folders(**params):
        fit(faces, checkpoint_dir=tmp_path, max_epochs=1, **params)
        return len(list(tmp_path.iterdir()))

    assert n_folders() == 1
    assert n_folders(sampler=AugmentedOverSampler()) == 2
    assert n_folders(sampler=AugmentedOverSampler(policy="reference")) == 3
    assert n_folders(sampler=AugmentedOverSampler()) == 3
    assert n_folders(augment=Policy(flip=0.5)) == 4
    assert n_folders(augment=Policy(flip=0.5)) == 4
    assert n_folders(augment=Policy(flip=0.25)) == 5
    fitted = AugmentedOverSampler()
    fitted.fit_resample(*faces)
    assert n_folders(sampler=fitted) == 5
    assert n_folders(focal_gamma=3, logit_adjustment=1) == 5  # they do not change the weights
    assert n_folders(loss="focal", focal_gamma=3) == 6


def test_samplers_that_cannot_be_told_apart(faces, tmp_path):
    sampler = AugmentedOverSampler(sampling_strategy=lambda y: {1: 30})
    assert fit(faces, sampler=sampler).class_count_[1] == 30
    with pytest.raises(ValueError, match=r"a sampler that cannot be pickled.*use named functions"):
        fit(faces, sampler=sampler, checkpoint_dir=tmp_path)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"sampler": RandomOverSampler()}, "got sampler=RandomOverSampler(), expected None in"),
        ({"class_weight": "effective"}, "got class_weight='effective', expected None or a dict"),
    ],
)
def test_what_partial_fit_cannot_do(params, message, faces):
    with pytest.raises(ValueError, match=re.escape(message)):
        LinearFER(**params).partial_fit(*faces, classes=range(7))


def test_something_else_for_a_sampler(faces):
    with pytest.raises(ValueError, match="'sampler' parameter of LinearFER must be an object impl"):
        fit(faces, sampler="smote")


# -- soft targets and mixed images -----------------------------------------------------------------


def test_soft_targets_that_are_sure_equal_labels(faces):
    X, y = faces
    soft = LinearFER(max_epochs=3, random_state=0).fit(X, y, soft_targets=np.eye(7)[y])
    hard = LinearFER(max_epochs=3, random_state=0).fit(X, y)
    np.testing.assert_allclose(
        soft.decision_function(X), hard.decision_function(X), rtol=1e-4, atol=1e-4
    )


CONTRADICTING = "ignore:got soft_targets that favour other classes"


@pytest.mark.filterwarnings(CONTRADICTING)
def test_soft_targets_are_learned_and_stay_with_their_images(faces):
    X, y = faces
    votes = np.full((len(y), 7), 0.5 / 6)
    votes[np.arange(len(y)), (y + 1) % 7] = 0.5  # most see another emotion than y says
    clf = LinearFER(
        max_epochs=60, lr=0.01, random_state=0, early_stopping=True, n_iter_no_change=60
    )
    clf.set_params(restore_best=False, validation_fraction=0.2).fit(X, y, soft_targets=votes)
    assert (clf.predict(X) == (y + 1) % 7).mean() > 0.6
    assert clf.predict_proba(X).max(axis=1).mean() < 0.75
    assert clf.class_count_.sum() == pytest.approx(0.8 * len(y), abs=2)


@pytest.mark.filterwarnings(CONTRADICTING)
def test_priors_are_those_of_soft_targets(faces):
    X, y = faces
    votes = np.tile([0.7, *[0.05] * 6], (len(y), 1))
    votes[:, 5:] = 0.0999, 0.0001  # of the last class, there is less than an image in all
    clf = LinearFER(max_epochs=1, random_state=0).fit(X, y, soft_targets=votes)
    np.testing.assert_allclose(clf.class_count_, len(y) * votes[0], rtol=1e-4)
    plain = clf.decision_function(X)
    adjusted = clf.set_params(logit_adjustment=1.0).decision_function(X)
    np.testing.assert_allclose(adjusted - plain, np.tile(-np.log(votes[0]), (len(y), 1)), atol=1e-3)


@pytest.mark.filterwarnings(CONTRADICTING)
@pytest.mark.parametrize("with_routing", [False, True])
def test_soft_targets_in_cross_validation(with_routing, faces):
    X, y = faces
    votes = np.random.default_rng(0).dirichlet(np.ones(7), len(y))
    with config_context(enable_metadata_routing=with_routing):
        fitted = cross_validate(
            LinearFER(max_epochs=1),
            X,
            y,
            cv=2,
            params={"soft_targets": votes},
            return_estimator=True,
        )["estimator"]
    for clf, (train, _) in zip(fitted, StratifiedKFold(2).split(X, y), strict=True):
        np.testing.assert_allclose(clf.class_count_, votes[train].sum(axis=0), rtol=1e-5)


def test_columns_in_another_order(faces):
    X, y = faces
    names = np.array(ferkit.EMOTIONS)[y]
    votes = pd.DataFrame(np.eye(7)[y], columns=ferkit.EMOTIONS)
    a = LinearFER(random_state=0).fit(X, names, soft_targets=votes)
    b = LinearFER(random_state=0).fit(X, names, soft_targets=votes[sorted(ferkit.EMOTIONS)])
    np.testing.assert_array_equal(a.decision_function(X), b.decision_function(X))
    with pytest.warns(UserWarning, match=r"favour other classes for 100% .* class neutral") as w:
        LinearFER(random_state=0).fit(X, names, soft_targets=votes.to_numpy())
    assert w[0].filename == __file__


@pytest.mark.filterwarnings(CONTRADICTING)
def test_soft_targets_with_weights_mixing_and_checkpoints(faces, tmp_path):
    X, y = faces

    def soft(votes, **params):
        clf = LinearFER(max_epochs=2, class_weight="balanced", random_state=0, **params)
        return clf.fit(X, y, soft_targets=votes).decision_function(X)

    a = soft(np.eye(7)[y], augment=Policy(mixup=1.0), checkpoint_dir=tmp_path)
    np.testing.assert_array_equal(
        a, soft(np.eye(7)[y], augment=Policy(mixup=1.0), checkpoint_dir=tmp_path)
    )
    assert (a != soft(np.eye(7)[y])).any()
    soft(np.full((len(y), 7), 1 / 7), augment=Policy(mixup=1.0), checkpoint_dir=tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    ("soft_targets", "params", "message"),
    [
        (np.arange(77), {}, r"got soft_targets of shape \(77,\), expected \(77, 7\)"),
        (np.eye(7), {}, r"got soft_targets of shape \(7, 7\), expected \(77, 7\).*sampler"),
        (np.eye(8)[[0] * 77], {}, r"expected \(77, 7\).* take the columns of the labels in y"),
        (np.full((77, 7), 0.1), {}, r"in sample 0, expected probabilities, which .* sum to 1"),
        (np.full((77, 7), np.nan), {}, "in sample 0, expected probabilities"),
        (np.eye(77)[:, :7] * 2 - 1, {}, "in sample 0, expected probabilities"),
        (
            np.full((77, 7), 1 / 7),
            {"sampler": RandomOverSampler()},
            "got soft_targets and a sampler, expected one of them",
        ),
    ],
)
def test_bad_soft_targets(soft_targets, params, message, faces):
    with pytest.raises(ValueError, match=message):
        LinearFER(**params).fit(*faces, soft_targets=soft_targets)


@pytest.mark.parametrize("estimator", [MobileNetFER, ResNetFER])
@pytest.mark.parametrize("policy", [Policy(mixup=0.4), Policy(cutmix=1.0, flip=0.5), "strong"])
def test_policies_of_one_s_own(policy, estimator, faces, tmp_path):
    a, b = (fit(faces, estimator, augment=policy, max_epochs=1) for _ in range(2))
    np.testing.assert_array_equal(a.decision_function(faces[0]), b.decision_function(faces[0]))
    a.save(tmp_path / "m")
    assert ferkit.load(tmp_path / "m").augment == policy


def test_unknown_policies_are_refused(faces):
    with pytest.raises(ValueError, match=r"got augment='mild', expected a ferkit\.augment\.Policy"):
        fit(faces, augment="mild")


class Careless(BaseEstimator):
    """A sampler of one's own."""

    def __init__(self, value=0.0, container=np.array):
        self.value = value
        self.container = container

    def fit_resample(self, X, y):
        X = X.copy()
        X[3, 5] = self.value
        return self.container(X), list(y)


def test_samplers_of_ones_own(faces):
    watch = Watch()
    fit(faces, sampler=Careless(7.0, pd.DataFrame), callbacks=[watch])
    assert watch.train.X[3].ravel()[5] == 7
    with pytest.raises(ValueError, match=r"got values that are not finite from Careless\(value=na"):
        fit(faces, sampler=Careless(np.nan))
