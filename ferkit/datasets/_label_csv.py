"""Labels in a csv: read as text, with the numbers of the lines."""

import csv
from itertools import chain


def read_label_csv(path, required, optional=(), names=None):
    """Read the required columns of a csv, and the optional ones that it has, as a DataFrame.

    Text without spaces around it, empty where a line ends early; the index holds the numbers of
    lines, blank lines are left out. `names` are the columns of a file without a header, if there
    are such files. FileNotFoundError or ValueError if it is not a csv with these columns, or a line
    has more.
    """
    import pandas as pd

    if not path.is_file():
        raise FileNotFoundError(f"{path}: got no such file, expected a csv; check the path")
    lines = _split_lines(path)
    first = next(lines, None)
    if first is None:
        raise _damaged(path, "it is empty")
    header = first[1]
    if names is None or len(header) != len(names) or not set(required).isdisjoint(header):
        names = header
    else:
        lines = chain([first], lines)
    if any(names.count(column) > 1 for column in (*required, *optional)):
        raise ValueError(
            f"{path}: got a csv with two columns of a name, {', '.join(header)[:200]!r}, expected "
            "each once; remove one, or fetch it again"
        )
    if not set(required) <= set(names):
        raise ValueError(
            f"{path}: got a csv that starts with {', '.join(header)[:80]!r}, expected the columns "
            f"{', '.join(required)}; pass the path of another file, or fetch it again"
        )
    places = {name: names.index(name) for name in (*required, *optional) if name in names}
    rows = {}
    for line, fields in lines:
        # This is why pandas does not read the file: it moves such a line's fields elsewhere.
        if any(fields[len(names) :]):
            raise _damaged(path, f"{len(fields)} fields in line {line}, not {len(names)}")
        fields += [""] * (len(names) - len(fields))
        rows[line] = [fields[place] for place in places.values()]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=list(places), dtype=object)
    return table[(table != "").any(axis=1)]


def _split_lines(path):
    """Yield the number and the fields of each line that is not blank."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream, strict=True)
        line = 1
        try:
            for fields in reader:
                fields = [field.strip() for field in fields]
                if any(fields):
                    yield line, fields
                line = reader.line_num + 1
        except (csv.Error, UnicodeDecodeError) as error:
            raise _damaged(path, error) from error


def _damaged(path, reason):
    return ValueError(
        f"{path}: got a damaged csv ({reason}), expected a whole one in UTF-8; fetch it again"
    )
