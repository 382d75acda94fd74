"""Text of others, such as names of files, in what people read."""


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
