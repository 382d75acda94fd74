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
    """Find the one of `EMOTIONS` that a name such as "Anger" means; None if it means none."""
    name = name.strip().lower()
    name = _SYNONYMS.get(name, name)
    return name if name in EMOTIONS else None
