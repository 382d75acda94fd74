"""Threads and processes get the bits of one after the other, and leave the process as it was."""

import copy
import os
import pkgutil
import stat
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import joblib
import numpy as np
import pytest
import torch
from joblib import Parallel, delayed
from PIL import Image
from sklearn.base import clone
from sklearn.model_selection import StratifiedGroupKFold

from ferkit import MobileNetFER, ResNetFER, _paths
from ferkit._split import split_off
from ferkit.augment import Policy
from ferkit.datasets import make_faces
from ferkit.deploy import OnnxFER, export_onnx, read_photo
from tests.helpers import LinearFER

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
OUTPUTS = ("predict_proba", "predict", "transform")
# shuffling, augmentation, dropout and the split all draw
LIVELY = {
    "augment": "strong",
    "dropout": 0.2,
    "early_stopping": True,
    "validation_fraction": 0.3,
    "max_epochs": 2,
}
FITS = [
    clone(clf).set_params(random_state=seed, **LIVELY)
    for seed in range(2)
    for clf in (ResNetFER(), MobileNetFER(variant="strided"), LinearFER())
]


@pytest.fixture(scope="module")
def faces():
    return make_faces(140, image_size=16, random_state=0, return_X_y=True)


@pytest.fixture(scope="module")
def trained(faces):
    return ResNetFER(max_epochs=1, tta="flip", random_state=0).fit(*faces)


@pytest.fixture(autouse=True)
def eager_switches():
    """Let threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    with warnings.catch_warnings():
        yield
    sys.setswitchinterval(before)


def in_threads(function, items, n_threads=16):
    """Map, beginning with all threads at once."""
    barrier = threading.Barrier(n_threads)

    def begin():
        torch.set_num_threads(1)  # a setting of each thread
        barrier.wait()

    with ThreadPoolExecutor(n_threads, initializer=begin) as pool:
        futures = [pool.submit(function, item) for item in items]
        # a deadlock is a failure, not a wait without end
        return [future.result(timeout=120) for future in futures]


def outputs_of(clf, X):
    return [getattr(clf, name)(X) for name in OUTPUTS]


def assert_same(found, expected):
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


# -- threads -----------------------------------------------------------------------------------


@pytest.mark.parametrize("tta", [None, "flip"])
def test_one_estimator_predicts_in_many_threads(tta, trained, faces):
    trained = copy.copy(trained).set_params(tta=tta)
    parts = [faces[0][start : start + 35] for start in range(0, 140, 35)] * 8
    expected = [outputs_of(trained, part) for part in parts[:4]] * 8
    for found, wanted in zip(
        in_threads(lambda X: outputs_of(trained, X), parts), expected, strict=True
    ):
        assert_same(found, wanted)


def test_a_session_of_onnx_in_many_threads(trained, faces, tmp_path):
    pytest.importorskip("onnxruntime")
    export_onnx(trained, tmp_path / "faces.onnx")
    expected = outputs_of(OnnxFER(tmp_path / "faces.onnx"), faces[0])
    clf = OnnxFER(tmp_path / "faces.onnx")  # the threads open it
    for found in in_threads(lambda _: outputs_of(clf, faces[0]), range(32)):
        assert_same(found, expected)


def test_fits_in_threads_beside_predictions(trained, faces):
    X, y = faces
    expected = [clone(clf).fit(X, y, groups=np.arange(140)).decision_function(X) for clf in FITS]
    predicted = trained.predict_proba(X)
    is_over = threading.Event()

    def predict(_):
        found = [trained.predict_proba(X)]
        while not is_over.is_set():
            found.append(trained.predict_proba(X))
        return found

    state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    with ThreadPoolExecutor(2) as pool:
        beside = [pool.submit(predict, None) for _ in range(2)]
        found = in_threads(
            lambda clf: clone(clf).fit(X, y, groups=np.arange(140)).decision_function(X),
            FITS,
            len(FITS),
        )
        is_over.set()
        for future in beside:
            assert_same(future.result(), [predicted] * len(future.result()))
    assert_same(found, expected)
    assert torch.equal(torch.get_rng_state(), state[0])
    np.testing.assert_array_equal(np.random.get_state()[1], state[1])  # noqa: NPY002
    # scikit-learn's check_array leaves filters of its own behind in threads, but of single kinds
    assert ("ignore", None, Warning, None, 0) not in warnings.filters


def split(folder):
    split_off(np.arange(40) % 2, np.arange(40), 0.5, 0)


def read(folder):
    read_photo(folder / "photo.png")


@pytest.mark.parametrize(
    ("function", "owner", "name"),
    [(split, StratifiedGroupKFold, "split"), (read, Image, "open")],
)
def test_filters_of_warnings_are_put_back(function, owner, name, tmp_path, monkeypatch):
    Image.new("L", (8, 8)).save(tmp_path / "photo.png")
    original, filters = getattr(owner, name), list(warnings.filters)

    def slow(*args, **kwargs):
        time.sleep(0.2)
        return original(*args, **kwargs)

    monkeypatch.setattr(owner, name, slow)

    def begin(delay):
        time.sleep(delay)
        function(tmp_path)

    in_threads(begin, [0, 0.1], 2)  # the second is within when the first ends
    assert warnings.filters == filters


@pytest.mark.skipif(not hasattr(os, "umask"), reason="needs umask")
def test_a_file_is_as_private_as_others_without_a_look_at_the_umask(tmp_path, monkeypatch):
    before = os.umask(0o077)
    try:
        with monkeypatch.context() as patch:
            # reading it is changing it, also for files that other threads open meanwhile
            patch.setattr(os, "umask", lambda mask: pytest.fail("the umask was changed"))
            _paths.write_whole(tmp_path / "file", b"abc")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600


def test_one_file_from_many_threads_is_one_of_theirs(tmp_path):
    in_threads(
        lambda number: _paths.write_whole(tmp_path / "file", bytes([number]) * 10**5),
        range(32),
    )
    assert os.listdir(tmp_path) == ["file"]
    content = (tmp_path / "file").read_bytes()
    assert content == content[:1] * 10**5


# -- processes ---------------------------------------------------------------------------------


def fit_and_look(clf, X, y):
    torch.set_num_threads(1)
    return outputs_of(clf.fit(X, y), X)


@pytest.fixture(scope="module")
def serial(faces):
    clfs = [ResNetFER(random_state=0, **LIVELY), MobileNetFER(random_state=1, **LIVELY)]
    clfs[1].set_params(variant="strided")
    return clfs, [fit_and_look(clone(clf), *faces) for clf in clfs]


def test_fits_in_loky_processes(serial, faces):
    clfs, expected = serial
    with joblib.parallel_config("loky", inner_max_num_threads=1):
        found = Parallel(n_jobs=2)(delayed(fit_and_look)(clf, *faces) for clf in clfs)
    for a, b in zip(found, expected, strict=True):
        assert_same(a, b)


def test_fits_in_dask_processes(serial, faces):
    distributed = pytest.importorskip("distributed")
    clfs, expected = serial
    options = {"n_workers": 2, "threads_per_worker": 2, "dashboard_address": ":0"}
    with (
        mock.patch.dict(os.environ),  # which a nanny writes into
        distributed.LocalCluster(**options) as cluster,
        distributed.Client(cluster) as client,
    ):
        futures = [client.submit(fit_and_look, clf, *faces, pure=False) for clf in clfs * 2]
        found = client.gather(futures)
    for a, b in zip(found, expected * 2, strict=True):
        assert_same(a, b)


def in_child(function):
    """Run in a forked process; return its exit status, -1 if it takes more than a minute."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if function() else 1)
        finally:
            os._exit(2)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return -1


