"""Mutations of bytes that know nothing of a format."""

import struct
from random import Random

_NUMBERS = (0, 1, 2, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63, -1)


def damage(random: Random, data: bytes, keep: int = 0, at_most: int = 4) -> bytes:
    """Change some bytes behind the first `keep`."""
    for _ in range(random.randint(1, at_most)):
        if len(data) <= keep:
            break
        data = random.choice(_MUTATIONS)(random, data, random.randrange(keep, len(data)))
    return data


def _flip(random, data, at):
    return data[:at] + bytes([data[at] ^ 1 << random.randrange(8)]) + data[at + 1 :]


def _set(random, data, at):
    return data[:at] + random.choice([b"\0", b"\xff", b"\x7f", b"\x80", b"\n"]) + data[at + 1 :]


def _write_number(random, data, at):
    code = random.choice("BHIQ")
    size = struct.calcsize(code)
    number = random.choice(_NUMBERS) % 256**size
    return data[:at] + struct.pack(random.choice("<>") + code, number) + data[at + size :]


def _cut(random, data, at):
    return data[:at] + data[at + random.choice([1, 2, 4, 16, 200]) :]


def _truncate(random, data, at):
    return data[:at]


def _insert(random, data, at):
    return data[:at] + random.randbytes(random.choice([1, 2, 4, 16])) + data[at:]


def _repeat(random, data, at):
    return data[:at] + data[at : at + random.randint(1, 64)] * random.randint(2, 5) + data[at:]


def _clear(random, data, at):
    n = min(random.randint(1, 64), len(data) - at)
    return data[:at] + bytes(n) + data[at + n :]


_MUTATIONS = (_flip, _flip, _set, _write_number, _write_number, _cut, _truncate, _insert)
_MUTATIONS += (_repeat, _clear)
