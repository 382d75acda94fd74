"""Mutations of what JSON holds."""

import json
from copy import deepcopy
from random import Random
from typing import Any

_VALUES = [None, True, False, 0, 1, -1, 2, 3, 7, 255, 2**31, 2**63, -(2**63) - 1, 10**30, 0.5]
_VALUES += [1e308, -1e-320, float("inf"), float("nan"), "", "x", "0", "\0", "\ud800", "٣", [], {}]
_VALUES += [[0], [[0]], [None], {"": 0}, {"dict": [[0, 1]]}, {"policy": {}}, [1, 2, 3], [16, 16]]
_VALUES += ["x" * 5000, list(range(300)), "../../x", "/etc/passwd", "<U999999999", "|O", "<f8"]
_VALUES += [
    "<i4,<i4",
    "cuda:9",
    "meta",
    "mps",
    {"policy": {"flip": 0.5}},
    {"policy": 1},
    {"dict": 1},
]
_NAMES = ["", "x", "callbacks", "weights", "sampler", "checkpoint_dir"]


def mutate_json(random: Random, tree: Any) -> tuple[Any, str]:
    """Change one place of a tree, in place as far as can be; return it, and what was done."""
    places = list(_places(tree))
    if not places or random.random() < 0.01:
        value = deepcopy(random.choice(_VALUES))
        return value, f"all={value!r:.50}"
    holder, key = random.choice(places)
    kind = random.randrange(10)
    if kind == 0:
        del holder[key]
        return tree, f"without {key!r:.50}"
    if kind == 1 and isinstance(holder, list):
        holder.insert(key, holder[key])
        return tree, f"twice {key}"
    if kind == 2:
        holder[key] = _nest(holder[key], random.choice([1, 2, 500, 100_000]))
        return tree, f"nested {key!r:.50}"
    if kind == 3 and isinstance(holder, dict):
        name = random.choice([*holder, *_NAMES])
        holder[name] = deepcopy(random.choice([holder[key], *_VALUES]))
        return tree, f"{name!r:.50}={holder[name]!r:.50}"
    if isinstance(holder[key], int | float) and random.random() < 0.4:
        holder[key] = holder[key] * random.choice([-1, 2, 10**6, 0.5]) + random.choice([-1, 0, 1])
    else:
        holder[key] = deepcopy(random.choice(_VALUES))
    return tree, f"{key!r:.50}={holder[key]!r:.50}"


def dump_json(tree: Any) -> str:
    """Write JSON as json.dumps does, of any depth."""
    nested = []

    def stand_in(value):
        nested.append(value)
        return f"nested {len(nested) - 1}"

    text = json.dumps(tree, default=stand_in)
    for number, value in enumerate(nested):
        brackets = "[" * value.depth, dump_json(value.value), "]" * value.depth
        text = text.replace(f'"nested {number}"', "".join(brackets), 1)
    return text


class _Nested:
    """A value in so many lists, which Python could not write."""

    def __init__(self, value, depth):
        self.value, self.depth = value, depth


def _nest(value, depth):
    return _Nested(value, depth) if depth > 1 else [value]


def _places(tree):
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield tree, key
            yield from _places(value)
    elif isinstance(tree, list):
        for key, value in enumerate(tree):
            yield tree, key
            yield from _places(value)
