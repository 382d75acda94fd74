import numpy as np
import pandas as pd
import pytest
from sklearn.utils.class_weight import compute_class_weight

from ferkit import EMOTIONS
from ferkit.datasets import class_balance


def test_columns():
    table = class_balance([0] * 6 + [1] * 3 + [2], target_names=["a", "b", "c"])
    assert table.index.tolist() == ["a", "b", "c"]
    assert table["n"].tolist() == [6, 3, 1]
    assert table["n"].dtype == np.int64
    assert table["share"].tolist() == [0.6, 0.3, 0.1]
    assert table["imbalance"].tolist() == [1, 2, 6]
    assert table.columns.tolist() == ["n", "share", "imbalance", "balanced_weight"]


@pytest.mark.parametrize("make", [np.array, list, pd.Series, lambda y: np.array(y, float)])
def test_weights_are_scikit_learns(make):
    y = make([1, 1, 1, 3, 4, 4])
    expected = compute_class_weight("balanced", classes=np.unique(y), y=np.asarray(y))
    table = class_balance(y)
    np.testing.assert_allclose(table["balanced_weight"][table["n"] > 0], expected)


@pytest.mark.parametrize(
    ("y", "names"), [([6, 0, 6], EMOTIONS), (["neutral", "angry", "neutral"], None)]
)
def test_emotions_come_in_their_order(y, names):
    table = class_balance(y, target_names=names)
    assert tuple(table.index) == EMOTIONS
    assert table["n"].tolist() == [1, 0, 0, 0, 0, 0, 2]
    assert table.loc["disgust"].tolist() == [0, 0, np.inf, np.inf]


@pytest.mark.parametrize(
    ("y", "names"),
    [
        (["sad", "awed", "sad"], ["awed", "sad"]),
        ([7, 2, 7], [2, 7]),
        ([2, 0, 2], [0, 2]),  # of anything, not angry and fear
        ([1, -1, 1], [-1, 1]),
        ([True, False, True], [False, True]),
    ],
)
def test_other_labels_stand_for_themselves(y, names):
    table = class_balance(y)
    assert table.index.tolist() == names
    assert table["n"].tolist() == [1, 2]


@pytest.mark.parametrize("y", [[0, 2], [-1, 0], ["a", "b"]])
def test_labels_without_a_name(y):
    with pytest.raises(ValueError, match=r"got labels .*expected positions in target_names, 0 to"):
        class_balance(y, target_names=["a", "b"])


@pytest.mark.parametrize(
    ("y", "message"),
    [([], "got no labels"), ([0.5, 1.5], "continuous"), ([[0, 1]], r"got y of shape \(1, 2\)")],
)
def test_bad_labels(y, message):
    with pytest.raises(ValueError, match=message):
        class_balance(y)
