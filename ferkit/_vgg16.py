"""VGG16FER."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from sklearn.utils._param_validation import StrOptions

from ._base import BaseFER
from ._paths import as_path
from ._torchvision import load_vgg16_features
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

    from .augment import Policy


class VGG16FER(BaseFER):
    """Facial-emotion classifier on VGG16: the reference study's baseline, to be compared with.

    The convolutions of VGG16 [1]_ under three dense layers of 32, as the study had them [2]_:
    `ferkit.nn.VGG16` of 14,735,000 parameters, a hundred times MobileNetFER's, and far beyond the
    budget of the small estimators. The study began with ImageNet's weights and froze most of them,
    which is ``VGG16FER(weights="imagenet", freeze="reference")``. Images of any size are taken.

    Parameters
    ----------
    optimizer : {"adam", "adamw", "sgd"}, default="adam"
        torch's optimizer; "adam" adds weight decay to the gradient, "adamw" decouples it.
    lr : float, default=1e-3
        Learning rate.
    momentum : float, default=0.9
        Momentum of "sgd"; the others do not use it.
    weight_decay : float, default=0.0
        Weight decay (L2 penalty).
    dropout : float, default=0.5
        Dropout rate, after the convolutions and after the first two dense layers.
    batch_size : int, default=64
        Images per step. Batches are made even, so they can be a little smaller.
    max_epochs : int, default=15
        Passes over the data.
    lr_schedule : {"plateau", "cosine", "onecycle"} or None, default=None
        How the learning rate changes. "plateau" halves it when what `monitor` names (without
        validation data, the training loss) has not improved for more than 3 epochs; "cosine" lowers
        it to zero at `max_epochs`; "onecycle" raises it from ``lr / 25`` to `lr` in the first 0.3
        of `max_epochs`, then lowers it to nearly zero at `max_epochs`.
    warmup_epochs : float, default=0
        Epochs in which the learning rate rises to `lr`, fewer than `max_epochs`: from zero in a
        line; for "onecycle" in place of 0.3 of `max_epochs`, where it is not 0.
    ema_decay : float or None, default=None
        Decay per step of an exponential moving average of the weights, such as 0.999, which then
        validates and predicts. After n steps it is at most (1 + n) / (10 + n), so that the average
        soon forgets the weights that training began with.
    clip_grad_norm : float or None, default=None
        Largest norm of a step's gradient; a larger one is scaled down.
    early_stopping : bool, default=False
        Whether to stop when `monitor` no longer improves on validation data: `X_val`, or without it
        a part of `X` that is then not trained on. A sampler before this estimator in a Pipeline
        puts copies of images on both sides: give it as `sampler` instead.
    validation_fraction : float, default=0.1
        The part of `X` for `early_stopping`; stratified, and whole `groups` where `fit` has them.
    n_iter_no_change : int, default=6
        Epochs without improvement after which `early_stopping` stops.
    tol : float, default=0.0
        Improvements up to this do not count.
    monitor : {"valid_loss", "valid_f1_macro"}, default="valid_loss"
        What `early_stopping` and "plateau" watch.
    restore_best : bool, default=True
        Whether `early_stopping` ends with the weights of the best epoch rather than of the last.
    weights : "imagenet", path-like or None, default=None
        Weights that training begins with. "imagenet" takes those that torchvision publishes for the
        convolutions; the dense layers stay random. torch.hub downloads the file once, 528 MB, and
        checks it. A path is that of a copy of it (``*.pth``), or of an estimator's `save`. The last
        layer keeps what it has learned of labels that the file has, too, and is random for others.
        Emotions are known by any of their names; integers count only where all of the file's are
        there.
    warm_start : bool, default=False
        Whether `fit` begins with the weights of the fit before. The last layer keeps what it has
        learned of labels that are still there, integers or not.
    freeze : {"features", "reference"} or None, default=None
        What is not trained, given weights that were. "reference" is what the study froze: the
        convolutions but for the fifth block's. "features" trains the last layer only, and leaves
        batch statistics as they are; not for ImageNet's weights, which say nothing of the dense
        layers below.
    label_smoothing : float, default=0.0
        Share of the target that is spread over all classes.
    loss : {"cross_entropy", "focal"}, default="cross_entropy"
        What training minimises; "focal" lets images that are right already count less.
    focal_gamma : float, default=2.0
        How much less: the power of one minus the probability. Only for "focal".
    class_weight : dict, "balanced", "effective" or None, default=None
        Weights of the classes in the loss; "balanced" takes them inversely to the frequencies,
        "effective" inversely to Cui et al.'s effective numbers of samples, which is milder.
    logit_adjustment : float, default=0.0
        Strength of a correction for the classes' frequencies in training, at prediction:
        ``logit_adjustment * log(share)`` is subtracted from a class's logit, which favours rare
        ones. 1 suits scores that count all classes alike, such as macro-F1, unless `class_weight`
        or `sampler` does so already. It may be set after `fit`; losses do not follow it, the
        validation's macro-F1 does.
    tta : {"flip", "tilt", "ten"} or None, default=None
        Test-time augmentation: outputs, embeddings too, are means over the image and its mirror
        image ("flip", twice the time), over these upright and turned by 10 degrees either way and
        enlarged by 8 % ("tilt", six times; a line of pixels is not turned), or over these at five
        places that are a 24th of the image apart ("ten", ten times; images of less than 24 pixels a
        side are not moved). It may be set after `fit`; validation in training does without.
    temperature : float, default=1.0
        What the logits are divided by at prediction, so that probabilities are as often right as
        they say; see `ferkit.model_selection.tune_prediction`. `predict` does not depend on it. It
        may be set after `fit`.
    teacher : path-like, FrozenEstimator, list of these, or None, default=None
        Fitted estimators to learn from, such as a larger one: files of their `save`, or each in a
        `sklearn.frozen.FrozenEstimator`. In each batch they say what they see in the same changed
        images; of several, the probabilities are averaged. Of the same classes and image shape.
        Their `tta`, `logit_adjustment` and `temperature` are ignored.
    teacher_weight : float, default=0.8
        Share of the loss against the teachers, the rest being that on the labels. Only the rest has
        `class_weight`, `loss` and `label_smoothing` in it, and only the rest is validated.
    teacher_temperature : float, default=2.0
        What the logits of both sides are divided by for that, up to 100; higher values show more of
        the less probable classes.
    sampler : imbalanced-learn sampler or Pipeline of some, default=None
        Balances the training images, after the split for `early_stopping`, whose images it never
        sees. What has ``random_state=None`` in it follows this estimator's.
    augment : str, ferkit.augment.Policy or None, default=None
        Random changes of the training images in each epoch: a Policy or a name in
        `ferkit.augment.POLICIES`. "reference" is the study's: flip, rotation up to 5 degrees, shear
        up to 10 degrees, shift up to 20 %. A policy with mixup or cutmix mixes labels too.
    channels : {"auto", 1, 3}, default=3
        Channels of the network's input: 3 repeats gray images, which ImageNet's weights need;
        "auto" takes one for gray images and three for colour.
    image_shape : tuple (h, w) or (h, w, 3), default=None
        Shape of the images when `X` comes as rows. None takes rows of a square number of pixels
        as square gray images, and others as images one pixel high.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Arithmetic of training; prediction is always float32. "auto" takes bfloat16 where the
        hardware multiplies it natively.
    device : str, default="auto"
        "auto" takes the first of cuda, mps and cpu that is there; or a torch device's name.
    callbacks : list of skorch callbacks or None, default=None
        Called by the net in training; those of batches cost a little. LRScheduler, EarlyStopping
        and Checkpoint are refused, for there are parameters instead.
    compile : bool, default=False
        Whether `torch.compile` makes the training step. It takes a minute at first, and a C++
        compiler on the CPU, where it is usually slower.
    checkpoint_dir : path-like or None, default=None
        Folder in which each `fit` keeps its state after each epoch, in a folder of its own that is
        named by the parameters and the data. The same fit goes on where it was stopped, to the
        same bits, and is loaded if it had ended; with ``random_state=None`` the seed is kept too.
        `callbacks` do not tell fits apart.
    random_state : int, RandomState instance or None, default=None
        Governs weights, shuffling, augmentation, dropout and the split for `early_stopping`. None
        gives another fit each time, but for one that `checkpoint_dir` goes on with.
    verbose : int, default=0
        0 is silent, 1 shows a progress bar on standard error (a line per epoch where no bar can be
        drawn), 2 prints a line per epoch and where training runs, with a bar for the epoch under
        way.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    class_count_ : ndarray of shape (n_classes,)
        Training images of each class, int64: without those for validation, with those of
        `sampler`; of all calls of `partial_fit` together. With `soft_targets` their sums, float32.
    n_features_in_ : int
        Number of values per image.
    feature_names_in_ : ndarray of shape (n_values,)
        Names of the columns, if `X` was a DataFrame.
    image_shape_ : tuple
        (h, w) or (h, w, 3).
    n_iter_ : int
        Number of epochs trained.
    best_epoch_ : int
        The epoch, from 1, whose weights are kept: the last, or the best of `early_stopping`.
    n_parameters_ : int
        Number of parameters of the network.
    n_multiply_adds_ : int
        Multiplications, each with its addition, for one image in one view.
    history_ : pandas.DataFrame
        A row per epoch: epoch, train_loss, lr, seconds and images_per_second of training, and
        with validation data valid_loss, valid_accuracy, valid_f1_macro, and valid_f1_<label> for
        each class.
    net_ : skorch.NeuralNetClassifier
        The net that trained the module.
    module_ : torch.nn.Module
        The network, set to evaluate.

    See Also
    --------
    MobileNetFER : 132,000 parameters.
    ResNetFER : 481,000 parameters.
    LargeFER : 1,248,000 parameters or more.

    Notes
    -----
    `fit` takes no `sample_weight`: training by batches is not equivalent to repeating samples,
    which is what scikit-learn expects of it. Use `class_weight`.

    With an int `random_state`, repeated fits are equal bit for bit on the CPU of one machine with
    the same number of threads and the same versions. Fits in threads take turns, for torch's
    generator belongs to the process; use processes to fit in parallel.

    References
    ----------
    .. [1] Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
       Recognition", ICLR 2015.
    .. [2] Pazos and Wang, "Facial Emotion Recognition", Universitat Pompeu Fabra, 2025.

    Examples
    --------
    >>> from ferkit import VGG16FER
    >>> from ferkit.datasets import make_faces
    >>> X, y = make_faces(28, image_size=16, random_state=0, return_X_y=True)
    >>> clf = VGG16FER(max_epochs=1, random_state=0).fit(X, y)
    >>> clf.predict_proba(X).shape, clf.transform(X).shape
    ((28, 7), (28, 32))
    """

    _parameter_constraints = {
        **BaseFER._parameter_constraints,
        "freeze": [StrOptions({"features", "reference"}), None],
    }

    def __init__(
        self,
        *,
        optimizer: Optimizer = "adam",
        lr: float = 1e-3,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        dropout: float = 0.5,
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
        freeze: Literal["features", "reference"] | None = None,
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
        channels: Channels = 3,
        image_shape: ImageShape | None = None,
        precision: Precision = "auto",
        device: str = "auto",
        callbacks: list[Callback | tuple[str, Callback]] | None = None,
        compile: bool = False,
        checkpoint_dir: StrPath | None = None,
        random_state: RandomStateLike = None,
        verbose: int = 0,
    ) -> None:
        super().__init__(
            optimizer=optimizer,
            lr=lr,
            momentum=momentum,
            weight_decay=weight_decay,
            dropout=dropout,
            batch_size=batch_size,
            max_epochs=max_epochs,
            lr_schedule=lr_schedule,
            warmup_epochs=warmup_epochs,
            ema_decay=ema_decay,
            clip_grad_norm=clip_grad_norm,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            tol=tol,
            monitor=monitor,
            restore_best=restore_best,
            weights=weights,
            warm_start=warm_start,
            freeze=freeze,
            label_smoothing=label_smoothing,
            loss=loss,
            focal_gamma=focal_gamma,
            class_weight=class_weight,
            logit_adjustment=logit_adjustment,
            tta=tta,
            temperature=temperature,
            teacher=teacher,
            teacher_weight=teacher_weight,
            teacher_temperature=teacher_temperature,
            sampler=sampler,
            augment=augment,
            channels=channels,
            image_shape=image_shape,
            precision=precision,
            device=device,
            callbacks=callbacks,
            compile=compile,
            checkpoint_dir=checkpoint_dir,
            random_state=random_state,
            verbose=verbose,
        )

    def _make_module(self, in_channels, n_classes):
        from .nn import VGG16

        return VGG16(in_channels, n_classes, dropout=self.dropout)

    def _load_weights(self):
        if self.weights != "imagenet":
            path = as_path(self.weights)
            if not path.is_file():
                raise FileNotFoundError(
                    f"got weights={str(path)!r}, expected 'imagenet', a copy of torchvision's file "
                    "(*.pth) or a model file; there is no such file"
                )
            if path.suffix not in (".pth", ".pt"):
                return super()._load_weights()
        if self.channels != 3:
            raise ValueError(
                f"got channels={self.channels!r} for torchvision's weights, expected 3; set "
                "channels=3, which repeats gray images"
            )
        if self.freeze == "features":
            raise ValueError(
                "got freeze='features' for torchvision's weights, expected 'reference' or None, as "
                "the dense layers are still random; train them first, then set warm_start=True"
            )
        return load_vgg16_features(self.weights, progress=bool(self.verbose)), None
