"""UNet++: between U-Net's encoder and decoder a whole triangle of nodes, each fed by all before it in its row."""

from __future__ import annotations

import keras

from fcn.models.blocks import Size, check_numbers, double_conv, logits, up
from fcn.models.unet import decoder_filters, unet_encoder

FILTERS = (32, 64, 128, 256, 512)


def unet_plus_plus(
    classes: int,
    *,
    size: int | Size | None = None,
    width: float = 1.0,
    encoder: str | keras.Model | None = None,
    weights: str | None = None,
    batch_norm: bool = True,
    deep_supervision: bool = False,
) -> keras.Model:
    """UNet++.

    Node ``(i, j)`` of row ``i`` (each row half as large as the one above) takes all nodes before it in its row and the
    one below and before, ``(i + 1, j - 1)``, upsampled; two 3x3 convolutions make of them its maps. Column 0 is the
    encoder, the last node of the first row gives the logits. Padding is "same", as in `fcn.models.unet.unet`.

    Weights for 1 class without batch normalisation: 9.04 M, as the paper says.

    Args:
        classes: number of logits for each pixel.
        size: ``(height, width)`` of the images, 32 or more; None for any.
        width: all channels times this; with a given ``encoder``, those of the decoder.
        encoder: None for the paper's, or a classifier; see `fcn.models.unet.unet`.
        weights: of an encoder given by name: None or ``"imagenet"``.
        batch_norm: normalise after each convolution (but not after the upsampling).
        deep_supervision: each node of the first row gives logits of its own; the network's are their average (the
            paper's accurate mode).

    Returns:
        Functional model: float RGB ``(batch, height, width, 3)`` in 0..255 to float32 logits ``(batch, height, width,
        classes)``.

    Raises:
        TypeError, ValueError: arguments of the wrong kind, or out of range.

    Source: Zhou et al. 2018, "UNet++", section 3, equation 1 and figure 1.
    """
    check_numbers(classes, width)
    images, levels = unet_encoder(size, width, encoder, weights, FILTERS, batch_norm)
    strides, rows = list(levels), [[maps] for maps in levels.values()]

    for column in range(1, len(rows)):
        for row in range(len(rows) - column):
            name = f"decoder_{strides[row]}_{column}"
            filters = decoder_filters(strides[row], width, FILTERS)
            below = up(rows[row + 1][-1], filters, rows[row][0], name=f"{name}_up", aligned=encoder is None)
            maps = keras.layers.Concatenate(name=f"{name}_all")([*rows[row], below])
            rows[row].append(double_conv(maps, filters, name=name, batch_norm=batch_norm))

    nodes = rows[0][1:] if deep_supervision else rows[0][-1:]
    like = None if strides[0] == 1 else images
    scores = [logits(maps, classes, like=like, name=f"logits{number}") for number, maps in enumerate(nodes, start=1)]
    if len(scores) > 1:
        scores = [keras.layers.Average(dtype="float32", name="logits")(scores)]
    return keras.Model(images, scores[0], name="unet_plus_plus")
