"""TensorFlow without its own words on the terminal, and errors in one line."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def native_silence() -> Iterator[None]:
    """While it lasts, what libraries write to stderr past Python is kept; it is shown only if something fails.

    TensorFlow tells whoever starts it on a computer without a GPU so, three times, before it can be told not to.
    """
    try:
        sys.stderr.flush()
        there = os.dup(2)
    except (OSError, ValueError, AttributeError):  # there is no stderr
        yield
        return
    with tempfile.TemporaryFile() as kept:
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except Exception:
            os.dup2(there, 2)
            kept.seek(0)
            os.write(2, kept.read())
            raise
        finally:
            os.dup2(there, 2)
            os.close(there)


def start_tensorflow() -> None:
    """Import TensorFlow and have it look for devices, in silence."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if "tensorflow" in sys.modules:
        return
    with native_silence():
        import tensorflow as tf

        tf.config.list_logical_devices()


def expected() -> tuple[type[Exception], ...]:
    """The errors that are the world's or the user's; any other is a mistake in the package and shows its traceback.

    A TypeError is none of them: what is typed on a command line has been given its type by the parser.
    """
    tensorflow = sys.modules.get("tensorflow")
    of_tensorflow = (tensorflow.errors.OpError,) if tensorflow else ()
    return (OSError, ValueError, IndexError, MemoryError, *of_tensorflow)


def one_line(error: BaseException | str) -> str:
    """An error in one line."""
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.strerror}: '{error.filename}'"
    return text if len(text) <= 900 else text[:900] + " ..."
