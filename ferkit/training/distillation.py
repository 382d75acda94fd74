"""Targets from larger networks, made anew for each changed batch."""

import copy

import torch
from torch.nn import functional as F

from .device import resolve_precision
from .folding import fold_batch_norm


class Distillation:
    """Loss of a network against what its teachers say of the same batch.

    Teachers see the images as they are changed for the pupil [1]_, and their probabilities are
    averaged. Softening both sides shows what teachers know of the less probable classes [2]_.

    Parameters
    ----------
    teachers : list of (torch.nn.Module, int, ndarray of shape (n_classes,))
        Trained networks, which are copied; their input channels; and the places of the pupil's
        classes among their outputs.
    weight : float
        Share of this loss in the whole one, 0 to 1.
    temperature : float
        What logits are divided by, on both sides.
    device : torch.device
        Where training runs.
    precision : {"auto", "float32", "bfloat16"}
        Of the teachers' forward passes, as `resolve_precision` takes it.

    References
    ----------
    .. [1] Beyer et al., "Knowledge Distillation: A Good Teacher Is Patient and Consistent",
       CVPR 2022.
    .. [2] Hinton et al., "Distilling the Knowledge in a Neural Network", 2015.
    """

    def __init__(self, teachers, *, weight, temperature, device, precision):
        self.weight = weight
        self.temperature = temperature
        self.teachers = []
        for module, in_channels, classes in teachers:
            module = copy.deepcopy(module).to(device, memory_format=torch.channels_last)
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
                logits = module(x_seen.contiguous(memory_format=torch.channels_last)).float()
            outputs.append(F.softmax(logits[:, classes] / self.temperature, dim=1))
        return torch.stack(outputs).mean(dim=0)

    def __call__(self, loss, logits, x, factor=1.0):
        """Mix the loss on a batch's own targets with that against the teachers.

        Parameters
        ----------
        loss : torch.Tensor of shape ()
            On its own targets.
        logits : torch.Tensor of shape (n, n_classes)
            What the pupil says.
        x : torch.Tensor of shape (n, channels, height, width)
            The batch as the pupil saw it.
        factor : float, default=1.0
            What the teachers' part is multiplied by.

        Returns
        -------
        torch.Tensor of shape ()
            The mixture. The teachers' part is multiplied by the temperature's square, so that its
            gradient keeps its size [2]_.
        """
        log_q = F.log_softmax(logits / self.temperature, dim=1)
        divergence = F.kl_div(log_q, self._probabilities(x), reduction="batchmean")
        return torch.lerp(loss, divergence * (factor * self.temperature**2), self.weight)
