"""Read a Darknet cfg file into its sections: what is written, with the line where it stands.

A cfg is a list of sections, ``[net]`` first, then one per layer in the order in which they run; each has lines
``key=value``. As in Darknet's ``read_cfg``, blanks do not count anywhere, and of a key that is written twice the first
holds. More than Darknet: ``#`` and ``;`` begin a comment anywhere in a line, and a value that is not what it should be
is an error that names the line, where ``atoi`` would make a zero of it.
"""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

LARGEST_FILE = 2**20
"""Bytes; the longest cfg of the Darknet repositories has 60 thousand."""

ALIASES = {
    "network": "net",
    "conv": "convolutional",
    "conn": "connected",
    "max": "maxpool",
    "avg": "avgpool",
    "soft": "softmax",
}
_WHOLE = re.compile(r"[+-]?[0-9]{1,9}")


@dataclass(frozen=True)
class Section:
    """One section of a cfg."""

    kind: str
    """"convolutional", "route", ... Darknet's short forms ("conv") are written out."""
    line: int
    """Number of the line of its ``[...]``, from 1."""
    source: str
    """Name of the file, for messages."""
    options: dict[str, str] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    """Number of the line of each option."""

    def error(self, words: str, key: str | None = None) -> ValueError:
        """The exception to raise: file, line, section, then what is wrong."""
        return ValueError(f"{self.source}, line {self.lines.get(key or '', self.line)}, [{self.kind}]: {words}")

    def whole(self, key: str, default: int | None = None, least: int = 0) -> int:
        """A whole number of at least ``least``; without a default the key must be there."""
        if key not in self.options:
            if default is None:
                raise self.error(f"{key}= is missing")
            return default
        (number,) = self._whole_numbers(key, [self.options[key]])
        if number < least:
            raise self.error(f"{key}={number}; at least {least} is wanted", key)
        return number

    def flag(self, key: str) -> bool:
        """Whether a key is set to something other than 0."""
        return bool(self.whole(key, 0))

    def number(self, key: str, default: float) -> float:
        """A finite number."""
        return self.numbers(key, (default,))[0] if key in self.options else default

    def wholes(self, key: str) -> tuple[int, ...]:
        """Whole numbers with commas between, of any sign."""
        if key not in self.options:
            raise self.error(f"{key}= is missing")
        return tuple(self._whole_numbers(key, self.options[key].strip(",").split(",")))

    def numbers(self, key: str, default: tuple[float, ...] = ()) -> tuple[float, ...]:
        """Finite numbers with commas between."""
        if key not in self.options:
            return default
        try:
            found = tuple(float(text) for text in self.options[key].strip(",").split(","))
        except ValueError:
            raise self.error(f"{key}={_short(self.options[key])}; numbers are wanted", key) from None
        if not all(map(math.isfinite, found)):
            raise self.error(f"{key}={_short(self.options[key])}; finite numbers are wanted", key)
        return found

    def word(self, key: str, default: str, accepted: tuple[str, ...]) -> str:
        """One of the accepted words."""
        found = self.options.get(key, default)
        if found not in accepted:
            raise self.error(f"{key}={_short(found)}; accepted: {', '.join(accepted)}", key)
        return found

    def _whole_numbers(self, key: str, texts: list[str]) -> list[int]:
        for text in texts:
            if not _WHOLE.fullmatch(text):
                raise self.error(f"{key}={_short(text)}; a whole number of at most nine digits is wanted", key)
        return [int(text) for text in texts]


def parse(text: str, source: str = "cfg") -> tuple[list[Section], list[str]]:
    """The sections of a cfg's text, and remarks on what was passed over (keys that are written twice).

    Raises:
        ValueError: a line that is neither a section, ``key=value``, blank nor a comment; a key before the first
            section; no section at all; text with control characters (a binary file).

    >>> sections, _ = parse("[net]\\nheight = 32  # rows\\n\\n[conv]\\nfilters=8")
    >>> sections[1].kind, sections[1].line, sections[0].whole("height")
    ('convolutional', 4, 32)
    """
    sections: list[Section] = []
    remarks = []
    for number, line in enumerate(text.splitlines(), start=1):
        if any(ord(character) < 32 and character != "\t" for character in line):
            raise ValueError(f"{source}, line {number}: control characters; this is not the text of a cfg")
        content = re.sub(r"\s", "", re.split("[#;]", line, maxsplit=1)[0])
        if not content:
            continue
        if content.startswith("["):
            if not content.endswith("]") or len(content) < 3:
                raise ValueError(f"{source}, line {number}: {_short(content)} is not a [section]")
            kind = content[1:-1].lower()
            sections.append(Section(ALIASES.get(kind, kind), number, source))
            continue
        key, equals, value = content.partition("=")
        if not (key and equals and value):
            raise ValueError(f"{source}, line {number}: {_short(content)} is neither [section] nor key=value")
        if not sections:
            raise ValueError(f"{source}, line {number}: {_short(content)} stands before the first [section]")
        section = sections[-1]
        if key in section.options:
            remarks.append(
                f"line {number}, [{section.kind}]: {_short(key)} again; line {section.lines[key]} holds, as in Darknet"
            )
        else:
            section.options[key], section.lines[key] = value, number
    if not sections:
        raise ValueError(f"{source}: no [section] in it")
    return sections, remarks


def read(path: str | os.PathLike[str]) -> tuple[list[Section], list[str]]:
    """``parse`` of a file.

    Raises:
        ValueError: longer than ``LARGEST_FILE``; as ``parse``.
        OSError: the file cannot be read.
    """
    path = Path(path)
    with path.open("rb") as file:
        data = file.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise ValueError(f"{path.name} has more than {LARGEST_FILE} bytes; this is not a cfg")
    # Comments are written in many encodings; what counts is ASCII.
    return parse(data.decode("utf-8-sig", errors="replace"), path.name)


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "...")
