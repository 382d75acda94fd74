"""
Classes of different sizes
==========================

Balance training images with real ones and with changed copies, or the predictions afterwards.
"""

# %%
# Data
# ----
# Drawn faces, of which few are disgusted, as in FER2013, where they are 436 of 28,709. The pool
# stands for another data set that has more of them.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from imblearn.pipeline import make_pipeline
from sklearn.metrics import recall_score

from ferkit import EMOTIONS, ResNetFER
from ferkit.datasets import class_balance, make_faces, validation_split
from ferkit.over_sampling import AugmentedOverSampler, ImagePool, PoolOverSampler, at_least

drawn = {"image_size": 32, "return_X_y": True}
X, y = make_faces(1000, class_weights=[4, 0.5, 4, 7, 5, 3, 5], random_state=0, **drawn)
train, valid = validation_split(X, y, validation_fraction=0.3)
pool = ImagePool(*make_faces(350, random_state=1, **drawn))
print(class_balance(y[train]).round(2))

# %%
# More images
# -----------
# Samplers are imbalanced-learn's: they take images and labels, and give more of both. First real
# images of the pool, then changed copies where there are still few.

sampler = make_pipeline(
    PoolOverSampler(pool, sampling_strategy={1: 20}, random_state=0),
    AugmentedOverSampler(sampling_strategy=at_least(100), random_state=0),
)
X_more, y_more = sampler.fit_resample(X[train], y[train])
print(class_balance(y_more).round(2))

copied = sampler[-1].sample_indices_
parents = np.flatnonzero(np.bincount(copied) > 4)[:2]
fig, axes = plt.subplots(2, 5, figsize=(7, 3), layout="constrained")
fig.suptitle("two images (left), and copies of them")
for row, parent in zip(axes, parents, strict=True):
    for ax, image in zip(row, X_more[np.flatnonzero(copied == parent)[:5]], strict=True):
        ax.imshow(image, cmap="gray", vmin=0, vmax=255)
        ax.axis("off")

# %%
# In a fit
# --------
# As the estimator's ``sampler`` it balances what is trained on after the validation images have
# been split off, so none of its copies can be validated on.

clf = ResNetFER(max_epochs=6, early_stopping=True, sampler=sampler, random_state=0)
clf.fit(X[train], y[train])
print(pd.Series(clf.class_count_, index=EMOTIONS, name="trained on"))

# %%
# Or afterwards
# -------------
# ``logit_adjustment`` does not train: it moves the logits in favour of rare classes, and may be
# set on a fitted estimator. What rare classes gain in recall, others lose.

clf = ResNetFER(max_epochs=10, random_state=0).fit(X[train], y[train])
recalls = {}
for tau in np.linspace(0, 2, 9):
    clf.set_params(logit_adjustment=tau)
    recalls[tau] = recall_score(y[valid], clf.predict(X[valid]), average=None)
pd.DataFrame(recalls, index=EMOTIONS).T.plot(
    figsize=(7, 4), xlabel="logit_adjustment", ylabel="recall", ylim=(0, 1.02), marker="."
).legend(loc="center left", bbox_to_anchor=(1, 0.5))
plt.tight_layout()
plt.show()
