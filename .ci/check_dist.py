"""See that a wheel and an sdist have all that must be in them, and that weights are those named.

``python .ci/check_dist.py dist`` fails with what is missing.
"""

import hashlib
import json
import sys
import tarfile
import zipfile
from pathlib import Path


def read_wheel(path):
    """Return a wheel's files by name."""
    with zipfile.ZipFile(path) as wheel:
        return {name: wheel.read(name) for name in wheel.namelist()}


def read_sdist(path):
    """Return an sdist's files by name, without its folder."""
    with tarfile.open(path) as sdist:
        files = [member for member in sdist.getmembers() if member.isfile()]
        return {f.name.partition("/")[2]: sdist.extractfile(f).read() for f in files}


def main(folder):
    """Check the only wheel and the only sdist of a folder."""
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    # what git has beside Python files, which a build could leave out
    package = Path("ferkit")
    data = {p.as_posix() for p in package.rglob("*") if p.suffix in {".rst", ".json", ".typed"}}
    sources = {p.as_posix() for p in package.rglob("*.py")}
    weights = json.loads((package / "weights" / "index.json").read_text())
    for path, files in ((wheel, read_wheel(wheel)), (sdist, read_sdist(sdist))):
        missing = (sources | data) - files.keys()
        if missing:
            sys.exit(f"{path} has no {', '.join(sorted(missing))}")
        if not any(name.endswith("LICENSE") for name in files):
            sys.exit(f"{path} has no LICENSE")
        for entry in (entry for names in weights.values() for entry in names.values()):
            content = files[f"ferkit/weights/{entry['file']}"]
            if hashlib.sha256(content).hexdigest() != entry["sha256"]:
                sys.exit(f"{path} has other weights under the name {entry['file']}")
        print(f"{path}: {len(files)} files, {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
