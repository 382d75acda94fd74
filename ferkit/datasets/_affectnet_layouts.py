"""AffectNet's layouts: class folders, an annotation csv, annotation files."""

import io
import math
import os
import re
from collections import defaultdict
from itertools import repeat
from pathlib import Path

import numpy as np

from .._emotion_names import find_emotion
from .._locks import warning_filter
from .._messages import shorten
from ._any_images import list_class_folders, list_files
from ._bad_samples import bad_line
from ._image_files import is_visible, read_file
from ._label_csv import read_label_csv

# AffectNet's codes of expressions; the position is the code.
CODES = (
    "neutral",
    "happy",
    "sad",
    "surprise",
    "fear",
    "disgust",
    "angry",
    "contempt",
    "none",
    "uncertain",
    "no-face",
)

# The folders of a subset, in lower case, and its csv.
SPLITS = {
    "train": ("train", "training", "train_class", "train_set"),
    "val": ("val", "valid", "validation", "val_class", "val_set"),
    "test": ("test", "test_class", "test_set"),
}
_CSVS = {"train": "training.csv", "val": "validation.csv"}

_COLUMNS = (
    "subDirectory_filePath",
    "face_x",
    "face_y",
    "face_width",
    "face_height",
    "facial_landmarks",
    "expression",
    "valence",
    "arousal",
)
_NAME, _EXPRESSION, _BOX = _COLUMNS[0], _COLUMNS[6], _COLUMNS[1:5]

# Where the images of a csv lie, from its folder or the one above.
_IMAGE_FOLDERS = (
    "",
    "Manually_Annotated_Images",
    "Manually_Annotated/Manually_Annotated_Images",
    "Manually_Annotated_compressed/Manually_Annotated_Images",
    "images",
)

_MAX_ANNOTATION = 2**12  # bytes; an annotation takes 136
_NPY_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}

_FORMS = (
    "AffectNet as train/<class>, train_class/<class>, <class> alone, "
    "train_set/images with train_set/annotations, or training.csv with its images (and val or "
    "validation likewise)"
)


def locate(path, subset):
    """Find a subset at or just below a folder: its place, and what indexes it there.

    The place is the subset's folder or csv. The second is a function that takes it and a
    BadSamples; it returns the folder that the images' names start from, and a list of
    (name, class, face box or None). FileNotFoundError if there is no such folder, ValueError if the
    subset is not there or could be in several places.
    """
    found = _find_parts(path)
    if not found:
        inside = [path / folder for folder in list_class_folders(path)]
        parts = {folder.name: parts for folder in inside if (parts := _find_parts(folder))}
        if len(parts) > 1:
            raise ValueError(
                f"{path}: got a folder with {', '.join(parts)}, expected one data set; pass the "
                "path of one"
            )
        found = next(iter(parts.values()), {})
    if len(found.get(subset, [])) > 1:
        places = " and ".join(str(place) for place, _ in found[subset])
        raise ValueError(
            f"{path}: got {subset} images in {places}, expected one of them; move the others away"
        )
    if subset in found:
        return found[subset][0]
    if found:
        raise ValueError(
            f"{path}: got no {subset} images, expected them for subset={subset!r}; ask for "
            f"subset={' or '.join(map(repr, found))}, or pass the folder that holds all parts"
        )
    held = shorten(", ".join(sorted(filter(is_visible, os.listdir(path)))[:5])) or "nothing"
    raise ValueError(f"{path}: got a folder with {held}, expected {_FORMS}; pass the path of one")


def _find_parts(path):
    """Recognise the subsets that a folder holds: where each can be, and what indexes it there."""
    folders = list_class_folders(path)
    parts = defaultdict(list)
    if any(_find_class(folder) for folder in folders):
        parts["train"].append((path, _index_classes))
    for subset, spellings in SPLITS.items():
        for folder in folders:
            if folder.lower() in spellings:
                is_npy = (path / folder / "annotations").is_dir()
                parts[subset].append((path / folder, _index_npy if is_npy else _index_classes))
    for subset, name in _CSVS.items():
        if (path / name).is_file():
            parts[subset] = [(path / name, _index_csv)]  # folders beside it hold its images
    return parts


