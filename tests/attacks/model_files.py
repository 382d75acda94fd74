"""Files of tensors and JSON: how to read them without ferkit, and how to do them harm."""

import copy
import json
import math
import struct

import safetensors
import safetensors.torch

from ferkit.persistence import checksum
from tests.attacks.damage import damage
from tests.attacks.json_damage import dump_json, mutate_json

_DTYPES = ["F32", "F16", "BF16", "F64", "I64", "I32", "U8", "BOOL", "F8_E4M3", "C64", "", "X", 3]

# -- the oracle ----------------------------------------------------------------------------------


def read_file(path):
    """Read tensors and ferkit's header with safetensors."""
    with safetensors.safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return tensors, json.loads(file.metadata()["ferkit"])


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
    inner, story = json.loads(header["__metadata__"]["ferkit"]), []
    if kind == 3:
        story = [_mutate_tensors(random, header)]
    elif kind == 4:
        data, story = _not_finite(random, header, data)
    else:
        for _ in range(random.choice([1, 1, 1, 2, 3])):
            inner, what = mutate_json(random, inner)
            story.append(what)
    text = dump_json(inner)
    if random.random() < 0.05:
        text = damage(random, text.encode(), at_most=2).decode("latin-1")
        story.append("text")
    if kind == 4 or kind > 5 or (kind == 5 and random.random() < 0.5):
        text, is_forged = _forge(text, header, data)
        story += ["forged checksum"] * is_forged
    header["__metadata__"]["ferkit"] = text
    if kind == 5:
        header, what = mutate_json(random, header)
        story.append(f"outer {what}")
    text = dump_json(header).encode()
    size = len(text) if random.random() < 0.98 else random.choice([0, 1, 2**40, 2**64 - 1, 99])
    return struct.pack("<Q", size) + text + data, story


def _forge(text, header, data):
    """Give a text the checksum of a whole file; return it and whether that can be done."""
    try:
        inner = json.loads(text)
        inner.pop("crc32", None)
        outer = json.dumps(header).encode()
        tensors = safetensors.torch.load(struct.pack("<Q", len(outer)) + outer + data)
        inner["crc32"] = checksum(json.dumps(inner), tensors)
    except Exception:
        return text, False
    return json.dumps(inner), True


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
