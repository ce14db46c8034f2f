"""What is in the labels of a data set, and what is wrong with them: a report, printed as a table."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fcn.datasets.labels import colour_codes
from fcn.datasets.pairs import SegmentationData

NEAR = 3
"""Levels: a colour this close to one of the table, in every channel, was that colour before a JPEG or a resize."""
SHOWN = 8  # lines of one kind in the printed report


@dataclass(frozen=True)
class Unknown:
    """An id or a colour without a class."""

    value: int | tuple[int, int, int]
    pixels: int
    files: int
    nearest: str | None = None
    """With colours: the class (or "void") whose colour is within `NEAR` levels."""
    levels: int | None = None
    """How far that colour is, the largest difference of a channel."""


@dataclass(frozen=True)
class LintReport:
    """What `lint` found; ``str()`` is a table, ``ok`` says whether training can begin.

    ``pixels`` and ``images`` are counts for each class: its pixels, the images that hold it. ``pixels_beside`` are all
    pixels of those images, void among them: ``pixels / pixels_beside`` is the frequency of which median frequency
    balancing takes the median. ``sizes`` counts images by ``(height, width)``. ``mismatches`` and ``unreadable`` hold
    ``(name, words)``.
    """

    pairs: int
    class_names: Sequence[str]
    pixels: np.ndarray
    images: np.ndarray
    pixels_beside: np.ndarray
    void_pixels: int
    sizes: Counter = field(default_factory=Counter)
    unknown: Sequence[Unknown] = ()
    unknown_is_void: bool = False
    mismatches: Sequence[tuple[str, str]] = ()
    unreadable: Sequence[tuple[str, str]] = ()
    images_without_label: Sequence[Path] = ()
    labels_without_image: Sequence[Path] = ()
    notes: Sequence[str] = ()
    """What is no error but worth a look."""

    @property
    def ok(self) -> bool:
        """Every pair can be read, fits, and means something; files without a counterpart are not held against it."""
        return not (self.mismatches or self.unreadable or (self.unknown and not self.unknown_is_void))

    @property
    def shares(self) -> np.ndarray:
        """Share of every class among the pixels that have one; zeros if none has."""
        return self.pixels / max(self.pixels.sum(), 1)

    @property
    def void_share(self) -> float:
        """Share of void among all pixels that were read."""
        return self.void_pixels / max(int(self.pixels.sum()) + self.void_pixels, 1)

    def __str__(self) -> str:
        """The table."""
        sizes = ", ".join(f"{h} x {w} ({n})" for (h, w), n in self.sizes.most_common(5))
        more = f", and {len(self.sizes) - 5} sizes more" if len(self.sizes) > 5 else ""
        lines = [f"{self.pairs} pairs; height x width (images): {sizes or 'none was read'}{more}", ""]
        wide = max(len("class"), *(len(name) for name in self.class_names))
        lines.append(f"{'id':>3}  {'class':{wide}}  share of pixels  images")
        for i, name in enumerate(self.class_names):
            lines.append(f"{i:3}  {name:{wide}}  {100 * self.shares[i]:13.2f} %  {self.images[i]:6}")
        lines.append(f"{'':3}  {'void':{wide}}  {100 * self.void_share:13.2f} %  (of all pixels)")
        named = [_unknown_line(one) for one in self.unknown]
        lines += _section(f"without a class{' (taken as void)' * self.unknown_is_void}", named)
        lines += _section("image and label differ in size", [f"{name}: {why}" for name, why in self.mismatches])
        lines += _section("unreadable", [f"{name}: {why}" for name, why in self.unreadable])
        lines += _section("images without label", [os.fspath(path) for path in self.images_without_label])
        lines += _section("labels without image", [os.fspath(path) for path in self.labels_without_image])
        lines += _section("notes", list(self.notes))
        return "\n".join([*lines, "", "ok" if self.ok else "NOT ok: what is listed above stops a training"])


def lint(data: SegmentationData, *, verbose: bool = True) -> LintReport:
    """Read every pair and report what the labels hold and what is wrong; bad files are reported, not raised.

    Reported: shares of classes and void; sizes; images and labels that do not fit; ids and colours without a class,
    with near misses (up to `NEAR` levels from a colour of the table, as JPEG or a bilinear resize leaves them) named;
    files that cannot be read; images without label and labels without image.

    Args:
        data: the pairs.
        verbose: show a progress bar when it takes more than two seconds.

    Raises:
        TypeError: ``data`` is something else.
    """
    if not isinstance(data, SegmentationData):
        raise TypeError(f"data is a {type(data).__name__}; a SegmentationData is wanted")
    from tqdm.auto import tqdm

    classes = len(data.class_names)
    pixels, images, beside = (np.zeros(classes, np.int64) for _ in range(3))
    void, sizes = 0, Counter()
    unknown_pixels: Counter = Counter()
    unknown_files: Counter = Counter()
    mismatches, unreadable = [], []
    stored_values: set[int] = set()
    for index in tqdm(range(len(data)), desc="lint", disable=not verbose, delay=2):
        try:
            image = data.image(index)
            sizes[image.shape[:2]] += 1
            stored = data.stored_label(index)
        except (OSError, ValueError, TypeError) as error:
            unreadable.append((data.name(index), str(error)))
            continue
        if image.shape[:2] != stored.shape[:2]:
            mismatches.append((data.name(index), _mismatch(image.shape[:2], stored.shape[:2])))
        label, unknown = data.decode(stored)
        counts = np.bincount(label[~unknown], minlength=256)
        pixels += counts[:classes]
        images += counts[:classes] > 0
        beside += (counts[:classes] > 0) * label.size
        void += int(counts[data.void])
        if not data.by_colour and len(stored_values) <= 2:
            stored_values |= set(np.unique(stored).tolist())
        if unknown.any():
            rest = colour_codes(stored[unknown]) if data.by_colour else stored[unknown]
            for value, count in zip(*(array.tolist() for array in np.unique(rest, return_counts=True))):
                unknown_pixels[value] += count
                unknown_files[value] += 1
    found = [_unknown(data, value, count, unknown_files[value]) for value, count in unknown_pixels.most_common()]
    if data.unknown == "void":
        void += sum(unknown_pixels.values())
    return LintReport(
        pairs=len(data),
        class_names=tuple(data.class_names),
        pixels=pixels,
        images=images,
        pixels_beside=beside,
        void_pixels=void,
        sizes=sizes,
        unknown=found,
        unknown_is_void=data.unknown == "void",
        mismatches=mismatches,
        unreadable=unreadable,
        images_without_label=data.images_without_label,
        labels_without_image=data.labels_without_image,
        notes=_notes(data, images, found, stored_values),
    )


def _mismatch(image: tuple[int, ...], label: tuple[int, ...]) -> str:
    words = f"image {image[0]} x {image[1]}, label {label[0]} x {label[1]}"
    return words + ("; turned by 90 degrees?" if image == label[::-1] else "")


def _unknown(data: SegmentationData, value: int, pixels: int, files: int) -> Unknown:
    if not data.by_colour:
        return Unknown(value, pixels, files)
    colour = (value >> 16, value >> 8 & 255, value & 255)
    table = np.concatenate([data.colours, data.void_colours]).astype(int)
    levels = np.abs(table - colour).max(axis=1)
    nearest = int(levels.argmin())
    if levels[nearest] > NEAR:
        return Unknown(colour, pixels, files)
    name = data.class_names[nearest] if nearest < len(data.class_names) else "void"
    return Unknown(colour, pixels, files, name, int(levels[nearest]))


def _unknown_line(one: Unknown) -> str:
    line = f"{one.value}: {one.pixels} pixels in {one.files} file{'s' * (one.files != 1)}"
    if one.nearest is None:
        return line
    return f"{line}; {one.levels} level{'s' * (one.levels != 1)} from {one.nearest}, as after a JPEG or a resize"


def _notes(data: SegmentationData, images: np.ndarray, unknown: list[Unknown], stored: set[int]) -> list[str]:
    notes = [f"no image holds {name}" for name, count in zip(data.class_names, images.tolist()) if not count]
    if notes and list(data.class_names) == [f"class {number}" for number in range(len(images))]:  # nobody named them
        notes = [
            f"{len(notes)} of {len(images)} classes are in no image: without names there are as many as the largest "
            f"id, {len(images) - 1}, says; the ids are {_ranges(np.flatnonzero(images).tolist())}; name the classes "
            "or say which are void (void_ids=, --void)"
        ]
    near = sum(one.nearest is not None for one in unknown)
    if near:
        notes.append(
            f"{near} of {len(unknown)} unknown colours are near misses: the labels were stored as JPEG, or resized "
            "with interpolation; make them again from the originals, to PNG, with the nearest pixel"
        )
    if stored == {0, 255} and data.void == 255:
        notes.append("the labels hold 0 and 255 alone and 255 is void; if it is a class, give ids=(0, 255), void=254")
    return notes


def _ranges(numbers: list[int]) -> str:
    """Numbers in words.

    >>> _ranges([0, 1, 2, 7])
    '0..2, 7'
    """
    starts = [number for number in numbers if number - 1 not in numbers]
    ends = [number for number in numbers if number + 1 not in numbers]
    return ", ".join(f"{a}..{b}" if a < b else f"{a}" for a, b in zip(starts, ends))


def _section(title: str, lines: list[Any]) -> list[str]:
    if not lines:
        return []
    more = [f"  ... and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return ["", f"{title} ({len(lines)}):", *(f"  {line}" for line in lines[:SHOWN]), *more]
