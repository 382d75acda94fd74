"""Data sets: real faces read from disk, and drawn ones for tests and first steps."""

from ._affectnet import load_affectnet
from ._balance import class_balance
from ._duplicates import find_duplicates
from ._faces import make_faces
from ._fer2013 import load_fer2013
from ._ferplus import load_ferplus
from ._fetch import fetch_fer2013
from ._image_folder import load_image_folder
from ._validation_split import validation_split

__all__ = [
    "class_balance",
    "fetch_fer2013",
    "find_duplicates",
    "load_affectnet",
    "load_fer2013",
    "load_ferplus",
    "load_image_folder",
    "make_faces",
    "validation_split",
]
