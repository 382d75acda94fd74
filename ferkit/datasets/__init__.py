"""Data sets: real faces read from disk, and drawn ones for tests and first steps."""

from ._faces import make_faces
from ._fer2013 import load_fer2013

__all__ = ["load_fer2013", "make_faces"]
