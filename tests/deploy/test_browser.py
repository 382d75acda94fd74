"""The page in docs/demo, in a real Chromium: what it says of a picture is what Python says.

Needs ``pip install playwright`` and a Chromium: on the path, or named by FERKIT_CHROMIUM.
"""

import importlib.util
import io
import os
import shutil
import threading
import time
from base64 import b64encode
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.data import astronaut

from ferkit import EMOTIONS, MobileNetFER
from ferkit.datasets import make_faces
from ferkit.deploy import crop_faces, read_photo
from ferkit.deploy._inference import InferenceModule

TOLERANCE = 1e-3
WIDTH, HEIGHT = 640, 480  # of the camera


@pytest.fixture(scope="module")
def clf():
    return MobileNetFER.from_pretrained("fer2013")


@pytest.fixture(scope="module")
def chromium():
    pytest.importorskip("playwright", reason="playwright is not installed")
    names = [os.environ.get("FERKIT_CHROMIUM"), "chromium", "chromium-browser", "google-chrome"]
    for path in map(shutil.which, filter(None, names)):
        if path is not None:
            return path
    pytest.skip("there is no Chromium; name one by FERKIT_CHROMIUM")


@pytest.fixture(scope="module")
def address(chromium, tmp_path_factory):
    """Where the page is served."""
    folder = tmp_path_factory.mktemp("demo")
    path = Path(__file__).parents[2] / "docs/demo/build_demo.py"
    spec = importlib.util.spec_from_file_location("build_demo", path)
    build_demo = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build_demo)
    try:
        build_demo.build_demo(folder)
    except (URLError, TimeoutError) as error:
        pytest.skip(f"ONNX Runtime Web cannot be fetched: {error}")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Silent, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def camera_face():
    return make_faces(1, random_state=3, return_X_y=True)[0][0]


