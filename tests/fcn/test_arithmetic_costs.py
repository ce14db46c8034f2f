"""Parameters and multiply-adds: against the slides, published numbers, closed sums and layers of nothing but ones."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fcn.arithmetic import Costs, costs
from fcn.convolutions import convolution_costs
from fcn.convolutions.layers import DeformableConv2D, Involution2D

L = keras.layers


def chain(shape, *layers):
    return keras.Sequential([keras.Input(shape), *layers])


def test_the_slides_inception_example():
    direct = costs(chain((28, 28, 192), L.Conv2D(32, 5, padding="same", name="conv")))
    assert direct.multiply_adds == direct["conv"].multiply_adds == 28 * 28 * 32 * 5 * 5 * 192 == 120_422_400
    narrowed = costs(chain((28, 28, 192), L.Conv2D(16, 1, name="a"), L.Conv2D(32, 5, padding="same", name="b")))
    assert [layer.multiply_adds for layer in narrowed.layers] == [2_408_448, 10_035_200]
    assert round(narrowed.multiply_adds / 1e6, 1) == 12.4
    assert "120.4 M" in str(direct) and "12.4 M" in str(narrowed)


def test_vgg16():
    """15.3 G multiply-adds for the convolutions: with the three dense layers, the 15.5 G of the literature."""
    model = keras.applications.VGG16(weights=None, include_top=False)
    found = costs(model, size=224)
    channels = [3, 64, 64, "p", 128, 128, "p", 256, 256, 256, "p", 512, 512, 512, "p", 512, 512, 512]
    total, side, before = 0, 224, 3
    for wide in channels[1:]:
        if wide == "p":
            side //= 2
        else:
            total, before = total + side**2 * 9 * before * wide, wide
    assert found.multiply_adds == total == 15_346_630_656
    assert found.multiply_adds + 25088 * 4096 + 4096 * 4096 + 4096 * 1000 == 15_470_264_320
    assert found.parameters == model.count_params() == 14_714_688


def test_mobilenet_v2():
    """Table 4 of Sandler et al. 2018: 300 M multiply-adds (300.8), 3.4 M parameters (without moments)."""
    model = keras.applications.MobileNetV2(weights=None)
    found = costs(model)
    assert round(found.multiply_adds, -6) == 301_000_000
    assert found.parameters == model.count_params() == 3_538_984
    assert found.unknown == ()


@pytest.mark.parametrize(
    ("shape", "layer"),
    [
        ((9, 8, 6), L.Conv2D(4, (3, 2), 2, groups=2)),
        ((9, 8, 6), L.Conv2D(4, 3, dilation_rate=2)),
        ((9, 8, 6), L.Conv2D(4, 3, padding="valid", strides=(1, 3))),
        ((9, 8, 6), L.DepthwiseConv2D(3, 2, depth_multiplier=2)),
        ((9, 8, 6), L.SeparableConv2D(5, 3, depth_multiplier=2)),
        ((9, 8, 6), L.Conv2DTranspose(5, 3, 2)),
        ((9, 8, 6), L.Conv2DTranspose(5, (2, 4), (1, 3), output_padding=(0, 1))),
        ((9, 6), L.Conv1D(4, 3, groups=2)),
        ((9, 6), L.DepthwiseConv1D(3)),
        ((9, 6), L.SeparableConv1D(5, 3)),
        ((9, 6), L.Conv1DTranspose(5, 3, 2)),
        ((5, 6, 7, 2), L.Conv3D(3, 2)),
        ((5, 6, 7, 2), L.Conv3DTranspose(3, 2)),
        ((9, 8, 6), L.Dense(7)),
        ((6,), L.Dense(7)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, L.Layer) else None,
)
def test_each_use_of_a_weight_is_counted(shape, layer):
    """With ones for weights and pixels, without padding, the sum of the output is the number of multiply-adds.

    A separable convolution multiplies twice on the way; its second half is counted by itself.
    """
    layer.use_bias = False
    model = chain(shape, layer)
    model.set_weights([np.ones(weight.shape) for weight in model.weights])
    output = np.asarray(model(np.ones((1, *shape))))
    found = costs(model).multiply_adds
    if isinstance(layer, (L.SeparableConv1D, L.SeparableConv2D)):
        depthwise, pointwise = (weight.shape for weight in model.weights)
        places = output[..., 0].size
        assert found == places * (np.prod(depthwise) + np.prod(pointwise))
    else:
        assert found == round(float(output.sum()))


def test_transposed_costs_what_the_convolution_costs():
    """The transpose of a matrix has as many numbers."""
    there = costs(chain((16, 16, 3), L.Conv2D(5, 4, 2)))
    back = costs(chain((7, 7, 5), L.Conv2DTranspose(3, 4, 2)))
    assert there.multiply_adds == back.multiply_adds


class Own(L.Layer):
    """A layer with weights, of which nobody knows how it uses them."""

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], 3))

    def call(self, inputs):
        return inputs @ self.kernel


class Network(keras.Model):
    """Subclassed: weights of its own, layers in a list, one layer twice, and plain code in between."""

    def __init__(self):
        super().__init__(name="network")
        self.scale = self.add_weight(shape=(), name="scale")
        self.steps = [L.Conv2D(4, 3, padding="same", name="conv"), L.BatchNormalization(name="norm")]
        self.shared = L.Conv2D(4, 1, name="shared")

    def call(self, images, training=False):
        maps = self.steps[1](self.steps[0](images), training=training)
        return tf.nn.relu(self.shared(maps) * self.scale + self.shared(maps[:, ::2, ::2])[:, :1, :1])


def test_subclassed_models():
    model = Network()
    found = costs(model, size=(8, 6))  # not built yet
    assert found.parameters == model.count_params() == 3 * 4 * 9 + 4 + 16 + 20 + 1
    assert found["network"][3:] == (1, None)  # its own weight: what is done with it is not known
    assert found["conv"][2:] == ((8, 6, 4), 112, 8 * 6 * 3 * 4 * 9)
    assert found["norm"].multiply_adds == 0
    assert found["shared"][2:] == ((8, 6, 4), 20, 8 * 6 * 16)
    assert found["shared (call 2)"][2:] == ((4, 3, 4), 0, 4 * 3 * 16)
    again = costs(model, size=16)
    assert again["conv"].multiply_adds == 16 * 16 * 3 * 4 * 9


def test_nested_models_and_several_inputs():
    inner = chain((8, 8, 2), L.Conv2D(3, 3, name="conv"), L.ReLU(name="relu"))
    left, right = keras.Input((8, 8, 2), name="left"), keras.Input((5,), name="right")
    joined = L.Concatenate(name="join")([L.Flatten(name="flat")(inner(left)), right])
    model = keras.Model({"left": left, "right": right}, L.Dense(2, name="out")(joined))
    found = costs(model)
    names = [layer.name for layer in found.layers]
    assert sorted(names) == sorted([f"{inner.name}/conv", f"{inner.name}/relu", "flat", "join", "out"])
    assert found.multiply_adds == 36 * 3 * 2 * 9 + (36 * 3 + 5) * 2
    assert found.parameters == model.count_params()


def test_what_is_not_known_is_not_zero():
    query = keras.Input((6, 8))
    maps = L.MultiHeadAttention(2, 4, name="attention")(query, query)
    model = keras.Model(query, L.Dense(2, name="out")(Own(name="own")(maps)))
    found = costs(model)
    assert found["own"][3:] == (24, None) and found["attention"][3:] == (0, None)
    assert {"own", "attention"} <= set(found.unknown) and "out" not in found.unknown
    assert found.parameters == model.count_params()
    assert found.multiply_adds == found["out"].multiply_adds == 6 * 3 * 2
    assert "unknown" in str(found) and "at least 36" in str(found)


def test_products_that_no_layer_makes_are_not_zero():
    inputs = keras.Input((6, 8))
    model = keras.Model(inputs, keras.ops.matmul(inputs, keras.ops.transpose(inputs, (0, 2, 1))), name="gram")
    assert costs(model)["gram"].multiply_adds is None
    free = keras.Model(inputs, keras.ops.relu(inputs + 1), name="free")
    assert costs(free).unknown == ()


def test_a_layer_in_a_function_of_its_own():
    class Compiled(L.Layer):
        @tf.function
        def call(self, inputs):
            return inputs @ tf.ones((3, 3))

    assert costs(chain((4, 3), Compiled(name="own"))).unknown == ("own",)


def test_a_derived_layer_is_not_known():
    class Twice(L.Conv2D):
        def call(self, inputs):
            return super().call(super().call(inputs))

    assert costs(chain((8, 8, 2), Twice(2, 3, name="twice"))).unknown == ("twice",)


@pytest.mark.parametrize("batch_normalisation", [False, True])
@pytest.mark.parametrize("strides", [1, 2])
def test_involution(strides, batch_normalisation):
    options = {"groups": 2, "strides": strides, "reduction": 4, "batch_normalisation": batch_normalisation}
    found = costs(chain((8, 6, 16), Involution2D(3, name="inv", **options)))
    n = (8 // strides) * (6 // strides)
    assert found["inv"].multiply_adds == n * 9 * 16  # each channel of each pixel with the kernel of its group
    assert found["inv/reduce"].multiply_adds == n * 16 * 4 and found["inv/span"].multiply_adds == n * 4 * 9 * 2
    assert found.multiply_adds == convolution_costs("involution", 8 // strides, 6 // strides, 3, 16, 16).multiply_adds
    assert found.unknown == ()

    class Own(Involution2D):
        def call(self, inputs):
            return super().call(super().call(inputs))

    assert costs(chain((8, 6, 16), Own(3, name="own"))).unknown == ("own",)


@pytest.mark.parametrize("modulated", [False, True])
def test_deformable(modulated):
    layer = DeformableConv2D(5, (3, 2), (2, 1), modulated=modulated, name="deform")
    model = chain((8, 6, 4), layer)
    found, kind = costs(model), "modulated deformable" if modulated else "deformable"
    assert found["deform"].multiply_adds == 4 * 6 * (4 * 6 * 4 + 6 * 4 * 5)
    assert found["deform/finder"].multiply_adds == 4 * 6 * (6 * 4 * (3 if modulated else 2) * 6)
    assert found.multiply_adds == convolution_costs(kind, 4, 6, (3, 2), 4, 5).multiply_adds
    assert found.unknown == () and found.parameters == model.count_params()


def test_products_of_the_picture_with_itself_are_not_zero():
    """Attention by hand, in sums; a gate, a square and a scale that is given are no such thing."""

    class Plain(keras.Model):
        def __init__(self, function):
            super().__init__(name="plain")
            self.function = function

        def call(self, inputs):
            return self.function(inputs)

    def count(function):
        return costs(Plain(function), size=(8, 6, 4))["plain"].multiply_adds

    assert count(lambda x: tf.reduce_sum(x[:, :, None] * tf.nn.relu(x)[:, None], -1)) is None
    assert count(lambda x: tf.reduce_sum(tf.transpose(x * x[:, ::-1], (0, 2, 1, 3)), 1)) is None
    assert count(lambda x: tf.nn.relu(x * tf.reduce_mean(x, (1, 2), keepdims=True))) == 0
    assert count(lambda x: x / tf.reduce_sum(x * x, -1, keepdims=True)) == 0
    assert count(lambda x: tf.reduce_sum(x * tf.constant([1.0, 2.0, 3.0, 4.0]), -1)) == 0
    assert count(lambda x: tf.reduce_sum(x * tf.cast(tf.shape(x)[1], tf.float32), -1)) == 0


def test_frames_that_are_folded_into_the_batch():
    class Frames(keras.Model):
        def __init__(self):
            super().__init__(name="frames")
            self.conv, self.norm = L.Conv2D(4, 3, name="conv"), L.BatchNormalization(name="norm")

        def build(self, shape):
            self.conv.build((None, 8, 8, 3))
            self.norm.build((None, 6, 6, 4))

        def call(self, videos):
            return self.norm(self.conv(tf.reshape(videos, (-1, 8, 8, 3))))

    for batch in (None, 2):
        videos = keras.Input((5, 8, 8, 3), batch_size=batch)
        found = costs(keras.Model(videos, Frames()(videos)))
        assert found["frames/conv"].multiply_adds == 5 * 6 * 6 * 3 * 4 * 9 and found["frames/norm"].multiply_adds == 0

    class Some(Frames):
        def call(self, images):
            return self.conv(tf.boolean_mask(images, tf.reduce_mean(images, (1, 2, 3)) > 0))

    images = keras.Input((8, 8, 3))
    assert "frames/conv" in costs(keras.Model(images, Some()(images))).unknown  # nobody knows how many


def test_the_table_in_words():
    found = costs(chain((28, 28, 192), L.Conv2D(32, 5, padding="same", name="conv"), L.ReLU(name="relu")))
    lines = str(found).split("\n")
    assert len(lines) == 5 and len({len(line) for line in lines}) == 1
    assert " ".join(lines[2].split()) == "| conv | Conv2D | 28 x 28 x 32 | 153,632 | 120.4 M |"
    assert found._repr_markdown_() == str(found)


def test_one_picture_whatever_the_batch():
    inputs = keras.Input(batch_shape=(4, 8, 8, 2))
    assert costs(keras.Model(inputs, L.Conv2D(3, 3)(inputs))).multiply_adds == 36 * 3 * 2 * 9


def test_bad_input():
    model = chain((None, None, 3), L.Conv2D(3, 3))
    with pytest.raises(ValueError, match="say how large the pictures are with size="):
        costs(model)
    with pytest.raises(ValueError, match="size is 0"):
        costs(model, size=0)
    with pytest.raises(ValueError, match="a side, \\(height, width\\)"):
        costs(model, size=(1, 2, 3, 4))
    with pytest.raises(TypeError, match="must be a keras.Model"):
        costs(L.Dense(3))
    with pytest.raises(KeyError, match="'conv9' not in the costs"):
        costs(model, size=8)["conv9"]
    assert isinstance(costs(model, size=8), Costs)
