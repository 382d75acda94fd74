"""
Ensembles and calibration
=========================

Two trained networks vote, and scikit-learn recalibrates the probabilities of one.
"""

# %%
# Two networks
# ------------
# Both begin with weights that come with ferkit. Some images are set aside for calibration.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.calibration import CalibratedClassifierCV, CalibrationDisplay
from sklearn.ensemble import VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import accuracy_score

from ferkit import MobileNetFER, ResNetFER
from ferkit.datasets import make_faces
from ferkit.metrics import expected_calibration_error

faces = {"image_size": 32, "noise": 0.08, "return_X_y": True}
X, y = make_faces(420, random_state=0, **faces)
X_cal, y_cal = make_faces(350, random_state=1, **faces)
X_test, y_test = make_faces(700, random_state=2, **faces)

settings = {"variant": "strided", "weights": "fer2013", "batch_size": 32, "random_state": 0}
mobilenet = MobileNetFER(lr=2e-3, max_epochs=5, **settings).fit(X, y)
resnet = ResNetFER(max_epochs=4, **settings).fit(X, y)

# %%
# A vote of both
# --------------
# ``FrozenEstimator`` keeps scikit-learn from training them again. "soft" takes the mean of the
# probabilities.

voting = VotingClassifier(
    [("mobilenet", FrozenEstimator(mobilenet)), ("resnet", FrozenEstimator(resnet))],
    voting="soft",
).fit(X, y)
calibrated = CalibratedClassifierCV(FrozenEstimator(mobilenet), method="isotonic")
calibrated.fit(X_cal, y_cal)

# %%
# Scores
# ------
# MobileNetFER is overconfident, which calibration mends. Isotonic curves, one for each class,
# change some of the predictions as well.

models = {
    "MobileNetFER": mobilenet,
    "ResNetFER": resnet,
    "both": voting,
    "MobileNetFER, calibrated": calibrated,
}
probabilities = {name: model.predict_proba(X_test) for name, model in models.items()}
scores = pd.DataFrame(
    {
        name: {
            "accuracy": accuracy_score(y_test, proba.argmax(axis=1)),
            "calibration error": expected_calibration_error(y_test, proba),
        }
        for name, proba in probabilities.items()
    }
).T.round(3)
print(scores)

# %%
# How often a prediction is right, by its probability: below the diagonal a network is
# overconfident.

fig, ax = plt.subplots(figsize=(6, 5), layout="constrained")
for name in ("MobileNetFER", "both", "MobileNetFER, calibrated"):
    proba = probabilities[name]
    right = (proba.argmax(axis=1) == y_test).astype(int)
    CalibrationDisplay.from_predictions(
        right, np.clip(proba.max(axis=1), 0, 1), n_bins=6, strategy="quantile", name=name, ax=ax
    )
ax.set(xlabel="probability of the answer", ylabel="share of right answers", xlim=(0.2, 1.02))
plt.show()
