"""imbalanced-learn samplers that make, or bring, more images of short classes."""

from ._augmented import AugmentedOverSampler
from ._pool import ImagePool, PoolOverSampler
from ._strategy import at_least

__all__ = ["AugmentedOverSampler", "ImagePool", "PoolOverSampler", "at_least"]
