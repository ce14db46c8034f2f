import threading
import time
import urllib.error
import urllib.request

import cv2
import keras
import numpy as np
import pytest

from cnnviz import cam, live
from cnnviz.derivatives import derivatives
from cnnviz.dream.video import write_video
from cnnviz.live import loop, sources
from cnnviz.live.looking import Look, weighed
from cnnviz.live.screen import compose, mosaic
from cnnviz.live.sources import open_source
from cnnviz.live.window import Window
from cnnviz.models import Classifier
from tests.cnnviz.model_kinds import KINDS

RED, GREEN, BLUE = (200, 20, 10), (10, 180, 30), (20, 10, 210)


def plain(colour, side=64):
    return np.full((side, side, 3), colour, np.uint8)


@pytest.fixture(scope="module")
def net():
    """Three classes: red, green and blue, by the mean of each; so colours that are swapped are found out."""
    inputs = keras.Input((None, None, 3))
    maps = keras.layers.Conv2D(3, 1, activation="relu", name="first")(inputs)
    maps = keras.layers.MaxPooling2D(4)(maps)
    maps = keras.layers.Conv2D(3, 1, activation="relu", name="second")(maps)
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(maps))
    for name in ("first", "second"):
        model.get_layer(name).set_weights([np.eye(3, dtype=np.float32)[None, None], np.zeros(3, np.float32)])
    return Classifier(model, ("red", "green", "blue"), 32, lambda images: images / 32)


def look_at(net, method="grad_cam", layer=None, target=None):
    return Look.at(net, net.preprocess(plain(RED)), method, layer, target)


# colours


@pytest.mark.parametrize("colour", [RED, GREEN, BLUE])
def test_colours_survive_being_written_and_read(tmp_path, colour):
    path = write_video([plain(colour)] * 3, tmp_path / "one.mp4")
    frames = list(open_source(path).frames)
    assert len(frames) == 3
    np.testing.assert_allclose(frames[0].mean(axis=(0, 1)), colour, atol=12)


def test_the_network_sees_red_where_the_video_is_red(net, tmp_path):
    path = write_video([plain(RED)] * 2 + [plain(BLUE)] * 2, tmp_path / "two.mp4")
    look, names = look_at(net), []
    for frame in open_source(path).frames:
        names.append(look.see(net.preprocess(frame)).answers[0].name)
    assert names == ["red", "red", "blue", "blue"]


def test_what_is_written_shows_red_as_red(net, tmp_path):
    live.run(net, [plain(RED)] * 2, method="activations", output=tmp_path / "out.mp4", verbose=False)
    (frame, *_) = open_source(tmp_path / "out.mp4").frames
    # The small picture on the panel is the only thing of that colour.
    near = np.abs(frame.astype(int) - RED).max(axis=-1) < 40
    assert near.sum() > 2000
    assert (np.abs(frame.astype(int) - RED[::-1]).max(axis=-1) < 40).sum() == 0


# what is seen


def test_one_pass_gives_the_map_of_cnnviz_cam(net):
    frame = np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)
    images = net.preprocess(frame)
    for method in ("grad_cam", "hires_cam", "layer_cam"):
        for layer in ("first", "second"):
            wanted = getattr(cam, method)(net, images, 1, layer)[0]
            np.testing.assert_allclose(look_at(net, method, layer, "green").see(images).map, wanted, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_answers_and_maps_on_every_kind_of_model(kind):
    keras.utils.set_random_seed(1)
    model = KINDS[kind]()
    images = np.random.default_rng(0).uniform(0, 1, (1, 16, 16, 3)).astype(np.float32)
    outputs = np.asarray(model(images), np.float64)[0]
    classes = 2 if kind == "binary_sigmoid" else len(outputs)
    net = Classifier(model, tuple(map(str, range(classes))), 16, lambda images: images)
    if kind == "binary_sigmoid":
        wanted = np.array([1 - outputs[0], outputs[0]])
    else:
        wanted = outputs if kind == "softmax" else np.exp(outputs) / np.exp(outputs).sum()
    tolerance = 2e-2 if "bfloat16" in kind else 1e-5
    for method in live.METHODS:
        sight = Look.at(net, images, method, None, None).see(images)
        found = {answer.index: answer.probability for answer in sight.answers}
        np.testing.assert_allclose([found[index] for index in range(classes)], wanted, atol=tolerance)
        if method != "activations":
            assert sight.explained == str(int(np.argmax(wanted)))
            assert 0 <= sight.map.min() <= sight.map.max() <= 1


def test_the_gradient_is_that_of_the_pixels(net):
    images = net.preprocess(np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8))
    slope = np.abs(derivatives(net, images).images[0]).max(axis=-1)
    wanted = np.clip(slope / np.percentile(slope, 99), 0, 1)
    np.testing.assert_allclose(look_at(net, "gradient").see(images).map, wanted, atol=1e-6)


