"""The page about an estimator."""

import base64
import io
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest

from ferkit import ResNetFER
from ferkit.cli import main
from ferkit.datasets import make_faces
from ferkit.inspection import write_page
from ferkit.metrics import fer_report


@pytest.fixture(scope="module")
def trained():
    X, y = make_faces(70, image_size=24, random_state=0, return_X_y=True)
    clf = ResNetFER(max_epochs=2, random_state=0).fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    return clf, X, y


def test_a_page_has_it_all(trained, tmp_path):
    clf, X, y = trained
    path = tmp_path / "page.html"
    write_page(
        path, clf, X[40:], y[40:], X_train=X[:40], y_train=y[:40], title="<mine>", command="a < b"
    )
    text = path.read_text()
    report = fer_report(clf, X[40:], y[40:], X_train=X[:40])
    assert f"<b>{report.scores.loc[('all', 'accuracy'), 'value']:.3f}</b>" in text
    assert f"{report.classes.loc['happy', 'recall']:.3f}" in text
    assert "max_epochs = 2" in text
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


def test_command_line(trained, tmp_path, capsys):
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
    assert main([str(argument) for argument in [*arguments, "--subset", "train"]]) == 0
    assert "m.safetensors on train" in out.read_text()
