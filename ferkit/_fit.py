"""How an estimator is trained: data are checked, split and resampled, and a net is made."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.multiclass import _check_partial_fit_first_call

from ._labels import encode
from ._random import draw_seed, preserved_generators
from ._resampling import resample
from ._split import check_groups, split_off, warn_of_copies
from ._teaching import find_teachers
from ._undo import attributes_kept_on_failure
from ._validation import fit_context


class FitMixin:
    """Trains an estimator, which has `InputMixin` and `NetMixin` too."""

    # they reach fit, through a Pipeline or a search, without a request by the user
    __metadata_request__fit = {"X_val": True, "y_val": True, "groups": True, "soft_targets": True}

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
            them, as with an `augment` that mixes labels, the loss is a plain mean over images, also
            with `class_weight`.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If the input is not what is expected, or the training diverges.
        OSError
            If a checkpoint cannot be written, or a file of `weights` or of a `teacher` not be read.
        RuntimeError
            If the same fit goes on elsewhere with the same `checkpoint_dir`, and this one runs in
            several processes, which cannot wait.

        Warns
        -----
        UserWarning
            If images for validation are exact copies of images to train on (those of an `X_val` are
            looked at only with a `sampler`), floats look like levels or as if scaled to [-1, 1],
            `soft_targets` contradict `y`, or the same fit goes on elsewhere with the same
            `checkpoint_dir`, which is waited for.
        """
        from torch import inference_mode

        # torch cannot train inside a caller's inference_mode
        with attributes_kept_on_failure(self), inference_mode(False):
            self._fit(X, y, X_val, y_val, groups, soft_targets)
        return self

    def _fit(self, X, y, X_val, y_val, groups, soft_targets):
        from .training import Stopping, from_first, on_first

        initial = self._find_initial_weights()
        images, y, validation = self._check_training_data(X, y, X_val, y_val)
        groups = check_groups(
            groups,
            len(images),
            "if a sampler before this step in a Pipeline makes images, give it to the estimator as "
            "sampler=",
        )
        targets = encode(y, self.classes_)
        soft_targets = self._check_soft_targets(soft_targets, targets)
        teachers = find_teachers(self.teacher, self)
        seed = draw_seed(self.random_state)
        X_val, y_val = validation or (None, None)
        data = {
            "X": images,
            "y": targets,
            "X_val": X_val,
            "y_val": y_val,
            "groups": groups,
            "soft_targets": soft_targets,
        }
        opened = on_first(lambda: self._open_checkpoints(seed, initial, teachers, **data))
        with opened or nullcontext() as checkpoints:
            if checkpoints and checkpoints.last:
                _, header = checkpoints.last
                seed = header["seed"]  # with random_state=None, the first run drew another one
            seed = from_first(seed)
            images, targets, validation = self._choose_training_data(
                images, y, soft_targets, validation, groups, seed
            )
            stopping = Stopping(self.n_iter_no_change, self.tol, self.restore_best)
            net = self._new_net(images.shape[-1], seed, initial)
            with preserved_generators(net.torch_device):
                net.train(
                    images,
                    targets,
                    epochs=self.max_epochs,
                    validation=validation,
                    stopping=stopping if self.early_stopping else None,
                    distillation=self._distil(teachers, net),
                    checkpoints=checkpoints,
                    verbose=self.verbose,
                )
        self.net_ = net

    def _check_training_data(self, X, y, X_val, y_val):
        images, y = self._check_first_X_y(X, y)
        self.classes_ = np.unique(y)
        self._check_classes()
        return images, y, self._check_validation(X_val, y_val)

    def _check_fit(self, X, y, X_val, y_val):
        """Raise what `fit` would before it trains; for an estimator that is not kept."""
        self._validate_params()
        initial = self._find_initial_weights()
        images, y, _ = self._check_training_data(X, y, X_val, y_val)
        find_teachers(self.teacher, self)
        self.class_count_ = np.bincount(encode(y, self.classes_))
        self._new_net(images.shape[-1], seed=0, initial=initial)

    def _choose_training_data(self, images, y, soft_targets, validation, groups, seed):
        """Take images for validation out, then balance the others; sets `class_count_`."""
        is_split = self.early_stopping and validation is None
        # a warm start keeps its split: images that it has trained on must not validate it
        if not self.warm_start:
            self.__dict__.pop("_split_seed", None)
        if is_split:
            self._split_seed = getattr(self, "_split_seed", seed)
            targets = encode(y, self.classes_)
            train, valid = split_off(targets, groups, self.validation_fraction, self._split_seed)
            validation = images[valid], targets[valid]
            images, y = images[train], y[train]
            soft_targets = None if soft_targets is None else soft_targets[train]
        if self.sampler is not None:
            images, y = resample(self.sampler, images, y, seed)
        if is_split or (self.sampler is not None and validation is not None):
            warn_of_copies(images, validation[0])
        if soft_targets is not None:
            self.class_count_ = soft_targets.sum(axis=0)
            return images, soft_targets, validation
        targets = encode(y, self.classes_)
        self.class_count_ = np.bincount(targets, minlength=len(self.classes_))
        return images, targets, validation

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None) -> Self:
        """Train the network for one more epoch; make it at the first call.

        k calls with the same data equal, bit for bit, a `fit` that is stopped after k of its
        `max_epochs`. A parameter that is changed between calls takes effect with the next `fit`;
        only `lr`, `verbose`, and those of the teachers and of prediction do so at once.

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
            there is a `sampler`, the `lr_schedule` is at its end, or the training diverges. What
            the estimator had learned before stays.
        """
        from torch import inference_mode

        with inference_mode(False):
            self._partial_fit(X, y, classes)
        return self

    def _partial_fit(self, X, y, classes):
        from .training import from_first, undone_on_failure

        self._check_partial_fit_params()
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
            self._check_network()
            if net.schedule.is_over(len(net.history)):
                raise ValueError(
                    f"got a network at the end of its lr_schedule, after {len(net.history)} "
                    "epochs, expected one before it in partial_fit; use fit with warm_start=True, "
                    "which begins the schedule anew"
                )
            net.lr = self.lr  # set_params may have changed it
        distillation = self._distil(find_teachers(self.teacher, self), net)
        with (
            nullcontext() if is_first else undone_on_failure(net),
            preserved_generators(net.torch_device),
        ):
            net.train(images, targets, epochs=1, distillation=distillation, verbose=self.verbose)
        self.net_ = net
        # not in place: the array is read-only after joblib.load(mmap_mode="r")
        count = np.bincount(targets, minlength=len(self.classes_))
        self.class_count_ = self.class_count_ + count.astype(self.class_count_.dtype)

    def _check_partial_fit_params(self):
        # scikit-learn does not for a fitted estimator, whose parameters may have been changed
        self._validate_params()
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
