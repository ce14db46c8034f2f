"""What each kind of section makes of its input: one rule each, from the text of the cfg to shapes and numbers.

A rule takes the section, its index among the layers, the shape that comes in and the shapes of all layers before it;
it returns a ``Layer``. Shapes are (rows, columns, channels). Nothing here allocates anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from yolo.darknet.cfg import Section
from yolo.darknet.heads import Head, detection_head, region_head, yolo_head
from yolo.darknet.records import connected_parts, convolution_parts
from yolo.darknet.spec import ACTIVATIONS, LARGEST_WINDOW, Layer, Shape, earlier, refuse, shown, window

Rule = Callable[[Section, int, Shape, Sequence[Shape]], Layer]


def convolutional(section: Section, index: int, shape: Shape, shapes: Sequence[Shape]) -> Layer:
    """Rows out are (rows + 2 padding - size) / stride + 1; ``pad=1`` is a padding of half the size."""
    known = ("filters", "size", "stride", "pad", "padding", "groups", "dilation", "activation", "batch_normalize")
    refuse(section, "binary", "xnor", "flipped", "antialiasing", "sway", "rotate", "stretch", "stretch_sway")
    if "share_index" in section.options:
        raise section.error("weights shared with another layer are not offered", "share_index")
    filters, size = section.whole("filters", 1, 1), window(section, "size", 1, 1)
    stride, groups = section.whole("stride", 1, 1), section.whole("groups", 1, 1)
    for key in ("stride_x", "stride_y"):
        if section.whole(key, stride) != stride:
            raise section.error(f"{key} differs from stride={stride}; only equal strides are offered", key)
    padding = size // 2 if section.flag("pad") else window(section, "padding", 0, 0)
    dilation = section.whole("dilation", 1, 1) if size > 1 else 1
    if (size - 1) * dilation >= LARGEST_WINDOW:
        raise section.error(f"dilation={dilation} makes a window of more than {LARGEST_WINDOW} pixels", "dilation")
    if dilation > 1 and (stride > 1 or 2 * padding + 1 != size):
        raise section.error("dilation is offered for stride=1 and an odd size with pad=1", "dilation")
    channels = shape[2]
    if channels % groups or filters % groups:
        raise section.error(f"groups={groups} must divide the {channels} channels that come in and filters={filters}")
    rows, columns = ((side + 2 * padding - size) // stride + 1 for side in shape[:2])
    if rows < 1 or columns < 1:
        raise section.error(f"size={size} does not fit into {shown(shape)} with a padding of {padding}", "size")
    norm = section.flag("batch_normalize") or section.flag("cbn")
    options = {
        "filters": filters,
        "size": size,
        "stride": stride,
        "padding": padding * dilation,
        "groups": groups,
        "dilation": dilation,
        "norm": norm,
        "activation": section.word("activation", "logistic", ACTIVATIONS),
    }
    return Layer(
        index,
        section.kind,
        (index - 1,),
        (rows, columns, filters),
        options,
        convolution_parts(filters, channels // groups, size, norm),
        rows * columns * filters * size * size * (channels // groups),
        known=(*known, "stride_x", "stride_y"),
    )


def connected(section: Section, index: int, shape: Shape, shapes: Sequence[Shape]) -> Layer:
    """Every output reads every number that comes in, channel by channel as Darknet stores them."""
    outputs, inputs = section.whole("output", 1, 1), shape[0] * shape[1] * shape[2]
    norm = section.flag("batch_normalize")
    options = {"norm": norm, "activation": section.word("activation", "logistic", ACTIVATIONS)}
    parts = connected_parts(outputs, inputs, norm)
    known = ("output", "activation", "batch_normalize")
    return Layer(index, section.kind, (index - 1,), (1, 1, outputs), options, parts, inputs * outputs, known=known)


def maxpool(section: Section, index: int, shape: Shape, shapes: Sequence[Shape]) -> Layer:
    """``padding`` (size - 1 if not given) is that of both sides together; half of it, rounded down, lies before."""
    refuse(section, "maxpool_depth", "antialiasing")
    stride = section.whole("stride", 1, 1)
    size = window(section, "size", stride, 1)
    for key in ("stride_x", "stride_y"):
        if section.whole(key, stride) != stride:
            raise section.error(f"{key} differs from stride={stride}; only equal strides are offered", key)
    padding = window(section, "padding", size - 1, 0)
    rows, columns = ((side + padding - size) // stride + 1 for side in shape[:2])
    if rows < 1 or columns < 1:
        raise section.error(f"size={size} does not fit into {shown(shape)} with a padding of {padding}")
    if padding > 2 * (size - 1):
        raise section.error(f"padding={padding} leaves windows without a pixel, size={size}", "padding")
    options = {"size": size, "stride": stride, "before": padding // 2}
    known = ("size", "stride", "padding", "stride_x", "stride_y", "out_channels")
    return Layer(index, section.kind, (index - 1,), (rows, columns, shape[2]), options, known=known)


def avgpool(section: Section, index: int, shape: Shape, shapes: Sequence[Shape]) -> Layer:
    """The mean of each channel over the whole picture."""
    return Layer(index, section.kind, (index - 1,), (1, 1, shape[2]))


def upsample(section: Section, index: int, shape: Shape, shapes: Sequence[Shape]) -> Layer:
    """Each pixel repeated ``stride`` times in both directions, times ``scale``."""
    stride = section.whole("stride", 2, 1)
    options = {"stride": stride, "scale": section.number("scale", 1.0)}
    out = (shape[0] * stride, shape[1] * stride, shape[2])
    return Layer(index, section.kind, (index - 1,), out, options, known=("stride", "scale"))


def route(section: Section, index: int, shape: Shape, shapes: Sequence[Shape]) -> Layer:
    """The channels of one or more layers; with ``groups`` only those of one group of each."""
    sources = earlier(section, "layers", index)
    groups = section.whole("groups", 1, 1)
    group = section.whole("group_id", 0)
    if group >= groups:
        raise section.error(f"group_id={group} of groups={groups}; it counts from 0", "group_id")
    channels = 0
    for source in sources:
        if shapes[source][:2] != shapes[sources[0]][:2]:
            raise section.error(
                f"layers {sources[0]} and {source} differ in size, {shown(shapes[sources[0]])} and "
                f"{shown(shapes[source])}",
                "layers",
            )
        if shapes[source][2] % groups:
            raise section.error(f"groups={groups} does not divide the {shapes[source][2]} channels of layer {source}")
        channels += shapes[source][2] // groups
    out = (*shapes[sources[0]][:2], channels)
    return Layer(
        index, section.kind, sources, out, {"groups": groups, "group": group}, known=("layers", "groups", "group_id")
    )


def shortcut(section: Section, index: int, shape: Shape, shapes: Sequence[Shape]) -> Layer:
    """The layer before plus others; where shapes differ, the part that both have (``yolo.darknet.layers.Shortcut``)."""
    if section.options.get("weights_type", "none") != "none":
        raise section.error("weighted shortcuts are not offered", "weights_type")
    for key in ("alpha", "beta"):
        if section.number(key, 1.0) != 1:
            raise section.error(f"{key} other than 1 is not offered", key)
    sources = earlier(section, "from", index)
    for source in sources:
        other = shapes[source]
        # Darknet's shortcut_cpu asserts the same: one ratio for both directions
        if shape[0] // other[0] != shape[1] // other[1] or other[0] // shape[0] != other[1] // shape[1]:
            raise section.error(
                f"layer {source} is {shown(other)}, the layer before {shown(shape)}: rows and columns differ by "
                "different factors",
                "from",
            )
    options = {"activation": section.word("activation", "linear", ACTIVATIONS)}
    options["same"] = all(shapes[source] == shape for source in sources)
    known = ("from", "activation", "weights_type", "weights_normalizion", "alpha", "beta")
    return Layer(index, section.kind, (index - 1, *sources), shape, options, known=known)


def scale(section: Section, index: int, shape: Shape, shapes: Sequence[Shape]) -> Layer:
    """[sam] and [scale_channels]: another layer times the one before.

    [sam] takes two of one shape. [scale_channels] takes one number per channel (squeeze and excitation), or with
    ``scale_wh`` one per pixel.
    """
    sources = earlier(section, "from", index)
    if len(sources) != 1:
        raise section.error("one layer is wanted", "from")
    out = shapes[sources[0]]
    wanted = out
    if section.kind == "scale_channels":
        wanted = (out[0], out[1], 1) if section.flag("scale_wh") else (1, 1, out[2])
    if shape != wanted:
        raise section.error(f"the layer before is {shown(shape)}; to scale {shown(out)} it must be {shown(wanted)}")
    options = {"activation": section.word("activation", "linear", ACTIVATIONS)}
    known = ("from", "activation", "scale_wh")
    return Layer(index, section.kind, (index - 1, *sources), out, options, known=known)


def dropout(section: Section, index: int, shape: Shape, shapes: Sequence[Shape]) -> Layer:
    """Numbers set to zero while training; nothing in use."""
    probability = section.number("probability", 0.2)
    if not 0 <= probability < 1:
        raise section.error(f"probability={probability}; at least 0 and below 1 is wanted", "probability")
    known = ("probability", "dropblock", "dropblock_size_rel", "dropblock_size_abs")
    return Layer(index, section.kind, (index - 1,), shape, {"probability": probability}, known=known)


def softmax(section: Section, index: int, shape: Shape, shapes: Sequence[Shape]) -> Layer:
    """Over each group of the numbers in Darknet's order; with ``spatial`` over the channels of each pixel."""
    if "tree" in section.options:
        raise section.error("a tree of classes (YOLO9000) is not offered", "tree")
    groups, temperature = section.whole("groups", 1, 1), section.number("temperature", 1.0)
    if shape[0] * shape[1] * shape[2] % groups:
        raise section.error(f"groups={groups} does not divide {shown(shape)}", "groups")
    if temperature <= 0:
        raise section.error(f"temperature={temperature}; more than 0 is wanted", "temperature")
    options = {"groups": groups, "temperature": temperature, "spatial": section.number("spatial", 0) != 0}
    known = ("groups", "temperature", "spatial")
    return Layer(index, section.kind, (index - 1,), shape, options, known=known)


