"""
A file that runs without torch
==============================

Write a trained estimator to an ONNX file, and predict with it.
"""

# %%
# The file
# --------
# ``export_onnx`` writes all that `predict_proba` and `transform` do into one file, and compares
# it with the estimator before it is written.

from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np

from ferkit import EMOTIONS, MobileNetFER
from ferkit.datasets import make_faces
from ferkit.deploy import OnnxFER, export_onnx

clf = MobileNetFER.from_pretrained("fer2013")
X, y = make_faces(350, random_state=0, return_X_y=True)

with TemporaryDirectory() as folder:
    path = Path(folder, "faces.onnx")
    export_onnx(clf, path)
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")
    start = perf_counter()
    onnx = OnnxFER(path)
    probabilities = onnx.predict_proba(X)
    print(f"loaded, and {len(X)} faces: {perf_counter() - start:.2f} s")

# %%
# What it says
# ------------
# `OnnxFER` is a scikit-learn classifier. Its probabilities are the estimator's, but for rounding.

print("largest difference:", np.abs(probabilities - clf.predict_proba(X)).max())

fig, axes = plt.subplots(1, 2, figsize=(7, 3), layout="constrained")
axes[0].imshow(X[0], cmap="gray", vmin=0, vmax=255)
axes[0].axis("off")
axes[1].barh(EMOTIONS, probabilities[0])
axes[1].invert_yaxis()
axes[1].set(xlabel="probability", xlim=(0, 1))
plt.show()

# %%
# The weights know photographed faces; of drawn ones they need not be right.
