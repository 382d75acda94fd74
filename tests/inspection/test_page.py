"""The page about an estimator."""

import base64
import hashlib
import io
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.base import clone

import ferkit
from ferkit import ResNetFER
from ferkit.cli import main
from ferkit.datasets import make_faces
from ferkit.inspection import FaceGridDisplay, _page, write_page
from ferkit.metrics import fer_report
from tests.helpers import LinearFER


@pytest.fixture(scope="module")
def trained():
    X, y = make_faces(70, image_size=24, random_state=0, return_X_y=True)
    clf = ResNetFER(max_epochs=2, random_state=0).fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    return clf, X, y


def test_a_page_has_it_all(trained, tmp_path):
    clf, X, y = trained
    plt.close("all")
    path = tmp_path / "page.html"
    write_page(
        path, clf, X[40:], y[40:], X_train=X[:40], y_train=y[:40], title="<mine>", command="a < b"
    )
    text = path.read_text()
    report = fer_report(clf, X[40:], y[40:], X_train=X[:40])
    assert f"<b>{report.scores.loc[('all', 'accuracy'), 'value']:.3f}</b>" in text
    assert f"{report.classes.loc['happy', 'recall']:.3f}" in text
    assert "max_epochs = 2" in text
    assert "The seed, random_state, was 0." in text
    for digested in (X[40:], X[:40]):
        assert hashlib.sha256(digested.tobytes()).hexdigest() in text
    assert hashlib.sha256("\n".join(map(str, y[:40])).encode()).hexdigest() in text
    assert "macro-F1" in text
    assert "f1_macro" not in text
    assert "trained on" not in text
    assert "<h1>&lt;mine&gt;</h1>" in text
    assert "a &lt; b" in text
    pictures = re.findall(r'src="data:image/png;base64,([^"]+)"', text)
    assert len(pictures) == 8
    for data in pictures:
        assert plt.imread(io.BytesIO(base64.b64decode(data))).std() > 0
    assert not re.search(r'(src|href)="http', text)
    assert not plt.get_fignums()
    again = tmp_path / "again.html"
    write_page(
        again, clf, X[40:], y[40:], X_train=X[:40], y_train=y[:40], title="<mine>", command="a < b"
    )
    assert again.read_bytes() == path.read_bytes()


def test_weights_without_history_and_few_images(tmp_path):
    clf = ResNetFER.from_pretrained("fer2013")
    X, _ = make_faces(2, random_state=0, return_X_y=True)
    path = tmp_path / "page.html"
    write_page(path, clf, X, clf.predict(X))
    text = path.read_text()
    assert "curves do not come with these weights" in text
    assert "Nowhere, on these images" in text


def test_a_failure_leaves_no_file(trained, tmp_path):
    clf, X, y = trained
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        write_page(tmp_path / "page.html", clf, X[40:], y[:1])
    assert not list(tmp_path.iterdir())


def test_command_line(trained, tmp_path, capsys, monkeypatch):
    clf, X, y = trained
    clf.save(tmp_path / "m.safetensors")
    csv = tmp_path / "fer2013.csv"
    large = np.repeat(np.repeat(X, 2, axis=1), 2, axis=2)
    with csv.open("w") as file:
        file.write("emotion,pixels,Usage\n")
        for usage, part in {"Training": slice(40), "PublicTest": slice(40, 70)}.items():
            for face, label in zip(large[part], y[part], strict=True):
                file.write(f"{label},{' '.join(map(str, face.ravel()))},{usage}\n")
    clf = ResNetFER(max_epochs=1, random_state=0).fit(large[:40], y[:40])
    clf.save(tmp_path / "m.safetensors")
    out = tmp_path / "report.html"
    arguments = ["report", tmp_path / "m.safetensors", csv, "--out", out]
    assert main([str(argument) for argument in arguments]) == 0
    assert "wrote" in capsys.readouterr().out
    assert "m.safetensors on public_test" in out.read_text()
    text = out.read_text()
    assert hashlib.sha256((tmp_path / "m.safetensors").read_bytes()).hexdigest() in text
    assert "holds a tenth of it out for validation" in text
    assert "--on-error" not in text
    arguments += ["--subset", "train", "--on-error", "skip"]
    assert main([str(argument) for argument in arguments]) == 0
    text = out.read_text()
    assert "m.safetensors on train" in text
    assert "It has seen these images" in text
    assert "--on-error skip" in text
    capsys.readouterr()

    def never(*args, **kwargs):
        raise AssertionError

    monkeypatch.setattr(ferkit, "load", never)  # minutes, before the folder is found missing
    arguments[4] = tmp_path / "none" / "report.html"
    assert main([str(argument) for argument in arguments]) == 1
    assert "expected a file in a folder that exists" in capsys.readouterr().err


def write_and_read(tmp_path, *args, **kwargs):
    write_page(tmp_path / "page.html", *args, **kwargs)
    return (tmp_path / "page.html").read_text()


def test_an_embedding_of_many_images_shows_some(trained, tmp_path, monkeypatch):
    clf, X, y = trained
    assert "t-SNE of the embeddings. It keeps" in write_and_read(tmp_path, clf, X, y)
    monkeypatch.setattr(_page, "_N_EMBEDDED", 20)
    shown, original = [], _page.EmbeddingDisplay.from_estimator

    def draw(clf, X, y, **options):
        shown.append(len(X))
        return original(clf, X, y, **options)

    monkeypatch.setattr(_page.EmbeddingDisplay, "from_estimator", draw)
    page = write_and_read(tmp_path, clf, X, y)
    assert shown == [20]
    assert "t-SNE of the embeddings of 20 of the images" in page


