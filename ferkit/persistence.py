"""The one file format of models: tensors as safetensors, everything else as JSON in its header.

Reading a file never runs code from it. This module knows files, not estimators.
"""

import json
import math
import zlib

import numpy as np

from ._messages import escape
from ._paths import as_path, check_model_place, write_whole

FORMAT = 1


def write(path, tensors, header):
    """Write a model file, whole or not at all; an existing one is replaced at the end.

    "~" is the home folder. The header is what JSON can hold. `check_model_place` refuses bad
    places.
    """
    from safetensors.torch import save

    path = as_path(path)
    check_model_place(path)
    text = json.dumps({"format": FORMAT, **header}, allow_nan=False)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    taken = set()
    for name, tensor in tensors.items():  # safetensors refuses those that share memory
        memory = tensor.untyped_storage().data_ptr()
        if memory in taken:
            tensors[name] = tensor.clone()
        taken.add(memory)
    text = f'{text[:-1]}, "crc32": {checksum(text, tensors)}}}'
    # one value, for safetensors writes several in an order that differs from run to run
    write_whole(path, save(tensors, metadata={"ferkit": text}))


def checksum(text, tensors):
    """Compute the CRC-32 that tells a damaged file, for safetensors keeps no checksum.

    `text` is the header as JSON, without a checksum; tensors are contiguous and on the CPU.
    """
    import torch

    crc = zlib.crc32(text.encode())
    for name, tensor in sorted(tensors.items()):
        crc = zlib.crc32(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode(), crc)
        crc = zlib.crc32(tensor.flatten().view(torch.uint8).numpy(), crc)
    return crc


def to_history(rows):
    """Make a header's history of a net's rows, to which callbacks may have added anything.

    numpy's numbers become Python's, and what is not finite None, for JSON has no such number.
    `ValueError` if JSON cannot hold a value.
    """
    return [{name: _to_record(name, value) for name, value in row.items()} for row in rows]


def _to_record(name, value):
    if isinstance(value, float | np.floating) and not math.isfinite(value):
        return None
    if type(value) in (int, float, str, bool):  # JSON would not change it: save the time
        return value
    try:
        return json.loads(json.dumps(value, allow_nan=False, default=_unwrap))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"got a {type(value).__name__} as {name} in history_, which no file can hold "
            f"({error}), expected a number or a string; let the callback record one"
        ) from error


def _unwrap(value):
    """Make Python's number of one of numpy's."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def is_history(rows):
    """Tell whether a header's history can be one: a list of dicts, scores of classes numbers."""
    return isinstance(rows, list) and all(
        isinstance(row, dict)
        and "batches" not in row  # skorch's own
        and isinstance(row.get("valid_f1", []), list)
        and all(isinstance(score, int | float) for score in row.get("valid_f1", []))
        for row in rows
    )


def explain(error):
    """Put an exception in a few words that can be printed, whatever a file made it say."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    text = escape(text)
    return text if len(text) <= 300 else f"{text[:300]}..."


def read(path):
    """Read what was given to `write`: tensors by name, on the CPU, and the header.

    "~" is the home folder. `FileNotFoundError` if there is no such file, `PermissionError` if it
    may not be read, `ValueError` if it is not a model file, is damaged, or is of another format.
    """
    from safetensors import SafetensorError, safe_open

    faults = (SafetensorError, KeyError, AttributeError, TypeError, ValueError, RecursionError)
    path = as_path(path)
    if not path.is_file():
        what = "it is a folder" if path.is_dir() else "there is none"
        raise FileNotFoundError(
            f"got {path}, expected a model file; {what}, check the path (the weights that "
            'come with ferkit are opened by name: ResNetFER.from_pretrained("fer2013"))'
        )
    with open(path, "rb"):  # safetensors takes what may not be read for missing
        pass
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {})["ferkit"]
            header = json.loads(text, parse_constant=_refuse_constant)
            # copies: what is still mapped cannot be removed on Windows, as checkpoints are
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
        stored = header.pop("crc32")
        if stored != checksum(json.dumps(header), tensors):
            raise ValueError("its checksum differs")
        version = header.pop("format")
    except faults as error:
        openers = {
            ".onnx": "; open ONNX files with ferkit.deploy.OnnxFER",
            ".pkl": "; open pickles with pickle.load",
            ".joblib": "; open it with joblib.load",
        }
        advice = openers.get(path.suffix.lower(), "")
        raise ValueError(
            f"got {path}, expected a ferkit model file, made by an estimator's save; it is of "
            f"another kind or damaged ({explain(error)}){advice}"
        ) from error
    if version != FORMAT:
        raise ValueError(
            f"got {path} of model format {version!r:.80}, expected {FORMAT}; use the release of "
            "ferkit that wrote it, or a newer one"
        )
    return tensors, header


def _refuse_constant(name):
    """Refuse what JSON does not know, and `write` does not write."""
    raise ValueError(f"its header has the value {name}")
