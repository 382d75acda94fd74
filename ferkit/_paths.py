"""Places of files, and files that are there whole or not at all."""

import os
import secrets
from contextlib import contextmanager
from pathlib import Path


def as_path(path):
    """Make a path of what a user gave; "~" is the home folder.

    Parameters
    ----------
    path : str or os.PathLike
        As given.

    Returns
    -------
    pathlib.Path
        The path.
    """
    return Path(os.path.expanduser(path))


def check_place(path):
    """Check that a file can be at a path, before what it is to hold is computed.

    Parameters
    ----------
    path : pathlib.Path
        Where to.

    Raises
    ------
    FileNotFoundError
        If the folder does not exist.
    IsADirectoryError
        If the path is a folder's.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(f"got {path}, expected a file in a folder that exists; create it")
    if path.is_dir():
        raise IsADirectoryError(f"got {path}, a folder, expected a file; add a name")


def check_model_place(path):
    """Check a model file's place as `check_place` does, and its name.

    Parameters
    ----------
    path : pathlib.Path
        Where to.

    Raises
    ------
    ValueError
        If the name is an ONNX file's.
    """
    check_place(path)
    if path.suffix.lower() == ".onnx":
        raise ValueError(
            f"got {path}, expected a name for a model file, such as "
            f"{path.with_suffix('.safetensors')}; ONNX files are written by ferkit export, or "
            "ferkit.deploy.export_onnx"
        )


@contextmanager
def whole_file(path):
    """Open a new file to write to, which appears at its place whole or not at all.

    Parameters
    ----------
    path : pathlib.Path
        Where to; an existing file is replaced at the end.

    Yields
    ------
    binary file
        Write to it.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open(temporary, "xb") as file:  # tempfile's are private, a model is like other files
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_whole(path, data):
    """Write a file, whole or not at all.

    Parameters
    ----------
    path : pathlib.Path
        Where to; an existing file is replaced at the end.
    data : bytes
        Its content.
    """
    with whole_file(path) as file:
        file.write(data)
