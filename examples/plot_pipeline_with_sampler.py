"""
Over-sampling within a Pipeline or within the estimator
=======================================================

A sampler in a Pipeline never touches test images. With early stopping it belongs to the estimator.
"""

# %%
# In a Pipeline
# -------------
# imbalanced-learn's Pipeline resamples in `fit` only. In cross-validation, each fold balances its own training
# images, and is scored on images that were never copied.

import matplotlib.pyplot as plt
import pandas as pd
from imblearn.pipeline import Pipeline
from sklearn.model_selection import cross_val_score

from ferkit import ResNetFER
from ferkit.datasets import make_faces
from ferkit.inspection import HistoryDisplay
from ferkit.over_sampling import AugmentedOverSampler, at_least

faces = {"image_size": 32, "noise": 0.12, "return_X_y": True}
X, y = make_faces(400, class_weights=[2, 0.5, 2, 4, 3, 2, 3], random_state=0, **faces)
X_test, y_test = make_faces(350, random_state=1, **faces)

sampler = AugmentedOverSampler("crop_flip", sampling_strategy=at_least(100), random_state=0)
clf = ResNetFER(max_epochs=5, random_state=0)
pipe = Pipeline([("balance", sampler), ("clf", clf)])
print("macro-F1 of each fold:", cross_val_score(pipe, X, y, scoring="f1_macro", cv=2).round(2))
