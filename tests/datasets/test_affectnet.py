import io
import re

import numpy as np
import pytest

from ferkit import EMOTIONS
from ferkit.datasets import load_affectnet
from tests.datasets.fer2013_files import write_files
from tests.datasets.image_sets import (
    CODES,
    HEADER,
    colours,
    encode,
    faces,
    write_annotated,
    write_classes,
)

NAMES = ("neutral", "happiness", "Sadness", "surprised", "Fear", "disgust", "Anger", "contempt")
LABELS = [EMOTIONS.index(name) for name in CODES[:7]]


def write_codes(root, name_of=str, n_codes=8):
    """Write face i, and face n_codes + i, to the folder of code i."""
    n = n_codes
    return write_classes(root, {name_of(i): faces(2 * n)[[i, n + i]] for i in range(n)})


def check_two_of_each(data, n_codes=8):
    """The seven emotions, in any order, without contempt."""
    found = {(int(y), image.tobytes()) for y, image in zip(data.target, data.images, strict=True)}
    expected = {
        (LABELS[i % n_codes], face.tobytes())
        for i, face in enumerate(faces(2 * n_codes))
        if i % n_codes < 7
    }
    assert found == expected
    assert len(data.images) == 14


@pytest.mark.parametrize(
    ("folder", "subset", "name_of"),
    [
        ("train", "train", str),
        ("val", "val", str),
        ("test", "test", str),
        ("train_class", "train", lambda i: f"class{i + 1:03}"),
        ("val_class", "val", lambda i: f"class{i + 1:03}"),
        ("archive (3)/Train", "train", NAMES.__getitem__),
        ("archive (3)/Test", "test", NAMES.__getitem__),
        ("", "train", NAMES.__getitem__),
    ],
)
def test_folders(folder, subset, name_of, tmp_path):
    write_codes(tmp_path / folder, name_of)
    write_files(tmp_path, {"labels.csv": b"x"})
    data = load_affectnet(str(tmp_path), subset=subset)
    check_two_of_each(data)
    assert data.dropped == {"contempt": 2}
    assert data.filenames.tolist() == sorted(data.filenames)


def test_all_eleven_codes_as_folders(tmp_path):
    write_codes(tmp_path / "train", n_codes=11)
    data = load_affectnet(tmp_path)
    check_two_of_each(data, n_codes=11)
    assert data.dropped == {"contempt": 2, "none": 2, "uncertain": 2, "no-face": 2}


def test_subsets_of_one_folder(tmp_path):
    write_classes(tmp_path / "train", {"0": faces()[:1], "1": faces()[1:2]})
    write_classes(tmp_path / "val", {"0": faces()[2:3], "1": faces()[3:4]})
    for subset, expected in (("train", faces()[:2]), ("val", faces()[2:4])):
        data = load_affectnet(tmp_path, subset=subset)
        np.testing.assert_array_equal(data.images, expected)
        assert data.target.tolist() == [6, 3]
    with pytest.raises(ValueError, match=r"got no test images, .*subset='train' or 'val', or"):
        load_affectnet(tmp_path, subset="test")


def test_bunch(tmp_path):
    data = load_affectnet(write_codes(tmp_path / "train").parent)
    attributes = "DESCR data dropped filenames images skipped target target_names"
    assert sorted(data) == attributes.split()
    assert data.images.shape == (14, 48, 48)
    assert data.images.dtype == np.uint8
    assert data.data.shape == (14, 2304)
    assert data.target.dtype == np.int64
    assert data.target_names == list(EMOTIONS)
    assert data.filenames[0] == "0/000.png"
    assert data.skipped == []
    assert "14 of train; left out by label: 2 contempt" in data.DESCR
    images, target = load_affectnet(tmp_path, return_X_y=True)
    np.testing.assert_array_equal(images, data.images)
    np.testing.assert_array_equal(target, data.target)


@pytest.mark.parametrize("emotion", ["disgust", "angry", "neutral"])
def test_contempt_as_an_emotion(emotion, tmp_path):
    write_codes(tmp_path / "train")
    dropped = load_affectnet(tmp_path)
    counted = load_affectnet(tmp_path, contempt=emotion)
    more = np.bincount(counted.target, minlength=7) - np.bincount(dropped.target, minlength=7)
    assert more.tolist() == [2 * (name == emotion) for name in EMOTIONS]
    assert counted.dropped == {}


