"""Images as points."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.manifold import TSNE, Isomap
from sklearn.pipeline import make_pipeline

from ferkit import EMOTIONS
from ferkit.datasets import make_faces
from ferkit.inspection import EMOTION_COLORS, EmbeddingDisplay


class Halves:
    """What a fitted estimator would make of images."""

    def transform(self, X):
        return np.asarray(X).reshape(len(X), -1)[:, ::2].astype(np.float32)


@pytest.fixture(scope="module")
def faces():
    return make_faces(70, image_size=16, random_state=0, return_X_y=True)


def test_points_are_drawn_by_class(faces):
    X, y = faces
    display = EmbeddingDisplay.from_estimator(Halves(), X, y, method="pca")
    by_hand = PCA(2, random_state=0).fit_transform(Halves().transform(X))
    np.testing.assert_allclose(display.points, by_hand)
    for label, drawn in enumerate(display.ax_.collections):
        np.testing.assert_allclose(drawn.get_offsets(), by_hand[y == label])
        assert drawn.get_label() == EMOTIONS[label]
        expected = plt.matplotlib.colors.to_rgb(EMOTION_COLORS[EMOTIONS[label]])
        assert tuple(drawn.get_facecolor()[0][:3]) == expected


def test_a_seed_gives_the_same_picture(faces):
    first, second = (EmbeddingDisplay.from_images(*faces, random_state=3) for _ in range(2))
    np.testing.assert_array_equal(first.points, second.points)
    assert first.points.shape == (70, 2)


def test_three_dimensions(faces):
    display = EmbeddingDisplay.from_images(*faces, method="pca", n_components=3)
    assert display.ax_.name == "3d"
    with pytest.raises(ValueError, match="got flat axes"):
        display.plot(ax=plt.subplots()[1])


def test_any_transformer(faces):
    X, y = faces
    rows = X.reshape(70, -1).astype(np.float32)
    display = EmbeddingDisplay.from_images(X, y, method=Isomap(n_components=2))
    np.testing.assert_allclose(display.points, Isomap(n_components=2).fit_transform(rows))
    with pytest.raises(ValueError, match="got 5 numbers for each image from PCA"):
        EmbeddingDisplay.from_images(X, y, method=PCA(5))


def test_a_transformer_is_left_as_it_was(faces):
    X, y = faces
    mine = PCA(2)
    EmbeddingDisplay.from_images(X, y, method=mine)
    assert not hasattr(mine, "components_")


def test_a_transformer_that_needs_labels(faces):
    X, y = faces
    lda = make_pipeline(PCA(10, random_state=0), LinearDiscriminantAnalysis(n_components=2))
    display = EmbeddingDisplay.from_images(X, y, method=lda)
    rows = X.reshape(70, -1).astype(np.float32)
    np.testing.assert_allclose(display.points, lda.fit_transform(rows, y), atol=1e-6)
    with pytest.raises(ValueError, match=r"method=TSNE, a class, .*write method=TSNE\(...\)"):
        EmbeddingDisplay.from_images(X, y, method=TSNE)


def test_few_images(faces):
    X, y = faces
    assert EmbeddingDisplay.from_images(X[:4], y[:4]).points.shape == (4, 2)
    with pytest.raises(ValueError, match="got 2 images, expected three or more"):
        EmbeddingDisplay.from_images(X[:2], y[:2])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        EmbeddingDisplay.from_images(X, y[:-1], method="pca")
    with pytest.raises(ValueError, match="'method' parameter"):
        EmbeddingDisplay.from_images(X, y, method="umap")
