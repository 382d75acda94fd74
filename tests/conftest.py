"""One torch thread: the tests' data is small, and cores are shared with others."""

import torch

torch.set_num_threads(1)
