"""Predictions for files, one after the other."""

import json
import os
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut, coins

from ferkit import EMOTIONS, MobileNetFER
from ferkit.cli import main
from ferkit.datasets import load_image_folder, make_faces
from ferkit.deploy import OnnxFER, predict_files, predict_photo


@pytest.fixture(scope="module")
def clf():
    return MobileNetFER.from_pretrained("fer2013")


@pytest.fixture(scope="module")
def album(tmp_path_factory):
    """A folder: a photo with a face, one without within a folder, a broken one, and others."""
    folder = tmp_path_factory.mktemp("album")
    (folder / "more").mkdir()
    (folder / ".hidden").mkdir()
    Image.fromarray(astronaut()).save(folder / "astronaut.JPG", format="JPEG")
    Image.fromarray(coins()).save(folder / "more" / "coins.png")
    Image.fromarray(coins()).save(folder / ".hidden" / "coins.png")
    (folder / "broken.png").write_bytes(b"nothing")
    (folder / "notes.txt").write_text("no image")
    return folder


@pytest.fixture(scope="module")
def crops(tmp_path_factory):
    """More faces than a batch, one file each, and a broken one among them."""
    folder = tmp_path_factory.mktemp("crops")
    X, _ = make_faces(70, random_state=0, return_X_y=True)
    for number, face in enumerate(X):
        Image.fromarray(face).save(folder / f"{number:03}.png")
    (folder / "030x.png").write_bytes(b"nothing")
    return folder, X


def test_a_tilde_is_the_home_folder(clf, album, monkeypatch):
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(album.parent))
    found = predict_files(clf, [f"~/{album.name}"])
    assert [item.path for item in found] == [item.path for item in predict_files(clf, album)]


def test_paths_may_be_bytes(clf, album):
    path = os.fsencode(album / "broken.png")
    for paths in (path, [path]):
        ((found, _, error),) = predict_files(clf, paths)
        assert found == str(album / "broken.png")
        assert "got 7 bytes" in error


def test_a_folder(clf, album):
    astronaut_, broken, coins_ = predict_files(clf, album)
    assert astronaut_.path == str(album / "astronaut.JPG")
    expected = predict_photo(clf, album / "astronaut.JPG")
    assert expected["label"].tolist() == ["happy"]
    assert astronaut_.faces.equals(expected)
    assert coins_.path == str(album / "more" / "coins.png")
    assert len(coins_.faces) == 0
    assert coins_.faces.columns.tolist() == expected.columns.tolist()
    assert broken.faces is None
    assert "broken.png: got 7 bytes" in broken.error


def test_crops_are_the_estimators_own_images(clf, crops):
    folder, X = crops
    found = list(predict_files(clf, folder, crops=True))
    assert len(found) == 71
    assert [f.path for f in found if f.error] == [str(folder / "030x.png")]
    proba = np.concatenate([f.faces[list(EMOTIONS)].to_numpy() for f in found if not f.error])
    np.testing.assert_allclose(proba, clf.predict_proba(X), atol=1e-6)
    assert found[0].faces[["x", "y", "width", "height"]].iloc[0].tolist() == [0, 0, 48, 48]


def test_nothing_but_bad_crops(clf, tmp_path):
    (tmp_path / "a.png").write_bytes(b"nothing")
    ((path, faces, error),) = predict_files(clf, tmp_path, crops=True)
    assert (path, faces) == (str(tmp_path / "a.png"), None)
    assert "a.png: got 7 bytes" in error


def test_crops_of_other_shapes(clf, tmp_path):
    Image.new("RGB", (100, 60), "white").save(tmp_path / "a.png")
    ((_, faces, error),) = predict_files(clf, tmp_path / "a.png", crops=True)
    assert error is None
    white = clf.predict_proba(np.full((1, 48, 48), 255, np.uint8))
    np.testing.assert_allclose(faces[list(EMOTIONS)], white, atol=1e-6)


