"""The steps of Pipelines, and of what is none."""


def last_step(estimator):
    """Return the last step of a Pipeline; of another estimator, itself."""
    return estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator


def first_steps(estimator):
    """List the steps before the last one that do something."""
    steps = [step for _, step in getattr(estimator, "steps", [])[:-1]]
    return [step for step in steps if step not in (None, "passthrough")]


# parameters that searches and comparisons set
_NEEDED = {"callbacks", "checkpoint_dir", "device", "max_epochs", "random_state", "verbose"}


def check_has_parameters(estimator):
    """Raise a ValueError for a user's class that leaves out parameters that are set here."""
    missing = _NEEDED - estimator.get_params(deep=False).keys()
    if missing:
        names = ", ".join(sorted(missing))
        raise ValueError(
            f"got a {type(estimator).__name__} without the parameters {names}, expected all of "
            "BaseFER's; name them in its __init__"
        )
