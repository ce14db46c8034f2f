"""All that was found, gathered to be written as JSON and CSV."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

from data.command_line.outputs import free, whole, writable_folder
from yolo.found import COLUMNS, Found


class Results:
    """What was found in every picture, and where it is to be written."""

    def __init__(self, as_json: Path | None, as_csv: Path | None, force: bool) -> None:
        """Refuse now, rather than at the end, where it cannot be written.

        Raises:
            OutputError: files that are there already, folders that cannot be written to.
        """
        self._json, self._csv = as_json, as_csv
        self._entries: list[tuple[dict[str, Any], Found]] = []
        for path in filter(None, (as_json, as_csv)):
            free(path, force)
            writable_folder(path.parent)

    def add(self, file: Path, found: Found, frame: int | None = None, seconds: float | None = None) -> None:
        """Note a picture, or the frame of a film, and the second at which it is shown."""
        if self._json or self._csv:
            place = {} if frame is None else {"frame": frame, "seconds": round(seconds or 0.0, 3)}
            self._entries.append(({"file": str(file), **place}, found))

    def write(self) -> list[Path]:
        """Write the files; each appears when it is whole.

        Returns:
            Those that were written.
        """
        if self._json:
            lines = [json.dumps({**place, **found.to_dict()}, ensure_ascii=False) for place, found in self._entries]
            with whole(self._json) as partial:
                partial.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")  # a line for each picture
        if self._csv:
            with whole(self._csv) as partial, partial.open("w", newline="", encoding="utf-8") as stream:
                table = csv.writer(stream, lineterminator="\n")
                table.writerow(["file", "frame", *COLUMNS])
                for place, found in self._entries:
                    table.writerows([place["file"], place.get("frame", ""), *row] for row in found.rows())
        return [path for path in (self._json, self._csv) if path]


def in_words(counts: Counter[str]) -> str:
    """The most frequent first: "person 3, dog 1"."""
    return ", ".join(f"{name} {count}" for name, count in counts.most_common()) or "nothing"
