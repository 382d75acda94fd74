"""What a failed fit leaves: what was there before."""

from contextlib import contextmanager


@contextmanager
def attributes_kept_on_failure(estimator):
    """Give an estimator its attributes back where what follows fails."""
    before = estimator.__dict__.copy()
    try:
        yield
    except BaseException:
        estimator.__dict__.clear()
        estimator.__dict__.update(before)
        raise
