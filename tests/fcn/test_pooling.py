import keras
import numpy as np
import pytest
import tensorflow as tf

from fcn.layers.pooling import MaxPoolingWithArgmax2D, MaxUnpooling2D, indices_from_tensorflow
from fcn.layers.windows import Windows

SLIDE = np.array([[1, 2, 6, 3], [3, 5, 2, 1], [1, 2, 2, 1], [7, 3, 4, 8]], np.float32)[None, ..., None]
# Height, width, pool, strides, padding: odd sizes, something left over, overlapping windows, gaps, both ways different.
CASES = [
    (4, 6, 2, 2, "valid"),
    (7, 5, 2, 2, "valid"),
    (7, 5, 2, 2, "same"),
    (9, 8, 3, 2, "valid"),
    (9, 8, 3, 2, "same"),
    (8, 7, 3, 1, "same"),
    (8, 11, (3, 2), (3, 1), "valid"),
    (8, 11, (2, 5), (1, 3), "same"),
    (10, 11, 2, 3, "valid"),
    (10, 11, (2, 3), (4, 2), "same"),
    (8, 7, 3, 3, "same"),
    (5, 5, 5, 2, "valid"),
    (2, 1, 5, 5, "same"),
    (3, 2, 7, 2, "same"),
]
MODES = {
    "eager": lambda function: function,
    "XLA": lambda function: tf.function(function, jit_compile=True),
    "unknown": lambda function: tf.function(function, input_signature=[tf.TensorSpec([None, None, None, 3])]),
}


def noise(height, width, *, seed=0, batch=2, channels=3):
    return np.random.default_rng(seed).normal(size=(batch, height, width, channels)).astype(np.float32)


