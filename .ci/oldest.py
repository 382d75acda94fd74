"""Print pip's constraints for the oldest version of everything that pyproject.toml allows.

torch is not among them: its old releases are on the index with CUDA only, some gigabytes large.
"""

import itertools
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
extras = project["optional-dependencies"]
for text in [*project["dependencies"], *itertools.chain(*extras.values())]:
    requirement = Requirement(text)
    bounds = [bound.version for bound in requirement.specifier if bound.operator == ">="]
    if bounds and requirement.name != "torch":
        print(f"{requirement.name}=={bounds[0]}")
