"""What several tests of yolo's command line begin with."""

import pytest

from yolo import loading


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def seer():
    """The detector that sees red and blue."""
    from tests.yolo.test_detector import spots

    return spots()


@pytest.fixture
def seeing(seer, monkeypatch):
    """The detector that sees red and blue, whatever --model says; and with what it was asked for."""
    asked = []
    monkeypatch.setattr(loading, "load", lambda *given, **options: asked.append((given, options)) or seer)
    return asked
