"""Where a network looks."""

import copy

import numpy as np
import pytest
import torch
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils._param_validation import InvalidParameterError
from torch import nn

from ferkit import VGG16FER, BaseFER, LargeFER, MobileNetFER, ResNetFER
from ferkit.datasets import make_faces
from ferkit.inspection import HistoryDisplay, SaliencyDisplay, grad_cam, occlusion_map, write_page
from ferkit.preprocessing import PixelRows
from tests.helpers import LinearFER


class CornerNet(nn.Module):
    """Its second class is how bright the upper left quarter is, and nothing else."""

    def __init__(self):
        super().__init__()
        self.blur = nn.AvgPool2d(4)
        self.scale = nn.Parameter(torch.tensor(4.0))

    def forward(self, x):
        quarter = self.blur(x)
        half = quarter.shape[2] // 2
        brightness = quarter[:, :, :half, :half].mean(dim=(1, 2, 3))
        return torch.stack([-self.scale * brightness, self.scale * brightness], dim=1)


class CornerFER(BaseFER):
    def _make_module(self, in_channels, n_classes):
        return CornerNet()


@pytest.fixture(scope="module")
def corners():
    X = np.full((20, 24, 24), 20, dtype=np.uint8)
    X[10:, :12, :12] = 230
    y = np.repeat([0, 1], 10)
    return CornerFER(max_epochs=1, lr=1e-5, random_state=0).fit(X, y), X, y


def test_grad_cam_finds_the_corner(corners):
    clf, X, _ = corners
    maps = grad_cam(clf, X[15:17], [1, 1])
    assert maps.shape == (2, 24, 24)
    assert maps[:, :10, :10].min() > 0.5
    assert maps[:, 14:, 14:].max() == 0
    # nothing there speaks for the other class
    assert grad_cam(clf, X[15:17], [0, 0])[:, :10, :10].max() == 0


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own, in its compiler
def test_a_compiled_network_is_explained(corners):
    clf, X, _ = corners
    compiled = copy.deepcopy(clf)
    compiled.module_.compile(backend="aot_eager")  # as with compile=True, but needs no C++ compiler
    np.testing.assert_array_equal(grad_cam(compiled, X[15:16]), grad_cam(clf, X[15:16]))


def test_occlusion_finds_the_corner(corners):
    clf, X, _ = corners
    maps = occlusion_map(clf, X[15:16])
    assert maps[0, :12, :12].min() > 0
    np.testing.assert_allclose(maps[0, 14:, 14:], 0, atol=1e-6)
    against = occlusion_map(clf, X[15:16], [0])
    assert against[0, :12, :12].max() < 0


@pytest.mark.parametrize(
    "estimator",
    [
        ResNetFER(),
        ResNetFER(variant="strided"),
        MobileNetFER(),
        MobileNetFER(variant="strided"),
        VGG16FER(),
        *(LargeFER(architecture=name) for name in ("resemote", "resmasking", "efficientnetv2")),
    ],
    ids=lambda estimator: f"{type(estimator).__name__}",
)
def test_every_network_is_explained(estimator):
    X, y = make_faces(14, random_state=0, return_X_y=True)
    clf = estimator.set_params(max_epochs=1, random_state=0).fit(X, y)
    before = {name: value.clone() for name, value in clf.module_.state_dict().items()}
    maps = grad_cam(clf, X[:3])
    assert maps.shape == (3, 48, 48)
    assert np.isfinite(maps).all()
    assert maps.min() >= 0
    assert maps.max() <= 1
    after = clf.module_.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not clf.module_._forward_hooks
    alone = grad_cam(clf, X[1:2])
    np.testing.assert_allclose(alone[0], maps[1], atol=1e-3)


def test_occlusion_reaches_the_edges():
    # 50 is no multiple of the step, 3, from the last square on
    X, y = make_faces(14, image_size=50, random_state=0, return_X_y=True)
    clf = LinearFER(max_epochs=1, random_state=0).fit(X, y)
    (found,) = occlusion_map(clf, X[:1])
    assert (found[:, -1] != 0).all()
    assert (found[-1] != 0).all()


