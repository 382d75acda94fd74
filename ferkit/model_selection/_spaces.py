"""Where searches look."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from .._identity import content_of
from ._configs import reference_configs

if TYPE_CHECKING:
    import optuna


def param_grid(
    network: Literal["resnet", "mobilenet", "vgg16"], *, prefix: str = ""
) -> dict[str, list[Any]]:
    """List the values that the reference study's configurations are made of.

    Parameters
    ----------
    network : {"resnet", "mobilenet", "vgg16"}
        Which network they are of.
    prefix : str, default=""
        What goes before the names, such as ``"clf__"`` for a Pipeline's step "clf".

    Returns
    -------
    dict of str to list
        For GridSearchCV and the like. A parameter that all configurations agree on has one value.

    Raises
    ------
    ValueError
        If the network is another one, or `prefix` does not end in ``"__"``.

    See Also
    --------
    reference_configs : The study's own combinations of them.

    Examples
    --------
    >>> from ferkit.model_selection import param_grid
    >>> param_grid("resnet", prefix="clf__")["clf__dropout"]
    [0.0, 0.15, 0.2]
    """
    _check_prefix(prefix)
    grid: dict[str, list[Any]] = {}
    for params in reference_configs(network).values():
        for name, value in params.items():
            values = grid.setdefault(prefix + name, [])
            if value not in values:
                values.append(value)
    return grid


def default_space(trial: optuna.Trial, *, prefix: str = "") -> dict[str, Any]:
    """Choose parameters of an estimator for a trial.

    The optimizer and its learning rate, dropout, weight decay, batch size, schedule, augmentation
    and the balancing of classes in the loss.

    Parameters
    ----------
    trial : optuna.trial.Trial
        The trial.
    prefix : str, default=""
        What goes before the names, such as ``"clf__"`` for a Pipeline's step "clf".

    Returns
    -------
    dict
        Parameters of `MobileNetFER`, `ResNetFER` and the like.

    Raises
    ------
    ValueError
        If `prefix` does not end in ``"__"``.

    Examples
    --------
    A space of one's own that begins with this one:

    >>> from ferkit.model_selection import default_space
    >>> def space(trial):
    ...     return {**default_space(trial), "ema_decay": trial.suggest_float("ema", 0.9, 0.999)}
    """
    _check_prefix(prefix)
    optimizer = trial.suggest_categorical("optimizer", ["adam", "adamw", "sgd"])
    lowest, highest = (5e-3, 0.2) if optimizer == "sgd" else (1e-4, 5e-3)
    # a name for each range: a value from sgd's would teach the sampler nothing about adam's
    lr = trial.suggest_float(f"lr_{optimizer}", lowest, highest, log=True)
    params = {
        "optimizer": optimizer,
        "lr": lr,
        "dropout": trial.suggest_float("dropout", 0.0, 0.4),
        "weight_decay": trial.suggest_float("weight_decay", 1e-6, 3e-3, log=True),
        "batch_size": trial.suggest_categorical("batch_size", [32, 64, 128]),
        "lr_schedule": trial.suggest_categorical(
            "lr_schedule", [None, "plateau", "cosine", "onecycle"]
        ),
        "augment": trial.suggest_categorical("augment", [None, "offline", "reference", "strong"]),
        "class_weight": trial.suggest_categorical("class_weight", [None, "effective", "balanced"]),
    }
    return {prefix + name: value for name, value in params.items()}


def _check_prefix(prefix):
    if prefix and not prefix.endswith("__"):
        raise ValueError(
            f"got prefix={prefix!r}, expected '' or a step's name and two underscores; write "
            f"prefix={prefix.rstrip('_') + '__'!r}"
        )


def resolve_space(space, estimator):
    """Make the function that takes a trial and returns parameters of `FERSearchCV`'s `space`.

    A dict becomes a `NamedSpace`, whose ValueError says what may be in it.
    """
    if space is None:
        prefix = f"{estimator.steps[-1][0]}__" if hasattr(estimator, "steps") else ""
        return partial(default_space, prefix=prefix)
    return NamedSpace(space) if isinstance(space, dict) else space


class NamedSpace:
    """A space that is written as a dict.

    By parameter of the estimator, `choices` has an optuna distribution; or, for what is no number
    or string, a dict of values by names under which a study keeps them. Raises a ValueError if
    there is something else in it, or an empty dict.
    """

    def __init__(self, choices):
        from optuna import distributions

        kinds = (
            distributions.FloatDistribution,
            distributions.IntDistribution,
            distributions.CategoricalDistribution,
            dict,
        )
        self.choices = choices
        for name, choice in choices.items():
            if not isinstance(choice, kinds) or not choice:
                raise ValueError(
                    f"got space[{name!r}]={choice!r}, expected an optuna distribution, such as "
                    "FloatDistribution(1e-4, 1e-2, log=True), or a dict from names to values; "
                    "for a list of numbers or strings write CategoricalDistribution([...])"
                )

    def describe(self):
        """List names with the text of their distribution, or with their values by names."""
        return {name: _describe(name, choice) for name, choice in self.choices.items()}

    def __call__(self, trial):
        """Choose parameters for a trial."""
        return {name: _suggest(trial, name, choice) for name, choice in self.choices.items()}


def _describe(name, choice):
    if name.rpartition("__")[2] in ("weights", "teacher"):
        choices = choice if isinstance(choice, dict) else getattr(choice, "choices", ())
        values = choices.values() if isinstance(choices, dict) else choices
        return list(map(str, choices)), list(map(content_of, values))
    return choice if isinstance(choice, dict) else repr(choice)


def _suggest(trial, name, choice):
    from optuna.distributions import CategoricalDistribution, IntDistribution

    if isinstance(choice, dict):
        return choice[trial.suggest_categorical(name, list(choice))]
    if isinstance(choice, CategoricalDistribution):
        return trial.suggest_categorical(name, choice.choices)
    is_int = isinstance(choice, IntDistribution)
    suggest = trial.suggest_int if is_int else trial.suggest_float
    return suggest(name, choice.low, choice.high, step=choice.step, log=choice.log)
