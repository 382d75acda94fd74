"""What classes are called where people read."""

import numpy as np

from ._emotion_names import find_emotion
from ._labels import EMOTIONS


def name_classes(labels, target_names=None):
    """Find names of different labels: each label's position among them, and the names.

    ``target_names[label]`` is the name of an integer label. None takes the emotions where the
    labels are all of 0 to 6, or names of emotions, and else the labels themselves: 0, 1 and 2 could
    be anybody's classes. The names are those of all classes, also of those that `labels` lack.
    `ValueError` if the labels are not positions in `target_names`, or two names are the same.
    """
    are_numbers, labels = labels.dtype.kind in "iuf", labels.tolist()
    # pandas makes floats of integers beside a missing one
    are_ints = are_numbers and all(label == int(label) for label in labels)
    if target_names is None:
        if not are_ints and set(labels) <= set(EMOTIONS):
            return [EMOTIONS.index(label) for label in labels], list(EMOTIONS)
        if not are_ints or set(labels) != set(range(len(EMOTIONS))):
            return list(range(len(labels))), labels
        target_names = EMOTIONS
    if len(set(target_names)) < len(target_names):
        raise ValueError(
            f"got target_names {list(target_names)}, expected different ones; name each class once"
        )
    if not are_ints or min(labels) < 0 or max(labels) >= len(target_names):
        raise ValueError(
            f"got labels {labels[:10]}, expected positions in target_names, 0 to "
            f"{len(target_names) - 1}; leave target_names=None for labels that are names"
        )
    return [int(label) for label in labels], list(target_names)


def order_classes(labels, target_names=None):
    """Find the order in which people read classes: FER2013's for emotions, else as they come.

    Gives positions in `labels`, and the classes' names in that order, found as in `name_classes`.
    """
    positions, names = name_classes(labels, target_names)
    order = np.argsort(positions)
    return order, [names[positions[place]] for place in order]


def find_labels(labels, among):
    """Find the positions of labels among others; -1 for a label that is not there.

    All of 0 to 6 are the names of emotions, too, and "Anger" is "angry". In each array, labels are
    different.
    """
    kinds = {kind_of(labels), kind_of(among)}
    if kinds == {"str", "number"}:  # FER2013's integers, and names of emotions
        labels, among = _name(labels), _name(among)
    elif len(kinds) == 2:  # True equals 1 in Python, but is another label
        return np.full(len(labels), -1)
    else:
        labels, among = labels.tolist(), among.tolist()
    places = [among.index(label) if label in among else -1 for label in labels]
    if kinds == {"str"}:
        _match_synonyms(labels, among, places)
    return np.array(places)


def kind_of(labels):
    """Tell what labels are: "bool", "str" or "number"."""
    return {"b": "bool", "O": "str", "U": "str"}.get(labels.dtype.kind, "number")


def _name(labels):
    positions, names = name_classes(_in_our_names(labels))
    return [names[position] for position in positions]


def _match_synonyms(labels, among, places):
    """Find the emotions of labels that have no place yet, by other names."""
    ours = [
        find_emotion(label) if place < 0 else None
        for label, place in zip(labels, places, strict=True)
    ]
    theirs = [None if place in places else find_emotion(label) for place, label in enumerate(among)]
    for i, emotion in enumerate(ours):
        if emotion and ours.count(emotion) == theirs.count(emotion) == 1:
            places[i] = theirs.index(emotion)


def _in_our_names(labels):
    """Name emotions as `EMOTIONS` does, where that keeps all labels apart."""
    if labels.dtype.kind not in "OU":
        return labels
    names = np.array([find_emotion(label) or label for label in labels], dtype=object)
    return names if len(set(names)) == len(names) else labels


def f1_column(prefix, label):
    """Name the column of a class's F1, beside that of macro-F1.

    It is prefix and label, but for a class that is called "macro" itself: "class_macro".
    """
    return f"{prefix}class_macro" if label == "macro" else f"{prefix}{label}"
