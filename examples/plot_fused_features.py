"""
Features of a network beside HOG
================================

A network's `transform` beside histograms of oriented gradients, in a FeatureUnion before an SVM.
"""

# %%
# Features
# --------
# The network that comes with ferkit is not trained here: ``FrozenEstimator`` keeps it as it is.
# Its features are what the last layer reads. HOG is scikit-image's.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from skimage.feature import hog
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

from ferkit import MobileNetFER
from ferkit.datasets import make_faces


def hog_rows(X):
    return np.array([hog(image, pixels_per_cell=(8, 8), cells_per_block=(2, 2)) for image in X])


X, y = make_faces(420, random_state=0, return_X_y=True)
network = FrozenEstimator(MobileNetFER.from_pretrained("fer2013"))
shapes = FunctionTransformer(hog_rows)
features = {
    "network": network,
    "HOG": shapes,
    "both": FeatureUnion([("network", network), ("HOG", shapes)]),
}

# %%
# Scores
# ------
# An SVM on each of them, in three folds. Differences smaller than the spread over the folds mean
# little.

scores = pd.DataFrame(
    {
        name: cross_val_score(
            make_pipeline(step, StandardScaler(), SVC(C=3)), X, y, scoring="f1_macro", cv=3
        )
        for name, step in features.items()
    }
)
print(scores.describe().loc[["mean", "std"]].round(3))

ax = scores.mean().plot.bar(rot=0, ylabel="macro-F1", color="tab:blue", alpha=0.5, figsize=(5, 4))
for place, name in enumerate(scores):
    ax.plot([place] * len(scores), scores[name], "k.")
plt.show()
