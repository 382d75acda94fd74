"""Scores that scikit-learn does not have."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ferkit.metrics import expected_calibration_error


def slow_error(y_true, y_prob, labels, n_bins):
    """Go bin by bin, as the paper writes it."""
    confidence = y_prob.max(axis=1)
    is_right = labels[y_prob.argmax(axis=1)] == y_true
    edges, total = np.linspace(0, 1, n_bins + 1), 0
    for low, high in pairwise(edges):
        here = (confidence > low) & ((confidence <= high) | (high == 1))
        if here.any():
            total += here.sum() * abs(is_right[here].mean() - confidence[here].mean())
    return total / len(y_true)


@given(
    seed=st.integers(0, 1000),
    n=st.integers(1, 200),
    n_classes=st.integers(2, 8),
    n_bins=st.integers(1, 30),
)
def test_it_is_the_papers(seed, n, n_classes, n_bins):
    rng = np.random.default_rng(seed)
    labels = 3 * np.arange(n_classes) - 4
    y_true, y_prob = rng.choice(labels, n), rng.dirichlet(np.full(n_classes, 0.5), n)
    got = expected_calibration_error(y_true, y_prob, labels=labels, n_bins=n_bins)
    assert got == pytest.approx(slow_error(y_true, y_prob, labels, n_bins), abs=1e-9)
    assert 0 <= got <= 1


def test_what_comes_true_as_often_as_it_says_is_calibrated():
    rng = np.random.default_rng(0)
    y_prob = rng.dirichlet(np.ones(5), 100_000)
    y_true = (y_prob.cumsum(axis=1) > rng.random((len(y_prob), 1))).argmax(axis=1)
    assert expected_calibration_error(y_true, y_prob) < 0.01
    sharpened = y_prob**3 / (y_prob**3).sum(axis=1, keepdims=True)
    assert expected_calibration_error(y_true, sharpened) > 0.1


def test_upper_edges_belong_to_their_bins():
    y_prob = [[0.6, 0.4], [0.6, 0.4], [0.6001, 0.3999]]  # the 9th of 15 bins, and the 10th
    error = expected_calibration_error([0, 1, 0], y_prob)
    assert error == pytest.approx((2 * (0.6 - 0.5) + (1 - 0.6001)) / 3)
    y_prob = [[0.56, 0.44], [0.58, 0.42]]  # the 14th of 25 bins, and the 15th
    error = expected_calibration_error([0, 1], y_prob, n_bins=25)
    assert error == pytest.approx(((1 - 0.56) + 0.58) / 2)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_tensors(dtype):
    y_prob = torch.tensor([[0.75, 0.25], [0.75, 0.25]], dtype=dtype)
    assert expected_calibration_error(torch.tensor([0, 1]), y_prob) == 0.25


def test_half_precision():
    rng = np.random.default_rng(0)
    y_true, y_prob = rng.integers(0, 7, 500), rng.dirichlet(np.ones(7), 500)
    expected = expected_calibration_error(y_true, y_prob)
    got = expected_calibration_error(y_true, y_prob.astype(np.float16))
    assert got == pytest.approx(expected, abs=0.02)
    with pytest.raises(ValueError, match=r"with a row that sums to 0\.994, expected probabilities"):
        expected_calibration_error([0, 1], [[0.5, 0.5], [0.497, 0.497]])


def test_string_labels():
    y_prob = [[0.8, 0.2], [0.8, 0.2]]
    assert expected_calibration_error(["a", "a"], y_prob, labels=["a", "b"]) == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("y_true", "y_prob", "labels", "message"),
    [
        ([0, 1], [[0.5, 0.5]], None, "inconsistent numbers of samples"),
        ([0, 0], [[0.5, 0.5], [1, 0]], None, r"got labels \[0\] for probabilities of 2 classes"),
        ([0, 2], [[0.5, 0.5], [1, 0]], [0, 1], "give labels=clf.classes_"),
        (["0", "1"], [[0.5, 0.5], [1, 0]], [0, 1], "pass strings where classes_ has strings"),
        ([0, 1], [[0.5, 0.5], [1, 0]], [0, 0], "expected one for each column"),
        ([0, 1], [[3.0, -1.0], [1, 0]], None, "expected probabilities; give what predict_proba"),
        ([0, 1], [[1, 0], [0.5, 0.4]], None, "a row that sums to 0.9"),
        ([0, 1], [0, 1], None, r"got y_prob of shape \(2,\), expected \(n, n_classes\)"),
        ([0, 1], [[0.5, np.nan], [1, 0]], None, "NaN"),
    ],
)
def test_bad_input(y_true, y_prob, labels, message):
    with pytest.raises(ValueError, match=message):
        expected_calibration_error(y_true, y_prob, labels=labels)