def window_cells(size, pool, stride, padding):
    """For each window along one axis, the cells of the image that it covers."""
    if padding == "valid":
        starts = range(0, size - pool + 1, stride)
    else:
        count = -(-size // stride)
        first = -(max((count - 1) * stride + pool - size, 0) // 2)
        starts = range(first, first + count * stride, stride)
    return [[cell for cell in range(start, start + pool) if 0 <= cell < size] for start in starts]


def by_hand(images, pool, strides, padding):
    """Maxima and indices, one window at a time."""
    (batch, height, width, channels) = images.shape
    pool, strides = (np.broadcast_to(pair, 2).tolist() for pair in (pool, strides))
    rows, columns = (window_cells(*axis, padding) for axis in zip((height, width), pool, strides))
    indices = np.zeros((batch, len(rows), len(columns), channels), np.int32)
    for b, r, c, k in np.ndindex(indices.shape):
        indices[b, r, c, k] = max(
            (row * width + column for row in rows[r] for column in columns[c]),
            key=lambda index: (images[b, index // width, index % width, k], -index),
        )
    flat = images.reshape(batch, -1, 1, channels)
    return np.take_along_axis(flat, indices.reshape(batch, -1, 1, channels), 1).reshape(indices.shape), indices


def put_by_hand(maps, indices, shape, *, add=False):
    """Values at their indices, in the order of the windows."""
    placed = np.zeros(shape, maps.dtype)
    for b, r, c, k in np.ndindex(maps.shape):
        at = (b, *divmod(int(indices[b, r, c, k]), shape[2]), k)
        placed[at] = maps[b, r, c, k] + (placed[at] if add else 0)
    return placed


def both(pool, strides, padding, **kwargs):
    return MaxPoolingWithArgmax2D(pool, strides, padding, **kwargs), MaxUnpooling2D(pool, strides, padding, **kwargs)


def test_the_slide():
    maxima, indices = MaxPoolingWithArgmax2D()(SLIDE)
    np.testing.assert_array_equal(maxima[0, ..., 0], [[5, 6], [7, 8]])
    np.testing.assert_array_equal(indices[0, ..., 0], [[5, 2], [12, 15]])
    assert indices.dtype == tf.int32
    processed = np.array([[1, 2], [3, 4]], np.float32)[None, ..., None]
    expected = [[0, 0, 2, 0], [0, 1, 0, 0], [0, 0, 0, 0], [3, 0, 0, 4]]
    np.testing.assert_array_equal(MaxUnpooling2D()(processed, indices)[0, ..., 0], expected)


@pytest.mark.parametrize(
    ("case", "mode"),
    [
        *((case, "eager") for case in CASES),
        # Few: tracing and compiling take seconds.
        *((case, "unknown") for case in (CASES[2], CASES[4], CASES[9])),
        *((case, "XLA") for case in (CASES[1], CASES[4], CASES[7], CASES[10])),
    ],
    ids=str,
)
def test_forwards_and_backwards_against_loops(case, mode):
    height, width, *options = case
    pool, unpool = both(*options)
    images = noise(height, width)
    maxima, indices = by_hand(images, *options)
    given = np.random.default_rng(1).normal(size=maxima.shape).astype(np.float32)
    upstream = noise(height, width, seed=2)

    def run(images):
        with tf.GradientTape(persistent=True) as tape:
            values = tf.constant(given)
            tape.watch([images, values])
            found, places = pool(images)
            back = unpool(values, places, like=images)
            pooled, unpooled = tf.reduce_sum(found * given), tf.reduce_sum(back * upstream)
        assert tape.gradient(unpooled, images) is None, "nothing flows to the indices, nor to like"
        return found, places, back, tape.gradient(pooled, images), tape.gradient(unpooled, values)

    found, places, back, by_images, by_values = MODES[mode](run)(tf.constant(images))
    np.testing.assert_array_equal(found, maxima)
    np.testing.assert_array_equal(places, indices)
    np.testing.assert_array_equal(back, put_by_hand(given, indices, images.shape))
    np.testing.assert_allclose(by_images, put_by_hand(given, indices, images.shape, add=True), atol=1e-6)
    # Unpooling is linear in the values: the gradient takes from each pixel what the window that is kept has put there.
    order = np.arange(given[0].size, dtype=np.float32).reshape(given[:1].shape) + 1
    kept = put_by_hand(np.repeat(order, 2, 0), indices, images.shape)
    expected = [upstream[b][kept[b] == n].sum() for b in range(2) for n in order.ravel()]
    np.testing.assert_allclose(np.ravel(by_values), expected, rtol=1e-6)


@pytest.mark.parametrize("case", [case for case in CASES if case[-1] == "valid"], ids=str)
def test_equal_to_pytorch(case):
    torch = pytest.importorskip("torch")
    height, width, pool, strides, _ = case
    images = noise(height, width, seed=3)
    theirs = torch.tensor(images.transpose(0, 3, 1, 2), requires_grad=True)
    maxima, indices = torch.nn.MaxPool2d(pool, strides, return_indices=True)(theirs)
    reach = np.broadcast_to(pool, 2) - np.broadcast_to(strides, 2)
    back = lambda tensor: tensor.detach().numpy().transpose(0, 2, 3, 1)  # noqa: E731
    ours = MaxPoolingWithArgmax2D(pool, strides)(images)
    np.testing.assert_array_equal(ours[0], back(maxima))
    np.testing.assert_array_equal(ours[1], back(indices))
    unpooled = torch.nn.MaxUnpool2d(pool, strides)(maxima, indices, output_size=(height, width))
    np.testing.assert_array_equal(MaxUnpooling2D(pool, strides)(*ours, like=images), back(unpooled))
    np.testing.assert_array_equal(MaxUnpooling2D(pool, strides, output_size=(height, width))(*ours), back(unpooled))
    default = tuple(torch.nn.MaxUnpool2d(pool, strides)(maxima, torch.zeros_like(indices)).shape[2:])
    assert MaxUnpooling2D(pool, strides).compute_output_shape(ours[0].shape, ours[1].shape)[1:3] == default
    if (reach <= 0).all():
        # Where windows overlap, PyTorch's gradient also goes to values that were overwritten; ours does not.
        variable = tf.constant(images)
        with tf.GradientTape() as tape:
            tape.watch(variable)
            ours = MaxUnpooling2D(pool, strides)(*MaxPoolingWithArgmax2D(pool, strides)(variable), like=variable)
            ours = tf.reduce_sum(ours**3)
        (unpooled**3).sum().backward()
        np.testing.assert_allclose(tape.gradient(ours, variable), back(theirs.grad), rtol=1e-5)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("pool", [2, 3])
def test_equal_to_keras_and_tensorflow(pool, padding):
    images = noise(9, 12)
    maxima, indices = MaxPoolingWithArgmax2D(pool, 2, padding)(images)
    np.testing.assert_array_equal(maxima, keras.layers.MaxPooling2D(pool, 2, padding)(images))
    _, argmax = tf.nn.max_pool_with_argmax(images, pool, 2, padding.upper())
    np.testing.assert_array_equal(indices, indices_from_tensorflow(argmax))


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_every_float_type(dtype, jit):
    images = np.random.default_rng(0).integers(-9, 9, (2, 7, 5, 3)).astype(np.float32) / 8  # exact, with many ties
    pool, unpool = both(3, 2, "same", dtype=dtype)
    run = tf.function(lambda images: (*pool(images), unpool(*pool(images), like=images)), jit_compile=jit)
    found, places, back = run(tf.cast(images, dtype))
    maxima, indices = by_hand(images, 3, 2, "same")
    assert found.dtype == back.dtype == dtype and places.dtype == tf.int32
    np.testing.assert_array_equal(tf.cast(found, "float32"), maxima)
    np.testing.assert_array_equal(places, indices)
    np.testing.assert_array_equal(tf.cast(back, "float32"), put_by_hand(maxima, indices, images.shape))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("pool", [2, 3])
def test_ties_nan_and_infinity_as_pytorch(pool, mode):
    torch = pytest.importorskip("torch")
    images = np.random.default_rng(0).choice(np.array([np.nan, -np.inf, 0, 0, 1, np.inf], np.float32), (4, 9, 9, 3))
    images[0] = 1
    images[1] = -np.inf
    found, places = MODES[mode](MaxPoolingWithArgmax2D(pool))(tf.constant(images))
    expected = torch.nn.MaxPool2d(pool, return_indices=True)(torch.tensor(images.transpose(0, 3, 1, 2)))
    np.testing.assert_array_equal(found, expected[0].numpy().transpose(0, 2, 3, 1))
    np.testing.assert_array_equal(places, expected[1].numpy().transpose(0, 2, 3, 1))
    assert not np.isnan(np.delete(MaxUnpooling2D(pool)(tf.zeros_like(found), places, like=images), 0)).any()


def test_padding_is_never_the_maximum():
    pool, unpool = both(3, 2, "same")
    images = np.full((1, 5, 7, 1), -np.inf, np.float32)
    maxima, indices = pool(images)
    np.testing.assert_array_equal(indices[0, ..., 0], [[0, 1, 3, 5], [7, 8, 10, 12], [21, 22, 24, 26]])
    assert np.isinf(unpool(maxima, indices, like=images)).sum() == maxima.shape.num_elements()


def test_a_value_that_is_nan_or_infinite_stays_where_it_is():
    values = np.array([[np.nan, np.inf], [-np.inf, 1]], np.float32)[None, ..., None]
    _, indices = MaxPoolingWithArgmax2D()(SLIDE)
    unpooled = np.ravel(MaxUnpooling2D()(values, indices))
    np.testing.assert_array_equal(unpooled[[5, 2, 12, 15]], [np.nan, np.inf, -np.inf, 1])
    assert not np.delete(unpooled, [5, 2, 12, 15]).any()


@pytest.mark.parametrize("strides", [2, 1])
def test_second_derivatives(strides):
    pool, unpool = both(2, strides, "valid")
    images, direction = tf.constant(noise(4, 5)), tf.constant(noise(4, 5, seed=1))
    with tf.GradientTape() as outer:
        outer.watch(images)
        with tf.GradientTape() as inner:
            inner.watch(images)
            value = tf.reduce_sum(unpool(*pool(images), like=images) ** 3)
        first = inner.gradient(value, images)
        slope = tf.reduce_sum(first * direction)
    kept = put_by_hand(*by_hand(images.numpy(), 2, strides, "valid"), images.shape)
    np.testing.assert_allclose(first, 3 * kept**2, rtol=1e-5)
    np.testing.assert_allclose(outer.gradient(slope, images), 6 * kept * direction, rtol=1e-5)


def little_segnet(padding, size=(None, None)):
    inputs = keras.Input((*size, 3))
    maps = keras.layers.Conv2D(4, 3, padding="same")(inputs)
    pooled, indices = MaxPoolingWithArgmax2D(padding=padding, name="pool")(maps)
    pooled = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(pooled)
    unpooled = MaxUnpooling2D(padding=padding, name="unpool")(pooled, indices, like=maps)
    return keras.Model(inputs, keras.layers.Conv2D(2, 3, padding="same")(unpooled))


def test_a_model_of_any_size_trains_under_xla_and_survives_saving(tmp_path):
    keras.utils.set_random_seed(0)
    model = little_segnet("same")
    assert model.output_shape == (None, None, None, 2)
    images = noise(7, 9)
    labels = (images[..., 0] > 0).astype(np.int32)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    start = [variable.numpy() for variable in model.trainable_variables]
    with tf.GradientTape() as tape:
        value = loss(labels, model(images))
    slopes = tape.gradient(value, model.trainable_variables)
    model.compile(keras.optimizers.SGD(0.5), loss, jit_compile=True)
    history = model.fit(images, labels, epochs=1, verbose=0).history["loss"]
    np.testing.assert_allclose(history[0], value, rtol=1e-4)
    for variable, before, slope in zip(model.trainable_variables, start, slopes, strict=True):
        np.testing.assert_allclose(variable, before - 0.5 * slope, rtol=1e-3, atol=1e-5)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    other = noise(10, 6, seed=4)
    np.testing.assert_allclose(again(other), model(other), atol=1e-6)


def test_a_model_of_one_size_and_mixed_precision():
    model = little_segnet("same", (7, 9))
    assert model.get_layer("unpool").output.shape == (None, 7, 9, 4)
    pool = MaxPoolingWithArgmax2D(dtype="mixed_bfloat16")
    maxima, indices = pool(keras.Input((8, 8, 3)))
    assert (maxima.dtype, indices.dtype) == ("bfloat16", "int32")
    assert pool(noise(8, 8))[0].dtype == "bfloat16"


def test_config():
    pool = MaxPoolingWithArgmax2D((2, 3), 1, "same", name="a")
    unpool = MaxUnpooling2D([2, 3], padding="same", output_size=(9, 8))
    assert (pool.windows, unpool.windows) == (Windows((2, 3), (1, 1), "same"), Windows((2, 3), (2, 3), "same"))
    for layer in (pool, unpool):
        again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
        assert type(again) is type(layer) and again.get_config() == layer.get_config()
    assert keras.saving.get_registered_name(MaxUnpooling2D) == "fcn>MaxUnpooling2D"


@pytest.mark.parametrize("layer", [MaxPoolingWithArgmax2D, MaxUnpooling2D])
@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"pool_size": 0}, ValueError, "pool_size is 0"),
        ({"pool_size": True}, TypeError, "pool_size is True"),
        ({"pool_size": 2.0}, TypeError, "pool_size is 2.0"),
        ({"pool_size": (2, 2, 2)}, ValueError, r"pool_size is \(2, 2, 2\)"),
        ({"strides": -1}, ValueError, "strides is -1"),
        ({"padding": "full"}, ValueError, "padding is 'full'"),
    ],
    ids=str,
)
def test_refused_when_made(layer, options, error, words):
    with pytest.raises(error, match=words):
        layer(**options)