def test_a_map_of_zeros_stays_black(net):
    assert not look_at(net, target="blue").see(net.preprocess(plain((90, 0, 0)))).map.any()
    assert weighed("grad_cam", np.zeros((2, 2, 3)), np.ones((2, 2, 3))).tolist() == [[0, 0], [0, 0]]


def test_frames_are_not_compiled_again(net, monkeypatch):
    """As many frames as you like, one trace."""
    import tensorflow as tf

    look = look_at(net)
    look.see(net.preprocess(plain(RED)))
    made = []
    original = tf.function
    monkeypatch.setattr(tf, "function", lambda *args, **kwargs: made.append(1) or original(*args, **kwargs))
    for target in (None, 0, 1, 2):
        look.target = target
        look.see(net.preprocess(plain(GREEN)))
    assert not made


# keys


def test_keys(net):
    look = look_at(net)
    sight = look.see(net.preprocess(plain((200, 100, 10))))
    assert (look.layers, look.layer) == (["first", "second"], "second")
    assert not look.press("w")
    assert look.layer == "first"
    look.press("e")
    look.press("e")
    assert look.layer == "first"  # round and round
    for number, method in enumerate(live.METHODS, start=1):
        look.press(str(number))
        assert look.method == method
    look.press("7"), look.press("0"), look.press("?")
    assert look.method == live.METHODS[-1]
    look.press("e")
    assert look.layer == "first"  # of no use for a method by pixels
    assert [look.press("t", sight) or look.target for _ in range(3)] == [1, 2, None]
    look.press(" ")
    assert look.paused
    assert look.press("q")


def test_a_method_that_the_model_has_not_is_said_on_the_screen(net):
    inputs = keras.Input((32, 32, 3))
    maps = keras.layers.Conv2D(2, 3, activation="tanh", name="tanh")(inputs)
    smooth = Classifier(
        keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(maps)), ("a", "b"), 32, lambda images: images
    )
    viewer = loop._Viewer(smooth, open_source([plain(RED)]), "grad_cam", None, None, None, 160)
    viewer.screen(viewer.first)
    viewer.look.press("6")
    viewer.screen(viewer.first)
    assert "no ReLU" in viewer.look.message
    assert viewer.look.method == "grad_cam"


# the screen


def test_words_can_be_read_whatever_the_picture_shows(net):
    look = look_at(net)
    panels = []
    for colour in ((255, 255, 255), (0, 0, 0), (250, 250, 250)):
        picture = plain(colour)
        panels.append(compose(picture, look, look.see(net.preprocess(plain(RED))), 20.0, 320)[:, 320:])
    np.testing.assert_array_equal(panels[0], panels[1])
    assert panels[0].max() > 240
    assert np.median(panels[0]) < 40
    assert (compose(plain(RED), look, look.see(net.preprocess(plain(RED))), 9.0, 320)[:, 320:] != panels[0]).any()


def test_heat_lies_where_the_map_is_hot(net):
    frame = plain((0, 0, 0), 64)
    frame[:32, 32:] = RED
    shown = compose(frame, look := look_at(net, "hires_cam"), look.see(net.preprocess(frame)), None, 320)[:, :320]
    brightness = shown.astype(int).sum(axis=-1)
    assert brightness[80, 240] > brightness[240, 80] + 150


def test_long_names_stay_on_the_panel(net):
    long = Classifier(net.model, ("r" * 200, "ü" * 90, "x"), 32, net.scale)
    look = Look.at(long, net.preprocess(plain(RED)), "grad_cam", None, None)
    screen = compose(plain(RED), look, look.see(net.preprocess(plain(RED))), 1.0, 160)
    assert screen.shape == (160, 160 + 98, 3)


def test_maps_keep_their_places_and_share_a_scale():
    maps = np.zeros((4, 4, 6), np.float32)
    maps[..., 2], maps[..., 5] = 1, 0.25
    shown = mosaic(maps, 99)
    tiles = shown.astype(int).sum(axis=-1)
    assert tiles[10, 80] > tiles[45, 80] > tiles[10, 10] == tiles[45, 45]  # three tiles in a row
    assert mosaic(np.ones((3, 3, 1000)), 160).shape == (160, 160, 3)


