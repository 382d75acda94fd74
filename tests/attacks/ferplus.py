"""FER+, whose oracle is Python's csv module and the counting of votes."""

import csv
import io
from collections import Counter
from functools import cache

from ferkit import EMOTIONS
from ferkit.datasets import load_ferplus
from tests.attacks.damage import damage
from tests.attacks.faces import USAGES, samples
from tests.attacks.targets import Case, Target

_VOTES = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")
_VOTES += ("unknown", "NF")
_EMOTION_OF = dict(
    zip(_VOTES, ("neutral", "happy", "surprise", "sad", "angry", "disgust", "fear"), strict=False)
)
_HEADER = ["Usage", "Image name", *_VOTES]
_FIELDS = [
    "",
    "-1",
    "11",
    "1.5",
    "nan",
    "999",
    "1000",
    "9" * 400,
    "x",
    "\0",
    '"',
    "٣",
    " 3 ",
    "1_0",
]
_FIELDS += ["Training", "training", "\udcff", '"2\n3"', "2,3", "#", "NA", "0", "x" * 200_000, "3\r"]

csv.field_size_limit(2**24)  # as pandas, which has none


class FerPlusTarget(Target):
    """`load_ferplus`, with csv files of votes for a csv of faces that is whole."""

    name = "ferplus"

    def warm_up(self):
        """Write the faces, which stay as they are."""
        rows = [
            f"{label},{' '.join(map(str, image.ravel().tolist()))},{usage}"
            for usage, label, image in _samples(self.data)
        ]
        self.text = "\n".join(["emotion,pixels,Usage", *rows, ""])
        super().warm_up()

    def make(self, random):
        """Write a csv of votes, mutated as fields or as text."""
        rows = [
            [usage, f"fer{number:07}.png", *("8" if vote == label else "1" for vote in range(10))]
            for number, (usage, label, _) in enumerate(_samples(self.data))
        ]
        story = []
        for _ in range(random.choice([0, 1, 1, 2, 3])):
            at = random.randrange(12)
            row = random.choice(rows)
            row[at] = random.choice(
                [*_FIELDS, str(random.randrange(12)), str(random.randrange(12))]
            )
            story.append(f"{at}={row[at]!r:.30}")
        if random.random() < 0.1:
            row = random.choice(rows)
            row[:] = random.choice([row[:3], [*row, "x"], [*row, ""], [], ["", "", *row]])
            story.append("fields")
        if random.random() < 0.1:
            random.choice([rows.pop, rows.reverse, lambda: rows.append(rows[0])])()
            story.append("rows")
        header = random.choice(_HEADERS) if random.random() < 0.1 else _HEADER
        if header is not _HEADER:
            story.append("header")
        text = "\n".join(",".join(row) for row in [header, *rows, []])
        content = text.encode("utf-8", "surrogatepass")
        if random.random() < 0.25:
            content = damage(random, content, keep=random.choice([0, 99]))
            story.append("damaged")
        if random.random() < 0.1:
            newline = random.choice([b"\r\n", b"\r", b"\n\n"])
            content = content.replace(b"\n", newline)
            story.append(newline)
        if random.random() < 0.05:
            content = text.encode(random.choice(["utf-16", "utf-8-sig", "utf-32"]), "replace")
            story.append("encoding")
        path = self.folder / "fer2013new.csv"
        path.write_bytes(content)
        (self.folder / "fer2013.csv").write_text(self.text)
        options = {
            "subset": random.choice(["all", "train"]),
            "on_error": random.choice(["raise", "skip"]),
        }
        return Case(path, content, story, options)

    def is_past_header(self, case):
        """Tell whether the first line has the names of the columns."""
        return case.content.decode("utf-8-sig", "replace").startswith(",".join(_HEADER))

    def call(self, case):
        """Load faces and votes."""
        return load_ferplus(self.folder / "fer2013.csv", case.path, **case.options)

    def check(self, case, faces):
        """Count the votes again."""
        text = case.content.decode("utf-8-sig", "replace")
        rows = [row + [""] * 12 for row in csv.reader(io.StringIO(text, newline=""))]
        header = [name.strip() for name in rows.pop(0)]
        places = [header.index(name) for name in ("Usage", *_VOTES)]
        rows = [[row[place].strip() for place in places] for row in rows]
        rows = [row for row in rows if any(row)]
        assert len(rows) == len(_samples(self.data)), len(rows)
        expected, n_left_out = [], Counter()
        for number, row in enumerate(rows):
            usage, *votes = row
            if case.options["subset"] == "train" and usage != "Training":
                continue
            if not all(vote.isascii() and vote.isdigit() and len(vote) < 4 for vote in votes):
                n_left_out["bad"] += 1
                continue
            counted = [int(vote) if int(vote) > 1 else 0 for vote in votes]
            majority = _VOTES[counted.index(max(counted))]
            if 2 * max(counted) > sum(counted) and majority in _EMOTION_OF:
                expected.append((number + 2, EMOTIONS.index(_EMOTION_OF[majority])))
            else:
                n_left_out["dropped"] += 1
        assert list(zip(faces.row_numbers.tolist(), faces.target.tolist(), strict=True)) == expected
        assert sum(faces.dropped.values()) == n_left_out["dropped"]
        assert case.options["on_error"] == "skip" or not n_left_out["bad"]

    def check_refusal(self, case):
        """See that something was done."""
        assert case.story, "nothing was done"


TARGETS = {FerPlusTarget.name: FerPlusTarget}

_HEADERS = [
    [],
    ["x"],
    _HEADER[:5],
    [*_HEADER, "fear"],
    [*_HEADER, "x"],
    _HEADER[::-1],
    ["", *_HEADER],
]


@cache
def _samples(data):
    return sorted(samples(data), key=lambda sample: USAGES.index(sample[0]))