@pytest.mark.parametrize(
    ("shape", "dtype", "error", "words"),
    [
        ((4, 4, 3), "float32", ValueError, r"got \(4, 4, 3\)"),
        ((1, 2, 4, 3), "float32", ValueError, "images is 2 x 4, smaller than the window 3 x 3"),
        ((1, 4, 4, 3), "uint8", TypeError, "images must be floating-point; got uint8"),
    ],
    ids=str,
)
def test_images_refused(shape, dtype, error, words):
    layer = MaxPoolingWithArgmax2D(3)
    with pytest.raises(error, match=words):
        layer(np.zeros(shape, dtype))
    with pytest.raises(error, match=words):
        layer(keras.Input(shape[1:], dtype=dtype, batch_size=shape[0]))
    with pytest.raises(error, match=words):
        tf.function(layer)(tf.zeros(shape, dtype))


MAPS, INDICES = tf.zeros((1, 2, 2, 1)), tf.constant([[[[5], [2]], [[12], [15]]]])


@pytest.mark.parametrize(
    ("arguments", "options", "error", "words"),
    [
        ((MAPS, INDICES[:, :1]), {}, ValueError, r"maps is \(1, 2, 2, 1\), indices \(1, 1, 2, 1\)"),
        ((MAPS[0], INDICES[0]), {}, ValueError, r"maps is \(2, 2, 1\), indices \(2, 2, 1\)"),
        ((MAPS, tf.cast(INDICES, "float32")), {}, TypeError, "indices must be int32 or int64; got float32"),
        ((INDICES, INDICES), {}, TypeError, "maps must be floating-point; got int32"),
        ((MAPS, INDICES, SLIDE[0]), {}, ValueError, r"like must be \(batch.*got \(4, 4, 1\)"),
        (
            (MAPS, INDICES, tf.zeros((1, 6, 4, 1))),
            {},
            ValueError,
            r"\(1, 6, 4, 1\) gives maps of 3 x 2.*\(1, 2, 2, 1",
        ),
        (
            (MAPS, INDICES),
            {"output_size": (4, 3)},
            ValueError,
            r"\(4, 3\) gives maps of 2 x 1.*\(1, 2, 2, 1\)",
        ),
        ((MAPS, INDICES, SLIDE), {"output_size": (4, 4)}, ValueError, "like or output_size, not both"),
    ],
    ids=range(8),
)
def test_maps_and_indices_refused(arguments, options, error, words):
    layer = MaxUnpooling2D(**options)
    for call in (layer, tf.function(layer)):
        with pytest.raises(error, match=words):
            call(*arguments)
    with pytest.raises(error, match=words):
        layer(*(keras.KerasTensor(one.shape, tf.as_dtype(one.dtype).name) for one in arguments))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (11, r"indices holds 16; an image of 4 x 4 has the pixels 0 to 15"),
        (-6, r"indices holds -1; an image of 4 x 4"),
        (2, r"indices\[0, 0, 0, 0\] is 7, row 1 and column 3 of an image of 4 x 4: not in its own window"),
        (4, r"indices\[0, 0, 0, 0\] is 9, row 2 and column 1"),
    ],
)
def test_indices_that_do_not_belong(change, words):
    with pytest.raises(ValueError, match=words):
        MaxUnpooling2D()(MAPS, INDICES + tf.constant([[[[change], [0]], [[0], [0]]]]))


