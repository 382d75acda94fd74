"""
Stop early, and go on later
===========================

Keep the best epoch, and let a training that was stopped go on where it was, to the bit.
"""

# %%
# Early stopping
# --------------
# Training ends when the validation score has not improved for some epochs; the weights of the best
# one are kept.

from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np
from skorch.callbacks import Callback

from ferkit import ResNetFER
from ferkit.datasets import make_faces
from ferkit.inspection import HistoryDisplay

X, y = make_faces(350, image_size=24, random_state=0, return_X_y=True)
X_val, y_val = make_faces(140, image_size=24, random_state=1, return_X_y=True)
params = {"variant": "strided", "weights": "fer2013", "batch_size": 32, "random_state": 0}
clf = ResNetFER(
    **params, max_epochs=20, early_stopping=True, monitor="valid_f1_macro", n_iter_no_change=3
).fit(X, y, X_val=X_val, y_val=y_val)
print(f"stopped after {clf.n_iter_} epochs, kept those of epoch {clf.best_epoch_}")
HistoryDisplay.from_estimator(clf, panels=["scores"])
plt.show()

# %%
# A training that is interrupted
# ------------------------------
# With ``checkpoint_dir``, each epoch leaves its state. Here, a callback plays a power cut.


class PowerCut(Callback):
    """Interrupt the training at the end of its third epoch."""

    def on_epoch_end(self, net, **kwargs):
        """Raise what Ctrl-C raises."""
        if len(net.history) == 3:
            raise KeyboardInterrupt


with TemporaryDirectory() as folder:
    kept = ResNetFER(**params, max_epochs=4, checkpoint_dir=folder)
    try:
        ResNetFER(**params, max_epochs=4, checkpoint_dir=folder, callbacks=[PowerCut()]).fit(X, y)
    except KeyboardInterrupt:
        print("interrupted")
    kept.set_params(verbose=2).fit(X, y)

whole = ResNetFER(**params, max_epochs=4).fit(X, y)
print(
    "as if nothing had happened:",
    np.array_equal(kept.predict_proba(X_val), whole.predict_proba(X_val)),
)
