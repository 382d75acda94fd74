"""Photos, whose oracle is Pillow and arithmetic."""

import io
import warnings
from contextlib import suppress

import numpy as np
from PIL import Image, ImageOps

from ferkit.deploy import predict_photo, read_photo
from tests.attacks.faces import samples
from tests.attacks.hostile_images import make_bombs, mutate_image
from tests.attacks.targets import Case, Target


class Whole:
    """A detector that takes the photo for a face."""

    def detect(self, photo):
        """Return one box."""
        return np.array([[0, 0, photo.shape[1], photo.shape[0]]])


class Brightness:
    """A classifier that tells dark from bright."""

    classes_ = np.array(["bright", "dark"])
    image_shape_ = (8, 8)

    def predict_proba(self, X):
        """Return the mean level, as a share."""
        bright = X.mean(axis=(1, 2)) / 255
        return np.stack([bright, 1 - bright], axis=1)


class PhotoTarget(Target):
    """`read_photo` and `predict_photo`."""

    name = "photo"
    warm_ups = 100

    def prepare(self):
        """Make the bombs."""
        make_bombs()

    def make(self, random):
        """Write an image file."""
        face = random.choice(samples(self.data))[2]
        content, story = mutate_image(random, face)
        path = self.folder / f"photo{random.choice(['.jpg', '.png', ''])}"
        path.write_bytes(content)
        return Case(path, content, story, {"predict": random.random() < 0.3})

    def is_past_header(self, case):
        """Tell whether Pillow knows the format."""
        return identify(case.content) is not None

    def call(self, case):
        """Read the photo, or predict it."""
        if case.options["predict"]:
            return predict_photo(Brightness(), case.path, detector=Whole())
        return read_photo(case.path)

    def check(self, case, answer):
        """Compare the levels."""
        if case.options["predict"]:
            assert answer["label"].isin(Brightness.classes_).all()
            assert len(answer) == 1
            return
        assert answer.dtype == np.uint8
        if answer.size > 2**24:
            return
        expected = levels(case.content)
        assert answer.shape == expected.shape, (answer.shape, expected.shape)
        assert np.abs(answer - expected).max() <= 1.01

    def check_refusal(self, case):
        """See that something was done to the file."""
        if "cut" in case.story or len(case.story) > 3 or "_bomb" in case.story[0]:
            return
        assert case.story[1] in ("F", "LAB"), "an image as Pillow writes them"


TARGETS = {PhotoTarget.name: PhotoTarget}


def identify(content):
    """Return what Pillow takes a file for; None if it takes it for nothing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content)) as image:
                return image.format
    except Exception:
        return None


def levels(content):
    """Compute the levels of a photo: upright, on white, 16 bits by 257; as floats."""
    with warnings.catch_warnings(), Image.open(io.BytesIO(content)) as image:
        warnings.simplefilter("ignore")
        image.load()
        with suppress(Exception):  # tags that are damaged say nothing about the pixels
            image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I"):
            return np.asarray(image) / 257
        is_gray = image.mode in ("1", "L", "LA") and "transparency" not in image.info
        if image.mode not in ("RGBA", "LA", "PA") and "transparency" not in image.info:
            return np.asarray(image.convert("L" if is_gray else "RGB")).astype(float)
        rgba = np.asarray(image.convert("RGBA")).astype(float)
        alpha = rgba[..., 3:] / 255
        rgb = rgba[..., :3] * alpha + 255 * (1 - alpha)
        return rgb[..., 0] if image.mode in ("L", "LA", "1") else rgb
