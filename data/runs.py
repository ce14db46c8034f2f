"""Folders of long runs: whose they are, and files in them that are whole or not there."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def claim(run: Path, facts: dict[str, Any]) -> None:
    """Make the folder of a run, and keep two different runs from mixing their checkpoints in it.

    Args:
        run: the folder; ``recipe.json`` in it says whose it is.
        facts: what decides the result, as JSON can hold it.

    Raises:
        ValueError: the folder belongs to a run with other facts.
    """
    run.mkdir(parents=True, exist_ok=True)
    note, facts = run / "recipe.json", json.loads(json.dumps(facts))
    if note.exists():
        before = json.loads(note.read_text(encoding="utf-8"))
        changed = [name for name in {**before, **facts} if before.get(name) != facts.get(name)]
        if changed:
            raise ValueError(
                f"{run} belongs to a run with another {', '.join(changed)}: choose another folder with --run, "
                "or delete this one to start anew"
            )
    with replaced(note) as part:
        part.write_text(json.dumps(facts, indent=1), encoding="utf-8")


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