def test_resized_gray_or_colour_into_a_memory_map(tmp_path):
    root = write_files(tmp_path / "set", {"train/0/a.png": encode(colours())})
    gray = load_affectnet(root, memmap=tmp_path / "a.npy")
    assert isinstance(gray.images, np.memmap)
    assert gray.images.shape == (1, 48, 48)
    assert load_affectnet(root, image_size=(10, 12), gray=False).images.shape == (1, 10, 12, 3)
    assert load_affectnet(root, image_size=np.int64(12)).images.shape == (1, 12, 12)


def claim(descr, shape):
    """A .npy file that claims to hold an array."""
    header = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header + bytes(8)


def npz():
    stream = io.BytesIO()
    np.savez(stream, np.array(3))
    return stream.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        npz(),
        claim("<i8", (10**12,)),
        claim("<i8", (-1,)),
        claim("<U999999999", ()),
        claim("i4,i4", ()),
        claim("<i8", "(")[:-9],
        claim("<f8", ())[:-8] + np.float64(3.5).tobytes(),
        claim("<f8", ())[:-8] + np.float64(np.inf).tobytes(),
        claim("<i8", ()) + bytes(2**20),
    ],
    ids=["npz", "huge", "negative", "long", "pair", "cut", "3.5", "inf", "megabyte"],
)
def test_annotations_of_other_things(content, tmp_path):
    write_files(
        tmp_path / "train_set",
        {"images/1.png": encode(faces()[0]), "annotations/1_exp.npy": content},
    )
    with (
        pytest.raises(ValueError, match=r"The first bad sample: .*1_exp.npy: got no label"),
    ):
        load_affectnet(tmp_path, on_error="skip")


@pytest.mark.parametrize("name", ["a\0b", "a" * 300])
def test_names_that_no_file_has(name, tmp_path):
    write_annotated(tmp_path, range(7))
    text = (tmp_path / "training.csv").read_text()
    (tmp_path / "training.csv").write_text(text.replace("1/1.png", name))
    with pytest.raises(ValueError, match=r": got .*, expected .*; .* on_error='skip'"):
        load_affectnet(tmp_path)
    with pytest.warns(UserWarning, match="left out 1 bad sample"):
        assert len(load_affectnet(tmp_path, on_error="skip").images) == 6


def test_two_columns_of_a_name(tmp_path):
    write_annotated(tmp_path, range(7))
    text = (tmp_path / "training.csv").read_text()
    (tmp_path / "training.csv").write_text(text.replace("face_x", "expression", 1))
    with pytest.raises(ValueError, match=r"training.csv: got a csv with two columns of a name"):
        load_affectnet(tmp_path)


def test_annotation_files(tmp_path):
    files = {}
    for i, face in enumerate(faces(16)):
        files[f"train_set/images/{i}.png"] = encode(face)
    root = write_files(tmp_path, files)
    (root / "train_set/annotations").mkdir()
    for i in range(16):
        np.save(root / f"train_set/annotations/{i}_exp.npy", np.array(str(i % 8)))
    data = load_affectnet(root)
    check_two_of_each(data)
    assert data.dropped == {"contempt": 2}

    np.save(root / "train_set/annotations/3_exp.npy", np.array("11"))
    np.save(root / "train_set/annotations/4_exp.npy", np.array([object()]), allow_pickle=True)
    (root / "train_set/annotations/5_exp.npy").unlink()
    np.save(root / "train_set/annotations/6_exp.npy", np.array(-1))
    with pytest.raises(ValueError, match=r"3_exp.npy: got no label \(.*expected a code from 0 to"):
        load_affectnet(root)
    with pytest.warns(UserWarning, match="left out 4 bad samples"):
        data = load_affectnet(root, on_error="skip")
    assert [name for name, _ in data.skipped] == [f"images/{i}.png" for i in (3, 4, 5, 6)]
    assert len(data.images) == 10


# -- csv ---------------------------------------------------------------------------------------


def without(*columns):
    return ",".join(column for column in HEADER.split(",") if column not in columns)


@pytest.mark.parametrize("n_codes", [8, 11])
@pytest.mark.parametrize(
    "layout",
    [
        {},
        {"images": "Manually_Annotated_Images/"},
        {"name": "validation.csv", "header": ""},
        {
            "name": "Manually_Annotated_file_lists/training.csv",
            "images": "Manually_Annotated/Manually_Annotated_Images/",
        },
        {"header": ",".join(reversed(HEADER.split(",")))},
    ],
)
def test_csv_cuts_the_faces_out(layout, n_codes, tmp_path):
    write_annotated(tmp_path, [i % n_codes for i in range(2 * n_codes)], **layout)
    subset = "val" if "validation" in str(layout) else "train"
    data = load_affectnet(tmp_path, subset=subset)
    check_two_of_each(data, n_codes)
    expected = {name: 2 for name in CODES[7:n_codes]}
    assert data.dropped == expected
    kept = [i for i in range(2 * n_codes) if i % n_codes < 7]
    assert data.filenames.tolist() == [f"{i % 3}/{i}.png" for i in kept]


