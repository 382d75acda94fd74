"""The steps of Pipelines, and of what is none."""


def last_step(estimator):
    """Return the last step of a Pipeline; of another estimator, itself."""
    return estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator


def first_steps(estimator):
    """List the steps before the last one that do something."""
    steps = [step for _, step in getattr(estimator, "steps", [])[:-1]]
    return [step for step in steps if step not in (None, "passthrough")]
