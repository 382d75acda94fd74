"""
What a network looks at
=======================

Grad-CAM and occlusion of drawn faces.
"""

# %%
# A network, trained on drawn faces, and some new ones.

import matplotlib.pyplot as plt
import numpy as np

from ferkit import ResNetFER
from ferkit.datasets import make_faces
from ferkit.inspection import SaliencyDisplay

X, y = make_faces(500, random_state=0, return_X_y=True)
clf = ResNetFER(
    variant="strided", weights="fer2013", batch_size=32, max_epochs=3, random_state=0
).fit(X, y)
X_new, y_new = make_faces(70, random_state=1, return_X_y=True)
some = [np.flatnonzero(y_new == label)[0] for label in range(7)]

# %%
# Grad-CAM
# --------
# Bright are the places whose features speak for the label. It is quick, and as coarse as the
# network's last feature map.

SaliencyDisplay.from_estimator(clf, X_new[some], y_new[some])
plt.show()

# %%
# Occlusion
# ---------
# A gray square is moved over the face, and the picture shows how much the probability of the
# label falls. It takes as long as hundreds of predictions, and is what the network really does.

SaliencyDisplay.from_estimator(clf, X_new[some], y_new[some], method="occlusion")
plt.show()