@pytest.fixture(scope="module")
def browser(chromium, camera_face, tmp_path_factory):
    from playwright.sync_api import sync_playwright

    feed = tmp_path_factory.mktemp("camera") / "feed.y4m"
    feed.write_bytes(_to_y4m(_to_luma(camera_face)))
    flags = [
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",  # says yes when asked for the camera
        f"--use-file-for-fake-video-capture={feed}",
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def page(browser, address):
    """The loaded page, which may neither fail nor ask other servers for anything."""
    page = browser.new_page()
    page.set_default_timeout(60_000)
    errors, requests = [], []
    page.on("pageerror", lambda error: errors.append(error))
    page.on("console", lambda said: said.type in ("error", "warning") and errors.append(said.text))
    page.on("request", lambda request: requests.append((request.method, request.url)))
    page.goto(address)
    page.evaluate("ferkit.ready")
    n_loaded = len(requests)
    assert all(method == "GET" for method, _ in requests)
    assert all(url.startswith((address, "data:")) for _, url in requests)
    yield page
    page.close()
    assert not errors
    assert len(requests) == n_loaded  # whatever came after: pictures stay here


def test_500_faces(page, clf):
    faces = _faces_of_all_classes(clf)
    expected = clf.predict_proba(faces)
    counts = np.bincount(expected.argmax(axis=1), minlength=7)
    assert len(faces) == 500
    assert counts.min() >= 20  # else agreeing would be easy
    code = """async (text) => {
        const faces = Uint8Array.from(atob(text), (c) => c.charCodeAt());
        return [...(await ferkit.predict(faces)).probabilities];
    }"""
    got = page.evaluate(code, b64encode(faces.tobytes()).decode())
    np.testing.assert_allclose(np.reshape(got, (-1, 7)), expected, rtol=0, atol=TOLERANCE)


def test_a_dropped_face_goes_through_unchanged(page, clf):
    X, _ = make_faces(7, random_state=0, return_X_y=True)
    for face in X:
        _drop(page, _to_png(face))
        answer = _answer(page, face.shape)
        np.testing.assert_array_equal(answer["face"], face)
        expected = clf.predict_proba(face[None])[0]
        np.testing.assert_allclose(answer["probabilities"], expected, rtol=0, atol=TOLERANCE)
        top = expected.argmax()
        assert page.inner_text("#top") == f"{EMOTIONS[top]} {expected[top] * 100:.0f} %"
        rows = page.locator("#bars li").all_inner_texts()
        shown = [tuple(row.split("\n")[:: len(row.split("\n")) - 1]) for row in rows]
        assert [name for name, _ in shown] == list(EMOTIONS)
        percents = [float(percent.removesuffix(" %")) for _, percent in shown]
        np.testing.assert_allclose(percents, expected * 100, rtol=0, atol=0.51)
        assert page.inner_text("#time").endswith("ms a face")


@pytest.mark.parametrize(
    ("x", "y", "side"),
    [(165, 70, 118), (0, 0, 512), (200, 90, 48), (209, 97, 31), (180, 80, 97), (395, 3, 117)],
)
def test_a_square_of_a_photo(page, clf, x, y, side):
    photo = astronaut()
    file = {"name": "photo.png", "mimeType": "image/png", "buffer": _to_png(photo)}
    page.set_input_files("#file", files=[file])
    _answer(page, photo.shape)
    page.evaluate("square => void ferkit.setSquare(...square)", [x, y, side])
    answer = _answer(page, photo.shape, {"x": x, "y": y, "side": side})
    expected = crop_faces(photo, [[x, y, side, side]])
    np.testing.assert_array_equal(answer["face"], expected[0])
    expected = clf.predict_proba(expected)[0]
    np.testing.assert_allclose(answer["probabilities"], expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("kind", ["turned", "transparent", "jpeg", "profile"])
def test_files_are_read_as_in_python(page, kind):
    photo = Image.fromarray(astronaut()[:300, 100:340])
    file = io.BytesIO()
    if kind == "turned":
        exif = Image.Exif()
        exif[274] = 6
        photo.save(file, "PNG", exif=exif)
    elif kind == "transparent":
        photo.putalpha(Image.linear_gradient("L").resize(photo.size))
        photo.save(file, "PNG")
    elif kind == "jpeg":
        photo.save(file, "JPEG", quality=90)
    else:  # a profile that ferkit does not heed either
        photo.save(file, "PNG", icc_profile=_a_profile())
    photo = read_photo(Image.open(io.BytesIO(file.getvalue())))
    _drop(page, file.getvalue(), f"image/{'jpeg' if kind == 'jpeg' else 'png'}")
    answer = _answer(page, photo.shape)
    square = answer["square"]
    box = [square["x"], square["y"], square["side"], square["side"]]
    # one level for rounding: of transparency, and of the JPEG's cosines and colours
    np.testing.assert_allclose(answer["face"], crop_faces(photo, [box])[0], rtol=0, atol=1)


def test_what_is_no_picture(page):
    _drop(page, b"no picture", "text/plain")
    page.locator("#message.error", has_text="no picture that this browser can read").wait_for()
    _drop(page, _to_png(np.zeros((48, 48), dtype=np.uint8)))
    _answer(page, (48, 48))  # and the page goes on


def test_hands(page):
    _drop(page, _to_png(astronaut()))
    _answer(page, astronaut().shape)
    page.locator("#size").fill("128")
    _answer(page, (512, 512), {"x": 192, "y": 192, "side": 128})
    box = page.locator("#view").bounding_box()
    scale = 512 / min(box["width"], box["height"])
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 120, box["y"] + 70, steps=50)
    page.mouse.up()
    moved = {"x": round(192 + 20 * scale), "y": round(192 - 30 * scale), "side": 128}
    _answer(page, (512, 512), moved)
    page.mouse.wheel(0, -400)
    side = round(128 * 1.0015**-400)
    zoomed = {key: round(moved[key] + 64 - side / 2) for key in "xy"} | {"side": side}
    _answer(page, (512, 512), zoomed, within=1)
    page.locator("#view").press("ArrowLeft")
    left = zoomed | {"x": round(zoomed["x"] - side / 20)}
    _answer(page, (512, 512), left, within=1)


def test_two_fingers(page):
    _drop(page, _to_png(astronaut()))
    _answer(page, (512, 512))
    page.evaluate("void ferkit.setSquare(192, 192, 128)")
    box = page.locator("#view").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    hand = page.context.new_cdp_session(page)
    for kind, reach in [("touchStart", 40), ("touchMove", 50), ("touchMove", 80)]:
        fingers = [{"x": x - reach, "y": y, "id": 0}, {"x": x + reach, "y": y, "id": 1}]
        hand.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})
    hand.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    _answer(page, (512, 512), {"x": 128, "y": 128, "side": 256}, within=1)


