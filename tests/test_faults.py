"""Memory, clocks, signals and files that fail amid the work."""

import errno
import itertools
import os
import shutil
import signal
import sys
import time

import numpy as np
import pytest
import torch
from optuna.distributions import FloatDistribution
from sklearn.exceptions import FitFailedWarning
from skorch.callbacks import Callback
from torch import nn

from ferkit import _paths
from ferkit.datasets import load_fer2013, make_faces
from ferkit.model_selection import FERSearchCV
from tests.datasets.fer2013_files import image_zip
from tests.helpers import LinearFER

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
forks = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


@pytest.fixture(scope="module")
def faces():
    return make_faces(140, image_size=16, random_state=0, return_X_y=True)


class AtEpoch(Callback):
    """Do something as an epoch begins."""

    def __init__(self, epoch, function):
        self.epoch, self.function = epoch, function

    def on_epoch_begin(self, net, **kwargs):
        if len(net.history) == self.epoch:
            self.function()


def make(folder=None, at=None, **params):
    callbacks = [AtEpoch(*at)] if at else None
    params = {"max_epochs": 6, "augment": "reference", "random_state": 0, **params}
    return LinearFER(checkpoint_dir=folder, callbacks=callbacks, **params)


@pytest.fixture(scope="module")
def expected(faces):
    return make().fit(*faces).decision_function(faces[0])


def assert_goes_on(folder, faces, expected):
    """See that a fit takes up what is in a folder, and ends as if it had never stopped."""
    begun = []
    clf = make(folder, at=(1, lambda: begun.append(1))).fit(*faces)
    assert not begun
    np.testing.assert_array_equal(clf.decision_function(faces[0]), expected)


# -- memory ------------------------------------------------------------------------------------


class Hungry(nn.Module):
    """Has enough memory for some batches."""

    def __init__(self, n_classes, error):
        super().__init__()
        self.linear = nn.Linear(256, n_classes)
        self.error, self.n_left = error, 10**9

    def forward(self, x):
        self.n_left -= 1
        if self.n_left < 0:
            raise self.error
        return self.linear(x.flatten(1))


class HungryFER(LinearFER):
    error = None

    def _make_module(self, in_channels, n_classes):
        return Hungry(n_classes, self.error)


ERRORS = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nSee documentation"),
    RuntimeError("MPS backend out of memory (MPS allocated: 8 GB). Tried to allocate 2 GB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: str(error)[:4])
def test_memory_that_is_short_in_a_fit(error, faces, monkeypatch):
    monkeypatch.setattr(HungryFER, "error", error)
    clf = HungryFER(max_epochs=2, random_state=0).fit(*faces)
    before = clf.decision_function(faces[0])

    def starve(net, **kwargs):
        net.module_.n_left = 1

    hungry = Callback()
    hungry.on_train_begin = starve
    clf.set_params(callbacks=[hungry])
    message = r"too little memory on cpu for training with batch_size=64, .*set batch_size=32 or "
    with pytest.raises(torch.OutOfMemoryError, match=message) as caught:
        clf.fit(*faces)
    assert caught.value.__cause__ is error
    assert str(error).splitlines()[0] in str(caught.value)
    np.testing.assert_array_equal(clf.decision_function(faces[0]), before)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: str(error)[:4])
def test_memory_that_is_short_in_a_prediction(error, faces, monkeypatch):
    monkeypatch.setattr(HungryFER, "error", error)
    clf = HungryFER(max_epochs=1, random_state=0).fit(*faces)
    before = clf.decision_function(faces[0])
    clf.module_.n_left = 1
    message = r"on cpu for batches of 64 images of shape \(16, 16, 1\), .*set_params\(device='cpu'"
    with pytest.raises(torch.OutOfMemoryError, match=message) as caught:
        clf.predict(faces[0])
    assert caught.value.__cause__ is error
    clf.module_.n_left = 10
    np.testing.assert_array_equal(clf.decision_function(faces[0]), before)


def test_other_errors_are_left_as_they_are(faces, monkeypatch):
    error = RuntimeError("mat1 and mat2 shapes cannot be multiplied")
    monkeypatch.setattr(HungryFER, "error", error)
    clf = HungryFER(max_epochs=1, random_state=0).fit(*faces)
    clf.module_.n_left = 0
    with pytest.raises(RuntimeError, match="mat1 and mat2") as caught:
        clf.predict(faces[0])
    assert caught.value is error


def test_memory_that_is_short_fails_a_trial_not_a_search(faces, monkeypatch):
    monkeypatch.setattr(HungryFER, "error", ERRORS[0])
    n_fits = iter(range(100))

    class SometimesHungryFER(HungryFER):
        def _make_module(self, in_channels, n_classes):
            module = super()._make_module(in_channels, n_classes)
            module.n_left = 0 if next(n_fits) == 0 else 10**9
            return module

    space = {"lr": FloatDistribution(1e-4, 1e-2)}
    search = FERSearchCV(SometimesHungryFER(max_epochs=1), space, n_trials=2, cv=2, random_state=0)
    with pytest.warns(FitFailedWarning, match=r"1 of 2 trials failed.*too little memory"):
        search.fit(*faces)
    assert search.study_.best_trial.number == 1