@needs_fork
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_predicts_and_fits(serial, faces):
    clfs, expected = serial
    clf = clone(clfs[0]).fit(*faces)

    def work():
        assert_same(outputs_of(clf, faces[0]), expected[0])
        assert_same(fit_and_look(clone(clfs[0]), *faces), expected[0])
        return True

    assert in_child(work) == 0


@needs_fork
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_that_is_forked_amid_fits(serial, faces):
    clfs, expected = serial
    is_over = threading.Event()

    def fit_on(_):
        while not is_over.is_set():
            clone(clfs[0]).fit(*faces)

    def work():
        assert_same(fit_and_look(clone(clfs[0]), *faces), expected[0])
        return True

    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(fit_on, None) for _ in range(2)]
        time.sleep(0.3)
        statuses = [in_child(work) for _ in range(3)]
        is_over.set()
        for future in futures:
            future.result()
    assert statuses == [0, 0, 0]


@needs_fork
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize(
    "where",
    [
        "tests.helpers.LinearFER._make_module",
        "ferkit.augment._policy.random_affine",
        "ferkit.augment._policy.mixup",
        "torch.nn.Flatten.forward",
    ],
)
def test_forks_wait_while_a_fit_draws(where, faces):
    begun, ended = threading.Event(), []
    function = pkgutil.resolve_name(where)

    def draw(*args, **kwargs):
        if not ended:
            begun.set()
            time.sleep(0.2)
            ended.append(True)
        return function(*args, **kwargs)

    clf = LinearFER(augment=Policy(flip=0.5, mixup=0.2), precision="float32", max_epochs=1)
    with mock.patch(where, draw), ThreadPoolExecutor(1) as pool:
        future = pool.submit(clf.fit, *faces)
        assert begun.wait(60)
        assert in_child(lambda: ended) == 0
        future.result()
