"""Hold a part of the pairs out."""

from __future__ import annotations

from data.arguments import whole_number
from fcn.datasets.pairs import SegmentationData


def hold_out(data: SegmentationData, share: float, *, blocks: int = 4) -> tuple[SegmentationData, SegmentationData]:
    """Split pairs in two, the second in a few blocks of neighbours.

    Frames of a film are much like the frames before and after. A random choice among them would hold out what is known;
    blocks are strange but for their first and last frames.

    Args:
        data: pairs, in the order of the film where it is one.
        share: of the pairs, to hold out; more than 0, less than 1.
        blocks: how many, evenly spaced; fewer where fewer pairs are held out.

    Returns:
        ``(rest, held_out)``.

    Raises:
        TypeError: ``share`` is no number, ``blocks`` no whole number.
        ValueError: a share that leaves one of the two empty; fewer than one block.
    """
    blocks = whole_number("blocks", blocks)
    if isinstance(share, bool) or not isinstance(share, (int, float)):
        raise TypeError(f"share is {share!r}; a number between 0 and 1 is wanted")
    count = round(share * len(data)) if 0 < share < 1 else 0
    if not 0 < count < len(data):
        raise ValueError(f"share is {share} of {len(data)} pairs; neither part may be empty")
    held = held_indices(len(data), count, blocks)
    return data.subset(sorted({*range(len(data))} - {*held})), data.subset(held)


def held_indices(total: int, count: int, blocks: int) -> list[int]:
    """``count`` of the numbers below ``total``, in blocks around the middles of equal parts.

    >>> held_indices(20, 4, 2)
    [4, 5, 14, 15]
    """
    blocks, held = min(blocks, count), []
    for block in range(blocks):
        length = count * (block + 1) // blocks - len(held)
        first = total * (2 * block + 1) // (2 * blocks) - length // 2
        # After the block before, and so that those to come find room, which matters where little is left over.
        first = min(max(first, held[-1] + 1 if held else 0), total - count + len(held))
        held += range(first, first + length)
    return held
