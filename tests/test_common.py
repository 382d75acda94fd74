"""scikit-learn's own checks, over a list of instances."""

import os
import subprocess
import sys
from math import prod

import pytest
from sklearn import config_context
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch import nn

from ferkit import BaseFER, LargeFER, MobileNetFER, ResNetFER


class PixelNet(nn.Module):
    """A linear layer, whose embedding is the pixels."""

    def __init__(self, n_values, n_classes):
        super().__init__()
        self.embedding_size = n_values
        self.classifier = nn.Linear(n_values, n_classes)

    def embed(self, x):
        return x.flatten(1)

    def forward(self, x):
        return self.classifier(self.embed(x))


class PixelFER(BaseFER):
    """A network of a user's own, and the cheapest."""

    def _make_module(self, in_channels, n_classes):
        return PixelNet(in_channels * prod(self.image_shape_[:2]), n_classes)


OWN = PixelFER(lr=0.1, max_epochs=30)

# VGG16FER is BaseFER too, but the checks want a score of it on images of two pixels, where 75 steps
# are not enough for its batch statistics
ESTIMATORS = [
    MobileNetFER(),
    ResNetFER(),
    ResNetFER(variant="strided"),
    LargeFER(max_epochs=20),  # an epoch is a step or two there
    OWN,
]

# the checks feed floats beyond [0, 1], and fit and predict with different dtypes
pytestmark = [
    pytest.mark.filterwarnings("ignore:got floats up to"),
    pytest.mark.filterwarnings("ignore:got .* images, expected .* as in the fit"),
]


@parametrize_with_checks(ESTIMATORS)
def test_estimator_check(estimator, check):
    check(estimator)


# what follows is the same code in all of them
@parametrize_with_checks([OWN])
def test_estimator_check_with_metadata_routing(estimator, check):
    with config_context(enable_metadata_routing=True):
        check(estimator)


@pytest.mark.skipif("SCIPY_ARRAY_API" in os.environ, reason="this is the inner run")
def test_estimator_checks_with_scipy_array_api():
    # scipy reads the variable when it is imported
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-k", "PixelFER and not routing", __file__],
        env={**os.environ, "SCIPY_ARRAY_API": "1"},
        check=True,
    )
