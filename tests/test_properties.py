"""What holds for all images and labels: one contract in many guises, and its refusals."""

import re

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ferkit import MobileNetFER, ResNetFER
from tests.bad_inputs import BAD_INPUTS
from tests.helpers import LinearFER

ESTIMATORS = [MobileNetFER, ResNetFER]

seeds = st.integers(0, 2**32 - 1)
short_sides = st.integers(1, 9)
sides = st.integers(1, 224)
colours = st.sampled_from([(), (3,)])

# all of them hold the images below: integers, or multiples of 1 / 128, up to 127
DTYPES = {
    "levels": ["uint8", "int8", ">i2", "<u2", ">u4", "int64", ">i8", "uint64", "object"],
    "integers": [">i2", "int64", ">i8", "object"],
    "floats": ["float16", ">f2", "float32", ">f4", "float64", ">f8", "longdouble", "object"],
}
TENSOR_DTYPES = {
    "levels": [torch.uint8, torch.int8, torch.int16, torch.int64],
    "integers": [torch.int16, torch.int64],
    "floats": [torch.bfloat16, torch.float16, torch.float32, torch.float64],
}
LAYOUTS = [
    np.ascontiguousarray,
    np.asfortranarray,
    lambda X: np.flip(np.flip(X).copy()),
    lambda X: np.repeat(X, 2, axis=-1)[..., ::2],
    lambda X: np.broadcast_to(X, X.shape),  # read-only
]
TENSOR_LAYOUTS = [
    lambda X: X,
    lambda X: X.mT.contiguous().mT,
    lambda X: X.requires_grad_(X.is_floating_point()),
]
CONTAINERS = [lambda X: X, list, lambda X: X.tolist(), lambda X: pd.Series(list(X))]
FRAMES = [pd.DataFrame, lambda X: pd.DataFrame(X.tolist()).convert_dtypes()]


def make_images(seed, shape, kind="levels"):
    levels = np.random.default_rng(seed).integers(0, 128, shape, np.uint8)
    return levels.astype(np.float32) / 128 if kind == "floats" else levels


@st.composite
def guises(draw, images, kind):
    """Draw the same images in another form, dtype, byte order, layout and container."""
    forms = [images.reshape(len(images), -1), images]
    if images.ndim == 3:
        forms.append(images[..., None])
    X = draw(st.sampled_from(forms))
    if draw(st.booleans()):
        X = torch.from_numpy(X.copy()).to(draw(st.sampled_from(TENSOR_DTYPES[kind])))
        X = draw(st.sampled_from(TENSOR_LAYOUTS))(X)
        return draw(st.sampled_from([lambda X: X, list]))(X)
    X = X.astype(draw(st.sampled_from(DTYPES[kind])))
    X = draw(st.sampled_from(LAYOUTS))(X)
    can_be_frame = X.ndim == 2 and X.dtype != object
    return draw(st.sampled_from(CONTAINERS + FRAMES if can_be_frame else CONTAINERS))(X)


def linear(**params):
    return LinearFER(max_epochs=1, random_state=0, augment="reference", **params)


def assert_same_bits(a, b, X):
    np.testing.assert_array_equal(a.decision_function(X), b.decision_function(X))


# -- images ------------------------------------------------------------------------------------


@given(data=st.data(), seed=seeds, height=short_sides, width=short_sides, colour=colours)
@settings(max_examples=150)
def test_images_in_every_guise_are_the_same(data, seed, height, width, colour):
    kind = data.draw(st.sampled_from(["levels", "floats"]))
    image_shape, y = (height, width, *colour), np.arange(5) % 3
    images = make_images(seed, (5, *image_shape), kind)
    fitted_on, predicted = (data.draw(guises(images, kind)) for _ in range(2))
    before = joblib.hash([fitted_on, predicted])
    expected = linear().fit(images, y)
    clf = linear(image_shape=image_shape).fit(fitted_on, y)
    assert clf.image_shape_ == image_shape
    assert clf.n_features_in_ == np.prod(image_shape)
    np.testing.assert_array_equal(
        clf.decision_function(predicted), expected.decision_function(images)
    )
    assert joblib.hash([fitted_on, predicted]) == before  # never written to


