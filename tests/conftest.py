"""One thread where nothing else is asked for, for data is small; examples that stay."""

import os

from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported, here and in children

# the same examples in every run; --hypothesis-profile=explore looks for others
settings.register_profile("ferkit", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None)
settings.load_profile("ferkit")
