"""Bad FER2013 is refused with advice, or left out and listed; never loaded as if it were good."""

import os
import re
import tempfile
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferkit import EMOTIONS
from ferkit.datasets import load_fer2013
from tests.datasets import bad_fer2013 as bad
from tests.datasets import fer2013_files as good
from tests.helpers import without_rights

CASES = bad.CASES
SKIPPABLE = {what: case for what, case in CASES.items() if case.place is not None}
each_case = pytest.mark.parametrize("what", CASES)
EVERYTHING = {(image.tobytes(), y, usage) for usage, y, _, image in good.SAMPLES}


def load(path, **kwargs):
    return load_fer2013(path, subset="all", **kwargs)


@each_case
def test_the_message_says_what_came_and_what_to_do(what, tmp_path):
    case = CASES[what]
    path = case.write(tmp_path)
    tracemalloc.start()
    try:
        with pytest.raises((ValueError, FileNotFoundError), match=case.message) as caught:
            load(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    message = str(caught.value)
    assert re.fullmatch(r"got .+, expected .+; .+", message.partition(": ")[2], re.DOTALL)
    assert message.startswith(str(path))
    assert message.isprintable()
    assert peak < 2**25  # whatever a file claims to hold


@pytest.mark.parametrize("what", SKIPPABLE)
def test_skipping_leaves_out_the_bad_sample_only(what, tmp_path):
    case = SKIPPABLE[what]
    path = case.write(tmp_path)
    with pytest.warns(
        UserWarning, match="left out 1 bad sample, all listed in .*`skipped`; the"
    ) as w:
        faces = load(path, on_error="skip")
    assert len(w) == 1
    assert w[0].filename == __file__
    assert good.pairs(faces) == EVERYTHING
    assert len(faces.images) == len(good.SAMPLES)
    ((place, reason),) = faces.skipped
    assert place == case.place
    assert re.search(case.message, reason)
    assert reason in str(w[0].message)


INCOMPLETE = {"missing class folder", "class without rows"}


@pytest.mark.parametrize("what", sorted(CASES.keys() - SKIPPABLE.keys() - INCOMPLETE))
def test_skipping_does_not_help_a_bad_whole(what, tmp_path):
    path = CASES[what].write(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises((ValueError, FileNotFoundError), match=r"got .*, expected"):
            load(path, on_error="skip")


@pytest.mark.parametrize("what", sorted(INCOMPLETE))
def test_skipping_goes_without_a_class(what, tmp_path):
    path = CASES[what].write(tmp_path)
    with pytest.warns(UserWarning, match=CASES[what].message) as caught:
        faces = load(path, on_error="skip")
    assert [w.filename for w in caught] == [__file__]
    assert good.pairs(faces) == {p for p in EVERYTHING if p[1:] != (1, "Training")}
    assert faces.skipped == []


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_many_bad_images(kind, tmp_path):
    # more than one chunk of 256, with bad ones in each and at the edges
    names = [f"train/{emotion}/Training_{i}.png" for emotion in EMOTIONS for i in range(100)]
    bad_names = [names[i] for i in (0, 1, 255, 256, 600, 699)]
    files = {name: bad.png(i % 256) for i, name in enumerate(names)}
    files |= dict.fromkeys(bad_names, b"?")
    path = (bad.in_folder if kind == "folder" else bad.in_zip)(files)(tmp_path)
    in_order = sorted(bad_names, key=lambda name: (name.split("/")[1], names.index(name)))
    with pytest.raises(ValueError, match=f"{in_order[0]}: got 1 bytes"):
        load_fer2013(path)
    with pytest.warns(UserWarning, match="left out 6 bad samples"):
        faces = load_fer2013(path, on_error="skip")
    assert [place for place, _ in faces.skipped] == in_order
    assert sorted(faces.filenames) == sorted(set(names) - set(bad_names))
    levels = [names.index(name) % 256 for name in faces.filenames]
    np.testing.assert_array_equal(
        faces.images, np.broadcast_to(np.uint8(levels)[:, None, None], faces.images.shape)
    )


@given(flaws=st.dictionaries(st.integers(0, 41), st.sampled_from(list(bad.ROWS)), min_size=1))
def test_any_rows_may_be_bad(flaws):
    header, *lines = good.csv_text(good.SAMPLES).splitlines(keepends=True)
    for at, what in flaws.items():
        lines[at] = bad.ROWS[what][0]
    rest = [sample for at, sample in enumerate(good.SAMPLES) if at not in flaws]
    # enough to have all classes in all parts
    text = b"".join([header, *lines, *good.csv_text(good.SAMPLES).splitlines(keepends=True)[1:]])
    with tempfile.TemporaryDirectory() as folder:
        path = bad.in_file("a.csv", text)(Path(folder))
        with pytest.raises(
            ValueError, match=rf", line {min(flaws) + 2}: {bad.ROWS[flaws[min(flaws)]][1]}"
        ):
            load(path)
        with pytest.warns(UserWarning, match=f"left out {len(flaws)} bad sample"):
            faces = load(path, on_error="skip")
    assert [place for place, _ in faces.skipped] == [at + 2 for at in sorted(flaws)]
    expected = [image for *_, image in rest + good.SAMPLES]
    np.testing.assert_array_equal(faces.images, expected)


@pytest.mark.parametrize("kind", ["csv", "folder"])
def test_where_nothing_is_good_the_reason_is_told(kind, tmp_path):
    if kind == "csv":  # labels as pandas writes them once one was missing
        header, *lines = good.csv_text(good.SAMPLES).splitlines(keepends=True)
        lines = [line.replace(b",", b".0,", 1) for line in lines]
        path, place = bad.in_file("a.csv", b"".join([header, *lines]))(tmp_path), "line 2: got emo"
    else:
        files = {name.replace("Training_", "im"): content for name, content in bad.BASE.items()}
        path, place = bad.in_folder(files)(tmp_path), r"im\d+.png: got 'im"
    with pytest.raises(
        ValueError, match=rf"got no Training .*images but \d+ bad samples, .*{place}"
    ):
        load(path, on_error="skip")


def test_a_class_folder_that_one_may_not_read():
    with tempfile.TemporaryDirectory() as folder:
        path = good.write_files(Path(folder), bad.BASE)
        os.chmod(path, 0o755)
        os.chmod(path / "train/sad", 0)
        with (
            without_rights(),
            pytest.raises(PermissionError, match=r"train/sad: got no permission"),
        ):
            load(path)


def test_skipping_without_a_bunch_still_warns(tmp_path):
    path = SKIPPABLE["empty file, folder"].write(tmp_path)
    with pytest.warns(UserWarning, match="left out 1 bad sample,"):
        X, y = load_fer2013(path, on_error="skip", return_X_y=True)
    assert len(X) == len(y) == 14


def test_a_file_that_one_may_not_read():
    with tempfile.TemporaryDirectory() as folder:
        path = good.write_files(Path(folder), bad.BASE)
        os.chmod(path, 0o755)  # pytest's own folders are closed to others
        name = next(name for name in bad.BASE if name.startswith("train/sad"))
        os.chmod(path / name, 0)
        with without_rights():
            with pytest.raises(ValueError, match=rf"{name}: got a file that cannot be read \(Perm"):
                load(path)
            with pytest.warns(UserWarning, match="left out 1 bad sample,"):
                assert load(path, on_error="skip").skipped[0][0] == name


def test_unknown_on_error(tmp_path):
    with pytest.raises(ValueError, match="got on_error='ignore', expected 'raise' or 'skip'"):
        load_fer2013(tmp_path, on_error="ignore")
