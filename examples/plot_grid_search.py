"""
GridSearchCV
============

Learning rate and dropout on a grid, by scikit-learn alone.
"""

# %%
# Estimators go into the grid search as any other classifier. Macro-F1 counts each class alike;
# accuracy would hardly mind a class that is never predicted.

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.model_selection import GridSearchCV

from ferkit import ResNetFER
from ferkit.datasets import make_faces

X, y = make_faces(280, image_size=24, random_state=0, return_X_y=True)
clf = ResNetFER(variant="strided", weights="fer2013", batch_size=32, max_epochs=4, random_state=0)
grid = {"lr": [1e-4, 1e-3, 1e-2], "dropout": [0.0, 0.4]}
search = GridSearchCV(clf, grid, scoring="f1_macro", cv=2, error_score="raise").fit(X, y)
print(search.best_params_, f"macro-F1 {search.best_score_:.2f}")

# %%
# Differences that are smaller than the spread over the folds mean little. Where copies of an image
# occur, as in FER2013, ``cv=StratifiedGroupKFold(2)`` and ``fit(..., groups=find_duplicates(X))``
# keep them in one fold.

results = pd.DataFrame(search.cv_results_)
fig, ax = plt.subplots(figsize=(5, 3.5), layout="constrained")
for dropout, of_dropout in results.groupby("param_dropout"):
    ax.errorbar(
        of_dropout["param_lr"].astype(float),
        of_dropout["mean_test_score"],
        of_dropout["std_test_score"],
        marker="o",
        capsize=4,
        label=f"dropout={dropout}",
    )
ax.set(xscale="log", xlabel="lr", ylabel="macro-F1, mean and spread of 2 folds")
ax.legend(frameon=False)
plt.show()

# %%
# ``search`` predicts by the best one, trained again on all images. :doc:`/comparing` has several
# jobs, Pipelines with samplers in them, and many machines.
