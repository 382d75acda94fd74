"""Names in pictures, and legends beside axes, where they hide nothing."""

_MOST_IN_COLUMN = 12  # so many names are as high as the axes
_MARKERS = "os^DvPX"  # the colours of many series are too near each other


def literal(name):
    """Write a name as matplotlib shows it unchanged: a formula is what is between dollar signs."""
    return str(name).replace("$", r"\$")


def draw_beside(ax, handles, **settings):
    """Draw a legend of `handles` on the right of axes.

    Without them, `Axes.legend` would leave out labels that begin with "_". Other settings are its.
    """
    ax.legend(
        handles=handles,
        ncols=_count_columns(handles),
        loc="center left",
        bbox_to_anchor=(1, 0.5),
        frameon=False,
        **settings,
    )


def find_width(names):
    """Find how many inches a legend of these names takes beside axes."""
    return _count_columns(names) * (0.7 + 0.08 * max(len(str(name)) for name in names))


def find_marker(position):
    """Find the marker of a series by its position."""
    return _MARKERS[position % len(_MARKERS)]


def _count_columns(names):
    return -(-len(names) // _MOST_IN_COLUMN)
