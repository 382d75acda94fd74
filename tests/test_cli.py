"""The commands, on small data."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import accuracy_score

import ferkit
from ferkit import ResNetFER, model_selection
from ferkit.cli import main
from ferkit.datasets import load_fer2013, make_faces
from ferkit.model_selection import Stage
from ferkit.training import progress

USAGES = {"Training": 0, "PublicTest": 1}


@pytest.fixture(scope="module")
def csv(tmp_path_factory):
    """Drawn faces in FER2013's format."""
    path = tmp_path_factory.mktemp("data") / "fer2013.csv"
    with open(path, "w") as file:
        file.write("emotion,pixels,Usage\n")
        for usage, seed in USAGES.items():
            X, y = make_faces(140, random_state=seed, return_X_y=True)
            for face, label in zip(X, y, strict=True):
                file.write(f"{label},{' '.join(map(str, face.ravel()))},{usage}\n")
    return path


def accuracy_printed(text):
    return float(re.search(r"accuracy +([\d.]+)", text)[1])


def test_train_and_evaluate(csv, tmp_path, capsys):
    out = tmp_path / "m.safetensors"
    train = ["train", csv, "--model", "resnet", "--epochs", "2", "--out", out]
    assert main(list(map(str, train))) == 0
    text = capsys.readouterr().out
    assert "epoch 2/2" in text
    assert "on 126 images, validating on 14 others" in text
    clf = ferkit.load(out)
    assert accuracy_printed(text) == pytest.approx(
        clf.history_["valid_accuracy"].iloc[-1], abs=5e-4
    )
    assert clf.augment == "reference"

    assert main(["evaluate", str(out), str(csv)]) == 0
    text = capsys.readouterr().out
    X, y = load_fer2013(csv, subset="public_test", return_X_y=True)
    assert accuracy_printed(text) == pytest.approx(accuracy_score(y, clf.predict(X)), abs=5e-4)
    assert all(name in text for name in ferkit.EMOTIONS)


def test_a_recipe(csv, tmp_path, capsys, monkeypatch):
    recipes = {"short": Stage(estimator="ResNetFER", params={"max_epochs": 1})}
    monkeypatch.setattr(model_selection, "RECIPES", recipes)
    monkeypatch.setitem(model_selection.train_recipe.__kwdefaults__, "recipes", recipes)
    out = tmp_path / "m.safetensors"
    train = ["train", str(csv), "--recipe", "short", "--out", str(out)]
    stages = ["--checkpoint-dir", str(tmp_path / "stages")]
    for command, message in (
        (train, "without --checkpoint-dir, expected a folder"),
        ([*train, *stages, "--epochs", "3"], "got --epochs with --recipe, expected one or"),
        ([*train, *stages, "--variant", "strided"], "got --variant with --recipe, expected one or"),
        ([*train[:3], "none", *train[4:], *stages], "got --recipe none, expected one of short"),
    ):
        assert main(command) == 1
        assert message in capsys.readouterr().err
    assert main([*train, *stages]) == 0
    text = capsys.readouterr().out
    assert "training short on 126 images, validating on 14" in text
    clf = ferkit.load(out)
    assert (clf.n_iter_, clf.tta) == (1, "flip")
    assert f"temperature={clf.temperature} by the validation images" in text
    assert "validation images, a tenth of train:" in text

    recipes["all"] = Stage(
        estimator="ResNetFER", params={"max_epochs": 1}, begins_with="short", refit=True
    )
    out = tmp_path / "of all.safetensors"
    assert main(["train", str(csv), "--recipe", "all", "--out", str(out), *stages]) == 0
    text = capsys.readouterr().out
    assert "training all on 126 images, the last stage on all 140, validating on 14" in text
    assert f"run: ferkit evaluate '{out}' {csv}" in text
    assert "a tenth of train" not in text


def test_bad_input_is_a_line_on_stderr(csv, tmp_path, capsys):
    for command in (
        ["train", tmp_path / "none.csv", "--out", tmp_path / "m"],
        ["train", csv, "--out", tmp_path / "none" / "m"],
        ["train", csv, "--out", tmp_path],
        ["evaluate", csv, csv],
        ["evaluate", tmp_path / "none", csv],
    ):
        assert main(list(map(str, command))) == 1
        out, err = capsys.readouterr()
        assert not out
        assert re.fullmatch(rf"ferkit {command[0]}: .*expected.*\n", err)


