"""How models are chosen and trained to be good."""

from ._comparison import compare, summarize
from ._configs import format_config, parse_config, reference_configs
from ._recipes import RECIPES, Stage, train_recipe
from ._search import FERSearchCV
from ._spaces import default_space, param_grid
from ._tuning import tune_prediction

__all__ = [
    "RECIPES",
    "FERSearchCV",
    "Stage",
    "compare",
    "default_space",
    "format_config",
    "param_grid",
    "parse_config",
    "reference_configs",
    "summarize",
    "train_recipe",
    "tune_prediction",
]
