"""Random numbers for the images of a batch."""

import torch


def uniform(images, largest):
    """Draw a number in [-largest, largest] for each image, on its device: float32 of shape (n,)."""
    return (2 * torch.rand(len(images), device=images.device) - 1) * largest


def per_image(values, images):
    """Shape a number for each image so that it multiplies images: (n, 1, 1, 1), of their dtype."""
    return values.view(-1, 1, 1, 1).to(images.dtype)


def boxes(heights, widths, height, width):
    """Place a box in each image, anywhere within it: a bool (n, 1, height, width), true inside.

    The boxes' `heights` and `widths`, tensors of shape (n,), are whole numbers of pixels; `height`
    and `width` are the images' size.
    """
    device = heights.device
    top = torch.floor(torch.rand(len(heights), device=device) * (height - heights + 1))
    left = torch.floor(torch.rand(len(widths), device=device) * (width - widths + 1))
    rows, columns = torch.arange(height, device=device), torch.arange(width, device=device)
    is_row = (rows >= top[:, None]) & (rows < (top + heights)[:, None])
    is_column = (columns >= left[:, None]) & (columns < (left + widths)[:, None])
    return (is_row[:, :, None] & is_column[:, None, :])[:, None]
