"""From the start of the imports to the first answer, each in a process of its own, by turns.

``python tests/benchmarks/cold_start.py faces.onnx --fer PYTHON`` takes a file by `export_onnx`, and
the interpreter of an environment with the ``fer`` package, which answers for a given box.
"""

import argparse
import statistics
import subprocess
import sys
from pathlib import Path

BEGIN = "import time; start = time.perf_counter(); import numpy as np; "
END = "; print(time.perf_counter() - start)"
FACE = "np.zeros((1, 48, 48), np.uint8)"


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Time the first answer.")
    parser.add_argument("model", type=Path, help="ONNX file")
    parser.add_argument("--fer", metavar="PYTHON", help="interpreter that has fer")
    parser.add_argument("--turns", type=int, default=4)
    args = parser.parse_args()
    path = str(args.model.resolve())
    session = f"onnxruntime.InferenceSession({path!r}).run(None, {{'images': {FACE}}})"
    rivals = {
        "OnnxFER": (
            sys.executable,
            f"from ferkit.deploy import OnnxFER; OnnxFER({path!r}).predict({FACE})",
        ),
        "scikit-learn's import": (sys.executable, "import sklearn.base"),
        "onnxruntime and numpy": (sys.executable, f"import onnxruntime; {session}"),
    }
    if args.fer:
        code = "from fer.fer import FER; FER().detect_emotions"
        code += "(np.zeros((48, 48, 3), np.uint8), face_rectangles=[(0, 0, 48, 48)])"
        rivals["fer"] = (args.fer, code)
    seconds = {name: [] for name in rivals}
    for _ in range(args.turns):
        for name, (python, code) in rivals.items():
            command = [python, "-c", BEGIN + code + END]
            run = subprocess.run(command, capture_output=True, text=True, check=True)
            seconds[name].append(float(run.stdout.splitlines()[-1]))
    for name, found in seconds.items():
        print(f"{name}: {statistics.median(found):.2f} s ({min(found):.2f} to {max(found):.2f})")


if __name__ == "__main__":
    main()
