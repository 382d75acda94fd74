"""What people read: warnings, and text of others, such as names of files."""

import sys
import warnings

# a warning names the first line outside these packages
_LIBRARIES = {"ferkit", "imblearn", "joblib", "optuna", "sklearn", "skorch"}


def escape(text):
    """Escape what is no character that can be printed: it could move a terminal's cursor.

    What comes out, of a file's name or another library's error, is on one line.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def shorten(text):
    """Escape a text as `escape` does, and leave its middle out if it is very long.

    What is left has some thousand characters at most.
    """
    if len(text) > 1000:
        text = f"{text[:400]}...{text[-400:]}"
    return escape(text)


def warn_user(message, category=UserWarning):
    """Warn, and name the reader's line that led to it; Python shows a warning once a line."""
    frame, stacklevel = sys._getframe(1), 2
    while frame.f_back and frame.f_globals.get("__name__", "").split(".")[0] in _LIBRARIES:
        frame, stacklevel = frame.f_back, stacklevel + 1
    warnings.warn(message, category, stacklevel=stacklevel)
