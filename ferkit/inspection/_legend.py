"""Names in pictures, and legends beside axes, where they hide nothing."""

_MOST_IN_COLUMN = 12  # so many names are as high as the axes
_MARKERS = "os^DvPX"  # the colours of many series are too near each other


def literal(name):
    """Write a name as matplotlib shows it unchanged: a formula is what is between dollar signs."""
    return str(name).replace("$", r"\$")


def draw_legend(ax, handles, *, alone=False, **settings):
    """Draw a legend of `handles`, after what else has labels in the axes unless they are `alone`.

    Other settings are those of `Axes.legend`.
    """
    others = [] if alone else ax.get_legend_handles_labels()[0]
    handles = [*(handle for handle in others if handle not in handles), *handles]
    # Matplotlib leaves labels that begin with "_" out, old versions even where they are given
    legend = ax.legend(handles=handles, labels=["x"] * len(handles), **settings)
    for text, handle in zip(legend.texts, handles, strict=True):
        text.set_text(handle.get_label())


def draw_beside(ax, handles, **settings):
    """Draw a legend on the right of axes, as `draw_legend` does."""
    place = {"loc": "center left", "bbox_to_anchor": (1, 0.5), "frameon": False}
    draw_legend(ax, handles, ncols=_count_columns(handles), **place, **settings)


def find_width(names):
    """Find how many inches a legend of these names takes beside axes."""
    return _count_columns(names) * (0.7 + 0.08 * max(len(str(name)) for name in names))


def find_marker(position):
    """Find the marker of a series by its position."""
    return _MARKERS[position % len(_MARKERS)]


def _count_columns(names):
    return -(-len(names) // _MOST_IN_COLUMN)