def test_models_that_a_command_cannot_use(tmp_path, capsys):
    X, y = make_faces(28, image_size=16, random_state=0, return_X_y=True)
    ResNetFER(max_epochs=1).fit(X, np.array(["bored", "cross"])[y % 2]).save(tmp_path / "own")
    (tmp_path / "m.onnx").touch()
    page, file = ["--out", str(tmp_path / "page")], ["--out", str(tmp_path / "file.onnx")]
    own, onnx = str(tmp_path / "own"), str(tmp_path / "m.onnx")
    for command, message in (
        (
            ["evaluate", own, "none"],
            "got a model of the classes ['bored', 'cross'], expected FER20",
        ),
        (["report", own, "none", *page], "got a model of the classes ['bored', 'cross'], expected"),
        (["export", own, *file, "--int8", "none"], "got a model of the classes ['bored', 'cross']"),
        (["report", onnx, "none", *page], "an ONNX file, expected a model file, made by ferkit tr"),
        (["export", own, *file, "--max-f1-drop", "1"], "got --max-f1-drop without --int8"),
        (["evaluate", onnx, "none", "--tta", "flip"], "an ONNX file has its views in it; export"),
        (["export", onnx, *file], "an ONNX file, expected a model file, made by ferkit train"),
        (
            ["evaluate", "fer2013", "none"],
            "expected a model file or the name of weights, mobilenet",
        ),
    ):
        assert main(command) == 1
        out, err = capsys.readouterr()
        assert not out
        assert message in err


def test_one_view(csv, tmp_path, capsys):
    views, shipped = ["--tta", "none"], "resnet-fer2013"
    X, y = load_fer2013(csv, subset="public_test", return_X_y=True)
    clf = ResNetFER.from_pretrained("fer2013").set_params(tta=None)
    assert main(["evaluate", shipped, str(csv), *views]) == 0
    assert accuracy_printed(capsys.readouterr().out) == pytest.approx(clf.score(X, y), abs=5e-4)
    file, page = tmp_path / "m.onnx", tmp_path / "page.html"
    assert main(["export", shipped, "--out", str(file), *views]) == 0
    found = ferkit.deploy.OnnxFER(file).predict_proba(X)
    np.testing.assert_allclose(found, clf.predict_proba(X), atol=1e-4)
    assert main(["report", shipped, str(csv), "--out", str(page), *views]) == 0
    assert "--tta none" in page.read_text()
    capsys.readouterr()
    Image.fromarray(X[0]).save(tmp_path / "face.png")
    assert main(["predict", "--crops", "--json", "--model", shipped, *views, str(tmp_path)]) == 0
    (face,) = json.loads(capsys.readouterr().out)["faces"]
    assert face["probability"] == pytest.approx(clf.predict_proba(X[:1]).max(), abs=1e-5)


def test_a_model_of_names(csv, tmp_path, capsys):
    X, y = load_fer2013(csv, return_X_y=True)
    clf = ResNetFER(max_epochs=1, random_state=0).fit(X, np.array(ferkit.EMOTIONS)[y])
    clf.save(tmp_path / "m")
    assert main(["evaluate", str(tmp_path / "m"), str(csv)]) == 0
    X, y = load_fer2013(csv, subset="public_test", return_X_y=True)
    expected = clf.score(X, np.array(ferkit.EMOTIONS)[y])
    assert accuracy_printed(capsys.readouterr().out) == pytest.approx(expected, abs=5e-4)
    page = ["--out", str(tmp_path / "page.html")]
    assert main(["report", str(tmp_path / "m"), str(csv), *page]) == 0
    file = ["--out", str(tmp_path / "m.onnx"), "--int8", str(csv), "--max-f1-drop", "1"]
    assert main(["export", str(tmp_path / "m"), *file]) == 0


def test_labels_leave_the_terminal_alone(tmp_path, capsys):
    X, y = make_faces(14, random_state=0, return_X_y=True)
    labels = np.array(["evil\nfake.jpg: happy 1.00\x1b[31m", "sad"])[y % 2]
    ResNetFER(max_epochs=1, random_state=0).fit(X, labels).save(tmp_path / "m")
    Image.fromarray(X[0]).save(tmp_path / "a.png")
    model = ["--model", str(tmp_path / "m"), "--crops", str(tmp_path / "a.png")]
    assert main(["predict", *model]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert "\x1b" not in line
    assert "a.png: " in line


@pytest.mark.filterwarnings("ignore:.*got no neutral in")
def test_a_model_of_some_emotions(csv, tmp_path, capsys, monkeypatch):
    few = tmp_path / "few.csv"
    rows = csv.read_text().splitlines(keepends=True)
    few.write_text("".join(row for row in rows if not row.startswith("6")))
    X, y = load_fer2013(few, on_error="skip", return_X_y=True)
    monkeypatch.setenv("HOME", str(tmp_path))
    ResNetFER(max_epochs=1).fit(X, y).save("~/m")
    assert main(["evaluate", "~/m", "~/few.csv", "--on-error", "skip"]) == 0
    assert "public_test, 120 images" in capsys.readouterr().out


def test_a_missing_module_is_a_line_on_stderr(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert main(["predict", str(tmp_path)]) == 1
    assert "got no module tqdm, expected all that ferkit" in capsys.readouterr().err


def test_version(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"ferkit {ferkit.__version__}\n"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["train", "--seed", "-1"], "argument --seed: got '-1', expected a whole number, 0 to 2**"),
        (["train", "--seed", "4294967296"], "argument --seed: got '4294967296', expected"),
        (["train", "--epochs", "0"], "argument --epochs: got '0', expected a whole number, 1 or"),
        (["export", "--max-f1-drop", "-1"], "argument --max-f1-drop: got '-1', expected a number"),
        (["export", "--max-f1-drop", "a"], "argument --max-f1-drop: got 'a', expected a number"),
        (["export", "--max-f1-drop", "nan"], "argument --max-f1-drop: got 'nan', expected a num"),
    ],
)
def test_bad_numbers_are_refused_before_anything_is_read(command, message, capsys):
    with pytest.raises(SystemExit, match="2"):
        main([*command, "nowhere", "--out", "/nowhere/file"])
    assert message in capsys.readouterr().err


