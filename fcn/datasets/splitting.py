"""Hold a part of the pairs out."""

from __future__ import annotations

from fcn.datasets.pairs import SegmentationData


def hold_out(data: SegmentationData, share: float, *, blocks: int = 4) -> tuple[SegmentationData, SegmentationData]:
    """Split pairs in two, the second in a few blocks of neighbours.

    Frames of a film are much like the frames before and after. A random choice among them would hold out what is known;
    blocks are strange but for their first and last frames.

    Args:
        data: pairs, in the order of the film where it is one.
        share: of the pairs, to hold out; more than 0, less than 1.
        blocks: how many, evenly spaced.

    Returns:
        ``(rest, held_out)``.

    Raises:
        ValueError: a share that leaves one of the two empty.
    """
    count = round(share * len(data)) if 0 < share < 1 else 0
    if not 0 < count < len(data):
        raise ValueError(f"share is {share} of {len(data)} pairs; neither part may be empty")
    blocks = min(blocks, count)
    held = set()
    for block in range(blocks):
        length = count * (block + 1) // blocks - count * block // blocks
        middle = len(data) * (2 * block + 1) // (2 * blocks)
        first = min(max(middle - length // 2, 0), len(data) - length)
        held.update(range(first, first + length))
    return data.subset([i for i in range(len(data)) if i not in held]), data.subset(sorted(held))
