"""The page that runs ferkit in a browser: ``python docs/demo/build_demo.py FOLDER``."""

import hashlib
import json
import shutil
import sys
import tarfile
import tempfile
import urllib.request
from base64 import b64encode
from http.client import HTTPException
from pathlib import Path

_HERE = Path(__file__).parent
_CACHE = _HERE.parent / "_build"
_PAGE = ("index.html", "demo.css", "demo.js", "crop.js", "network.js")

_RUNTIME = "onnxruntime-web-1.30.0.tgz"
_REGISTRY = "https://registry.npmjs.org/onnxruntime-web/-/"
_SHA512 = "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
_RUNTIME_FILES = {  # name in the package: name beside the page
    # .js, because some servers do not know .mjs, and browsers refuse modules of unknown types
    "package/dist/ort.wasm.bundle.min.mjs": "onnxruntime.js",
    "package/dist/ort-wasm-simd-threaded.wasm": "onnxruntime.wasm",
}


def build_demo(folder):
    """Write the page, its model and its runtime to a folder.

    ONNX Runtime Web comes from the npm registry, once: it is kept in docs/_build.

    Parameters
    ----------
    folder : str or os.PathLike
        Where to; made if missing.

    Raises
    ------
    OSError
        If the registry cannot be reached.
    ValueError
        If it sent something else than expected.
    """
    runtime = _fetch_runtime()
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(runtime) as package:
        for name, target in _RUNTIME_FILES.items():
            (folder / target).write_bytes(package.extractfile(name).read())
    for name in _PAGE:
        shutil.copyfile(_HERE / name, folder / name)
    _write_model(folder)


def _fetch_runtime():
    path = _CACHE / _RUNTIME
    if path.exists() and _digest(path.read_bytes()) == _SHA512:
        return path
    try:
        with urllib.request.urlopen(_REGISTRY + _RUNTIME, timeout=60) as response:
            content = response.read()
    except HTTPException as error:
        raise OSError(f"{_REGISTRY}{_RUNTIME}: {error!r}") from error
    if (digest := _digest(content)) != _SHA512:
        raise ValueError(
            f"{_REGISTRY}{_RUNTIME}: got SHA-512 {digest}, expected {_SHA512}; do not use it"
        )
    _CACHE.mkdir(exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=_CACHE, delete=False) as file:
        file.write(content)
    return Path(file.name).replace(path)


def _digest(content):
    return b64encode(hashlib.sha512(content).digest()).decode()


def _write_model(folder):
    from ferkit import EMOTIONS, MobileNetFER
    from ferkit.deploy import export_onnx
    from ferkit.inspection import EMOTION_COLORS

    clf = MobileNetFER.from_pretrained("fer2013")
    export_onnx(clf, folder / "model.onnx")
    names = [EMOTIONS[label] for label in clf.classes_]
    facts = {
        "side": clf.image_shape_[0],
        "emotions": {name: EMOTION_COLORS[name] for name in names},
    }
    (folder / "model.json").write_text(json.dumps(facts))


if __name__ == "__main__":
    build_demo(sys.argv[1])
