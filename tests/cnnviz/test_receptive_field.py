import keras
import numpy as np
import pytest

from cnnviz.network import build_classifier
from cnnviz.receptive_field import ReceptiveField, receptive_field
from tests.cnnviz.model_kinds import KINDS


def closed_form(steps):
    """Size, stride and start of a chain of (kernel, stride, padding before): Dumoulin and Visin 2016, section 2."""
    size, jump, start = 1, 1, 0
    for kernel, stride, before in steps:
        size += (kernel - 1) * jump
        start -= before * jump
        jump *= stride
    return ReceptiveField(size, jump, start)


CONV, POOL = (3, 1, 1), (2, 2, 0)


@pytest.mark.parametrize(
    ("layer", "steps"),
    [
        ("block1_conv1", [CONV]),
        ("block1_conv2_relu", [CONV] * 2),
        ("block2_conv1", [CONV] * 2 + [POOL, CONV]),
        ("block3_conv2_relu", ([CONV] * 2 + [POOL]) * 2 + [CONV] * 2),
        ("block4_pool", ([CONV] * 2 + [POOL]) * 4),
    ],
)
def test_of_the_lecture_network_equals_the_closed_form(layer, steps):
    keras.utils.set_random_seed(0)
    assert receptive_field(build_classifier(3), layer) == closed_form(steps)


@pytest.mark.parametrize(
    ("kernel", "stride", "dilation", "padding", "before"),
    [(5, 1, 1, "same", 2), (5, 3, 1, "valid", 0), (3, 1, 4, "same", 4), (1, 2, 1, "valid", 0)],
)
def test_strides_dilation_and_padding(kernel, stride, dilation, padding, before):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((None, None, 1))
    conv = keras.layers.Conv2D(4, kernel, strides=stride, dilation_rate=dilation, padding=padding, name="conv")
    # The start is that of the formula only where the padding does not depend on the size.
    assert receptive_field(keras.Model(inputs, conv(inputs)), "conv") == closed_form(
        [(dilation * (kernel - 1) + 1, stride, before)]
    )


@pytest.mark.parametrize("kind", ["functional", "sequential", "nested", "sequential_of_nested"])
def test_every_kind_of_model(kind):
    keras.utils.set_random_seed(1)
    assert receptive_field(KINDS[kind](), "conv2") == closed_form([CONV, POOL, CONV])


def test_a_global_layer_sees_the_whole_image():
    inputs = keras.Input((16, 16, 3))
    gate = keras.layers.GlobalAveragePooling2D(keepdims=True)(inputs)
    maps = keras.layers.Conv2D(2, 3, name="conv")(keras.layers.Multiply()([inputs, gate]))
    assert receptive_field(keras.Model(inputs, maps), "conv") == ReceptiveField(16, 0, 0)


def test_of_no_map():
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3), keras.layers.Flatten(name="flat")])
    with pytest.raises(ValueError, match=r"'flat' gives .* not maps"):
        receptive_field(model, "flat")


def test_box():
    assert ReceptiveField(140, 16, -62).box(2, 5) == (18, -30, 158, 110)
    assert np.array(ReceptiveField(3, 2, 0).box(1, 1)).tolist() == [2, 2, 5, 5]
