import keras
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
    return ReceptiveField((size, size), (jump, jump), (start, start))


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
    assert receptive_field(keras.Model(inputs, maps), "conv") == ReceptiveField((16, 16), (0, 0), (0, 0))


def test_fields_that_are_not_square():
    inputs = keras.Input((None, None, 3))
    conv = keras.layers.Conv2D(4, (1, 7), strides=(2, 3), name="conv")
    field = receptive_field(keras.Model(inputs, conv(inputs)), "conv")
    assert field == ReceptiveField((1, 7), (2, 3), (0, 0))


def test_images_that_are_not_square():
    inputs = keras.Input((32, 48, 3))
    conv = keras.layers.Conv2D(4, 3, padding="same", name="conv")
    assert receptive_field(keras.Model(inputs, conv(inputs)), "conv") == closed_form([CONV])


@pytest.mark.parametrize("side", [63, 64, 100, 101, 151])
def test_the_start_depends_on_the_size_where_strides_meet_padding(side):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((None, None, 1))
    maps = inputs
    for name in ("a", "b", "c"):
        maps = keras.layers.Conv2D(3, 3, strides=2, padding="same", name=name)(maps)
    model = keras.Model(inputs, maps)
    left, top, _, _ = receptive_field(model, "c", size=side).box(3, 3)
    # TensorFlow pads before by half of what is needed so that the last window fits, rounded down.
    start, jump, length = 0, 1, side
    for _ in range(3):
        cells = -(-length // 2)
        before = max((cells - 1) * 2 + 3 - length, 0) // 2
        start, jump, length = start - before * jump, jump * 2, cells
    assert (left, top) == (start + 3 * jump, start + 3 * jump)


@pytest.mark.parametrize("stride", [2, 3])
def test_behind_an_upsampling_there_is_no_constant_step(stride):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((None, None, 1))
    maps = keras.layers.UpSampling2D(2)(keras.layers.Conv2D(3, 3, strides=stride)(inputs))
    model = keras.Model(inputs, keras.layers.Conv2D(3, 1, name="late")(maps))
    with pytest.raises(ValueError, match="'late' does not move in equal steps"):
        receptive_field(model, "late")


def test_of_an_inactive_layer():
    inputs = keras.Input((32, 32, 3))
    conv = keras.layers.Conv2D(4, 3, activation="relu", bias_initializer=keras.initializers.Constant(-1e6), name="dead")
    with pytest.raises(ValueError, match="'dead' reaches the image"):
        receptive_field(keras.Model(inputs, conv(inputs)), "dead")


def test_of_no_map():
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3), keras.layers.Flatten(name="flat")])
    with pytest.raises(ValueError, match="'flat' gives .* not maps"):
        receptive_field(model, "flat")
    with pytest.raises(ValueError, match="a model of one image"):
        receptive_field(keras.Sequential([keras.Input((10,)), keras.layers.Dense(2, name="dense")]), "dense")


def test_box():
    assert ReceptiveField((140, 140), (16, 16), (-62, -62)).box(2, 5) == (18, -30, 158, 110)
