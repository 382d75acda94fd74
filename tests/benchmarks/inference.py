"""Compare ferkit's ONNX files with small peers through ONNX Runtime, on one thread.

``python tests/benchmarks/inference.py --data fer2013.zip --peers face_classification
--models FILE.onnx ...`` prints a Markdown table in about two minutes; the peers need h5py.

The peers are the networks of https://github.com/oarriaga/face_classification with the weights that
were trained on FER2013. Clone it: ``--peers`` names the clone, or any folder that holds the files
of `PEERS`. Their authors chose among epochs by the loss on PublicTest and PrivateTest together, so
that the peers' scores on PublicTest are a little too good.

A peer is rebuilt from the description and the weights in its Keras file, and exported as ferkit's
networks are: batch normalization is folded into the convolutions, and the pixels are scaled within
the graph. All files take bytes, each at its network's own size. That of two peers is 64 x 64
pixels: resizing is not in their times, for who crops faces from photos has to resize them anyway.
Peers are scored on images resized as their own code does it.

ferkit's files, or others like them, take bytes of shape (n, 48, 48) as ``images`` and return
``probabilities`` in the order of `ferkit.EMOTIONS`, which is the peers' order too. Numbers of
parameters and views are taken from the metadata of `ferkit.deploy.export_onnx`, if any.

All files take turns, A B C A B C, so that what else the machine does hits all alike. A turn's time
is the median of its calls. The table has medians of turns, with the least and the largest; ratios
are taken within turns.
"""

import argparse
import json
import math
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import cv2
import numpy as np
import onnxruntime
import torch
from benchmark import describe_machine
from sklearn.metrics import accuracy_score, f1_score
from torch import nn
from torch.nn import functional as F

from ferkit.datasets import load_fer2013

PEERS = {
    "mini-XCEPTION 64 px": "fer2013_mini_XCEPTION.102-0.66.hdf5",
    "mini-XCEPTION 48 px": "fer2013_mini_XCEPTION.119-0.65.hdf5",
    "big-XCEPTION 64 px": "fer2013_big_XCEPTION.54-0.66.hdf5",
}
# accuracy and macro-F1 that are known: a conversion that misses them is wrong
KNOWN = {"mini-XCEPTION 64 px": (0.652, 0.619), "big-XCEPTION 64 px": (0.654, 0.643)}
BATCHES = (1, 64)
N_WARM = 3  # calls that fetch a network's weights back into the caches, untimed


@dataclass
class Contender:
    name: str
    path: Path
    parameters: str
    views: str
    session: onnxruntime.InferenceSession

    @property
    def side(self):
        return self.session.get_inputs()[0].shape[-1]

    def predict(self, images):
        return self.session.run(["probabilities"], {"images": images})[0]


def main():
    parser = argparse.ArgumentParser(description="Compare ONNX files with small peers.")
    parser.add_argument("--data", type=Path, required=True, help="FER2013")
    parser.add_argument("--peers", type=Path, required=True, help="clone of face_classification")
    parser.add_argument("--models", type=Path, nargs="+", default=[], metavar="FILE.onnx")
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.4, help="of calls in a turn")
    args = parser.parse_args()
    X, y = load_fer2013(args.data, subset="public_test", return_X_y=True)
    with tempfile.TemporaryDirectory() as folder:
        peers = [open_peer(name, args.peers, Path(folder)) for name in PEERS]
        contenders = [*map(open_model, args.models), *peers]
        by_side = {c.side: resize(X, c.side) for c in contenders}
        scores = [score(c, by_side[c.side], y) for c in contenders]
        times = take_turns(contenders, by_side, args.turns, args.seconds)
        print_table(contenders, times, scores)
    machine = describe_machine()
    print(f"\nONNX Runtime {onnxruntime.__version__}, {machine['cpu']}, load {machine['load']:.1f}")
    for name, known in KNOWN.items():
        found = scores[[c.name for c in contenders].index(name)]
        same = np.allclose(found, known, rtol=0, atol=0.0006)  # they are rounded
        print(f"{name}: scores are {'' if same else 'NOT '}the known ones, {known}")


