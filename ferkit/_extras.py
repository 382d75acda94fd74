"""Packages that need not be installed."""

from importlib import import_module


def import_extra(name, purpose="ONNX", cure='install it with pip install "ferkit[onnx]"'):
    """Import a module that need not be installed.

    `ImportError` if it is not there, which says what it is needed for (`purpose`) and what a user
    can do (`cure`).
    """
    try:
        return import_module(name)
    except ImportError as error:
        missing = error.name or name  # the module may be there, and one that it imports missing
        raise ImportError(
            f"got no {missing}, expected it for {purpose}; {cure}", name=missing
        ) from error
