"""Two processes train one network."""

import os
import subprocess
import sys

import numpy as np
import pytest


@pytest.fixture(scope="module")
def fits(tmp_path_factory):
    pytest.importorskip("accelerate")
    launch = ["-m", "torch.distributed.run", "--nproc_per_node=2", "-m"]
    found = {}
    for name, command in {"alone": ["-m"], "together": launch}.items():
        folder = tmp_path_factory.mktemp(name)
        process = subprocess.run(
            [sys.executable, *command, "tests.fit_together", str(folder)],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=900,
        )
        assert process.returncode == 0, process.stderr
        found[name] = [np.load(path) for path in sorted(folder.glob("*.npz"))]
        assert process.stdout.count("epoch 16/16") == 1  # one process tells of it
        assert len(list((folder / "checkpoints").iterdir())) == 1
    return found


def test_gradients_are_those_of_one_process(fits):
    (alone,), together = fits["alone"], fits["together"]
    for process in together:
        for step in ("gradient_step", "weighted_step", "taught_step"):
            np.testing.assert_allclose(process[step], alone[step], atol=2e-6)
        np.testing.assert_allclose(process["weighted_loss"], alone["weighted_loss"], rtol=1e-5)


def test_the_processes_end_with_the_same(fits):
    first, second = fits["together"]
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])


def test_the_score_is_that_of_one_process(fits):
    (alone,), together = fits["alone"], fits["together"]
    assert not np.array_equal(together[0]["weights"], alone["weights"])
    assert alone["score"] > 0.5  # chance is 0.14
    assert together[0]["score"] == pytest.approx(alone["score"], abs=0.1)
