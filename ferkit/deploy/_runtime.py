"""ONNX Runtime."""

import numpy as np

from .._extras import import_extra

_BATCH_SIZE = 256  # images at once: bounds the memory, whatever the size of X


def open_session(model, n_threads):
    """Load an ONNX file, a path or bytes, into ONNX Runtime on the CPU.

    An operation runs on `n_threads`; 0 takes one for each core.
    """
    onnxruntime = import_extra("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = n_threads
    options.log_severity_level = 3  # errors
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def run(session, output, images):
    """Compute "probabilities" or "embedding" for images, as the file takes them, in batches.

    The file is one of `export_onnx`; the output is float32, of shape (n, n_values).
    """
    parts = [
        session.run([output], {"images": images[start : start + _BATCH_SIZE]})[0]
        for start in range(0, len(images), _BATCH_SIZE)
    ]
    return np.concatenate(parts)
