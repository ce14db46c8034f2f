"""A figure for lectures: photograph, truth, prediction, and where the two differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fcn.plots.overlays import label_colours, overlay

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WRONG = (213, 94, 0)  # vermilion, after Okabe and Ito
VOID = (60, 60, 60)
DARK = "#333333"


def show_segmentation(
    images: np.ndarray | Sequence[np.ndarray],
    predictions: np.ndarray | Sequence[np.ndarray],
    truths: np.ndarray | Sequence[np.ndarray] | None = None,
    *,
    class_names: Sequence[str],
    colours: Any,
    void: int = 255,
    width: float = 10,
) -> Figure:
    """Photographs, a row each: the photograph, the truth, the prediction, and where it is wrong; one legend for all.

    Without truths: the photograph, the prediction, and the prediction over the photograph.

    Args:
        images: uint8 RGB ``(height, width, 3)``, one or several.
        predictions: classes ``(height, width)`` of each.
        truths: labels ``(height, width)`` of each.
        class_names: of all classes; the legend names those that are to be seen.
        colours: ``(classes, 3)``, 0..255.
        void: the id of what has no class in the truths: black there, and dark where errors are shown.
        width: of the figure in inches.

    Raises:
        TypeError, ValueError: as of `fcn.plots.overlays.overlay`; other numbers of images, predictions and truths.
    """
    import matplotlib.pyplot as plt
    from matplotlib.patches import Patch

    images, predictions = _several(images, 3), _several(predictions, 2)
    truths = None if truths is None else _several(truths, 2)
    counts = [len(some) for some in (images, predictions, truths) if some is not None]
    if len(set(counts)) != 1 or not counts[0]:
        raise ValueError(f"there are {', '.join(map(str, counts))} images, predictions and truths; as many of each")
    if len(class_names) != len(colours):
        raise ValueError(f"class_names has {len(class_names)} names, colours {len(colours)} rows")
    if truths is None:
        titles = ("photograph", "prediction", "prediction over photograph")
    else:
        titles = ("photograph", "truth", "prediction", "where it is wrong")
    rows = []
    for number, (image, prediction) in enumerate(zip(images, predictions)):
        over = overlay(image, prediction, colours, void=void)  # checks all three
        if truths is None:
            rows.append((image, label_colours(prediction, colours, void=void), over))
        else:
            truth = truths[number]
            pictures = [label_colours(label, colours, void=void) for label in (truth, prediction)]
            rows.append((image, *pictures, mistakes(image, prediction, truth, void=void)))

    shown = np.unique(np.concatenate([np.unique(label) for label in [*predictions, *(truths or [])]]))
    patches = [
        Patch(facecolor=np.asarray(colours[i]) / 255, edgecolor="#9ca3af", label=class_names[i])
        for i in shown.tolist()
        if i != void
    ]
    if void in shown:
        patches.append(Patch(facecolor="black", edgecolor="#9ca3af", label="void"))
    columns = max(1, int(width * 72 / (7 * (max(len(patch.get_label()) for patch in patches) + 5))))
    columns = -(-len(patches) // -(-len(patches) // columns))  # as even rows as can be
    panel = width / len(titles)
    ratios = [row[0].shape[0] / row[0].shape[1] for row in rows]
    below = 0.22 * -(-len(patches) // columns) + 0.15
    height = panel * sum(ratios) + (0.22 if truths is not None else 0.1) * len(rows) + 0.1
    figure = plt.figure(figsize=(width, height + below), layout="constrained")
    axes = figure.subplots(len(rows), len(titles), squeeze=False, height_ratios=ratios)
    for number, (row, pictures) in enumerate(zip(axes, rows)):
        for ax, picture, title in zip(row, pictures, titles):
            ax.imshow(picture)
            ax.axis("off")
            if number == 0 and title != "where it is wrong":
                ax.set_title(title, fontsize=11, color=DARK)
        if truths is not None:
            valid = truths[number] != void
            share = np.mean((predictions[number] != truths[number])[valid]) if valid.any() else np.nan
            row[-1].set_title(f"wrong: {100 * share:.0f} %", fontsize=11, color=np.array(WRONG) / 255)
    figure.legend(
        handles=patches, loc="outside lower center", ncols=columns, frameon=False, fontsize=10, handlelength=1.2,
        handleheight=1.0, columnspacing=1.4, labelcolor=DARK,
    )  # fmt: skip
    return figure


def mistakes(image: np.ndarray, prediction: np.ndarray, truth: np.ndarray, *, void: int = 255) -> np.ndarray:
    """A pale grey photograph with what is wrong in vermilion, and what nobody knows (void) dark.

    Args:
        image: uint8 RGB ``(height, width, 3)``.
        prediction: classes ``(height, width)``.
        truth: labels ``(height, width)``.
        void: the id of what has no class in ``truth``.

    Returns:
        uint8 ``(height, width, 3)``.

    Raises:
        ValueError: shapes that do not fit.
    """
    if not image.shape[:2] == prediction.shape == truth.shape:
        raise ValueError(f"image {image.shape}, prediction {prediction.shape} and truth {truth.shape} differ in size")
    grey = image @ np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
    picture = np.repeat((0.45 * grey + 0.55 * 255)[..., None], 3, axis=2)
    wrong = (prediction != truth) & (truth != void)
    picture[wrong] = 0.15 * picture[wrong] + 0.85 * np.array(WRONG)
    picture[truth == void] = VOID
    return (picture + 0.5).astype(np.uint8)


def _several(arrays: Any, rank: int) -> list[np.ndarray]:
    """One array of this rank, or several, as a list."""
    return [arrays] if isinstance(arrays, np.ndarray) and arrays.ndim == rank else [np.asarray(one) for one in arrays]
