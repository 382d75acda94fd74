"""A fit that was stopped goes on to the same bits; what is wrong with a folder is told."""

import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock
from joblib import parallel_config
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback
from torch import nn

import ferkit
from ferkit import MobileNetFER, ResNetFER, persistence
from ferkit._messages import warn_user
from ferkit.datasets import make_faces
from ferkit.training import checkpoints as checkpoints_module
from tests.helpers import LinearFER, without_rights


@pytest.fixture(scope="module")
def faces():
    return make_faces(140, image_size=16, random_state=0, return_X_y=True)


class Interrupt(Callback):
    """Count the epochs, and interrupt one of them."""

    def __init__(self, at=None):
        self.at = at
        self.n_epochs = 0

    def on_epoch_begin(self, net, **kwargs):
        self.n_epochs += 1
        if len(net.history) == self.at:
            raise KeyboardInterrupt


def fit(faces, folder=None, at=None, estimator=ResNetFER, **params):
    """Fit, interrupted in an epoch or not; returns the estimator and the epochs executed."""
    counter = Interrupt(at)
    params = {"max_epochs": 6, "augment": "reference", "random_state": 0, **params}
    clf = estimator(checkpoint_dir=folder, callbacks=[counter], **params)
    if at is None:
        clf.fit(*faces)
    else:
        with pytest.raises(KeyboardInterrupt):
            clf.fit(*faces)
    return clf, counter.n_epochs


def checkpoints(folder):
    return sorted(folder.glob("*/epoch-*"))


def assert_same_fit(a, b, X):
    np.testing.assert_array_equal(a.decision_function(X), b.decision_function(X))
    times = ["seconds", "images_per_second"]
    np.testing.assert_array_equal(a.history_.drop(columns=times), b.history_.drop(columns=times))
    assert a.best_epoch_ == b.best_epoch_
    assert a.net_.n_steps_ == b.net_.n_steps_


@pytest.mark.parametrize(
    "params",
    [
        {"estimator": MobileNetFER},
        {"optimizer": "adamw", "ema_decay": 0.9, "lr_schedule": "cosine", "warmup_epochs": 2},
        {"optimizer": "sgd", "lr_schedule": "onecycle", "dropout": 0.2},
        {"optimizer": "sgd", "momentum": 0.0, "clip_grad_norm": 0.5, "class_weight": "balanced"},
        {"early_stopping": True, "n_iter_no_change": 3, "lr_schedule": "plateau"},
    ],
    ids=["mobilenet", "adamw", "onecycle", "sgd", "early stopping"],
)
def test_an_interrupted_fit_goes_on_to_the_same_bits(params, faces, tmp_path):
    expected, n_epochs = fit(faces, **params)
    assert fit(faces, tmp_path, at=4, **params)[1] == 4
    resumed, n_more = fit(faces, tmp_path, **params)
    assert n_more == n_epochs - 3
    assert_same_fit(resumed, expected, faces[0])
    # and what goes on after it, goes on alike
    is_over = params.get("early_stopping") or params.get("lr_schedule")
    if not is_over and params.get("class_weight") is None:
        assert_same_fit(resumed.partial_fit(*faces), expected.partial_fit(*faces), faces[0])


def test_warm_starts_with_different_splits_are_different_fits(faces, tmp_path):
    first, second = (
        LinearFER(max_epochs=1, early_stopping=True, random_state=seed).fit(*faces)
        for seed in (0, 1)
    )
    second.net_ = first.net_  # from the same weights
    folder = tmp_path / "checkpoints"
    for clf in (first, second):
        clf.set_params(warm_start=True, random_state=0, checkpoint_dir=folder).fit(*faces)
    assert len(list(folder.iterdir())) == 2
    assert first.history_["valid_loss"][0] != second.history_["valid_loss"][0]


