"""What several test modules use."""

import os
from contextlib import contextmanager
from math import prod

import pytest
from torch import nn

from ferkit import BaseFER


class LinearFER(BaseFER):
    """The cheapest network there is."""

    def _make_module(self, in_channels, n_classes):
        n_pixels = prod(self.image_shape_[:2])
        return nn.Sequential(nn.Flatten(), nn.Linear(in_channels * n_pixels, n_classes))


@contextmanager
def without_rights():
    """Be a user whom permissions stop; root is none."""
    if not hasattr(os, "seteuid"):
        pytest.skip("there are no such users")
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
