"""Figures of runs to summaries, and to a text for people."""

from statistics import median


def summarise(comparison, runs):
    """Summarise the runs of a comparison.

    Parameters
    ----------
    comparison : plan.Comparison
        What was compared.
    runs : dict of str to list of dict
        By contender, the figures of its runs; the i-th runs of all contenders belong together.

    Returns
    -------
    dict
        For JSON; see benchmark.py.
    """
    contenders = {
        name: {
            "runs": figures,
            "summary": {
                figure: _spread([run[figure] for run in figures])
                | {"target": comparison.targets.get((name, figure), "")}
                for figure in figures[0]
            },
        }
        for name, figures in runs.items()
    }
    ratios = {}
    for ratio in comparison.ratios:
        pairs = zip(runs[ratio.over], runs[ratio.under], strict=True)
        values = [over[ratio.figure] / under[ratio.figure] for over, under in pairs]
        ratios[ratio.name] = {
            "figure": ratio.figure,
            "values": values,
            **_spread(values),
            "target": ratio.target,
        }
    return {"contenders": contenders, "ratios": ratios}


def _spread(values):
    return {"minimum": min(values), "median": median(values), "maximum": max(values)}


def describe(results):
    """Describe results in tables.

    Parameters
    ----------
    results : dict
        See benchmark.py.

    Returns
    -------
    str
        Several lines.
    """
    lines = [f"{name}: {value}" for name, value in results["machine"].items()]
    for name, comparison in results["comparisons"].items():
        rows = [(name, "", "minimum", "median", "maximum", "target")]
        for contender, figures in comparison["contenders"].items():
            for figure, summary in figures["summary"].items():
                rows.append((contender, figure, *_cells(summary)))
        for ratio, summary in comparison["ratios"].items():
            rows.append((ratio, f"ratio of {summary['figure']}", *_cells(summary)))
        lines += ["", *_align(rows)]
    return "\n".join(lines)


def _cells(summary):
    numbers = (summary[key] for key in ("minimum", "median", "maximum"))
    return *(f"{number:.4g}" for number in numbers), summary["target"]


def _align(rows):
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for label, figure, *numbers, target in rows:
        cells = [label.ljust(widths[0]), figure.ljust(widths[1])]
        cells += [number.rjust(9) for number in numbers]
        yield "  ".join([*cells, target]).rstrip()
