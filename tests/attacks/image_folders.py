"""Folders of images of any kind, and AffectNet's layouts, whose oracle is Pillow."""

import csv
import io
import re
import warnings
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from ferkit import EMOTIONS
from ferkit.datasets import load_affectnet, load_image_folder
from tests.attacks.damage import damage
from tests.attacks.faces import samples
from tests.attacks.hostile_images import make_bombs, mutate_image
from tests.attacks.targets import Case, Target

csv.field_size_limit(2**24)  # as pandas, which has none

CODES = ("neutral", "happy", "sad", "surprise", "fear", "disgust", "angry", "contempt")
CODES += ("none", "uncertain", "no-face")
_CLASSES = (["happy", "sad"], ["a", "b", "c"], ["0", "1"], ["anger", "joy"])
_EVIL = ["\udcff.png", "a\nb.png", "\x1b[2J.png", "a" * 250, "..png", ".hidden.png", "٣.png", "a,b"]


class _FilesTarget(Target):
    """What folders of images and AffectNet share."""

    documented = (ValueError, FileNotFoundError)

    def prepare(self):
        """Make the bombs."""
        make_bombs()

    def _face(self, random):
        """Make an image file, hostile or not; tell which."""
        face = random.choice(samples(self.data))[2]
        if random.random() < 0.7:
            return _png(face), True
        return mutate_image(random, face)[0], False

    def _write(self, files):
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def is_past_header(self, case):
        """Tell whether some image is one, by the start of its file."""
        starts = (b"\x89PNG", b"\xff\xd8", b"GIF8", b"BM", b"P", b"II*", b"RIFF")
        return any(content.startswith(starts) for content in case.content.values())

    def _check_images(self, case, faces, root=""):
        gray, size = case.options.get("gray", True), case.options.get("image_size")
        assert len(set(faces.filenames)) == len(faces.filenames) == len(faces.images)
        for name, image in zip(faces.filenames, faces.images, strict=True):
            expected, is_exact = _read(case.content[f"{root}{name}"], size, gray)
            assert image.shape == expected.shape
            difference = np.abs(image - expected.astype(float))
            assert (difference.max() == 0) if is_exact else (difference.mean() < 16), name


class ImageFolderTarget(_FilesTarget):
    """`load_image_folder`."""

    name = "image-folder"

    def make(self, random):
        """Write a few class folders."""
        files, story = {}, []
        for folder in random.choice(
            [["happy", "sad"], ["a", "b", "c"], ["0", "1"], ["anger", "joy"]]
        ):
            for number in range(random.choice([0, 1, 2, 3, 3])):
                name = f"{folder}/{number}.png"
                if random.random() < 0.05:
                    name = f"{folder}/{random.choice(_EVIL)}"
                files[name], is_good = self._face(random)
                story += [] if is_good else [name]
        self._write(files)
        if random.random() < 0.05:
            (self.folder / random.choice(["empty", "\udcff", ".x", "\x1b[2J"])).mkdir()
            story.append("a folder")
        options = {
            "image_size": random.choice([None, 48, 16, (20, 31)]),
            "gray": random.choice([True, True, False]),
            "on_error": random.choice(["raise", "skip"]),
        }
        return Case(self.folder, files, story, options)

    def call(self, case):
        """Load the folder."""
        return load_image_folder(case.path, **case.options)

    def check(self, case, faces):
        """Compare each image and label, and look for what was left out."""
        self._check_images(case, faces)
        for name, label in zip(faces.filenames, faces.target, strict=True):
            assert faces.target_names[label] == name.split("/")[0]
        names = {name for name in case.content if not name.split("/")[1].startswith(".")}
        assert set(faces.filenames) | {name for name, _ in faces.skipped} == names

    def check_refusal(self, case):
        """See that something was done, or that a folder is empty."""
        counts = {name.split("/")[0] for name in case.content if "/." not in name}
        assert case.story or len(counts) < 3, "nothing was done"