# sources


def test_pictures_of_a_folder_and_what_cannot_be_read(tmp_path):
    for name, colour in (("a.png", RED), ("b.png", GREEN)):
        cv2.imwrite(str(tmp_path / name), plain(colour)[..., ::-1])
    (tmp_path / "c.png").write_bytes(b"nothing")
    (tmp_path / "notes.txt").write_text("not a picture")
    source = open_source(tmp_path)
    assert [tuple(frame[0, 0]) for frame in source.frames] == [RED, GREEN]
    assert "c.png" in source.note
    assert "notes" not in source.note


def test_sources_that_are_none(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.mp4").write_bytes(b"\0\0\0\x18ftypmp42 and nothing else")
    with pytest.raises(FileNotFoundError, match=r"there is no .*nope.mp4"):
        open_source(tmp_path / "nope.mp4")
    with pytest.raises(ValueError, match="no pictures in"):
        open_source(tmp_path / "empty")
    with pytest.raises(ValueError, match="neither a picture nor a video"):
        open_source(tmp_path / "broken.mp4")
    with pytest.raises(ValueError, match="uint8 RGB"):
        list(open_source([np.zeros((4, 4))]).frames)


def test_without_a_camera_a_still_is_shown_and_it_is_said(monkeypatch, net, tmp_path, capsys):
    class NoCamera:
        def __init__(self, *_):
            pass

        def isOpened(self):
            return False

        def release(self):
            pass

    monkeypatch.setattr(cv2, "VideoCapture", NoCamera)
    source = open_source(None)
    assert "no camera 0 was found" in source.note
    assert "'cat'" in source.note
    first = next(source.frames)
    assert first is next(source.frames)  # it goes on


def test_a_camera_shows_the_newest_frame_and_red_as_red(monkeypatch):
    class Camera:
        """Five frames at once, then one that is red."""

        def __init__(self, *_):
            self.read_so_far = 0
            self.released = False

        def isOpened(self):
            return True

        def read(self):
            self.read_so_far += 1
            time.sleep(0.001)
            return True, plain(RED if self.read_so_far > 5 else BLUE)[..., ::-1]  # BGR, as OpenCV gives it

        def release(self):
            self.released = True

    camera = Camera()
    monkeypatch.setattr(cv2, "VideoCapture", lambda *_: camera)
    frames = open_source(0).frames
    assert tuple(next(frames)[0, 0]) == BLUE
    time.sleep(0.1)  # the network thinks; what comes meanwhile is dropped
    before = camera.read_so_far
    assert before > 20
    next(frames)
    assert tuple(next(frames)[0, 0]) == RED
    frames.close()
    time.sleep(0.05)
    assert camera.released


def test_a_camera_that_is_pulled_out_ends_it():
    class Gone:
        def read(self):
            return False, None

        def release(self):
            pass

    frames = sources._newest(Gone(), plain(RED), patience=0.2)
    assert len(list(frames)) <= 1


def test_a_video_in_real_time_leaves_out_what_is_late(tmp_path):
    path = write_video([plain((number * 5, 0, 0)) for number in range(40)], tmp_path / "long.mp4", frames_per_second=40)
    seen = []
    for frame in open_source(path, in_real_time=True).frames:
        seen.append(frame)
        time.sleep(0.1)  # four frames long
    assert 8 <= len(seen) <= 16
    assert len(list(open_source(path).frames)) == 40


# the loop


def test_a_video_becomes_a_video_of_the_same_length(net, tmp_path):
    path = write_video([plain(RED), plain(GREEN), plain(BLUE)] * 4, tmp_path / "in.mp4", frames_per_second=30)
    outcome = live.run(net, path, output=tmp_path / "out.mp4", verbose=False, height=160)
    assert outcome.frames == 12
    capture = cv2.VideoCapture(str(tmp_path / "out.mp4"))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 12
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(30)
    assert capture.get(cv2.CAP_PROP_FRAME_HEIGHT) == 160
    short = live.run(net, path, output=tmp_path / "short.gif", seconds=0.1, verbose=False, height=160)
    assert short.frames <= 4


def test_a_picture_is_looked_at_once_and_shown_for_its_time(net, tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), plain(RED)[..., ::-1])
    outcome = live.run(net, tmp_path / "a.png", output=tmp_path / "out.mp4", verbose=False, height=160)
    assert outcome.frames == 1
    assert len(list(open_source(tmp_path / "out.mp4").frames)) == 30


