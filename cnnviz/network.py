"""The VGG-style network of the lectures: five blocks of 3x3 convolutions, then one average, then one matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

WIDTHS = (16, 32, 96, 192, 320)


def build_classifier(
    classes: int, widths: Sequence[int] = WIDTHS, convolutions: int = 2, dtype: str = "float32"
) -> keras.Model:
    """A small fully convolutional VGG with batch normalisation.

    ``block1_conv1 ... block5_conv2`` (each 3x3 convolution, ``_bn``, ``_relu``), a 2x2 max pooling between the
    blocks, global average pooling and one dense layer of logits. Because only an average and a matrix follow the
    last maps, the class activation map of Zhou et al. 2016 (eq. 1) is exact for this network. Channels are few where
    the maps are large: that is what makes it cheap.

    Args:
        classes: number of logits.
        widths: channels of each block.
        convolutions: 3x3 convolutions in each block.
        dtype: Keras dtype policy; ``"float16"`` is how the weights are stored.

    Returns:
        A Functional model from float32 RGB ``(batch, height, width, 3)`` in 0..255, any side from 64 pixels up, to
        logits ``(batch, classes)``.

    Source: Simonyan and Zisserman 2015, table 1 (the blocks); Zhou et al. 2016, section 2 (the head).
    """
    import keras

    layers = keras.layers
    inputs = keras.Input((None, None, 3), name="image")
    # Scaling lives inside the model, so that no caller can forget it.
    maps = layers.Rescaling(1 / 127.5, offset=-1.0, name="rescale", dtype=dtype)(inputs)
    for block, width in enumerate(widths, start=1):
        if block > 1:
            maps = layers.MaxPooling2D(name=f"block{block - 1}_pool", dtype=dtype)(maps)
        for step in range(1, convolutions + 1):
            name = f"block{block}_conv{step}"
            # The bias would be cancelled by the normalisation that follows.
            maps = layers.Conv2D(width, 3, padding="same", use_bias=False, name=name, dtype=dtype)(maps)
            maps = layers.BatchNormalization(name=f"{name}_bn", dtype=dtype)(maps)
            maps = layers.ReLU(name=f"{name}_relu", dtype=dtype)(maps)
    pooled = layers.GlobalAveragePooling2D(name="average", dtype=dtype)(maps)
    logits = layers.Dense(classes, name="logits", dtype=dtype)(pooled)
    return keras.Model(inputs, logits, name="lecture_vgg")
