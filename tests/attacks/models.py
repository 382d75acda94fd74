"""Model files, whose oracle is safetensors itself."""

import math
from functools import cache

import numpy as np
import torch
from sklearn.base import clone

import ferkit
from ferkit._saving import load_weights
from tests.attacks.model_files import is_model_file, mutate_file, read_file
from tests.attacks.targets import Case, Target

_PLACES = ("callbacks", "checkpoint_dir", "sampler", "teacher", "weights")


class ModelTarget(Target):
    """`ferkit.load`, and the reading of files that ``weights=`` names."""

    name = "model"
    documented = (ValueError,)

    def make(self, random):
        """Write a file of a small model, mutated as bytes, tensors, or JSON."""
        content, story = mutate_file(random, random.choice(_files(self.folder)))
        path = self.folder / "model.safetensors"
        path.write_bytes(content)
        by = random.choice(["load", "load", "load", "weights"])
        return Case(path, content, [*story, by], {"by": by})

    def is_past_header(self, case):
        """Tell whether safetensors opens it, and it has ferkit's part."""
        return is_model_file(case.path)

    def call(self, case):
        """Load the file."""
        return ferkit.load(case.path) if case.options["by"] == "load" else load_weights(case.path)

    def check(self, case, answer):
        """Compare with what safetensors reads, and use the estimator."""
        tensors, header = read_file(case.path)
        if case.options["by"] == "weights":
            assert answer[0].keys() == tensors.keys()
            assert answer[1].tolist() == header["classes"][1]
            return
        clf = answer
        assert type(clf).__name__ == header["class"]
        state = clf.module_.state_dict()
        assert state.keys() == tensors.keys()
        for name, tensor in tensors.items():
            assert torch.equal(state[name], tensor.to(state[name].dtype).view(state[name].shape)), (
                name
            )
            assert tensor.isfinite().all(), name
        params = clf.get_params(deep=False)
        assert all(params[name] is None for name in _PLACES), params
        for name, value in header["params"].items():
            assert name == "device" or params[name] == _decode(value), name
        assert clf.classes_.tolist() == header["classes"][1]
        assert clf.n_features_in_ == math.prod(header["image_shape"])
        assert clf.n_iter_ == len(header["history"]) == len(clf.history_)
        assert isinstance(clf.best_epoch_, int)
        assert clf.class_count_.shape == clf.classes_.shape
        clone(clf), repr(clf)
        # a parameter like others, which may make floats overflow
        if clf.logit_adjustment < 1e9 and clf.n_features_in_ <= 3 * 64 * 64:
            X = np.full((2, *clf.image_shape_), 9, clf._dtype)
            proba = clf.predict_proba(X / 255 if clf._dtype == np.float32 else X)
            assert proba.shape == (2, len(clf.classes_))
            np.testing.assert_allclose(proba.sum(axis=1), 1)

    def check_refusal(self, case):
        """See that something was done to the file."""
        assert case.content not in _files(self.folder)


TARGETS = {ModelTarget.name: ModelTarget}


@cache
def _files(folder):
    X, y = ferkit.datasets.make_faces(28, image_size=16, random_state=0, return_X_y=True)
    params = {"max_epochs": 1, "random_state": 0, "variant": "strided"}
    names = np.array(ferkit.EMOTIONS, dtype=object)[y]
    models = [
        ferkit.MobileNetFER(**params).fit(X, y),
        ferkit.ResNetFER(
            **params,
            augment=ferkit.augment.Policy(flip=0.5),
            class_weight={name: 1.5 for name in ferkit.EMOTIONS},
            image_shape=(16, 16),
            ema_decay=0.9,
        ).fit(X / np.float32(255), names, X_val=X / np.float32(255), y_val=names),
    ]
    contents = []
    for number, model in enumerate(models):
        model.save(folder / "seed", dtype=["float32", "float16"][number])
        contents.append((folder / "seed").read_bytes())
    return contents


def _decode(value):
    """Make a parameter of JSON."""
    if isinstance(value, dict) and "policy" in value:
        return ferkit.augment.Policy(**value["policy"])
    if isinstance(value, dict):
        return {_decode(k): _decode(v) for k, v in value["dict"]}
    return tuple(map(_decode, value)) if isinstance(value, list) else value
