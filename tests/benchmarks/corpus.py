"""The files that are measured on, in FER2013's forms; all are cut from one zip of image files."""

import random
import re
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

import ferkit
from ferkit.datasets import make_faces

USAGES = {"Training": "train", "PublicTest": "public_test", "PrivateTest": "private_test"}
_IMAGE = re.compile(r"(?:[^/]+/)?((?:train|test)/([^/]+)/([A-Za-z]+)_\d+\.(?:jpe?g|png))")


def draw_zip(path, n_training, n_test):
    """Write a zip of drawn faces in the layout of FER2013's image folder.

    Parameters
    ----------
    path : path-like
        Where to.
    n_training : int
        Number of training images.
    n_test : int
        Number of images in each of the two test sets.
    """
    with zipfile.ZipFile(path, "w") as archive:
        for seed, usage in enumerate(USAGES):
            n_images = n_training if usage == "Training" else n_test
            images, target = make_faces(n_images, random_state=seed, return_X_y=True)
            split = "train" if usage == "Training" else "test"
            for i, (image, label) in enumerate(zip(images, target, strict=True)):
                buffer = BytesIO()
                Image.fromarray(image).save(buffer, "JPEG")
                name = f"{split}/{ferkit.EMOTIONS[label]}/{usage}_{i}.jpg"
                archive.writestr(name, buffer.getvalue())


def index_zip(path):
    """List the images of a zip.

    Parameters
    ----------
    path : path-like
        The zip.

    Returns
    -------
    list of tuple
        The member's name, its name in the extracted folder, its emotion and its usage.
    """
    with zipfile.ZipFile(path) as archive:
        matches = [_IMAGE.fullmatch(name) for name in archive.namelist()]
    return [(match[0], *match.groups()) for match in matches if match and match[3] in USAGES]


def subsets(samples):
    """List which subsets of FER2013 there are, as `load_fer2013` calls them."""
    return [subset for usage, subset in USAGES.items() if usage in {s[3] for s in samples}]


def extract(path, samples, folder):
    """Extract images of a zip.

    Parameters
    ----------
    path : path-like
        The zip.
    samples : list of tuple
        Of `index_zip`.
    folder : pathlib.Path
        Where to; ``train`` and ``test`` come to lie in it.
    """
    with zipfile.ZipFile(path) as archive:
        for member, name, _, _ in samples:
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(archive.read(member))


def extract_sample(path, samples, n_images, folder):
    """Extract a random sample of the training images, always the same one.

    Parameters
    ----------
    path : path-like
        The zip.
    samples : list of tuple
        Of `index_zip`.
    n_images : int
        How many.
    folder : pathlib.Path
        Where to.

    Raises
    ------
    ValueError
        If there are not as many.
    """
    training = sorted(sample for sample in samples if sample[3] == "Training")
    if len(training) < n_images:
        raise ValueError(f"got {len(training)} training images, expected at least {n_images}")
    random.Random(0).shuffle(training)
    extract(path, training[:n_images], folder)


def write_csv(path, samples, csv_path):
    """Write the images of a zip as FER2013's csv.

    Where the private test set is missing, the public one is written a second time in its place,
    so that the file is as long as the real one.

    Parameters
    ----------
    path : path-like
        The zip.
    samples : list of tuple
        Of `index_zip`.
    csv_path : path-like
        Where to.
    """
    if all(usage != "PrivateTest" for *_, usage in samples):
        public = [sample for sample in samples if sample[3] == "PublicTest"]
        samples = samples + [(*sample[:3], "PrivateTest") for sample in public]
    numbers = np.array([str(level) for level in range(256)], dtype=object)
    with zipfile.ZipFile(path) as archive, open(csv_path, "w") as file:
        file.write("emotion,pixels,Usage\n")
        for member, _, emotion, usage in samples:
            with Image.open(BytesIO(archive.read(member))) as image:
                levels = np.asarray(image.convert("L")).ravel()
            label = ferkit.EMOTIONS.index(emotion)
            file.write(f"{label},{' '.join(numbers[levels])},{usage}\n")


def save_model(estimator_name, path):
    """Save an estimator that was fitted for a moment on drawn faces.

    Parameters
    ----------
    estimator_name : str
        Its class in ferkit.
    path : path-like
        Where to.
    """
    X, y = make_faces(140, random_state=0, return_X_y=True)
    estimator = getattr(ferkit, estimator_name)(max_epochs=1, device="cpu", random_state=0)
    estimator.fit(X, y).save(Path(path))