@pytest.mark.parametrize("estimator", ESTIMATORS)
@given(seed=seeds, height=sides, width=sides, colour=colours, n=st.integers(2, 4))
@example(seed=0, height=1, width=1, colour=(), n=2)
@example(seed=0, height=224, width=224, colour=(3,), n=2)
@settings(max_examples=4)
def test_images_of_every_size(estimator, seed, height, width, colour, n):
    X, y = make_images(seed, (n, height, width, *colour)), np.arange(n) % 2
    clf = estimator(max_epochs=1, random_state=0).fit(X, y)
    proba = clf.predict_proba(X)
    assert proba.shape == (n, 2)
    assert np.isfinite(proba).all()


@given(n=st.integers(2, 40), batch_size=st.integers(2, 12), seed=seeds)
@settings(max_examples=50)
def test_batches_of_every_size(n, batch_size, seed):
    # one pixel in a batch of one has no variance
    X, y = make_images(seed, (n, 1, 1)), np.arange(n) % 2
    clf = ResNetFER(max_epochs=1, batch_size=batch_size, random_state=0).fit(X, y)
    assert np.isfinite(clf.history_["train_loss"]).all()
    assert np.isfinite(clf.decision_function(X)).all()


@pytest.fixture(scope="module", params=ESTIMATORS)
def fitted(request):
    X, y = make_images(0, (200, 6, 6)), np.arange(200) % 3
    return request.param(max_epochs=1, random_state=0).fit(X, y), X


@given(start=st.integers(0, 60), n=st.integers(1, 140))
@example(start=0, n=1)
@example(start=0, n=64)
@example(start=0, n=65)
@example(start=0, n=129)
@settings(max_examples=25)
def test_a_prediction_does_not_depend_on_its_batch(fitted, start, n):
    clf, X = fitted
    part = slice(start, start + n)
    for method in (clf.predict_proba, clf.transform):
        np.testing.assert_allclose(method(X[part]), method(X)[part], rtol=1e-7, atol=1e-7)


# -- labels ------------------------------------------------------------------------------------


def label_sets(labels):
    return st.lists(labels, min_size=2, max_size=5, unique=True)


# numpy's strings end where only zeros follow
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=9)
LABELS = [
    (label_sets(st.integers(-(2**31), 2**31 - 1)), ["int64", ">i4", "object", "float64"]),
    (label_sets(st.integers(-128, 127)), ["int8", "int64"]),
    (label_sets(st.booleans()), ["bool", "object"]),
    (label_sets(texts), [str, "object"]),
]
LABEL_CONTAINERS = [lambda y: y, list, pd.Series, lambda y: pd.Series(y).convert_dtypes()]


def tensor_of(y):
    return torch.from_numpy(y.astype(y.dtype.newbyteorder("=")))


@st.composite
def labels_and_ranks(draw):
    labels, dtypes = draw(st.sampled_from(LABELS))
    labels = draw(labels)
    ranks = np.arange(12) % len(labels)
    y = np.array(sorted(labels), dtype=draw(st.sampled_from(dtypes)))[ranks]
    can_be_tensor = y.dtype.kind in "bif"
    containers = [*LABEL_CONTAINERS, tensor_of] if can_be_tensor else LABEL_CONTAINERS
    return sorted(labels), draw(st.sampled_from(containers))(y), ranks


@given(labels=labels_and_ranks(), seed=seeds)
@settings(max_examples=100)
def test_labels_of_every_kind_are_the_same(labels, seed):
    classes, y, ranks = labels
    X = make_images(seed, (12, 2, 2))
    clf, expected = linear().fit(X, y, X_val=X, y_val=y), linear().fit(X, ranks)
    assert clf.classes_.tolist() == classes
    assert_same_bits(clf, expected, X)
    np.testing.assert_array_equal(clf.predict(X), clf.classes_[expected.predict(X)])
    assert_same_bits(clf.partial_fit(X, y), expected.partial_fit(X, ranks), X)


