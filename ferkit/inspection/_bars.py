"""Bars of classes, in groups of one set or model each."""

import numpy as np

from ._colors import class_colors, series_colors
from ._legend import draw_beside, find_width, literal


def draw_bars(ax, table):
    """Draw a bar for each class and column, side by side; one column has the classes' colours.

    `table` has a row per class and a column per set or model. Without an `ax`, a figure is made.
    Returns the axes, and a container of bars for each column.
    """
    import matplotlib.pyplot as plt

    n_classes, n_columns = table.shape
    if ax is None:
        width = max(5, 0.9 * n_classes) + (find_width(table.columns) if n_columns > 1 else 0)
        _, ax = plt.subplots(figsize=(width, 3.5), layout="constrained")
    width = 0.8 / n_columns
    colors = [class_colors(table.index)] if n_columns == 1 else series_colors(n_columns)
    bars = []
    for position, (name, color) in enumerate(zip(table, colors, strict=True)):
        x = np.arange(n_classes) + (position - (n_columns - 1) / 2) * width
        bars.append(ax.bar(x, table[name], width, color=color, label=literal(name)))
    ax.set_xticks(np.arange(n_classes), list(map(literal, table.index)))
    ax.spines[["top", "right"]].set_visible(False)
    if n_columns > 1:
        draw_beside(ax, bars)
    return ax, bars
