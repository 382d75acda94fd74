"""
Classes before and after balancing
==================================

See how many images each class has, and what an over-sampler makes of them.
"""

# %%
# Before
# ------
# Drawn faces, in numbers that are a twentieth of FER2013's: few are disgusted, and most are
# happy. Or FER2013 itself, where ``FERKIT_DATA`` names its folder. ``class_balance`` counts them.
# ``imbalance`` is how many times as many images the largest class has, and ``balanced_weight`` is
# what scikit-learn calls "balanced".

import os

import matplotlib.pyplot as plt
import numpy as np

from ferkit.datasets import class_balance, load_fer2013, make_faces
from ferkit.inspection import ClassBalanceDisplay, FaceGridDisplay
from ferkit.over_sampling import AugmentedOverSampler, at_least

if folder := os.environ.get("FERKIT_DATA"):
    X, y = load_fer2013(folder, return_X_y=True)
else:
    X, y = make_faces(
        1400, class_weights=[4, 0.44, 4.1, 7.2, 4.8, 3.2, 5], random_state=0, return_X_y=True
    )
class_balance(y).round(2)

# %%
# Some of each class.

FaceGridDisplay.from_images(X, y)
plt.show()

# %%
# After
# -----
# ``AugmentedOverSampler`` fills classes up with changed copies. ``at_least(n)`` does so where
# there are fewer than n images, and leaves the larger classes as they are.

n_wanted = len(y) // 7
sampler = AugmentedOverSampler(sampling_strategy=at_least(n_wanted), random_state=0)
X_more, y_more = sampler.fit_resample(X, y)
ClassBalanceDisplay.from_labels({"before": y, "after": y_more})
plt.show()

# %%
# Copies are not new faces: all of these are made of one image, the first one, and a network may
# learn it by heart. ``sample_indices_`` tells which image each one was made of.

disgusted = np.flatnonzero(y == 1)[0]
copies = X_more[sampler.sample_indices_ == disgusted][:8]
fig, axes = plt.subplots(1, len(copies), figsize=(10, 1.6), layout="constrained")
for ax, image in zip(axes, copies, strict=True):
    ax.imshow(image, cmap="gray", vmin=0, vmax=255)
    ax.axis("off")
plt.show()

# %%
# Balance training images only, after the split; the next examples do so.
