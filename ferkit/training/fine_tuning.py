"""Training that begins with weights which are there already."""

from torch import nn


def feature_parts(module):
    """List a module's children but its `classifier`, the last layer; ValueError if it has none."""
    if not hasattr(module, "classifier"):
        raise ValueError(
            f"got a {type(module).__name__} without classifier, expected its last layer to be "
            "called so; name it, or set weights=None, warm_start=False and freeze=None"
        )
    return [part for part in module.children() if part is not module.classifier]


def frozen_parts(module, name):
    """List the parts of a module that training leaves as they are.

    `name` is one that the module's `freezable_parts` lists, if it has this method, or "features"
    for all but the last layer. Raises a ValueError if the module does not know the name, or has no
    last layer called `classifier`.
    """
    named = module.freezable_parts() if hasattr(module, "freezable_parts") else {}
    if name in named:
        return named[name]
    if name != "features":
        raise ValueError(
            f"got freeze={name!r} for a {type(module).__name__}, expected one of "
            f"{sorted({'features', *named})}; name it in its freezable_parts"
        )
    return feature_parts(module)


def absent_parts(module, tensors):
    """List the names of a module's children that weights say nothing about."""
    present = {name.split(".")[0] for name in tensors}
    return [name for name, _ in module.named_children() if name not in present]


def move_classes(module, tensors, places):
    """Put what weights know of classes where a module's last layer, `classifier`, has them.

    `tensors` are the weights of a module like it, for other classes or another order of them.
    `places`, of shape (n_classes,), tells where each class was there, -1 for a new one.

    Returns weights, which are the module's own for classes that are not known, and an array that
    tells which are: none if the last layer is not linear, or another. Raises a ValueError if there
    is no last layer of this name.
    """
    feature_parts(module)
    own = module.classifier.state_dict(prefix="classifier.")
    has_rows = isinstance(module.classifier, nn.Linear) and all(
        name in tensors
        and tensors[name].shape[1:] == tensor.shape[1:]
        and len(tensors[name]) > places.max()
        for name, tensor in own.items()
    )
    is_known = (places >= 0) & has_rows
    for name, tensor in own.items():
        own[name] = tensor.clone()
        if is_known.any():  # files may hold half precision: convert
            own[name][is_known] = tensors[name][places[is_known]].to(tensor)
    return tensors | own, is_known


def graft(module, tensors, *, keep=()):
    """Complete weights for a module, parts of which may be others.

    The children named in `keep` keep the weights they have. Raises a ValueError if the others' are
    of another module.
    """
    own = module.state_dict()
    tensors = tensors | {name: t for name, t in own.items() if name.split(".")[0] in keep}
    for name in sorted(own.keys() | tensors.keys()):
        got, expected = (
            f"of shape {tuple(t[name].shape)}" if name in t else "missing" for t in (tensors, own)
        )
        if got != expected:
            _refuse_other_channels(tensors.get(name), own.get(name))
            raise ValueError(
                f"got weights of another network ({name}: {got}), expected those of a "
                f"{type(module).__name__} ({expected}); set the parameters that the "
                "weights were trained with, such as variant, width and channels (variant='strided' "
                "and gray images for those that come with ferkit), or weights=None and "
                "warm_start=False"
            )
    return tensors


def _refuse_other_channels(given, own):
    """Say it plainly if a convolution is of gray images, and the other of colour images."""
    channels = [None if tensor is None else tuple(tensor.shape[1:2]) for tensor in (given, own)]
    if channels == [(1,), (3,)]:
        raise ValueError(
            "got weights for gray images, expected some for colour images; make X gray with "
            "ferkit.preprocessing.ToGray, and set channels='auto', or set weights=None and "
            "warm_start=False"
        )
    if channels == [(3,), (1,)]:
        raise ValueError(
            "got weights for colour images, expected some for gray images; set channels=3, or "
            "weights=None and warm_start=False"
        )
