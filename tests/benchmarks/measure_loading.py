"""Time loading FER2013 from disk, and see by how much the process grows meanwhile."""

import time
from functools import partial
from pathlib import Path

import tqdm  # noqa: F401
from memory import peak_rss, reset_peak_rss
from PIL import Image


def measure(contender, path, subsets=()):
    """Time one load; everything is imported by then.

    Parameters
    ----------
    contender : {"ferkit", "pillow", "split", "fromstring"}
        Who loads; Pillow only decodes files that are in memory already.
    path : str
        Zip, folder or csv.
    subsets : list of str
        For ferkit, which to load, one after the other.

    Returns
    -------
    dict
        seconds; except for Pillow and where the system does not tell, also memory: by how much
        the process grew at most, per byte of the loaded images.
    """
    load = _ferkit(path, subsets) if contender == "ferkit" else _rival(contender, path)
    before = reset_peak_rss()
    start = time.perf_counter()
    loaded = load()
    seconds = time.perf_counter() - start
    figures = {"seconds": seconds}
    if contender != "pillow" and before is not None:
        n_bytes = sum(images.nbytes for images, _ in loaded)
        figures["memory"] = (peak_rss() - before) / n_bytes
    return figures


def _ferkit(path, subsets):
    from ferkit.datasets import load_fer2013

    Image.preinit()
    return lambda: [load_fer2013(path, subset=subset, return_X_y=True) for subset in subsets]


def _rival(name, path):
    import rivals_loading

    if name == "pillow":
        Image.preinit()
        contents = [file.read_bytes() for file in sorted(Path(path).glob("*/*/*.*"))]
        return partial(rivals_loading.decode, contents)
    read_csv = {
        "split": rivals_loading.read_csv_split,
        "fromstring": rivals_loading.read_csv_fromstring,
    }[name]
    return lambda: [read_csv(path)]
