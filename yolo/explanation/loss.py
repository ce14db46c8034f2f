"""One picture's loss, taken apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from data.arguments import number_pair, one_of
from data.letterboxing import letterbox
from yolo.anchors import YOLOV3_ANCHORS, YOLOV3_MASKS
from yolo.explanation.records import Explanation, HeadView, Lesson

INPUT = 416
"""Pixels of the input of a model that takes any size."""


def explain_loss(
    model: Any,
    image: np.ndarray,
    boxes: Any,
    classes: Any,
    *,
    version: str = "v3",
    anchors: Any = None,
    masks: Sequence[Sequence[int]] | None = None,
    size: int | tuple[int, int] | None = None,
    names: Sequence[str] | None = None,
    side: int = 7,
    class_count: int | None = None,
    **options: Any,
) -> Explanation:
    """The loss of one picture: cell, scale and anchor of each truth, the share of each term, what is ignored.

    Args:
        model: a Keras model that gives raw heads, or its heads for this picture, (1, rows, columns, channels) each.
        image: uint8 RGB (height, width, 3), of any size: it is letterboxed into the network's input.
        boxes: (n, 4), "xyxy" in pixels of ``image``.
        classes: (n,) whole numbers.
        version: "v1", "v2" or "v3".
        anchors: as ``yolo.losses.loss_v3`` or ``loss_v2`` take them. None for v3: those of YOLOv3, or for two heads of
            YOLOv3-tiny.
        masks: v3 only; None: as for ``anchors``.
        size: ``(height, width)`` of the network's input. None: what the model says, or 416; for heads, that of the
            image.
        names: of the classes.
        side: v1 only, cells in a row.
        class_count: v1 only; None: as many as there are names.
        options: of the loss: ``ignore=0.7``, ``box_term="ciou"``.

    Raises:
        TypeError, ValueError: as that loss; an image that is not uint8 RGB; boxes and classes that do not fit.
    """
    one_of("version", version, ("v1", "v2", "v3"))
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise TypeError(f"image is {image.dtype} {image.shape}; uint8 RGB (height, width, 3) is wanted")
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    classes = np.asarray(classes, np.int64 if np.size(classes) == 0 else None)
    if classes.shape != (len(boxes),):
        raise ValueError(f"there are {len(boxes)} boxes, and classes of shape {classes.shape}")
    if len(classes) and classes.min() < 0:
        raise ValueError(f"classes hold {classes.min()}; whole numbers from 0 are wanted")
    if size is None:
        size = tuple(side or INPUT for side in _input(model)) if callable(model) else image.shape[:2]
    size = number_pair("size", size)
    canvas, fit = letterbox(image, size)
    boxes = fit.apply_boxes(boxes)
    heads = model(canvas[None].astype(np.float32) / 255, training=False) if callable(model) else model
    heads = [np.asarray(head) for head in (heads if isinstance(heads, (list, tuple)) else [heads])]
    if any(len(head) != 1 for head in heads):
        raise ValueError(f"the heads are of {[len(head) for head in heads]} pictures; one picture is wanted")

    truths = boxes[None], classes[None].astype(np.int64)
    if version == "v3":
        anchors, masks = _anchors(len(heads), anchors, masks)
        views, rows = _of_v3(heads, truths, anchors, masks, size, options)
    elif len(heads) != 1:
        raise ValueError(f"there are {len(heads)} heads; YOLO{version} has one")
    elif version == "v2":
        if anchors is None:
            raise ValueError("anchors are wanted for v2: width and height of each, in cells")
        views, rows = _of_v2(heads[0], truths, anchors, size, options)
    else:
        if class_count is None:
            if names is None:
                raise ValueError("names or class_count are wanted for v1: its output does not tell the classes")
            class_count = len(names)
        views, rows = _of_v1(heads[0], truths, size, side, class_count, options)
    parts, shapes = rows
    lessons = tuple(
        lesson
        for number in range(len(boxes))
        for lesson in _lessons(number, version, boxes[number], _name(names, int(classes[number])), size, parts, views,
                               shapes)
    )  # fmt: skip
    terms = {}
    for name in ("box", "objectness", "no_objectness", "classes", "priors"):
        values = [getattr(part, name) for part in parts]
        if values[0] is not None:
            terms[name] = float(sum(value.sum() for value in values))
    return Explanation(version, canvas, lessons, tuple(views), terms)


def _of_v3(heads, truths, anchors, masks, size, options):
    from yolo.decoding import decode_v3_head
    from yolo.losses.v3 import parts_v3

    parts = _numbers(parts_v3(heads, *truths, anchors, masks, size, **options))
    views = []
    for head, mask, part in zip(heads, masks, parts):
        decoded = decode_v3_head(head, [anchors[index] for index in mask], size)
        views.append(_view(tuple(mask), part, decoded.boxes[0], decoded.objectness[0]))
    return views, (parts, anchors)


def _of_v2(head, truths, anchors, size, options):
    import tensorflow as tf

    from yolo.decoding import decode_v2_head
    from yolo.losses.v2 import activated, opened, parts_v2

    raw, priors, stride = opened(tf.constant(head), anchors, size)
    parts = _numbers([parts_v2(raw, activated(raw), priors, stride, *truths, anchors, size, **options)])
    decoded = decode_v2_head(head, anchors, size)
    view = _view(tuple(range(len(anchors))), parts[0], decoded.boxes[0], decoded.objectness[0])
    return [view], (parts, priors.numpy())


def _of_v1(outputs, truths, size, side, class_count, options):
    from yolo.losses.v1 import boxes_v1, open_v1, parts_v1

    parts = _numbers([parts_v1(outputs, *truths, size, side, class_count, **options)])
    found = open_v1(outputs, side, class_count)
    cells, count = np.arange(side * side), found.confidence.shape[-1]
    row, column = (np.repeat(place[:, None], count, axis=1) for place in np.divmod(cells, side))
    boxes = boxes_v1(found.boxes[0], row, column, side, size, square_root=options.get("square_root", True))
    view = _view(tuple(range(count)), parts[0], boxes.numpy(), found.confidence[0].numpy())
    return [view], (parts, None)


def _view(anchors, part, boxes, objectness) -> HeadView:
    shape = part.owner.shape[1:]
    return HeadView(
        anchors=anchors,
        boxes=boxes.reshape(*shape, 4),
        objectness=objectness.reshape(shape),
        no_objectness=part.no_objectness[0],
        ignored=part.ignored[0],
        best_iou=None if part.best_iou is None else part.best_iou[0],
        owner=part.owner[0],
    )


def _lessons(truth, version, box, name, size, parts, views, shapes):
    """Of one truth; one for each head that learns it."""
    common = (truth, name, tuple(box.tolist()))
    found = []
    for number, (part, view) in enumerate(zip(parts, views)):
        prediction = int(part.prediction[0, truth])
        if prediction < 0:
            continue
        row, column, anchor = (int(index) for index in np.unravel_index(prediction, view.owner.shape))
        index = view.anchors[anchor]
        found.append(
            Lesson(
                *common,
                head=number,
                row=row,
                column=column,
                anchor=index,
                anchor_sides=None if shapes is None else tuple(float(length) for length in shapes[index]),
                predicted=tuple(view.boxes[row, column, anchor].tolist()),
                iou=float(part.iou[0, truth]),
                objectness=float(view.objectness[row, column, anchor]),
                losses=tuple(float(getattr(part, term)[0, truth]) for term in ("box", "objectness", "classes")),
                note=_note(version, truth, part, view, row, column, anchor),
            )
        )
    return found or [Lesson(*common, head=None, note=_why_not(box, size))]


def _note(version, truth, part, view, row, column, anchor) -> str:
    if version == "v1":
        owner = next((int(one) for one in view.owner[row, column] if one >= 0), -1)
    else:
        owner = int(view.owner[row, column, anchor])
    if not part.wins[0, truth]:
        what = "the cell" if version == "v1" else "cell and anchor"
        return f"not learned: truth {owner} has {what}" + ("; its class stays" if version == "v3" else "")
    return ""


def _why_not(box, size) -> str:
    if not (box[2] > box[0] and box[3] > box[1]):
        return "not learned: it has no area"
    x, y = (box[:2] + box[2:]) / 2
    if not (0 <= x <= size[1] and 0 <= y <= size[0]):
        return "not learned: its centre is outside the picture"
    return "not learned: no head has the anchor of its shape"


def _numbers(parts):
    """The parts as arrays."""
    return [part._replace(**{k: v.numpy() for k, v in part._asdict().items() if v is not None}) for part in parts]


def _anchors(count: int, anchors: Any, masks: Any) -> tuple[Any, Any]:
    if (anchors is None) != (masks is None):
        raise ValueError("anchors and masks are wanted, both or none")
    if anchors is not None:
        return anchors, masks
    if count == 3:
        return YOLOV3_ANCHORS, YOLOV3_MASKS
    if count == 2:
        from yolo.models.two_scales import ANCHORS, MASKS

        return ANCHORS, MASKS
    raise ValueError(f"there are {count} heads; give their anchors and masks")


def _input(model: Any) -> tuple[int | None, int | None]:
    shape = getattr(model, "input_shape", None)
    return tuple(shape[1:3]) if isinstance(shape, tuple) and len(shape) == 4 else (None, None)


def _name(names: Sequence[str] | None, number: int) -> str:
    return names[number] if names is not None and number < len(names) else f"class {number}"
