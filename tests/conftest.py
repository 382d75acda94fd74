"""Fixtures, and one torch thread: the tests' data is small, and cores are shared with others."""

import os
from pathlib import Path

import pytest
import torch

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def fer2013_path():
    """Path of the real FER2013, for the tests that need it."""
    if "FERKIT_DATA" not in os.environ:
        pytest.skip("needs the real FER2013: set FERKIT_DATA to the folder of fer2013.zip")
    return Path(os.environ["FERKIT_DATA"])
