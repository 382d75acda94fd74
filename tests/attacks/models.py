"""Model files, whose oracle is safetensors itself."""

import copy
import json
import math
import struct
from functools import cache

import numpy as np
import safetensors
import torch
from sklearn.base import clone

import ferkit
from ferkit._saving import load_weights
from ferkit.persistence import checksum
from tests.attacks.checkpoints import CheckpointTarget
from tests.attacks.damage import damage
from tests.attacks.json_damage import dump_json, mutate_json
from tests.attacks.targets import Case, Target

_DTYPES = ["F32", "F16", "BF16", "F64", "I64", "I32", "U8", "BOOL", "F8_E4M3", "C64", "", "X", 3]
_PLACES = ("callbacks", "checkpoint_dir", "sampler", "teacher", "weights")


class ModelTarget(Target):
    """`ferkit.load`, and the reading of files that ``weights=`` names."""

    name = "model"
    documented = (ValueError,)

    def make(self, random):
        """Write a file of a small model, mutated as bytes, tensors, or JSON."""
        content, story = mutate_file(random, random.choice(_files(self.folder)))
        path = self.folder / "model.safetensors"
        path.write_bytes(content)
        by = random.choice(["load", "load", "load", "weights"])
        return Case(path, content, [*story, by], {"by": by})

    def is_past_header(self, case):
        """Tell whether safetensors opens it, and it has ferkit's part."""
        return is_model_file(case.path)

    def call(self, case):
        """Load the file."""
        return ferkit.load(case.path) if case.options["by"] == "load" else load_weights(case.path)

    def check(self, case, answer):
        """Compare with what safetensors reads, and use the estimator."""
        tensors, header = read_file(case.path)
        if case.options["by"] == "weights":
            assert answer[0].keys() == tensors.keys()
            assert answer[1].tolist() == header["classes"][1]
            return
        clf = answer
        assert type(clf).__name__ == header["class"]
        state = clf.module_.state_dict()
        assert state.keys() == tensors.keys()
        for name, tensor in tensors.items():
            assert torch.equal(state[name], tensor.to(state[name].dtype).view(state[name].shape)), (
                name
            )
            assert tensor.isfinite().all(), name
        params = clf.get_params(deep=False)
        assert all(params[name] is None for name in _PLACES), params
        for name, value in header["params"].items():
            assert name == "device" or params[name] == _decode(value), name
        assert clf.classes_.tolist() == header["classes"][1]
        assert clf.n_features_in_ == math.prod(header["image_shape"])
        assert clf.n_iter_ == len(header["history"]) == len(clf.history_)
        assert isinstance(clf.best_epoch_, int)
        assert clf.class_count_.shape == clf.classes_.shape
        clone(clf), repr(clf)
        # a parameter like others, which may make floats overflow
        if clf.logit_adjustment < 1e9 and clf.n_features_in_ <= 3 * 64 * 64:
            X = np.full((2, *clf.image_shape_), 9, clf._dtype)
            proba = clf.predict_proba(X / 255 if clf._dtype == np.float32 else X)
            assert proba.shape == (2, len(clf.classes_))
            np.testing.assert_allclose(proba.sum(axis=1), 1)

    def check_refusal(self, case):
        """See that something was done to the file."""
        assert case.content not in _files(self.folder)


TARGETS = {target.name: target for target in (ModelTarget, CheckpointTarget)}


@cache
def _files(folder):
    X, y = ferkit.datasets.make_faces(28, image_size=16, random_state=0, return_X_y=True)
    params = {"max_epochs": 1, "random_state": 0, "variant": "strided"}
    names = np.array(ferkit.EMOTIONS, dtype=object)[y]
    models = [
        ferkit.MobileNetFER(**params).fit(X, y),
        ferkit.ResNetFER(
            **params,
            augment=ferkit.augment.Policy(flip=0.5),
            class_weight={name: 1.5 for name in ferkit.EMOTIONS},
            image_shape=(16, 16),
            ema_decay=0.9,
        ).fit(X / np.float32(255), names, X_val=X / np.float32(255), y_val=names),
    ]
    contents = []
    for number, model in enumerate(models):
        model.save(folder / "seed", dtype=["float32", "float16"][number])
        contents.append((folder / "seed").read_bytes())
    return contents


