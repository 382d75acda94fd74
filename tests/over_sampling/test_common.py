"""imbalanced-learn's and scikit-learn's own checks, over a list of instances."""

import pytest
from imblearn.utils.estimator_checks import estimator_checks_generator
from sklearn import config_context
from sklearn.utils.estimator_checks import parametrize_with_checks

from ferkit.over_sampling import AugmentedOverSampler, ImagePool, PoolOverSampler


class EndlessPool(ImagePool):
    """A pool for data of any shape, as the checks have it."""

    def draw(self, label, n, *, like, random_state):
        return like[random_state.randint(len(like), size=n)]


POOL = EndlessPool([[[0]]], [0])
SAMPLERS = [AugmentedOverSampler(random_state=0), PoolOverSampler(POOL, random_state=0)]

# the checks feed floats beyond [0, 1]
pytestmark = pytest.mark.filterwarnings("ignore:got floats up to")


def imblearn_checks():
    for sampler in SAMPLERS:
        for estimator, check in estimator_checks_generator(sampler):
            name = check.func.__name__
            if name != "check_samplers_pandas_sparse":  # images are dense, as the tags say
                yield pytest.param(estimator, check, id=f"{type(sampler).__name__}-{name}")


@pytest.mark.parametrize(("estimator", "check"), list(imblearn_checks()))
def test_imblearn_check(estimator, check):
    check(estimator)


@parametrize_with_checks(SAMPLERS)
def test_sklearn_check(estimator, check):
    check(estimator)


@parametrize_with_checks(SAMPLERS)
def test_sklearn_check_with_metadata_routing(estimator, check):
    with config_context(enable_metadata_routing=True):
        check(estimator)
