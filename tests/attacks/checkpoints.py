"""Checkpoints as `fit` resumes them, whose oracle is the fit that was never stopped."""

import shutil
from functools import cache

import numpy as np

from ferkit.datasets import make_faces
from tests.attacks.model_files import is_model_file, mutate_file
from tests.attacks.targets import Case, Target
from tests.helpers import LinearFER


class CheckpointTarget(Target):
    """`fit` with a `checkpoint_dir` in which hostile checkpoints lie."""

    name = "checkpoint"

    def make(self, random):
        """Write the last two checkpoints of a fit, one or both of them mutated."""
        folder, files, model, _ = _fit(self.folder)
        files, story = dict(files), []
        for name in random.choice([list(files), list(files)[1:], list(files)[:1]]):
            content = files[name]
            kind = random.randrange(12)
            if kind == 0:
                content, what = model, ["a model"]
            elif kind == 1:
                content, what = content[: random.randrange(len(content))], ["cut"]
            elif kind == 2:
                content, what = random.choice(list(files.values())), ["swapped"]
            else:
                content, what = mutate_file(random, content)
            files[name] = content
            story += [name, *what]
        if random.random() < 0.2:
            del files[list(files)[-1]]
            story.append("without the last")
        (self.folder / folder).mkdir()
        for name, content in files.items():
            (self.folder / folder / name).write_bytes(content)
        case = Case(self.folder / folder, files, story)
        case.is_past = any(is_model_file(self.folder / folder / name) for name in files)
        return case

    def is_past_header(self, case):
        """Tell whether safetensors opens one of them."""
        return case.is_past

    def call(self, case):
        """Go on with the fit."""
        return _estimator(self.folder).fit(*_faces(), X_val=_faces()[0], y_val=_faces()[1])

    def check(self, case, clf):
        """Compare with the fit that was never stopped, where nobody forged a checksum."""
        logits = clf.decision_function(_faces()[0])
        assert np.isfinite(logits).all()
        assert clf.n_iter_ == len(clf.history_)
        if not any("forged" in str(what) for what in case.story):
            np.testing.assert_array_equal(logits, _fit(self.folder)[3])

    def check_refusal(self, case):
        """See that a checksum was forged: what is damaged is put aside."""
        forged = any("forged" in str(what) for what in case.story)
        assert forged or "swapped" in case.story, "what is damaged should be put aside"


TARGETS = {CheckpointTarget.name: CheckpointTarget}


def _estimator(folder):
    return LinearFER(
        max_epochs=4,
        ema_decay=0.9,
        early_stopping=True,
        lr_schedule="plateau",
        random_state=0,
        checkpoint_dir=folder,
    )


@cache
def _faces():
    X, y = make_faces(28, image_size=16, random_state=0, return_X_y=True)
    return X[:, ::2, ::2].copy(), y


@cache
def _fit(folder):
    """Fit; return the name of its folder, its checkpoints, a model file, and its logits."""
    from ferkit import ResNetFER

    X, y = _faces()
    clf = _estimator(folder).fit(X, y, X_val=X, y_val=y)
    (place,) = (path for path in folder.iterdir() if path.is_dir())
    files = {path.name: path.read_bytes() for path in sorted(place.glob("epoch-*"))}
    shutil.rmtree(place)
    ResNetFER(variant="strided", max_epochs=1).fit(X, y).save(folder / "model")
    model = (folder / "model").read_bytes()
    return place.name, files, model, clf.decision_function(X)
