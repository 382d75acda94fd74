"""ONNX Runtime."""

import numpy as np

from .._extras import import_extra

_BATCH_SIZE = 256  # images at once: bounds the memory, whatever the size of X


def open_session(model, n_threads):
    """Load a model into ONNX Runtime, on the CPU.

    Parameters
    ----------
    model : str or bytes
        The path of an ONNX file, or its content.
    n_threads : int
        Threads of an operation; 0 takes one for each core.

    Returns
    -------
    onnxruntime.InferenceSession
        The session.
    """
    onnxruntime = import_extra("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = n_threads
    options.log_severity_level = 3  # errors
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def run(session, output, images):
    """Compute an output of a session for many images.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
        Of a file by `export_onnx`.
    output : {"probabilities", "embedding"}
        Which.
    images : ndarray of shape (n, h, w) or (n, h, w, 3)
        As the file takes them.

    Returns
    -------
    ndarray of shape (n, n_values)
        float32.
    """
    parts = [
        session.run([output], {"images": images[start : start + _BATCH_SIZE]})[0]
        for start in range(0, len(images), _BATCH_SIZE)
    ]
    return np.concatenate(parts)
