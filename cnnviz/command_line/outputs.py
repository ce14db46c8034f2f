"""Where results go: pictures, and a page that holds everything."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from data.command_line.outputs import free, whole, writable_folder
from data.command_line.pictures import Picture

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body{{font:16px/1.5 system-ui,sans-serif;
max-width:1100px;margin:2rem auto;padding:0 1rem;color:#1f2937;background:#fff}}
img{{max-width:100%;height:auto}}figure{{margin:0 0 1rem}}
h2{{margin-top:2.5rem;border-top:1px solid #d1d5db;padding-top:1rem}}
table{{border-collapse:collapse}}td{{padding:0 1rem 0 0}}
td+td{{text-align:right}}code{{background:#f3f4f6;padding:0 .3em}}
</style></head><body>
<h1>{title}</h1>
<p><code>{command}</code></p>
"""
END = "</body></html>\n"


def destination(picture: Picture | None, command: str, output: Path | None, several: bool, suffix: str) -> Path:
    """Where the result for one picture goes.

    Args:
        picture: what it is of; None where there is none (filters).
        command: the part of the name that says what it is.
        output: a file, a folder, or None for the current one.
        several: whether there are several pictures, so that ``output`` is a folder.
        suffix: of the file.
    """
    if output is not None and output.suffix.lower() == suffix and not several and not output.is_dir():
        return output
    folder = output or Path()
    name = command if picture is None else f"{picture.place.name}-{command}"
    return (folder if picture is None else folder / picture.place.parent) / f"{name}{suffix}"


def save_picture(result: Any, path: Path, force: bool) -> None:
    """Write a figure, or uint8 RGB pixels, as PNG."""
    free(path, force)
    writable_folder(path.parent)
    with whole(path) as partial:
        write_png(result, partial)


def write_png(result: Any, where: Path | IO[bytes]) -> None:
    """A figure (which is closed), axes, or uint8 RGB pixels."""
    import numpy as np

    if isinstance(result, np.ndarray):
        from PIL import Image

        Image.fromarray(result).save(where, "PNG")
        return
    import matplotlib.pyplot as plt

    figure = getattr(result, "figure", result)
    figure.savefig(where, format="png", dpi=130, bbox_inches="tight", facecolor="white")
    plt.close(figure)


class Page:
    """One page that holds all pictures itself; a context manager, and written as it goes."""

    def __init__(self, path: Path, title: str, command: str, force: bool) -> None:
        """Begin.

        Raises:
            OutputError: it cannot be written there.
        """
        free(path, force)
        writable_folder(path.parent)
        self._whole = whole(path)
        self._beginning = PAGE.format(title=html.escape(title), command=html.escape(command))

    def __enter__(self) -> Page:
        self._file = self._whole.__enter__().open("w", encoding="utf-8")
        self._file.write(self._beginning)
        return self

    def __exit__(self, *problem: Any) -> None:
        with self._file:
            self._file.write(END)
        self._whole.__exit__(*problem)

    def add(self, heading: str, result: Any, alt: str, answers: Sequence[tuple] = ()) -> None:
        """One picture with its answers.

        Args:
            heading: above it.
            result: see `write_png`.
            alt: what is to be seen, for those who do not.
            answers: class and probability.
        """
        import io

        stream = io.BytesIO()
        write_png(result, stream)
        pixels = base64.b64encode(stream.getvalue()).decode("ascii")
        rows = "".join(
            f"<tr><td>{html.escape(str(name))}</td><td>{probability:.1%}</td></tr>" for name, probability, *_ in answers
        )
        table = f"<table><caption>the network's answer</caption>{rows}</table>" if rows else ""
        self._file.write(
            f"<h2>{html.escape(heading)}</h2>\n<figure><img src='data:image/png;base64,{pixels}' "
            f"alt='{html.escape(alt)}'></figure>\n{table}\n"
        )