@given(
    classes=label_sets(st.integers(-99, 99)) | label_sets(texts),
    data=st.data(),
    seed=seeds,
)
@settings(max_examples=50)
def test_sets_of_classes(classes, data, seed):
    X, classes_ = make_images(seed, (6, 2, 2)), np.array(sorted(classes))
    some = st.lists(st.integers(0, len(classes) - 1), min_size=6, max_size=6)
    first, second = data.draw(some), data.draw(some)
    clf = linear().partial_fit(X, classes_[first], classes=classes)
    clf.partial_fit(X, classes_[second])
    expected = linear().partial_fit(X, first, classes=range(len(classes)))
    assert_same_bits(clf, expected.partial_fit(X, second), X)
    np.testing.assert_array_equal(clf.classes_, classes_)
    assert clf.predict_proba(X).shape == (6, len(classes))

    before = clf.decision_function(X)
    foreign = 99.5 if isinstance(classes[0], int) else "0123456789"
    with pytest.raises(ValueError, match=re.escape(f"got labels {[foreign]}, expected labels")):
        clf.partial_fit(X, [*classes_[first[1:]].tolist(), foreign])
    with pytest.raises(ValueError, match="is not the same as on last call to partial_fit"):
        clf.partial_fit(X, classes_[first], classes=classes[1:])
    np.testing.assert_array_equal(clf.decision_function(X), before)

    others = ["of another", "kind"] * 3
    assert_same_bits(clf.fit(X, others), linear().fit(X, others), X)


# -- refusals ----------------------------------------------------------------------------------


@pytest.mark.parametrize("bad_input", BAD_INPUTS.values(), ids=BAD_INPUTS)
def test_what_a_user_is_told(bad_input):
    with pytest.raises(bad_input.kind) as refusal:
        bad_input.call()
    assert refusal.type is bad_input.kind
    message = str(refusal.value)
    assert bad_input.says in message
    if message.startswith("got"):  # ours; scikit-learn's own have forms of their own
        assert re.fullmatch("got .+, expected .+; .+", message)


CALLS = [
    lambda clf, good, bad, y: clf.fit(bad, y),
    lambda clf, good, bad, y: clf.fit(good, y, X_val=bad, y_val=y),
    lambda clf, good, bad, y: clf.partial_fit(bad, y),
    lambda clf, good, bad, y: clf.predict(bad),
    lambda clf, good, bad, y: clf.predict_proba(bad),
]


@given(data=st.data(), seed=seeds, height=short_sides, width=short_sides, colour=colours)
@settings(max_examples=100)
def test_a_bad_value_is_named_with_its_place(data, seed, height, width, colour):
    kind = data.draw(st.sampled_from(["integers", "floats"]))
    image_shape, y = (height, width, *colour), np.arange(5) % 3
    good = make_images(seed, (5, *image_shape), kind)
    if kind == "floats":
        name = data.draw(st.sampled_from(["NaN", "inf", "-inf"]))
        bad, value = good.copy(), float(name)
    else:
        value = data.draw(st.integers(-(2**15), -1) | st.integers(256, 2**15 - 1))
        bad, name = good.astype(int), f"level {value}"
    places = st.tuples(*(st.integers(0, side - 1) for side in bad.shape))
    places = data.draw(st.sets(places, min_size=1, max_size=3))
    for place in places:
        bad[place] = value
    sample, *position = min(places)
    message = f"got {name} in sample {sample} (image position {tuple(position)}), expected"
    clf = linear(image_shape=image_shape).fit(good, y)
    call = data.draw(st.sampled_from(CALLS))
    with pytest.raises(ValueError, match=re.escape(message)):
        call(clf, good, data.draw(guises(bad, kind)), y)


@given(shape=st.lists(st.integers(0, 4), max_size=6).map(tuple))
@settings(max_examples=200)
def test_arrays_of_every_shape_are_images_or_refused(shape):
    X, n = np.zeros(shape, np.uint8), shape[0] if shape else 1
    clf = linear()
    is_images = len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3))
    if (is_images or len(shape) == 2) and 0 not in shape:
        clf.partial_fit(X, np.zeros(n), classes=[0, 1])
        assert clf.n_features_in_ == np.prod(clf.image_shape_) == X[0].size
        assert clf.predict(X).shape == (n,)
        return
    is_ours = len(shape) > 2 and (not is_images or 0 in shape[1:])
    ours = rf"^got .*{re.escape(str(shape))}.*, expected .+; .+"
    with pytest.raises(
        ValueError, match=ours if is_ours else "^Expected 2D|^Found array|^got no la"
    ):
        clf.partial_fit(X, np.zeros(n), classes=[0, 1])