def test_notes(trained, tmp_path):
    clf, X, y = trained
    assert "<p>one note</p>" in write_and_read(tmp_path, clf, X, y, notes="one note")
    page = write_and_read(tmp_path, clf, X, y, notes=["a < b", "second"])
    assert "<p>a &lt; b</p><p>second</p>" in page
    for bad in (None, 5, ["a", 3]):
        with pytest.raises(ValueError, match=r"got notes=.*, expected a string, or a list"):
            write_page(tmp_path / "page.html", clf, X, y, notes=bad)


def test_a_network_without_feature_map_and_embedding(tmp_path):
    X, y = make_faces(70, image_size=16, random_state=0, return_X_y=True)
    clf = LinearFER(max_epochs=1, random_state=0).fit(X, y)
    text = write_and_read(tmp_path, clf, X, y)
    assert "mean fall of its probability where a face is covered" in text
    assert "The network has no embedding to draw" in text
    assert "calibration error" in text


def test_what_cannot_be_drawn_leaves_a_line(trained, tmp_path):
    clf, X, y = trained
    text = write_and_read(tmp_path, clf, np.repeat(X[:1], 20, axis=0), y[:20])
    assert "Not drawn: got 20 images whose embeddings are all equal" in text
    assert "Environment" in text
    assert not plt.get_fignums()


def test_rows_are_drawn_as_images(tmp_path, monkeypatch):
    X, y = make_faces(42, image_size=24, random_state=0, return_X_y=True)
    X = X[:, :16]  # no square
    rows = X.reshape(42, -1)
    clf = ResNetFER(max_epochs=1, random_state=0, image_shape=(16, 24)).fit(rows, y)
    drawn = []
    draw = FaceGridDisplay.from_predictions
    monkeypatch.setattr(
        FaceGridDisplay, "from_predictions", lambda X, *a, **k: drawn.append(X) or draw(X, *a, **k)
    )
    of_rows = write_and_read(tmp_path, clf, rows, y, X_train=X[:20], y_train=y[:20])
    np.testing.assert_array_equal(drawn[0], X[..., None])
    assert of_rows == write_and_read(tmp_path, clf, X, y, X_train=rows[:20], y_train=y[:20])


def test_a_page_predicts_once(trained, tmp_path, monkeypatch):
    clf, X, y = trained
    n_predicted = []
    predict_proba = ResNetFER.predict_proba
    monkeypatch.setattr(
        ResNetFER, "predict_proba", lambda self, X: n_predicted.append(1) or predict_proba(self, X)
    )
    monkeypatch.setattr(ResNetFER, "predict", None)
    write_and_read(tmp_path, clf, X, y)
    assert len(n_predicted) == 1


def test_a_page_tells_what_training_began_with_but_not_where_that_was(trained, tmp_path):
    clf, X, y = trained
    folder = tmp_path / "secret"
    folder.mkdir()
    clf.save(folder / "begun.safetensors")
    weights = folder / "begun.safetensors"
    later = ResNetFER(max_epochs=1, random_state=0, weights=weights, checkpoint_dir=folder)
    later.fit(X, y).save(tmp_path / "later.safetensors")
    again = ferkit.load(tmp_path / "later.safetensors")
    again.set_params(warm_start=True).fit(X, y)
    for estimator in (later, clone(later).fit(X, y).set_params(weights=None), again):
        page = write_and_read(tmp_path, estimator, X, y)
        assert "weights = &#x27;begun.safetensors&#x27;" in page
        assert "secret" not in page
    X = make_faces(70, random_state=0).images
    page = write_and_read(tmp_path, ResNetFER.from_pretrained("fer2013"), X, y)
    assert "weights = &#x27;fer2013&#x27;" in page


def test_a_class_whose_parameter_has_no_default(trained, tmp_path):
    class RequiringFER(LinearFER):
        def __init__(self, extra, max_epochs=1):
            super().__init__(max_epochs=max_epochs)
            self.extra = extra

    _, X, y = trained
    page = write_and_read(tmp_path, RequiringFER(extra=3).fit(X, y), X, y)
    assert "extra = 3" in page
    assert "max_epochs" not in page


def test_what_goes_together(trained, tmp_path, monkeypatch):
    clf, X, y = trained
    with pytest.raises(ValueError, match="got one of X_train and y_train, expected both"):
        write_page(tmp_path / "page.html", clf, X, y, X_train=X)
    monkeypatch.setattr(ResNetFER, "predict_proba", None)  # minutes, before what is wrong is found
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[70, 60\]"):
        write_page(tmp_path / "page.html", clf, X, y, X_train=X, y_train=y[:60])
    with pytest.raises(ValueError, match="pass strings where classes_ has strings"):
        write_page(tmp_path / "page.html", clf, X, y, X_train=X, y_train=y.astype(str))
    with pytest.raises(ValueError, match="pass strings where classes_ has strings"):
        write_page(tmp_path / "page.html", clf, X, y.astype(str))


def test_the_same_images_have_the_same_digest(trained, tmp_path):
    clf, X, y = trained
    text = write_and_read(tmp_path, clf, X, y, X_train=X.astype(np.int64), y_train=y)
    assert text.count(hashlib.sha256(X.tobytes()).hexdigest()) == 2


def test_scores_that_are_not_known(trained, tmp_path):
    clf, X, y = trained
    text = write_and_read(tmp_path, clf, X, y, X_train=X, y_train=y)
    assert ">NaN<" not in text
    assert "<td>\N{EN DASH}</td>" in text
    assert '"without copies" leaves out' in text
    assert "without copies" not in write_and_read(tmp_path, clf, X, y)
