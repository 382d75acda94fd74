"""What is wrong with single images or rows: raised at once, or left out and told of at the end."""

from contextlib import contextmanager

from .._messages import shorten, warn_user


def check_on_error(on_error):
    """Refuse what is not one of the loaders' choices for `on_error`."""
    if on_error not in ("raise", "skip"):
        raise ValueError(f"got on_error={on_error!r}, expected 'raise' or 'skip'; choose one")


@contextmanager
def permission_explained():
    """Say what to do about a file or folder that may not be read."""
    try:
        yield
    except PermissionError as error:
        raise PermissionError(
            f"{error.filename}: got no permission to read or write it, expected a readable file or "
            "folder; change its permissions, or pass the path of a copy"
        ) from error


def bad_line(path, line, got, expected):
    """Make the ValueError for a bad line of a csv."""
    return ValueError(
        f"{path}, line {line}: got {got}, expected {expected}; mend or remove the line, or pass "
        "on_error='skip'"
    )


class BadSamples:
    """Raise for the first bad sample, or remember all of them in `skipped`.

    It holds for each its place (a file's name or a line's number) and what is wrong with it.
    """

    def __init__(self, on_error):
        self._raises = on_error == "raise"
        self.skipped = []

    def add(self, place, error):
        """Raise the error, or remember it; the place is a file's name or a line's number."""
        message = shorten(str(error))
        if self._raises:
            raise ValueError(message) from error.__cause__
        self.skipped.append((place, message))

    def warn(self, path):
        """Warn once of how many were left out of the data set at `path`, if any were."""
        if self.skipped:
            warn_user(
                f"{path}: left out {self.count()}, all listed in the Bunch's `skipped`; the first: "
                f"{self.skipped[0][1]}"
            )

    def count(self):
        """Return how many were left out, in words."""
        n = len(self.skipped)
        return f"{n} bad sample{'s' if n > 1 else ''}"
