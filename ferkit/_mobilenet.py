"""MobileNetFER."""

from ._base import BaseFER


class MobileNetFER(BaseFER):
    """Facial-emotion classifier on a MobileNetV2 of 132,000 parameters.

    The network is `ferkit.nn.MobileNetV2_48`, the defaults are those of the reference study's
    best MobileNetV2 [1]_. Images of any size are taken; 48 x 48 gray faces are what it is for.

    Parameters
    ----------
    optimizer : {"adam", "adamw", "sgd"}, default="adam"
        torch's optimizer; "adam" adds weight decay to the gradient, "adamw" decouples it.
    lr : float, default=1e-3
        Learning rate.
    momentum : float, default=0.9
        Momentum of "sgd"; the others do not use it.
    weight_decay : float, default=1e-4
        Weight decay (L2 penalty).
    dropout : float, default=0.15
        Dropout rate, before the global average pooling.
    batch_size : int, default=64
        Images per step. Batches are made even, so they can be a little smaller.
    max_epochs : int, default=15
        Passes over the data.
    label_smoothing : float, default=0.0
        Share of the target that is spread over all classes.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes in the loss; "balanced" takes them inversely to the frequencies.
    augment : {"reference"} or None, default=None
        Random changes of the training images in each epoch. "reference" is the study's: flip,
        rotation up to 5 degrees, shear up to 10 degrees, shift up to 20 %.
    channels : {"auto", 1, 3}, default="auto"
        Channels of the network's input: "auto" takes one for gray images and three for colour;
        3 repeats gray images.
    image_shape : tuple (h, w) or (h, w, 3), default=None
        Shape of the images when `X` comes as rows. None takes rows of a square number of pixels
        as square gray images, and others as images one pixel high.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Arithmetic of training; prediction is always float32. "auto" takes bfloat16 where the
        hardware multiplies it natively.
    device : str, default="auto"
        "auto" takes the first of cuda, mps and cpu that is there; or a torch device's name.
    random_state : int, RandomState instance or None, default=None
        Governs weights, shuffling, augmentation and dropout. None gives another fit each time.
    verbose : int, default=0
        0 is silent, 1 shows a progress bar, 2 prints a line per epoch.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    n_features_in_ : int
        Number of values per image.
    feature_names_in_ : ndarray of shape (n_values,)
        Names of the columns, if `X` was a DataFrame.
    image_shape_ : tuple
        (h, w) or (h, w, 3).
    n_iter_ : int
        Number of epochs trained.
    n_parameters_ : int
        Number of parameters of the network.
    history_ : pandas.DataFrame
        A row per epoch: epoch, train_loss, lr, seconds and images_per_second of training, and
        with validation data valid_loss, valid_accuracy, valid_f1_macro.
    net_ : skorch.NeuralNetClassifier
        The net that trained the module.
    module_ : torch.nn.Module
        The network.

    See Also
    --------
    ResNetFER : Faster to train, 481,000 parameters.

    Notes
    -----
    `fit` takes no `sample_weight`: training by batches is not equivalent to repeating samples,
    which is what scikit-learn expects of it. Use `class_weight`.

    With an int `random_state`, repeated fits are equal bit for bit on the CPU of one machine with
    the same number of threads and the same versions. Fits in threads take turns, for torch's
    generator belongs to the process; use processes to fit in parallel.

    References
    ----------
    .. [1] Pazos and Wang, "Facial Emotion Recognition", Universitat Pompeu Fabra, 2025.

    Examples
    --------
    >>> from ferkit import MobileNetFER
    >>> from ferkit.datasets import make_faces
    >>> X, y = make_faces(70, random_state=0, return_X_y=True)
    >>> clf = MobileNetFER(max_epochs=1, random_state=0).fit(X, y)
    >>> clf.predict_proba(X).shape, clf.transform(X).shape
    ((70, 7), (70, 128))
    """

    def __init__(
        self,
        *,
        optimizer="adam",
        lr=1e-3,
        momentum=0.9,
        weight_decay=1e-4,
        dropout=0.15,
        batch_size=64,
        max_epochs=15,
        label_smoothing=0.0,
        class_weight=None,
        augment=None,
        channels="auto",
        image_shape=None,
        precision="auto",
        device="auto",
        random_state=None,
        verbose=0,
    ):
        super().__init__(
            optimizer=optimizer,
            lr=lr,
            momentum=momentum,
            weight_decay=weight_decay,
            dropout=dropout,
            batch_size=batch_size,
            max_epochs=max_epochs,
            label_smoothing=label_smoothing,
            class_weight=class_weight,
            augment=augment,
            channels=channels,
            image_shape=image_shape,
            precision=precision,
            device=device,
            random_state=random_state,
            verbose=verbose,
        )

    def _make_module(self, in_channels, n_classes):
        from .nn import MobileNetV2_48

        return MobileNetV2_48(in_channels, n_classes, dropout=self.dropout)
