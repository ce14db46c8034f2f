"""Boxes: formats, overlap, placement on the picture, moves. Written once, for NumPy arrays and for tensors.

A box is ``(x1, y1, x2, y2)`` in pixels, x to the right and y down, unless a function says otherwise. Tensors may
be those of a ``tf.function``, with and without XLA.
"""

from yolo.boxes.formats import convert, normalise, to_pixels
from yolo.boxes.moves import affine, flip_left_right, flip_up_down
from yolo.boxes.overlap import area, ciou, diou, giou, iou, matrix
from yolo.boxes.placement import clip, from_letterbox, to_letterbox

__all__ = [
    "affine",
    "area",
    "ciou",
    "clip",
    "convert",
    "diou",
    "flip_left_right",
    "flip_up_down",
    "from_letterbox",
    "giou",
    "iou",
    "matrix",
    "normalise",
    "to_letterbox",
    "to_pixels",
]
