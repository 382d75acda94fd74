"""One colour per emotion, in every picture."""

import numpy as np

from .._labels import EMOTIONS

# Okabe and Ito, "Color Universal Design", 2008: people can tell these apart with any colour vision
_PALETTE = ("#D55E00", "#009E73", "#CC79A7", "#E69F00", "#0072B2", "#56B4E9", "#666666")
EMOTION_COLORS = dict(zip(EMOTIONS, _PALETTE, strict=True))
"""Colours by emotion, as every display has them."""


def class_colors(names):
    """Find the colours of classes: the emotions' own; for others the same ones by turns."""
    if set(names) <= set(EMOTIONS):
        return [EMOTION_COLORS[name] for name in names]
    return [_PALETTE[position % len(_PALETTE)] for position in range(len(names))]


def series_colors(n):
    """Find colours of sets or models, from dark to light; no emotion has them."""
    import matplotlib as mpl

    return [mpl.colors.to_hex(mpl.colormaps["cividis"](share)) for share in np.linspace(0, 0.85, n)]
