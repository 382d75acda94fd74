"""
First fit
=========

Train a small network, look at what it learned, save it and load it.
"""

# %%
# Data
# ----
# ``make_faces`` draws faces with the seven expressions of FER2013. Where the environment variable
# ``FERKIT_DATA`` names the folder of fer2013.zip, this example takes some of the real ones.

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import train_test_split

import ferkit
from ferkit import EMOTIONS, ResNetFER
from ferkit.datasets import load_fer2013, make_faces
from ferkit.inspection import FaceGridDisplay, HistoryDisplay
from ferkit.metrics import fer_report

if folder := os.environ.get("FERKIT_DATA"):
    X, y = load_fer2013(folder, return_X_y=True)
else:
    X, y = make_faces(900, image_size=32, random_state=0, return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, train_size=675, test_size=225, stratify=y, random_state=0
)
FaceGridDisplay.from_images(X_train, y_train)
plt.show()

# %%
# Training
# --------
# Training begins with the weights that come with ferkit; without ``weights`` it takes more images
# and more epochs. With FER2013, those weights were trained on all of the images used here, test
# images included, so the scores below are too good. `fit` scores validation images after each epoch
# without using them in training; here the test images serve, as nothing is chosen by them.

clf = ResNetFER(variant="strided", weights="fer2013", batch_size=32, max_epochs=4, random_state=0)
clf.fit(X_train, y_train, X_val=X_test, y_val=y_test)
HistoryDisplay.from_estimator(clf)
plt.show()

# %%
# Results
# -------
# The report has the scores of all images and of each class, with 95 % intervals: they tell what
# other test images, as many as these, could have given.

print(fer_report(clf, X_test, y_test))

# %%
# The confusion matrix shows which emotions are taken for which.

ConfusionMatrixDisplay.from_estimator(
    clf, X_test, y_test, display_labels=EMOTIONS, xticks_rotation=45, cmap="Blues", colorbar=False
)
plt.show()

# %%
# A file
# ------
# ``save`` writes weights, parameters, labels and history to one file. What is loaded predicts
# the same.

with TemporaryDirectory() as folder:
    path = Path(folder, "faces.safetensors")
    clf.save(path)
    loaded = ferkit.load(path)
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")

print("same predictions:", np.array_equal(loaded.predict(X_test), clf.predict(X_test)))