@pytest.mark.parametrize("ema_decay", [None, 0.9])
def test_shared_weights_stay_shared(ema_decay, faces, tmp_path):
    class Tied(LinearFER):
        def _make_module(self, in_channels, n_classes):
            net = nn.Sequential(
                *super()._make_module(in_channels, 32),
                *(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 32), nn.Linear(32, n_classes)),
            )
            net[4].weight = net[2].weight
            return net

    params = {"estimator": Tied, "ema_decay": ema_decay, "optimizer": "adamw"}
    expected, _ = fit(faces, **params)
    fit(faces, tmp_path, at=4, **params)
    resumed, n_more = fit(faces, tmp_path, **params)
    assert n_more == 3
    assert_same_fit(resumed, expected, faces[0])
    assert resumed.module_[2].weight is resumed.module_[4].weight


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_parameters_that_no_output_depends_on(optimizer, faces, tmp_path):
    class Idle(LinearFER):
        def _make_module(self, in_channels, n_classes):
            net = super()._make_module(in_channels, n_classes)
            net[0].idle = nn.Parameter(torch.ones(3))
            return net

    params = {"estimator": Idle, "optimizer": optimizer}
    expected, _ = fit(faces, **params)
    fit(faces, tmp_path, at=4, **params)
    resumed, n_more = fit(faces, tmp_path, **params)
    assert n_more == 3
    assert_same_fit(resumed, expected, faces[0])
    assert_same_fit(resumed.partial_fit(*faces), expected.partial_fit(*faces), faces[0])


def test_a_finished_fit_is_loaded(faces, tmp_path):
    clf, _ = fit(faces, tmp_path)
    again, n_epochs = fit(faces, tmp_path)
    assert n_epochs == 0
    assert_same_fit(again, clf, faces[0])
    assert len(checkpoints(tmp_path)) == 2  # older ones are gone


def test_without_a_seed_the_first_fits_is_kept(faces, tmp_path):
    params = {"random_state": None, "early_stopping": True}
    fit(faces, tmp_path, at=3, **params)
    clf, n_epochs = fit(faces, tmp_path, **params)
    assert n_epochs == 4
    assert_same_fit(fit(faces, random_state=clf.net_.seed, early_stopping=True)[0], clf, faces[0])


