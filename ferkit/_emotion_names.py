"""Emotions by the names that data sets give them."""

from ._labels import EMOTIONS

_SYNONYMS = {
    "anger": "angry",
    "disgusted": "disgust",
    "fearful": "fear",
    "afraid": "fear",
    "happiness": "happy",
    "joy": "happy",
    "sadness": "sad",
    "surprised": "surprise",
}


def find_emotion(name):
    """Find the emotion that a name means.

    Parameters
    ----------
    name : str
        Such as "Anger".

    Returns
    -------
    str or None
        One of `ferkit.EMOTIONS`; None if it is something else.
    """
    name = name.strip().lower()
    name = _SYNONYMS.get(name, name)
    return name if name in EMOTIONS else None
