import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ferkit import EMOTIONS
from ferkit.datasets import _ferplus, load_ferplus
from tests.datasets.fer2013_files import SAMPLES, csv, csv_text, folder, gzipped_csv, write_files

HEADER = "Usage,Image name," + ",".join(_ferplus.VOTE_NAMES)
COLUMNS = dict(zip(EMOTIONS, (4, 5, 6, 1, 3, 2, 0), strict=True))  # among the votes
CONTEMPT, UNKNOWN, NF = 7, 8, 9


def clear_votes(label):
    """Seven votes for the label, two for the next one, and a slip."""
    votes = [0] * 10
    votes[COLUMNS[EMOTIONS[label]]] = 7
    votes[COLUMNS[EMOTIONS[(label + 1) % 7]]] = 2
    votes[CONTEMPT] = 1
    return votes


def all_votes(changes=None):
    votes = [clear_votes(label) for _, label, _, _ in SAMPLES]
    for row, changed in (changes or {}).items():
        votes[row] = changed
    return votes


def ferplus_text(votes, samples=SAMPLES):
    rows = [HEADER]
    for i, ((usage, *_), counts) in enumerate(zip(samples, votes, strict=True)):
        rows.append(f"{usage},fer{i:07}.png," + ",".join(map(str, counts)))
    return "\n".join(rows) + "\n"


def write(tmp_path, votes, samples=SAMPLES):
    text = ferplus_text(votes, samples).encode()
    return write_files(tmp_path, {"fer2013new.csv": text}) / "fer2013new.csv"


@pytest.fixture
def paths(tmp_path):
    return str(csv(tmp_path)), str(write(tmp_path, all_votes()))


def test_bunch(paths):
    faces = load_ferplus(*paths)
    attributes = (
        "DESCR data dropped images row_numbers skipped soft_targets target target_names usage "
        "vote_names votes"
    )
    assert sorted(faces) == attributes.split()
    assert faces.images.shape == (14, 48, 48)
    assert faces.data.shape == (14, 2304)
    assert np.shares_memory(faces.data, faces.images)
    assert faces.target.tolist() == [label for _, label, _, _ in SAMPLES[:14]]
    assert faces.target.dtype == np.int64
    assert faces.target_names == list(EMOTIONS)
    assert faces.soft_targets.dtype == np.float32
    expected = np.eye(7)[faces.target] * 7 / 9 + np.eye(7)[(faces.target + 1) % 7] * 2 / 9
    np.testing.assert_allclose(faces.soft_targets, expected, rtol=1e-6)
    assert faces.votes.tolist() == all_votes()[:14]
    assert faces.vote_names[NF] == "NF"
    assert faces.row_numbers.tolist() == list(range(2, 16))
    assert faces.dropped == {}
    assert faces.skipped == []
    assert "14 of subset 'train'; left out by majority: none" in faces.DESCR
    images, target = load_ferplus(*paths, return_X_y=True)
    np.testing.assert_array_equal(images, faces.images)
    np.testing.assert_array_equal(target, faces.target)


@pytest.mark.parametrize("layout", [csv, gzipped_csv])
def test_rows_belong_together(layout, tmp_path):
    order = np.random.default_rng(0).permutation(len(SAMPLES))
    samples = [SAMPLES[i] for i in order]
    votes = [all_votes()[i] for i in order]
    path = layout(tmp_path, samples)
    for subset, usages in _ferplus.SUBSETS.items():
        faces = load_ferplus(path, write(tmp_path, votes, samples), subset=subset)
        kept = [sample for sample in samples if sample[0] in usages]
        np.testing.assert_array_equal(faces.images, [image for *_, image in kept])
        assert faces.target.tolist() == [label for _, label, _, _ in kept]
        assert faces.usage.tolist() == [usage for usage, *_ in kept]


def test_majorities(tmp_path):
    happy, sad = COLUMNS["happy"], COLUMNS["sad"]

    def votes(**counts):
        return [counts.get(f"n{i}", 0) for i in range(10)]

    changes = {
        0: votes(**{f"n{CONTEMPT}": 6, f"n{sad}": 4}),
        1: votes(**{f"n{UNKNOWN}": 9, f"n{sad}": 1}),
        2: votes(**{f"n{NF}": 10}),
        3: votes(**{f"n{happy}": 5, f"n{sad}": 5}),
        4: [1] * 10,
        5: votes(**{f"n{happy}": 4, f"n{sad}": 2, "n0": 2, "n2": 2}),
        6: votes(**{f"n{happy}": 5, f"n{sad}": 2, "n0": 1, "n2": 1, f"n{NF}": 1}),
        7: votes(**{f"n{sad}": 6, f"n{CONTEMPT}": 2, f"n{UNKNOWN}": 2}),
        20: votes(**{f"n{NF}": 10}),  # of PublicTest
    }
    faces = load_ferplus(csv(tmp_path), write(tmp_path, all_votes(changes)))
    assert faces.dropped == {"contempt": 1, "unknown": 1, "NF": 1, "no majority": 3}
    assert faces.row_numbers.tolist() == list(range(8, 16))
    assert faces.target[:2].tolist() == [EMOTIONS.index("happy"), EMOTIONS.index("sad")]
    np.testing.assert_allclose(faces.soft_targets[0, [3, 4]], [5 / 7, 2 / 7], rtol=1e-6)
    np.testing.assert_array_equal(faces.soft_targets[1], np.eye(7)[4])
    assert "left out by majority: 1 contempt, 1 unknown, 1 NF, 3 no majority" in faces.DESCR