@pytest.mark.parametrize("gray", [True, False])
@pytest.mark.parametrize("name", ["1.png", "1.jfif", "1.gif"])
@pytest.mark.parametrize("shape", [(48, 48), (600, 401), (100, 60, 3), (401, 1600, 3), (20, 20)])
def test_crops_are_resized_as_files_are_loaded(tmp_path, shape, name, gray):
    (tmp_path / "a").mkdir()
    levels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    image = Image.fromarray(levels).convert("P") if name == "1.gif" else Image.fromarray(levels)
    image.save(tmp_path / "a" / name, format="JPEG" if name == "1.jfif" else None)
    images = load_image_folder(tmp_path, image_size=(40, 48), gray=gray).images
    recorder = Recorder(images.shape[1:])
    ((_, faces, _),) = predict_files(recorder, tmp_path, crops=True)
    np.testing.assert_array_equal(recorder.seen, images)
    assert faces[["width", "height"]].to_numpy().tolist() == [[shape[1], shape[0]]]


class Recorder:
    """Predict nothing, but keep what was seen."""

    classes_ = np.arange(7)

    def __init__(self, image_shape):
        self.image_shape_ = image_shape
        self.n_features_in_ = np.prod(image_shape)

    def predict_proba(self, X):
        self.seen = X
        return np.full((len(X), 7), 1 / 7)


@pytest.mark.parametrize("size", [(48, 48), (96, 48), (48, 96)])
@pytest.mark.parametrize("shape", [(400, 300), (801, 808), (400, 400)])
def test_crops_that_lie_on_their_side(tmp_path, size, shape):
    levels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    smooth = Image.fromarray(levels).resize((10, 12)).resize(shape[::-1])
    orientation = Image.Exif()
    orientation[0x0112] = 6
    (tmp_path / "a").mkdir()
    path = tmp_path / "a" / "1.jpg"
    smooth.transpose(Image.Transpose.ROTATE_90).save(path, exif=orientation)
    recorder = Recorder(size)
    ((_, faces, _),) = predict_files(recorder, tmp_path, crops=True)
    assert faces[["width", "height"]].to_numpy().tolist() == [[*shape[::-1]]]
    np.testing.assert_array_equal(
        recorder.seen, load_image_folder(tmp_path, image_size=size).images
    )
    upright = np.asarray(smooth.resize(size[::-1], Image.Resampling.BICUBIC)).astype(int)
    assert np.abs(recorder.seen[0] - upright).mean() < 5


def test_what_surrounds_a_face_can_be_cut_off(clf, tmp_path):
    face, _ = make_faces(1, random_state=0, return_X_y=True)
    Image.fromarray(np.pad(face[0], 12)).save(tmp_path / "a.png")
    ((_, faces, _),) = predict_files(clf, tmp_path, crops=True, margin=-12 / 72)
    np.testing.assert_allclose(faces[list(EMOTIONS)], clf.predict_proba(face), atol=1e-6)
    with pytest.raises(ValueError, match=r"got margin=0.1 for crops, expected 0 or less"):
        predict_files(clf, tmp_path, crops=True, margin=0.1)


def test_it_streams(clf, crops):
    folder, _ = crops
    asked = []

    def paths():
        for number in range(70):
            asked.append(number)
            yield folder / f"{number:03}.png"

    found = predict_files(clf, paths(), crops=True)
    next(found)
    assert len(asked) == 64
    assert len(list(found)) == 69


def test_large_crops_are_not_held(clf, tmp_path):
    path, side = tmp_path / "a.png", 1000
    Image.new("RGB", (side, side), "white").save(path)
    tracemalloc.start()
    list(predict_files(clf, [path] * 10, crops=True))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 * 3 * side**2


def test_what_it_refuses(clf):
    with pytest.raises(TypeError, match="expected a fitted classifier with predict_proba"):
        predict_files(object(), "a")
    with pytest.raises(FileNotFoundError, match="expected an ONNX file; there is none"):
        predict_files(OnnxFER("none.onnx"), "a")
    for options in ({"margin": -3}, {"crops": "no"}):
        with pytest.raises(ValueError, match="parameter of predict_files must be"):
            predict_files(clf, "a", **options)
    ((path, faces, error),) = predict_files(clf, "/nowhere/a.jpg")
    assert (path, faces) == ("/nowhere/a.jpg", None)
    assert "got no such file" in error


