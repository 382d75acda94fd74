"""Collections that are larger than memory."""

import os
import subprocess
import sys
import textwrap
from unittest import mock

import numpy as np
import pytest

from ferkit import MobileNetFER
from ferkit.datasets import make_faces
from ferkit.deploy import OnnxFER, export_onnx

N_IMAGES = 30_000


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A small network for small images, as model file and as ONNX file."""
    folder = tmp_path_factory.mktemp("models")
    X, y = make_faces(70, image_size=24, random_state=0, return_X_y=True)
    clf = MobileNetFER(variant="strided", max_epochs=1, random_state=0).fit(X, y)
    clf.save(folder / "a.safetensors")
    export_onnx(clf, folder / "a.onnx")
    return folder


@pytest.fixture(scope="module")
def collection(tmp_path_factory):
    """Noise, in a file of 17 MB."""
    path = tmp_path_factory.mktemp("collection") / "faces.npy"
    X = np.lib.format.open_memmap(path, "w+", dtype=np.uint8, shape=(N_IMAGES, 24, 24))
    X[:] = np.random.default_rng(0).integers(0, 256, X.shape, dtype=np.uint8)
    X.flush()
    return path


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's account of memory")
@pytest.mark.parametrize("load", ["ferkit.load('a.safetensors')", "OnnxFER('a.onnx')"])
def test_memory_does_not_grow_with_a_memory_map(models, collection, load):
    # in a process of its own, for others' peaks would hide this one's; pages of the file do not
    # count, for the kernel takes them back when it likes
    code = f"""
        import threading, numpy as np, ferkit
        from ferkit.deploy import OnnxFER
        def used():
            with open("/proc/self/status") as file:
                return next(int(line.split()[1]) for line in file if line.startswith("RssAnon"))
        X = np.load({str(collection)!r}, mmap_mode="r")
        clf = {load}
        def peak(X):
            seen, is_over = [used()], threading.Event()
            def watch():
                while not is_over.wait(0.01):
                    seen.append(used())
            watcher = threading.Thread(target=watch)
            watcher.start()
            predicted = clf.predict(X)
            is_over.set()
            watcher.join()
            return len(predicted), max(seen)
        peak(X[:1000])
        (_, few), (n, all_) = peak(X[:5000]), peak(X)
        print(n, all_ - few)
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=models,
        capture_output=True,
        text=True,
        check=True,
    )
    n, kilobytes = map(int, run.stdout.split())
    assert n == N_IMAGES
    assert kilobytes < 12_000  # the outputs take 2 MB


def test_batches_from_anywhere(models):
    X, _ = make_faces(70, image_size=24, random_state=0, return_X_y=True)
    clf = OnnxFER(models / "a.onnx")
    batches = (X[start : start + 32] for start in range(0, 70, 32))
    together = np.concatenate([clf.predict_proba(batch) for batch in batches])
    np.testing.assert_allclose(together, clf.predict_proba(X), atol=1e-6)


def test_a_dask_array(models):
    da = pytest.importorskip("dask.array")
    distributed = pytest.importorskip("distributed")
    X, _ = make_faces(70, image_size=24, random_state=0, return_X_y=True)
    clf = OnnxFER(models / "a.onnx")
    expected = clf.predict(X)
    chunks = da.from_array(X, chunks=(20, -1, -1))
    predicted = chunks.map_blocks(clf.predict, dtype=clf.classes_.dtype, drop_axis=[1, 2])
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    with (
        mock.patch.dict(os.environ),  # which a nanny writes into
        distributed.LocalCluster(**options) as cluster,
        distributed.Client(cluster),
    ):
        np.testing.assert_array_equal(predicted.compute(), expected)
