"""One torch thread, for the tests' data is small and cores are shared; examples that stay."""

import torch
from hypothesis import settings

torch.set_num_threads(1)

# the same examples in every run; --hypothesis-profile=explore looks for others
settings.register_profile("ferkit", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None)
settings.load_profile("ferkit")