def test_occlusion_is_of_the_probabilities(corners):
    clf = copy.deepcopy(corners[0]).set_params(temperature=3.0, logit_adjustment=0.5, tta="flip")
    X = corners[1][15:16]
    covered = X.copy()
    covered[0, :3, :3] = X.mean()
    fall = clf.predict_proba(X)[0, 1] - clf.predict_proba(covered)[0, 1]
    # under the first square only
    assert occlusion_map(clf, X, [1])[0, 0, 0] == pytest.approx(fall, abs=2e-3)


@pytest.mark.parametrize("explain", [grad_cam, occlusion_map])
def test_what_was_set_after_the_fit_is_checked(corners, explain):
    clf, X, _ = corners
    for wrong in ({"tta": "nonsense"}, {"temperature": -1.0}):
        with pytest.raises(InvalidParameterError, match=f"'{next(iter(wrong))}' parameter"):
            explain(copy.deepcopy(clf).set_params(**wrong), X[:1], [0])


def test_images_of_another_kind_warn_once(corners):
    clf, X, _ = corners
    with pytest.warns(UserWarning, match="got float32 images") as caught:
        SaliencyDisplay.from_estimator(clf, X[:2] / np.float32(255), method="occlusion")
    assert len(caught) == 1


def test_more_images_than_can_be_seen(corners):
    clf, X, y = corners
    with pytest.raises(ValueError, match="got 20 images, expected at most 16; pass fewer"):
        SaliencyDisplay.from_estimator(clf, X)
    assert SaliencyDisplay.from_estimator(clf, X, y, average=True).axes_.shape == (2, 2)


def test_what_is_no_estimator_of_ferkit(corners):
    clf, X, y = corners
    pipe = make_pipeline(PixelRows(), clf)
    search = GridSearchCV(CornerFER(max_epochs=1), {"lr": [1e-5]}, cv=2).fit(X, y)
    for wrong, advice in (
        (pipe, r"got a Pipeline, .*; pass pipe\[-1\]"),
        (search, "got a GridSearchCV, .*; pass search.best_estimator_"),
        (CornerFER, "got a CornerFER, expected a fitted .* give an instance"),
    ):
        for use in (
            grad_cam,
            occlusion_map,
            SaliencyDisplay.from_estimator,
            lambda wrong, X: HistoryDisplay.from_estimator(wrong),
            lambda wrong, X: write_page("never.html", wrong, X, y),
        ):
            with pytest.raises(ValueError, match=advice):
                use(wrong, X)
    with pytest.raises(ValueError, match=r"for X .+, pipe\[:-1\].transform\(X\); a sampler"):
        grad_cam(pipe, X)


def test_a_network_without_a_map_is_refused():
    X, y = make_faces(14, image_size=16, random_state=0, return_X_y=True)
    clf = LinearFER(max_epochs=1).fit(X, y)
    # the input of a linear layer is a vector
    with pytest.raises(ValueError, match="got Sequential, which has no feature map"):
        grad_cam(clf, X)
    assert occlusion_map(clf, X[:1]).shape == (1, 16, 16)


def test_display(corners):
    clf, X, y = corners
    display = SaliencyDisplay.from_estimator(clf, X[8:12], y[8:12])
    assert display.axes_.shape == (2, 4)
    assert [ax.get_title() for ax in display.axes_[0]] == ["0", "0", "1", "1"]
    drawn = display.axes_[1, 3].images[1].get_array()
    np.testing.assert_array_equal(drawn, grad_cam(clf, X[11:12], [1])[0])
    average = SaliencyDisplay.from_estimator(clf, X, y, average=True)
    np.testing.assert_allclose(average.maps[1], grad_cam(clf, X[10:], y[10:]).mean(axis=0))
    occluded = SaliencyDisplay.from_estimator(clf, X[:1], method="occlusion")
    np.testing.assert_array_equal(occluded.maps, occlusion_map(clf, X[:1]))
    with pytest.raises(ValueError, match="got 1 labels for 2 images"):
        SaliencyDisplay.from_estimator(clf, X[:2], y[:1])
