import os
import sys
from pathlib import Path

import pytest

from ferkit import ResNetFER, _paths, cli
from ferkit.datasets import make_faces
from ferkit.deploy import export_onnx, predict_files
from ferkit.inspection import write_page

UNWRITABLE = Path("/proc")  # even for root


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="is about /proc")
def test_places_are_tried_before_the_work(capsys):
    X, y = make_faces(14, random_state=0, return_X_y=True)
    fitted = ResNetFER.from_pretrained("fer2013")
    message = "got /proc/a.html, expected a place where a file can be made"
    with pytest.raises(OSError, match=message):
        write_page(UNWRITABLE / "a.html", fitted, X, y)
    with pytest.raises(OSError, match=message.replace("html", "onnx")):
        export_onnx(fitted, UNWRITABLE / "a.onnx")
    assert cli.main(["train", "no data", "--out", "/proc/a.html"]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="is about /proc")
def test_errors_name_the_path_that_was_given():
    with pytest.raises(OSError, match=r"'/proc/a\.html'$"):
        _paths.write_whole(UNWRITABLE / "a.html", b"")


def test_a_link_stays_a_link(tmp_path):
    path, link = tmp_path / "file", tmp_path / "link"
    path.write_bytes(b"old")
    link.symlink_to(path)
    _paths.write_whole(link, b"new")
    assert link.is_symlink()
    assert path.read_bytes() == b"new"
    assert sorted(os.listdir(tmp_path)) == ["file", "link"]


def test_a_link_is_judged_by_where_it_leads(tmp_path):
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "none" / "file")
    with pytest.raises(FileNotFoundError, match=r"link, a link to .*none.file, expected a file in"):
        _paths.check_place(link)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes")
def test_pipes_and_devices_are_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileExistsError, match="pipe, a device or pipe, expected a file"):
        _paths.check_place(tmp_path / "pipe")


def test_names_as_long_as_file_systems_take(tmp_path):
    path = tmp_path / ("é" * 127)
    _paths.check_place(path)
    _paths.write_whole(path, b"content")
    assert path.read_bytes() == b"content"


def test_an_empty_path(capsys):
    X, y = make_faces(14, random_state=0, return_X_y=True)
    with pytest.raises(ValueError, match="got an empty path, expected a file's or folder's"):
        ResNetFER(max_epochs=1, checkpoint_dir="").fit(X, y)
    assert _paths.as_path(".") == Path(".")
    ((path, faces, error),) = predict_files(ResNetFER.from_pretrained("fer2013"), [""], crops=True)
    assert (path, faces) == ("", None)
    assert "got an empty path" in error
    with pytest.raises(SystemExit, match="2"):
        cli.main(["train", "fer2013.zip", "--out", ""])
    assert "argument --out: got an empty path, expected a file's" in capsys.readouterr().err
