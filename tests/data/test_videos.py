import cv2
import numpy as np
import pytest
from PIL import Image, ImageSequence

from data.videos import check_whole, even_sides, read_camera, read_video, write_video

COLOURS = np.array([(220, 30, 30), (30, 200, 40), (20, 40, 210), (230, 220, 20)], np.uint8)


def frames(height=64, width=96):
    """Each of one colour, with a white mark at the top left, so that neither channels nor axes can be mixed up."""
    for colour in COLOURS:
        frame = np.broadcast_to(colour, (height, width, 3)).copy()
        frame[: height // 4, : width // 3] = 255
        yield frame


def read_back(path):
    if path.suffix == ".gif":
        with Image.open(path) as file:
            return [np.asarray(one.convert("RGB")) for one in ImageSequence.Iterator(file)], 1000 / file.info[
                "duration"
            ]
    reader = cv2.VideoCapture(str(path))
    found = []
    while (read := reader.read())[0]:
        found.append(read[1][..., ::-1])
    return found, reader.get(cv2.CAP_PROP_FPS)


@pytest.mark.parametrize("suffix", [".mp4", ".gif", ".MP4"])
def test_what_is_written_can_be_read_and_red_stays_red(tmp_path, suffix):
    path = write_video(frames(), tmp_path / f"journey{suffix}", frames_per_second=10)
    assert list(tmp_path.iterdir()) == [path]
    found, speed = read_back(path)
    assert len(found) == len(COLOURS)
    assert speed == pytest.approx(10)
    for frame, colour in zip(found, COLOURS, strict=True):
        assert frame.shape == (64, 96, 3)
        assert np.abs(frame[40:, 50:].mean(axis=(0, 1)) - colour).max() < 12
        assert frame[:10, :20].min() > 225
        assert np.abs(frame[:10, 50:].mean(axis=(0, 1)) - colour).max() < 12


def test_odd_sides_lose_their_last_row_in_mp4_only(tmp_path):
    assert read_back(write_video(frames(65, 97), tmp_path / "a.mp4"))[0][0].shape == (64, 96, 3)
    assert read_back(write_video(frames(65, 97), tmp_path / "a.gif"))[0][0].shape == (65, 97, 3)


def test_nothing_half_is_left_and_an_old_file_stays(tmp_path):
    def stopped(how):
        yield from frames()
        raise how

    for suffix in (".mp4", ".gif"):
        path = tmp_path / f"journey{suffix}"
        for how in (KeyboardInterrupt, RuntimeError("out of dreams")):
            with pytest.raises(type(how) if isinstance(how, Exception) else how):
                write_video(stopped(how), path)
            assert list(tmp_path.iterdir()) == []
        write_video(frames(), path)
        before = path.read_bytes()
        with pytest.raises(KeyboardInterrupt):
            write_video(stopped(KeyboardInterrupt), path)
        assert path.read_bytes() == before
        path.unlink()


def test_paths_are_refused_in_words(tmp_path):
    never = iter(())
    with pytest.raises(FileNotFoundError, match="there is no folder .*nowhere"):
        write_video(never, tmp_path / "nowhere" / "a.mp4")
    with pytest.raises(ValueError, match=r"written as \.mp4 or \.gif"):
        write_video(never, tmp_path / "a.mov")
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(IsADirectoryError, match="name a file"):
        write_video(never, tmp_path / "folder.mp4")


def test_frames_are_refused_in_words(tmp_path):
    path = tmp_path / "a.mp4"
    with pytest.raises(ValueError, match="frames is empty"):
        write_video([], path)
    with pytest.raises(ValueError, match=r"a frame is float64 \(8, 8, 3\); uint8 RGB"):
        write_video([np.zeros((8, 8, 3))], path)
    with pytest.raises(ValueError, match=r"those before it \(8, 8, 3\); a video has one size"):
        write_video([np.zeros((8, 8, 3), np.uint8), np.zeros((8, 6, 3), np.uint8)], path)
    with pytest.raises(ValueError, match="frames_per_second is 0"):
        write_video(frames(), path, frames_per_second=0)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_codec_is_said(tmp_path, monkeypatch):
    class Closed:
        def isOpened(self):
            return False

        def release(self):
            pass

    monkeypatch.setattr(cv2, "VideoWriter", lambda *arguments: Closed())
    with pytest.raises(OSError, match="its codec mp4v is missing, .* a .gif needs no codec"):
        write_video(frames(), tmp_path / "a.mp4")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_read_back_is_not_passed_off_as_a_video(tmp_path, monkeypatch):
    class Blind:
        def read(self):
            return False, None

        def release(self):
            pass

    monkeypatch.setattr(cv2, "VideoCapture", lambda path: Blind())
    with pytest.raises(OSError, match="cannot be read back"):
        write_video(frames(), tmp_path / "a.mp4")
    assert list(tmp_path.iterdir()) == []


def test_a_video_is_read_to_its_end_and_red_stays_red(tmp_path):
    video = read_video(write_video(frames(), tmp_path / "a.mp4", frames_per_second=12))
    assert (video.rate, video.count) == (12, len(COLOURS))
    for frame, colour in zip(video.frames, COLOURS, strict=True):
        assert frame.shape == (64, 96, 3) and frame.flags.c_contiguous
        assert np.abs(frame[40:, 50:].mean(axis=(0, 1)) - colour).max() < 12


def test_what_is_no_video_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no video"):
        read_video(tmp_path / "a.mp4")
    (tmp_path / "a.mp4").write_bytes(b"\0\0\0\x18ftypmp42")
    with pytest.raises(ValueError, match="is no video"):
        read_video(tmp_path / "a.mp4")


class Camera:
    """Gives two frames, of blue and then of green in OpenCV's order, and then no more."""

    def __init__(self, number):
        self.left, self.open, self.released = [(255, 0, 0), (0, 255, 0)], number == 1, False

    def isOpened(self):
        return self.open

    def read(self):
        return (True, np.full((4, 6, 3), self.left.pop(0), np.uint8)) if self.left else (False, None)

    def get(self, what):
        return 0.0

    def release(self):
        self.released = True


def test_a_camera_is_rgb_and_is_let_go(monkeypatch):
    opened = []
    monkeypatch.setattr(cv2, "VideoCapture", lambda number: opened.append(Camera(number)) or opened[-1])
    video = read_camera(1)
    assert [tuple(frame[0, 0]) for frame in video.frames] == [(0, 0, 255), (0, 255, 0)]
    assert opened[0].released and video.count is None and video.rate == 25
    other = read_camera(1)
    next(other.frames)
    other.frames.close()
    assert opened[1].released
    with pytest.raises(OSError, match="there is no camera 3"):
        read_camera(3)
    assert opened[2].released


def test_a_row_and_a_column_more():
    frame = np.arange(3 * 5 * 3, dtype=np.uint8).reshape(3, 5, 3)
    even = even_sides(frame)
    np.testing.assert_array_equal(even[:3, :5], frame)
    np.testing.assert_array_equal(even[3, :5], frame[2])
    np.testing.assert_array_equal(even[:3, 5], frame[:, 4])
    assert even_sides(even).shape == even.shape == (4, 6, 3)


def test_a_video_that_was_cut_off_is_found(tmp_path):
    path = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (96, 64))
    for number in range(30):
        writer.write(np.random.default_rng(number).integers(0, 256, (64, 96, 3), np.uint8))
    writer.release()
    whole = read_video(path)
    check_whole(path, len(list(whole.frames)), whole)
    check_whole(path, 28, whole)  # miscounted
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    cut = read_video(path)
    seen = len(list(cut.frames))
    assert 5 < seen < 25
    with pytest.raises(ValueError, match=f"film.avi': {seen} of 30 frames could be read"):
        check_whole(path, seen, cut)
    check_whole(path, 1, cut._replace(count=None))