def test_a_forgotten_size_is_noticed():
    images = noise(7, 9)
    with pytest.raises(ValueError, match="Were the images of another size"):
        MaxUnpooling2D()(*MaxPoolingWithArgmax2D()(images))


def test_sizes_known_only_in_the_graph_are_compared_there():
    unknown = tf.TensorSpec([None, None, None, 1])
    run = tf.function(
        lambda maps, indices, like: MaxUnpooling2D()(maps, indices, like=like),
        input_signature=[unknown, tf.TensorSpec([None, None, None, 1], tf.int32), unknown],
    )
    assert run(MAPS, INDICES, SLIDE).shape == (1, 4, 4, 1)
    with pytest.raises(tf.errors.InvalidArgumentError, match="does not give maps of"):
        run(MAPS, INDICES, tf.zeros((1, 6, 4, 1)))


def test_no_images_at_all():
    maxima, indices = MaxPoolingWithArgmax2D()(np.zeros((0, 4, 4, 3), np.float32))
    assert MaxUnpooling2D()(maxima, indices).shape == (0, 4, 4, 3)


@pytest.mark.parametrize("layer", [MaxPoolingWithArgmax2D, MaxUnpooling2D])
def test_windows_of_very_many_cells(layer):
    assert layer(16).windows.pool == (16, 16)
    with pytest.raises(ValueError, match=r"pool_size is \(16, 17\); windows of 256 cells"):
        layer((16, 17))


