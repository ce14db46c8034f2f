"""Receptive fields: the closed form against what cnnviz measures with gradients, and against published numbers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from cnnviz.receptive_field import receptive_field as measured
from fcn.arithmetic import ReceptiveField, receptive_field, receptive_fields

L = keras.layers
ANY = (None, None, 2)


def model_of(function, shape=ANY):
    keras.utils.set_random_seed(0)
    inputs = keras.Input(shape)
    return keras.Model(inputs, function(inputs))


def chain(*layers, shape=ANY):
    return keras.Sequential([keras.Input(shape), *layers])


def agree(model, layer="end", sizes=(64,)):
    for size in sizes:
        assert receptive_field(model, layer, size=size) == measured(model, layer, size=size, trials=4), size


@pytest.mark.parametrize(
    "layers",
    [
        [L.Conv2D(4, 3, padding="same"), L.MaxPool2D(), L.Conv2D(4, (1, 5), name="end")],
        [
            L.Conv2D(3, 4, 2, padding="same"),
            L.Conv2D(3, 2, padding="same"),
            L.Conv2D(3, 3, 2, padding="same", name="end"),
        ],
        [L.Conv2D(3, 3, dilation_rate=2), L.Conv2D(3, (3, 2), dilation_rate=(4, 3), padding="same", name="end")],
        [L.DepthwiseConv2D(3, 2, padding="same"), L.DepthwiseConv2D(3, dilation_rate=2, name="end")],
        [L.SeparableConv2D(3, 5, 2), L.AveragePooling2D(3, 2, padding="same"), L.Conv2D(2, 1, 2, name="end")],
        [
            L.ZeroPadding2D(((1, 2), (3, 0))),
            L.Conv2D(3, 3, 2),
            L.Cropping2D(((1, 0), (2, 1))),
            L.Conv2D(3, 2, name="end"),
        ],
        [
            L.Conv2D(4, 3, groups=2, strides=2),
            L.BatchNormalization(),
            L.Dense(3),
            L.PReLU(shared_axes=[1, 2], name="end"),
        ],
        [L.Conv2D(4, 3), L.BatchNormalization(), L.Dropout(0.5), L.Activation("swish", name="end")],
        [L.Conv2D(3, 3, 2), L.Conv2DTranspose(3, 4, padding="same"), L.Conv2DTranspose(3, (2, 3), name="end")],
    ],
    ids=["pool", "same", "dilated", "depthwise", "separable", "padded", "grouped", "normalised", "transposed"],
)
def test_chains_agree_with_the_measurement(layers):
    keras.utils.set_random_seed(0)
    agree(chain(*layers), sizes=(49,))


def test_the_start_depends_on_the_size():
    keras.utils.set_random_seed(0)
    model = chain(*[L.Conv2D(3, 3, 2, padding="same", name=name) for name in ("a", "b", "end")])
    starts = {receptive_field(model, "end", size=size).start for size in range(96, 112)}
    assert len(starts) > 3
    agree(model, sizes=((50, 53), (52, 51)))


def inception(inputs):
    wide = L.Conv2D(3, 5, padding="same", name="wide")(L.Conv2D(2, 1)(inputs))
    pool = L.MaxPool2D(3, 1, padding="same", name="pool")(inputs)
    return L.Concatenate(name="end")([L.Conv2D(3, 1, name="narrow")(inputs), wide, pool])


def residual(inputs):
    maps = L.Conv2D(4, 7, 2, padding="same", activation="relu")(inputs)
    short = L.Conv2D(6, 1, 2)(maps)
    maps = L.Conv2D(6, 3, 2, padding="same", activation="relu", name="inside")(maps)
    maps = L.Conv2D(6, 3, padding="same")(maps)
    return L.ReLU(name="end")(L.Add()([short, maps]))


def lopsided(inputs):
    """Neither branch sees all that both see together."""
    before = L.Conv2D(3, 3)(L.ZeroPadding2D(((2, 0), (2, 0)))(inputs))
    after = L.Conv2D(3, 3)(L.ZeroPadding2D(((0, 2), (0, 2)))(inputs))
    return L.Conv2D(3, 1, name="end")(L.Add()([before, after]))


def operations(inputs):
    """Branches joined by functions rather than by layers."""
    left, right = keras.ops.split(L.Conv2D(4, 3, padding="same")(inputs), 2, axis=-1)
    right = keras.ops.relu(L.Conv2D(2, 3, dilation_rate=3, padding="same")(right))
    return L.Conv2D(2, 1, name="end")(keras.ops.concatenate([left * 0.5, right + left], axis=-1)[..., 1:])


def shuffled(inputs):
    maps = L.Conv2D(4, 3, 2)(inputs)
    maps = L.Permute((1, 2, 4, 3))(L.Reshape((-1, 47, 2, 2))(maps))
    return L.DepthwiseConv2D(3, name="end")(L.Reshape((47, 47, 4))(maps))


@pytest.mark.parametrize("function", [inception, residual, lopsided, operations])
def test_branches_agree_with_the_measurement(function):
    agree(model_of(function), sizes=(49,))


def test_channels_that_are_shuffled():
    agree(model_of(shuffled, (96, 96, 2)), sizes=(96,))


def test_lopsided_branches_see_their_union():
    assert receptive_field(model_of(lopsided), "end") == ReceptiveField((5, 5), (1, 1), (-2, -2))


class Block(L.Layer):
    """Layers in a dictionary, joined in plain code, and a convolution that no layer makes."""

    def __init__(self, name):
        super().__init__(name=name)
        self.parts = {"a": L.Conv2D(3, 3, padding="same", name="conv"), "b": L.Conv2D(3, 1, name="short")}

    def call(self, maps):
        return tf.nn.relu(self.parts["a"](maps) + self.parts["b"](maps))


class Raw(L.Layer):
    def build(self, shape):
        self.kernel = self.add_weight(shape=(3, 3, shape[-1], 4))

    def call(self, maps):
        maps = tf.nn.conv2d(maps, self.kernel, 2, [[0, 0], [1, 0], [1, 2], [0, 0]], dilations=1)
        return tf.nn.max_pool2d(tf.pad(maps, [[0, 0], [1, 1], [1, 1], [0, 0]]), 3, 1, "VALID")


class Network(keras.Model):
    def __init__(self):
        super().__init__(name="network")
        self.stem, self.one, self.two = L.Conv2D(3, 4, 2, name="stem"), Block("one"), Block("two")
        self.raw, self.end = Raw(name="raw"), L.Conv2D(2, 3, name="end")

    def call(self, images):
        maps = self.stem(tf.cast(images, tf.float32) / 255 - 0.5)
        return self.end(self.raw(self.two(maps + self.one(maps))))


def test_subclassed_models_agree_with_the_measurement():
    keras.utils.set_random_seed(0)
    model = Network()
    before = receptive_field(model, "end", size=(80, 81, 3))  # not built yet: its first run is this one
    assert np.isfinite(model(np.zeros((1, 80, 81, 3)))).all()
    model.stem.kernel.assign(tf.random.stateless_uniform(model.stem.kernel.shape, [0, 1], 0.1, 1))
    assert before == measured(model, "end", size=(80, 81))
    for layer in ("two.short", model.raw):
        assert receptive_field(model, layer, size=80) == measured(model, layer, size=80)
    with pytest.raises(ValueError, match="clear only as one of these calls .*'one/conv', 'two/conv'"):
        receptive_field(model, "conv")


def test_nested_models_agree_with_the_measurement():
    inner = keras.Model(*(lambda inputs: (inputs, residual(inputs)))(keras.Input(ANY)), name="backbone")
    model = chain(L.Rescaling(1 / 255), inner, L.Conv2D(3, 3, name="head"))
    agree(model, "head")
    agree(model, "backbone/inside")
    assert receptive_field(model, "backbone") == receptive_field(model, "end")


def test_mobilenet_v2():
    model = keras.applications.MobileNetV2((None, None, 3), weights=None, include_top=False)
    table = receptive_fields(model)
    assert table["expanded_conv_project"] == measured(model, "expanded_conv_project")
    assert table["out_relu"][:2] == ((491, 491), (32, 32))
    assert None not in table.values()


def test_published_numbers():
    """Table 1 of Araujo, Norris and Sim 2019: VGG-16 at pool5."""
    vgg = keras.applications.VGG16(weights=None, include_top=False)
    assert receptive_field(vgg, "block5_pool") == ReceptiveField((212, 212), (32, 32), (-90, -90))


def test_what_sees_the_whole_image():
    def gated(inputs):
        gate = L.Dense(2)(L.GlobalAveragePooling2D(name="average")(inputs))
        maps = L.Conv2D(3, 3, name="end")(inputs * L.Reshape((1, 1, 2))(gate))
        return L.Dense(3, name="logits")(L.Flatten(name="flat")(L.Conv2D(3, 3, name="late")(maps)))

    model = model_of(gated, (16, 24, 2))
    everything = ReceptiveField((16, 24), (0, 0), (0, 0))
    for layer in ("average", "end", "late", "flat", "logits"):
        assert receptive_field(model, layer) == everything
    assert measured(model, "end") == everything
    norm = chain(L.Conv2D(4, 3), L.GroupNormalization(2, name="end"), shape=(16, 24, 2))
    assert receptive_field(norm, "end") == everything
    flat = chain(L.Conv2D(4, 3), L.Flatten(name="flat"), shape=(16, 24, 2))
    assert receptive_field(flat, "flat") == everything
    rows = model_of(lambda maps: L.Conv2D(2, 3, name="end")(maps - keras.ops.mean(maps, axis=1, keepdims=True)))
    assert receptive_field(rows, "end", size=20) == ReceptiveField((20, 3), (0, 1), (0, 0))


def test_the_table_has_every_layer_and_agrees_with_one_by_one():
    model = model_of(residual)
    table = receptive_fields(model, size=97)
    assert list(table) == [layer.name for layer in model.layers[1:]]
    assert table == {name: receptive_field(model, name, size=97) for name in table}


def enlarged(inputs):
    return L.Conv2D(2, 3, name="end")(L.UpSampling2D(name="larger")(L.Conv2D(2, 3, name="before")(inputs)))


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (enlarged, "layer 'larger' enlarges the maps"),
        (lambda x: L.Conv2DTranspose(2, 3, 2, name="end")(x), "layer 'end' enlarges the maps"),
        (lambda x: L.Resizing(8, 8, name="end")(x), "ResizeBilinear in 'end' enlarges"),
        (
            lambda x: L.Conv2D(2, 1, name="end")(keras.ops.flip(x, 1)),
            "ReverseV2 in .* mixes pixels .* cnnviz.receptive",
        ),
        (lambda x: L.Conv2D(2, 1, name="end")(x[:, ::-1]), "StridedSlice in .* mixes pixels"),
        (lambda x: L.Conv2D(2, 1, name="end")(x[:, 1:]), "StridedSlice in .* mixes pixels"),
        (lambda x: L.Conv2D(2, 1, name="end")(L.Permute((2, 1, 3), name="turn")(x)), "Transpose in 'turn' mixes"),
        (lambda x: L.Concatenate(axis=1, name="end")([x, x]), "ConcatV2 in 'end' mixes pixels"),
        (lambda x: L.Reshape((-1, 2), name="end")(x), "Reshape in 'end' mixes pixels"),
        (lambda x: L.Add(name="end")([x, x[:, :1] * 2]), "StridedSlice in .* mixes"),
        (lambda x: L.Add(name="end")([x, L.Conv2D(2, (32, 1))(x)]), r"AddV2 in 'end' branches with \[1, 32\] cells"),
        (
            lambda x: L.Add(name="end")([L.MaxPool2D(2)(x), L.Cropping2D(8)(x)]),
            r"branches with the vertical strides \[1, 2\] meet",
        ),
    ],
)
def test_what_has_no_closed_form_is_refused_by_name(function, words):
    model = model_of(function, (32, 32, 2))
    with pytest.raises(ValueError, match=words):
        receptive_field(model, "end")
    assert receptive_fields(model)["end"] is None


def test_up_to_the_enlargement_it_is_known():
    table = receptive_fields(model_of(enlarged))
    assert table == {"before": ReceptiveField((3, 3), (1, 1), (0, 0)), "larger": None, "end": None}


@pytest.mark.parametrize("kind", [L.LayerNormalization, L.UnitNormalization, L.Softmax, L.SpatialDropout2D])
def test_what_works_on_each_pixel_by_itself_changes_nothing(kind):
    options = {"rate": 0.5} if kind is L.SpatialDropout2D else {}
    model = chain(L.Conv2D(4, 3, 2), kind(**options), L.Conv2D(2, 3, name="end"))
    assert receptive_field(model, "end") == ReceptiveField((7, 7), (2, 2), (0, 0))


def test_a_derived_layer_is_looked_into():
    class Twice(L.Conv2D):
        def call(self, inputs):
            return super().call(super().call(inputs))

    assert receptive_field(chain(Twice(2, 3, name="end")), "end").size == (5, 5)


def test_a_layer_that_runs_twice():
    shared = L.Conv2D(2, 3, name="shared")
    model = model_of(lambda inputs: shared(shared(inputs)))
    with pytest.raises(ValueError, match=r"calls of .*'shared', 'shared \(call 2\)'"):
        receptive_field(model, "shared")
    assert receptive_field(model, "shared (call 2)").size == (5, 5)
    assert [field.size for field in receptive_fields(model).values()] == [(3, 3), (5, 5)]


def test_a_nested_layer_that_runs_twice():
    base = chain(L.Conv2D(2, 3, name="c"))
    base.name = "base"
    model = model_of(lambda inputs: base(base(inputs)))
    for name in ("c", "base/c", "base.c", base.layers[-1]):
        with pytest.raises(ValueError, match=r"calls of .*'base/c', 'base/c \(call 2\)'"):
            receptive_field(model, name)
    assert receptive_field(model, "base/c (call 2)").size == receptive_field(model, "c (call 2)").size == (5, 5)


def test_a_dense_that_mixes_columns():
    """Behind Reshape((rows, columns)) it works along the rows, not on each pixel."""
    model = chain(L.Reshape((8, 6)), L.Dense(4, name="dense"), shape=(8, 6, 1))
    with pytest.raises(ValueError, match="mixes pixels"):
        receptive_field(model, "dense")
    assert receptive_fields(model)["dense"] is None
    assert receptive_field(chain(L.Dense(4, name="dense"), shape=(8, 6, 1)), "dense").size == (1, 1)


def test_a_model_that_takes_several_arguments():
    class Pair(keras.Model):
        def call(self, one, two):
            return one + two

    class Trains(keras.Model):
        def call(self, images, training):
            return L.ReLU(name="end")(images)

    with pytest.raises(TypeError, match="is called with one, two; it must take one argument"):
        receptive_field(Pair(), "any", size=8)
    assert receptive_field(Trains(), "end", size=8).size == (1, 1)


def test_mixed_precision():
    layers = [L.Conv2D(3, 3, dtype="mixed_bfloat16"), L.MaxPool2D(dtype="mixed_bfloat16"), L.Conv2D(3, 3, name="end")]
    assert receptive_field(chain(*layers), "end") == ReceptiveField((8, 8), (2, 2), (0, 0))


def test_bad_input():
    model = chain(L.Conv2D(3, 3, name="conv"), shape=(16, 16, 3))
    with pytest.raises(ValueError, match="'cnov' does not run in .*; layers: conv"):
        receptive_field(model, "cnov")
    with pytest.raises(TypeError, match="by name or as the layer object, not as 0"):
        receptive_field(model, 0)
    with pytest.raises(TypeError, match="must be a keras.Model, not str"):
        receptive_field("vgg", "conv")
    with pytest.raises(ValueError, match=r"size is \(32, 32\), but .* takes \(16, 16, 3\)"):
        receptive_field(model, "conv", size=32)
    with pytest.raises(TypeError, match="size is True; a whole number is wanted"):
        receptive_field(model, "conv", size=True)
    with pytest.raises(ValueError, match="a model of one image"):
        receptive_field(keras.Sequential([keras.Input((10,)), L.Dense(2, name="dense")]), "dense")
    with pytest.raises(ValueError, match="too small"):
        receptive_field(chain(L.Conv2D(3, 9, name="conv")), "conv", size=8)


def test_a_model_whose_path_depends_on_the_picture():
    class Choosy(keras.Model):
        def call(self, images):
            return images if tf.reduce_mean(images) > 0 else -images

    with pytest.raises(ValueError, match="asks for values while it runs"):
        receptive_field(Choosy(), "any", size=8)


def test_an_error_leaves_keras_as_it_was():
    before = L.Layer.__call__
    with pytest.raises(ValueError, match="too small"):
        receptive_field(chain(L.Conv2D(3, 9, name="conv")), "conv", size=8)
    assert L.Layer.__call__ is before


def test_box():
    assert ReceptiveField((140, 140), (16, 16), (-62, -62)).box(2, 5) == (18, -30, 158, 110)
