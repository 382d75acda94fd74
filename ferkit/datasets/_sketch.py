"""How faces are painted: layer upon layer, on all images of a chunk at once.

Every length, shade and opacity is an attribute of `face`, of shape (n_faces, 1, 1). Lengths are
in units of half an image, x to the right and y down from the middle of the face; shades go from
0 (black) to 1 (white).

Pixels are computed with +, -, *, / and square roots only. Those are exact in IEEE arithmetic,
so an image never depends on which others happen to share its chunk.
"""

import numpy as np


def sketch_faces(face, image_size):
    """Paint faces: float32 of shape (n_faces, image_size, image_size), about 0 to 1."""
    sketch = Sketch(face, image_size)
    for layer in (
        _draw_head,
        _draw_wrinkles,
        _draw_nose,
        _draw_eyes,
        _draw_brows,
        _draw_beard,
        _draw_mouth,
        _draw_hair,
        _draw_glasses,
        _draw_hand,
        _light,
    ):
        layer(sketch, face)
    return sketch.image


class Sketch:
    """Images in the making, and the place of every pixel on its face."""

    def __init__(self, face, image_size):
        grid = (np.arange(image_size, dtype=np.float32) + 0.5) * np.float32(2 / image_size) - 1
        x, y = grid[None, None, :] - face.shift_x, grid[None, :, None] - face.shift_y
        cosine = 1 / (np.sqrt(1 + face.tilt**2) * face.scale)
        sine = face.tilt * cosine
        self.pixel = 2 / (image_size * face.scale)  # the width of a pixel, for smooth edges
        self.x = x * cosine + y * sine
        self.y = y * cosine - x * sine
        # (u, v) is where a feature of the face lies: a turned head displaces those in the middle.
        self.u = self.x - 0.3 * face.yaw * np.clip(1 - self.x**2, 0, None)
        self.v = self.y + face.asymmetry * self.u
        self.side = np.abs(self.u)  # a face is symmetric: two eyes are drawn as one
        self.image = np.empty_like(self.x)

    def paint(self, mask, shade):
        self.image += mask * (shade - self.image)

    def fill(self, distance, shade, opacity=1, blur=1.2):
        """Paint where the signed distance to an outline is negative."""
        self.paint(self.cover(distance, blur) * opacity, shade)

    def cover(self, distance, blur=1.2):
        """How much of each pixel lies within an outline, from its signed distance."""
        return np.clip(0.5 - distance / (blur * self.pixel), 0, 1)

    def shine(self, amount, r2):
        """Lighten (or darken) softly where r2, a squared relative distance, is below 1."""
        bump = np.clip(1 - r2, 0, None)
        self.image += amount * bump * bump


def _ellipse(x, y, width, height):
    """Squared relative distance from the middle: 1 on the outline."""
    return (x / width) ** 2 + (y / height) ** 2


def _ellipse_distance(x, y, width, height):
    """Signed distance to the outline, near enough for ellipses that are nearly round."""
    return (np.sqrt(_ellipse(x, y, width, height)) - 1) * np.minimum(width, height)


def _face_outline(sketch, face):
    # The lower half is longer when the jaw drops, and narrower towards the chin.
    height = np.where(sketch.y < 0, np.float32(1), face.jaw + 0.45 * face.lip_drop)
    width = face.width * (1 - 0.16 * np.clip(sketch.y, 0, 1) ** 2)
    return _ellipse_distance(sketch.x, sketch.y, width, height)


def _hair_outline(sketch, face):
    return _ellipse_distance(sketch.x, sketch.y + 0.12, face.width + face.hair_volume, 1)


