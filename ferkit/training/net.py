"""The skorch net that trains every ferkit estimator."""

import math
import time

import torch
from sklearn.metrics import accuracy_score, f1_score
from skorch import NeuralNetClassifier
from skorch.dataset import Dataset
from skorch.helper import predefined_split
from torch import nn
from torch.nn import functional as F

from .._random import seed_generators
from .batches import Batches
from .device import resolve_precision
from .progress import Silent, make_progress

OPTIMIZERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}


class FERNet(NeuralNetClassifier):
    """A skorch classifier that trains on whole batches and repeats itself to the bit.

    It departs from skorch where ferkit's promises ask for it: every epoch is seeded by its number,
    nothing is read back from the device before an epoch ends, an interrupt propagates, a diverged
    fit raises, and `history` holds one row per epoch.

    Parameters
    ----------
    module : callable
        Makes the torch module, which returns logits.
    seed : int
        The fit's seed.
    precision : {"auto", "float32", "bfloat16"}
        Of training; inference is float32.
    **kwargs
        Parameters of `skorch.NeuralNetClassifier`.
    """

    def __init__(self, module, *args, seed, precision, **kwargs):
        self.seed = seed
        self.precision = precision
        self._progress = Silent()
        super().__init__(module, *args, **kwargs)

    @property
    def torch_device(self):
        """Where the net is."""
        return torch.device(self.device)

    @property
    def _default_callbacks(self):
        # the loop below records what skorch's would, without a callback per batch
        return []

    def train(self, images, targets, *, epochs, validation=None, verbose=0):
        """Train for some more epochs.

        Parameters
        ----------
        images : ndarray of shape (n, height, width, channels)
            uint8 levels or floats in [0, 1].
        targets : ndarray of shape (n,)
            int64, indices of classes.
        epochs : int
            How many.
        validation : tuple of two ndarrays, default=None
            Images and targets to score after each epoch.
        verbose : int, default=0
            0 silent, 1 a progress bar, 2 a line per epoch.

        Raises
        ------
        ValueError
            If the loss or a weight is no longer finite after an epoch.
        """
        self.training_dtype_ = resolve_precision(self.precision, self.torch_device, self.module_)
        self._progress = make_progress(
            verbose, n_epochs=epochs, n_before=len(self.history), n_images=len(images)
        )
        self.train_split = None if validation is None else predefined_split(Dataset(*validation))
        self.notify("on_train_begin", X=images, y=targets)
        try:
            with torch.autocast(self.torch_device.type, enabled=False):
                self.fit_loop(images, targets, epochs=epochs)
        finally:
            self._progress.close()
            # neither belongs into a pickle
            self._progress, self.train_split = Silent(), None
        self.notify("on_train_end", X=images, y=targets)

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
        seed_generators(self.torch_device, self.seed, epoch)
        start = time.perf_counter()
        loss = torch.zeros((), device=self.device)
        n_images = 0
        for batch in batches:
            n_batch = len(batch[1])
            loss += step_fn(batch)["loss"].detach() * n_batch
            n_images += n_batch
            self._progress.advance(n_batch)
        train_loss = loss.item() / n_images
        seconds = time.perf_counter() - start
        self._check_finite(train_loss)
        self.history.record("train_loss", train_loss)
        self.history.record("lr", self._lr())
        self.history.record("seconds", seconds)
        self.history.record("images_per_second", n_images / seconds)

    def _lr(self):
        return self.optimizer_.param_groups[0]["lr"]

    def _check_finite(self, train_loss):
        is_finite = math.isfinite(train_loss) and all(
            tensor.isfinite().all() for tensor in self.module_.state_dict().values()
        )
        if not is_finite:
            advice = f"try lr={self._lr() / 10:g}, and look at class_weight"
            if self.training_dtype_ == torch.bfloat16:
                advice += ", or try precision='float32'"
            raise ValueError(
                f"training diverged: got a loss of {train_loss:.4g} or weights that are not "
                f"finite in epoch {len(self.history)} with lr={self._lr():g}, expected finite "
                f"ones; {advice}"
            )

    def _validate(self, batches):
        logits = torch.cat([self.evaluation_step(batch).float() for batch in batches])
        targets = batches.dataset.y
        predictions = logits.argmax(dim=1).cpu().numpy()
        with torch.inference_mode():
            loss = self.criterion_(logits, torch.from_numpy(targets).to(logits.device)).item()
        self.history.record("valid_loss", loss)
        self.history.record("valid_accuracy", float(accuracy_score(targets, predictions)))
        self.history.record(
            "valid_f1_macro",
            float(f1_score(targets, predictions, average="macro", zero_division=0)),
        )

    def on_epoch_end(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        """Report the finished epoch."""
        self._progress.end_epoch(self.history[-1])

    def infer(self, x, **fit_params):
        """Map a batch to logits, in the training precision while training."""
        is_mixed = self.module_.training and self.training_dtype_ != torch.float32
        # no cache: it would outlive the step, in the context that keeps the caller's autocast out
        with torch.autocast(
            self.torch_device.type, torch.bfloat16, enabled=is_mixed, cache_enabled=False
        ):
            return super().infer(x, **fit_params).float()

    def history_rows(self):
        """List the epochs' records, without skorch's lists of batches."""
        return [{k: v for k, v in row.items() if k != "batches"} for row in self.history]

    def outputs(self, images, method="forward"):
        """Apply the module to images, in float32 and without gradients.

        Parameters
        ----------
        images : ndarray of shape (n, height, width, channels)
            uint8 levels or floats in [0, 1].
        method : {"forward", "embed"}, default="forward"
            The module's method: logits or embeddings.

        Returns
        -------
        ndarray of shape (n, n_classes) or (n, embedding_size)
            float32.
        """
        function = getattr(self.module_, method)
        self._set_training(False)
        batches = self.get_iterator(self.get_dataset(images), training=False)
        with torch.autocast(self.torch_device.type, enabled=False), torch.inference_mode():
            outputs = [function(_fill_up(x))[: len(x)].cpu() for x, _ in batches]
        return torch.cat(outputs).numpy()


def _fill_up(x, n_images=16):
    """Fill a small batch up with zeros.

    Kernels for few images round differently, and an image's result would depend on its batch.
    """
    return F.pad(x, (0, 0, 0, 0, 0, 0, 0, max(0, n_images - len(x))))


def build_net(
    make_module,
    *,
    in_channels,
    device,
    seed,
    precision,
    optimizer,
    lr,
    momentum,
    weight_decay,
    batch_size,
    class_weight,
    label_smoothing,
    augment,
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
    seed, precision, optimizer, lr, momentum, weight_decay, batch_size, label_smoothing
        As in the estimators.

    Returns
    -------
    FERNet
        An initialised net.
    """
    momentum = {"optimizer__momentum": momentum} if optimizer == "sgd" else {}
    net = FERNet(
        make_module,
        seed=seed,
        precision=precision,
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
        iterator_train__shuffle=True,
        iterator_train__augment=augment,
        iterator_valid=Batches,
        iterator_valid__in_channels=in_channels,
        iterator_valid__batch_size=64,
        train_split=None,
        verbose=0,
    ).initialize()
    net.module_.to(memory_format=torch.channels_last)
    # the class stands in for the caller's factory, which would tie the net to the estimator
    net.module = type(net.module_)
    return net
