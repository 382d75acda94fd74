"""Other ways to train the same networks: what ferkit's speed is compared with.

Each function makes a network, trains it for one epoch on the CPU in batches of 64 with Adam, and
is what gets timed; its data is ready beforehand. Nothing here comes from ferkit but the network
classes, which are handed in, so that a change in ferkit cannot slow down its rivals.
"""

import ctypes
import math

import numpy as np
import torch
from PIL import Image
from skorch import NeuralNetClassifier
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

BATCH_SIZE = 64


# -- the reference study ---------------------------------------------------------------------------
# Pazos and Wang's training loop and its torchvision pipeline: ImageFolder, Resize(48),
# RandomHorizontalFlip, RandomRotation(5), RandomAffine(0, shear=10, translate=(.2, .2)), ToTensor,
# Normalize(.5, .5). torchvision is not at hand for every torch, so its transforms of Pillow images
# are written out here: the same Pillow calls, random numbers and pixels, bit for bit. Left out is
# what would only slow it down: torchvision's checks of arguments, the study's progress bar, and
# Resize, which hands an image of the right size back as it is.


class ImageFolder(Dataset):
    """Files, opened anew in each epoch and changed at random."""

    def __init__(self, paths, targets):
        self.paths = paths
        self.targets = targets

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, i):
        with open(self.paths[i], "rb") as file:
            image = Image.open(file).convert("RGB")
        return to_tensor(augment(image)), int(self.targets[i])


def augment(image):
    """Apply RandomHorizontalFlip, RandomRotation and RandomAffine, all to the nearest pixel."""
    width, height = image.size
    black = (0, 0, 0)
    if torch.rand(1) < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    image = image.rotate(_uniform(5), Image.Resampling.NEAREST, fillcolor=black)
    _uniform(0)  # RandomAffine draws the angle of its rotation by 0 degrees, too
    shift_x, shift_y = round(_uniform(0.2 * width)), round(_uniform(0.2 * height))
    slope = math.tan(math.radians(_uniform(10)))
    # Pillow wants the way back, from a pixel of the result to one of the image: undo the shift,
    # then the shear about the centre
    back = (1, slope, -shift_x - slope * (height / 2 + shift_y), 0, 1, -shift_y)
    return image.transform(
        image.size, Image.Transform.AFFINE, back, Image.Resampling.NEAREST, fillcolor=black
    )


def _uniform(largest):
    return torch.empty(1).uniform_(-largest, largest).item()


def to_tensor(image):
    """Apply ToTensor and Normalize."""
    x = torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()
    return x.float().div(255).sub_(0.5).div_(0.5)


def train_reference(module_class, module_params, paths, targets, *, lr, weight_decay):
    """Train as the reference study does, from image files."""
    loader = DataLoader(
        ImageFolder(paths, targets), batch_size=BATCH_SIZE, shuffle=True, num_workers=2
    )
    model = as_in_the_study(module_class(**module_params))
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, weight_decay=weight_decay)
    model.train()
    train_loss, correct, total = 0, 0, 0
    for images, labels in loader:
        optimizer.zero_grad()
        outputs = model(images)
        loss = criterion(outputs, labels)
        loss.backward()
        optimizer.step()
        train_loss += loss.item() * images.size(0)
        _, predicted = outputs.max(1)
        correct += (predicted == labels).sum().item()
        total += labels.size(0)
    return train_loss / total, correct / total


def as_in_the_study(module):
    """Give a network torch's ReLU6, in place, and ReLU before the pooling instead of after it.

    Outputs and gradients stay the same.
    """
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if type(child).__name__ == "ReLU6":
                setattr(parent, name, nn.ReLU6(inplace=True))
    if type(module).__name__ == "ResNetLite":
        module._activate_and_pool = lambda x: module.pool(F.relu(x))
    return module


# -- vanilla skorch --------------------------------------------------------------------------------


def train_skorch(
    module_class, module_params, X, y, *, lr, weight_decay, device="cpu", batch_size=BATCH_SIZE
):
    """Train with skorch as its documentation shows, from a float32 array (n, channels, h, w).

    It alone can train on another device, and in batches of another size.
    """
    net = NeuralNetClassifier(
        module_class,
        **{f"module__{name}": value for name, value in module_params.items()},
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        optimizer__weight_decay=weight_decay,
        lr=lr,
        batch_size=batch_size,
        device=device,
        max_epochs=1,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )
    return net.fit(X, y)


# -- hand loops ------------------------------------------------------------------------------------


def train_plain(module_class, module_params, X, y, *, lr, weight_decay):
    """Train with the barest loop, from a float32 tensor (n, channels, h, w)."""
    model = module_class(**module_params)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, weight_decay=weight_decay)
    model.train()
    for index in torch.randperm(len(X)).split(BATCH_SIZE):
        optimizer.zero_grad(set_to_none=True)
        criterion(model(X[index]), y[index]).backward()
        optimizer.step()
    return model


def train_tricks(module_class, module_params, X, y, *, lr, weight_decay):
    """Train with the barest loop and all that makes it faster without a compiler.

    From a float32 tensor (n, channels, h, w) in channels-last format; call `keep_freed_memory`
    before.
    """
    model = module_class(**module_params).to(memory_format=torch.channels_last)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, weight_decay=weight_decay, fused=True)
    is_mixed = is_bfloat16_native()
    model.train()
    for index in torch.randperm(len(X)).split(BATCH_SIZE):
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=is_mixed):
            logits = model(X[index])
        criterion(logits.float(), y[index]).backward()
        optimizer.step()
    return model


def is_bfloat16_native():
    """Tell whether the CPU multiplies bfloat16."""
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def keep_freed_memory():
    """Let glibc keep what is freed: else it unmaps every large block, and the kernel clears anew.

    Other C libraries are left as they are.
    """
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "mallopt"):
        return
    for option in (-1, -3):  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of <malloc.h>
        if not libc.mallopt(option, 2**30):
            raise OSError(f"mallopt refused option {option}")
