"""Small data sets of drawn faces, in the layouts of folders and csv files."""

import io
from functools import cache

import numpy as np
from PIL import Image

from ferkit.datasets import make_faces
from tests.datasets.fer2013_files import write_files

# AffectNet's codes, in its order and FER2013's spelling.
CODES = ("neutral", "happy", "sad", "surprise", "fear", "disgust", "angry", "contempt")
CODES += ("none", "uncertain", "no-face")
HEADER = (
    "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,"
    "valence,arousal"
)


@cache
def faces(n_images=12, image_size=48):
    return make_faces(n_images, image_size=image_size, random_state=0).images


def encode(image, format="PNG", mode=None, **options):
    image = Image.fromarray(image)
    stream = io.BytesIO()
    (image.convert(mode) if mode else image).save(stream, format, **options)
    return stream.getvalue()


def colours(seed=0, shape=(20, 30)):
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8)


def write_classes(root, images_by_class):
    """Write PNG files `<class>/<i>.png`."""
    files = {
        f"{name}/{i:03}.png": encode(image)
        for name, images in images_by_class.items()
        for i, image in enumerate(images)
    }
    return write_files(root, files)


def photo(face, box, shape=(100, 140)):
    """Put a face into a larger image, at (left, upper, right, lower)."""
    image = np.full(shape, 255, np.uint8)
    left, upper, right, lower = box
    image[upper:lower, left:right] = face
    return image


def write_annotated(root, codes, *, name="training.csv", header=HEADER, images="", boxes=True):
    """Write a csv, and the photographs of faces that it annotates; returns the faces."""
    rows, files = [header] if header else [], {}
    for i, (code, face) in enumerate(zip(codes, faces(len(codes)), strict=True)):
        left, upper = 7 * i % 60, 5 * i % 40
        box = (left, upper, left + 48, upper + 48)
        path = f"{i % 3}/{i}.png"
        files[f"{images}{path}"] = encode(photo(face, box) if boxes else face)
        fields = {
            "subDirectory_filePath": path,
            "face_x": left,
            "face_y": upper,
            "face_width": 48,
            "face_height": 48,
            "facial_landmarks": "1.5;2.5",
            "expression": code,
            "valence": -0.5,
            "arousal": -2,
        }
        columns = (header or HEADER).split(",")
        rows.append(",".join(str(fields[column]) for column in columns))
    files[name] = ("\n".join(rows) + "\n").encode()
    write_files(root, files)
    return faces(len(codes))
