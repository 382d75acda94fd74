"""Pictures of data, training and results, in scikit-learn's display style."""

from ._class_balance import ClassBalanceDisplay
from ._class_metrics import ClassMetricsDisplay
from ._colors import EMOTION_COLORS
from ._comparison import ComparisonDisplay
from ._embedding import EmbeddingDisplay
from ._face_grid import FaceGridDisplay
from ._history import HistoryDisplay
from ._intensity import IntensityDisplay
from ._page import write_page
from ._saliency import SaliencyDisplay, grad_cam, occlusion_map

__all__ = [
    "EMOTION_COLORS",
    "ClassBalanceDisplay",
    "ClassMetricsDisplay",
    "ComparisonDisplay",
    "EmbeddingDisplay",
    "FaceGridDisplay",
    "HistoryDisplay",
    "IntensityDisplay",
    "SaliencyDisplay",
    "grad_cam",
    "occlusion_map",
    "write_page",
]