def test_folders_are_made_before_anything_is_read(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    command = ["train", "nowhere", "--out", str(tmp_path / "model"), "--checkpoint-dir"]
    assert main([*command, str(tmp_path / "file")]) == 1
    assert "got --checkpoint-dir=" in (message := capsys.readouterr().err)
    assert "file, a file, expected a folder; choose another" in message
    assert main(["demo", "--out", str(tmp_path / "file" / "demo")]) == 1
    assert "expected a place where a folder can be made" in capsys.readouterr().err


def test_bad_rows_may_be_left_out(csv, tmp_path, capsys):
    bad = tmp_path / "bad.csv"
    bad.write_text(csv.read_text() + "9,7 7,Training\n")
    out = tmp_path / "m.safetensors"
    train = ["train", str(bad), "--model", "resnet", "--epochs", "1", "--out", str(out)]
    assert main(train) == 1
    assert "line 282: got emotion '9'" in capsys.readouterr().err
    with pytest.warns(UserWarning, match="left out 1 bad sample, .*line 282"):
        assert main([*train, "--on-error", "skip"]) == 0
    with pytest.warns(UserWarning, match="left out 1 bad sample, .*line 282"):
        assert main(["evaluate", str(out), str(bad), "--on-error", "skip"]) == 0


def test_a_variant_and_a_place_that_is_no_model_files(csv, tmp_path, capsys):
    train = ["train", str(csv), "--variant", "strided", "--epochs", "1", "--augment", "strong"]
    assert main([*train, "--out", str(tmp_path / "m.onnx")]) == 1
    said = capsys.readouterr()
    assert "m.onnx, expected a name for a model file" in said.err
    assert "training" not in said.out
    assert main([*train, "--out", str(tmp_path / "m")]) == 0
    clf = ferkit.load(tmp_path / "m")
    assert (clf.variant, clf.augment) == ("strided", "strong")


def test_an_interrupted_training_goes_on(csv, tmp_path, capsys, monkeypatch):
    train = ["train", str(csv), "--model", "resnet", "--epochs", "2"]
    train += ["--out", str(tmp_path / "m"), "--checkpoint-dir", str(tmp_path / "checkpoints")]
    end_epoch, ended = progress.Lines.end_epoch, []

    def interrupt(self, row):
        end_epoch(self, row)
        ended.append(row)
        if len(ended) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(progress.Lines, "end_epoch", interrupt)
    assert main(train) == 130
    said = capsys.readouterr().err
    assert said.startswith("ferkit train: interrupted; the same command goes on after the last e")
    assert main(train) == 0
    assert "loaded epoch 1 from" in capsys.readouterr().out
    assert len(ended) == 3


@pytest.mark.parametrize("given", [[], ["faces", "--out", "m", "--epochs", "0"]])
def test_usage_errors(given, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["train", *given])
    assert "usage: ferkit train" in capsys.readouterr().err


def test_the_package_is_the_command_line():
    command = [sys.executable, "-m", "ferkit", "--version"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert said == f"ferkit {ferkit.__version__}\n"


def test_demo(tmp_path, capsys, monkeypatch):
    import ferkit.datasets

    def few_faces(n_samples, **kwargs):
        return make_faces(210, **kwargs)

    monkeypatch.setattr(ferkit.datasets, "make_faces", few_faces)
    assert main(["demo", "--out", str(tmp_path / "demo")]) == 0
    text = capsys.readouterr().out
    assert "f1_macro" in text
    for name in ("history.png", "confusion_matrix.png"):
        data = (tmp_path / "demo" / name).read_bytes()
        assert data.startswith(b"\x89PNG")
        assert name in text
        assert len(data) > 10_000


def test_export_in_8_bits(csv, tmp_path, capsys):
    # of 14 validation images, one more mistake is a fall of more than .005
    int8 = ["--int8", str(csv), "--max-f1-drop", "1"]
    out = tmp_path / "a.onnx"
    assert main(["export", "mobilenet-fer2013", "--out", str(out), *int8]) == 0
    said = (
        "the 14 images that ferkit train validates on, which these weights were trained on, too: "
    )
    assert said in capsys.readouterr().out
    metadata = ferkit.deploy.OnnxFER(out).metadata_
    assert (metadata["quantize"], metadata["n_scored"]) == ("int8", 14)
