"""Training that begins with weights which are there already."""


def feature_parts(module):
    """List the parts of a module below its last layer.

    Parameters
    ----------
    module : torch.nn.Module
        Its last layer is called ``classifier``.

    Returns
    -------
    list of torch.nn.Module
        Its other children.

    Raises
    ------
    ValueError
        If it has no last layer of this name.
    """
    if not hasattr(module, "classifier"):
        raise ValueError(
            f"got a {type(module).__name__} without classifier, expected its last layer to be "
            "called so; name it, or set weights=None, warm_start=False and freeze=None"
        )
    return [part for part in module.children() if part is not module.classifier]


def graft(module, tensors, *, with_classifier):
    """Complete weights for a module that may have another last layer.

    Parameters
    ----------
    module : torch.nn.Module
        If it has another last layer, that is called ``classifier``.
    tensors : dict of str to torch.Tensor
        Weights of a module like it.
    with_classifier : bool
        Whether to take those of the last layer, too.

    Returns
    -------
    dict of str to torch.Tensor
        Weights for the module.

    Raises
    ------
    ValueError
        If they are of another module.
    """
    own = module.state_dict()
    if not with_classifier:
        feature_parts(module)
        tensors = tensors | {name: t for name, t in own.items() if name.startswith("classifier.")}
    for name in sorted(own.keys() | tensors.keys()):
        got, expected = (tuple(t[name].shape) if name in t else "none" for t in (tensors, own))
        if got != expected:
            raise ValueError(
                f"got weights of another network ({name} of shape {got}), expected those of a "
                f"{type(module).__name__} ({expected}); begin with those of the same class and "
                "variant, with as many channels, or set weights=None and warm_start=False"
            )
    return tensors
