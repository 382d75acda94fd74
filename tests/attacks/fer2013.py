"""FER2013: csv files against the csv module, image files against Pillow."""

from tests.attacks.fer2013_csv import CsvTarget

TARGETS = {target.name: target for target in (CsvTarget,)}
