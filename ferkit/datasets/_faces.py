"""Drawn faces: a labelled data set that needs no download.

A face is a row of numbers. Its traits (pose, skin, light, ...) are uniform draws; its emotion
moves the neutral geometry through facial action units. `_sketch` turns the numbers into pixels,
for a chunk of faces at once.
"""

from __future__ import annotations

from numbers import Integral, Real
from types import SimpleNamespace
from typing import Literal, overload

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import Bunch, check_random_state
from sklearn.utils._param_validation import Interval

from .._labels import EMOTIONS
from .._typing import ImagesAndTarget, RandomStateLike
from .._validation import validate_params
from ._sketch import sketch_faces

# The geometry of a face at rest, in the units of `_sketch`.
NEUTRAL = {
    "brow_inner": -0.43,  # height of the end near the nose
    "brow_outer": -0.42,
    "brow_gap": 0.14,  # from the middle of the face to the inner end
    "eye_upper": 0.085,  # from the middle of the eye to the upper lid
    "eye_lower": 0.055,
    "nose_tip": 0.20,
    "mouth_width": 0.27,  # half of the width
    "mouth_corner": 0.0,  # how far the corners lie below the middle of the lips
    "mouth_height": 0.55,
    "mouth_box": 0.0,  # from an ellipse (0) to a rounded box (1)
    "lip_raise": 0.0,  # opening of the mouth above the line of the lips
    "lip_drop": 0.0,  # opening below the line
    "lip": 0.062,  # thickness
    "teeth": 0.0,  # the share of the opening they fill; the rest are visibilities
    "cheek": 0.0,
    "fold": 0.12,  # from the wings of the nose to the corners of the mouth
    "frown": 0.0,  # upright lines between the brows
    "forehead": 0.0,  # level lines above them
    "wrinkle": 0.0,  # level lines across the bridge of the nose
    "chin": 0.0,
}

# What a full contraction adds to the neutral geometry.
ACTION_UNITS = {
    1: {"brow_inner": -0.17, "forehead": 0.4},  # inner brow raiser
    2: {"brow_outer": -0.16, "brow_inner": -0.04, "forehead": 0.6},  # outer brow raiser
    4: {"brow_inner": 0.15, "brow_outer": 0.02, "brow_gap": -0.07, "frown": 1.0},  # brow lowerer
    5: {"eye_upper": 0.085, "eye_lower": 0.02},  # upper lid raiser
    6: {"eye_lower": -0.035, "eye_upper": -0.02, "cheek": 1.0},  # cheek raiser
    7: {"eye_lower": -0.035, "eye_upper": -0.03},  # lid tightener
    9: {"wrinkle": 1.0, "nose_tip": -0.06, "brow_inner": 0.06, "fold": 0.5},  # nose wrinkler
    10: {"lip_raise": 0.1, "teeth": 0.4, "fold": 0.3},  # upper lip raiser
    12: {"mouth_corner": -0.2, "mouth_width": 0.11, "fold": 0.5, "teeth": 0.3},  # lip corner puller
    15: {"mouth_corner": 0.17, "mouth_width": -0.02},  # lip corner depressor
    16: {"lip_drop": 0.06, "teeth": 0.1},  # lower lip depressor
    17: {"mouth_height": -0.04, "mouth_corner": 0.05, "chin": 1.0},  # chin raiser
    20: {"mouth_width": 0.1, "mouth_corner": 0.07, "mouth_box": 1.0, "teeth": 0.4},  # lip stretcher
    23: {"lip": -0.042, "mouth_width": -0.03, "mouth_height": -0.02},  # lip tightener
    25: {"lip_drop": 0.14, "teeth": 0.3},  # lips part
    26: {"lip_drop": 0.22, "lip_raise": 0.07, "mouth_width": -0.09},  # jaw drop
}

# Which units an emotion contracts, and how much: the prototypes of EMFACS, and a few units that
# often go with them.
PROTOTYPES = {
    "angry": {4: 1.2, 5: 0.3, 7: 0.8, 17: 0.8, 23: 1.0},
    "disgust": {4: 0.5, 7: 0.6, 9: 1.0, 10: 0.8, 15: 0.7, 16: 0.5},
    "fear": {1: 1.0, 2: 0.6, 4: 0.6, 5: 1.0, 20: 1.0, 25: 0.5, 26: 0.35},
    "happy": {6: 1.0, 12: 1.0, 25: 1.0},
    "sad": {1: 1.0, 4: 0.25, 7: 0.2, 15: 1.0, 17: 0.6},
    "surprise": {1: 0.9, 2: 1.0, 5: 1.0, 26: 1.0},
    "neutral": {},
}

