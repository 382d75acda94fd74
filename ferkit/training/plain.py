"""Whether a module does what its class says."""

from torch.nn.utils import parametrize

_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def is_plain(module):
    """Tell whether a module does what its class in torch or ferkit says, and nothing else.

    It does not for other classes, and where hooks, parametrizations or a `forward` of the module's
    own take part. Its parts are not looked at.
    """
    return (
        type(module).__module__.startswith(("torch.nn.", "ferkit."))
        and "forward" not in vars(module)
        and not any(getattr(module, name) for name in _HOOKS)
        and not any(
            parameter._backward_hooks or parameter._post_accumulate_grad_hooks
            for parameter in module.parameters(recurse=False)
        )
        and not parametrize.is_parametrized(module)
    )