def reorg(section: Section, index: int, shape: Shape, shapes: Sequence[Shape]) -> Layer:
    """Blocks of pixels to channels (``yolo.darknet.layers.Reorg``); ``reverse`` goes back."""
    refuse(section, "flatten", "extra")
    stride, reverse = section.whole("stride", 1, 1), section.flag("reverse")
    rows, columns, channels = shape
    if channels % stride**2 or (not reverse and (rows % stride or columns % stride)):
        raise section.error(
            f"stride={stride} does not fit {shown(shape)}: channels by its square, sides by it", "stride"
        )
    out = (rows // stride, columns // stride, channels * stride**2)
    if reverse:
        out = (rows * stride, columns * stride, channels // stride**2)
    options = {"stride": stride, "reverse": reverse}
    return Layer(index, section.kind, (index - 1,), out, options, known=("stride", "reverse", "flatten", "extra"))


def _head(make: Callable[[Section, str, Shape], tuple[Head, tuple[str, ...]]]) -> Rule:
    def rule(section: Section, index: int, shape: Shape, shapes: Sequence[Shape]) -> Layer:
        head, known = make(section, f"{section.kind}_{index}", shape)
        return Layer(index, section.kind, (index - 1,), shape, head=head, known=known)

    return rule


RULES: dict[str, Rule] = {
    "convolutional": convolutional,
    "connected": connected,
    "maxpool": maxpool,
    "avgpool": avgpool,
    "upsample": upsample,
    "route": route,
    "shortcut": shortcut,
    "sam": scale,
    "scale_channels": scale,
    "dropout": dropout,
    "softmax": softmax,
    "reorg": reorg,
    "yolo": _head(yolo_head),
    "region": _head(region_head),
    "detection": _head(detection_head),
}
