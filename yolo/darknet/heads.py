"""What a cfg says of its detection heads: anchors, masks, classes; for decoding and for the losses."""

from __future__ import annotations

from dataclasses import dataclass, replace

from yolo.darknet.cfg import Section


@dataclass(frozen=True)
class Head:
    """A [yolo] (v3), [region] (v2) or [detection] (v1) section: what its input means.

    The input of [yolo] and [region] is (rows, columns, anchors * (5 + classes)), raw; per anchor x, y, w, h,
    objectness, classes. That of [detection] is one vector of side * side * (classes + boxes * 5) numbers: all class
    probabilities, then all confidences, then all boxes.
    """

    name: str
    kind: str
    """ "yolo", "region" or "detection"."""
    classes: int
    anchors: tuple[tuple[float, float], ...]
    """Width and height, pixels of the network's input, of this head's anchors; none for "detection"."""
    mask: tuple[int, ...]
    """Which of ``all_anchors`` these are."""
    all_anchors: tuple[tuple[float, float], ...]
    """The anchors of all heads: a truth belongs to the best of these."""
    boxes: int
    """Boxes per cell."""
    scale_x_y: float = 1.0
    """How far x and y may leave the cell (YOLOv4)."""
    new_coords: bool = False
    """Scaled YOLOv4's decoding, which squares twice the logistic of w and h."""
    side: int = 0
    """Cells in a row of "detection"."""
    square_root: bool = False
    """Whether "detection" predicts the roots of width and height."""
    softmax: bool = False
    """Whether classes are a softmax; else they are logistic, or for "detection" as they come."""
    shape: tuple[int, int, int] = (0, 0, 0)
    """Rows, columns, channels."""
    stride: tuple[float, float] = (0.0, 0.0)
    """Pixels of the input to a cell, vertical and horizontal."""

    def at(self, stride: tuple[float, float], shape: tuple[int, int, int]) -> Head:
        """The head with its place in a network; a [region]'s anchors, which a cfg gives in cells, become pixels."""
        if self.kind == "detection":
            return replace(self, shape=shape)
        anchors = self.all_anchors
        if self.kind == "region":
            anchors = tuple((w * stride[1], h * stride[0]) for w, h in anchors)
        return replace(
            self, stride=stride, shape=shape, all_anchors=anchors, anchors=tuple(anchors[i] for i in self.mask)
        )


def yolo_head(section: Section, name: str, shape: tuple[int, int, int]) -> tuple[Head, tuple[str, ...]]:
    """[yolo]: logistic classes, the anchors that ``mask`` names, in pixels of the input."""
    num, classes = section.whole("num", 1, 1), section.whole("classes", 20, 1)
    anchors = _anchors(section, num)
    mask = section.wholes("mask") if "mask" in section.options else tuple(range(num))
    for index in mask:
        if not 0 <= index < num:
            raise section.error(f"mask={index}, but num={num} anchors", "mask")
    _fits(section, shape, len(mask), classes)
    head = Head(
        name,
        section.kind,
        classes,
        tuple(anchors[index] for index in mask),
        mask,
        anchors,
        len(mask),
        scale_x_y=section.number("scale_x_y", 1.0),
        new_coords=section.flag("new_coords"),
    )
    return head, ("mask", "anchors", "classes", "num", "scale_x_y", "new_coords")


def region_head(section: Section, name: str, shape: tuple[int, int, int]) -> tuple[Head, tuple[str, ...]]:
    """[region]: YOLOv2; anchors in cells."""
    if section.whole("coords", 4) != 4:
        raise section.error("coords other than 4 is not offered", "coords")
    if "tree" in section.options:
        raise section.error("a tree of classes (YOLO9000) is not offered", "tree")
    num, classes = section.whole("num", 1, 1), section.whole("classes", 20, 1)
    anchors = _anchors(section, num)
    _fits(section, shape, num, classes)
    mask = tuple(range(num))
    head = Head(name, section.kind, classes, anchors, mask, anchors, num, softmax=section.flag("softmax"))
    return head, ("anchors", "classes", "num", "coords", "softmax", "log", "sqrt")


def detection_head(section: Section, name: str, shape: tuple[int, int, int]) -> tuple[Head, tuple[str, ...]]:
    """[detection]: YOLO v1; no anchors, one vector for the whole picture."""
    if section.whole("coords", 1) != 4:
        raise section.error("coords other than 4 is not offered", "coords")
    num, classes, side = section.whole("num", 1, 1), section.whole("classes", 1, 1), section.whole("side", 7, 1)
    wanted, found = side * side * (classes + num * 5), shape[0] * shape[1] * shape[2]
    if found != wanted:
        raise section.error(
            f"{found} numbers come in; side={side}, classes={classes} and num={num} want {wanted} = side * side * "
            "(classes + num * 5)"
        )
    head = Head(
        name,
        section.kind,
        classes,
        (),
        (),
        (),
        num,
        side=side,
        square_root=section.flag("sqrt"),
        softmax=section.flag("softmax"),
    )
    return head, ("classes", "coords", "num", "side", "softmax", "sqrt", "reorg")


def _anchors(section: Section, num: int) -> tuple[tuple[float, float], ...]:
    numbers = section.numbers("anchors")
    if len(numbers) != 2 * num:
        raise section.error(f"num={num} anchors are {2 * num} numbers; anchors= has {len(numbers)}", "anchors")
    if min(numbers) <= 0:
        raise section.error(f"anchors={min(numbers):g}; more than 0 is wanted", "anchors")
    return tuple(zip(numbers[::2], numbers[1::2]))


def _fits(section: Section, shape: tuple[int, int, int], boxes: int, classes: int) -> None:
    wanted = boxes * (5 + classes)
    if shape[2] != wanted:
        raise section.error(
            f"{shape[2]} channels come in; {boxes} anchors with classes={classes} want {wanted} = {boxes} * (5 + "
            f"{classes}): set filters={wanted} in the [convolutional] before"
        )
