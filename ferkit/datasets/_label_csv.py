"""Labels in a csv: read as text, with the numbers of the lines."""


def read_label_csv(path, required, optional=(), names=None):
    """Read some columns of a csv.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    required, optional : sequence of str
        Columns to read.
    names : sequence of str or None
        The columns of a file without a header, if there are such files.

    Returns
    -------
    pandas.DataFrame
        Text without spaces around it; the index holds the numbers of lines, blank lines are left
        out.

    Raises
    ------
    FileNotFoundError, ValueError
        If it is not a csv with these columns.
    """
    import pandas as pd

    if not path.is_file():
        raise FileNotFoundError(f"{path}: got no such file, expected a csv; check the path")
    try:
        first = pd.read_csv(path, header=None, nrows=1, dtype=str, keep_default_na=False)
        header = [name.strip() for name in first.iloc[0]]
        has_header = names is None or not set(required).isdisjoint(header)
        table = pd.read_csv(
            path,
            header=0 if has_header else None,
            names=None if has_header or len(header) != len(names) else names,
            usecols=lambda column: column in {*required, *optional},
            index_col=False,
            dtype=str,
            keep_default_na=False,
            skip_blank_lines=False,
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{path}: got a damaged csv ({str(error).strip()}), expected a whole one in UTF-8; "
            "fetch it again"
        ) from error
    if has_header and any(header.count(column) > 1 for column in (*required, *optional)):
        raise ValueError(
            f"{path}: got a csv with two columns of a name, {', '.join(header)[:200]!r}, expected "
            "each once; remove one, or fetch it again"
        )
    if not set(required) <= set(table):
        raise ValueError(
            f"{path}: got a csv that starts with {', '.join(header)[:80]!r}, expected the columns "
            f"{', '.join(required)}; pass the path of another file, or fetch it again"
        )
    table.index += 2 if has_header else 1
    table = table.apply(lambda column: column.str.strip())
    return table[(table != "").any(axis=1)]


def add_bad_line(bad, place, path, line, got, expected):
    """Tell `bad` of a line.

    Parameters
    ----------
    bad : BadSamples
        Raises or remembers.
    place : int or str
        What `skipped` calls it.
    path, line : path-like, int
        Where it is.
    got, expected : str
        For the message.
    """
    message = (
        f"{path}, line {line}: got {got}, expected {expected}; mend or remove the line, or pass "
        "on_error='skip'"
    )
    bad.add(place, ValueError(message))
