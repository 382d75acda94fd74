"""Torch modules: ``(n, in_channels, height, width)`` floats in, ``(n, n_classes)`` logits out.

Every module has ``embed``, the features its last linear layer reads, and ``embedding_size``, how
many they are. The modules know nothing of scikit-learn.
"""

from ._budget import check_budget, count_parameters
from ._mobilenet import MobileNetV2, MobileNetV2_48
from ._resnet import ResNetLite

__all__ = ["MobileNetV2", "MobileNetV2_48", "ResNetLite", "check_budget", "count_parameters"]
