"""A few hostile files for each loader; ``python -m tests.attacks.fuzz`` runs many."""

import os
import sys
import warnings

import pytest

from tests.attacks import worker
from tests.attacks.targets import NAMES, Case, Target, find_target
from tests.attacks.worker import FAILURE, RIGHT, run_case, run_cases

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the limits are Linux's")

# a case of these makes a network
SLOW = {"model", "checkpoint", "onnx"}


@pytest.mark.parametrize("name", NAMES)
def test_hostile_files(name, tmp_path):
    if name == "onnx":
        pytest.importorskip("onnxruntime")
    folder = tmp_path / "case"
    folder.mkdir()
    target = find_target(name)(folder, None)
    target.warm_up()
    guard = worker._Guard(folder)
    n_cases = 30 if name in SLOW else 300
    results = [run_case(target, 1, index, guard) for index in range(n_cases)]
    assert [result for result in results if result.outcome == FAILURE] == []
    assert sum(result.is_past_header for result in results) > n_cases / 2
    assert len({result.outcome for result in results}) > 1  # answers, and refusals


class Naughty(Target):
    """A loader that does what its case says."""

    name = "naughty"

    def make(self, random):
        return Case(self.folder, None, ["done"])

    def is_past_header(self, case):
        return True

    def call(self, case):
        return self.action()

    def check(self, case, answer):
        assert answer is None


@pytest.fixture
def guard(tmp_path):
    (tmp_path / "case").mkdir()
    return worker._Guard(tmp_path / "case")


def outcome_of(action, guard, tmp_path):
    target = Naughty(tmp_path / "case", None)
    target.action = action
    return run_case(target, 0, 0, guard)


def refuse(text, kind=ValueError):
    raise kind(text)


def test_what_is_allowed(guard, tmp_path):
    path = tmp_path / "case"
    assert outcome_of(lambda: None, guard, tmp_path).outcome == RIGHT
    said = f"{path}: got x, expected y; do z"
    assert outcome_of(lambda: refuse(said), guard, tmp_path).outcome == "ValueError"


@pytest.mark.parametrize(
    ("action", "text"),
    [
        (lambda path: 3, "not the right answer"),
        (lambda path: refuse("a", IndexError), "an exception that is not documented"),
        (lambda path: refuse("no"), "does not name the file"),
        (lambda path: refuse(f"{path}: got \x1b, expected y"), "cannot be printed"),
        (lambda path: (path.parent / "out").write_text("x"), "did what no loader may do"),
        (lambda path: os.system("true"), "did what no loader may do"),
        (lambda path: exec("1"), "did what no loader may do"),
        (
            lambda path: warnings.warn("x", UserWarning, stacklevel=1),
            "a warning that is not documented",
        ),
    ],
)
def test_what_is_not(action, text, guard, tmp_path):
    result = outcome_of(lambda: action(tmp_path / "case"), guard, tmp_path)
    assert result.outcome == FAILURE
    assert text in result.text


def test_a_case_may_end_or_stop_its_process(monkeypatch):
    monkeypatch.setattr(worker, "MAX_SECONDS", 1)
    monkeypatch.setattr(worker, "_start", start)
    results = list(run_cases("any", 0, range(4), None))
    assert [result.outcome for result in results] == [RIGHT, FAILURE, FAILURE, RIGHT]
    assert "exit code 9" in results[1].text
    assert "no end after 1 s" in results[2].text


def start(name, seed, indices, data):
    """Stand in for a worker whose case 1 ends it, and whose case 2 has no end."""
    context = worker.multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=work, args=(theirs, indices))
    process.start()
    theirs.close()
    return ours, process


def work(connection, indices):
    for index in indices:
        if index == 1:
            os._exit(9)
        if index == 2:
            while True:
                pass
        connection.send(worker.Result(index, True, RIGHT, ""))