class AffectNetTarget(_FilesTarget):
    """`load_affectnet`."""

    name = "affectnet"

    def make(self, random):
        """Write one of the layouts."""
        layout = random.choice(
            [self._classes, self._csv, self._csv, self._csv, self._npy, self._npy]
        )
        files, answers, story = layout(random)
        self._write(files)
        options = {
            "image_size": random.choice([48, 48, (20, 31)]),
            "gray": random.choice([True, True, False]),
            "contempt": random.choice(["drop", "drop", "disgust"]),
            "on_error": random.choice(["raise", "skip"]),
        }
        case = Case(self.folder, files, [layout.__name__, *story], options)
        case.answers = answers
        return case

    def call(self, case):
        """Load the data set."""
        return load_affectnet(case.path, **case.options)

    def check(self, case, faces):
        """Compare images and labels with what the mutations wrote."""
        contempt = case.options["contempt"]
        for name, label in zip(faces.filenames, faces.target, strict=True):
            codes = {contempt if code == "contempt" else code for code in case.answers(name)}
            assert EMOTIONS[label] in codes, (name, codes)
        if case.story[0] != "_csv":
            self._check_images(
                case, faces, "train/" if case.story[0] == "_classes" else "train_set/"
            )
        side = case.options["image_size"]
        shape = (side, side) if isinstance(side, int) else side
        assert faces.images.shape[1:] == (shape if case.options["gray"] else (*shape, 3))

    def check_refusal(self, case):
        """See that something was done."""
        assert len(case.story) > 1, "nothing was done"

    def _classes(self, random):
        files, story = {}, []
        folders = ["anger", "0", "class002", "Sad", "contempt", "10"]
        folders += random.choices(["class000", "11", "x", "\udcff", "٣", "\x1b", "-1", "1e0"], k=1)
        codes = dict(
            zip(folders, ["angry", "neutral", "happy", "sad", "contempt", "no-face"], strict=False)
        )
        for folder in folders if random.random() < 0.5 else folders[:6]:
            files[f"train/{folder}/1.png"], is_good = self._face(random)
            story += [] if is_good and folder in codes else [folder]
        return files, lambda name: {codes[name.split("/")[0]]}, story

    def _npy(self, random):
        files, story = {}, []
        for number in range(6):
            files[f"train_set/images/{number}.png"], is_good = self._face(random)
            content, what = _annotation(random, number % 11)
            if content is not None:
                files[f"train_set/annotations/{number}_exp.npy"] = content
            story += ([] if is_good else ["image"]) + ([what] if what else [])
        files.setdefault("train_set/annotations/x", b"")

        def answer(name):
            number = Path(name).stem
            with io.BytesIO(files[f"train_set/annotations/{number}_exp.npy"]) as file:
                value = np.load(file, allow_pickle=False).item()
            assert float(value) == int(value) >= 0
            return {CODES[int(value)]}

        return files, answer, story

    def _csv(self, random):
        files, rows, story = {}, [], []
        for number in range(5):
            files[f"{number}.png"], is_good = self._face(random)
            story += [] if is_good else ["image"]
            rows.append([f"{number}.png", "0", "0", "48", "48", "1;2", str(number), "-0.5", "-2"])
        for _ in range(random.choice([0, 1, 1, 2, 3])):
            row = random.choice(rows)
            at = random.randrange(9)
            row[at] = random.choice(_FIELDS)
            story.append(f"{at}={row[at]!r:.30}")
        if random.random() < 0.1:
            row = random.choice(rows)
            row[:] = random.choice([row[:3], [*row, "x"], [*row, "", ""], []])
            story.append("fields")
        text = "\n".join([_HEADER, *(",".join(row) for row in rows), ""]).encode(
            "utf-8", "surrogatepass"
        )
        if random.random() < 0.3:
            mutate = random.choice(_CSVS)
            text = mutate(random, text)
            story.append(mutate.__name__)
        files["training.csv"] = text
        labels = {}
        for fields in csv.reader(io.StringIO(text.decode("utf-8-sig", "replace"), newline="")):
            name = fields[0].strip() if fields else ""
            labels.setdefault(name, set()).add(fields[6].strip() if len(fields) > 6 else None)

        def answer(name):
            return {CODES[int(code)] for code in labels[name] if code in map(str, range(11))}

        return files, answer, story


TARGETS = {target.name: target for target in (ImageFolderTarget, AffectNetTarget)}

_HEADER = "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,"
_HEADER += "valence,arousal"
_FIELDS = [
    "",
    "-1",
    "11",
    "1e3",
    "nan",
    "inf",
    "-5.5",
    "1e308",
    "9" * 400,
    "x",
    "\0",
    '"',
    '""',
    "٣",
]
_FIELDS += ["../1.png", "/etc/passwd", "1.png\0", "a" * 300, "a/" * 3000, ".", "0.png", "1_0", "07"]
_FIELDS += [
    "\x1b[2J",
    "é",
    "2,3",
    '"2\n3"',
    " 3 ",
    "3.0",
    "\udcff",
    "=1+1",
    "#",
    "NA",
    "x" * 200_000,
]


def _cut(random, text):
    return text[: random.randrange(len(text))]


def _damaged(random, text):
    return damage(random, text, keep=len(_HEADER))


def _encoded(random, text):
    return text.decode("utf-8", "replace").encode(random.choice(["utf-16", "utf-8-sig", "utf-32"]))


