"""Where in a face a network looks."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from sklearn.utils._param_validation import StrOptions

from .._base import BaseFER
from .._estimators import check_fitted_fer
from .._images import as_unit
from .._imbalance import logit_offset
from .._labels import check_labels, encode
from .._validation import validate_params
from ._class_images import draw_face, order_names
from ._legend import literal

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure


_MOST_COLUMNS = 16  # more are too small to see


class NoFeatureMapError(ValueError):
    """A network has nothing that Grad-CAM could lay over a face."""


def grad_cam(estimator: BaseFER, X: ArrayLike, y: ArrayLike | None = None) -> NDArray[np.float32]:
    """Compute which places of a network's last feature map speak for a class (Grad-CAM).

    See [1]_.

    Parameters
    ----------
    estimator : BaseFER
        Fitted.
    X : array-like
        Images, as in its `fit`.
    y : array-like of shape (n,), default=None
        The class that each image is asked about; None takes the predicted one.

    Returns
    -------
    ndarray of shape (n, h, w)
        float32, 0 where nothing speaks for the class, 1 at each image's strongest place; all 0 if
        nothing does.

    Raises
    ------
    ValueError
        If the network has no feature map of more than one place.

    References
    ----------
    .. [1] Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
       Localization", ICCV 2017.

    Examples
    --------
    >>> from ferkit import ResNetFER
    >>> from ferkit.datasets import make_faces
    >>> from ferkit.inspection import grad_cam
    >>> X, y = make_faces(70, random_state=0, return_X_y=True)
    >>> clf = ResNetFER(max_epochs=1, random_state=0).fit(X, y)
    >>> grad_cam(clf, X[:5]).shape
    (5, 48, 48)
    """
    return _grad_cam(estimator, *_check(estimator, X, y))


def _grad_cam(estimator, images, targets):
    import torch  # most displays do without

    net, module = estimator.net_, estimator.module_
    maps, start = [], 0
    module.eval()
    with torch.inference_mode(False):  # gradients are off inside a caller's inference_mode
        for x, _ in net.get_iterator(net.get_dataset(images), training=False):
            maps.append(_grad_cam_of_batch(module, x, targets[start : start + len(x)]))
            start += len(x)
    return _to_unit(np.concatenate(maps))


def _grad_cam_of_batch(module, x, targets):
    import torch
    from torch.nn import functional as F

    with torch.enable_grad(), _FeatureMaps(module) as found:
        # not module(x): a compiled module would leave the maps out of the graph of gradients
        logits = module.forward(x.requires_grad_(True))
        if not found:
            raise NoFeatureMapError(
                f"got {type(module).__name__}, which has no feature map of more than one place "
                "at this image size, expected one; take occlusion_map, or larger images"
            )
        chosen = torch.as_tensor(targets, device=logits.device)
        score = logits.gather(1, chosen[:, None]).sum()
        (gradient,) = torch.autograd.grad(score, found[-1])
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    cam = F.relu((weights * found[-1]).sum(dim=1, keepdim=True)).detach()
    cam = F.interpolate(cam, size=x.shape[2:], mode="bilinear", align_corners=False)
    return cam[:, 0].cpu().numpy()


def occlusion_map(
    estimator: BaseFER, X: ArrayLike, y: ArrayLike | None = None
) -> NDArray[np.float32]:
    """Compute how much a class's probability falls where a face is covered.

    See [1]_.

    A square of an eighth of the image's side, of the image's mean level, is put at places half its
    side apart and at the edges; the falls of all squares over a pixel are averaged. It takes as
    long as predicting some 225 images for each one.

    Parameters
    ----------
    estimator : BaseFER
        Fitted.
    X : array-like
        Images, as in its `fit`.
    y : array-like of shape (n,), default=None
        The class that each image is asked about; None takes the predicted one.

    Returns
    -------
    ndarray of shape (n, h, w)
        float32: by how much the probability falls; negative where it rises.

    Raises
    ------
    ValueError
        If `X` does not have images like those of the fit, or `y` a label that is not of it.

    References
    ----------
    .. [1] Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014.

    Examples
    --------
    >>> from ferkit import ResNetFER
    >>> from ferkit.datasets import make_faces
    >>> from ferkit.inspection import occlusion_map
    >>> X, y = make_faces(70, random_state=0, return_X_y=True)
    >>> clf = ResNetFER(max_epochs=1, random_state=0).fit(X, y)
    >>> occlusion_map(clf, X[:2]).shape
    (2, 48, 48)
    """
    return _occlusion_map(estimator, *_check(estimator, X, y))


def _occlusion_map(estimator, images, targets):
    height, width = images.shape[1:3]
    side = max(1, min(height, width) // 8)
    corners = list(product(_places(height, side), _places(width, side)))
    maps = np.zeros((len(images), height, width), dtype=np.float32)
    for i, (image, target) in enumerate(zip(images, targets, strict=True)):
        covered = np.repeat(image[None], len(corners) + 1, axis=0)
        level = image.mean(axis=(0, 1))
        for n, (top, left) in enumerate(corners, start=1):
            covered[n, top : top + side, left : left + side] = level
        probabilities = softmax(_logits(estimator, covered) / estimator.temperature, axis=1)
        falls = probabilities[0, target] - probabilities[1:, target]
        times = np.zeros((height, width), dtype=np.float32)
        for fall, (top, left) in zip(falls, corners, strict=True):
            maps[i, top : top + side, left : left + side] += fall
            times[top : top + side, left : left + side] += 1
        maps[i] /= times
    return maps


def _places(length, side):
    """Find where squares begin: half a side apart, and the last one at the edge."""
    places = list(range(0, length - side, max(1, side // 2)))
    return [*places, length - side]


def _logits(estimator, images):
    """Compute what `predict_proba` does, before the softmax, of images that have been checked."""
    outputs = estimator.net_.outputs(images, "forward", estimator.tta).astype(np.float64)
    return outputs + logit_offset(estimator.logit_adjustment, estimator.class_count_)


class SaliencyDisplay:
    """Faces beside the places that speak for their class.

    Use `from_estimator` to make one.

    Parameters
    ----------
    images : ndarray of shape (n, h, w, channels)
        The faces.
    maps : ndarray of shape (n, h, w)
        What is laid over them.
    titles : list of str
        What is written over each.

    Attributes
    ----------
    maps : ndarray of shape (n, h, w)
        What is laid over the faces.
    axes_ : ndarray of matplotlib Axes, of shape (2, n)
        The faces above, the maps over them below.
    figure_ : matplotlib Figure
        The figure.

    Examples
    --------
    >>> from ferkit import ResNetFER
    >>> from ferkit.datasets import make_faces
    >>> from ferkit.inspection import SaliencyDisplay
    >>> X, y = make_faces(70, random_state=0, return_X_y=True)
    >>> clf = ResNetFER(max_epochs=1, random_state=0).fit(X, y)
    >>> SaliencyDisplay.from_estimator(clf, X[:5], y[:5]).axes_.shape
    (2, 5)
    >>> SaliencyDisplay.from_estimator(clf, X, y, average=True).axes_.shape
    (2, 7)
    """

    def __init__(self, images: np.ndarray, maps: np.ndarray, titles: list[str]) -> None:
        self.images = images
        self.maps = maps
        self.titles = titles

    @classmethod
    @validate_params(
        {
            "method": [StrOptions({"grad_cam", "occlusion"})],
            "average": ["boolean"],
        }
    )
    def from_estimator(
        cls,
        estimator: BaseFER,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        method: Literal["grad_cam", "occlusion"] = "grad_cam",
        average: bool = False,
        figure: Figure | SubFigure | None = None,
    ) -> Self:
        """Compute and plot maps of some images.

        Parameters
        ----------
        estimator : BaseFER
            Fitted.
        X : array-like
            Images, as in its `fit`: up to 16, or any number of up to 16 classes with `average`.
        y : array-like of shape (n,), default=None
            The class that each image is asked about; None takes the predicted one.
        method : {"grad_cam", "occlusion"}, default="grad_cam"
            `grad_cam` or `occlusion_map`. Places where a probability rises when they are covered,
            which are negative in the latter, are drawn as those where nothing happens.
        average : bool, default=False
            Whether to show the mean image and the mean map of each class in place of each image.
        figure : matplotlib Figure or SubFigure, default=None
            Where to plot; None makes one.

        Returns
        -------
        SaliencyDisplay
            The plotted display.

        Raises
        ------
        ValueError
            If there are more images than can be seen, or, for "grad_cam", the network has no
            feature map of more than one place.
        """
        images, targets = _check(estimator, X, y)
        n_columns = len(np.unique(targets)) if average else len(images)
        if n_columns > _MOST_COLUMNS:
            what = "classes" if average else "images"
            raise ValueError(
                f"got {n_columns} {what}, expected at most {_MOST_COLUMNS}; pass fewer, or show "
                "means of classes with average=True"
            )
        compute = {"grad_cam": _grad_cam, "occlusion": _occlusion_map}[method]
        maps = compute(estimator, images, targets)
        order, names = order_names(estimator.classes_)
        names_of = dict(zip(order, names, strict=True))
        images = as_unit(images)
        titles = [names_of[target] for target in targets]
        if average:
            found = [target for target in order if target in targets]
            images = np.stack([images[targets == target].mean(axis=0) for target in found])
            maps = np.stack([maps[targets == target].mean(axis=0) for target in found])
            titles = [names_of[target] for target in found]
        return cls(images, maps, titles).plot(figure=figure)

    def plot(self, figure: Figure | SubFigure | None = None) -> Self:
        """Draw the faces and the maps.

        Parameters
        ----------
        figure : matplotlib Figure or SubFigure, default=None
            Where to plot; None makes one.

        Returns
        -------
        SaliencyDisplay
            Self, with `axes_` and `figure_`.
        """
        import matplotlib.pyplot as plt

        n = len(self.images)
        if figure is None:
            figure = plt.figure(figsize=(1.3 * n, 2.9), layout="constrained")
        axes = figure.subplots(2, n, squeeze=False)
        highest = max(self.maps.max(), 1e-6)
        for (above, below), image, place, title in zip(
            axes.T, self.images, self.maps, self.titles, strict=True
        ):
            for ax in (above, below):
                draw_face(ax, image)
            below.imshow(place, cmap="magma", alpha=0.55, vmin=0, vmax=highest)
            above.set_title(literal(title), fontsize="small")
        self.axes_, self.figure_ = axes, figure
        return self


def _check(estimator, X, y):
    """Validate images, and find the positions of the classes that they are asked about."""
    check_fitted_fer(estimator)
    estimator._check_set_after_fit()
    images = estimator._check_X(X)
    if y is None:
        return images, _logits(estimator, images).argmax(axis=1)
    y = check_labels(y)
    if len(y) != len(images):
        raise ValueError(f"got {len(y)} labels for {len(images)} images, expected one for each")
    return images, encode(y, estimator.classes_)


class _FeatureMaps:
    """Collect the outputs of a module's parts that have more than one place, in their order."""

    def __init__(self, module):
        self.module = module

    def __enter__(self):
        self.found = []
        self.hooks = [part.register_forward_hook(self._look) for part in self.module.modules()]
        return self.found

    def _look(self, part, inputs, output):
        if getattr(output, "ndim", 0) == 4 and min(output.shape[2:]) > 1:
            self.found.append(output)

    def __exit__(self, *exc_info):
        for hook in self.hooks:
            hook.remove()


def _to_unit(maps):
    highest = maps.max(axis=(1, 2), keepdims=True)
    return np.divide(maps, highest, out=np.zeros_like(maps), where=highest > 0)