def _find_class(folder):
    """Find the class that a folder's name means; None if it means none."""
    numbered = re.fullmatch(r"(class)?(\d{1,3})", folder.lower(), re.ASCII)
    if numbered:
        code = int(numbered[2]) - bool(numbered[1])  # class001 is code 0
        return CODES[code] if 0 <= code < len(CODES) else None
    emotion = find_emotion(folder)
    return folder.lower() if emotion is None and folder.lower() in CODES else emotion


def _index_classes(path, bad):
    """List (name, class, box) of the files in class folders."""
    labelled = []
    for folder in list_class_folders(path):
        name = _find_class(folder)
        if name is None:
            error = (
                f"{path}/{folder}: got a folder that is no class, expected names such as anger, "
                "codes 0 to 10 or class001 to class008; rename or remove it, or pass "
                "on_error='skip'"
            )
            bad.add(folder, ValueError(error))
            continue
        labelled += [(file, name, None) for file in list_files(path, folder)]
    return path, labelled


def _index_npy(path, bad):
    """List (name, class, box) of the files in images/, labelled by files in annotations/."""
    labelled = []
    for name in list_files(path, "images"):
        annotation = path / "annotations" / f"{Path(name).stem}_exp.npy"
        try:
            labelled.append((name, CODES[_read_code(annotation)], None))
        except Exception as error:  # numpy raises all sorts for damaged files
            message = (
                f"{annotation}: got no label ({str(error)[:200]}), expected a code from 0 to "
                "10 in it; fetch it again, remove the image, or pass on_error='skip'"
            )
            bad.add(name, ValueError(message))
    return path, labelled


def _read_code(path):
    """Read the code in a .npy file, which could claim to be an array of any size."""
    file = io.BytesIO(read_file(path, _MAX_ANNOTATION))
    version = np.lib.format.read_magic(file)
    if version not in _NPY_HEADERS:
        raise ValueError(f"it is of version {version}")
    with warning_filter("ignore"):  # numpy warns of headers that Python 2 wrote
        shape, _, dtype = _NPY_HEADERS[version](file)
    if math.prod(shape) != 1:
        raise ValueError(f"it holds an array of shape {shape}")
    value = np.frombuffer(file.read(), dtype, count=1).item()
    code = int(value)
    if code != float(value) or not 0 <= code < len(CODES):
        raise ValueError(f"it holds {value}")
    return code


def _index_csv(path, bad):
    """List (name, class, box) of the rows of a csv, and find the folder of the images."""
    table = read_label_csv(path, (_NAME, _EXPRESSION), _BOX, names=_COLUMNS)
    codes = {str(code): name for code, name in enumerate(CODES)}
    has_boxes = set(_BOX) <= set(table)
    boxes = zip(*(table[column] for column in _BOX), strict=True) if has_boxes else repeat(())
    labelled = []
    rows = zip(table.index, table[_NAME], table[_EXPRESSION], strict=True)
    for (line, name, code), fields in zip(rows, boxes, strict=False):
        box = _parse_box(fields) if has_boxes else None
        if code not in codes:
            bad.add(line, bad_line(path, line, f"expression {code!r}", "a code from 0 to 10"))
        elif not name or "\0" in name or os.path.isabs(name) or ".." in name.split("/"):
            got = f"{_NAME} {name!r}"
            bad.add(line, bad_line(path, line, got, "a path within the images' folder"))
        elif has_boxes and box is None and codes[code] in CODES[:8]:
            got = f"the face box {', '.join(fields)}"
            bad.add(line, bad_line(path, line, got, "x, y, width and height in pixels"))
        else:
            labelled.append((name, codes[code], box))
    return _find_images(path, [name for name, _, _ in labelled]), labelled


def _parse_box(fields):
    """Make (left, upper, right, lower) of x, y, width and height; None if they are none."""
    try:
        x, y, width, height = (round(float(field)) for field in fields)
    except (ValueError, OverflowError):
        return None
    return (x, y, x + width, y + height) if width > 0 and height > 0 else None


def _find_images(csv, names):
    """Find the folder that a csv's paths start from."""
    folders = [
        base / folder for base in (csv.parent, csv.parent.parent) for folder in _IMAGE_FOLDERS
    ]
    for folder in folders:
        if any(os.path.isfile(folder / name) for name in names):
            return folder
    if not names:
        return csv.parent
    raise FileNotFoundError(
        f"{csv}: got no file {shorten(names[0])} beside it, expected the images there or in "
        f"{_IMAGE_FOLDERS[1]}; unpack them to {csv.parent}"
    )
