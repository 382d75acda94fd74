"""How large a network is, and how large it may be."""

MAX_PARAMETERS = 500_000


def count_parameters(module):
    """Count a module's parameters, trainable or not (buffers are not parameters).

    Parameters
    ----------
    module : torch.nn.Module
        The network.

    Returns
    -------
    int
        Number of scalars in all its parameters.
    """
    return sum(parameter.numel() for parameter in module.parameters())


def check_budget(module, max_parameters):
    """Refuse a module that is larger than its budget.

    Parameters
    ----------
    module : torch.nn.Module
        The network.
    max_parameters : int or None
        The largest number of parameters allowed; None allows any.

    Raises
    ------
    ValueError
        If the module has more parameters than that.
    """
    n_parameters = count_parameters(module)
    if max_parameters is not None and n_parameters > max_parameters:
        raise ValueError(
            f"got a {type(module).__name__} of {n_parameters:,} parameters, expected at most "
            f"max_parameters={max_parameters:,}; use fewer classes or channels, or lift the "
            "budget with max_parameters=None"
        )