def open_model(path):
    session = open_session(path)
    told = json.loads(session.get_modelmeta().custom_metadata_map.get("ferkit", "{}"))
    views = (told["tta"] or "one") if told else ""
    return Contender(f"`{path.name}`", path, str(told.get("n_parameters", "")), views, session)


def open_peer(name, folder, target):
    """Convert a peer whose Keras file is somewhere in a folder, and open it."""
    found = next(folder.rglob(PEERS[name]), None)
    if found is None:
        sys.exit(f"{PEERS[name]} is not in {folder}: clone oarriaga/face_classification there")
    net = read_keras(found).eval()
    path = target / f"{name}.onnx"
    images = torch.zeros(2, net.side, net.side, dtype=torch.uint8)
    options = {"input_names": ["images"], "output_names": ["probabilities"], "verbose": False}
    shapes = ({0: torch.export.Dim("n")},)
    program = torch.onnx.export(net, (images,), dynamo=True, dynamic_shapes=shapes, **options)
    program.optimize()
    program.save(path)
    n_parameters = str(sum(p.numel() for p in net.parameters()))
    return Contender(name, path, n_parameters, "one", open_session(path))


def open_session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # unused tensors are warned of
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def read_keras(path):
    """Rebuild a network from a file of Keras 2."""
    try:
        import h5py
    except ImportError:
        sys.exit("reading the peers needs h5py: pip install h5py")
    with h5py.File(path) as file:
        layers = json.loads(file.attrs["model_config"])["config"]["layers"]
        weights = {}
        for layer in layers:
            group = file["model_weights"][layer["name"]]
            tensors = {name.decode(): group[name][()] for name in group.attrs["weight_names"]}
            weights[layer["name"]] = {
                key.split("/")[-1].removesuffix(":0"): torch.from_numpy(tensor)
                for key, tensor in tensors.items()
            }
    return Graph(layers, weights)


class Graph(nn.Module):
    """A network as Keras describes it; layers come after those that they take from."""

    def __init__(self, layers, weights):
        super().__init__()
        self.side = layers[0]["config"]["batch_input_shape"][1]
        self.layers = nn.ModuleDict()
        self.sources = {}
        for layer in layers:
            name = layer["name"]
            self.sources[name] = [source for node in layer["inbound_nodes"] for source, *_ in node]
            self.layers[name] = convert(layer["class_name"], layer["config"], weights[name])

    def forward(self, images):
        done = {}
        for name, layer in self.layers.items():
            done[name] = layer(*([done[s] for s in self.sources[name]] or [images]))
        return done[name]


class Call(nn.Module):
    """A layer without weights."""

    def __init__(self, function):
        super().__init__()
        self.forward = function


class Conv(nn.Module):
    """A convolution with Keras's padding, which may be larger behind than before the image."""

    def __init__(self, weight, bias, config, groups=1):
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.bias = None if bias is None else nn.Parameter(bias)
        self.same = config["padding"] == "same"
        self.stride = config["strides"]
        self.groups = groups

    def forward(self, x):
        if self.same:
            before, after = same_padding(x, self.weight.shape[2:], self.stride)
            x = F.pad(x, (before[1], after[1], before[0], after[0]))
        return F.conv2d(x, self.weight, self.bias, self.stride, groups=self.groups)


