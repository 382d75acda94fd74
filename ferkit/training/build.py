"""From an estimator's parameters to a skorch net that is ready to train."""

import torch
from torch import nn

from .batches import Batches
from .losses import FocalLoss
from .net import FERNet

OPTIMIZERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}
LOSSES = {"cross_entropy": nn.CrossEntropyLoss, "focal": FocalLoss}


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
    n_classes,
    loss,
    focal_gamma,
    class_weight,
    label_smoothing,
    augment,
    callbacks,
    **kwargs,
):
    """Make and initialise the net of one fit; the caller has seeded torch for its weights.

    `class_weight` is an array of shape (n_classes,) or None, and `augment` a `Policy` or None.
    `kwargs` are parameters of `FERNet`; the others are as in the estimators.
    """
    momentum = {"optimizer__momentum": momentum} if optimizer == "sgd" else {}
    gamma = {"criterion__gamma": focal_gamma} if loss == "focal" else {}
    net = FERNet(
        make_module,
        **kwargs,
        device=str(device),
        criterion=LOSSES[loss],
        predict_nonlinearity=_softmax,  # skorch's own is for cross-entropy only
        criterion__weight=None
        if class_weight is None
        else torch.as_tensor(class_weight, dtype=torch.float32),
        criterion__label_smoothing=label_smoothing,
        optimizer=OPTIMIZERS[optimizer],
        optimizer__weight_decay=weight_decay,
        optimizer__fused=True,
        **momentum,
        **gamma,
        lr=lr,
        batch_size=batch_size,
        iterator_train=Batches,
        iterator_train__in_channels=in_channels,
        iterator_train__augment=augment,
        iterator_train__n_classes=n_classes,
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


def _softmax(logits):
    return torch.softmax(logits, dim=-1)
