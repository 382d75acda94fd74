"""What a caller has set for all of torch, which a fit is not to depend on."""

from contextlib import contextmanager

import numpy as np
import pytest
import torch
from sklearn.base import clone
from skorch.callbacks import Callback

import ferkit
from ferkit import ResNetFER
from ferkit.augment import Policy
from ferkit.datasets import make_faces
from ferkit.inspection import grad_cam
from tests.helpers import LinearFER


@pytest.fixture(scope="module")
def faces():
    return make_faces(70, image_size=16, random_state=0, return_X_y=True)


@contextmanager
def default_dtype(dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def fit(faces):
    X, y = faces
    clf = ResNetFER(
        augment=Policy(flip=0.5, rotation=5, noise=0.1, mixup=0.2, cutmix=0.5),
        dropout=0.2,
        class_weight="balanced",
        ema_decay=0.9,
        max_epochs=1,
        random_state=0,
    )
    return clf.fit(X, y, X_val=X[:20], y_val=y[:20])


@pytest.mark.parametrize(
    "surroundings", [torch.no_grad, torch.inference_mode, lambda: torch.device("meta")]
)
def test_modes_and_devices(surroundings, faces, tmp_path):
    X, y = faces
    expected = fit(faces)
    with surroundings():
        clf = fit(faces)
        for tta in (None, "flip", "tilt", "ten"):
            proba = clf.set_params(tta=tta).predict_proba(X)
            with torch.device("cpu"):
                np.testing.assert_array_equal(proba, expected.set_params(tta=tta).predict_proba(X))
        clf.save(tmp_path / "clf")
        loaded = ferkit.load(tmp_path / "clf")
        np.testing.assert_array_equal(grad_cam(loaded, X[:3]), grad_cam(expected, X[:3]))
    for after in (clf, loaded):
        assert after.set_params(class_weight=None).partial_fit(X, y).n_iter_ == 2


def test_what_inference_mode_leaves_can_be_trained(faces, tmp_path):
    class Stop(Callback):
        def on_epoch_end(self, net, **kwargs):
            if len(net.history) == 2:
                raise KeyboardInterrupt

    X, y = faces
    clf = LinearFER(max_epochs=3, random_state=0, checkpoint_dir=tmp_path)
    expected = clone(clf).set_params(checkpoint_dir=None).fit(X, y).predict_proba(X)
    with torch.inference_mode():
        with pytest.raises(KeyboardInterrupt):
            clone(clf).set_params(callbacks=[Stop()]).fit(X, y)
        for _ in ("goes on", "is loaded"):
            again = clone(clf).fit(X, y)
            np.testing.assert_array_equal(again.predict_proba(X), expected)
        with pytest.raises(ValueError, match="got level"):
            again.partial_fit(X.astype(int) * 2, y)
        with pytest.raises(ValueError, match="training diverged"):
            again.set_params(lr=1e38).partial_fit(X, y)
    assert again.set_params(lr=1e-3).partial_fit(X, y).n_iter_ == 4


def test_the_loss_of_an_epoch_is_added_up_in_float32():
    X, y = make_faces(700, image_size=16, random_state=0, return_X_y=True)
    clf = ResNetFER(batch_size=2, lr=1e-5, max_epochs=1, precision="float32", random_state=0)
    with default_dtype(torch.bfloat16):
        assert clf.fit(X[:, ::2, ::2], y).history_["train_loss"][0] == pytest.approx(
            np.log(7), abs=0.1
        )


@pytest.mark.parametrize("tta", ["flip", "tilt", "ten"])
def test_views_are_float32(faces, tta):
    X, y = faces
    clf = ResNetFER(max_epochs=1, random_state=0, tta=tta).fit(X, y)
    expected = clf.predict_proba(X)
    for dtype in (torch.float64, torch.bfloat16):
        with default_dtype(dtype):
            np.testing.assert_array_equal(clf.predict_proba(X), expected)
