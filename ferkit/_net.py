"""How an estimator makes the net of a fit from its parameters."""

from functools import partial

import numpy as np

from ._identity import identify_fit
from ._imbalance import class_weights, logit_offset
from ._labels import enumerate_labels
from ._locks import draw_lock
from ._names import f1_column, find_labels
from ._paths import as_path
from ._random import preserved_generators, seed_generators, stream_seed
from ._saving import load_weights
from .weights import resolve_weights


class NetMixin:
    """Makes nets, for an estimator whose parameters and data have been checked."""

    _network_params: tuple[str, ...] = ()  # names of those that decide the network
    _began_with: str | None = None  # name of the weights that training began with

    def _find_initial_weights(self):
        """Find the tensors that a network begins with, and their classes; None for random ones.

        Sets `_began_with`.
        """
        if self._goes_on:
            return self.module_.state_dict(), self.classes_
        self._began_with = None if self.weights is None else as_path(self.weights).name
        return None if self.weights is None else self._load_weights()

    @property
    def _goes_on(self):
        return self.warm_start and hasattr(self, "net_")

    def _load_weights(self):
        """Read the tensors that `weights` names, and their classes.

        The classes are None if the tensors are of another task, for some of the network's children
        only; the others stay random then.
        """
        kinds = [kind.__name__ for kind in type(self).__mro__]
        return load_weights(resolve_weights(self.weights, kinds), self)

    def _new_net(self, n_channels, seed, initial):
        """Make a net for images of `n_channels`, and give it the weights that it begins with.

        `classes_` and `class_count_` have been set.
        """
        self._check_beginning(initial)
        weights = class_weights(self.class_weight, self.classes_, self.class_count_)
        net = self._build_net(self._resolve_channels(n_channels), weights, seed)
        if initial is not None:
            net.load_weights(self._adapt(net, *initial))
        return net

    def _check_beginning(self, initial):
        if self.warmup_epochs >= self.max_epochs:
            raise ValueError(
                f"got warmup_epochs={self.warmup_epochs} for max_epochs={self.max_epochs}, "
                "expected fewer; lower it, or train for longer"
            )
        if self.freeze is not None and initial is None:
            raise ValueError(
                f"got freeze={self.freeze!r} for random weights, expected some that were trained; "
                "set weights, or warm_start=True after a fit"
            )

    def _adapt(self, net, tensors, classes):
        """Fit weights to a net; its last layer keeps what they know of its classes."""
        from .training import absent_parts, graft, move_classes

        if classes is None:
            return graft(net.module_, tensors, keep=absent_parts(net.module_, tensors))
        places = self._find_known_classes(classes)
        if not np.array_equal(places, np.arange(len(classes))):
            tensors, is_known = move_classes(net.module_, tensors, places)
            net.note = self._describe_last_layer(is_known)
        return graft(net.module_, tensors)

    def _find_known_classes(self, classes):
        places = find_labels(self.classes_, classes)
        are_numbers = self.classes_.dtype.kind in "iuf" and classes.dtype.kind in "iuf"
        if are_numbers and not self._goes_on and (places >= 0).sum() < len(classes):
            places[:] = -1  # 0, 1 and 2 may number other classes than the weights'
        return places

    def _describe_last_layer(self, is_known):
        parts = (("goes on for", is_known), ("is new for", ~is_known))
        return "the last layer " + " and ".join(
            f"{what} {enumerate_labels(self.classes_[which])}"
            for what, which in parts
            if which.any()
        )

    def _network_shapes(self, in_channels):
        """Find the shapes of the network's tensors by name, without making them."""
        import torch

        with torch.device("meta"):
            module = self._make_module(in_channels, len(self.classes_))
        return {name: tensor.shape for name, tensor in module.state_dict().items()}

    def _check_network(self):
        """Refuse parameters of another network than the fitted one, which stays."""
        for name, fitted in self._fitted_network.items():
            if getattr(self, name) != fitted:
                raise ValueError(
                    f"got {name}={getattr(self, name)!r}, expected {name}={fitted!r}, of the "
                    "network that was fitted; set it back, or use fit"
                )

    def _resolve_channels(self, n_channels):
        """Find the network's channels for images of `n_channels`."""
        if self.channels == "auto":
            return n_channels
        if n_channels > self.channels:
            raise ValueError(
                f"got colour images of shape {self.image_shape_}, expected gray ones for "
                "channels=1; convert them to gray, or set channels='auto'"
            )
        return self.channels

    def _build_net(self, in_channels, class_weight, seed):
        """Make a net from what is resolved: the network's channels and a weight per class."""
        import torch
        from torch import nn, optim

        from .augment import resolve_policy
        from .training import (
            Batches,
            FERNet,
            FocalLoss,
            Schedule,
            check_callbacks,
            resolve_device,
            softmax,
        )

        f1_columns = [f1_column("valid_f1_", label) for label in self.classes_]
        check_callbacks(self.callbacks or [], f1_columns)

        device = resolve_device(self.device)
        optimizers = {"adam": optim.Adam, "adamw": optim.AdamW, "sgd": optim.SGD}
        losses = {"cross_entropy": nn.CrossEntropyLoss, "focal": FocalLoss}
        of_one = {}  # parameters that the others do not have
        if self.optimizer == "sgd":
            of_one["optimizer__momentum"] = self.momentum
        if self.loss == "focal":
            of_one["criterion__gamma"] = self.focal_gamma
        with (
            preserved_generators(device),
            draw_lock,
            torch.device("cpu"),  # a caller's default may draw other weights
            torch.inference_mode(False),  # tensors of a caller's inference_mode cannot be trained
        ):
            seed_generators(device, stream_seed(seed, 0))
            if class_weight is not None:
                class_weight = torch.tensor(class_weight, dtype=torch.float32)
            net = FERNet(
                partial(self._make_module, in_channels, len(self.classes_)),
                seed=seed,
                precision=self.precision,
                schedule=Schedule(self.lr_schedule, self.max_epochs, self.warmup_epochs),
                monitor=self.monitor,
                ema_decay=self.ema_decay,
                clip_grad_norm=self.clip_grad_norm,
                freeze=self.freeze,
                compile_module=self.compile,
                logit_offset=logit_offset(self.logit_adjustment, self.class_count_),
                device=str(device),
                criterion=losses[self.loss],
                criterion__weight=class_weight,
                criterion__label_smoothing=self.label_smoothing,
                predict_nonlinearity=softmax,  # skorch's own is for cross-entropy only
                optimizer=optimizers[self.optimizer],
                optimizer__weight_decay=self.weight_decay,
                optimizer__fused=True,
                lr=self.lr,
                batch_size=self.batch_size,
                iterator_train=Batches,
                iterator_train__in_channels=in_channels,
                iterator_train__augment=resolve_policy(self.augment, "augment"),
                iterator_train__n_classes=len(self.classes_),
                iterator_valid=Batches,
                iterator_valid__in_channels=in_channels,
                iterator_valid__batch_size=64,
                train_split=None,
                callbacks=self.callbacks,
                verbose=0,
                **of_one,
            ).initialize()
        # the class stands in for the factory, which would tie the net to this estimator
        net.module = type(net.module_)
        # a subclass of MobileNetFER with a network of its own may have no `variant`
        names = [name for name in self._network_params if hasattr(self, name)]
        self._fitted_network = {name: getattr(self, name) for name in names}
        return net

    def _distil(self, teachers, net):
        """Make the loss against teachers; None without any."""
        from .training import Distillation

        if not teachers:
            return None
        return Distillation(
            [
                (
                    teacher.module_,
                    teacher.net_.in_channels,
                    find_labels(self.classes_, among=teacher.classes_),
                )
                for teacher in teachers
            ],
            weight=self.teacher_weight,
            temperature=self.teacher_temperature,
            device=net.torch_device,
            precision=self.precision,
        )

    def _open_checkpoints(self, seed, initial, teachers, **data):
        from .training import Checkpoints

        if self.checkpoint_dir is None:
            return None
        random_state = None if self.random_state is None else seed
        identity = identify_fit(
            self, random_state=random_state, initial=initial, teachers=teachers, **data
        )
        return Checkpoints(self.checkpoint_dir, identity)
