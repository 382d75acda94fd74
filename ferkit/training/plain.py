"""What can be known of a module by its class."""

from torch.nn.utils import parametrize

_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def is_plain(module):
    """Tell whether a module does what its class in torch or ferkit says, and nothing else.

    Parameters
    ----------
    module : torch.nn.Module
        Its parts are not looked at.

    Returns
    -------
    bool
        False for other classes, and where hooks or parametrizations take part.
    """
    return (
        type(module).__module__.startswith(("torch.nn.", "ferkit."))
        and not any(getattr(module, name) for name in _HOOKS)
        and not parametrize.is_parametrized(module)
    )
