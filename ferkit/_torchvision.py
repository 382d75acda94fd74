"""ImageNet's weights, from the files that torchvision publishes; torchvision is not needed."""

from pathlib import Path

from ._paths import as_path

VGG16_URL = "https://download.pytorch.org/models/vgg16-397923af.pth"


def load_vgg16_features(weights, *, progress):
    """Read the weights of VGG16's convolutions, as torchvision names them, on the CPU.

    `weights` is "imagenet" for the published file, which torch.hub downloads once (528 MB), checks
    and keeps in its cache; or the path of a file like it. The names are ``features.<layer>.weight``
    and ``features.<layer>.bias``. `OSError` if the published file cannot be downloaded or read;
    `ValueError` if the file is damaged or another one, or one at a path cannot be read.
    """
    tensors = _download(progress) if weights == "imagenet" else _read(weights)
    names = [name for name in tensors if str(name).startswith("features.")]
    if not names:
        raise ValueError(
            f"got weights={str(weights)!r} without features.0.weight and so on, expected VGG16's "
            "weights as torchvision names them; give another file, or set weights='imagenet'"
        )
    for name in names:
        if not (hasattr(tensors[name], "isfinite") and tensors[name].isfinite().all()):
            raise ValueError(
                f"got weights={str(weights)!r} of which {name} is no tensor of finite numbers, "
                "expected one; fetch the file again, or train again if it is of your own"
            )
    return {name: tensors[name] for name in names}


def _download(progress):
    import torch

    path = Path(torch.hub.get_dir(), "checkpoints", Path(VGG16_URL).name)
    try:
        if not path.is_file():
            # hub's load_state_dict_from_url does the same, but always says so
            path.parent.mkdir(parents=True, exist_ok=True)
            digest = path.stem.partition("-")[2]
            torch.hub.download_url_to_file(VGG16_URL, str(path), digest, progress=progress)
        return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise OSError(
            f"got nothing from {VGG16_URL} ({_name(error)}), expected ImageNet's weights; try "
            "again with a connection, or set weights to the path of a copy of the file"
        ) from error
    except Exception as error:  # a damaged pickle raises nearly anything
        raise ValueError(
            f"got another file than the one published at {VGG16_URL} ({_name(error)}), expected "
            "one whose SHA-256 begins as its name says; delete what is in "
            f"{torch.hub.get_dir()}/checkpoints and try again, or set weights to the path of a copy"
        ) from error


def _read(path):
    import torch

    path = as_path(path)
    try:
        return dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # a file of other content may raise anything
        raise ValueError(
            f"got {path}, expected VGG16's weights as torchvision publishes them ({VGG16_URL}); it "
            f"is of another kind or damaged ({_name(error)}); name a file of an estimator's save "
            "otherwise than *.pth"
        ) from error


def _name(error):
    return f"{type(error).__name__}: {error}".splitlines()[0]
