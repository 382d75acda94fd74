"""
A search that gives up early
============================

Search learning rate and dropout with optuna, and prune trials that are behind the others.
"""

# %%
# A space is a function that asks a trial for values, as in optuna.

import matplotlib.pyplot as plt
from optuna.pruners import MedianPruner

from ferkit import ResNetFER
from ferkit.datasets import make_faces
from ferkit.model_selection import FERSearchCV


def space(trial):
    """Suggest what is searched."""
    return {
        "lr": trial.suggest_float("lr", 1e-4, 1e-2, log=True),
        "dropout": trial.suggest_float("dropout", 0.0, 0.5),
    }


X, y = make_faces(280, image_size=24, random_state=0, return_X_y=True)
clf = ResNetFER(variant="strided", weights="fer2013", batch_size=32, max_epochs=4)
search = FERSearchCV(
    clf, space, n_trials=8, cv=2, pruner=MedianPruner(n_startup_trials=3), random_state=0
).fit(X, y)
print(search.best_params_, f"macro-F1 {search.best_score_:.2f}")

# %%
# The study is optuna's, with all that it offers. ``PRUNED`` trials were ended early.

trials = search.study_.trials_dataframe()
print(trials[["number", "value", "params_lr", "params_dropout", "state"]].round(4).to_string())

# %%
# Each line is a trial, epoch by epoch over its folds.

fig, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
for trial in search.study_.trials:
    is_pruned = trial.state.name == "PRUNED"
    steps, scores = zip(*trial.intermediate_values.items(), strict=True)
    ax.plot(steps, scores, color="#999999" if is_pruned else "#0072B2", marker=".")
ax.plot([], color="#0072B2", label="to the end")
ax.plot([], color="#999999", label="ended early")
ax.set(xlabel="epochs trained, over the folds", ylabel="macro-F1")
ax.legend(frameon=False)
plt.show()
