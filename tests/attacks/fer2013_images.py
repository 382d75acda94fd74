"""FER2013 as image files, in a folder and in a zip, whose oracle is Pillow."""

import io
import os
import re
import struct
import warnings
import zipfile
import zlib
from functools import cache

import numpy as np
from PIL import Image

from ferkit import EMOTIONS
from ferkit.datasets import load_fer2013
from tests.attacks.damage import damage
from tests.attacks.faces import samples
from tests.attacks.hostile_images import make_bombs, mutate_image
from tests.attacks.targets import Case, Target

_FOLDERS = {"Training": "train", "PublicTest": "test", "PrivateTest": "test"}
_NAMES = ["train/happy/Training_1.png", "train/sad/x.png", "train/a/Training_1.jpg", "train/x"]
_NAMES += ["test/sad/Training_1.png", "train/sad/Training_٣.png", "train/sad/a/Training_1.png"]
_NAMES += ["train/sad/Training_1.PNG", "train/sad/Training_" + "9" * 30 + ".png", "train/.x/y.jpg"]
_NAMES += ["train/sad/Training_1.png\udcff.png", "train/sad/Training_5.jpg\n", "README", "train/e"]


class _ImagesTarget(Target):
    """What the folder and the zip share."""

    def prepare(self):
        """Make the bombs."""
        make_bombs()

    def _files(self, random):
        """Make 21 files, some of them hostile, and what was done to them."""
        files, story = dict(_pristine(self.data)), []
        for _ in range(random.choice([0, 1, 1, 1, 2, 4])):
            kind, name = random.randrange(12), random.choice(list(files))
            if kind == 0:
                del files[name]
                story.append(f"without {name}")
            elif kind in (1, 2):
                other = random.choice(_NAMES)
                files[other] = files[name]
                story.append(f"more {other!r}")
            else:
                face = random.choice(samples(self.data))[2]
                files[name], what = mutate_image(
                    random, face, ("PNG", "JPEG", "PNG", "JPEG", "GIF")
                )
                story += [name, *what]
        return files, story

    def call(self, case):
        """Load the images."""
        return load_fer2013(case.path, **case.options)

    def check(self, case, faces):
        """Compare each image with what Pillow reads, and look for good ones that were left out."""
        files, sure = self._read(case)
        for name, label, usage, image in zip(
            faces.filenames, faces.target, faces.usage, faces.images, strict=True
        ):
            split, folder, file = name.split("/")
            assert folder == EMOTIONS[label]
            assert file.startswith(f"{usage}_")
            assert split == _FOLDERS[usage]
            np.testing.assert_array_equal(image, gray_levels(files[name]))
        kept = set(faces.filenames)
        assert len(kept) == len(faces.filenames)
        skipped = {name for name, _ in faces.skipped}
        assert not skipped or case.options["on_error"] == "skip"
        wanted = {"all": "", "train": "train"}[case.options["subset"]]
        for name, content in _pristine(self.data).items():
            if name.startswith(wanted) and name in sure and files[name] == content:
                assert name in kept, f"{name} was left out"

    def check_refusal(self, case):
        """See that something was done to the files."""
        assert case.story, "nothing was done"


class FolderTarget(_ImagesTarget):
    """`load_fer2013` on a folder."""

    name = "folder"

    def make(self, random):
        """Write a folder."""
        files, story = self._files(random)
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.is_dir():
                path.write_bytes(content)
        kind, name = random.randrange(30), random.choice(list(files))
        path = self.folder / name
        if kind < 2:
            del files[name]
        if kind == 0:
            path.unlink(missing_ok=True)
            path.symlink_to(
                random.choice(["nothing", path.name, "/dev/zero", "../..", "/proc/self/mem"])
            )
            story.append(f"link {path.name}")
        elif kind == 1:
            path.unlink(missing_ok=True)
            os.mkfifo(path)
            story.append(f"pipe {path.name}")
        elif kind == 2 and (self.folder / "train" / "fear").is_dir():
            (self.folder / "train" / "fear").rename(self.folder / "train" / "\udcff\udcfe")
            files = {name: c for name, c in files.items() if not name.startswith("train/fear/")}
            story.append("name of bytes")
        options = {
            "subset": random.choice(["all", "train"]),
            "on_error": random.choice(["raise", "skip"]),
        }
        return Case(self.folder, files, story, options)

    def is_past_header(self, case):
        """Tell whether the folders are there."""
        return (self.folder / "train").is_dir()

    def _read(self, case):
        return case.content, case.content.keys()