@given(hnp.arrays(np.int64, (14, 10), elements=st.integers(0, 10)))
def test_a_majority_is_more_than_half_of_the_votes_that_count(votes):
    majority = _ferplus._find_majority(votes)
    for row, at in zip(votes, majority, strict=True):
        counted = [n if n > 1 else 0 for n in row]
        winners = [i for i in range(10) if 2 * counted[i] > sum(counted)]
        assert [at] == (winners or [10])


def test_a_subset_without_majorities(tmp_path):
    votes = all_votes({i: [0] * 9 + [10] for i in range(14, 28)})
    with pytest.raises(ValueError, match="got no public_test image with a majority for one of"):
        load_ferplus(csv(tmp_path), write(tmp_path, votes), subset="public_test")


@pytest.mark.parametrize("n_rows", [41, 43])
def test_another_number_of_rows(n_rows, tmp_path):
    votes = [*all_votes(), clear_votes(0)][:n_rows]
    samples = [*SAMPLES, SAMPLES[-1]][:n_rows]
    message = (
        rf"fer2013new.csv: got {n_rows} rows for the 42 of .*faces.txt, expected one for each; "
        "pass both files as they were published, of 35,887 rows"
    )
    with pytest.raises(ValueError, match=message):
        load_ferplus(csv(tmp_path), write(tmp_path, votes, samples))


def test_another_usage(tmp_path):
    path = write(tmp_path, all_votes())
    path.write_text(path.read_text().replace("PublicTest,fer0000014", "Training,fer0000014"))
    message = (
        r"fer2013new.csv: got Usage 'Training' where line 16 of .*faces.txt has 'PublicTest', "
        r"expected the same rows in the same order; pass both files as they were published"
    )
    with pytest.raises(ValueError, match=message):
        load_ferplus(csv(tmp_path), path)


@pytest.mark.parametrize("votes", [["x"] * 10, [-1] * 10, [0.5] * 10, [""] * 10, ["1e2"] * 10])
def test_bad_votes(votes, tmp_path):
    paths = csv(tmp_path), write(tmp_path, all_votes({3: votes}))
    message = f"fer2013new.csv, line 5: got the votes {', '.join(map(str, votes))}, expected ten"
    with pytest.raises(ValueError, match=re.escape(message)) as e:
        load_ferplus(*paths)
    with pytest.warns(UserWarning, match="left out 1 bad sample, all listed in") as w:
        faces = load_ferplus(*paths, on_error="skip")
    assert w[0].filename == __file__
    assert faces.skipped == [("fer2013new.csv, line 5", str(e.value))]
    assert faces.row_numbers.tolist() == [2, 3, 4, *range(6, 16)]


def test_a_bad_face_does_not_shift_the_rows(tmp_path):
    text = csv_text(SAMPLES).split(b"\n")
    text[3] = b"0,no pixels,Training"
    text.insert(6, b"")
    path = write_files(tmp_path, {"a.csv": b"\n".join(text)}) / "a.csv"
    ferplus_csv = write(tmp_path, all_votes())
    with pytest.raises(ValueError, match="line 4: got 2 pixels"):
        load_ferplus(path, ferplus_csv)
    with pytest.warns(UserWarning, match="left out 1 bad sample"):
        faces = load_ferplus(path, ferplus_csv, on_error="skip")
    kept = [sample for i, sample in enumerate(SAMPLES[:14]) if i != 2]
    np.testing.assert_array_equal(faces.images, [image for *_, image in kept])
    assert faces.target.tolist() == [label for _, label, _, _ in kept]
    assert [line for line, _ in faces.skipped] == [4]


def test_files_of_another_kind(tmp_path):
    good, votes = csv(tmp_path), write(tmp_path, all_votes())
    with pytest.raises(ValueError, match=r"got image files, expected fer2013.csv, whose rows FER"):
        load_ferplus(folder(tmp_path / "images"), votes)
    with pytest.raises(ValueError, match="got a csv that starts with 'emotion, pixels, Usage', e"):
        load_ferplus(good, good)
    with pytest.raises(FileNotFoundError, match="got no such file, expected a csv"):
        load_ferplus(good, tmp_path / "none.csv")
    with pytest.raises(ValueError, match="expected FER2013 as a folder"):
        load_ferplus(votes, votes)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"subset": "val"}, "got subset='val', expected one of 'train', 'public_test', "),
        ({"on_error": "warn"}, "got on_error='warn', expected 'raise' or 'skip'"),
    ],
)
def test_parameters(paths, options, message):
    with pytest.raises(ValueError, match=message):
        load_ferplus(*paths, **options)