def test_a_window_that_a_graph_finds_too_large():
    unknown = tf.TensorSpec([None, None, None, 3])
    run = tf.function(MaxPoolingWithArgmax2D(3), input_signature=[unknown])
    assert run(noise(3, 4))[0].shape == (2, 1, 1, 3)
    with pytest.raises(tf.errors.InvalidArgumentError, match="images have a side of"):
        run(noise(4, 2))


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize(
    ("pool", "strides", "size", "padding", "wrong"),
    [
        (1, 3, (4, 4), "valid", (1, 4, 5)),  # in the gap between two windows
        (3, 2, (5, 5), "valid", (3, 8, 15, 18)),  # in the other part of the window's last block
        (3, 2, (6, 6), "same", (-1, 3, 35, 2**31 - 1)),
        (2, 2, (4, 4), "valid", (-1, 2, 6, 8, 16)),
    ],
)
def test_an_index_outside_its_window_puts_nothing_anywhere_in_a_graph(pool, strides, size, padding, wrong, jit):
    unpool = MaxUnpooling2D(pool, strides, padding, output_size=size)
    maps = np.ones((1, *unpool.windows.count(size), 1), np.float32)
    indices = by_hand(np.zeros((1, *size, 1), np.float32), pool, strides, padding)[1].astype(np.int64)
    run = tf.function(unpool, jit_compile=jit)
    right = put_by_hand(maps, indices, (1, *size, 1))
    np.testing.assert_array_equal(run(maps, indices), right)
    right[0, 0, 0, 0] = 0
    for index in (*wrong, 2**32, -(2**32)):
        indices[0, 0, 0, 0] = index
        np.testing.assert_array_equal(run(maps, indices), right, str(index))


def test_what_is_no_pair_of_tensors():
    for call in (lambda: MaxUnpooling2D()(MAPS), lambda: MaxUnpooling2D()([MAPS, INDICES])):
        with pytest.raises(TypeError, match=r"two tensors, unpool\(maps, indices\)"):
            call()
    with pytest.raises(TypeError, match="images is None"):
        MaxPoolingWithArgmax2D()(None)