class ZipTarget(_ImagesTarget):
    """`load_fer2013` on a zip."""

    name = "zip"

    def make(self, random):
        """Write a zip, mutated in its images, names, directory or bytes."""
        files, story = self._files(random)
        stream = io.BytesIO()
        root = random.choice(["", "", "fer2013/"])
        with warnings.catch_warnings(), zipfile.ZipFile(stream, "w") as archive:
            warnings.simplefilter("ignore")  # of two entries of a name
            for name, content in files.items():
                method = random.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
                name = name.encode("utf-8", "replace").decode()
                archive.writestr(root + name, content, method, compresslevel=1)
            if random.random() < 0.15:
                name, content, method = random.choice(_ENTRIES)
                archive.writestr(_info(name, method), content, method)
                story.append(f"{name!r:.60} {method}")
        content = stream.getvalue()
        kind = random.randrange(8)
        if kind == 0:
            content = damage(random, content, keep=4)
            story.append("bytes")
        elif kind in (1, 2, 3):
            content, what = _patch(random, content)
            story.append(what)
        path = self.folder / "fer2013.zip"
        path.write_bytes(content)
        options = {
            "subset": random.choice(["all", "train"]),
            "on_error": random.choice(["raise", "skip"]),
        }
        return Case(path, content, story, options)

    def is_past_header(self, case):
        """Tell whether zipfile lists it."""
        try:
            zipfile.ZipFile(io.BytesIO(case.content))
        except Exception:
            return False
        return True

    def _read(self, case):
        contents, sure = {}, set()
        with zipfile.ZipFile(io.BytesIO(case.content)) as archive:
            for info in archive.infolist():
                name = info.filename.removeprefix("fer2013/")
                content, is_sure = self._member(archive, name, info)
                contents[name] = content
                sure |= {name} if is_sure else set()
        return contents, sure

    def _member(self, archive, name, info):
        """Read a member; tell whether nothing is odd about it."""
        try:
            content = archive.read(info)
        except Exception:  # such as another name before the data than in the directory
            content = _pristine(self.data).get(name, b"")
            return content if zlib.crc32(content) == info.CRC else b"", False
        sizes = {len(content), info.file_size}
        sizes |= {info.compress_size} if info.compress_type == zipfile.ZIP_STORED else set()
        return content, len(sizes) == 1 and info.compress_size < 2**20


TARGETS = {target.name: target for target in (FolderTarget, ZipTarget)}


def gray_levels(content):
    """Read a gray image of 48 x 48 pixels, or RGB that is gray."""
    with warnings.catch_warnings(), Image.open(io.BytesIO(content)) as image:
        warnings.simplefilter("ignore")
        assert image.size == (48, 48), image.size
        assert image.mode in ("L", "RGB"), image.mode
        levels = np.asarray(image.convert("RGB"))
    assert (levels == levels[..., :1]).all(), "colours"
    return levels[..., 0]


@cache
def _pristine(data):
    files = {}
    for number, (usage, label, image) in enumerate(samples(data)):
        stream = io.BytesIO()
        Image.fromarray(image).save(stream, "JPEG" if number % 2 else "PNG")
        suffix = "jpg" if number % 2 else "png"
        files[f"{_FOLDERS[usage]}/{EMOTIONS[label]}/{usage}_{number}.{suffix}"] = stream.getvalue()
    return files


# -- zips ----------------------------------------------------------------------------------------

_ENTRIES = [
    ("../evil.png", b"x", zipfile.ZIP_STORED),
    ("/tmp/evil.png", b"x", zipfile.ZIP_STORED),
    ("..\\evil.png", b"x", zipfile.ZIP_STORED),
    ("train/../../evil.png", b"x", zipfile.ZIP_STORED),
    ("train/sad/Training_7.png", b"x", zipfile.ZIP_LZMA),
    ("train/sad/Training_7.png", b"x", zipfile.ZIP_BZIP2),
    ("train/sad/Training_7.png", bytes(2**26), zipfile.ZIP_DEFLATED),
    ("train/sad/Training_7.png", bytes(2**20 - 1), zipfile.ZIP_DEFLATED),
    ("", b"", zipfile.ZIP_STORED),
    ("/", b"", zipfile.ZIP_STORED),
    ("train/sad/", b"", zipfile.ZIP_STORED),
    ("a" * 60_000, b"", zipfile.ZIP_STORED),
    ("b/train/sad/Training_7.png", b"x", zipfile.ZIP_STORED),
    ("inner.zip", b"PK\3\4", zipfile.ZIP_STORED),
    ("link.png", b"/etc/passwd", zipfile.ZIP_STORED),
    ("fer2013.csv", b"emotion,pixels,Usage\n", zipfile.ZIP_STORED),
]


def _info(name, method):
    info = zipfile.ZipInfo()
    info.filename, info.compress_type = name, method
    if name == "link.png":
        info.external_attr = 0o120777 << 16
    return info


def _patch(random, content):
    """Change a field of an entry in the directory, of the entry before its data, or of the end."""
    signature, size = random.choice(
        [(b"PK\1\2", 46), (b"PK\1\2", 46), (b"PK\3\4", 30), (b"PK\5\6", 22)]
    )
    starts = [match.start() for match in re.finditer(re.escape(signature), content)]
    at = random.choice(starts) + random.choice(range(4, size, 2))
    code = random.choice("HI")
    value = random.choice([0, 1, 8, 12, 14, 99, 255, 2**15, 2**16 - 1, 2**31, 2**32 - 1])
    patch = struct.pack(f"<{code}", value % 256 ** struct.calcsize(code))
    return content[:at] + patch + content[at + len(patch) :], f"{signature} {at} {value}"
