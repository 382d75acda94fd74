"""
Eight bits
==========

Round weights and activations to 8 bits: a smaller file that answers sooner, if the scores allow it.
"""

# %%
# A network to round
# ------------------
# Trained on drawn faces, beginning with the weights that come with ferkit.

from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.metrics import f1_score
from sklearn.model_selection import train_test_split

from ferkit import MobileNetFER
from ferkit.datasets import make_faces
from ferkit.deploy import OnnxFER, export_onnx

X, y = make_faces(800, random_state=0, return_X_y=True)
X, X_test, y, y_test = train_test_split(X, y, stratify=y, random_state=0)
X_train, X_valid, y_train, y_valid = train_test_split(X, y, stratify=y, random_state=0)

clf = MobileNetFER(variant="strided", weights="fer2013", max_epochs=4, random_state=0)
clf.fit(X_train, y_train)

# %%
# Two files
# ---------
# The calibration images say how large activations get; training images are good for that. The
# validation images judge: if their macro-F1 falls by more than ``max_f1_drop``, nothing is
# written. Here one image of 150 moves it by half a hundredth or more, so more is allowed than by
# default.


def measure(path):
    onnx = OnnxFER(path, n_threads=1)
    onnx.predict(X_test)
    start = perf_counter()
    predicted = onnx.predict(X_test)
    seconds = perf_counter() - start
    return {
        "kB": path.stat().st_size / 1000,
        "macro-F1": f1_score(y_test, predicted, average="macro"),
        "faces per second": len(X_test) / seconds,
    }


with TemporaryDirectory() as folder:
    exact, small = Path(folder, "float.onnx"), Path(folder, "int8.onnx")
    export_onnx(clf, exact)
    export_onnx(
        clf,
        small,
        quantize="int8",
        calibration=X_train[:200],
        X_val=X_valid,
        y_val=y_valid,
        max_f1_drop=0.02,
    )
    table = pd.DataFrame({"float": measure(exact), "8 bits": measure(small)})

table.round(3)

# %%
fig, axes = plt.subplots(1, 3, figsize=(8, 2.4), layout="constrained")
for ax, (name, row) in zip(axes, table.iterrows(), strict=True):
    ax.bar(table.columns, row, color=["tab:blue", "tab:orange"])
    ax.set_title(name)
plt.show()

# %%
# How much faster depends on the CPU: those that multiply 8-bit numbers natively gain most.
