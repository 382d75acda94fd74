"""What acts at prediction: test-time augmentation and temperature."""

import copy

import numpy as np
import pytest
import sklearn
import torch
from scipy.ndimage import affine_transform
from scipy.special import log_softmax
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.utils.fixes import parse_version

import ferkit
from ferkit import MobileNetFER, ResNetFER
from ferkit.datasets import make_faces
from ferkit.training.views import views

ESTIMATORS = [MobileNetFER, ResNetFER]


@pytest.fixture(scope="module")
def faces():
    return make_faces(70, random_state=0, return_X_y=True)


@pytest.fixture(scope="module", params=ESTIMATORS)
def trained(faces, request):
    return request.param(max_epochs=2, random_state=0).fit(*faces)


@pytest.fixture
def fitted(trained):
    return copy.copy(trained)  # its parameters are set


def test_views():
    x = torch.rand(2, 1, 48, 72)
    assert [torch.equal(view, x) for view in views(x, None)] == [True]
    one, mirrored = views(x, "flip")
    assert torch.equal(one, x)
    assert torch.equal(mirrored.flip(3), x)
    ten = list(views(x, "ten"))
    assert len(ten) == 10
    assert torch.equal(torch.stack(ten[1::2]), torch.stack(ten[::2]).flip(4))
    down_right = ten[2]
    assert torch.equal(down_right[:, :, 2:, 3:], x[:, :, :-2, :-3])
    assert (down_right[:, :, :2] == -1).all()  # black
    assert (down_right[:, :, :, :3] == -1).all()
    up_left = ten[8]
    assert torch.equal(up_left[:, :, :-2, :-3], x[:, :, 2:, 3:])


def test_tilted_views():
    x = torch.rand(2, 1, 48, 72) * 2 - 1
    upright, _, left, mirrored, right, _ = views(x, "tilt")
    assert torch.equal(upright, x)
    assert torch.equal(mirrored.flip(3), left)
    centre = np.array([47, 71]) / 2
    for view, degrees in ((left, -10), (right, 10)):
        cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
        matrix = np.array([[cos, sin], [-sin, cos]]) / 1.08
        expected = affine_transform(
            x[0, 0].numpy(),
            matrix,
            centre - matrix @ centre,
            order=1,
            mode="grid-constant",
            cval=-1,
        )
        np.testing.assert_allclose(view[0, 0], expected, atol=1e-4)


@pytest.mark.parametrize("tta", ["flip", "tilt", "ten"])
def test_a_mirrored_face_has_the_same_views(tta):
    x = torch.rand(2, 1, 48, 48)
    mean, of_mirrored = (torch.stack(list(views(y, tta))).mean(0) for y in (x, x.flip(3)))
    torch.testing.assert_close(mean, of_mirrored)


@pytest.mark.parametrize(
    ("tta", "shape", "n_views"),
    [
        ("ten", (1, 1), 2),
        ("ten", (1, 30), 10),
        ("ten", (23, 23), 2),
        ("tilt", (1, 1), 2),
        ("tilt", (1, 30), 2),
        ("tilt", (2, 2), 6),
    ],
)
def test_views_of_small_images(tta, shape, n_views):
    x = torch.rand(3, 3, *shape)
    found = list(views(x, tta))
    assert len(found) == n_views
    assert all(view.isfinite().all() for view in found)
    assert {view.shape for view in found} == {x.shape}


