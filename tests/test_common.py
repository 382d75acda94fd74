"""scikit-learn's own checks, over a list of instances."""

import os
import subprocess
import sys

import pytest
from sklearn import config_context
from sklearn.utils.estimator_checks import parametrize_with_checks

from ferkit import LargeFER, MobileNetFER, ResNetFER

# VGG16FER is BaseFER too, but the checks want a score of it on images of two pixels, where 75 steps
# are not enough for its batch statistics
ESTIMATORS = [
    MobileNetFER(),
    ResNetFER(),
    ResNetFER(variant="strided"),
    LargeFER(max_epochs=20),  # an epoch is a step or two there
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
@parametrize_with_checks([ResNetFER()])
def test_estimator_check_with_metadata_routing(estimator, check):
    with config_context(enable_metadata_routing=True):
        check(estimator)


@pytest.mark.skipif("SCIPY_ARRAY_API" in os.environ, reason="this is the inner run")
def test_estimator_checks_with_scipy_array_api():
    # scipy reads the variable when it is imported
    of_one = "ResNetFER and not variant and not routing"
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-k", of_one, __file__],
        env={**os.environ, "SCIPY_ARRAY_API": "1"},
        check=True,
    )
