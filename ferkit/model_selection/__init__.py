"""How models are chosen and trained to be good."""

from ._recipes import RECIPES, Stage, train_recipe
from ._tuning import tune_prediction

__all__ = ["RECIPES", "Stage", "train_recipe", "tune_prediction"]
