"""The one file format of models: tensors as safetensors, everything else as JSON in its header.

Reading a file never runs code from it. This module knows files, not estimators.
"""

import json
import os
import secrets
from pathlib import Path

FORMAT = 1


def write(path, tensors, header):
    """Write a model file, whole or not at all.

    Parameters
    ----------
    path : str or os.PathLike
        Where to; an existing file is replaced at the end.
    tensors : dict of str to torch.Tensor
        The weights.
    header : dict
        What JSON can hold.

    Raises
    ------
    FileNotFoundError
        If the folder does not exist.
    """
    from safetensors.torch import save

    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"got {path}, expected a file in a folder that exists; create it")
    text = json.dumps({"format": FORMAT, **header}, allow_nan=False)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    data = save(tensors, metadata={"ferkit": text})
    write_whole(path, data)


def write_whole(path, data):
    """Write a file, whole or not at all.

    Parameters
    ----------
    path : pathlib.Path
        Where to; an existing file is replaced at the end.
    data : bytes
        Its content.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    # tempfile's files are private, and a process's umask cannot be read without changing it for
    # other threads; opened so, a model is as readable as any other new file
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(temporary, flags, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)  # an interrupt may come right after the replacing
        raise


def read(path):
    """Read a model file.

    Parameters
    ----------
    path : str or os.PathLike
        A file made by `write`.

    Returns
    -------
    tensors : dict of str to torch.Tensor
        The weights, on the CPU.
    header : dict
        What was given to `write`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not a model file, is damaged, or is of a newer format.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"got {path}, expected a model file; there is none")
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {})["ferkit"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        version = header.pop("format")
    except (SafetensorError, KeyError, AttributeError, TypeError, ValueError) as error:
        raise ValueError(
            f"got {path}, expected a ferkit model file, made by an estimator's save; it is of "
            f"another kind or damaged ({type(error).__name__}: {error})"
        ) from error
    if version != FORMAT:
        raise ValueError(
            f"got {path} of model format {version!r}, expected {FORMAT}; use the release of ferkit "
            "that wrote it, or a newer one"
        )
    return tensors, header