def _windows(random, text):
    return text.replace(b"\n", random.choice([b"\r\n", b"\r"]))


def _other_header(random, text):
    header = random.choice(
        ["", _HEADER + ",x", _HEADER.replace("face_x", "expression"), "x", _HEADER[:40]]
    )
    return header.encode() + text[len(_HEADER) :]


def _headless(random, text):
    return text[len(_HEADER) + 1 :]


_CSVS = (_cut, _damaged, _damaged, _encoded, _windows, _other_header, _headless)


def _annotation(random, code):
    """Make a .npy file of a code, hostile or not."""
    if random.random() < 0.5:
        return _npy_of(np.array(code)), ""
    kind = random.randrange(9)
    if kind == 0:
        return None, "no annotation"
    if kind == 1:
        return damage(random, _npy_of(np.array(code))), "damaged"
    if kind == 2:
        return damage(random, _npy_of(np.array(str(code))), keep=10), "damaged text"
    if kind == 3:
        value = random.choice(
            [-1, 11, 3.5, np.nan, np.inf, 2**63, 1j, True, "x", "3", "3.0", b"3", [1, 2]]
        )
        return _npy_of(np.array(value)), f"{value!r}"
    if kind == 4:
        value = np.array([(1, 2)], "i4,i4") if random.random() < 0.5 else np.array("2020", "M8[s]")
        return _npy_of(value), "other dtype"
    if kind == 5:
        stream = io.BytesIO()
        np.savez(stream, a=np.array(code))
        return stream.getvalue(), "npz"
    if kind == 6:
        stream = io.BytesIO()
        np.save(stream, np.array([code, None], dtype=object), allow_pickle=True)
        return stream.getvalue(), "pickle"
    header = random.choice(_NPY_HEADERS)
    text = (header + " " * 9 + "\n").encode()
    return b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text + bytes(8), header[:50]


_NO_CODES = [-1, 11, 3.5, np.nan, np.inf, 2**63, 1j, True, "x", "3", "3.0", b"3", [1, 2]]
_NPY_HEADERS = [
    "{'descr': '<i8', 'fortran_order': False, 'shape': (1000000000000,)}",
    "{'descr': '<i8', 'fortran_order': False, 'shape': (100000000,)}",
    "{'descr': '<i8', 'fortran_order': False, 'shape': (-1,)}",
    "{'descr': '<U999999999', 'fortran_order': False, 'shape': ()}",
    "{'descr': '<i8', 'fortran_order': False, 'shape': " + "(" * 900 + ")" * 900 + "}",
    "{'descr': " + "-" * 3000 + "1}",
    "{'descr': '|O', 'fortran_order': False, 'shape': ()}",
    "{'descr': 7, 'fortran_order': 7, 'shape': 7}",
    "{'descr': [('a', 'b')], 'fortran_order': False, 'shape': ()}",
    "{'descr': ['i4'], 'fortran_order': False, 'shape': ()}",
    "{} if True else {}",
    "{'descr': '<i8', 'fortran_order': False, 'shape': (1,)",
    "\0",
]


def _npy_of(array):
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()


@cache
def _png_of(data):
    stream = io.BytesIO()
    Image.frombytes("L", (48, 48), data).save(stream, "PNG")
    return stream.getvalue()


def _png(face):
    return _png_of(face.tobytes())


def _read(content, size, gray):
    """Read an image file; tell whether every way to read it gives the same levels."""
    with warnings.catch_warnings(), Image.open(io.BytesIO(content)) as image:
        warnings.simplefilter("ignore")
        is_exact = size is None or image.format not in ("JPEG", "MPO")  # decoded coarser
        if gray:  # a JPEG's gray channel is not quite the gray of its colours
            image.draft("L", image.size)
        kind, orientation = image.mode, _find_orientation(image)
        if orientation > 4:  # on its side: whether lines or columns are resized first rounds anew
            is_exact = False
        if orientation > 1:
            image = ImageOps.exif_transpose(image)
        levels = image.convert("RGBA").convert("RGB") if "transparency" in image.info else image
        levels = levels.convert("L" if gray else "RGB")
        if size is not None:
            height, width = (size, size) if isinstance(size, int) else size
            if levels.size != (width, height):
                levels = levels.resize((width, height), Image.Resampling.BICUBIC)
        return np.asarray(levels), is_exact and not re.match("[PRL]A", kind)


def _find_orientation(image):
    if "exif" not in image.info:  # a TIFF, which Pillow turns, or behind a PNG's pixels
        return 1
    try:
        return image.getexif().get(0x0112, 1)
    except Exception:  # damaged
        return 1
