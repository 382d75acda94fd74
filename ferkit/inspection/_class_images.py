"""Images and labels, as displays take them."""

import numpy as np
from sklearn.utils import check_consistent_length

from .._images import as_unit
from .._input import check_loose_images
from .._labels import check_labels
from .._names import order_classes


def check_images(X, y=None):
    """Validate images or rows, uint8 levels or floats in [0, 1], and labels, if there are any.

    The images become uint8 or float32, of shape (n, h, w, channels). Raises a ValueError if there
    are none, they are not images and labels, or floats outside [0, 1].
    """
    images = check_loose_images(X)
    if images.dtype != np.uint8 and (images.min() < 0 or images.max() > 1):
        raise ValueError(
            f"got floats from {images.min():.3g} to {images.max():.3g}, expected floats in [0, 1]; "
            "pass levels as X.astype(np.uint8), and images in [-1, 1] as (X + 1) / 2"
        )
    if y is not None:
        y = check_labels(y)
        check_consistent_length(images, y)
    return images, y


def order_names(labels, target_names=None):
    """Find the order of classes, as `order_classes` does, and their names as text in that order.

    The order is positions in `labels`, which differ from each other. Integer labels are positions
    in `target_names`; None takes the emotions for all of 0 to 6.
    """
    order, names = order_classes(labels, target_names)
    return order, list(map(str, names))


def draw_face(ax, face):
    """Draw a face, of shape (h, w, 1) or (h, w, 3).

    Augmentation may bring floats a little out of [0, 1].
    """
    face = as_unit(face).clip(0, 1)
    # squeeze only the channel: an image may be one pixel high
    ax.imshow(face if face.shape[-1] == 3 else face.squeeze(-1), cmap="gray", vmin=0, vmax=1)
    ax.set(xticks=[], yticks=[])
