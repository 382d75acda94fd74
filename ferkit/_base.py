"""The classifier contract: the parameters, and the hook that makes the network."""

from __future__ import annotations

import os
from inspect import Parameter, signature
from numbers import Integral, Real
from typing import TYPE_CHECKING

from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import HasMethods, Interval, Options, StrOptions

from ._files import FilesMixin
from ._fit import FitMixin
from ._input import InputMixin
from ._net import NetMixin
from ._prediction import PredictionMixin
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

if TYPE_CHECKING:
    from skorch.callbacks import Callback
    from torch import nn

    from .augment import Policy


class BaseFER(FitMixin, InputMixin, NetMixin, PredictionMixin, FilesMixin, BaseEstimator):
    """Base of the classifiers: everything but the network.

    A subclass defines `_make_module`. If it has parameters of its own, it also defines an
    `__init__` that names all parameters, its own and those of this class, for scikit-learn clones
    and searches only what is named there. For `transform`, its module has a method `embed` and an
    attribute `embedding_size`. `MobileNetFER` documents the parameters and attributes; here,
    `weight_decay` and `dropout` are 0 by default, and `_make_module` decides what `dropout` does.

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

    # Beside what MobileNetFER documents, these tell of a fit:
    #   _dtype           of its images, uint8 or float32 (InputMixin)
    #   _split_seed      of its validation split (FitMixin)
    #   _began_with      name of the weights that it began with (NetMixin)
    #   _fitted_network  the parameters that its network was made with (NetMixin)

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
        "logit_adjustment": [Interval(Real, 0, 1e30, closed="left")],  # float32 ends at 3e38
        "tta": [StrOptions({"flip", "tilt", "ten"}), None],
        "temperature": [Interval(Real, 1e-6, 1e6, closed="both")],
        "teacher": [str, os.PathLike, list, HasMethods("fit"), None],
        "teacher_weight": [Interval(Real, 0, 1, closed="right")],
        "teacher_temperature": [Interval(Real, 1e-3, 100, closed="both")],  # for float32
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
            Channels of its input, which is of shape (n, in_channels, height, width), float32 in
            [-1, 1].
        n_classes : int
            Width of its output: logits of shape (n, n_classes).

        Returns
        -------
        torch.nn.Module
            For `transform`, it has a method `embed`, mapping the input to an embedding, and the
            attribute `embedding_size`; for `weights`, `warm_start` and `freeze`, its last layer is
            called `classifier`; a method `freezable_parts` can list what further names of `freeze`
            mean, which the class's ``_parameter_constraints["freeze"]`` has to allow. It must not
            change its input, which others look at too.
        """
        raise NotImplementedError(f"{type(self).__name__} must define _make_module")

    def __sklearn_is_fitted__(self):
        return hasattr(self, "net_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = []
        return tags
