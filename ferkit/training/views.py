"""Views of images whose outputs are averaged at prediction."""

import math

from torch.nn import functional as F

_TILT = 10  # degrees
_ENLARGED = 1.08  # so that corners are not left too empty


def views(x, tta):
    """Make the views of a batch, scaled to [-1, 1], that test-time augmentation looks at.

    None gives the images alone, "flip" their mirror images too; "tilt" both upright and turned by
    10 degrees either way, enlarged by 8 %; "ten" both at five places: as they are, and shifted
    along the diagonals by a 24th of their height and width. Margins are black. What is one pixel
    high or wide is not turned, and what is below 24 not shifted.
    """
    places = [x]
    height, width = x.shape[2:]
    dy, dx = height // 24, width // 24
    if tta == "ten" and (dy or dx):
        padded = F.pad(x, (dx, dx, dy, dy), value=-1)
        places += [
            padded[:, :, top : top + height, left : left + width]
            for top in (0, 2 * dy)
            for left in (0, 2 * dx)
        ]
    elif tta == "tilt" and min(height, width) > 1:  # nothing of a turned line would be left
        places += [_turn(x, -_TILT), _turn(x, _TILT)]
    for view in places:
        yield view
        if tta is not None:
            yield view.flip(3)


def _turn(x, degrees):
    """Turn and enlarge images; bilinear, with black corners."""
    n, _, height, width = x.shape
    angle = math.radians(degrees)
    cos, sin = math.cos(angle) / _ENLARGED, math.sin(angle) / _ENLARGED
    aspect = height / width  # both sides have length 2 in grid_sample's coordinates
    # x's dtype and device, whatever the caller's defaults are
    theta = x.new_tensor([[[cos, -sin * aspect, 0], [sin / aspect, cos, 0]]])
    grid = F.affine_grid(theta, [1, 1, height, width], align_corners=False)
    # grid_sample fills with 0: make that black
    return F.grid_sample(x + 1, grid.expand(n, -1, -1, -1), align_corners=False) - 1
