"""What each convolution costs: its weights, and the multiply-adds for one image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple, get_args

from data.arguments import number_pair, whole_number
from fcn.convolutions.fitting import Pair, divides

Kind = Literal[
    "ordinary",
    "dilated",
    "pointwise",
    "spatially separable",
    "depthwise",
    "depthwise separable",
    "grouped",
    "deformable",
    "modulated deformable",
    "involution",
]
KINDS: tuple[str, ...] = get_args(Kind)


class Costs(NamedTuple):
    """Of one layer.

    Attributes:
        parameters: learnt numbers.
        multiply_adds: one multiplication and one addition each, for one image; biases are not counted.
    """

    parameters: int
    multiply_adds: int


def convolution_costs(
    kind: Kind,
    height: int,
    width: int,
    kernel: int | Pair,
    channels_in: int,
    channels_out: int,
    *,
    groups: int = 2,
    reduction: int = 4,
    bias: bool = False,
) -> Costs:
    """Parameters and multiply-adds in closed form.

    With k = rows * columns of the kernel, C channels in, F channels out, n = height * width:

    =====================  ===================================  ====================================================
    kind                   parameters                           multiply-adds / n
    =====================  ===================================  ====================================================
    ordinary, dilated      k C F                                k C F (the holes of a dilated kernel are skipped)
    pointwise              C F                                  C F
    spatially separable    rows C C + columns C F               rows C C + columns C F (first the column)
    depthwise              k F                                  k F (F a multiple of C)
    depthwise separable    k C + C F                            k C + C F
    grouped                k C F / groups                       k C F / groups (a shuffle moves numbers, no more)
    deformable             k C 2k + 2k + k C F                  k C 2k + 4 k C + k C F (offsets, bilinear values, sum)
    modulated deformable   k C 3k + 3k + k C F                  k C 3k + 4 k C + k C F
    involution             C C/r + C/r k groups                 C C/r + C/r k groups + k C (F is C)
    =====================  ===================================  ====================================================

    The bilinear weights of a deformable convolution are common to all channels and not counted, no more than biases
    and activations. Its offsets always have a bias of their own.

    >>> convolution_costs("ordinary", 56, 56, 3, 64, 128)
    Costs(parameters=73728, multiply_adds=231211008)
    >>> convolution_costs("depthwise separable", 56, 56, 3, 64, 128)
    Costs(parameters=8768, multiply_adds=27496448)

    Args:
        kind: see the table.
        height: rows of the output; with stride 1 and "same" those of the image.
        width: columns of the output.
        kernel: rows and columns of the kernel, or one number for both; nothing to a 1x1 convolution.
        channels_in: of the image.
        channels_out: of the output.
        groups: of a grouped convolution or an involution.
        reduction: r of an involution: by how much its first layer has fewer channels.
        bias: count the biases, too, one for each channel of every step.

    Raises:
        TypeError: no whole numbers.
        ValueError: an unknown kind, a number below 1, or channels that do not divide or must be as many.
    """
    if kind not in KINDS:
        raise ValueError(f"kind is {kind!r}; one of {', '.join(KINDS)} is wanted")
    rows, columns = number_pair("kernel", kernel)
    pixels = whole_number("height", height) * whole_number("width", width)
    before, after = whole_number("channels_in", channels_in), whole_number("channels_out", channels_out)
    groups, reduction = whole_number("groups", groups), whole_number("reduction", reduction)
    taps, more, biases = rows * columns, 0, after
    if kind in ("ordinary", "dilated"):
        weights = taps * before * after
    elif kind == "pointwise":
        weights = before * after
    elif kind == "spatially separable":
        weights, biases = rows * before * before + columns * before * after, before + after
    elif kind == "depthwise":
        divides("channels_in", before, after, "channels_out")
        weights = taps * after
    elif kind == "depthwise separable":
        weights = taps * before + before * after  # Keras gives the first step no bias
    elif kind == "grouped":
        divides("groups", groups, after, "channels_out")
        weights = taps * divides("groups", groups, before, "channels_in") * after
    elif kind == "involution":
        divides("groups", groups, before, "channels_in")
        if before != after:
            raise ValueError(f"channels_in is {before} and channels_out {after}; an involution keeps the channels")
        narrow = divides("reduction", reduction, before, "channels_in")
        weights, biases = before * narrow + narrow * taps * groups, narrow + taps * groups
        more = taps * before
    else:
        branch = (3 if kind == "modulated deformable" else 2) * taps
        weights = taps * before * branch + taps * before * after
        more = 4 * taps * before
        return Costs(weights + branch + after * bool(bias), pixels * (weights + more))
    return Costs(weights + biases * bool(bias), pixels * (weights + more))


def compare_costs(
    height: int,
    width: int,
    kernel: int | Pair,
    channels_in: int,
    channels_out: int,
    *,
    groups: int = 2,
    reduction: int = 4,
    bias: bool = False,
) -> dict[str, Costs]:
    """The costs of all kinds for one task.

    An involution keeps the number of channels. Where another is wanted, a 1x1 convolution after it changes it, and
    both are counted.

    Args:
        height: as this and all others in `convolution_costs`.
        width: of the output.
        kernel: rows and columns.
        channels_in: of the image.
        channels_out: of the output.
        groups: of a grouped convolution and an involution.
        reduction: of an involution.
        bias: count the biases, too.

    Returns:
        Costs by kind. Left out are those that do not fit: a depthwise convolution where the channels out are no
        multiple of those in, a grouped one and an involution where their groups, or the reduction, do not divide the
        channels.

    Raises:
        TypeError, ValueError: as `convolution_costs`.
    """
    found, options = {}, {"groups": groups, "reduction": reduction, "bias": bias}
    before, after = whole_number("channels_in", channels_in), whole_number("channels_out", channels_out)
    groups, reduction = whole_number("groups", groups), whole_number("reduction", reduction)
    unfit = {
        "depthwise": after % before,
        "grouped": before % groups or after % groups,
        "involution": before % groups or before % reduction,
    }
    for kind in KINDS:
        if unfit.get(kind):
            continue
        if kind == "involution" and channels_in != channels_out:
            first = convolution_costs(kind, height, width, kernel, channels_in, channels_in, **options)
            second = convolution_costs("pointwise", height, width, 1, channels_in, channels_out, **options)
            found["involution, then pointwise"] = Costs(*(one + two for one, two in zip(first, second, strict=True)))
        else:
            found[kind] = convolution_costs(kind, height, width, kernel, channels_in, channels_out, **options)
    return found


def describe_costs(costs: Mapping[str, Costs]) -> str:
    """A table of text: parameters, multiply-adds in millions, and these as a share of the first row.

    >>> print(describe_costs({kind: convolution_costs(kind, 7, 7, 3, 64, 64) for kind in ("ordinary", "depthwise")}))
    kind       parameters  multiply-adds (M)  share
    ordinary       36,864               1.81  1.000
    depthwise         576               0.03  0.016

    Args:
        costs: by name; from `compare_costs`, say.

    Raises:
        ValueError: nothing to describe.
    """
    if not costs:
        raise ValueError("costs is empty; give at least one kind")
    whole = next(iter(costs.values())).multiply_adds
    rows = [("kind", "parameters", "multiply-adds (M)", "share")]
    rows += [
        (kind, f"{one.parameters:,}", f"{one.multiply_adds / 1e6:,.2f}", f"{one.multiply_adds / whole:.3f}")
        for kind, one in costs.items()
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            text.rjust(size) if column else text.ljust(size) for column, (text, size) in enumerate(zip(row, widths))
        )
        for row in rows
    )