def test_command_line(album, crops, tmp_path, capsys):
    assert main(["predict", str(album)]) == 3
    out, err = capsys.readouterr()
    first, second = out.splitlines()
    assert first.startswith(f"{album / 'astronaut.JPG'}: happy 0.")
    assert " at " in first
    assert second == f"{album / 'more' / 'coins.png'}: no face"
    assert "broken.png: got 7 bytes" in err
    assert "1 of 3 could not be read" in err
    assert main(["predict", str(album / "broken.png"), "--json"]) == 1
    line = json.loads(capsys.readouterr().out)
    assert line["path"] == str(album / "broken.png")
    assert "got 7 bytes" in line["error"]
    for file, is_hinted in (("broken.png", False), ("more/coins.png", True)):
        main(["predict", str(album / file)])
        assert ("want --crops" in capsys.readouterr().err) == is_hinted

    file = str(album / "astronaut.JPG")
    assert main(["predict", file, "--json", "--model", "resnet-fer2013"]) == 0
    (face,) = json.loads(capsys.readouterr().out)["faces"]
    assert face["label"] == "happy"
    assert face["probabilities"]["happy"] == face["probability"]
    assert list(face["probabilities"]) == list(EMOTIONS)

    assert main(["predict", str(crops[0] / "000.png"), "--crops"]) == 0
    assert " at " not in capsys.readouterr().out
    assert main(["predict", str(tmp_path)]) == 1
    assert f"got no image in {tmp_path}" in capsys.readouterr().err


def test_a_folder_that_cannot_be_read(clf, album, monkeypatch):
    real = os.scandir

    def refuse(folder):
        if os.fspath(folder).endswith("more"):
            raise PermissionError(13, "Permission denied", os.fspath(folder))
        return real(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    found = list(predict_files(clf, album))
    assert [f.error for f in found if f.path.endswith("more")] == [
        f"{album / 'more'}: Permission denied"
    ]
    assert len(found) == 3


def test_names_that_are_no_text(crops, tmp_path, capsys):
    name = os.fsencode(tmp_path) + b"/a\xff\x1b\nb.png"
    with open(name, "wb") as file:
        file.write((crops[0] / "000.png").read_bytes())
    assert main(["predict", str(tmp_path), "--crops"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{tmp_path}/a\\xff\\x1b\\nb.png: ")


def test_names_that_the_outputs_encoding_has_not(crops, tmp_path):
    for name in ("1 \N{GRINNING FACE}.png", "2.png"):
        (tmp_path / name).write_bytes((crops[0] / "000.png").read_bytes())
    found = subprocess.run(
        [sys.executable, "-m", "ferkit", "predict", tmp_path, "--crops"],
        env={**os.environ, "PYTHONIOENCODING": "cp1252"},
        capture_output=True,
        check=True,
    )
    first, second = found.stdout.splitlines()
    assert rb"1 \U0001f600.png: " in first
    assert b"2.png: " in second


def test_who_reads_may_stop(crops):
    command = [sys.executable, "-m", "ferkit", "predict", str(crops[0]), "--crops"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        error = process.stderr.read()
    assert process.returncode == 141
    assert b"Broken pipe" not in error


def test_export_and_use(crops, tmp_path, capsys):
    path = str(tmp_path / "a.onnx")
    assert main(["export", "mobilenet-fer2013", "--out", path]) == 0
    assert "wrote" in capsys.readouterr().out
    assert OnnxFER(path).metadata_["tta"] == "flip"
    file = str(crops[0] / "000.png")
    printed = []
    for model in (path, "mobilenet-fer2013"):
        assert main(["predict", file, "--crops", "--model", model]) == 0
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    assert main(["export", "mobilenet-fer2013", "--out", str(tmp_path / "a")]) == 1
    assert "expected a name that ends in .onnx" in capsys.readouterr().err
    assert main(["export", "nothing", "--out", path]) == 1
    assert "got nothing, expected a model file" in capsys.readouterr().err
