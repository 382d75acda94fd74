"""Take one measurement in a process of its own, and print its figures as a line of JSON.

benchmark.py calls it with the subject and the arguments of the subject's `measure`, as in
``python measure.py prediction '{"estimator": "ResNetFER", "batch_size": 1}'``.
"""

import json
import sys
from importlib import import_module

from memory import peak_rss


def main():
    """Run the command line."""
    subject, arguments = sys.argv[1:]
    # what a measurement does not need is not imported, for memory is measured too
    figures = import_module(f"measure_{subject}").measure(**json.loads(arguments))
    print(json.dumps(figures | {"peak_rss_mb": peak_rss() / 1e6}))


if __name__ == "__main__":
    main()
