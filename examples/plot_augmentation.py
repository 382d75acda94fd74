"""
Random changes of training images
=================================

See what a policy makes of faces before training with it.
"""

# %%
# A named policy
# --------------
# Left is the image, then come copies as training sees them: others in each epoch. "strong"
# flips, turns, shifts and zooms, changes brightness and contrast, and erases rectangles.

import matplotlib.pyplot as plt

from ferkit import MobileNetFER
from ferkit.augment import Policy
from ferkit.datasets import make_faces
from ferkit.inspection import FaceGridDisplay

X, y = make_faces(70, random_state=0, return_X_y=True)
FaceGridDisplay.from_policy(X[:3], "strong")
plt.show()

# %%
# One's own
# ---------
# A policy names its changes and how large they may be. Too much of one is seen at a glance: a
# face turned by 90 degrees is none that FER2013 has.

FaceGridDisplay.from_policy(X[:3], Policy(rotation=90, noise=0.1))
plt.show()

# %%
# This one is milder.

policy = Policy(flip=0.5, rotation=10, crop=4, contrast=0.3)
FaceGridDisplay.from_policy(X[:3], policy)
plt.show()

# %%
# In training
# -----------
# ``augment`` takes a name or a policy. Validation images and predictions are never changed.

clf = MobileNetFER(
    variant="strided", weights="fer2013", augment=policy, max_epochs=2, random_state=0
)
clf.fit(X, y)
print(clf.history_[["epoch", "train_loss"]])
