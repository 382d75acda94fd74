"""Torch modules: ``(n, in_channels, height, width)`` floats in, ``(n, n_classes)`` logits out.

Every module has ``embed``, the features its last linear layer reads, and ``embedding_size``, how
many they are. The modules know nothing of scikit-learn.
"""

from ._budget import check_budget, count_multiply_adds, count_parameters
from ._efficientnetv2 import EfficientNetV2
from ._mobilenet import MobileNetV2, MobileNetV2_48
from ._residual_masking import ResidualMaskingNet
from ._resnet import ResNetLite
from ._se_resnet import SEResNet
from ._vgg16 import VGG16

__all__ = [
    "VGG16",
    "EfficientNetV2",
    "MobileNetV2",
    "MobileNetV2_48",
    "ResNetLite",
    "ResidualMaskingNet",
    "SEResNet",
    "check_budget",
    "count_multiply_adds",
    "count_parameters",
]
