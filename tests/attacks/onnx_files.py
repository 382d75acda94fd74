"""ONNX files, whose oracle is ONNX Runtime itself."""

import json
from functools import cache

import numpy as np
import onnx
import onnxruntime

from ferkit.datasets import make_faces
from ferkit.deploy import OnnxFER, export_onnx
from tests.attacks.damage import damage
from tests.attacks.json_damage import dump_json, mutate_json
from tests.attacks.targets import Case, Target
from tests.helpers import LinearFER

_DIMS = (0, 1, 2, 3, 7, 2**20, 2**31, 2**62, -1)


class OnnxTarget(Target):
    """`OnnxFER`: its metadata and its predictions."""

    name = "onnx"

    def make(self, random):
        """Write a file of a tiny model, mutated as bytes, graph, or metadata."""
        content = _seed(self.folder)
        kind = random.randrange(10)
        if kind == 0:
            content, story = damage(random, content), ["bytes"]
        elif kind == 1:
            content, story = damage(random, content, keep=30, at_most=1), ["a byte"]
        else:
            model = onnx.load_from_string(content)
            if kind < 6:
                story = [_mutate_metadata(random, model)]
            else:
                mutate = random.choice(_GRAPHS)
                mutate(random, model)
                story = [mutate.__name__]
            content = model.SerializeToString()
        path = self.folder / "model.onnx"
        path.write_bytes(content)
        return Case(path, content, story)

    def is_past_header(self, case):
        """Tell whether it is protobuf with ferkit's metadata."""
        try:
            model = onnx.load_from_string(case.content)
        except Exception:
            return False
        return any(entry.key == "ferkit" for entry in model.metadata_props)

    def call(self, case):
        """Open the file and predict."""
        clf = OnnxFER(case.path)
        X = np.arange(3 * 36, dtype=np.uint8).reshape(3, 6, 6)
        shape = clf.image_shape_
        if clf.n_features_in_ < 10_000 and shape != (6, 6):
            X = np.ones((3, *shape), np.uint8)
        X = X / np.float32(255) if clf._dtype != np.uint8 else X
        return clf, X, clf.predict_proba(X), clf.predict(X), repr(clf)

    def check(self, case, answer):
        """Compare with a session of one's own."""
        clf, X, proba, labels, _ = answer
        model = onnx.load_from_string(case.content)
        described = json.loads({entry.key: entry.value for entry in model.metadata_props}["ferkit"])
        assert clf.classes_.tolist() == described["classes"][1]
        assert clf.image_shape_ == tuple(described["image_shape"])
        assert proba.shape == (3, len(clf.classes_))
        assert labels.tolist() == clf.classes_[proba.argmax(axis=1)].tolist()
        session = onnxruntime.InferenceSession(case.content, providers=["CPUExecutionProvider"])
        (expected,) = session.run(["probabilities"], {"images": X})
        np.testing.assert_array_equal(proba, expected)

    def check_refusal(self, case):
        """See that something was done."""
        assert case.content != _seed(self.folder), "nothing was done"


TARGETS = {OnnxTarget.name: OnnxTarget}


@cache
def _seed(folder):
    X, y = make_faces(28, image_size=16, random_state=0, return_X_y=True)
    clf = LinearFER(max_epochs=1, random_state=0).fit(X[:, :6, :6], y)
    export_onnx(clf, folder / "seed.onnx", card="A card.")
    return (folder / "seed.onnx").read_bytes()


def _mutate_metadata(random, model):
    entry = random.choice(model.metadata_props)
    if random.random() < 0.1:
        model.metadata_props.remove(entry)
        return f"without {entry.key}"
    if entry.key == "model_card":
        entry.value = random.choice(["", "\0", "x" * 2**20])
        return "card"
    tree, story = mutate_json(random, json.loads(entry.value))
    entry.value = dump_json(tree)
    return story


def _dims(random, model):
    tensor = random.choice(model.graph.initializer)
    if tensor.dims:
        tensor.dims[random.randrange(len(tensor.dims))] = random.choice(_DIMS)


def _raw(random, model):
    tensor = random.choice(model.graph.initializer)
    tensor.raw_data = damage(random, tensor.raw_data)


def _not_finite(random, model):
    tensor = random.choice([t for t in model.graph.initializer if t.data_type == 1])
    value = np.float32(random.choice([np.nan, np.inf, 3e38])).tobytes()
    tensor.raw_data = value + tensor.raw_data[4:]


def _external(random, model):
    tensor = random.choice(model.graph.initializer)
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    where = random.choice(
        ["/etc/passwd", "../../../etc/passwd", "model.onnx", "no", "/dev/zero", ""]
    )
    for key, value in (("location", where), ("offset", "0"), ("length", "4")):
        tensor.external_data.add(key=key, value=value)


def _operator(random, model):
    node = random.choice(model.graph.node)
    node.op_type = random.choice(
        ["Relu", "Identity", "Loop", "If", "NoSuch", "Softmax", "Sqrt", ""]
    )


def _input(random, model):
    node = random.choice(model.graph.node)
    if node.input:
        node.input[random.randrange(len(node.input))] = random.choice(
            ["images", "", "x", *node.output]
        )


def _type(random, model):
    value = random.choice([*model.graph.input, *model.graph.output])
    value.type.tensor_type.elem_type = random.choice([0, 1, 2, 3, 7, 8, 10, 99])


def _shape(random, model):
    value = random.choice([*model.graph.input, *model.graph.output])
    dims = value.type.tensor_type.shape.dim
    dims[random.randrange(len(dims))].dim_value = random.choice(_DIMS)


def _names(random, model):
    value = random.choice([*model.graph.input, *model.graph.output])
    value.name = random.choice(["", "x", "images", "probabilities", "embedding"])


def _version(random, model):
    model.ir_version = random.choice([0, 1, 99, 2**31 - 1])
    if random.random() < 0.5:
        model.opset_import[0].version = random.choice([0, 1, 99, -1])


_GRAPHS = (_dims, _raw, _not_finite, _external, _operator, _input, _type, _shape, _names)
_GRAPHS += (_version,)
