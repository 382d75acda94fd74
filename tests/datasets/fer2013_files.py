"""FER2013 in small, written in every layout in which it is passed around."""

import gzip
import io
import zipfile

import numpy as np
from PIL import Image

from ferkit import EMOTIONS

SPLITS = {"Training": "train", "PublicTest": "test", "PrivateTest": "test"}
HEADER = "emotion,pixels,Usage"


def draw(n_images, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n_images, 48, 48), dtype=np.uint8)


def make_samples():
    """Two images a class and usage: (usage, label, id, image), ids neither sorted nor padded."""
    kinds = [(usage, label) for usage in SPLITS for label in range(7) for _ in range(2)]
    numbers = np.random.default_rng(1).permutation(len(kinds)) * 7 + 2
    return [(*kind, int(n), im) for kind, n, im in zip(kinds, numbers, draw(42), strict=True)]


def name_of(usage, label, number, suffix="png"):
    return f"{SPLITS[usage]}/{EMOTIONS[label]}/{usage}_{number}.{suffix}"


def encode(image, suffix="png", **options):
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG" if suffix == "png" else "JPEG", **options)
    return stream.getvalue()


def write_files(root, files):
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def write_zip(path, files, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def image_files(samples, suffix="png"):
    return {name_of(u, y, n, suffix): encode(image, suffix) for u, y, n, image in samples}


def csv_text(samples, header=HEADER, newline="\n", quote=""):
    rows = [header]
    for usage, label, _, image in samples:
        fields = {
            "emotion": str(label),
            "pixels": " ".join(map(str, image.ravel().tolist())),
            "Usage": usage,
        }
        columns = [name.strip(' "') for name in header.split(",")]
        rows.append(",".join(f"{quote}{fields[column]}{quote}" for column in columns))
    return (newline.join(rows) + newline).encode()


def pairs(faces):
    return {
        (image.tobytes(), int(label), str(usage))
        for image, label, usage in zip(faces.images, faces.target, faces.usage, strict=True)
    }


def write_clutter(root):
    write_files(
        root,
        {
            ".DS_Store": b"x",
            "train/.DS_Store": b"x",
            "train/angry/Thumbs.db": b"x",
            "train/angry/._Training_1.jpg": b"x",
            "__MACOSX/train/angry/._Training_1.jpg": b"x",
            "README.md": b"x",
        },
    )


SAMPLES = make_samples()


def folder(tmp_path, samples=SAMPLES):
    return write_files(tmp_path, image_files(samples))


def cluttered_folder(tmp_path):
    write_clutter(folder(tmp_path))
    return tmp_path


def enclosed_folder(tmp_path):
    write_files(tmp_path / "fer2013", image_files(SAMPLES))
    write_files(tmp_path, {".DS_Store": b"x", "__MACOSX/._fer2013": b"x"})
    return tmp_path


def image_zip(tmp_path, samples=SAMPLES):
    return write_zip(tmp_path / "fer2013.zip", image_files(samples))


def deflated_enclosed_zip(tmp_path):
    files = {f"archive/{name}": content for name, content in image_files(SAMPLES).items()}
    clutter = {"archive/": b"", "__MACOSX/archive/train/angry/._Training_2.png": b"x"}
    return write_zip(tmp_path / "download", clutter | files, zipfile.ZIP_DEFLATED)


def folder_of_zip(tmp_path):
    image_zip(tmp_path)
    return write_files(tmp_path, {"README.md": b"# fer2013.zip\n", ".hidden.csv": b"x"})


def csv(tmp_path, samples=SAMPLES):
    return write_files(tmp_path, {"faces.txt": csv_text(samples)}) / "faces.txt"


def icml_csv(tmp_path, samples=SAMPLES):
    text = csv_text(samples, header="emotion, Usage, pixels")
    return write_files(tmp_path, {"icml_face_data.csv": text}) / "icml_face_data.csv"


def windows_csv(tmp_path):
    text = csv_text(SAMPLES, header='"emotion","pixels","Usage"', newline="\r\n", quote='"')
    return write_files(tmp_path, {"a.csv": b"\xef\xbb\xbf" + text + b"\r\n"}) / "a.csv"


def gzipped_csv(tmp_path, samples=SAMPLES):
    text = gzip.compress(csv_text(samples))
    return write_files(tmp_path, {"fer2013.csv.gz": text}) / "fer2013.csv.gz"


def zipped_csv(tmp_path):
    files = {"icml/fer2013.csv": csv_text(SAMPLES), "icml/train.csv": b"emotion,pixels\n"}
    return write_zip(tmp_path / "fer2013.csv.zip", files, zipfile.ZIP_DEFLATED)


def folder_of_csv(tmp_path):
    csv(tmp_path)
    return write_files(tmp_path, {"fer2013new.csv": b"Usage,Image name,neutral\n"})


IMAGE_LAYOUTS = [
    folder,
    cluttered_folder,
    enclosed_folder,
    image_zip,
    deflated_enclosed_zip,
    folder_of_zip,
]
CSV_LAYOUTS = [csv, icml_csv, windows_csv, gzipped_csv, zipped_csv, folder_of_csv]
