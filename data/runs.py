"""Folders of long runs: whose they are, and files in them that are whole or not there."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_SHORT = 60  # letters; what is longer is not shown in a message


def claim(run: Path, facts: dict[str, Any]) -> None:
    """Make the folder of a run, and keep two different runs from mixing their checkpoints in it.

    Args:
        run: the folder; ``recipe.json`` in it says whose it is.
        facts: what decides the result, as JSON can hold it.

    Raises:
        ValueError: the folder belongs to a run with other facts; its ``recipe.json`` cannot be read; it is a file.
    """
    if run.exists() and not run.is_dir():
        raise ValueError(f"{run} is a file; a folder is wanted for the run")
    run.mkdir(parents=True, exist_ok=True)
    note, facts = run / "recipe.json", json.loads(json.dumps(facts))
    if not note.exists():
        with replaced(note) as part:
            part.write_text(json.dumps(facts, indent=1), encoding="utf-8")
        return
    before = read_note(note)
    nothing = object()
    changed = [name for name in {**before, **facts} if before.get(name, nothing) != facts.get(name, nothing)]
    if changed:
        shown = [f"{name} {_shown(before, name)} there, {_shown(facts, name)} here" for name in changed]
        shown = [text for text in shown if len(text) < 2 * _SHORT]
        raise ValueError(
            f"{run} belongs to a run with another {', '.join(changed)}: choose another folder for this run, "
            f"or delete this one to start anew{' (' if shown else ''}{'; '.join(shown)}{')' if shown else ''}"
        )


def read_note(note: Path) -> dict[str, Any]:
    """The facts in a JSON file of a run's folder.

    Raises:
        ValueError: it cannot be read.
    """
    try:
        return dict(json.loads(note.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise ValueError(f"{note} cannot be read ({error}): delete {note.parent} to start anew") from error


def _shown(facts: dict[str, Any], name: str) -> str:
    return json.dumps(facts[name]) if name in facts else "is not"


@contextlib.contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Write to another name, then rename: whoever opens ``path`` sees the old file or the new one, never a half one.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "numbers.txt"
    >>> with replaced(path) as part:
    ...     _ = part.write_text("1 2 3")
    >>> path.read_text()
    '1 2 3'
    """
    part = path.with_name(f"part.{path.name}")  # the ending stays, Keras goes by it
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
