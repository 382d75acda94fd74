"""FER2013: csv files against the csv module, image files against Pillow."""

from tests.attacks.fer2013_csv import CsvTarget
from tests.attacks.fer2013_images import FolderTarget, ZipTarget

TARGETS = {target.name: target for target in (CsvTarget, ZipTarget, FolderTarget)}