# -- clocks ------------------------------------------------------------------------------------


@pytest.fixture
def backwards(monkeypatch):
    """A clock that is set back by an hour at each look."""
    now = [time.time()]

    def look():
        now[0] -= 3600
        return now[0]

    monkeypatch.setattr(time, "time", look)
    monkeypatch.setattr("tqdm.std.time", look)
    return now


def test_a_fit_while_the_clock_is_set_back(faces, expected, tmp_path, backwards, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    start = backwards[0]
    clf = make(tmp_path, verbose=1).fit(*faces)
    assert backwards[0] < start  # somebody looked
    np.testing.assert_array_equal(clf.decision_function(faces[0]), expected)
    assert (clf.history_["seconds"] > 0).all()
    assert_goes_on(tmp_path, faces, expected)


def test_a_search_ends_while_the_clock_is_set_back(faces, backwards):
    def space(trial):
        if trial.number == 500:
            raise AssertionError("the search did not end")
        return {"lr": trial.suggest_float("lr", 1e-4, 1e-2)}

    search = FERSearchCV(
        LinearFER(max_epochs=1), space, n_trials=None, timeout=1.0, cv=2, random_state=0
    )
    start = time.monotonic()
    search.fit(*faces)
    assert time.monotonic() - start < 60
    assert search.study_.trials


# -- signals -----------------------------------------------------------------------------------


def end_of_child(function):
    child = os.fork()
    if child == 0:
        try:
            function()
        finally:
            os._exit(3)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@needs_fork
@forks
def test_sigterm_between_epochs(faces, expected, tmp_path):
    clf = make(tmp_path, at=(4, lambda: os.kill(os.getpid(), signal.SIGTERM)))
    assert end_of_child(lambda: clf.fit(*faces)) == -signal.SIGTERM
    files = sorted(path.name for path in tmp_path.glob("*/*"))
    assert files == ["epoch-00002.safetensors", "epoch-00003.safetensors", "lock"]
    assert_goes_on(tmp_path, faces, expected)


@needs_fork
@forks
def test_sigterm_amid_a_write(faces, expected, tmp_path):
    def fit():
        clf = make(tmp_path, at=(4, lambda: setattr(_paths.os, "fsync", die)))
        clf.fit(*faces)

    def die(descriptor):
        os.kill(os.getpid(), signal.SIGTERM)

    assert end_of_child(fit) == -signal.SIGTERM
    names = sorted(path.name for path in tmp_path.glob("*/epoch-*"))
    assert names == ["epoch-00002.safetensors", "epoch-00003.safetensors"]
    assert len(list(tmp_path.glob("*/.epoch-00004*"))) == 1  # which counts for nothing
    assert_goes_on(tmp_path, faces, expected)
    assert not list(tmp_path.glob("*/.epoch-*"))


def test_a_handler_that_ends_the_process(faces, expected, tmp_path, monkeypatch):
    def end(number, frame):
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    fsync = os.fsync
    try:
        with monkeypatch.context() as patch:
            terminate = lambda _: signal.raise_signal(signal.SIGTERM)  # noqa: E731
            clf = make(tmp_path, at=(4, lambda: patch.setattr(os, "fsync", terminate)))
            with pytest.raises(SystemExit) as caught:
                clf.fit(*faces)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert os.fsync is fsync
    assert caught.value.code == 128 + signal.SIGTERM
    assert not hasattr(clf, "net_")
    assert not list(tmp_path.glob("*/.epoch-*"))
    assert_goes_on(tmp_path, faces, expected)


# -- files -------------------------------------------------------------------------------------


def test_a_mapped_file_that_is_removed_amid_a_fit(faces, expected, tmp_path):
    X, y = faces
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    clf = make(at=(3, (tmp_path / "X.npy").unlink))
    clf.fit(mapped, y)
    assert not (tmp_path / "X.npy").exists()
    np.testing.assert_array_equal(clf.decision_function(X), expected)


def test_a_checkpoint_folder_that_is_removed_amid_a_fit(faces, tmp_path):
    clf = make(tmp_path / "root", at=(4, lambda: shutil.rmtree(tmp_path / "root")))
    message = "expected a file in a folder that exists; create it' for the checkpoint folder"
    with pytest.raises(OSError, match=message):
        clf.fit(*faces)
    assert not hasattr(clf, "net_")


@pytest.mark.skipif(not hasattr(os, "pread"), reason="Windows does not cut mapped files")
def test_a_zip_that_is_cut_amid_the_reading(tmp_path, monkeypatch):
    path, n_reads, pread = image_zip(tmp_path), itertools.count(), os.pread

    def read(*args):
        if next(n_reads) == 4:
            os.truncate(path, 100)
        return pread(*args)

    monkeypatch.setattr(os, "pread", read)
    with pytest.raises(ValueError, match=r"got a damaged zip member \(.*pass on_error='skip'"):
        load_fer2013(path)


def test_a_drive_that_goes_amid_the_reading(tmp_path, monkeypatch):
    path = image_zip(tmp_path)

    def read(*args):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "pread", read, raising=False)
    message = r"got a file that cannot be read \(Input/output error\), expected a gray"
    with pytest.raises(ValueError, match=message):
        load_fer2013(path)