def test_outputs_are_means_over_views(faces, fitted):
    X = faces[0]
    flipped = np.ascontiguousarray(X[:, :, ::-1])
    for method in ("decision_function", "transform"):
        single = getattr(fitted, method)
        expected = (single(X) + single(flipped)) / 2
        both = getattr(fitted.set_params(tta="flip"), method)
        np.testing.assert_allclose(both(X), expected, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(both(X), both(flipped), rtol=1e-5, atol=1e-5)
        fitted.set_params(tta=None)


def test_each_choice_of_views_differs(faces, fitted):
    X = faces[0]
    choices = (None, "flip", "tilt", "ten")
    logits = [fitted.set_params(tta=tta).decision_function(X) for tta in choices]
    assert len({array.tobytes() for array in logits}) == 4


@pytest.mark.parametrize("tta", ["flip", "tilt", "ten"])
def test_views_of_an_image_do_not_depend_on_its_batch(faces, tta):
    X = faces[0]
    clf = MobileNetFER(variant="strided", max_epochs=1, random_state=0, tta=tta).fit(*faces)
    expected = clf.decision_function(X)
    for n in (1, 17, 33, 40):
        np.testing.assert_array_equal(clf.decision_function(X[:n]), expected[:n])


def test_temperature_divides_logits(faces, fitted):
    X = faces[0]
    plain, labels = fitted.decision_function(X), fitted.predict(X)
    fitted.set_params(logit_adjustment=0.5)
    adjusted = fitted.decision_function(X)
    warm = fitted.set_params(temperature=4.0).decision_function(X)
    np.testing.assert_allclose(warm, adjusted / 4, rtol=1e-6)
    assert warm.dtype == np.float32
    flat = fitted.set_params(logit_adjustment=0.0).predict_proba(X)
    np.testing.assert_array_equal(flat.argmax(axis=1), plain.argmax(axis=1))
    np.testing.assert_array_equal(fitted.predict(X), labels)
    fitted.set_params(temperature=1.0)
    assert flat.max(axis=1).mean() < fitted.predict_proba(X).max(axis=1).mean()


@pytest.mark.skipif(
    parse_version(sklearn.__version__) < parse_version("1.8"), reason="scikit-learn has none yet"
)
def test_temperature_is_that_of_scikit_learn(faces, fitted):
    X, y = faces
    calibrated = CalibratedClassifierCV(FrozenEstimator(fitted), method="temperature").fit(X, y)
    expected = calibrated.predict_proba(X)
    calibrator = calibrated.calibrated_classifiers_[0].calibrators[0]
    ours = fitted.set_params(temperature=float(1 / calibrator.beta_)).predict_proba(X)
    np.testing.assert_allclose(ours, expected, rtol=1e-3, atol=1e-5)


def test_they_change_no_training(faces, tmp_path):
    X, y = faces
    plain = ResNetFER(max_epochs=1, random_state=0, checkpoint_dir=tmp_path)
    plain.fit(X, y, X_val=X, y_val=y)
    other = clone(plain).set_params(tta="ten", temperature=3.0).fit(X, y, X_val=X, y_val=y)
    assert len(list(tmp_path.iterdir())) == 1  # the finished fit was loaded
    assert (other.decision_function(X) != plain.decision_function(X)).any()
    anew = clone(other).set_params(checkpoint_dir=None).fit(X, y, X_val=X, y_val=y)
    for name, tensor in plain.module_.state_dict().items():
        assert torch.equal(tensor, anew.module_.state_dict()[name])


def test_they_are_saved(faces, fitted, tmp_path):
    fitted.set_params(tta="flip", temperature=1.7).save(tmp_path / "m")
    loaded = ferkit.load(tmp_path / "m")
    assert (loaded.tta, loaded.temperature) == ("flip", 1.7)
    np.testing.assert_array_equal(loaded.predict_proba(faces[0]), fitted.predict_proba(faces[0]))


@pytest.mark.parametrize("temperature", [1e-6, 1e6])
def test_outputs_agree_for_every_temperature(faces, fitted, temperature):
    X, _ = faces
    logits = fitted.set_params(temperature=temperature).decision_function(X)
    assert np.isfinite(logits).all()
    expected = log_softmax(logits.astype(float), axis=1)
    np.testing.assert_allclose(fitted.predict_log_proba(X), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "params",
    [{"tta": "mirror"}, {"temperature": 0}, {"temperature": 1e-7}, {"temperature": "warm"}],
)
def test_bad_values(faces, fitted, params):
    (name,) = params
    with pytest.raises(ValueError, match=f"'{name}' parameter of"):
        clone(fitted).set_params(**params).fit(*faces)
    with pytest.raises(ValueError, match=f"'{name}' parameter of"):
        fitted.set_params(**params).predict(faces[0])
