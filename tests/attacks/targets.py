"""What a loader under attack is: its files, their mutations, its call, and who knows better."""

from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any
from warnings import catch_warnings, simplefilter

# where each is defined, for a worker imports what it needs
_MODULES = {
    "csv": "fer2013_csv",
    "zip": "fer2013_images",
    "folder": "fer2013_images",
    "image-folder": "image_folders",
    "affectnet": "image_folders",
    "ferplus": "ferplus",
    "photo": "photos",
    "model": "models",
    "checkpoint": "checkpoints",
    "onnx": "onnx_files",
}
NAMES = tuple(_MODULES)


@dataclass
class Case:
    """A hostile input."""

    path: Path  # what the loader is given
    content: Any  # what lies there, as the oracle wants it
    story: list = field(default_factory=list)  # what was done to it
    options: dict = field(default_factory=dict)  # of the call

    @property
    def names(self) -> list[str]:
        """One of which every message has in it."""
        return [str(self.path)]


class Target:
    """A loader under attack; `folder` is where its cases are written."""

    name: str
    documented: tuple[type, ...] = (ValueError,)
    warm_ups = 30

    def __init__(self, folder: Path, data: str | None):
        self.folder, self.data = folder, data

    def warm_up(self) -> None:
        """Import what is imported late, so that the memory and what is run are the cases' own."""
        for index in range(self.warm_ups):
            with suppress(Exception), catch_warnings():
                simplefilter("ignore")
                self.call(self.make(Random(f"warm {index}")))

    def prepare(self) -> None:
        """Make what takes long, before any time is taken."""

    def make(self, random: Random) -> Case:
        """Write a case."""
        raise NotImplementedError

    def is_past_header(self, case: Case) -> bool:
        """Tell whether others than ferkit take the file for one of its format."""
        raise NotImplementedError

    def call(self, case: Case) -> Any:
        """Call the loader."""
        raise NotImplementedError

    def check(self, case: Case, answer: Any) -> None:
        """Raise AssertionError if the answer is not what the oracle says."""
        raise NotImplementedError

    def check_refusal(self, case: Case) -> None:
        """Raise AssertionError if the oracle finds nothing wrong with the file."""

    def path_in(self, text: str) -> bool:
        """Tell whether a warning names a file of the case."""
        return str(self.folder) in text


def find_target(name: str) -> type[Target]:
    """Import a target."""
    module = import_module(f"tests.attacks.{_MODULES[name]}")
    return module.TARGETS[name]
