"""
Configurations side by side
===========================

Train named configurations with several seeds, and see which differences are larger than the seeds'.
"""

# %%
# Names say what is in a configuration; ``parse_config`` reads them.

import matplotlib.pyplot as plt

from ferkit import ResNetFER
from ferkit.datasets import make_faces
from ferkit.inspection import ComparisonDisplay, HistoryDisplay
from ferkit.model_selection import compare, parse_config, summarize

names = ["adam_lr3_drop15_bn", "adam_lr4_drop15_bn", "sgd_mom09_lr3_drop15_bn"]
print(parse_config(names[0]))
configs = {
    name: ResNetFER(variant="strided", weights="fer2013", batch_size=32, **parse_config(name))
    for name in names
}

# %%
# Each is trained with each seed and scored on the same images. ``summarize`` gives means and
# standard deviations.

faces = {"image_size": 24, "return_X_y": True}
X, y = make_faces(350, random_state=0, **faces)
X_val, y_val = make_faces(210, random_state=1, **faces)
runs = compare(
    configs,
    X,
    y,
    X_val=X_val,
    y_val=y_val,
    X_test=X_val,
    y_test=y_val,
    max_epochs=4,
    seeds=[0, 1],
)
print(summarize(runs)[["accuracy", "f1_macro"]].round(3))

# %%
# A bar for each configuration, a point for each seed.

ComparisonDisplay.from_runs(runs)
plt.show()

# %%
# The mean curves tell why: at 1e-4, four epochs are too few.

HistoryDisplay.from_runs(runs)
plt.show()