def test_the_camera(page, clf, camera_face):
    page.click("#camera")
    answer = _answer(page, (HEIGHT, WIDTH))
    side = answer["square"]["side"]
    assert side == 360
    # as a browser makes levels of video, whose luma is 16 to 235
    levels = np.rint((_to_luma(camera_face) - 16.0) * (255 / 219)).clip(0, 255).astype(np.uint8)
    box = [answer["square"]["x"], answer["square"]["y"], side, side]
    # the browser's arithmetic from luma to levels may differ by one; the bicubic filter, whose
    # weights' magnitudes sum to 1.36, can make two levels of it
    np.testing.assert_allclose(answer["face"], crop_faces(levels, [box])[0], rtol=0, atol=2)
    seen = answer["face"].astype(np.uint8)
    expected = clf.predict_proba(seen[None])[0]
    np.testing.assert_allclose(answer["probabilities"], expected, rtol=0, atol=TOLERANCE)
    page.evaluate("void ferkit.setSquare(80, 0, 480)")  # the face, whole
    answer = _answer(page, (HEIGHT, WIDTH), {"x": 80, "y": 0, "side": 480})
    whole = crop_faces(levels, [[80, 0, 480, 480]])[0]
    np.testing.assert_allclose(answer["face"], whole, rtol=0, atol=2)
    page.click("#camera")
    page.locator("#message", has_text="The camera is off").wait_for()


# --- faces ----------------------------------------------------------------------------------------


def _faces_of_all_classes(clf):
    """Drawn faces, changed until they look like each class in turn to the network; then darker."""
    X, _ = make_faces(100, random_state=0, return_X_y=True)
    module = InferenceModule(clf)
    module.tta = None  # half of the work
    levels = torch.from_numpy(X).float() / 255
    targets = torch.arange(len(X)) % 7
    for _ in range(4):
        levels.requires_grad_()
        probabilities, _ = module(levels)
        torch.nn.functional.nll_loss(probabilities.log(), targets).backward()
        levels = (levels - levels.grad.sign() * (4 / 255)).detach().clamp(0, 1)
    darker = [levels * light for light in (1, 0.95, 0.9, 0.85, 0.8)]
    return (torch.cat(darker) * 255).round().byte().numpy()


def _to_png(levels):
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "PNG")
    return file.getvalue()


def _a_profile():
    """Make a profile that has red and blue the other way round."""
    from PIL import ImageCms

    content = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return content.replace(b"rXYZ", b"?XYZ").replace(b"bXYZ", b"rXYZ").replace(b"?XYZ", b"bXYZ")


def _to_luma(face):
    """Put a face into the middle of a video's frame, in limited range."""
    large = face.repeat(HEIGHT // 48, axis=0).repeat(HEIGHT // 48, axis=1)
    frame = np.full((HEIGHT, WIDTH), 128, dtype=np.uint8)
    left = (WIDTH - HEIGHT) // 2
    frame[:, left : left + HEIGHT] = large
    return np.rint(16 + frame * (219 / 255)).astype(np.uint8)


def _to_y4m(luma):
    chroma = bytes([128]) * (luma.size // 2)
    frame = b"FRAME\n" + luma.tobytes() + chroma
    return b"YUV4MPEG2 W%d H%d F10:1 Ip A1:1\n" % (WIDTH, HEIGHT) + frame * 2


# --- the page -------------------------------------------------------------------------------------


def _drop(page, content, kind="image/png"):
    code = """([text, type]) => {
        const content = Uint8Array.from(atob(text), (c) => c.charCodeAt());
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([content], "dropped", { type }));
        const options = { dataTransfer, bubbles: true, cancelable: true };
        document.getElementById("stage").dispatchEvent(new DragEvent("drop", options));
    }"""
    page.evaluate("ferkit.forget()")
    page.evaluate(code, [b64encode(content).decode(), kind])


def _answer(page, shape, square=None, within=0):
    """Wait for the answer for a picture of this shape, and a square of it, within some pixels."""
    code = """() => {
        const answer = ferkit.answer();
        if (!answer) return null;
        const { picture, square, face, probabilities } = answer;
        const shape = [picture.height, picture.width];
        return { shape, square, face: [...face], probabilities: [...probabilities] };
    }"""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        answer = page.evaluate(code)
        is_other = not answer or answer["shape"] != list(shape[:2])
        if not is_other and square is not None:
            is_other = any(abs(answer["square"][key] - square[key]) > within for key in square)
        if not is_other:
            answer["face"] = np.reshape(answer["face"], (48, 48))
            return answer
        time.sleep(0.02)
    pytest.fail(f"no answer for {shape}, {square}; the last one is {answer}")