# -- the oracle ----------------------------------------------------------------------------------


def read_file(path):
    """Read tensors and ferkit's header with safetensors."""
    with safetensors.safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return tensors, json.loads(file.metadata()["ferkit"])


def _decode(value):
    """Make a parameter of JSON."""
    if isinstance(value, dict) and "policy" in value:
        return ferkit.augment.Policy(**value["policy"])
    if isinstance(value, dict):
        return {_decode(k): _decode(v) for k, v in value["dict"]}
    return tuple(map(_decode, value)) if isinstance(value, list) else value


def is_model_file(path):
    """Tell whether safetensors opens a file, and finds ferkit's header in it."""
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            return "ferkit" in (file.metadata() or {})
    except Exception:
        return False


# -- mutations -----------------------------------------------------------------------------------


def mutate_file(random, content):
    """Mutate a file; most changes of the JSON come with a checksum that is right."""
    size = struct.unpack("<Q", content[:8])[0]
    kind = random.randrange(12)
    if kind == 0:
        return damage(random, content), ["bytes"]
    if kind == 1:
        return damage(random, content, keep=8), ["header's bytes"]
    if kind == 2:
        return damage(random, content, keep=8 + size), ["tensors' bytes"]
    header, data = json.loads(content[8 : 8 + size]), content[8 + size :]
    if kind == 3:
        story = [_mutate_tensors(random, header)]
    elif kind == 4:
        data, story = _not_finite(random, header, data)
    else:
        inner, story = json.loads(header["__metadata__"]["ferkit"]), []
        for _ in range(random.choice([1, 1, 1, 2, 3])):
            inner, what = mutate_json(random, inner)
            story.append(what)
        text = dump_json(inner)
        if random.random() < 0.05:
            text, story = damage(random, text.encode(), at_most=2).decode("latin-1"), ["text"]
        header["__metadata__"]["ferkit"] = text
    if kind == 5:
        header, what = mutate_json(random, header)
        story.append(f"outer {what}")
    elif random.random() < 0.1:
        header["__metadata__"].pop("crc32", None)
    elif kind > 3:
        _mend_checksum(header, data)
    text = dump_json(header).encode()
    size = len(text) if random.random() < 0.98 else random.choice([0, 1, 2**40, 2**64 - 1, 99])
    return struct.pack("<Q", size) + text + data, story


def _mend_checksum(header, data):
    try:
        text = json.dumps(header).encode()
        tensors = safetensors.torch.load(struct.pack("<Q", len(text)) + text + data)
    except Exception:
        return
    header["__metadata__"]["crc32"] = checksum(header["__metadata__"]["ferkit"], tensors)


def _mutate_tensors(random, header):
    names = [name for name in header if name != "__metadata__"]
    name = random.choice(names)
    entry, kind = header[name], random.randrange(9)
    start, end = entry["data_offsets"]
    if kind == 0:
        entry["dtype"] = random.choice(_DTYPES)
    elif kind == 1:
        entry["shape"] = random.choice([[], [0], [1], [2**40, 2**40], [-1], entry["shape"][::-1]])
    elif kind == 2:
        entry["data_offsets"] = random.choice([[0, 4], [end, start], [start, 2**63], [start], []])
    elif kind == 3:
        header[random.choice(["x", "", "module.x", "a" * 3000])] = header.pop(name)
    elif kind == 4:
        header["more"] = copy.deepcopy(entry)
    elif kind == 5:
        other = random.choice(names)
        header[name], header[other] = header[other], header[name]
    elif kind == 6:
        header["empty"] = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    elif kind == 7:
        entry["shape"] = [*entry["shape"], 1]
    else:
        del header[name]
    return f"tensor {name} {kind}"


def _not_finite(random, header, data):
    name = random.choice([n for n in header if header[n].get("dtype") in ("F32", "F16")])
    start, end = header[name]["data_offsets"]
    code, size = ("f", 4) if header[name]["dtype"] == "F32" else ("e", 2)
    at = start + size * random.randrange((end - start) // size)
    value = struct.pack(f"<{code}", random.choice([math.nan, math.inf, -math.inf]))
    return data[:at] + value + data[at + size :], [f"{name} not finite"]
