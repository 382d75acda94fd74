"""The classifier contract: parameters, training, files; one hook makes the network."""

from __future__ import annotations

import os
from contextlib import nullcontext
from functools import partial
from inspect import Parameter, signature
from numbers import Integral, Real
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import HasMethods, Interval, Options, StrOptions
from sklearn.utils.multiclass import _check_partial_fit_first_call

from ._files import FilesMixin
from ._input import InputMixin
from ._labels import encode
from ._net import NetMixin
from ._prediction import PredictionMixin
from ._random import draw_seed, preserved_generators
from ._resampling import resample
from ._split import check_groups, split_off, warn_of_copies
from ._teaching import find_teachers
from ._typing import (
    TTA,
    Channels,
    ClassWeight,
    ImageShape,
    Loss,
    LRSchedule,
    Monitor,
    Optimizer,
    Precision,
    RandomStateLike,
    Sampler,
    StrPath,
    Teacher,
)
from ._validation import fit_context

if TYPE_CHECKING:
    from skorch.callbacks import Callback
    from torch import nn

    from .augment import Policy


class BaseFER(InputMixin, NetMixin, PredictionMixin, FilesMixin, BaseEstimator):
    """Base of the classifiers: everything but the network.

    A subclass defines `_make_module`. If it has parameters of its own, it also defines an
    `__init__` that names all parameters, its own and those of this class, for scikit-learn clones
    and searches only what is named there. For `transform`, its module has a method `embed` and an
    attribute `embedding_size`. `MobileNetFER` documents the parameters and attributes.

    Examples
    --------
    >>> from math import prod
    >>> from torch import nn
    >>> from ferkit import BaseFER
    >>> from ferkit.datasets import make_faces
    >>> class LinearFER(BaseFER):
    ...     def _make_module(self, in_channels, n_classes):
    ...         n_pixels = prod(self.image_shape_[:2])
    ...         return nn.Sequential(nn.Flatten(), nn.Linear(in_channels * n_pixels, n_classes))
    >>> X, y = make_faces(140, random_state=0, return_X_y=True)
    >>> LinearFER(max_epochs=1, random_state=0).fit(X, y).predict(X).shape
    (140,)
    """

    _parameter_constraints = {
        "optimizer": [StrOptions({"adam", "adamw", "sgd"})],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "momentum": [Interval(Real, 0, 1, closed="left")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "batch_size": [Interval(Integral, 2, None, closed="left")],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "lr_schedule": [StrOptions({"plateau", "cosine", "onecycle"}), None],
        "warmup_epochs": [Interval(Real, 0, None, closed="left")],
        "ema_decay": [Interval(Real, 0, 1, closed="left"), None],
        "clip_grad_norm": [Interval(Real, 0, None, closed="neither"), None],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "monitor": [StrOptions({"valid_loss", "valid_f1_macro"})],
        "restore_best": ["boolean"],
        "weights": [str, os.PathLike, None],
        "warm_start": ["boolean"],
        "freeze": [StrOptions({"features"}), None],
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
        "loss": [StrOptions({"cross_entropy", "focal"})],
        "focal_gamma": [Interval(Real, 0, None, closed="left")],
        "class_weight": [StrOptions({"balanced", "effective"}), dict, None],
        "logit_adjustment": [Interval(Real, 0, None, closed="left")],
        "tta": [StrOptions({"flip", "ten"}), None],
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "teacher": [str, os.PathLike, list, HasMethods("fit"), None],
        "teacher_weight": [Interval(Real, 0, 1, closed="right")],
        "teacher_temperature": [Interval(Real, 0, None, closed="neither")],
        "sampler": [HasMethods("fit_resample"), None],
        "augment": "no_validation",  # resolve_policy names the choices
        "channels": [StrOptions({"auto"}), Options(Integral, {1, 3})],
        "image_shape": [tuple, list, None],
        "precision": [StrOptions({"auto", "float32", "bfloat16"})],
        "device": [str],
        "callbacks": [list, None],
        "compile": ["boolean"],
        "checkpoint_dir": [str, os.PathLike, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    # they reach fit, through a Pipeline or a search, without a request by the user
    __metadata_request__fit = {"X_val": True, "y_val": True, "groups": True, "soft_targets": True}

    def __init__(
        self,
        *,
        optimizer: Optimizer = "adam",
        lr: float = 1e-3,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        dropout: float = 0.0,
        batch_size: int = 64,
        max_epochs: int = 15,
        lr_schedule: LRSchedule | None = None,
        warmup_epochs: float = 0,
        ema_decay: float | None = None,
        clip_grad_norm: float | None = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 6,
        tol: float = 0.0,
        monitor: Monitor = "valid_loss",
        restore_best: bool = True,
        weights: StrPath | None = None,
        warm_start: bool = False,
        freeze: str | None = None,
        label_smoothing: float = 0.0,
        loss: Loss = "cross_entropy",
        focal_gamma: float = 2.0,
        class_weight: ClassWeight | None = None,
        logit_adjustment: float = 0.0,
        tta: TTA | None = None,
        temperature: float = 1.0,
        teacher: Teacher | list[Teacher] | None = None,
        teacher_weight: float = 0.8,
        teacher_temperature: float = 2.0,
        sampler: Sampler | None = None,
        augment: str | Policy | None = None,
        channels: Channels = "auto",
        image_shape: ImageShape | None = None,
        precision: Precision = "auto",
        device: str = "auto",
        callbacks: list[Callback | tuple[str, Callback]] | None = None,
        compile: bool = False,
        checkpoint_dir: StrPath | None = None,
        random_state: RandomStateLike = None,
        verbose: int = 0,
    ) -> None:
        self.optimizer = optimizer
        self.lr = lr
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.dropout = dropout
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.lr_schedule = lr_schedule
        self.warmup_epochs = warmup_epochs
        self.ema_decay = ema_decay
        self.clip_grad_norm = clip_grad_norm
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.monitor = monitor
        self.restore_best = restore_best
        self.weights = weights
        self.warm_start = warm_start
        self.freeze = freeze
        self.label_smoothing = label_smoothing
        self.loss = loss
        self.focal_gamma = focal_gamma
        self.class_weight = class_weight
        self.logit_adjustment = logit_adjustment
        self.tta = tta
        self.temperature = temperature
        self.teacher = teacher
        self.teacher_weight = teacher_weight
        self.teacher_temperature = teacher_temperature
        self.sampler = sampler
        self.augment = augment
        self.channels = channels
        self.image_shape = image_shape
        self.precision = precision
        self.device = device
        self.callbacks = callbacks
        self.compile = compile
        self.checkpoint_dir = checkpoint_dir
        self.random_state = random_state
        self.verbose = verbose

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        kinds = {parameter.kind for parameter in signature(cls.__init__).parameters.values()}
        if Parameter.VAR_KEYWORD in kinds:
            raise TypeError(
                f"got {cls.__name__}.__init__ with ** parameters, expected one that names every "
                "parameter: clones and searches would lose the others; write them out"
            )

    def _make_module(self, in_channels: int, n_classes: int) -> nn.Module:
        """Make the network; `image_shape_` and `classes_` are known by then.

        Parameters
        ----------
        in_channels : int
            Channels of its input, which is of shape (n, in_channels, height, width).
        n_classes : int
            Width of its output: logits of shape (n, n_classes).

        Returns
        -------
        torch.nn.Module
            For `transform`, it has a method `embed`, mapping the input to an embedding, and the
            attribute `embedding_size`; for `weights`, `warm_start` and `freeze`, its last layer is
            called `classifier`; a method `freezable_parts` can list what further names of `freeze`
            mean. It must not change its input, which others look at too.
        """
        raise NotImplementedError(f"{type(self).__name__} must define _make_module")

    # -- training ------------------------------------------------------------------------------

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        X_val: ArrayLike | None = None,
        y_val: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        soft_targets: ArrayLike | None = None,
    ) -> Self:
        """Train a new network.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, 3) or (n, n_pixels)
            Images or rows: uint8 levels, or floats in [0, 1].
        y : array-like of shape (n,)
            Labels: ints or strings.
        X_val : array-like, default=None
            Images to score after each epoch, in `history_`; never trained on.
        y_val : array-like, default=None
            Their labels, all of which occur in `y`.
        groups : array-like of shape (n,), default=None
            What belongs together, such as copies of an image: `early_stopping` takes images of a
            group for validation all or not at all. Not used if there is no such split.
        soft_targets : array-like of shape (n, n_classes), default=None
            Probabilities of the sorted classes to train on in place of `y`, such as the votes of
            several annotators or what another model says; rows sum to 1. Validation is by `y`. With
            them, the loss is a plain mean over images, also with `class_weight`.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If the input is not what is expected, or the training diverges.
        OSError
            If a checkpoint cannot be written.
        RuntimeError
            If another process is at the same fit, with the same `checkpoint_dir`.

        Warns
        -----
        UserWarning
            If images for validation are exact copies of images to train on (those of an `X_val` are
            looked at only with a `sampler`), or `soft_targets` contradict `y`.
        """
        # a fit that fails leaves the one before, not an older network with newer labels
        before = self.__dict__.copy()
        try:
            self._fit(X, y, X_val, y_val, groups, soft_targets)
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise
        return self

    def _fit(self, X, y, X_val, y_val, groups, soft_targets):
        from .training import from_first, on_first

        initial = self._find_initial_weights()
        images, y = self._check_first_X_y(X, y)
        self.classes_ = np.unique(y)
        self._check_classes()
        validation = self._check_validation(X_val, y_val)
        groups = check_groups(groups, len(images))
        targets = encode(y, self.classes_)
        soft_targets = self._check_soft_targets(soft_targets, targets)
        teachers = find_teachers(self.teacher, self)
        seed = draw_seed(self.random_state)
        open_checkpoints = partial(
            self._open_checkpoints,
            seed,
            initial,
            teachers,
            X=images,
            y=targets,
            validation=validation,
            groups=groups,
            soft_targets=soft_targets,
        )
        opened = on_first(open_checkpoints)
        with opened or nullcontext() as checkpoints:
            if checkpoints and checkpoints.last:  # with `random_state=None` it has its own seed
                seed = checkpoints.last[1]["seed"]
            seed = from_first(seed)
            stopping, is_split = None, False
            if self.early_stopping:
                stopping = (self.n_iter_no_change, self.tol, self.restore_best)
                if validation is None:
                    # what a warm start has trained on must not validate it now
                    is_first = initial is None or not hasattr(self, "_split_seed")
                    self._split_seed = seed if is_first else self._split_seed
                    train, valid = split_off(
                        targets, groups, self.validation_fraction, self._split_seed
                    )
                    is_split = True
                    validation = images[valid], targets[valid]
                    images, y, targets = images[train], y[train], targets[train]
                    soft_targets = None if soft_targets is None else soft_targets[train]
            if self.sampler is not None:
                images, y = resample(self.sampler, images, y, seed)
                targets = encode(y, self.classes_)
            if is_split or (self.sampler is not None and validation is not None):
                warn_of_copies(images, validation[0])
            if soft_targets is None:
                self.class_count_ = np.bincount(targets, minlength=len(self.classes_))
            else:
                self.class_count_, targets = soft_targets.sum(axis=0), soft_targets
            net = self._new_net(images.shape[-1], seed, initial)
            with preserved_generators(net.torch_device):
                net.train(
                    images,
                    targets,
                    epochs=self.max_epochs,
                    validation=validation,
                    stopping=stopping,
                    distillation=self._distil(teachers, net),
                    checkpoints=checkpoints,
                    verbose=self.verbose,
                )
        self.net_ = net

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None) -> Self:
        """Train the network for one more epoch; make it at the first call.

        k calls with the same data equal a `fit` of k epochs, bit for bit. A parameter that is
        changed between calls takes effect with the next `fit`; only `lr` and those of the teachers
        do so at once.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, 3) or (n, n_pixels)
            Images or rows, as in `fit`.
        y : array-like of shape (n,)
            Labels, of `classes` only.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever occur; needed at the first call.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If the input is not what is expected, `class_weight` is "balanced" or "effective",
            there is a `sampler`, or the training diverges.
        """
        if self.early_stopping:
            raise ValueError(
                "got early_stopping=True, expected False in partial_fit, which trains for one "
                "epoch; use fit, or set early_stopping=False"
            )
        if isinstance(self.class_weight, str):
            raise ValueError(
                f"got class_weight={self.class_weight!r}, expected None or a dict in partial_fit, "
                "which does not see all labels at once; compute the weights from all of y with "
                "sklearn.utils.class_weight.compute_class_weight"
            )
        if self.sampler is not None:
            raise ValueError(
                f"got sampler={self.sampler!r}, expected None in partial_fit, which does not see "
                "all images at once; call its fit_resample before, or use fit"
            )
        from .training import from_first

        is_first = not hasattr(self, "net_")
        if is_first:  # a failed fit may have left its labels
            self.__dict__.pop("classes_", None)
        _check_partial_fit_first_call(self, classes)
        if is_first:
            self._check_classes()
            images, y = self._check_first_X_y(X, y)
            targets = encode(y, self.classes_)
            initial = self._find_initial_weights()
            seed = from_first(draw_seed(self.random_state))
            self.class_count_ = np.zeros(len(self.classes_), dtype=np.int64)
            net = self._new_net(images.shape[-1], seed, initial)
        else:
            images, targets = self._check_X_y(X, y)
            net = self.net_
            net.lr = self.lr  # set_params may have changed it
        distillation = self._distil(find_teachers(self.teacher, self), net)
        # an epoch that fails leaves no broken network behind
        self.__dict__.pop("net_", None)
        with preserved_generators(net.torch_device):
            net.train(images, targets, epochs=1, distillation=distillation, verbose=self.verbose)
        self.net_ = net
        self.class_count_ += np.bincount(targets, minlength=len(self.classes_))
        return self

    def __sklearn_is_fitted__(self):
        return hasattr(self, "net_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = []
        return tags
