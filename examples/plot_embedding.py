"""
t-SNE of pixels and of features
===============================

How similar faces are by their pixels, and by a trained network's features.
"""

# %%
# The network is fine-tuned on some drawn faces and embeds others. Where ``FERKIT_DATA`` names the
# folder of FER2013, its images are used; all of them are the weights' own training images, so the
# clusters look better than they would on new faces.

import os

import matplotlib.pyplot as plt
from sklearn.model_selection import train_test_split

from ferkit import ResNetFER
from ferkit.datasets import load_fer2013, make_faces
from ferkit.inspection import EmbeddingDisplay

if folder := os.environ.get("FERKIT_DATA"):
    X, y = load_fer2013(folder, return_X_y=True)
else:
    X, y = make_faces(950, image_size=32, random_state=0, return_X_y=True)
X, X_new, y, y_new = train_test_split(
    X, y, train_size=600, test_size=350, stratify=y, random_state=0
)
clf = ResNetFER(
    variant="strided", weights="fer2013", batch_size=32, max_epochs=4, random_state=0
).fit(X, y)

# %%
# By pixels, all emotions lie among each other: faces are close if their heads and shades are.
# By features, those of an emotion are close. t-SNE keeps neighbours, not distances: the sizes
# of clusters and of the gaps between them mean nothing.

fig, axes = plt.subplots(1, 2, figsize=(11, 5), layout="constrained")
EmbeddingDisplay.from_images(X_new, y_new, ax=axes[0])
EmbeddingDisplay.from_estimator(clf, X_new, y_new, ax=axes[1])
axes[0].set_title("pixels")
axes[1].set_title("features")
if axes[0].get_legend():
    axes[0].get_legend().remove()
plt.show()
