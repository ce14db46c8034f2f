"""Where results go: files that appear whole or not at all, and never over what is there already."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


class OutputError(OSError):
    """Something cannot be written there; the message says what to do."""


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A path to write to; the file appears under its own name when it is whole, or not at all."""
    partial = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def writable_folder(folder: Path, option: str = "--output") -> None:
    """Make a folder, and find out whether it can be written to, before anything is computed.

    Args:
        folder: that results go to.
        option: that names another one.

    Raises:
        OutputError: it cannot.
    """
    probe = folder / f".{os.getpid()}.probe"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise OutputError(
            f"cannot write to the folder '{folder}' ({error.strerror}); name another with {option}"
        ) from None


def free(path: Path, force: bool, option: str = "--output", source: Path | None = None) -> None:
    """Refuse to overwrite; what a result is made of, ``source``, even with ``force``.

    Args:
        path: a file to be written.
        force: it may be there already.
        option: that names another one.
        source: the file that the result is made of.

    Raises:
        OutputError: there is a file already.
    """
    if path.is_dir():
        raise OutputError(f"'{path}' is a folder; name a file")
    if source is not None and path.exists() and source.exists() and path.samefile(source):
        raise OutputError(f"'{path}' is what the result is made of, and stays; name another file with {option}")
    if path.exists() and not force:
        raise OutputError(f"'{path}' is there already; --force replaces it, or name another with {option}")
