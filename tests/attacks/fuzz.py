"""Loaders under hostile files: mutated inputs by the thousands, and a table of what came.

``python -m tests.attacks.fuzz --loader csv zip --cases 20000`` prints a row for each loader;
``--only 123`` runs a single case in this process and shows its traceback.
"""

import argparse
import random
import shutil
import tempfile
from collections import Counter
from pathlib import Path

from tests.attacks.targets import NAMES, find_target
from tests.attacks.worker import FAILURE, RIGHT, Result, run_cases


def main(args: list[str] | None = None) -> int:
    """Run what the command line asks for; returns how many loaders failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loader", nargs="+", choices=NAMES, default=NAMES)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", help="fer2013.zip, for real faces in place of drawn ones")
    parser.add_argument("--only", type=int, help="number of a case to look at")
    options = parser.parse_args(args)
    if options.only is not None:
        _show(options.loader[0], options.seed, options.only, options.data)
        return 0
    n_failed = 0
    print(f"{'loader':<13}{'cases':>8}{'past header':>13}{'right':>8}  exceptions; failures")
    for name in options.loader:
        indices = range(options.first, options.first + options.cases)
        results = list(run_cases(name, options.seed, indices, options.data))
        print(_row(name, results), flush=True)
        failures = [result for result in results if result.outcome == FAILURE]
        for failure in failures[:20]:
            print(f"    --only {failure.index}: {failure.text[:600]}")
        n_failed += bool(failures)
    return n_failed


def _row(name: str, results: list[Result]) -> str:
    counts = Counter(result.outcome for result in results)
    past = sum(result.is_past_header for result in results) / len(results)
    kinds = sorted(counts.keys() - {RIGHT, FAILURE})
    exceptions = ", ".join(f"{counts[kind]} {kind}" for kind in kinds) or "none"
    n_cases, right, failures = len(results), counts[RIGHT], counts[FAILURE]
    return f"{name:<13}{n_cases:>8}{past:>12.0%} {right:>8}  {exceptions}; {failures} failures"


def _show(name: str, seed: int, index: int, data: str | None) -> None:
    folder = Path(tempfile.mkdtemp(prefix="ferkit-fuzz-"))
    try:
        target = find_target(name)(folder, data)
        case = target.make(random.Random(f"{name} {seed} {index}"))
        print(case.path, case.story, case.options)
        answer = target.call(case)
        target.check(case, answer)
        print("the right answer")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    raise SystemExit(main())
