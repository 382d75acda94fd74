"""ONNX models in 8 bits."""

import io
import logging
import tempfile
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

from .._extras import import_extra
from .._locks import ForkSafeLock

_stdout_lock = ForkSafeLock()  # stdout is the whole process's

# Activations are among them so that a convolution's output is rounded after its ReLU, not twice.
_OPERATORS = ["Conv", "Gemm", "MatMul", "Add", "Clip", "Relu"]


def quantize_int8(model, images):
    """Round the weights and activations of a model, the bytes of an ONNX file, to 8 bits.

    `images` are what it takes; the ranges of activations are those that these images have. All
    activations are kept at once: one to three megabytes for each image of 48 x 48 pixels.
    """
    quantization = import_extra("onnxruntime.quantization")

    class Reader(quantization.CalibrationDataReader):
        def __init__(self):
            # one by one, for it wants batches of one size
            self.batches = ({"images": image[None]} for image in images)

        def get_next(self):
            return next(self.batches, None)

    with tempfile.TemporaryDirectory() as folder, _silenced():
        source, target = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        source.write_bytes(model)
        quantization.quantize_static(
            source,
            target,
            Reader(),
            op_types_to_quantize=_OPERATORS,
            # with an image's few channels, a convolution is slower in 8 bits than in float
            nodes_to_exclude=_first_convolution(model),
            per_channel=True,
            # A few extreme activations would widen the steps of all: leaving out one in 100,000
            # brings the probabilities of the models that come with ferkit a tenth nearer to float.
            calibrate_method=quantization.CalibrationMethod.Percentile,
            extra_options={"CalibPercentile": 99.999},
            # x86 has instructions for this pair; int8 activations are five times slower there
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
        )
        return target.read_bytes()


def _first_convolution(model):
    nodes = import_extra("onnx").load_from_string(model).graph.node  # in the order of computing
    return [node.name for node in nodes if node.op_type == "Conv"][:1]


@contextmanager
def _silenced():
    """Silence what it prints, and the advice to simplify the graph, which the exporter has done."""
    logger = logging.getLogger()
    with _stdout_lock:
        logger.addFilter(_is_no_advice)
        try:
            with redirect_stdout(io.StringIO()):
                yield
        finally:
            logger.removeFilter(_is_no_advice)


def _is_no_advice(record):
    return "pre-processing before quantization" not in record.getMessage()
