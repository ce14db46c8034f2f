"""Every convolution against its definition in loops, which also count; and against Keras and PyTorch."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from fcn.convolutions import (
    channel_shuffle,
    compare_costs,
    convolution_costs,
    deformable,
    depthwise,
    depthwise_separable,
    describe_costs,
    dilated,
    grouped,
    involution,
    ordinary,
    pointwise,
    sampling_points,
    separate,
    spatially_separable,
    stuff_kernel,
)
from fcn.convolutions.layers import ChannelShuffle, DeformableConv2D, Involution2D
from fcn.convolutions.sharing import GRID_KINDS, UNSEEN, seen_weights

BATCH, HEIGHT, WIDTH, CHANNELS, FILTERS, GROUPS = 2, 5, 6, 4, 8, 2


def noise(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype(dtype)


IMAGES = noise(BATCH, HEIGHT, WIDTH, CHANNELS)


def agree(one, two, tolerance=1e-12):
    np.testing.assert_allclose(np.asarray(one), np.asarray(two), rtol=tolerance, atol=tolerance)


class Counter:
    """Multiplies and adds, and counts how often."""

    def __init__(self):
        self.count = 0

    def __call__(self, total, one, two):
        self.count += 1
        return total + one * two


def pixel(images, n, row, column, channel):
    inside = 0 <= row < images.shape[1] and 0 <= column < images.shape[2]
    return images[n, row, column, channel] if inside else 0.0


def between(images, n, y, x, channel, add):
    """Bilinear, from the four pixels around; two multiplications for each weight are not counted."""
    value, top, left = 0.0, int(np.floor(y)), int(np.floor(x))
    for row, column in itertools.product((top, top + 1), (left, left + 1)):
        value = add(value, (1 - abs(y - row)) * (1 - abs(x - column)), pixel(images, n, row, column, channel))
    return value


def slow(images, kernel, add=None, *, groups=1, offsets=None, mask=None, step=1, dilation=1):
    """Convolution, "same", any of: in groups, with offsets, with a mask, strided, dilated."""
    add = add or Counter()
    batch, height, width, _ = images.shape
    rows, columns, each, filters = kernel.shape
    counts = [-(-side // step) for side in (height, width)]
    extents = [(side - 1) * dilation + 1 for side in (rows, columns)]
    before = [
        max((count - 1) * step + extent - side, 0) // 2
        for count, extent, side in zip(counts, extents, (height, width), strict=True)
    ]
    outputs = np.zeros((batch, *counts, filters))
    for n, i, j, u, v, c in np.ndindex(batch, *counts, rows, columns, each * groups):
        y, x = i * step + dilation * u - before[0], j * step + dilation * v - before[1]
        if offsets is None:
            value = pixel(images, n, y, x, c)
        else:
            down, right = offsets[n, i, j, u * columns + v]
            value = between(images, n, y + down, x + right, c, add)
        value *= 1 if mask is None else mask[n, i, j, u * columns + v]
        group = c // each
        for o in range(group * filters // groups, (group + 1) * filters // groups):
            outputs[n, i, j, o] = add(outputs[n, i, j, o], value, kernel[u, v, c % each, o])
    return outputs


def slow_involution(images, kernels, add=None, step=1):
    add = add or Counter()
    channels = images.shape[3]
    batch, height, width, rows, columns, groups = kernels.shape
    before = [
        max((count - 1) * step + taps - side, 0) // 2
        for count, taps, side in zip((height, width), (rows, columns), images.shape[1:3], strict=True)
    ]
    outputs = np.zeros((batch, height, width, channels))
    for n, i, j, u, v, c in np.ndindex(batch, height, width, rows, columns, channels):
        value = pixel(images, n, step * i + u - before[0], step * j + v - before[1], c)
        outputs[n, i, j, c] = add(outputs[n, i, j, c], kernels[n, i, j, u, v, c * groups // channels], value)
    return outputs


# ------------------------------------------------------------------------------------------------- fixed windows


def test_the_ordinary_one():
    kernel = noise(3, 2, CHANNELS, 3)
    agree(ordinary(IMAGES, kernel), slow(IMAGES, kernel))
    agree(ordinary(IMAGES, kernel, strides=2), slow(IMAGES, kernel, step=2))


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("dilation", [1, 2, 3, (2, 1), (1, 3)], ids=str)
@pytest.mark.parametrize("size", [1, 2, 3, (3, 2), (1, 4)], ids=str)
def test_dilation_is_a_kernel_with_zeros(size, dilation, padding):
    images = noise(1, 11, 12, 2, dtype=np.float32)
    layer = keras.layers.Conv2D(3, size, padding=padding, dilation_rate=dilation, use_bias=False)
    expected = layer(images)
    agree(dilated(images, layer.kernel, dilation, padding=padding), expected, 1e-5)


def test_a_stuffed_kernel_keeps_its_kind_and_its_gradient():
    kernel = noise(3, 2, 1, 1)
    stuffed = stuff_kernel(kernel, (3, 2))
    assert isinstance(stuffed, np.ndarray) and stuffed.shape == (7, 3, 1, 1)
    agree(stuffed[::3, ::2], kernel)
    assert np.count_nonzero(stuffed) == 6
    agree(stuff_kernel(tf.constant(kernel), (3, 2)), stuffed)
    agree(dilated(IMAGES, noise(3, 3, 4, 2), 2), slow(IMAGES, noise(3, 3, 4, 2), dilation=2))
    with tf.GradientTape() as tape:
        weights = tf.constant(kernel)
        tape.watch(weights)
        total = tf.reduce_sum(stuff_kernel(weights, 2))
    agree(tape.gradient(total, weights), np.ones_like(kernel))


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("multiplier", [1, 3])
def test_depthwise_and_separable(multiplier, strides, padding):
    images = IMAGES.astype(np.float32)
    options = {"strides": strides, "padding": padding}
    alone = keras.layers.DepthwiseConv2D(3, depth_multiplier=multiplier, use_bias=False, **options)
    agree(alone(images), depthwise(images, alone.kernel, **options), 1e-5)
    both = keras.layers.SeparableConv2D(5, 3, depth_multiplier=multiplier, use_bias=False, **options)
    expected = both(images)
    weights = both.depthwise_kernel, both.pointwise_kernel[0, 0]
    agree(depthwise_separable(images, *weights, **options), expected, 1e-5)
    if multiplier == 1:  # D[u, v, c] P[c, o] is the kernel of an ordinary convolution
        agree(ordinary(images, weights[0] * weights[1], **options), expected, 1e-5)


def test_pointwise_is_a_dense_layer_at_every_pixel():
    kernel = noise(CHANNELS, 3)
    agree(pointwise(IMAGES, kernel), IMAGES @ kernel)
    agree(pointwise(IMAGES, kernel), ordinary(IMAGES, kernel[None, None]))


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("size", [(3, 3), (5, 2), (1, 4), (4, 1)], ids=str)
def test_an_outer_product_is_two_convolutions(size, padding):
    vertical, horizontal = noise(size[0]), noise(size[1], seed=1)
    kernel = np.outer(vertical, horizontal)
    whole = depthwise(IMAGES, np.repeat(kernel[..., None, None], CHANNELS, axis=2), padding=padding)
    agree(spatially_separable(IMAGES, vertical, horizontal, padding=padding), whole)
    found = separate(kernel)
    assert found.error < 1e-12
    agree(np.outer(found.vertical, found.horizontal), kernel)
    # learnt, with three channels between
    vertical, horizontal = noise(size[0], CHANNELS, 3), noise(size[1], 3, 2)
    kernel = np.einsum("ucm,vmo->uvco", vertical, horizontal)
    agree(spatially_separable(IMAGES, vertical, horizontal, padding=padding), ordinary(IMAGES, kernel, padding=padding))


def test_separate_finds_the_nearest_product():
    sobel = separate([[1, 0, -1], [2, 0, -2], [1, 0, -1]])
    assert sobel.error < 1e-15
    agree(sobel.vertical / sobel.vertical[0], [1, 2, 1])
    agree(np.outer(sobel.vertical, sobel.horizontal), [[1, 0, -1], [2, 0, -2], [1, 0, -1]])
    # Two terms of known size: 3 and 1 of orthogonal factors leave 1 / sqrt(10).
    found = separate(np.diag([3.0, 1.0]))
    assert found.error == pytest.approx(10**-0.5)
    # The Laplacian is no product; whatever else is tried is no nearer.
    laplacian = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]])
    found = separate(laplacian)
    best = np.linalg.norm(laplacian - np.outer(found.vertical, found.horizontal))
    assert best == pytest.approx(found.error * np.linalg.norm(laplacian)) and found.error > 0.1
    generator = np.random.default_rng(0)
    for _ in range(200):
        other = np.outer(
            found.vertical + generator.normal(scale=0.1, size=3), found.horizontal + generator.normal(scale=0.1, size=3)
        )
        assert np.linalg.norm(laplacian - other) >= best


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_groups(groups):
    images = IMAGES.astype(np.float32)
    layer = keras.layers.Conv2D(FILTERS, 3, padding="same", groups=groups, use_bias=False)
    expected = layer(images)
    agree(grouped(images, layer.kernel, groups), expected, 1e-5)
    agree(slow(images, layer.kernel.numpy(), groups=groups), expected, 1e-5)


def test_against_torch():
    torch = pytest.importorskip("torch")
    maps = torch.tensor(IMAGES.transpose(0, 3, 1, 2))
    for groups in (1, 2, 4):
        kernel = noise(3, 3, CHANNELS // groups, FILTERS)
        found = torch.nn.functional.conv2d(maps, torch.tensor(kernel.transpose(3, 2, 0, 1)), groups=groups)
        agree(grouped(IMAGES, kernel, groups, padding="valid"), found.numpy().transpose(0, 2, 3, 1))
    kernel = noise(3, 3, CHANNELS, 2)
    weights = torch.tensor(kernel.reshape(3, 3, 1, CHANNELS * 2).transpose(3, 2, 0, 1))
    found = torch.nn.functional.conv2d(maps, weights, groups=CHANNELS)
    agree(depthwise(IMAGES, kernel, padding="valid"), found.numpy().transpose(0, 2, 3, 1))
    maps = np.arange(2 * 12 * 3).reshape(1, 12, 2, 3)
    for groups in (1, 2, 3, 4, 6, 12):
        found = torch.nn.ChannelShuffle(groups)(torch.tensor(maps)).numpy()
        agree(channel_shuffle(maps.transpose(0, 2, 3, 1), groups), found.transpose(0, 2, 3, 1), 0)


def test_a_shuffle_is_undone_by_the_other_factor():
    assert np.asarray(channel_shuffle(np.arange(6), 2)).tolist() == [0, 3, 1, 4, 2, 5]
    for groups in (1, 2, 3, 4, 6, 12):
        there = channel_shuffle(noise(2, 3, 3, 12), groups)
        agree(channel_shuffle(there, 12 // groups), noise(2, 3, 3, 12), 0)


# ---------------------------------------------------------------------------------------------------- deformable

OFFSETS = noise(BATCH, HEIGHT, WIDTH, 9, 2, seed=3) * 1.5
KERNEL = noise(3, 3, CHANNELS, FILTERS)


def test_deformable_against_loops():
    agree(deformable(IMAGES, KERNEL, OFFSETS), slow(IMAGES, KERNEL, offsets=OFFSETS))
    mask = np.random.default_rng(0).uniform(size=OFFSETS.shape[:-1])
    agree(deformable(IMAGES, KERNEL, OFFSETS, mask=mask), slow(IMAGES, KERNEL, offsets=OFFSETS, mask=mask))
    for options in ({"step": 2}, {"dilation": 2}):
        (amount,) = options.values()
        offsets = OFFSETS[:, :3, :3] if "step" in options else OFFSETS
        found = deformable(IMAGES, KERNEL, offsets, **{"strides" if "step" in options else "dilation": amount})
        agree(found, slow(IMAGES, KERNEL, offsets=offsets, **options))


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (3, 2), (4, 4)], ids=str)
@pytest.mark.parametrize("options", [{}, {"strides": 2}, {"strides": (3, 1)}, {"dilation_rate": 2}], ids=str)
def test_without_offsets_it_is_the_ordinary_one(options, size, padding):
    images = noise(1, 9, 10, 2, dtype=np.float32)
    layer = keras.layers.Conv2D(3, size, padding=padding, use_bias=False, **options)
    expected = np.asarray(layer(images))
    offsets = np.zeros((*expected.shape[:3], size[0] * size[1], 2), np.float32)
    named = {name.removesuffix("_rate"): value for name, value in options.items()}
    agree(deformable(images, layer.kernel, offsets, padding=padding, **named), expected, 1e-5)


def test_whole_offsets_shift_the_image():
    offsets = np.broadcast_to(np.array([2.0, -1.0]), OFFSETS.shape)
    shifted = np.zeros_like(IMAGES)
    shifted[:, :-2, 1:] = IMAGES[:, 2:, :-1]
    wide = np.pad(IMAGES, ((0, 0), (4, 4), (4, 4), (0, 0)))
    expected = ordinary(wide, KERNEL)[:, 6 : 6 + HEIGHT, 3 : 3 + WIDTH]
    agree(deformable(IMAGES, KERNEL, offsets), expected)
    one = KERNEL * (np.arange(9).reshape(3, 3, 1, 1) == 4)
    agree(deformable(IMAGES, one, offsets), shifted @ KERNEL[1, 1])


def test_outside_is_zero_however_far():
    pixels = np.ones((1, 3, 3, 1))
    for far, value in ((-0.5, 0.5), (-1.0, 0), (-1.5, 0), (-1e30, 0), (-np.inf, 0), (2.25, 0.75), (3.0, 0), (1e30, 0)):
        offsets = np.zeros((1, 3, 3, 1, 2))
        offsets[0, 0, 1, 0, 0] = far
        assert float(deformable(pixels, np.ones((1, 1, 1, 1)), offsets)[0, 0, 1, 0]) == value
    offsets[0, 0, 1, 0, 0] = np.nan
    assert np.isnan(np.asarray(deformable(pixels, np.ones((1, 1, 1, 1)), offsets))[0, 0, 1, 0])


def test_deformable_against_grid_sample():
    torch = pytest.importorskip("torch")
    points = np.asarray(sampling_points(OFFSETS, (HEIGHT, WIDTH)))
    grid = torch.tensor(points[..., ::-1] / (np.array([WIDTH, HEIGHT]) - 1) * 2 - 1).reshape(BATCH, HEIGHT, -1, 2)
    maps = torch.tensor(IMAGES.transpose(0, 3, 1, 2))
    found = torch.nn.functional.grid_sample(maps, grid, padding_mode="zeros", align_corners=True).numpy()
    found = found.reshape(BATCH, CHANNELS, HEIGHT, WIDTH, 3, 3)
    agree(deformable(IMAGES, KERNEL, OFFSETS), np.einsum("bcijuv,uvco->bijo", found, KERNEL), 1e-11)


def test_gradients_of_deformable_are_finite_differences():
    inputs = [IMAGES[:1, :3, :4], KERNEL, OFFSETS[:1, :3, :4], np.full((1, 3, 4, 9), 0.6)]
    weights = noise(1, 3, 4, FILTERS, seed=9)

    def score(images, kernel, offsets, mask):
        return tf.reduce_sum(weights * deformable(images, kernel, offsets, mask=mask))

    tensors = [tf.constant(one) for one in inputs]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        total = score(*tensors)
    slopes = [tf.convert_to_tensor(one).numpy() for one in tape.gradient(total, tensors)]
    generator = np.random.default_rng(0)
    for number, (given, slope) in enumerate(zip(inputs, slopes, strict=True)):
        assert np.abs(slope).max() > 0.1
        for _ in range(6):
            place = tuple(generator.integers(given.shape))
            change = np.zeros_like(given)
            change[place] = 1e-6
            ahead, behind = (
                score(*(one + sign * change if k == number else one for k, one in enumerate(inputs)))
                for sign in (1, -1)
            )
            assert float(ahead - behind) / 2e-6 == pytest.approx(slope[place], rel=1e-6, abs=1e-7)


# ---------------------------------------------------------------------------------------------------- involution


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("size", [(1, 1), (3, 3), (2, 5)], ids=str)
def test_involution_against_loops(size, groups):
    kernels = noise(BATCH, HEIGHT, WIDTH, *size, groups)
    agree(involution(IMAGES, kernels), slow_involution(IMAGES, kernels))
    kernels = kernels[:, :3, :3]
    agree(involution(IMAGES, kernels, strides=2), slow_involution(IMAGES, kernels, step=2))


def test_the_same_kernel_everywhere_makes_an_involution_a_depthwise_convolution():
    kernel = noise(3, 3, 2)
    kernels = np.broadcast_to(kernel, (BATCH, HEIGHT, WIDTH, 3, 3, 2))
    agree(involution(IMAGES, kernels), depthwise(IMAGES, np.repeat(kernel, 2, axis=2)[..., None]))


def test_the_involution_layer_makes_its_kernels_of_the_pixels():
    layer = Involution2D(3, groups=2, reduction=2, dtype="float64")
    layer.build(IMAGES.shape)
    weights = [noise(*one.shape, seed=5) for one in layer.get_weights()]
    layer.set_weights(weights)
    kernels = np.maximum(IMAGES @ weights[0] + weights[1], 0) @ weights[2] + weights[3]
    kernels = kernels.reshape(BATCH, HEIGHT, WIDTH, 3, 3, 2)
    agree(layer.kernels(IMAGES), kernels)
    agree(layer(IMAGES), slow_involution(IMAGES, kernels))


# --------------------------------------------------------------------------------------------------------- costs

RECTANGLE = (3, 2)


def counted(kind):
    """The multiply-adds for one image of the loops, which must give what the function gives."""
    add, one = Counter(), IMAGES[:1]
    taps = RECTANGLE[0] * RECTANGLE[1]
    kernel = noise(*RECTANGLE, CHANNELS, FILTERS)
    if kind == "ordinary":
        agree(slow(one, kernel, add), ordinary(one, kernel))
    elif kind == "dilated":
        agree(slow(one, kernel, add, dilation=2), dilated(one, kernel, 2))
    elif kind == "pointwise":
        agree(slow(one, kernel[:1, :1], add), pointwise(one, kernel[0, 0]))
    elif kind == "spatially separable":
        vertical, horizontal = noise(3, 1, CHANNELS, CHANNELS), noise(1, 2, CHANNELS, FILTERS)
        found = slow(slow(one, vertical, add), horizontal, add)
        agree(found, spatially_separable(one, vertical[:, 0], horizontal[0]), 1e-11)
    elif kind == "depthwise":
        kernel = noise(*RECTANGLE, 1, FILTERS)
        agree(slow(one, kernel, add, groups=CHANNELS), depthwise(one, kernel.reshape(*RECTANGLE, CHANNELS, -1)))
    elif kind == "depthwise separable":
        first, second = noise(*RECTANGLE, 1, CHANNELS), noise(1, 1, CHANNELS, FILTERS)
        found = slow(slow(one, first, add, groups=CHANNELS), second, add)
        agree(found, depthwise_separable(one, first.reshape(*RECTANGLE, CHANNELS, 1), second[0, 0]))
    elif kind == "grouped":
        kernel = kernel[:, :, : CHANNELS // GROUPS]
        agree(slow(one, kernel, add, groups=GROUPS), grouped(one, kernel, GROUPS))
    elif kind == "involution":
        first, second = noise(1, 1, CHANNELS, CHANNELS // 2), noise(1, 1, CHANNELS // 2, taps * GROUPS)
        kernels = slow(np.maximum(slow(one, first, add), 0), second, add)
        slow_involution(one, kernels.reshape(1, HEIGHT, WIDTH, *RECTANGLE, GROUPS), add)
    else:
        branch = noise(*RECTANGLE, CHANNELS, (3 if "modulated" in kind else 2) * taps) / 5
        found = slow(one, branch, add)
        offsets = found[..., : 2 * taps].reshape(1, HEIGHT, WIDTH, taps, 2)
        agree(slow(one, kernel, add, offsets=offsets), deformable(one, kernel, offsets))
    return add.count


def layers(kind, bias):
    options = {"padding": "same", "use_bias": bias}
    return {
        "ordinary": lambda: [keras.layers.Conv2D(FILTERS, RECTANGLE, **options)],
        "dilated": lambda: [keras.layers.Conv2D(FILTERS, RECTANGLE, dilation_rate=2, **options)],
        "pointwise": lambda: [keras.layers.Conv2D(FILTERS, 1, **options)],
        "spatially separable": lambda: [
            keras.layers.Conv2D(CHANNELS, (3, 1), **options),
            keras.layers.Conv2D(FILTERS, (1, 2), **options),
        ],
        "depthwise": lambda: [keras.layers.DepthwiseConv2D(RECTANGLE, depth_multiplier=2, **options)],
        "depthwise separable": lambda: [keras.layers.SeparableConv2D(FILTERS, RECTANGLE, **options)],
        "grouped": lambda: [keras.layers.Conv2D(FILTERS, RECTANGLE, groups=GROUPS, **options), ChannelShuffle(GROUPS)],
        "deformable": lambda: [DeformableConv2D(FILTERS, RECTANGLE, use_bias=bias)],
        "modulated deformable": lambda: [DeformableConv2D(FILTERS, RECTANGLE, modulated=True, use_bias=bias)],
        "involution": lambda: [Involution2D(RECTANGLE, GROUPS, reduction=2, use_bias=bias)],
    }[kind]()


KINDS = [
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


@pytest.mark.parametrize("kind", KINDS)
def test_costs_are_those_of_the_layer_and_of_the_loops(kind):
    after = CHANNELS if kind == "involution" else FILTERS
    arguments = kind, HEIGHT, WIDTH, RECTANGLE, CHANNELS, after
    for bias in (False, True):
        model = keras.Sequential([keras.Input((HEIGHT, WIDTH, CHANNELS)), *layers(kind, bias)])
        assert model.output_shape == (None, HEIGHT, WIDTH, after)
        costs = convolution_costs(*arguments, groups=GROUPS, reduction=2, bias=bias)
        assert costs.parameters == model.count_params()
    assert costs.multiply_adds == counted(kind)


def test_the_inception_example_of_the_slides():
    """28x28x192 to 32 maps of 5x5: 120.4 million directly, 12.4 million with 16 channels in between."""
    direct = convolution_costs("ordinary", 28, 28, 5, 192, 32)
    first, second = convolution_costs("pointwise", 28, 28, 1, 192, 16), convolution_costs("ordinary", 28, 28, 5, 16, 32)
    assert round(direct.multiply_adds / 1e6, 1) == 120.4
    assert round((first.multiply_adds + second.multiply_adds) / 1e6, 1) == 12.4


def test_one_table_for_all():
    costs = compare_costs(56, 56, 3, 64, 128)
    assert list(costs) == [*KINDS[:-1], "involution, then pointwise"]
    assert costs["depthwise separable"] == (8768, 27496448)
    assert costs["involution, then pointwise"].parameters == 64 * 16 + 16 * 18 + 64 * 128
    assert list(compare_costs(56, 56, 3, 64, 96))[4] == "depthwise separable", "96 is no multiple of 64"
    assert compare_costs(8, 8, 3, 64, 64)["involution"] == convolution_costs("involution", 8, 8, 3, 64, 64)
    lines = describe_costs(costs).splitlines()
    assert len(lines) == 11 and len({len(line) for line in lines}) == 1
    assert lines[1].split() == ["ordinary", "73,728", "231.21", "1.000"]


# ------------------------------------------------------------------------------------------------ what sees what


def effective(kind, images, at, channel):
    """The gradient of one output with respect to the images: the weights by which they are multiplied."""
    channels = images.shape[3]
    weights = noise(3, 3, channels, channels)
    numbers = noise(1, *images.shape[1:3], 3, 3, 2)
    functions = {
        "ordinary": lambda x: ordinary(x, weights),
        "pointwise": lambda x: pointwise(x, weights[0, 0]),
        "dilated": lambda x: dilated(x, weights, 2),
        "spatially separable": lambda x: spatially_separable(x, weights[0, :, 0, 0], np.ones(3)),
        "depthwise": lambda x: depthwise(x, weights[..., :1]),
        "depthwise separable": lambda x: depthwise_separable(x, weights[..., :1], np.ones((channels, channels))),
        "grouped": lambda x: grouped(x, weights[:, :, : channels // 2], 2),
        "involution": lambda x: involution(x, numbers),
    }
    with tf.GradientTape() as tape:
        tape.watch(images)
        output = functions[kind](images)[0, at[0], at[1], channel]
    return tf.convert_to_tensor(tape.gradient(output, images))[0].numpy()


@pytest.mark.parametrize("kind", GRID_KINDS)
def test_what_is_seen_is_what_has_a_gradient(kind):
    images, by_number = tf.constant(noise(1, 5, 6, 4)), {}
    for at, channel in itertools.product([(2, 2), (2, 3), (0, 5)], range(4)):
        seen = seen_weights(kind, at, channel, rows=5, columns=6)
        slope = effective(kind, images, at, channel)
        assert ((seen != UNSEEN) == (slope != 0)).all()
        for number, weight in zip(seen[seen != UNSEEN], slope[seen != UNSEEN], strict=True):
            by_number.setdefault(int(number), set()).add(round(float(weight), 9))
    assert all(len(weights) == 1 for weights in by_number.values()), "equal numbers, equal weights"
    assert len(set.union(*by_number.values())) == len(by_number), "other numbers, other weights"


# -------------------------------------------------------------------------------------------------------- layers

LAYERS = {
    "shuffle": lambda **kwargs: ChannelShuffle(2, **kwargs),
    "deformable": lambda **kwargs: DeformableConv2D(3, 3, activation="tanh", kernel_regularizer="l2", **kwargs),
    "modulated": lambda **kwargs: DeformableConv2D(3, (3, 2), 2, modulated=True, **kwargs),
    "dilated": lambda **kwargs: DeformableConv2D(3, 3, padding="valid", dilation_rate=(1, 2), use_bias=False, **kwargs),
    "involution": lambda **kwargs: Involution2D(3, 2, reduction=2, **kwargs),
    "involution strided": lambda **kwargs: Involution2D((3, 2), 1, 2, batch_normalisation=True, **kwargs),
}


def shaken(layer, scale=0.3):
    layer.build((None, None, None, CHANNELS))
    layer.set_weights([np.abs(noise(*one.shape)) * scale + 0.1 for one in layer.get_weights()])
    return layer


@pytest.mark.parametrize("kind", LAYERS)
def test_layers_in_a_graph_with_unknown_sizes_under_xla_and_saved(kind, tmp_path):
    layer = shaken(LAYERS[kind]())
    images = IMAGES.astype(np.float32)
    expected = np.asarray(layer(images))
    assert layer.compute_output_shape(images.shape) == expected.shape
    inputs = keras.Input((None, None, CHANNELS))
    outputs = layer(inputs)
    assert outputs.shape[3] == expected.shape[3] and outputs.shape[1] is None
    model = keras.Model(inputs, outputs)
    agree(model(images), expected, 1e-5)

    def slopes(images):
        with tf.GradientTape() as tape:
            tape.watch(images)
            outputs = layer(images)
        found = tape.gradient(outputs, [images, *layer.trainable_variables])
        return outputs, [tf.convert_to_tensor(one) for one in found]

    signature = [tf.TensorSpec((None, None, None, CHANNELS), tf.float32)]
    outputs, found = tf.function(slopes, input_signature=signature, jit_compile=True)(tf.constant(images))
    agree(outputs, expected, 1e-5)
    for one, two in zip(found, slopes(tf.constant(images))[1], strict=True):
        agree(one, two, 1e-4)

    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    agree(loaded(images), expected, 1e-5)
    assert loaded.layers[-1].get_config() == layer.get_config()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "mixed_float16", "mixed_bfloat16", "float64"])
@pytest.mark.parametrize("kind", LAYERS)
def test_layers_of_other_types(kind, dtype):
    images = IMAGES.astype(np.float32)
    expected = np.asarray(shaken(LAYERS[kind]())(images))
    found = shaken(LAYERS[kind](dtype=dtype))(images)
    assert found.dtype == dtype.removeprefix("mixed_")
    scale = np.abs(expected).max()
    tolerance = {"float64": 1e-5}.get(dtype, 0.08 if "bfloat16" in dtype else 0.01)
    agree(np.asarray(found, np.float64) / scale, expected / scale, tolerance)


def test_half_precision_finds_its_place_in_a_wide_image():
    """float16 counts to 2048 in ones; half a pixel is lost from 1024 on."""
    images = np.zeros((1, 1, 3000, 1), np.float16)
    images[0, 0, 2500] = 1
    offsets = np.full((1, 1, 3000, 1, 2), [0, 0.25], np.float16)
    found = np.asarray(deformable(images, np.ones((1, 1, 1, 1), np.float16), offsets))[0, 0, :, 0]
    assert found.dtype == np.float16
    assert found[2499] == 0.25 and found[2500] == 0.75 and np.count_nonzero(found) == 2


@pytest.mark.parametrize("modulated", [False, True])
def test_a_new_deformable_layer_is_an_ordinary_one(modulated):
    images = IMAGES.astype(np.float32)
    layer = DeformableConv2D(5, 3, modulated=modulated)
    outputs = layer(images)
    agree(outputs, ordinary(images, layer.kernel) * (0.5 if modulated else 1), 1e-5)
    offsets, mask = layer.find(images)
    assert not np.asarray(offsets).any() and offsets.shape == (BATCH, HEIGHT, WIDTH, 9, 2)
    assert (mask is None) != modulated


def test_offsets_are_learnt():
    """A layer that may only move its point finds the shift of two pixels."""
    images = np.zeros((1, 16, 16, 1), np.float32)
    rows, columns = np.mgrid[:16, :16]
    images[0, ..., 0] = np.exp(-((rows - 8) ** 2 + (columns - 7) ** 2) / 18)
    layer = DeformableConv2D(1, 1, use_bias=False, kernel_initializer="ones")
    layer.build(images.shape)
    layer.kernel.trainable = False
    layer.finder.kernel.trainable = False
    wanted, optimizer = np.roll(images, (-2, 1), axis=(1, 2)), keras.optimizers.Adam(0.2)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((layer(images) - wanted) ** 2)
        optimizer.apply(tape.gradient(loss, [layer.finder.bias]), [layer.finder.bias])

    for _ in range(80):
        step()
    agree(layer.finder.bias.numpy(), [2, -1], 0.05)


# ----------------------------------------------------------------------------------------------------- bad input

HERE = r"\(2, 5, 6, 4\)"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: ordinary(IMAGES, noise(3, 3, 5, 2)), rf"\(3, 3, 5, 2\).*{HERE}"),
        (lambda: ordinary(IMAGES[0], noise(3, 3, 4, 2)), r"images has the shape \(5, 6, 4\); \(batch, height"),
        (lambda: ordinary(IMAGES, noise(3, 3, 4)), r"kernel has the shape \(3, 3, 4\)"),
        (lambda: ordinary(IMAGES, noise(7, 3, 4, 2), padding="valid"), rf"{HERE}.*\(7, 3\)"),
        (lambda: ordinary(IMAGES, noise(3, 3, 4, 2), padding=1), "padding is 1; accepted: same, valid"),
        (lambda: ordinary(IMAGES, noise(3, 3, 4, 2), strides=0), "strides is 0"),
        (lambda: dilated(IMAGES, noise(3, 3, 4, 2), 0), "dilation is 0"),
        (lambda: stuff_kernel(noise(3), 2), r"kernel has the shape \(3,\)"),
        (lambda: stuff_kernel(noise(3, 3), (1, 2, 3)), "dilation is .*two"),
        (lambda: depthwise(IMAGES, noise(3, 3, 2, 1)), rf"\(3, 3, 2, 1\).*{HERE}"),
        (lambda: pointwise(IMAGES, noise(5, 2)), rf"\(5, 2\).*{HERE}"),
        (lambda: grouped(IMAGES, noise(3, 3, 1, 9), 4), rf"{HERE}.*\(3, 3, 1, 9\).*4 groups"),
        (lambda: grouped(IMAGES, noise(3, 3, 4, 8), 2), rf"{HERE}.*\(3, 3, 4, 8\).*must be 2"),
        (lambda: channel_shuffle(IMAGES, 3), rf"groups is 3.*{HERE}"),
        (lambda: spatially_separable(IMAGES, noise(3, 2), noise(3)), r"vertical has the shape \(3, 2\)"),
        (lambda: spatially_separable(IMAGES, noise(3), noise(3, 5, 2)), r"\(1, 3, 5, 2\)"),
        (lambda: spatially_separable(IMAGES, noise(7), noise(3), padding="valid"), "does not fit"),
        (lambda: separate(noise(3, 3, 1)), r"\(3, 3, 1\)"),
        (lambda: separate([[np.nan]]), "NaN"),
        (lambda: separate([[1, 2], [3]]), r"kernel is \[\[1, 2\], \[3\]\]; its rows"),
        (lambda: stuff_kernel([[1, 2], [3]], 2), r"kernel is \[\[1, 2\], \[3\]\].*equally long"),
        (lambda: stuff_kernel(noise(0, 3), 2), r"\(0, 3\); it is empty"),
        (lambda: ordinary([[[[1.0, 2.0], [3.0]]]], noise(3, 3, 4, 2)), "images is .*equally long"),
        (lambda: ordinary(IMAGES, noise(0, 3, 4, 2)), r"kernel has the shape \(0, 3, 4, 2\); it is empty"),
        (lambda: deformable(IMAGES, noise(3, 0, 4, 2), OFFSETS[..., :0, :]), r"\(3, 0, 4, 2\); it is empty"),
        (lambda: separate(np.zeros((3, 3))), "zero everywhere"),
        (lambda: deformable(IMAGES, KERNEL, OFFSETS[:, :4]), rf"\(2, 4, 6, 9, 2\).*\(2, 5, 6, 9, 2\).*{HERE}"),
        (lambda: deformable(IMAGES, KERNEL, OFFSETS[:1]), r"\(1, 5, 6, 9, 2\)"),
        (lambda: deformable(IMAGES, KERNEL, OFFSETS.reshape(2, 5, 6, 18)), r"\(2, 5, 6, 18\)"),
        (lambda: deformable(IMAGES, KERNEL[:2], OFFSETS), r"\(2, 5, 6, 9, 2\).*\(2, 5, 6, 6, 2\)"),
        (lambda: deformable(IMAGES, KERNEL[:, :, :3], OFFSETS), rf"\(3, 3, 3, 8\).*{HERE}"),
        (
            lambda: deformable(IMAGES, KERNEL, OFFSETS, mask=OFFSETS[..., :4, 0]),
            r"mask.*\(2, 5, 6, 4\).*\(2, 5, 6, 9\)",
        ),
        (lambda: involution(IMAGES, noise(2, 5, 6, 3, 3, 3)), rf"groups is 3.*{HERE}.*\(2, 5, 6, 3, 3, 3\)"),
        (lambda: involution(IMAGES, noise(2, 5, 5, 3, 3, 2)), rf"{HERE}.*\(2, 5, 5, 3, 3, 2\).*\(2, 5, 6\)"),
        (lambda: involution(IMAGES, noise(2, 5, 6, 9, 2)), r"\(2, 5, 6, 9, 2\)"),
        (lambda: convolution_costs("transposed", 5, 5, 3, 4, 4), "kind is 'transposed'; one of ordinary"),
        (lambda: convolution_costs("grouped", 5, 5, 3, 4, 8, groups=3), "groups is 3.*channels_out, 8"),
        (lambda: convolution_costs("depthwise", 5, 5, 3, 4, 6), "channels_in is 4.*6"),
        (lambda: convolution_costs("involution", 5, 5, 3, 4, 8), "4 and channels_out 8"),
        (lambda: convolution_costs("involution", 5, 5, 3, 6, 6), "reduction is 4"),
        (lambda: convolution_costs("ordinary", 0, 5, 3, 4, 8), "height is 0"),
        (lambda: describe_costs({}), "empty"),
        (lambda: seen_weights("deformable", (0, 0)), "kind is"),
        (lambda: seen_weights("ordinary", (5, 0)), r"at is \(5, 0\)"),
        (lambda: seen_weights("grouped", (0, 0), channels=3), "channels is 3"),
        (lambda: ChannelShuffle(3)(IMAGES), rf"groups is 3.*{HERE}"),
        (lambda: DeformableConv2D(3, 3)(IMAGES[0]), r"\(5, 6, 4\)"),
        (lambda: DeformableConv2D(3, 3, 2, dilation_rate=2), "strides is 2 and dilation_rate 2"),
        (lambda: DeformableConv2D(3, 3, padding="full"), "padding is 'full'"),
        (lambda: Involution2D(3, groups=3)(IMAGES), rf"groups is 3.*{HERE}"),
        (lambda: Involution2D(3, reduction=3)(IMAGES), rf"reduction is 3.*{HERE}"),
        (lambda: Involution2D(3)(IMAGES[0]), r"\(5, 6, 4\)"),
    ],
)
def test_bad_values(wrong, message):
    with pytest.raises(ValueError, match=message):
        wrong()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: ordinary(IMAGES.astype(np.uint8), noise(3, 3, 4, 2)),
        lambda: ordinary(IMAGES, np.ones((3, 3, 4, 2), int)),
        lambda: grouped(IMAGES, noise(3, 3, 4, 2), True),
        lambda: dilated(IMAGES, noise(3, 3, 4, 2), 1.5),
        lambda: channel_shuffle(IMAGES, 2.0),
        lambda: channel_shuffle(None, 2),
        lambda: ordinary(None, noise(3, 3, 4, 2)),
        lambda: ordinary(IMAGES, "kernel"),
        lambda: stuff_kernel(None, 2),
        lambda: seen_weights("ordinary", None),
        lambda: seen_weights("ordinary", 1),
        lambda: DeformableConv2D(3, 3)(np.ones((1, 8, 8, 3), np.uint8)),
        lambda: separate([["a"]]),
        lambda: deformable(IMAGES, KERNEL, OFFSETS, strides="2"),
        lambda: convolution_costs("ordinary", 5, 5, 3.0, 4, 8),
        lambda: DeformableConv2D(3.5, 3),
        lambda: Involution2D(3, True),
    ],
)
def test_bad_kinds(wrong):
    with pytest.raises(TypeError, match=r"wanted"):
        wrong()


def test_an_unknown_rank_is_refused_in_words():
    unknown = tf.TensorSpec(None, tf.float32)
    for function, words in (
        (lambda images: ordinary(images, noise(3, 3, 4, 2)), "images has the shape <unknown>"),
        (lambda kernel: ordinary(IMAGES, kernel), "kernel has the shape <unknown>"),
        (lambda kernel: stuff_kernel(kernel, 2), "kernel has the shape <unknown>"),
        (lambda images: channel_shuffle(images, 2), "images has the shape <unknown>"),
        (lambda offsets: sampling_points(offsets, (5, 6)), "offsets has the shape <unknown>"),
    ):
        with pytest.raises(ValueError, match=words):
            tf.function(function, autograph=False).get_concrete_function(unknown)


def test_no_comma_comes_twice():
    for wrong in (lambda: ChannelShuffle(3)(IMAGES), lambda: Involution2D(3, groups=3)(IMAGES)):
        with pytest.raises(ValueError, match=rf"divide the channels of the input {HERE}, 4$"):
            wrong()
    with pytest.raises(ValueError, match=r"divide the channels \(images .*\), 4$"):
        involution(IMAGES, noise(2, 5, 6, 3, 3, 3))


@pytest.mark.parametrize("scale", [1e-310, 1e-200, 1e-30, 1.0, 1e200, 1e307])
def test_separate_whatever_the_scale(scale):
    """Three equal singular values: two thirds of the energy are missed."""
    found = separate(np.eye(3) * scale)
    assert found.error == pytest.approx(np.sqrt(2 / 3))
    assert found.vertical @ found.vertical == pytest.approx(scale)


def test_whole_numbers_in_lists_are_taken_by_all():
    kernel = noise(3, 3, 4, 2).round().astype(int)
    agree(dilated(IMAGES, kernel.tolist(), 2), dilated(IMAGES, kernel.astype(float), 2))
    agree(dilated(IMAGES, kernel.tolist(), 1), ordinary(IMAGES, kernel.tolist()))
    assert stuff_kernel([[1, 2], [3, 4]], 2).dtype.kind == "i"


def test_what_does_not_fit_is_left_out_of_the_table():
    found = compare_costs(8, 8, 3, 3, 64)  # two groups and a reduction by 4 do not divide three channels
    assert set(KINDS) - set(found) == {"depthwise", "grouped", "involution"}
    assert set(compare_costs(8, 8, 3, 3, 3, groups=3, reduction=3)) == set(KINDS)
    with pytest.raises(ValueError, match="channels_in is 0"):
        compare_costs(8, 8, 3, 0, 4)


def test_places_in_bytes_do_not_overflow():
    at = np.array([0, 1], np.uint8)
    np.testing.assert_array_equal(seen_weights("involution", at), seen_weights("involution", (0, 1)))