def test_ctrl_c_leaves_no_half_a_video(net, tmp_path):
    def frames():
        yield plain(RED)
        yield plain(RED)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        live.run(net, frames(), output=tmp_path / "out.mp4", verbose=False, height=160)
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_ends_the_recording_of_a_camera_and_keeps_it(net, tmp_path, monkeypatch):
    def frames():
        for _ in range(4):
            yield plain(RED)
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "open_source", lambda *_, **__: sources.Source(frames(), "camera 0", endless=True))
    live.run(net, output=tmp_path / "out.mp4", verbose=False, height=160)
    assert len(list(open_source(tmp_path / "out.mp4").frames)) >= 4


def test_bad_arguments(net, tmp_path):
    with pytest.raises(TypeError, match="a Classifier is wanted"):
        live.run(net.model, [plain(RED)])
    with pytest.raises(ValueError, match="'occlusion' cannot be shown live"):
        live.run(net, [plain(RED)], method="occlusion")
    with pytest.raises(ValueError, match="layer 'nope'"):
        live.run(net, [plain(RED)], layer="nope")
    with pytest.raises(ValueError, match="class 'yellow'"):
        live.run(net, [plain(RED)], target="yellow")
    with pytest.raises(ValueError, match="classes are numbered 0 to 2"):
        live.run(net, [plain(RED)], target=3)
    with pytest.raises(ValueError, match="written as .mp4 or .gif"):
        live.run(net, [plain(RED)], output=tmp_path / "out.png")
    with pytest.raises(ValueError, match="no frames"):
        live.run(net, [])
    with pytest.raises(ValueError, match="height is 161"):
        live.run(net, [plain(RED)], height=161)
    with pytest.raises(ValueError, match="seconds is 0"):
        live.run(net, [plain(RED)], seconds=0)


# the window


def ask(window, path, method="GET"):
    return urllib.request.urlopen(urllib.request.Request(window.address + path, method=method), timeout=5)


def test_the_window_shows_frames_and_hands_keys_back():
    with Window() as window:
        assert b"<img" in ask(window, "").read()
        ask(window, "key?k=e", "POST"), ask(window, "key?k=ArrowLeft", "POST"), ask(window, "key?k=%20", "POST")
        ask(window, "key?k=Shift", "POST"), ask(window, "key", "POST")
        assert window.pressed() == ["e", "w", " "]
        assert window.pressed() == []
        window.show(plain(RED))
        stream = ask(window, "stream")
        start = stream.read(4000)
        jpeg = start[start.index(b"\xff\xd8") :]
        shown = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
        np.testing.assert_allclose(shown[:30].mean(axis=(0, 1)), RED, atol=6)
        for wrong in (window.address.replace(window._secret, "guess"), window.address + "nothing"):
            with pytest.raises(urllib.error.HTTPError):
                urllib.request.urlopen(wrong, timeout=5)
        stream.close()
        window._came, window._watching, window._left = True, 0, time.monotonic() - 10
        assert window.deserted()


def test_the_keys_steer_the_loop(net, monkeypatch):
    """A browser that presses 1, then w, then q."""
    windows = []

    class Watched(Window):
        def __init__(self):
            super().__init__()
            windows.append(self)
            threading.Thread(target=self.press, daemon=True).start()

        def press(self):
            for key in ("1", "w", "q"):
                time.sleep(0.1)
                ask(self, f"key?k={key}", "POST").read()

    import cnnviz.live.window

    monkeypatch.setattr(cnnviz.live.window, "Window", Watched)
    looks = []
    original = Look.press
    monkeypatch.setattr(Look, "press", lambda self, *args: looks.append(self) or original(self, *args))

    def frames():
        while True:
            yield plain(RED)

    outcome = live.run(net, frames(), open_browser=False, verbose=False, height=160)
    assert outcome.output is None
    assert outcome.frames >= 3
    assert (looks[0].method, looks[0].layer) == ("activations", "first")


@pytest.mark.parametrize("endless", [True, False])
def test_ctrl_c_is_the_way_to_stop_a_camera_and_breaks_off_a_video(net, monkeypatch, endless):
    def frames():
        yield plain(RED)
        yield plain(RED)
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "open_source", lambda *_, **__: sources.Source(frames(), "it", endless=endless))
    if endless:
        assert live.run(net, open_browser=False, verbose=False, height=160).frames == 2
    else:
        with pytest.raises(KeyboardInterrupt):
            live.run(net, open_browser=False, verbose=False, height=160)