def same_padding(x, kernel, stride):
    """Tell how much Keras's "same" pads before and behind, by dimension."""
    dimensions = zip(x.shape[2:], kernel, stride, strict=True)
    totals = [max((math.ceil(n / s) - 1) * s + k - n, 0) for n, k, s in dimensions]
    return [total // 2 for total in totals], [total - total // 2 for total in totals]


def max_pool(x, kernel, stride):
    """Pool with Keras's "same" padding, for which windows must be larger than strides."""
    before, _ = same_padding(x, kernel, stride)
    # ceil_mode lets the last window hang over, which saves the runtime a padded copy
    return F.max_pool2d(x, kernel, stride, before, ceil_mode=True)


def convert(kind, config, weights):
    """Make a module of a layer; Keras's kernels are (height, width, in, out)."""
    match kind:
        case "InputLayer":
            return Call(lambda images: images.unsqueeze(1).float() * (2 / 255) - 1)
        case "Conv2D":
            return Conv(weights["kernel"].permute(3, 2, 0, 1), weights.get("bias"), config)
        case "SeparableConv2D":
            depthwise = weights["depthwise_kernel"].permute(2, 3, 0, 1)
            pointwise = weights["pointwise_kernel"].permute(3, 2, 0, 1)
            return nn.Sequential(
                Conv(depthwise, None, config, groups=len(depthwise)),
                Conv(pointwise, weights.get("bias"), {"padding": "valid", "strides": (1, 1)}),
            )
        case "BatchNormalization":
            norm = nn.BatchNorm2d(len(weights["gamma"]), eps=config["epsilon"])
            keys = ("gamma", "beta", "moving_mean", "moving_variance")  # in torch's order
            tensors = zip(norm.state_dict(), map(weights.get, keys), strict=False)
            norm.load_state_dict(dict(tensors), strict=False)
            return norm
        case "Activation":
            return {"relu": nn.ReLU(), "softmax": nn.Softmax(dim=1)}[config["activation"]]
        case "MaxPooling2D":
            return Call(lambda x: max_pool(x, config["pool_size"], config["strides"]))
        case "Add":
            return Call(torch.add)
        case "GlobalAveragePooling2D":
            return Call(lambda x: x.mean((2, 3)))
    raise ValueError(f"no conversion of Keras's {kind}")


def resize(X, side):
    """Resize images as the peers' code does."""
    return X if X.shape[1] == side else np.stack([cv2.resize(image, (side, side)) for image in X])


def score(contender, images, y):
    """Return accuracy and macro-F1."""
    batches = range(0, len(images), 64)
    predicted = np.concatenate([contender.predict(images[i : i + 64]).argmax(1) for i in batches])
    return accuracy_score(y, predicted), f1_score(y, predicted, average="macro")


def take_turns(contenders, by_side, turns, seconds):
    """Return seconds a face, of shape (batch sizes, contenders, turns)."""
    times = np.empty((len(BATCHES), len(contenders), turns))
    for turn in range(turns):
        for b, size in enumerate(BATCHES):
            for c, contender in enumerate(contenders):
                batch = by_side[contender.side][:size]
                times[b, c, turn] = time_calls(contender, batch, seconds) / size
    return times


def time_calls(contender, batch, seconds):
    """Return the seconds of the median call."""
    for _ in range(N_WARM):
        contender.predict(batch)
    calls = []
    until = time.perf_counter() + seconds
    while (start := time.perf_counter()) < until or len(calls) < N_WARM:
        contender.predict(batch)
        calls.append(time.perf_counter() - start)
    return median(calls)


def print_table(contenders, times, scores):
    """Print the table; ratios say how many times as fast as a peer a file is."""
    header = ["", "views", "parameters", "kB", "ms a face, batch 1", "faces/s, batch 64"]
    header += [f"x {name}, batch 1 / 64" for name in PEERS]
    print(f"| {' | '.join([*header, 'accuracy', 'macro-F1'])} |")
    print("|---" * (len(header) + 2) + "|")
    one, many = times
    for c, (contender, (accuracy, f1)) in enumerate(zip(contenders, scores, strict=True)):
        number = contender.parameters
        cells = [contender.name, contender.views, f"{int(number):,}" if number else ""]
        cells += [f"{contender.path.stat().st_size / 1000:.0f}"]
        cells += [spread(1000 * one[c], ".3f"), spread(1 / many[c], ",.0f")]
        for peer in range(len(contenders) - len(PEERS), len(contenders)):
            ratios = np.median(times[:, peer] / times[:, c], axis=1)
            cells.append(" / ".join(f"{ratio:.2f}" for ratio in ratios))
        cells += [f"{100 * accuracy:.1f}", f"{f1:.3f}".removeprefix("0")]
        print(f"| {' | '.join(cells)} |")


def spread(values, form):
    """Write a median, the least and the largest."""
    return f"{np.median(values):{form}} ({min(values):{form}}-{max(values):{form}})"


if __name__ == "__main__":
    main()