def test_csv_without_boxes(tmp_path):
    header = without("face_x", "face_y", "face_width", "face_height")
    write_annotated(tmp_path, [i % 8 for i in range(16)], header=header, boxes=False)
    check_two_of_each(load_affectnet(tmp_path))


def edit(path, line, old, new):
    lines = path.read_text().split("\n")
    assert old in lines[line - 1]
    lines[line - 1] = lines[line - 1].replace(old, new, 1)
    path.write_text("\n".join(lines))


@pytest.mark.parametrize(
    "others",
    [
        ["train/anger/0.png", "training/sad/0.png"],
        ["train/anger/0.png", "sad/0.png"],
    ],
)
def test_a_part_in_two_places(others, tmp_path):
    write_files(tmp_path, {name: b"" for name in others})
    first, second = (str(tmp_path / name) for name in ("train", others[1].split("/")[0]))
    with pytest.raises(ValueError, match=r"got train images in .* expected one of them") as e:
        load_affectnet(tmp_path)
    assert first in str(e.value)
    assert (str(tmp_path) if second.endswith("sad") else second) in str(e.value)


def test_a_box_that_leaves_the_image_is_cut(tmp_path):
    write_annotated(tmp_path, [0, 0])
    edit(tmp_path / "training.csv", 2, "0/0.png,0,0,48,48", "0/0.png,-16,0,64,48")
    data = load_affectnet(tmp_path)
    np.testing.assert_array_equal(data.images, faces(2))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("1.5;2.5,0,", "1.5;2.5,11,", "got expression '11', expected a code from 0 to 10"),
        ("1.5;2.5,0,", "1.5;2.5,,", "got expression '', expected a code"),
        ("0/0.png", "", "got subDirectory_filePath '', expected a path within the images' folder"),
        ("0/0.png", "../0.png", r"got subDirectory_filePath '\.\./0.png'"),
        ("0/0.png", "/0.png", "got subDirectory_filePath '/0.png'"),
        (",48,48,", ",NULL,48,", "got the face box 0, 0, NULL, 48, expected x, y, width and"),
        (",48,48,", ",0,48,", "got the face box 0, 0, 0, 48, expected"),
        (",48,48,", ",inf,48,", "got the face box 0, 0, inf, 48, expected"),
    ],
)
def test_bad_lines(old, new, message, tmp_path):
    write_annotated(tmp_path, [0, 1, 2])
    edit(tmp_path / "training.csv", 2, old, new)
    with pytest.raises(ValueError, match=rf"training.csv, line 2: {message}") as e:
        load_affectnet(tmp_path)
    assert re.search(r"; mend or remove the line, or pass on_error='skip'$", str(e.value))
    with pytest.warns(UserWarning, match="left out 1 bad sample, all listed") as w:
        data = load_affectnet(tmp_path, on_error="skip")
    assert w[0].filename == __file__
    assert data.skipped == [(2, str(e.value))]
    np.testing.assert_array_equal(data.images, faces(3)[1:])


def test_lines_are_counted_as_editors_do(tmp_path):
    write_annotated(tmp_path, [0, 1, 2])
    path = tmp_path / "training.csv"
    path.write_text(path.read_text().replace("\n", "\n\n\n", 1).replace("2/2.png", ""))
    with pytest.raises(ValueError, match=r"training.csv, line 6: got subDirectory_filePath ''"):
        load_affectnet(tmp_path)


def test_commas_at_the_ends_of_lines(tmp_path):
    write_annotated(tmp_path, [0, 1])
    path = tmp_path / "training.csv"
    header, *rows = path.read_text().splitlines()
    path.write_text("\n".join([header, *(row + "," for row in rows)]))
    np.testing.assert_array_equal(load_affectnet(tmp_path).images, faces(2))


def test_what_is_dropped_needs_neither_box_nor_file(tmp_path):
    write_annotated(tmp_path, [0, 10, 2])
    edit(tmp_path / "training.csv", 3, ",48,48,", ",NULL,NULL,")
    (tmp_path / "1/1.png").unlink()
    data = load_affectnet(tmp_path)
    assert data.dropped == {"no-face": 1}
    np.testing.assert_array_equal(data.images, faces(3)[[0, 2]])


