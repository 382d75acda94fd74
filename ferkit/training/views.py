"""Views of images whose outputs are averaged at prediction."""

from torch.nn import functional as F


def views(x, tta):
    """Make the views of a batch that test-time augmentation looks at.

    Parameters
    ----------
    x : torch.Tensor of shape (n, channels, height, width)
        Images scaled to [-1, 1].
    tta : {"flip", "ten"} or None
        None gives the images alone, "flip" their mirror images too, "ten" both at five places: as
        they are, and shifted along the diagonals by a 24th of their height and width, with a black
        margin.

    Yields
    ------
    torch.Tensor of shape (n, channels, height, width)
        A view of all images.
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
    for view in places:
        yield view
        if tta is not None:
            yield view.flip(3)
