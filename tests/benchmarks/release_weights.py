"""Put trained models into the package, as the weights that come with it.

``python tests/benchmarks/release_weights.py fer2013 mobile.safetensors res.safetensors`` takes
files of ``ferkit train --recipe``, rounds them to half precision, leaves their histories out, and
enters them under the name fer2013. Scores and histories belong into the model cards beside them.
"""

import argparse
import hashlib
import json
from pathlib import Path

import ferkit
from ferkit._saving import save

FOLDER = Path(ferkit.__file__).parent / "weights"


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Put trained models into the package.")
    parser.add_argument("name", help="of the weights, such as fer2013")
    parser.add_argument("models", type=Path, nargs="+", help="files, of a class each")
    args = parser.parse_args()
    path = FOLDER / "index.json"
    index = json.loads(path.read_text()) if path.exists() else {}
    for model in args.models:
        clf = ferkit.load(model).set_params(verbose=0)
        kind = type(clf).__name__
        file = f"{kind.removesuffix('FER').lower()}-{args.name}.safetensors"
        save(clf, FOLDER / file, dtype="float16", with_history=False)
        data = (FOLDER / file).read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        index.setdefault(kind, {})[args.name] = {"file": file, "sha256": digest}
        print(f"{kind}: {file}, {len(data):,} bytes")
    path.write_text(json.dumps(index, indent=2) + "\n")


if __name__ == "__main__":
    main()
