"""The skorch net that trains every ferkit estimator."""

import copy
import math
import time
from contextlib import nullcontext
from functools import cached_property
from itertools import chain

import torch
from skorch import NeuralNetClassifier
from skorch.dataset import Dataset
from skorch.helper import predefined_split
from torch import nn

from .._locks import draw_lock
from .._messages import warn_user
from .._random import seed_generators, stream_seed
from .averaging import WeightAverage
from .batches import on_device
from .callbacks import want_batches
from .cuda_graphs import GraphedStep, can_be_graphed
from .device import describe_training, memory_format, resolve_device, resolve_precision
from .distributed import check_shares, from_first, rank_and_size, share_of_loss, sum_over_processes
from .epochs import check_finite, train_epochs
from .fine_tuning import frozen_parts
from .history import losses_of
from .inference import compute_outputs
from .memory import explain_exhaustion, keep_freed_memory
from .progress import Progress, make_progress
from .scores import score
from .state import unpack_state


class FERNet(NeuralNetClassifier):
    """A skorch classifier that trains on whole batches and repeats itself to the bit.

    It departs from skorch where ferkit's promises ask for it: every epoch is seeded by its number,
    nothing is read back from the device before an epoch ends, an interrupt propagates, a diverged
    fit raises, and `history` holds one row per epoch.

    `module` makes the torch module, which returns logits. `precision` is of training; inference is
    float32. `monitor` tells how an epoch went, "valid_loss" or "valid_f1_macro"; without validation
    data it is the training loss. With an `ema_decay`, a moving average of the weights predicts.
    `clip_grad_norm` is the largest norm of a step's gradient, `freeze` names what is not trained,
    as `frozen_parts` does, and `compile_module` is for training steps. `logit_offset`, of shape
    (n_classes,), is what the estimator adds to logits when it predicts, as the validation scores
    do.

    `note` is what to say once, where progress is shown, before training begins.
    """

    note = None

    def __init__(
        self,
        module,
        *,
        seed,
        precision,
        schedule,
        monitor,
        ema_decay,
        clip_grad_norm,
        freeze,
        compile_module,
        logit_offset,
        **kwargs,
    ):
        self.seed = seed
        self.precision = precision
        self.schedule = schedule
        self.monitor = monitor
        self.ema_decay = ema_decay
        self.clip_grad_norm = clip_grad_norm
        self.freeze = freeze
        self.compile_module = compile_module
        self.logit_offset = logit_offset
        self.progress, self._distillation, self._graphed_step = Progress(), None, None
        super().__init__(module, **kwargs)

    def initialize_module(self):
        """Make the module, and the average of its weights if there is to be one."""
        super().initialize_module()
        if not isinstance(self.module_, nn.Module):
            raise TypeError(
                f"got {self.module_!r} from _make_module, expected a torch.nn.Module; return it"
            )
        if any(map(nn.parameter.is_lazy, chain(self.module_.parameters(), self.module_.buffers()))):
            raise ValueError(
                f"got a {type(self.module_).__name__} with lazy layers, expected layers of known "
                "sizes; _make_module finds the images' height and width in self.image_shape_"
            )
        self.module_.to(torch.float32, memory_format=memory_format(self.torch_device))
        if self.freeze is not None:
            for part in frozen_parts(self.module_, self.freeze):
                part.requires_grad_(False)
        if self.compile_module:
            self.module_.compile()
        if self.ema_decay is not None:
            self.average_ = copy.deepcopy(self.module_).requires_grad_(False)
        self.n_steps_ = 0
        return self

    def _set_training(self, training=True):
        super()._set_training(training)
        if self.freeze is not None:
            for part in frozen_parts(self.module_, self.freeze):
                part.eval()

    def load_weights(self, tensors):
        """Give the module, and the average, their weights."""
        for network in self._networks:
            network.eval()  # before: in some modules it merges weights, which these are already
            network.load_state_dict(tensors)

    def get_all_learnable_params(self):
        """Leave the average out: the optimizer does not move it."""
        return self.module_.named_parameters()

    def initialize_optimizer(self):
        """Leave the optimizer to its first use, which a net that only predicts never has."""
        self.__dict__.pop("optimizer_", None)
        if "optimizer" not in self._optimizers:
            self._register_attribute("optimizer", None)
        return self

    @cached_property
    def optimizer_(self):
        """The optimizer. The first one in a process makes torch import its compiler: a second."""
        args, kwargs = self.get_params_for_optimizer("optimizer", self.get_all_learnable_params())
        return self.optimizer(*args, **kwargs)

    def __getstate__(self):
        # callbacks may pickle the net in training: a recorded step cannot leave its process, and
        # teachers and validation data are on the device
        passing = {"_graphed_step": None, "_distillation": None, "train_split": None}
        return super().__getstate__() | passing

    def __setstate__(self, state):
        try:
            resolve_device(str(state["device"]))
        except ValueError:  # skorch looks for CUDA only, and not for a second GPU
            warn_user(
                f"got a pickled net of device={state['device']!r}, which torch cannot use here; it "
                "is loaded on the CPU; set device='auto' before another fit"
            )
            state = {**state, "device": "cpu"}
        super().__setstate__(state)

    @property
    def predictor_(self):
        """The module that predicts: the trained one, or the average of its weights."""
        return self._networks[-1]

    @property
    def _networks(self):
        return [self.module_] if self.ema_decay is None else [self.module_, self.average_]

    @property
    def torch_device(self):
        """Where the net is."""
        return torch.device(self.device)

    @property
    def in_channels(self):
        """Channels of the module's input."""
        return self.iterator_train__in_channels

    @property
    def _default_callbacks(self):
        # the loop below records what skorch's would, without a callback per batch
        return []

    def train(
        self,
        images,
        targets,
        *,
        epochs,
        validation=None,
        stopping=None,
        distillation=None,
        checkpoints=None,
        verbose=0,
    ):
        """Train for some more epochs.

        `images` are uint8 levels or floats in [0, 1], of shape (n, height, width, channels);
        `targets` are int64 indices of classes, of shape (n,), or their float32 probabilities, of
        shape (n, n_classes). `validation` is a pair of these to score after each epoch. If there is
        a state in `checkpoints` already, training goes on from it, with fewer epochs left.
        `verbose` is 0 for silence, 1 for a progress bar, 2 for a line per epoch.

        Raises a ValueError if the loss or a weight is no longer finite after an epoch, and a
        torch.OutOfMemoryError if the device has too little memory.
        """
        last = len(self.history) + epochs
        found = from_first(checkpoints.last if checkpoints else None)
        best_weights = unpack_state(self, *found) if found else None
        self._set_up(images, targets, epochs, distillation)
        if validation is not None:
            data = (on_device(array, self.torch_device) for array in validation)
            self.train_split = predefined_split(Dataset(*data))
        rank, _ = rank_and_size()
        self.progress = make_progress(
            0 if rank else verbose, n_before=len(self.history), last=last, n_images=len(images)
        )
        try:
            self.progress.say(describe_training(self.torch_device, self.training_dtype_))
            if found:
                self.progress.say(f"loaded epoch {len(self.history)} from {checkpoints.folder}")
            elif self.note is not None:
                self.progress.say(self.note)
            self.note = None
            self.notify("on_train_begin", X=images, y=targets)
            with (
                keep_freed_memory(),
                torch.autocast(self.torch_device.type, enabled=False),
                explain_exhaustion(
                    self.torch_device,
                    f"training with batch_size={self.batch_size}",
                    f"set batch_size={max(2, self.batch_size // 2)} or less, give smaller images, "
                    "or set another device",
                ),
            ):
                train_epochs(
                    self,
                    on_device(images, self.torch_device),
                    on_device(targets, self.torch_device),
                    last=last,
                    stopping=stopping,
                    best_weights=best_weights,
                    checkpoints=checkpoints,
                )
        finally:
            self.progress.close()
            self._tear_down()
        self.notify("on_train_end", X=images, y=targets)

    def _set_up(self, images, targets, epochs, distillation):
        """Decide how steps are computed."""
        self._zero_grad_optimizer()  # makes it, too, which no epoch's seconds shall hold
        self.training_dtype_ = resolve_precision(
            self.precision,
            self.torch_device,
            self.module_,
            (self.in_channels, *images.shape[1:3]),
        )
        batches = self.get_iterator(self.get_dataset(images, targets), training=True)
        check_shares(batches.n_images_of(len(batches) - 1))
        callbacks = [callback for _, callback in self.callbacks_]
        self._tells_of_batches = want_batches(callbacks)
        self._distillation = distillation
        networks = [self.module_, *(distillation.networks if distillation else [])]
        if rank_and_size()[1] == 1 and can_be_graphed(
            self.torch_device, networks, callbacks, n_steps=epochs * len(batches)
        ):
            self._graphed_step = GraphedStep(self._compute_step, self.module_.parameters())

    def _tear_down(self):
        """Let go of what is of one call of `train`, and belongs into no pickle."""
        self.progress, self.train_split, self._distillation = Progress(), None, None
        if self._graphed_step is not None:
            self._graphed_step = None
            self._zero_grad_optimizer()  # gradients hold its memory
        for network in self._networks:  # what a user calls it for is what it predicts
            network.eval()

    def get_iterator(self, dataset, training=False):
        """Make the batches of a dataset, on the device the net is on now."""
        batches = super().get_iterator(dataset, training=training)
        batches.device = self.torch_device
        return batches

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params):
        """Train for an epoch, or score the validation data; records a part of its row."""
        if training:
            self._train_epoch(iterator, step_fn)
        elif iterator is not None:
            self._validate(iterator)

    def _train_epoch(self, batches, step_fn):
        epoch = len(self.history)
        losses = losses_of(self.history[:-1], self.monitor)
        rank, n_processes = rank_and_size()
        batches.shuffle_seed = stream_seed(self.seed, epoch)
        seed_generators(self.torch_device, stream_seed(self.seed, epoch, rank + 1))
        start = time.perf_counter()
        if self.ema_decay is not None:
            average = WeightAverage(self.average_, self.module_, self.ema_decay)
        loss = torch.zeros((), dtype=torch.float32, device=self.device)
        n_images = len(batches.dataset)
        for step, batch in enumerate(batches):
            self._begin_batch(batch, training=True)
            self._set_lr(epoch - 1 + (step + 0.5) / len(batches), losses)
            n_batch = batches.n_images_of(step)  # in all processes together
            self._share = share_of_loss(batch[1], self.criterion_.weight)
            self._image_share = len(batch[1]) / n_batch
            with draw_lock:
                result = step_fn(batch)
            loss += result["loss"].detach() * (self._share * n_batch)
            if self.ema_decay is not None:
                average.update(self.n_steps_)
            self.n_steps_ += 1
            self.progress.advance(n_batch)
            self._end_batch(batch, training=True, **result)
        sum_over_processes([loss], 1)
        # batch statistics were taken on each process's own images
        buffers = [buffer for module in self._networks for buffer in module.buffers()]
        sum_over_processes([b for b in buffers if b.is_floating_point()], 1 / n_processes)
        train_loss = loss.item() / n_images
        seconds = time.perf_counter() - start
        check_finite(self, train_loss)
        self.history.record("train_loss", train_loss)
        self.history.record("lr", self.current_lr)
        self.history.record("seconds", seconds)
        self.history.record("images_per_second", n_images / seconds)

    def train_step_single(self, batch, **fit_params):
        """Compute a batch's loss and gradients, on CUDA without Python where that was recorded."""
        if self._graphed_step is None:
            return super().train_step_single(batch, **fit_params)
        loss, y_pred = self._graphed_step(*batch)
        return {"loss": loss, "y_pred": y_pred}

    def _compute_step(self, x, targets):
        step = super().train_step_single((x, targets))
        return step["loss"], step["y_pred"]

    def _begin_batch(self, batch, training):
        if self._tells_of_batches:
            self.history.new_batch()
            self.notify("on_batch_begin", batch=batch, training=training)

    def _end_batch(self, batch, training, **result):
        if self._tells_of_batches:
            name = "train_batch_size" if training else "valid_batch_size"
            self.history.record_batch(name, len(batch[1]))  # what skorch weighs batches by
            self.notify("on_batch_end", batch=batch, training=training, **result)

    def _set_lr(self, progress, losses):
        for group in self.optimizer_.param_groups:
            group["lr"] = self.lr * self.schedule.factor(progress, losses)

    def get_loss(self, y_pred, y_true, X=None, training=False):
        """Compute the loss of a batch, with the teachers' part in training."""
        expected = (len(y_true), len(self.logit_offset))
        if y_pred.shape != expected:
            raise ValueError(
                f"got an output of shape {tuple(y_pred.shape)} from {type(self.module_).__name__}, "
                f"expected logits of shape {expected}; give its last layer an output per class"
            )
        loss = super().get_loss(y_pred, y_true, X, training)
        if training and self._distillation is not None:
            # the net weighs losses by `_share`, but what teachers say counts alike for all images
            loss = self._distillation(loss, y_pred, X, self._image_share / self._share)
        return loss

    def on_grad_computed(self, net, named_parameters, **kwargs):
        """Bring the processes' gradients together, and keep them within bounds."""
        gradients = [p.grad for p in self.module_.parameters() if p.grad is not None]
        sum_over_processes(gradients, self._share)
        if self.clip_grad_norm is not None:
            nn.utils.clip_grad_norm_(self.module_.parameters(), self.clip_grad_norm)

    @property
    def current_lr(self):
        """The learning rate of the last step."""
        return self.optimizer_.param_groups[0]["lr"]

    def _validate(self, batches):
        outputs = []
        for batch in batches:
            self._begin_batch(batch, training=False)
            outputs.append(compute_outputs(self.predictor_, [batch], len(batch[0])))
            self._end_batch(batch, training=False, y_pred=outputs[-1])
        logits, targets = torch.cat(outputs), torch.as_tensor(batches.dataset.y, device=self.device)
        with torch.inference_mode():
            loss = self.criterion_(logits, targets).item()
        if not math.isfinite(loss):
            raise ValueError(
                f"got a validation loss of {loss} in epoch {len(self.history)}, expected a finite "
                f"one; try lr={self.current_lr / 10:g}, and look at what the network does in eval "
                "mode"
            )
        scores = {"valid_loss": loss} | score(logits, targets, self.logit_offset)
        # several processes stop together
        for name, value in from_first(scores).items():
            self.history.record(name, value)

    def on_epoch_end(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        """Report the finished epoch."""
        self.progress.end_epoch(self.history[-1])

    def infer(self, x, **fit_params):
        """Map a batch to logits, in the training precision while training."""
        if not self.module_.training:  # callbacks ask for predictions
            return self.predictor_(x)
        is_mixed = self.training_dtype_ != torch.float32
        # no cache: it would outlive the step, in the context that keeps the caller's autocast out
        with torch.autocast(
            self.torch_device.type, torch.bfloat16, enabled=is_mixed, cache_enabled=False
        ):
            return super().infer(x, **fit_params).float()

    def outputs(self, images, method="forward", tta=None):
        """Apply the module's `method`, "forward" or "embed", in float32 and without gradients.

        `images` are uint8 levels or floats in [0, 1], of shape (n, height, width, channels). The
        outputs are averaged over the `views` of `tta`.
        """
        batches = self.get_iterator(self.get_dataset(images), training=False)
        with (
            keep_freed_memory() if len(batches) > 1 else nullcontext(),
            torch.autocast(self.torch_device.type, enabled=False),
            explain_exhaustion(
                self.torch_device,
                f"batches of {batches.batch_size} images of shape {images.shape[1:]}",
                "end what else is there, or go to the CPU: set_params(device='cpu'), save, load",
            ),
        ):
            return compute_outputs(self.predictor_, batches, len(images), method, tta).cpu().numpy()
