"""Packages that need not be installed."""

from importlib import import_module


def import_extra(name, purpose="ONNX", cure='install it with pip install "ferkit[onnx]"'):
    """Import a module that need not be installed.

    Parameters
    ----------
    name : str
        Of the module.
    purpose : str, default="ONNX"
        What it is needed for.
    cure : str, default: the extra [onnx]
        What a user without it can do.

    Returns
    -------
    module
        The module.

    Raises
    ------
    ImportError
        If it is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        missing = error.name or name  # the module may be there, and one that it imports missing
        raise ImportError(
            f"got no {missing}, expected it for {purpose}; {cure}", name=missing
        ) from error