# Ranges of the uniform draws that make one face unlike another.
TRAITS = {
    "strength": (0.45, 1.1),  # the weakest expressions are hard to tell from neutral
    "tilt": (-0.22, 0.22),  # tangent of the in-plane rotation
    "yaw": (-0.4, 0.4),  # turn of the head, as a shift of the features
    "shift_x": (-0.13, 0.13),
    "shift_y": (-0.13, 0.13),
    "scale": (0.84, 1.08),
    "width": (0.70, 0.84),
    "jaw": (0.88, 1.02),
    "asymmetry": (-0.05, 0.05),
    "eye_x": (0.33, 0.39),
    "eye_y": (-0.20, -0.14),
    "eye_width": (0.165, 0.205),
    "brow_y": (-0.03, 0.03),
    "brow_arch": (0.02, 0.06),
    "brow_thickness": (0.022, 0.045),
    "nose_width": (0.08, 0.12),
    "mouth_y": (-0.03, 0.04),
    "mouth_scale": (0.9, 1.12),
    "lip_scale": (0.75, 1.2),
    "gaze": (-0.045, 0.045),
    "iris": (0.05, 0.3),
    "skin": (0.45, 0.85),
    "hair": (0.08, 0.65),  # its shade, next to the skin's
    "hairline": (-1.0, -0.76),
    "hair_volume": (-0.04, 0.2),
    "parting": (-0.4, 0.4),
    "background": (0.05, 0.95),
    "backdrop": (-0.25, 0.25),
    "light_x": (-0.35, 0.35),
    "light_y": (-0.2, 0.15),
    "contrast": (0.7, 1.1),
    "brightness": (-0.08, 0.08),
    "hand_x": (-0.8, 0.8),
    "hand_y": (0.4, 0.9),
}

# The chance of what hides a part of the face.
EXTRAS = {"glasses": 0.15, "fringe": 0.2, "beard": 0.15, "hand": 0.2}

# One chunk holds this many pixels: its arrays stay in a core's cache, whatever `n_samples` is.
CHUNK_PIXELS = 2**16

DESCR = """\
Drawn faces
-----------
Gray-level drawings of faces with the seven expressions of FER2013, made by
`ferkit.datasets.make_faces`. Each expression is a set of facial action units whose intensities
vary from face to face, as do pose, proportions, hair, light and what hides a part of the face.

They show that a pipeline works. They are not photographs: a score on them says nothing about
a score on people.
"""


@overload
def make_faces(
    n_samples: int = ...,
    *,
    image_size: int = ...,
    class_weights: ArrayLike | None = ...,
    noise: float = ...,
    random_state: RandomStateLike = ...,
    return_X_y: Literal[False] = ...,
) -> Bunch: ...


@overload
def make_faces(
    n_samples: int = ...,
    *,
    image_size: int = ...,
    class_weights: ArrayLike | None = ...,
    noise: float = ...,
    random_state: RandomStateLike = ...,
    return_X_y: Literal[True],
) -> ImagesAndTarget: ...


@validate_params(
    {
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "image_size": [Interval(Integral, 16, None, closed="left")],
        "noise": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
        "return_X_y": ["boolean"],
    }
)
def make_faces(
    n_samples: int = 700,
    *,
    image_size: int = 48,
    class_weights: ArrayLike | None = None,
    noise: float = 0.04,
    random_state: RandomStateLike = None,
    return_X_y: bool = False,
) -> Bunch | ImagesAndTarget:
    """Draw faces with the seven expressions of FER2013.

    Each expression moves the brows, eyes, nose and mouth of a neutral face as its facial action
    units do [1]_ [2]_. How strongly, and everything else about the face (pose, proportions, hair,
    light, glasses, a hand before it, ...), varies at random. At the defaults a linear model on
    the pixels does poorly and a small convolutional network does well, with room above.

    Parameters
    ----------
    n_samples : int, default=700
        Number of faces.
    image_size : int, default=48
        Height and width of an image in pixels, at least 16. A seed draws the same faces at
        every size.
    class_weights : array-like of shape (7,), default=None
        Proportions of the classes, normalised to sum to 1. The counts are exact, not drawn:
        each class gets the whole part of its share of `n_samples`, and the samples left go to
        the largest remainders (on ties, to the smaller label). None means equal proportions.
    noise : float, default=0.04
        Standard deviation of the Gaussian noise on the pixels, where black is 0 and white is 1.
    random_state : int, RandomState instance or None, default=None
        Determines the faces and their order. Pass an int for reproducible output.
    return_X_y : bool, default=False
        Whether to return ``(images, target)`` instead of a Bunch.

    Returns
    -------
    faces : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        images : ndarray of shape (n_samples, image_size, image_size), dtype uint8
            The faces, in random order.
        data : ndarray of shape (n_samples, image_size ** 2), dtype uint8
            The same memory, one row per face.
        target : ndarray of shape (n_samples,), dtype int64
            The labels, positions in `target_names`.
        target_names : list of str
            The names of the expressions, `ferkit.EMOTIONS`.
        DESCR : str
            What the data set is.
    (images, target) : tuple, if `return_X_y` is True
        The two arrays.

    Raises
    ------
    ValueError
        If an argument is of another type or out of range, or `class_weights` is not seven finite
        non-negative numbers with a positive sum.

    See Also
    --------
    load_fer2013 : Photographs of the same seven expressions.

    References
    ----------
    .. [1] Ekman, P. and Friesen, W. V. (1978). *Facial Action Coding System: A Technique for the
       Measurement of Facial Movement*. Consulting Psychologists Press.
    .. [2] Friesen, W. V. and Ekman, P. (1983). *EMFACS-7: Emotional Facial Action Coding System*.
       Unpublished manual, University of California, San Francisco.

    Examples
    --------
    >>> from ferkit.datasets import make_faces
    >>> faces = make_faces(n_samples=14, random_state=0)
    >>> faces.images.shape, faces.images.dtype
    ((14, 48, 48), dtype('uint8'))
    >>> faces.target_names
    ['angry', 'disgust', 'fear', 'happy', 'sad', 'surprise', 'neutral']

    Rare disgust, as in FER2013:

    >>> import numpy as np
    >>> X, y = make_faces(130, class_weights=[2, 0.2, 2, 3, 2, 1.8, 2], return_X_y=True)
    >>> np.bincount(y)
    array([20,  2, 20, 30, 20, 18, 20])
    """
    counts = _class_counts(n_samples, class_weights)
    random_state = check_random_state(random_state)

    target = np.repeat(np.arange(len(EMOTIONS), dtype=np.int64), counts)
    random_state.shuffle(target)
    images = _draw_images(target, image_size, noise, random_state)
    if return_X_y:
        return images, target
    return Bunch(
        data=images.reshape(len(images), -1),
        images=images,
        target=target,
        target_names=list(EMOTIONS),
        DESCR=DESCR,
    )


