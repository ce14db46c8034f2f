"""What a model costs as a picture: a table with bars for the shares."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import TYPE_CHECKING

from fcn.arithmetic.counting import Costs, LayerCost, costs, in_words

if TYPE_CHECKING:
    import keras
    from matplotlib.axes import Axes

    from fcn.arithmetic.fields import ReceptiveField

BAR, DARK, RULE = "#9ecae1", "#333333", "#8a8a8a"
ROW, TEXT = 0.27, 10  # inches; points
CHARACTER = 0.084  # inches that a character of TEXT points takes, on average


def cost_table(
    model: Costs | keras.Model,
    *,
    fields: Mapping[str, ReceptiveField | None] | None = None,
    free: bool = True,
    width: float = 10,
    ax: Axes | None = None,
) -> Axes:
    """Draw, layer by layer: name, output, receptive field, parameters and multiply-adds, with bars for their shares.

    Args:
        model: from `fcn.arithmetic.costs`; or a model that says its own size.
        fields: from `fcn.arithmetic.receptive_fields`; adds a column, in which a field is "size / stride", and "all"
            where a layer sees the whole image.
        free: whether layers without parameters and multiply-adds have a row, too.
        width: of the figure in inches, more than 0, where ``ax`` is not given.
        ax: where to draw; a table needs about a quarter of an inch for a row.

    Raises:
        ValueError: no layer is left to be drawn; a width that is not positive and finite.
        TypeError: neither costs nor a model.
    """
    import matplotlib.pyplot as plt

    if not isinstance(width, Real):
        raise TypeError(f"width is {width!r}; a number of inches is wanted")
    if not 0 < width < math.inf:
        raise ValueError(f"width is {width}; it must be positive and finite")
    table = model if isinstance(model, Costs) else costs(model)
    layers = [layer for layer in table.layers if free or layer.parameters or layer.multiply_adds != 0]
    if not layers:
        raise ValueError(f"the costs of {table.model!r} have no layer to draw")
    if ax is None:
        ax = plt.figure(figsize=(width, ROW * (len(layers) + 2.6)), layout="constrained").subplots()
    else:
        width = ax.get_window_extent().width / ax.figure.dpi
    columns = _columns(table, layers, fields)
    # Words take what they need; the two columns with bars share the rest.
    needs = [max(CHARACTER * (max(map(len, column)) + 2), *map(_inches, column)) for column in columns]
    rest = max(0, width - sum(needs)) / 2
    ends, edge = [], 0.0
    for need in [*needs[:-2], needs[-2] + rest, needs[-1] + rest]:
        edge += need
        ends.append(edge)
    size = TEXT * min(1, width / edge)  # a name that is very long makes all of it smaller rather than be cut off

    rows = len(layers) + 1
    for number, (column, end) in enumerate(zip(columns, ends, strict=True)):
        begin = ends[number - 1] if number else 0
        of_numbers = number >= len(columns) - 2
        for row, cell in enumerate(column):
            bold = {"fontweight": "bold"} if row in (0, rows) else {}
            ax.text(
                end - 0.06 if of_numbers else begin + 0.06,
                row,
                cell,
                ha="right" if of_numbers else "left",
                va="center",
                fontsize=size,
                color=DARK,
                **bold,
            )
    for column, kind in ((-2, "parameters"), (-1, "multiply_adds")):
        counts = [getattr(layer, kind) or 0 for layer in layers]
        begin, room = ends[column - 1] + 0.12, ends[column] - ends[column - 1] - 0.12
        lengths = [room * count / (max(counts) or 1) for count in counts]
        ax.barh(range(1, rows), lengths, 0.78, left=begin, color=BAR, zorder=0)
    for height in (0.5, rows - 0.5):
        ax.plot([0, edge], [height, height], color=RULE, linewidth=1)
    ax.set(xlim=(0, edge), ylim=(rows + 0.6, -0.6))
    ax.axis("off")
    return ax


def _inches(word: str) -> float:
    """What it takes, with a margin: names of capitals are wider than CHARACTER says."""
    from matplotlib.textpath import TextPath

    return TextPath((0, 0), word, size=TEXT).get_extents().x1 / 72 + 0.1 if word.strip() else 0


def _columns(
    table: Costs, layers: list[LayerCost], fields: Mapping[str, ReceptiveField | None] | None
) -> list[list[str]]:
    """The cells, column by column: the heading first, the sum last."""
    least = "at least " if table.unknown else ""
    columns = [
        ["layer", *(layer.name for layer in layers), "sum"],
        ["output", *(" x ".join(map(str, layer.output)) for layer in layers), ""],
    ]
    if fields is not None:
        columns.append(["sees (pixels) / stride", *(_seen(fields.get(layer.name)) for layer in layers), ""])
    columns.append(["parameters", *(f"{layer.parameters:,}" for layer in layers), f"{table.parameters:,}"])
    counts = [in_words(layer.multiply_adds) for layer in layers]
    columns.append(["multiply-adds", *counts, least + in_words(table.multiply_adds)])
    return columns


def _seen(field: ReceptiveField | None) -> str:
    """In words, one number where both directions are alike."""
    if field is None:
        return "?"
    if field.stride == (0, 0):
        return "all"
    size, stride = (
        str(pair[0]) if pair[0] == pair[1] else f"{pair[0]} x {pair[1]}" for pair in (field.size, field.stride)
    )
    return f"{size} / {stride}"
