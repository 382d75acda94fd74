"""From arrays of images to the networks' inputs, a batch at a time."""

import numpy as np
import torch
from torch.nn import functional as F

from .._locks import draw_lock
from .device import memory_format
from .distributed import share_of

_RESIDENT = 2**31  # bytes: FER2013 has 66 MB, and a device has its network to hold, too


def on_device(array, device):
    """Move an array to an accelerator once, so that no step of a fit waits for a copy.

    It stays an ndarray for the CPU, and where it has more than 2 GiB, which go batch by batch.
    """
    if device.type == "cpu" or array.nbytes > _RESIDENT:
        return array
    return torch.from_numpy(np.require(array, requirements="W")).to(device)


def to_input(images, in_channels):
    """Scale images in [0, 1] to float32 in [-1, 1] with as many channels as the network has.

    Gray images, of shape (n, 1, height, width), are repeated. The result is in the device's
    `memory_format`.
    """
    x = (images * 2).sub_(1).expand(-1, in_channels, -1, -1)
    # with one channel, both formats are the same memory, but kernels choose by the strides, which
    # `contiguous` would leave
    n, channels, height, width = x.shape
    if memory_format(x.device) == torch.contiguous_format:
        return x.flatten().view(n, channels, height, width)
    return x.permute(0, 2, 3, 1).flatten().view(n, height, width, channels).permute(0, 3, 1, 2)


class Batches:
    """Iterate over a skorch dataset by whole batches.

    The images stay as they are stored until their batch is due: gathering is one operation, where
    the images are, and a batch is moved to the device before it becomes floats there. Batches are
    of even size, for batch normalisation cannot train on a rest of one.

    The dataset's X is an ndarray or tensor of shape (n, height, width, channels), uint8 levels or
    floats; its y one of shape (n,), or (n, n_classes) for probabilities, or None. `batch_size` is
    that of all processes together, or a little less; one more where only that avoids a batch of
    one. `n_classes` is for an `augment` that mixes targets.

    The net sets `device`, where the batches go, for it may have moved since, and `shuffle_seed` for
    each epoch of training. None goes through all images as they are; else each of several processes
    goes through its share of every batch.

    Yields inputs, float32 in [-1, 1] of shape (n, in_channels, height, width), and targets: int64
    indices, zeros if the dataset has no y; or float32 probabilities.
    """

    def __init__(self, dataset, batch_size, *, in_channels, augment=None, n_classes=None):
        self.dataset = dataset
        self.batch_size = batch_size
        self.in_channels = in_channels
        self.device = torch.device("cpu")
        self.shuffle_seed = None
        self.augment = augment
        self.n_classes = n_classes

    def __len__(self):
        n = len(self.dataset)
        return max(1, min(-(-n // self.batch_size), n // 2))

    def n_images_of(self, step):
        """Return how many images a batch has in all processes together."""
        n_per_batch, rest = divmod(len(self.dataset), len(self))
        return n_per_batch + (step < rest)  # torch.tensor_split makes the first ones larger

    def __iter__(self):
        n = len(self.dataset)
        images, targets = self.dataset.X, self.dataset.y
        if targets is None:
            targets = np.zeros(n, dtype=np.int64)
        order = self._order(n).to(images.device if torch.is_tensor(images) else "cpu")
        for index in torch.tensor_split(order, len(self)):
            if self.shuffle_seed is not None:
                index = share_of(index)
            yield self._load(_take(images, index), _take(targets, index))

    def _order(self, n):
        if self.shuffle_seed is None:
            return torch.arange(n, device="cpu")
        generator = torch.Generator().manual_seed(self.shuffle_seed)
        return torch.randperm(n, generator=generator, device="cpu")

    def _load(self, images, targets):
        x, targets = images.to(self.device).permute(0, 3, 1, 2), targets.to(self.device)
        x = x.float().div_(255) if x.dtype == torch.uint8 else x
        if self.augment is not None:
            if self.augment.mixes and not targets.is_floating_point():
                targets = F.one_hot(targets, self.n_classes).float()
            with draw_lock:
                x = self.augment(x)
                if self.augment.mixes:
                    x, targets = self.augment.mix(x, targets)
        return to_input(x, self.in_channels), targets


def _take(array, index):
    if torch.is_tensor(array):
        return array[index.to(array.device)]
    # numpy's gathering reads arrays that are mapped from a file, too
    return torch.from_numpy(array[index.cpu().numpy()])