def _draw_head(sketch, face):
    x, y = sketch.x, sketch.y
    sketch.image[:] = face.background + face.backdrop * x
    sketch.fill(_hair_outline(sketch, face), face.hair)
    sketch.fill(_ellipse_distance(np.abs(x) - face.width, y + 0.02, 0.09, 0.19), 0.8 * face.skin)
    sketch.fill(np.maximum(np.abs(x) - 0.62 * face.width, 0.4 - y), 0.72 * face.skin)  # neck
    outline = _face_outline(sketch, face)
    sketch.fill(outline, face.skin)
    sketch.image -= 0.12 * np.clip(1 + 2 * outline, 0, 1)  # skin that turns away is darker

    u, v, side = sketch.u, sketch.v, sketch.side
    sketch.shine(-0.13, _ellipse(side - face.eye_x, v - face.eye_y + 0.06, 0.3, 0.2))  # sockets
    sketch.shine(0.07, _ellipse(u, v + 0.6, 0.5, 0.3))  # forehead
    sketch.shine(0.05 + 0.12 * face.cheek, _ellipse(side - 0.42, v - 0.2, 0.26, 0.2))  # cheeks
    sketch.shine(0.06, _ellipse(u, v - 0.86, 0.2, 0.16))  # chin


def _draw_wrinkles(sketch, face):
    v, side = sketch.v, sketch.side
    dark = 0.5 * face.skin
    # From the wings of the nose to the corners of the mouth.
    along = np.clip((v - 0.12) / (face.mouth_height + face.mouth_corner - 0.06), 0, 1)
    fold = np.abs(side - 0.14 - face.mouth_width * along) - 0.012
    sketch.fill(fold, dark, opacity=face.fold * np.clip(4 * along * (1 - along), 0, 1))

    # A raised cheek folds the skin below the eye.
    across = side - face.eye_x
    pouch = np.abs(v - face.eye_y - 0.13 + 0.8 * across**2) - 0.008
    pouch = np.maximum(pouch, np.abs(across) - 0.17)
    sketch.fill(pouch, dark, opacity=0.8 * face.cheek)

    frown = np.maximum(np.abs(side - 0.055) - 0.012, np.abs(v + 0.36) - 0.11)
    sketch.fill(frown, dark, opacity=0.7 * face.frown)
    bridge = np.clip(1.5 - 1.5 * _ellipse(side, v + 0.1, 0.17, 0.2), 0, 1)
    stripes = _stripes(v + 0.4 * side, period=0.085) - 0.02
    sketch.fill(stripes, dark, opacity=face.wrinkle * bridge)
    forehead = np.clip(1.5 - 1.5 * _ellipse(side, v + 0.68, 0.45, 0.18), 0, 1)
    stripes = _stripes(v - 0.1 * side**2, period=0.11) - 0.009
    sketch.fill(stripes, dark, opacity=0.7 * face.forehead * forehead)


def _stripes(position, period):
    """Distance to the nearest of the lines that a period separates."""
    return np.abs(position - period * np.rint(position / period))


def _draw_nose(sketch, face):
    u, v, side = sketch.u, sketch.v - face.nose_tip, sketch.side
    away = np.sign(face.light_x) * 0.1  # the shaded side, away from the light
    sketch.shine(0.1, _ellipse(u, v + 0.2, 0.07, 0.34))
    sketch.shine(-0.1, _ellipse(u + away, v + 0.12, 0.07, 0.3))
    sketch.shine(-0.22, _ellipse(u, v - 0.06, 0.2, 0.07))
    nostril = _ellipse_distance(side - 0.6 * face.nose_width, v - 0.04, 0.035, 0.02)
    sketch.fill(nostril, 0.25 * face.skin)
    wing = np.abs(_ellipse_distance(side - face.nose_width, v, 0.04, 0.06)) - 0.008
    sketch.fill(np.maximum(wing, face.nose_width - side), 0.5 * face.skin, opacity=0.7)


def _draw_eyes(sketch, face):
    v, side = sketch.v - face.eye_y, sketch.side - face.eye_x
    across = side / face.eye_width
    curve = np.clip(1 - across**2, 0, None)
    upper, lower = -face.eye_upper * curve, face.eye_lower * curve
    ends = np.abs(side) - face.eye_width
    inside = sketch.cover(np.maximum(np.maximum(upper - v, v - lower), ends))
    sketch.paint(inside, 0.35 + 0.6 * face.skin)
    # Both eyes look the same way, so their irises are not mirror images.
    radius = np.sqrt((np.abs(sketch.u - face.gaze) - face.eye_x) ** 2 + (v + 0.01) ** 2)
    sketch.paint(inside * sketch.cover(radius - 0.082), face.iris)
    sketch.paint(inside * sketch.cover(radius - 0.04), 0.02)  # pupil
    sketch.fill(np.maximum(np.abs(v - upper) - 0.02, ends), 0.12)
    sketch.fill(np.maximum(np.abs(v - lower) - 0.006, ends), 0.4 * face.skin, opacity=0.8)
    crease = np.abs(v - 1.1 * upper + 0.055) - 0.006
    sketch.fill(np.maximum(crease, ends + 0.03), 0.5 * face.skin, opacity=0.6)


