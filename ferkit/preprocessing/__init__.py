"""Images made ready: transformers for Pipelines, which change pixels but never how many images."""

from ._equalize import EqualizeHistogram
from ._gray import ToGray
from ._resize import Resize
from ._rows import PixelRows

__all__ = ["EqualizeHistogram", "PixelRows", "Resize", "ToGray"]
