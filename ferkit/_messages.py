"""What people read: warnings, and text of others, such as names of files."""

import sys
import warnings

# a warning from one of them would name a line that its reader did not write
_LIBRARIES = {"ferkit", "imblearn", "joblib", "sklearn", "skorch"}


def escape(text):
    """Escape what is no character that can be printed: it could move a terminal's cursor.

    Parameters
    ----------
    text : str
        Of a file's name, or of another library's error.

    Returns
    -------
    str
        On one line.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def printable(text):
    """Escape a text as `escape` does, and leave its middle out if it is very long.

    Parameters
    ----------
    text : str
        Of a message.

    Returns
    -------
    str
        At most some thousand characters.
    """
    if len(text) > 1000:
        text = f"{text[:400]}...{text[-400:]}"
    return escape(text)


def warn_user(message):
    """Warn, and name the line outside ferkit that led to it: it is shown once for each.

    Parameters
    ----------
    message : str
        What came, what was expected and what to do.
    """
    frame, stacklevel = sys._getframe(1), 2
    while frame.f_back and frame.f_globals.get("__name__", "").split(".")[0] in _LIBRARIES:
        frame, stacklevel = frame.f_back, stacklevel + 1
    warnings.warn(message, UserWarning, stacklevel=stacklevel)
