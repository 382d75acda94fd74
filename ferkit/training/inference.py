"""What a module gives for batches of images, without gradients."""

import torch
from torch.nn import functional as F

from .views import views

_SMALLEST_BATCH = 16


def compute_outputs(module, batches, n_images, method="forward", tta=None):
    """Apply a module's `method`, "forward" or "embed", to batches; it is set to evaluate.

    `batches` are pairs of inputs, as `to_input` makes them, and anything; `n_images` are in all of
    them together. Outputs are averaged over the `views` of `tta`, and are on the batches' device.
    """
    module.eval()
    function = getattr(module, method)
    with torch.inference_mode():
        means, start = None, 0
        for x, _ in batches:
            outputs = [function(view) for view in views(_fill_up(x), tta)]
            # torch.mean would add three or more in an order that depends on the batch's size
            mean = sum(outputs) / len(outputs)
            if means is None:
                # one block: kept among the batches' own, many small ones would keep the C
                # library from using the space between them again
                means = mean.new_empty(n_images, *mean.shape[1:])
            means[start : start + len(x)] = mean[: len(x)]
            start += len(x)
        return means


def _fill_up(x):
    """Fill a small batch up with zeros.

    Kernels for few images round differently, and an image's result would depend on its batch.
    """
    return F.pad(x, (0, 0, 0, 0, 0, 0, 0, max(0, _SMALLEST_BATCH - len(x))))
