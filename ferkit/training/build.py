"""From an estimator's parameters to a skorch net that is ready to train."""

import torch
from torch import nn

from .batches import Batches
from .net import FERNet

OPTIMIZERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}


def build_net(
    make_module,
    *,
    in_channels,
    device,
    optimizer,
    lr,
    momentum,
    weight_decay,
    batch_size,
    class_weight,
    label_smoothing,
    augment,
    callbacks,
    **kwargs,
):
    """Make and initialise the net of one fit; the caller has seeded torch for its weights.

    Parameters
    ----------
    make_module : callable
        Makes the torch module.
    in_channels : int
        Channels of the module's input.
    device : torch.device
        Where to train.
    class_weight : ndarray of shape (n_classes,) or None
        Weights of the classes in the loss.
    augment : callable or None
        Function of a batch of floats in [0, 1].
    optimizer, lr, momentum, weight_decay, batch_size, label_smoothing, callbacks
        As in the estimators.
    **kwargs
        Parameters of `FERNet`.

    Returns
    -------
    FERNet
        An initialised net.
    """
    momentum = {"optimizer__momentum": momentum} if optimizer == "sgd" else {}
    net = FERNet(
        make_module,
        **kwargs,
        device=str(device),
        criterion=nn.CrossEntropyLoss,
        criterion__weight=None
        if class_weight is None
        else torch.as_tensor(class_weight, dtype=torch.float32),
        criterion__label_smoothing=label_smoothing,
        optimizer=OPTIMIZERS[optimizer],
        optimizer__weight_decay=weight_decay,
        optimizer__fused=True,
        **momentum,
        lr=lr,
        batch_size=batch_size,
        iterator_train=Batches,
        iterator_train__in_channels=in_channels,
        iterator_train__augment=augment,
        iterator_valid=Batches,
        iterator_valid__in_channels=in_channels,
        iterator_valid__batch_size=64,
        train_split=None,
        callbacks=callbacks,
        verbose=0,
    ).initialize()
    # the class stands in for the caller's factory, which would tie the net to the estimator
    net.module = type(net.module_)
    return net
