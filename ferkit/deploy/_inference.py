"""All that a fitted estimator does to images, as one torch module."""

import copy

import torch
from torch import nn

from .._imbalance import logit_offset
from ..training.folding import fold_batch_norm
from ..training.views import views


class InferenceModule(nn.Module):
    """Images in, probabilities and embedding out; holds a copy of a fitted estimator's network."""

    def __init__(self, estimator):
        super().__init__()
        # not channels-last as in training: that would leave reshapes in the graph
        network = copy.deepcopy(estimator.module_).cpu().to(memory_format=torch.contiguous_format)
        # the exporter would do it too, but take a third longer
        self.network = fold_batch_norm(network.requires_grad_(False).eval())
        self.n_channels = estimator.net_.in_channels
        self.tta = estimator.tta
        self.temperature = float(estimator.temperature)
        offset = logit_offset(estimator.logit_adjustment, estimator.class_count_)
        self.register_buffer("offset", torch.from_numpy(offset))
        self.eval()

    def forward(self, images):
        """Map images to probabilities, and an embedding if the network has one: a tuple of tensors.

        Images have the shape (n, h, w) or (n, h, w, 3): uint8 levels or floats in [0, 1].
        """
        x = images[:, None] if images.ndim == 3 else images.permute(0, 3, 1, 2)
        if x.shape[1] != self.n_channels:  # gray, for a network of colours
            x = x.expand(-1, self.n_channels, -1, -1)
        x = x.float() * (2 / 255) - 1 if images.dtype == torch.uint8 else x * 2 - 1
        of_views = list(views(x, self.tta))
        n_views = len(of_views)
        x = torch.cat(of_views) if n_views > 1 else x
        # the exporter finds what both have in common, so that it is computed once
        outputs = [self.network(x)]
        if hasattr(self.network, "embed"):
            outputs.append(self.network.embed(x))
        if n_views > 1:
            outputs = [output.unflatten(0, (n_views, -1)).mean(0) for output in outputs]
        probabilities = ((outputs[0] + self.offset) / self.temperature).softmax(1)
        return probabilities, *outputs[1:]