def _draw_brows(sketch, face):
    length = 0.42
    along = (sketch.side - face.brow_gap) / length
    inward = np.clip(along, 0, 1)
    height = face.brow_inner + (face.brow_outer - face.brow_inner) * inward
    height += face.brow_y - 4 * face.brow_arch * inward * (1 - inward)
    thickness = face.brow_thickness * (1.2 - 0.7 * inward)
    beyond = length * (along - inward)
    brow = np.sqrt(beyond**2 + (sketch.v - height) ** 2) - thickness
    sketch.fill(brow, 0.7 * face.hair, opacity=0.92)


def _draw_mouth(sketch, face):
    u, v = sketch.u, sketch.v - face.mouth_height
    across = np.clip(np.abs(u) / face.mouth_width, 0, 1)
    curve = np.sqrt((1 - across**2) * (1 + face.mouth_box * across**2))
    line = face.mouth_corner * (across**2 - 0.4)
    ends = np.abs(u) - face.mouth_width
    upper, lower = line - face.lip_raise * curve, line + face.lip_drop * curve
    lips = np.maximum(upper - 0.8 * face.lip * curve - v, v - lower - 1.1 * face.lip * curve)
    sketch.fill(np.maximum(lips, ends), 0.62 * face.skin)
    inside = np.maximum(np.maximum(upper - v, v - lower), ends + 0.01)
    sketch.fill(inside, 0.08)
    teeth = np.maximum(inside, v - upper - face.teeth * (lower - upper))
    sketch.fill(teeth + 0.008, 0.55 + 0.45 * face.skin)
    sketch.fill(np.maximum(np.abs(v - upper) - 0.012, ends), 0.25 * face.skin)
    # The chin bulges, and throws a shadow below the lower lip.
    shade = _ellipse(u, v - lower - 1.1 * face.lip - 0.07, 0.22, 0.07)
    sketch.shine(-0.1 - 0.15 * face.chin, shade)


def _draw_beard(sketch, face):
    beard = _ellipse_distance(sketch.u, sketch.v - 0.66, face.width * 0.85, 0.44)
    beard = np.maximum(beard, _face_outline(sketch, face))
    sketch.fill(beard, 0.5 * (face.skin + face.hair), opacity=0.6 * face.beard, blur=3)


def _draw_hair(sketch, face):
    line = face.hairline + 0.25 * face.fringe + 0.35 * (sketch.x - face.parting) ** 2
    sketch.fill(np.maximum(sketch.y - line, _hair_outline(sketch, face)), face.hair)


def _draw_glasses(sketch, face):
    side, v = sketch.side - face.eye_x, sketch.v - face.eye_y
    rim = np.abs(_ellipse_distance(side, v, 0.26, 0.2)) - 0.018
    bridge = np.maximum(np.abs(v + 0.03) - 0.018, sketch.side - 0.12)
    sketch.fill(np.minimum(rim, bridge), 0.1, opacity=face.glasses)


def _draw_hand(sketch, face):
    """Three fingers that come from below and hide what is behind them."""
    y = sketch.y - face.hand_y
    x = sketch.x - face.hand_x + 0.3 * face.hand_x * y
    which = np.clip(np.rint(x / 0.16), -1, 1)
    tip = y - 0.06 * which**2
    finger = np.sqrt((x - 0.16 * which) ** 2 + np.clip(-tip, 0, None) ** 2) - 0.075
    sketch.fill(finger - 0.025, 0.55 * face.skin, opacity=face.hand)
    sketch.fill(finger, 0.95 * face.skin, opacity=face.hand)


def _light(sketch, face):
    """Light the scene from one side, and take the picture with the contrast of a poor camera."""
    image = sketch.image
    image *= 1 + face.light_x * sketch.x + face.light_y * sketch.y
    image -= 0.5
    image *= face.contrast
    image += 0.5 + face.brightness
