"""The few faces that every case begins with."""

from functools import cache

import numpy as np

from ferkit.datasets import load_fer2013, make_faces

USAGES = ("Training", "PublicTest", "PrivateTest")


@cache
def samples(data: str | None) -> list[tuple[str, int, np.ndarray]]:
    """List (usage, label, image): a face of each class and usage, drawn or from fer2013.zip."""
    if data is None:
        faces = make_faces(21, random_state=0)
        images = sorted(zip(faces.target.tolist(), faces.images, strict=True), key=lambda f: f[0])
    else:
        faces = load_fer2013(data, subset="public_test")
        order = np.argsort(faces.target, kind="stable")
        firsts = np.searchsorted(faces.target[order], range(7))
        images = [(y, faces.images[order[at + i]]) for y, at in enumerate(firsts) for i in range(3)]
    return [(USAGES[i % 3], label, image) for i, (label, image) in enumerate(images)]
