import os
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from ferkit.datasets import _fetch, fetch_fer2013, load_fer2013
from tests.datasets.fer2013_files import SAMPLES, folder, pairs


class FakeKagglehub(SimpleNamespace):
    """Writes the small FER2013, and remembers what it was asked for."""

    def __init__(self, samples=SAMPLES, error=None):
        super().__init__(samples=samples, error=error, calls=[])

    def dataset_download(self, handle, *, output_dir):
        self.calls.append(handle)
        os.makedirs(output_dir)
        if self.error:
            raise self.error
        return str(folder(Path(output_dir), self.samples))


@pytest.fixture
def install(monkeypatch):
    """Make a module the installed kagglehub, and the small FER2013 the expected one."""
    found = Counter(usage for usage, *_ in SAMPLES)
    monkeypatch.setattr(_fetch, "_COUNTS", {usage: [2] * 7 for usage in found})
    public = [(image, label) for usage, label, _, image in SAMPLES if usage == "PublicTest"]
    monkeypatch.setattr(_fetch, "_PUBLIC_TEST", _fetch._digest(*zip(*public, strict=True)))

    def install(module):
        monkeypatch.setitem(sys.modules, "kagglehub", module)
        return module

    return install


def test_fetches_once_and_loads(install, tmp_path):
    kagglehub = install(FakeKagglehub())
    faces = fetch_fer2013(data_home=tmp_path / "new" / "home", subset="all")
    assert kagglehub.calls == ["msambare/fer2013"]
    assert pairs(faces) == {(image.tobytes(), y, usage) for usage, y, _, image in SAMPLES}
    assert [path.name for path in (tmp_path / "new" / "home").iterdir()] == ["fer2013"]

    install(None)  # as if it were not installed
    home = str(tmp_path / "new" / "home")
    images, target = fetch_fer2013(data_home=home, subset="test", return_X_y=True)
    expected = load_fer2013(tmp_path / "new/home/fer2013", subset="test")
    np.testing.assert_array_equal(images, expected.images)
    np.testing.assert_array_equal(target, expected.target)
    assert sorted(fetch_fer2013(data_home=home)) == sorted(expected)


def test_the_default_home(install, tmp_path, monkeypatch):
    install(FakeKagglehub())
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert len(fetch_fer2013().images) == 14
    assert (tmp_path / ".cache/ferkit/fer2013/train").is_dir()


def test_kagglehub_is_missing(install, tmp_path):
    install(None)
    with pytest.raises(
        ImportError, match=r'pip install "ferkit\[fetch\]", or get https://www'
    ) as e:
        fetch_fer2013(data_home=tmp_path / "home")
    assert e.value.name == "kagglehub"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [OSError("Name or service not known"), RuntimeError("401")])
def test_offline_or_without_credentials(error, install, tmp_path):
    install(FakeKagglehub(error=error))
    message = (
        rf"got {type(error).__name__} from Kaggle \({error}\), expected the data set "
        r"msambare/fer2013; check the connection, .* or get https://www.kaggle.com/datasets/msam.* "
        r"by hand and use load_fer2013"
    )
    with pytest.raises(ConnectionError, match=message) as e:
        fetch_fer2013(data_home=tmp_path)
    assert e.value.__cause__ is error
    assert not list(tmp_path.iterdir())


def test_an_interrupt_leaves_nothing(install, tmp_path):
    install(FakeKagglehub(error=KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        fetch_fer2013(data_home=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "samples", [SAMPLES[1:], [*SAMPLES, ("Training", 0, 10**6, SAMPLES[0][3])]]
)
def test_another_number_of_images(samples, install, tmp_path):
    install(FakeKagglehub(samples))
    message = (
        rf"fer2013: got {'13'[len(samples) > 42]} images of angry in Training, expected 2; remove "
        "the folder and fetch it again, or use load_fer2013"
    )
    for _ in range(2):
        with pytest.raises(ValueError, match=message):
            fetch_fer2013(data_home=tmp_path, subset="public_test")


def test_other_levels(install, tmp_path):
    usage, label, number, image = SAMPLES[20]
    assert usage == "PublicTest"
    samples = [*SAMPLES[:20], (usage, label, number, image ^ 1), *SAMPLES[21:]]
    install(FakeKagglehub(samples))
    with pytest.warns(
        UserWarning, match="got PublicTest with the SHA-256 .*JPEG decoder is an"
    ) as w:
        fetch_fer2013(data_home=tmp_path)
    assert w[0].filename == __file__


def test_the_digest_sees_images_and_labels_but_not_their_order():
    images, target = np.stack([s[3] for s in SAMPLES]), np.array([s[1] for s in SAMPLES])
    digest = _fetch._digest(images, target)
    assert _fetch._digest(images[::-1], target[::-1]) == digest
    assert _fetch._digest(images, target[::-1]) != digest


def test_the_known_counts_are_fer2013s():
    totals = {usage: sum(counts) for usage, counts in _fetch._COUNTS.items()}
    assert totals == {"Training": 28709, "PublicTest": 3589, "PrivateTest": 3589}


def test_the_known_digest_is_that_of_the_real_public_test():
    if not os.environ.get("FERKIT_DATA"):
        pytest.skip("FERKIT_DATA does not name the folder that holds FER2013")
    real = load_fer2013(os.environ["FERKIT_DATA"], subset="public_test")
    if "filenames" not in real:
        pytest.skip("the csv has levels before JPEG")
    assert _fetch._digest(real.images, real.target) == _fetch._PUBLIC_TEST
