"""Targets from larger networks, made anew for each changed batch."""

import copy

import torch
from torch.nn import functional as F

from .device import memory_format, resolve_precision
from .folding import fold_batch_norm


class Distillation:
    """Loss of a network against what its teachers say of the same batch.

    Teachers see the images as they are changed for the pupil (Beyer et al., "Knowledge
    Distillation: A Good Teacher Is Patient and Consistent", CVPR 2022), and their probabilities are
    averaged. Softening both sides shows what teachers know of the less probable classes (Hinton et
    al., "Distilling the Knowledge in a Neural Network", 2015).

    `teachers` are tuples: a trained network, which is copied; its input channels; and the places of
    the pupil's classes among its outputs, an array of shape (n_classes,). `weight` is this loss's
    share in the whole one, 0 to 1; `temperature` is what logits are divided by, on both sides; and
    `precision` is of the teachers' forward passes, as `resolve_precision` takes it.
    """

    def __init__(self, teachers, *, weight, temperature, device, precision):
        self.weight = weight
        self.temperature = temperature
        self.teachers = []
        for module, in_channels, classes in teachers:
            module = copy.deepcopy(module).to(device, memory_format=memory_format(device))
            dtype = resolve_precision(precision, device, module)
            module = fold_batch_norm(module.eval().requires_grad_(False))
            classes = torch.as_tensor(classes, device=device)
            self.teachers.append((module, in_channels, classes, dtype))

    @property
    def networks(self):
        """The teachers' modules."""
        return [module for module, *_ in self.teachers]

    @torch.no_grad()
    def _probabilities(self, x):
        outputs = []
        for module, in_channels, classes, dtype in self.teachers:
            x_seen = x[:, :1] if in_channels == 1 else x.expand(-1, in_channels, -1, -1)
            with torch.autocast(
                x.device.type, torch.bfloat16, enabled=dtype != torch.float32, cache_enabled=False
            ):
                logits = module(x_seen.contiguous(memory_format=memory_format(x.device))).float()
            outputs.append(F.softmax(logits[:, classes] / self.temperature, dim=1))
        return torch.stack(outputs).mean(dim=0)

    def __call__(self, loss, logits, x, factor=1.0):
        """Mix the loss on a batch's own targets with that against the teachers.

        `x` is the batch as the pupil saw it. The teachers' part is multiplied by `factor`, and by
        the temperature's square, so that its gradient keeps its size (Hinton et al., 2015).
        """
        log_q = F.log_softmax(logits / self.temperature, dim=1)
        divergence = F.kl_div(log_q, self._probabilities(x), reduction="batchmean")
        return torch.lerp(loss, divergence * (factor * self.temperature**2), self.weight)
