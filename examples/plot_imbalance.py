"""
Classes of different sizes
==========================

One emotion is rare. Three ways to have it found, each of them one line.
"""

# %%
# Data
# ----
# Drawn faces, of which few are disgusted, as in FER2013, where they are 436 of 28,709. The pool
# stands for another data set that has more of them.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import f1_score

from ferkit import EMOTIONS, ResNetFER
from ferkit.datasets import class_balance, make_faces, validation_split
from ferkit.over_sampling import AugmentedOverSampler, ImagePool, PoolOverSampler, at_least

drawn = {"image_size": 32, "return_X_y": True}
X, y = make_faces(980, class_weights=[4, 0.4, 4, 7, 5, 3, 5], random_state=0, **drawn)
train, valid = validation_split(X, y, validation_fraction=0.3)
pool = ImagePool(*make_faces(1400, random_state=1, **drawn))
print(class_balance(y[train]))

# %%
# Copies that are changed
# -----------------------
# A sampler is imbalanced-learn's: it takes images and labels, and gives more of both.

sampler = AugmentedOverSampler(sampling_strategy={1: 120}, random_state=0)
X_more, y_more = sampler.fit_resample(X[train], y[train])
disgusted = np.flatnonzero(y_more == EMOTIONS.index("disgust"))
fig, axes = plt.subplots(2, 6, figsize=(8, 3), layout="constrained")
fig.suptitle("two images of the rare class (left), and copies of them")
for ax in axes.flat:
    ax.axis("off")
for row, parent in zip(axes, disgusted[:2], strict=True):
    copies = np.flatnonzero(sampler.sample_indices_ == parent)[:6]
    for ax, image in zip(row, X_more[copies], strict=False):
        ax.imshow(image, cmap="gray", vmin=0, vmax=255)

# %%
# Three ways
# ----------
# ``sampler`` balances what is trained on, and nothing else. ``logit_adjustment`` does not train at
# all: it can be set afterwards.

ways = {
    "as it is": {},
    "changed copies": {"sampler": AugmentedOverSampler(sampling_strategy=at_least(120))},
    "real images": {"sampler": PoolOverSampler(pool, sampling_strategy={1: 120})},
}
scores = {}
for way, params in ways.items():
    clf = ResNetFER(max_epochs=10, random_state=0, **params).fit(X[train], y[train])
    scores[way] = f1_score(y[valid], clf.predict(X[valid]), average=None, zero_division=0)
    if way == "as it is":
        clf.set_params(logit_adjustment=1.0)
        predicted = clf.predict(X[valid])
        scores["logit_adjustment"] = f1_score(y[valid], predicted, average=None, zero_division=0)

table = pd.DataFrame(scores, index=EMOTIONS).T
table["macro-F1"] = table.mean(axis=1)
print(table.round(2).to_string())
table[["disgust", "macro-F1"]].plot.barh(figsize=(8, 3), xlim=(0, 1)).invert_yaxis()
plt.tight_layout()
plt.show()
