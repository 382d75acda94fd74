"""Colours that everyone can tell apart."""

from itertools import combinations

import matplotlib as mpl
import numpy as np
import pytest

from ferkit.inspection import EMOTION_COLORS

# Machado, Oliveira and Fernandes, "A Physiologically-based Model for Simulation of Color Vision
# Deficiency", IEEE TVCG 2009: severity 1, of linear RGB
SIMULATIONS = {
    "all cones": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
# of linear sRGB
XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)


def to_lab(linear):
    """CIE Lab of linear sRGB, for its white, D65."""
    t = linear @ XYZ.T / XYZ.sum(axis=1)
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("kind", SIMULATIONS)
def test_emotions_are_told_apart_with_any_colour_vision(kind):
    seen = {}
    for name, color in EMOTION_COLORS.items():
        rgb = np.array(mpl.colors.to_rgb(color))
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        seen[name] = to_lab((np.asarray(SIMULATIONS[kind]) @ linear).clip(0, 1))
    distances = {
        (one, other): np.linalg.norm(seen[one] - seen[other])
        for one, other in combinations(seen, 2)
    }
    nearest = min(distances, key=distances.get)
    # 2.3 is just noticeable side by side; thin curves and small points want several times that
    assert distances[nearest] > 15, (nearest, distances[nearest])


def test_lab_is_that_of_the_white_and_of_red():
    np.testing.assert_allclose(to_lab(np.ones(3)), [100, 0, 0], atol=1e-3)
    np.testing.assert_allclose(to_lab(np.array([1.0, 0, 0])), [53.24, 80.09, 67.20], atol=0.02)