def _draw_images(target, image_size, noise, random_state):
    # Two streams, each read face by face, so that the chunks leave no trace in the draws.
    seeds = random_state.randint(np.iinfo(np.int32).max, size=2)
    face_rng, noise_rng = (np.random.default_rng(seed) for seed in seeds)
    images = np.empty((len(target), image_size, image_size), dtype=np.uint8)
    step = max(1, CHUNK_PIXELS // image_size**2)
    for start in range(0, len(target), step):
        chunk = slice(start, start + step)
        drawn = sketch_faces(_draw_parameters(target[chunk], face_rng), image_size)
        if noise:
            drawn += np.float32(noise) * noise_rng.standard_normal(drawn.shape, dtype=np.float32)
        images[chunk] = np.clip(255 * drawn + 0.5, 0, 255)
    return images


def _class_counts(n_samples, class_weights):
    weights = np.ones(len(EMOTIONS)) if class_weights is None else _check_weights(class_weights)
    shares = n_samples * (weights / weights.sum())
    counts = np.floor(shares).astype(np.int64)
    # Rounding makes remainders equal that are meant to be, as those of 10 * 0.15 and 10 * 0.35.
    by_remainder = np.argsort(np.round(counts - shares, 9), kind="stable")
    counts[by_remainder[: n_samples - counts.sum()]] += 1
    return counts


def _check_weights(class_weights):
    expected = f"expected {len(EMOTIONS)} finite numbers >= 0 with a positive sum"
    try:
        weights = np.asarray(class_weights, dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"class_weights: got {class_weights!r}, {expected}") from error
    if weights.shape != (len(EMOTIONS),):
        raise ValueError(f"class_weights: got shape {weights.shape}, {expected}")
    if not np.isfinite(weights).all() or weights.min() < 0 or weights.max() == 0:
        raise ValueError(f"class_weights: got {class_weights!r}, {expected}")
    return weights / weights.max()  # the sum of huge weights would overflow


def _draw_parameters(target, rng):
    """Draw what each face looks like: attributes of shape (n_faces, 1, 1), float32."""
    n_draws = len(TRAITS) + len(EXTRAS) + len(ACTION_UNITS)
    draws = iter(rng.random((len(target), n_draws), dtype=np.float32).T[:, :, None, None])
    face = {name: low + (high - low) * next(draws) for name, (low, high) in TRAITS.items()}
    face |= {name: (next(draws) < p).astype(np.float32) for name, p in EXTRAS.items()}
    geometry = dict(NEUTRAL)
    for (unit, effects), draw in zip(ACTION_UNITS.items(), draws, strict=True):
        prototype = np.array([PROTOTYPES[name].get(unit, 0) for name in EMOTIONS], np.float32)
        asked = face["strength"] * prototype[target, None, None]
        # Nobody is ever quite still, so a unit the emotion does not use contracts a little.
        intensity = asked * (0.4 + 0.8 * draw) + 0.15 * draw
        for name, effect in effects.items():
            geometry[name] = geometry[name] + effect * intensity
    return _individual(SimpleNamespace(**face, **geometry))


def _individual(face):
    """Apply a person's traits to the geometry of the expression, within what a face can do."""
    face.hair = face.hair * face.skin
    face.eye_upper = np.maximum(face.eye_upper, 0.022)
    face.eye_lower = np.maximum(face.eye_lower, 0.012)
    face.lip = np.maximum(face.lip, 0.012) * face.lip_scale
    face.mouth_width = face.mouth_width * face.mouth_scale
    face.mouth_height = face.mouth_height + face.mouth_y
    for name in ("cheek", "chin", "fold", "forehead", "frown", "mouth_box", "wrinkle"):
        setattr(face, name, np.minimum(getattr(face, name), 1))
    face.teeth = np.minimum(face.teeth, 0.8)
    return face
