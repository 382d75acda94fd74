"""Places of files, and files that are there whole or not at all."""

import os
import secrets
from contextlib import contextmanager
from pathlib import Path


def as_path(path):
    """Make a path of what a user gave; "~" is the home folder.

    `ValueError` if it is empty, as a variable that is not set.
    """
    if str(path) == "":
        raise ValueError("got an empty path, expected a file's or folder's; '.' is this folder")
    return Path(os.path.expanduser(path))


def make_folder(folder, name):
    """Make a folder, unless it is there; `name` is what the user calls it, for messages.

    `NotADirectoryError` if it is something else, `OSError` if it cannot be made.
    """
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"got {name}={folder}, a file, expected a folder; choose another")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(
            error.errno,
            f"got {name}={folder}, expected a place where a folder can be made ({error.strerror}); "
            "choose another",
        ) from error


def check_place(path):
    """Check that a file can be made at a path, before what it is to hold is computed.

    `FileNotFoundError` if the folder does not exist, `IsADirectoryError` if the path is a folder's,
    `FileExistsError` if it is a device's or pipe's, `OSError` if the folder cannot be written to.
    """
    _check_folder(path)
    temporary = _name_temporary(Path(os.path.realpath(path)))
    try:
        open(temporary, "xb").close()
        temporary.unlink()
    except OSError as error:
        raise OSError(
            error.errno,
            f"got {path}, expected a place where a file can be made ({error.strerror}); choose "
            "another folder, or have the right to write to this one",
        ) from error


def _check_folder(path):
    place = Path(os.path.realpath(path))
    given = f"{path}, a link to {place}" if path.is_symlink() else path
    if not place.parent.is_dir():
        raise FileNotFoundError(f"got {given}, expected a file in a folder that exists; create it")
    if place.is_dir():
        raise IsADirectoryError(f"got {given}, a folder, expected a file; add a name")
    if place.exists() and not place.is_file():
        raise FileExistsError(f"got {given}, a device or pipe, expected a file; choose another")


def check_model_place(path):
    """Check a model file's folder and name; unlike `check_place`, it tries to make no file.

    `FileNotFoundError` if the folder does not exist, `IsADirectoryError` if the path is a folder's,
    `FileExistsError` if it is a device's or pipe's, `ValueError` if the name is an ONNX file's.
    """
    _check_folder(path)
    if path.suffix.lower() == ".onnx":
        raise ValueError(
            f"got {path}, expected a name for a model file, such as "
            f"{path.with_suffix('.safetensors')}; ONNX files are written by ferkit export, or "
            "ferkit.deploy.export_onnx"
        )


@contextmanager
def whole_file(path):
    """Open a new binary file to write to, which appears at its place whole or not at all.

    An existing file is replaced at the end. A symbolic link stays one.
    """
    place = Path(os.path.realpath(path))
    temporary = _name_temporary(place)
    try:
        with open(temporary, "xb") as file:  # tempfile's are private, a model is like other files
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, place)
    except OSError as error:
        if error.filename != str(temporary):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error  # a name that is known
    finally:
        temporary.unlink(missing_ok=True)


def _name_temporary(path):
    # short enough where the name itself is as long as file systems take
    return path.with_name(f".{path.name[:60]}.{secrets.token_hex(4)}")


def write_whole(path, data):
    """Write bytes to a file, whole or not at all; an existing one is replaced at the end."""
    with whole_file(path) as file:
        file.write(data)
