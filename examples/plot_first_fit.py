"""
First fit
=========

Train a small network on drawn faces, and look at what it learned.
"""

# %%
# Data
# ----
# ``make_faces`` draws faces with the seven expressions of FER2013. With the real data set at hand,
# ``load_fer2013`` returns arrays of the same kind.

import matplotlib.pyplot as plt
from sklearn.metrics import ConfusionMatrixDisplay, classification_report
from sklearn.model_selection import train_test_split

from ferkit import EMOTIONS, ResNetFER
from ferkit.datasets import make_faces
from ferkit.inspection import HistoryDisplay

X, y = make_faces(1400, random_state=0, return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

fig, axes = plt.subplots(1, 7, figsize=(10, 2), layout="constrained")
for label, ax in enumerate(axes):
    ax.imshow(X_train[y_train == label][0], cmap="gray", vmin=0, vmax=255)
    ax.set_title(EMOTIONS[label])
    ax.axis("off")

# %%
# Training
# --------
# The validation images are scored after each epoch. They change nothing of the training.

clf = ResNetFER(max_epochs=8, random_state=0)
clf.fit(X_train, y_train, X_val=X_test, y_val=y_test)
HistoryDisplay.from_estimator(clf)

# %%
# Results
# -------

y_pred = clf.predict(X_test)
print(classification_report(y_test, y_pred, target_names=EMOTIONS, zero_division=0))
ConfusionMatrixDisplay.from_predictions(y_test, y_pred, display_labels=EMOTIONS, xticks_rotation=45)
plt.show()