def test_a_box_beside_the_image(tmp_path):
    write_annotated(tmp_path, [0, 1])
    edit(tmp_path / "training.csv", 2, "0/0.png,0,0,", "0/0.png,140,0,")
    message = r"0/0.png: got a face box \(140, 0, 188, 48\) beside the image of 140 x 100 pixels, "
    message += "expected a box within the image; mend or remove its line of the csv, or pass"
    with pytest.raises(ValueError, match=message):
        load_affectnet(tmp_path)


def test_a_missing_image(tmp_path):
    write_annotated(tmp_path, [0, 1])
    (tmp_path / "0/0.png").unlink()
    with pytest.raises(ValueError, match=r"0/0.png: got no such file, .*; fetch or unpack"):
        load_affectnet(tmp_path)
    with pytest.warns(UserWarning, match="left out 1 bad sample"):
        data = load_affectnet(tmp_path, on_error="skip")
    assert data.target.tolist() == [3]


def test_no_image_at_all(tmp_path):
    write_annotated(tmp_path, [0, 1], images="elsewhere/")
    message = r"got no file 0/0.png beside it, expected the images there or in Manually_Annotated_I"
    with pytest.raises(FileNotFoundError, match=message):
        load_affectnet(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "got a damaged csv .* expected a whole one"),
        (b"\xff\xfe\x00", "got a damaged csv .* expected a whole one"),
        (
            f"{HEADER}\n1.png,0,0,1,1,0,0,0,0\n2.png,0,0,1,1,0,0,0,0,0\n".encode(),
            r"got a damaged csv \(10 fields in line 3, not 9\), expected a whole one",
        ),
        (f'{HEADER}\n"1.png,0,0,1,1,0,0,0,0\n'.encode(), "got a damaged csv .* expected a whole"),
        (b"image,label\na.png,0\n", "got a csv that starts with 'image, label', expected the col"),
        (b"subDirectory_filePath\na\n", "expected the columns subDirectory_filePath, expression"),
        (HEADER.encode() + b"\n", "got no image of the seven emotions, expected AffectNet's"),
        (f"{HEADER}\n1.png,0,0,1,1,0,9,0,0\n".encode(), "got no image of the seven emotions"),
    ],
)
def test_bad_csv(content, message, tmp_path):
    write_files(tmp_path, {"training.csv": content, "1.png": encode(faces()[0])})
    with pytest.raises(ValueError, match=message):
        load_affectnet(tmp_path)


# -- folders -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["bored", "11", "class000", "class012"])
def test_an_unknown_class_folder(name, tmp_path):
    write_classes(tmp_path / "train", {"0": faces()[:1], name: faces()[1:2]})
    with pytest.raises(ValueError, match=f"train/{name}: got a folder that is no class") as e:
        load_affectnet(tmp_path)
    with pytest.warns(UserWarning, match="left out 1 bad sample"):
        data = load_affectnet(tmp_path, on_error="skip")
    assert data.skipped == [(name, str(e.value))]
    assert data.target.tolist() == [6]


def test_a_bad_image(tmp_path):
    write_files(write_codes(tmp_path / "train"), {"1/bad.jpg": b"x"})
    with pytest.raises(ValueError, match=r"train/1/bad.jpg: got 1 bytes .* expected a JPEG, PNG"):
        load_affectnet(tmp_path)
    with pytest.warns(UserWarning, match="left out 1 bad sample"):
        check_two_of_each(load_affectnet(tmp_path, on_error="skip"))


def test_nothing_of_the_kind(tmp_path):
    write_files(tmp_path, {"photos/1.png": b"", "README": b""})
    with pytest.raises(ValueError, match=r"got a folder with README, photos, expected AffectNet"):
        load_affectnet(tmp_path)
    with pytest.raises(FileNotFoundError, match="got no such path, expected a folder"):
        load_affectnet(tmp_path / "none")


def test_two_of_the_kind(tmp_path):
    for name in ("new", "old"):
        write_codes(tmp_path / name / "train")
    with pytest.raises(ValueError, match="got a folder with new, old, expected one data set; pass"):
        load_affectnet(tmp_path)
    check_two_of_each(load_affectnet(tmp_path / "old"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"subset": "validation"}, "got subset='validation', expected 'train', 'val' or 'test'"),
        ({"contempt": "keep"}, "got contempt='keep', expected 'drop' or one of angry, disgust,"),
        ({"image_size": None}, "got image_size=None, expected a number of pixels"),
        ({"image_size": True}, "got image_size=True, expected a number of pixels"),
        ({"on_error": 1}, "got on_error=1, expected"),
    ],
)
def test_parameters(options, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        load_affectnet(write_codes(tmp_path / "train").parent, **options)
