"""Read and write Darknet's ``.weights`` files: a header, then every layer's float32 numbers, and nothing else.

    arrays = read_weights("yolov3.weights", network.records)
    arrays.layers["conv_0"]["weights"].shape   # (32, 3, 3, 3): filters, channels, rows, columns

The file has no names and no shapes: only the network's own order says which number is which, so that one layer that
differs shifts all that follow. Therefore the size is checked to the byte, before anything is read.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from yolo.darknet.records import Record

_FLOAT = np.dtype("<f4")


@dataclass(frozen=True)
class Header:
    """The first 16 or 20 bytes: version, and how many pictures were seen in training."""

    major: int = 0
    minor: int = 2
    revision: int = 5
    seen: int = 0

    @property
    def length(self) -> int:
        """Bytes: ``seen`` has 4 up to version 0.1, 8 from 0.2 on (``load_weights_upto`` of Darknet's parser.c)."""
        return 20 if self._long else 16

    @property
    def transposed(self) -> bool:
        """Whether connected layers are stored (inputs, outputs): a flag of old files, a version over 1000."""
        return self.major > 1000 or self.minor > 1000

    @property
    def _long(self) -> bool:
        return self.major * 10 + self.minor >= 2 and not self.transposed

    def pack(self) -> bytes:
        """The bytes."""
        return struct.pack("<iiiQ" if self._long else "<iiiI", self.major, self.minor, self.revision, self.seen)

    @classmethod
    def unpack(cls, data: bytes, source: str) -> Header:
        """From the first bytes of a file.

        Raises:
            ValueError: too short; a version that no Darknet has written.
        """
        if len(data) < 16:
            raise ValueError(f"{source} has {len(data)} bytes; the header of a Darknet weights file alone has 16 or 20")
        version = struct.unpack("<iii", data[:12])
        header = cls(*version)
        if not all(0 <= number < 100_000 for number in version):
            raise ValueError(f"{source} begins with the version {version}; this is not a Darknet weights file")
        if len(data) < header.length:
            raise ValueError(f"{source} has {len(data)} bytes; its header alone would have {header.length}")
        (seen,) = struct.unpack("<Q" if header._long else "<I", data[12 : header.length])
        return cls(*version, seen)


@dataclass(frozen=True)
class Weights:
    """The contents of a weights file."""

    header: Header
    layers: dict[str, dict[str, np.ndarray]]
    """For each layer its arrays, as its ``Record`` says; of a file that is cut off only the layers that it holds."""


def read_weights(
    source: str | os.PathLike[str] | bytes, records: Sequence[Record], *, cut_off: bool = False
) -> Weights:
    """Read a weights file.

    Args:
        source: the file, or its bytes.
        records: the layers, in order: ``network.records``.
        cut_off: also accept a file that ends after one of the layers, as ``darknet53.conv.74`` does.

    Raises:
        ValueError: not a Darknet file; it ends within or before a layer (which is named); bytes are left over (how
            many). Nothing is read then.
        OSError: the file cannot be read.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        name, data = "the weights", bytes(source)
        return _read(name, len(data), data[:20], lambda start, count: data[start : start + 4 * count], records, cut_off)
    path = Path(source)
    with path.open("rb") as file:

        def take(start: int, count: int) -> bytes:
            file.seek(start)
            return file.read(4 * count)

        return _read(path.name, path.stat().st_size, file.read(20), take, records, cut_off)


def _read(
    name: str,
    size: int,
    start: bytes,
    take: Callable[[int, int], bytes],
    records: Sequence[Record],
    cut_off: bool,
) -> Weights:
    header = Header.unpack(start, name)
    present = _present(name, size, header, records, cut_off)
    layers: dict[str, dict[str, np.ndarray]] = {}
    position = header.length
    for record in present:
        arrays = layers[record.name] = {}
        for (part, shape), count in zip(record.parts, record.sizes):
            numbers = np.frombuffer(take(position, count), _FLOAT).astype(np.float32)
            position += 4 * count
            if header.transposed and part == "weights" and len(shape) == 2:
                arrays[part] = np.ascontiguousarray(numbers.reshape(shape[::-1]).T)
            else:
                arrays[part] = numbers.reshape(shape)
    return Weights(header, layers)


def _present(name: str, size: int, header: Header, records: Sequence[Record], cut_off: bool) -> Sequence[Record]:
    """The layers that a file of this size holds, or an error in words."""
    position = header.length
    for number, record in enumerate(records):
        needed = 4 * record.numbers
        if position + needed <= size:
            position += needed
            continue
        if position == size and cut_off:
            return records[:number]
        total = header.length + 4 * sum(record.numbers for record in records)
        words = f"{name} ends in {record.name}: of its {needed} bytes {size - position} are there; "
        if position == size:
            words = f"{name} ends before {record.name}"
            words += f", after {records[number - 1].name}; " if number else "; "
        words += f"the file has {size} bytes, the cfg wants {total}"
        if position == size:
            words += ". Pass cut_off=True if the file is meant to hold the first layers only"
        raise ValueError(words)
    if position != size:
        last = records[-1].name if records else "the header"
        raise ValueError(
            f"{name} has {size - position} bytes left after the last layer, {last}: the file has {size} bytes, the cfg "
            f"wants {position}"
        )
    return records


def write_weights(path: str | os.PathLike[str], weights: Weights, records: Sequence[Record]) -> None:
    """Write a weights file, to the byte what ``read_weights`` took.

    Args:
        path: the file; it appears only when it is complete.
        weights: the arrays, float32, of all the layers or (a file that is cut off) of the first ones.
        records: the layers, in order.

    Raises:
        ValueError: an array that is missing, or of another shape or dtype; layers that are not the first ones.
    """
    written = [record for record in records if record.name in weights.layers]
    if written != list(records[: len(written)]) or len(written) != len(weights.layers):
        raise ValueError("the layers of weights are not the first ones of records")
    for record in written:
        _check(record, weights.layers[record.name])
    path = Path(path)
    part_file = path.with_name(path.name + ".part")
    with part_file.open("wb") as file:
        file.write(weights.header.pack())
        for record in written:
            for part, shape in record.parts:
                array = weights.layers[record.name][part]
                if weights.header.transposed and part == "weights" and len(shape) == 2:
                    array = array.T
                file.write(np.ascontiguousarray(array, _FLOAT).tobytes())
    part_file.replace(path)


def _check(record: Record, arrays: Mapping[str, np.ndarray]) -> None:
    for part, shape in record.parts:
        if part not in arrays:
            raise ValueError(f"{record.name} has no {part}")
        found = arrays[part]
        if found.shape != shape or found.dtype != np.float32:
            raise ValueError(f"{part} of {record.name} are {found.dtype} {found.shape}; float32 {shape} are wanted")
