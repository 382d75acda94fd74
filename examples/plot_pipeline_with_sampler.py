"""
Over-sampling in a Pipeline, or in the estimator
================================================

A sampler in a Pipeline never touches test images. With early stopping it belongs to the estimator.
"""

# %%
# In a Pipeline
# -------------
# imbalanced-learn's Pipeline resamples in `fit` only, so test images are never copied. But the
# copies are made before the estimator is fitted, so the validation images that early stopping
# splits off are copied, too: the network is validated on copies of what it was trained on.

import matplotlib.pyplot as plt
import pandas as pd
from imblearn.pipeline import Pipeline
from sklearn.base import clone
from sklearn.metrics import f1_score

from ferkit import ResNetFER
from ferkit.datasets import make_faces
from ferkit.over_sampling import AugmentedOverSampler, at_least

faces = {
    "image_size": 32,
    "class_weights": [2, 0.5, 2, 4, 3, 2, 3],
    "noise": 0.15,
    "return_X_y": True,
}
X, y = make_faces(300, random_state=0, **faces)
X_test, y_test = make_faces(500, random_state=1, **faces)

sampler = AugmentedOverSampler(sampling_strategy=at_least(80), random_state=0)
clf = ResNetFER(
    variant="strided",
    weights="fer2013",
    batch_size=32,
    max_epochs=4,
    early_stopping=True,
    validation_fraction=0.2,
    random_state=0,
)
pipe = Pipeline([("balance", sampler), ("clf", clone(clf))]).fit(X, y)

# %%
# In the estimator
# ----------------
# As the parameter ``sampler``, it works after the split, on what is trained on.

own = clone(clf).set_params(sampler=sampler).fit(X, y)

# %%
# What the scores say
# -------------------
# In the Pipeline, the validation score of the best epoch promises far more than the test images
# give. With ``sampler=`` it promises no more than they do, and early stopping watches what
# matters.

scores = pd.DataFrame(
    {
        name: {
            "validation": fitted.history_["valid_f1_macro"][fitted.best_epoch_ - 1],
            "test": f1_score(y_test, fitted.predict(X_test), average="macro"),
        }
        for name, fitted in {"in a Pipeline": pipe[-1], "sampler=": own}.items()
    }
).T
scores.plot.bar(rot=0, ylabel="macro-F1", color=["tab:gray", "tab:blue"], figsize=(6, 4))
plt.show()

# %%
# Without early stopping, or with separate validation images (``X_val``), the Pipeline is just as
# good.