def test_kills_at_any_moment(tmp_path):
    output = subprocess.run(
        [sys.executable, "-m", "tests.kill_and_resume", str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=900,  # it takes one or two hundred seconds on busy cores
    ).stdout
    outcome = json.loads(output.splitlines()[-1])
    assert outcome["same_bits"]
    assert outcome["kills"] >= 20
    assert outcome["kills_in_a_write"] >= 1
    assert outcome["epochs_executed"] <= outcome["max_epochs"] + outcome["kills"]
    starts = outcome["starts"]
    assert starts == sorted(starts)  # never back by more than what was under way
    assert starts[0] == 1 < starts[-1]
    assert outcome["files"] == ["epoch-00059.safetensors", "epoch-00060.safetensors", "lock"]


@pytest.mark.parametrize("keep", [0, 1000, -1000])
def test_a_damaged_checkpoint_is_told_of_and_the_one_before_taken(keep, faces, tmp_path):
    expected, _ = fit(faces)
    fit(faces, tmp_path, at=5)
    last = checkpoints(tmp_path)[-1]
    assert last.name == "epoch-00004.safetensors"
    last.write_bytes(last.read_bytes()[:keep])
    with pytest.warns(UserWarning, match=r"epoch-00004.*damaged.*training goes on from an older"):
        resumed, n_epochs = fit(faces, tmp_path)
    assert n_epochs == 3
    assert_same_fit(resumed, expected, faces[0])


def flip_bit(path):
    content = bytearray(path.read_bytes())
    content[-9] ^= 1
    path.write_bytes(content)


def put_a_model_there(path):
    ResNetFER(max_epochs=1).fit(*make_faces(14, image_size=16, return_X_y=True)).save(path)


def forge(path):
    tensors, header = persistence.read(path)
    persistence.write(path, tensors, header | {"history": [{"valid_f1": 3}]})


@pytest.mark.parametrize("change", [flip_bit, put_a_model_there, forge])
def test_what_only_looks_like_a_checkpoint_is_put_aside(change, faces, tmp_path):
    expected, _ = fit(faces)
    fit(faces, tmp_path, at=5)
    change(checkpoints(tmp_path)[-1])
    with pytest.warns(UserWarning, match=r"epoch-00004.*training goes on from an older"):
        resumed, n_epochs = fit(faces, tmp_path)
    assert n_epochs == 3
    assert_same_fit(resumed, expected, faces[0])


def test_a_checkpoint_that_lacks_a_part(faces, tmp_path):
    fit(faces, tmp_path, at=3)
    path = checkpoints(tmp_path)[-1]
    tensors, header = persistence.read(path)
    del tensors[next(name for name in tensors if name.endswith("exp_avg"))]
    persistence.write(path, tensors, header)
    with pytest.raises(ValueError, match=r"epoch-00002.safetensors that does not fit the network"):
        fit(faces, tmp_path)


def test_damaged_checkpoints_do_not_stand_in_the_way_of_new_ones(faces, tmp_path):
    fit(faces, tmp_path, at=6)
    for path in checkpoints(tmp_path):
        path.write_bytes(b"")
    with pytest.warns(UserWarning, match=r"epoch-0000\d.*damaged"):
        assert fit(faces, tmp_path, at=4)[1] == 4
    assert fit(faces, tmp_path)[1] == 3
    assert len(list(tmp_path.glob("*/*.damaged"))) == 2


def test_another_network_under_the_same_parameters(faces, tmp_path):
    class Changing(LinearFER):
        activation = nn.ReLU

        def _make_module(self, in_channels, n_classes):
            return nn.Sequential(*super()._make_module(in_channels, n_classes), self.activation())

    fit(faces, tmp_path, estimator=Changing, max_epochs=1)
    Changing.activation = nn.Tanh
    with pytest.raises(
        ValueError, match=r"got checkpoint .* of another network under the same par"
    ):
        fit(faces, tmp_path, estimator=Changing, max_epochs=1)


def test_other_fits_have_other_folders(faces, tmp_path):
    X, y = faces
    base, _ = fit(faces, tmp_path, estimator=LinearFER, max_epochs=1)
    for n_folders, (data, params) in enumerate(
        [
            (faces, {"lr": 0.1}),
            (faces, {"random_state": 1}),
            (faces, {"max_epochs": 2}),
            (faces, {"loss": "focal"}),
            (faces, {"loss": "focal", "focal_gamma": 3}),
            ((X[:-1], y[:-1]), {}),
            ((255 - X, y), {}),
            ((X, (y + 1) % 7), {}),
            ((X, y + 1), {}),
        ],
        start=2,
    ):
        params = {"max_epochs": 1, **params}
        assert fit(data, tmp_path, estimator=LinearFER, **params)[1] == params["max_epochs"]
        assert len(list(tmp_path.iterdir())) == n_folders
    clf = LinearFER(max_epochs=1, augment="reference", random_state=0, checkpoint_dir=tmp_path)
    clf.fit(X, y, X_val=X, y_val=y)
    assert len(list(tmp_path.iterdir())) == n_folders + 1
    # what is only said or watched makes no difference
    assert fit(faces, tmp_path, estimator=LinearFER, max_epochs=1, verbose=True)[1] == 0
    assert base.n_iter_ == 1


def test_a_folder_named_outright_must_be_of_this_fit(faces, tmp_path):
    clf, _ = fit(faces, tmp_path, max_epochs=2)
    folder = checkpoints(tmp_path)[0].parent
    assert fit(faces, folder, max_epochs=2)[1] == 0
    with pytest.raises(ValueError, match=r"of another fit \(lr=0.0005 instead of 0.1\), expected"):
        fit(faces, folder, max_epochs=2, lr=0.1)
    with pytest.raises(ValueError, match=r"of another fit \(another X\), expected"):
        fit((255 - faces[0], faces[1]), folder, max_epochs=2)
    assert_same_fit(fit(faces, folder, max_epochs=2)[0], clf, faces[0])


def test_a_checkpoint_is_no_model(faces, tmp_path):
    fit(faces, tmp_path, max_epochs=1)
    path = checkpoints(tmp_path)[0]
    for use in (ferkit.load, lambda path: fit(faces, weights=path)):
        with pytest.raises(
            ValueError, match="a checkpoint of training, expected a model file, mad"
        ):
            use(path)


def test_it_is_said_where_a_fit_goes_on(faces, tmp_path, capsys):
    fit(faces, tmp_path, at=3)
    fit(faces, tmp_path, verbose=2)
    folder = checkpoints(tmp_path)[0].parent
    assert f"loaded epoch 2 from {folder}" in capsys.readouterr().out


def test_a_folder_in_use_is_waited_for(faces, tmp_path, monkeypatch):
    expected, _ = fit(faces, tmp_path, max_epochs=1)
    is_held, is_waited_for = threading.Event(), threading.Event()

    def hold():
        with FileLock(checkpoints(tmp_path)[0].parent / "lock"):
            is_held.set()
            is_waited_for.wait()

    def warn(message):
        warn_user(message)
        is_waited_for.set()

    monkeypatch.setattr(checkpoints_module, "warn_user", warn)
    other = threading.Thread(target=hold)
    other.start()
    is_held.wait()
    with pytest.warns(UserWarning, match="the same fit is writing to elsewhere; this one waits"):
        clf, n_epochs = fit(faces, tmp_path, max_epochs=1)
    other.join()
    assert n_epochs == 0
    assert_same_fit(clf, expected, faces[0])


def test_a_fit_within_itself_does_not_wait(faces, tmp_path):
    class Again(Callback):
        def on_epoch_end(self, net, **kwargs):
            fit(faces, tmp_path, max_epochs=2)

    params = {"augment": "reference", "random_state": 0, "checkpoint_dir": tmp_path}
    with pytest.raises(RuntimeError, match="same fit is writing to, expected one fit at a time"):
        ResNetFER(max_epochs=2, callbacks=[Again()], **params).fit(*faces)


@pytest.mark.filterwarnings("ignore:.*the same fit is writing to elsewhere")
def test_candidates_that_are_one_fit_train_once(faces, tmp_path):
    trained = []

    class Count(Callback):
        def on_epoch_end(self, net, **kwargs):
            trained.append(net)

        def __sklearn_clone__(self):
            return self

    search = GridSearchCV(
        LinearFER(max_epochs=40, random_state=0, checkpoint_dir=tmp_path, callbacks=[Count()]),
        {"temperature": [0.5, 1.0, 2.0]},
        cv=2,
        error_score="raise",
    )
    with parallel_config("threading", n_jobs=3):
        scores = search.fit(*faces).cv_results_["mean_test_score"]
    assert len(set(scores)) == 1
    assert len(trained) == 40 * (2 + 1)  # the folds, and all


def test_a_folder_that_cannot_be(faces, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"got 'Not a directory' for the checkpoint folder .*/file/"):
        fit(faces, tmp_path / "file")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such limits")
def test_a_disk_that_is_full(faces, tmp_path):
    import resource

    expected, _ = fit(faces)
    fit(faces, tmp_path, at=3)
    kept = checkpoints(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(
            OSError, match=r"got 'File too large' for .*, expected a folder with room.*; c"
        ):
            fit(faces, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert checkpoints(tmp_path) == kept
    assert not list(tmp_path.glob("*/.epoch-*"))
    assert_same_fit(fit(faces, tmp_path)[0], expected, faces[0])


def test_a_folder_that_one_may_not_write_to(faces):
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o555)
        expected = "got 'Permission denied' for the checkpoint folder"
        with without_rights(), pytest.raises(OSError, match=expected):
            fit(faces, folder)


def test_a_folder_that_one_may_only_read_is_enough_for_a_finished_fit(faces):
    with tempfile.TemporaryDirectory() as root:
        expected, _ = fit(faces, root, max_epochs=2)
        os.chmod(root, 0o755)
        earlier, last = checkpoints(Path(root))
        folder = earlier.parent
        (folder / "lock").unlink()
        os.chmod(folder, 0o555)
        with without_rights():
            again, n_epochs = fit(faces, root, max_epochs=2)
        assert n_epochs == 0
        assert_same_fit(again, expected, faces[0])
        os.chmod(folder, 0o755)
        last.unlink()
        os.chmod(folder, 0o555)
        counter = Interrupt()
        params = {"max_epochs": 2, "augment": "reference", "random_state": 0}
        clf = ResNetFER(checkpoint_dir=root, callbacks=[counter], **params)
        with without_rights(), pytest.raises(OSError, match="got 'Permission denied' for the che"):
            clf.fit(*faces)
        assert counter.n_epochs == 0


def test_clones_in_a_search_share_a_root(faces, tmp_path):
    search = GridSearchCV(
        LinearFER(max_epochs=2, random_state=0, checkpoint_dir=tmp_path),
        {"lr": [0.001, 0.01]},
        cv=2,
    )
    scores = search.fit(*faces).cv_results_["mean_test_score"]
    assert len(list(tmp_path.iterdir())) == 2 * 2 + 1
    files = {path: path.stat().st_mtime_ns for path in checkpoints(tmp_path)}
    np.testing.assert_array_equal(search.fit(*faces).cv_results_["mean_test_score"], scores)
    assert {path: path.stat().st_mtime_ns for path in checkpoints(tmp_path)} == files
