"""Every kind of section against loops written after Darknet's C source, on (channels, rows, columns)."""

import itertools

import keras
import numpy as np
import pytest

from tests.yolo.darknet_networks import conv, net, picture, random_weights
from yolo import darknet

ROWS, COLUMNS, CHANNELS = 12, 8, 8
X = picture((ROWS, COLUMNS), CHANNELS, batch=2) * 4 - 2
CHW = X.transpose(0, 3, 1, 2)
ACTIVATIONS = {
    "linear": lambda x: x,
    "leaky": lambda x: np.where(x > 0, x, 0.1 * x),
    "relu": lambda x: np.maximum(x, 0),
    "logistic": lambda x: 1 / (1 + np.exp(-x)),
    "swish": lambda x: x / (1 + np.exp(-x)),
    "mish": lambda x: x * np.tanh(np.log1p(np.exp(x))),
}


def run(text, epsilon=1e-5, x=X, seed=0):
    """The Keras model's output, channels first, and the weights."""
    network = darknet.parse_cfg(net(*x.shape[1:3], x.shape[3]) + text)
    weights = random_weights(network.records, seed)
    model = darknet.build(network, weights, epsilon=epsilon)
    # as a file: every layer must be able to be written down
    model = keras.models.model_from_json(model.to_json())
    darknet.building.assign(darknet.building.layer_units(model, network), weights)
    output = np.asarray(model(x, training=False))
    assert output.shape[1:] == network.layers[-1].shape
    return output.transpose(0, 3, 1, 2), weights.layers


def convolved(x, weights, stride, padding, groups=1, dilation=1):
    """im2col_cpu and gemm: zeros around, windows at every stride."""
    x = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (padding,) * 2, (padding,) * 2))
    filters, channels, size, _ = weights.shape
    reach = (size - 1) * dilation + 1
    rows, columns = ((side - reach) // stride + 1 for side in x.shape[2:])
    out = np.zeros((len(x), filters, rows, columns))
    for f, c, i, j in np.ndindex(weights.shape):
        source = x[:, f // (filters // groups) * channels + c, i * dilation :, j * dilation :]
        out[:, f] += weights[f, c, i, j] * source[:, ::stride, ::stride][:, :rows, :columns]
    return out


def normalised(x, arrays, root):
    mean, scales, biases = (arrays[part][:, None, None] for part in ("mean", "scales", "biases"))
    return (x - mean) / root(arrays["variance"])[:, None, None] * scales + biases


@pytest.mark.parametrize(
    ("options", "filters", "size", "stride", "padding", "groups", "dilation"),
    [
        ("pad=1", 6, 3, 1, 1, 1, 1),
        ("pad=1", 6, 3, 2, 1, 1, 1),
        ("pad=0", 6, 3, 2, 0, 1, 1),
        ("padding=1", 6, 5, 1, 1, 1, 1),
        ("pad=1\npadding=7", 6, 5, 2, 2, 1, 1),
        ("pad=1", 5, 2, 1, 1, 1, 1),
        ("pad=1\ngroups=8", 16, 3, 2, 1, 8, 1),
        ("pad=1\ngroups=2", 6, 3, 1, 1, 2, 1),
        ("pad=1\ndilation=2", 4, 3, 1, 2, 1, 2),
    ],
)
def test_convolutional(options, filters, size, stride, padding, groups, dilation):
    text = f"[conv]\nfilters={filters}\nsize={size}\nstride={stride}\n{options}\nactivation=linear\n"
    found, weights = run(text)
    arrays = weights["conv_0"]
    expected = convolved(CHW, arrays["weights"], stride, padding, groups, dilation) + arrays["biases"][:, None, None]
    np.testing.assert_allclose(found, expected, atol=2e-5)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations(activation):
    found, weights = run(f"[conv]\nfilters=4\nactivation={activation}\n")
    arrays = weights["conv_0"]
    before = convolved(CHW, arrays["weights"], 1, 0) + arrays["biases"][:, None, None]
    np.testing.assert_allclose(found, ACTIVATIONS[activation](before), atol=1e-5)


def test_the_default_activation_is_logistic():
    found, _ = run("[conv]\nfilters=4\n")
    expected, _ = run("[conv]\nfilters=4\nactivation=logistic\n")
    np.testing.assert_array_equal(found, expected)


EPSILONS = {
    1e-5: lambda variance: np.sqrt(variance + 1e-5),
    1e-2: lambda variance: np.sqrt(variance + 1e-2),
    "cpu": lambda variance: np.sqrt(variance) + 1e-6,
}


@pytest.mark.parametrize("epsilon", EPSILONS)
@pytest.mark.parametrize("variance", [1.0, 1e-10])
def test_batch_norm_and_where_its_epsilon_is_added(epsilon, variance):
    network = darknet.parse_cfg(net(ROWS, COLUMNS, CHANNELS) + conv(4, activation="linear"))
    weights = random_weights(network.records)
    arrays = weights.layers["conv_0"]
    arrays["variance"] *= np.float32(variance)
    found = np.asarray(darknet.build(network, weights, epsilon=epsilon)(X, training=False)).transpose(0, 3, 1, 2)
    root = EPSILONS[epsilon]
    expected = normalised(convolved(CHW, arrays["weights"], 1, 0), arrays, lambda v: root(v.astype(np.float64)))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("epsilon", [0, -1, "gpu", True, 2])
def test_epsilon_is_checked(epsilon):
    network = darknet.parse_cfg(net(4) + conv(2))
    with pytest.raises(ValueError, match="epsilon is"):
        darknet.build(network, epsilon=epsilon)


@pytest.mark.parametrize(
    ("size", "stride", "padding", "side"),
    [(2, 2, None, 12), (2, 1, None, 12), (2, 2, None, 9), (3, 2, None, 12), (3, 2, None, 9), (5, 1, None, 9),
     (3, 2, 0, 9), (3, 3, 1, 9), (2, 2, 0, 9), (4, 1, None, 9), (2, 3, None, 12)],
)  # fmt: skip
def test_maxpool(size, stride, padding, side):
    """forward_maxpool_layer, on negative numbers only: a padding of zeros would win."""
    x = -picture((side, 12), 3)
    option = "" if padding is None else f"padding={padding}\n"
    found, _ = run(f"[maxpool]\nsize={size}\nstride={stride}\n{option}", x=x)
    padding = size - 1 if padding is None else padding
    height, width = ((n + padding - size) // stride + 1 for n in x.shape[1:3])
    expected = np.full((1, 3, height, width), -np.inf)
    for i, j, n, m in itertools.product(range(height), range(width), range(size), range(size)):
        row, column = -(padding // 2) + i * stride + n, -(padding // 2) + j * stride + m
        if 0 <= row < side and 0 <= column < 12:
            expected[..., i, j] = np.maximum(expected[..., i, j], x[:, row, column])
    np.testing.assert_array_equal(found, expected)


def reorg_cpu(x, stride, forward):
    """Darknet's blas.c, index for index."""
    c, h, w = x.shape
    flat, out = x.ravel(), np.zeros(x.size, np.float32)
    out_c = c // stride**2
    for k, j, i in np.ndindex(c, h, w):
        in_index = i + w * (j + h * k)
        c2, offset = k % out_c, k // out_c
        w2, h2 = i * stride + offset % stride, j * stride + offset // stride
        out_index = w2 + w * stride * (h2 + h * stride * c2)
        if forward:
            out[out_index] = flat[in_index]
        else:
            out[in_index] = flat[out_index]
    return out


@pytest.mark.parametrize(("stride", "reverse"), [(2, 0), (2, 1), (1, 0)])
def test_reorg(stride, reverse):
    found, _ = run(f"[reorg]\nstride={stride}\nreverse={reverse}\n")
    expected = np.stack([reorg_cpu(x, stride, reverse) for x in CHW])
    np.testing.assert_array_equal(found.reshape(expected.shape), expected)


def shortcut_cpu(add, out):
    """Darknet's blas.c, index for index."""
    (c1, h1, w1), (c2, h2, w2) = add.shape, out.shape
    out = out.copy()
    stride, sample = max(w1 // w2, 1), max(w2 // w1, 1)
    for k, j, i in np.ndindex(min(c1, c2), min(h1, h2), min(w1, w2)):
        out[k, j * sample, i * sample] += add[k, j * stride, i * stride]
    return out


@pytest.mark.parametrize(
    "between",
    [
        conv(8, 3),
        conv(5, 3),
        conv(11, 3),
        conv(5, 3, 2),
        "[maxpool]\nsize=4\nstride=4\n",
        "[upsample]\nstride=2\n" + conv(11, 3),
        "[conv]\nfilters=8\nsize=3\nactivation=linear\n",
    ],
    ids=["same", "fewer channels", "more channels", "half", "quarter", "double", "one pixel less"],
)
def test_shortcut(between):
    first = conv(8, 3)
    before, _ = run(first)
    add, _ = run(first + between)
    found, _ = run(first + between + "[shortcut]\nfrom=0\nactivation=leaky\n")
    expected = np.stack([shortcut_cpu(x, y) for x, y in zip(before, add)])
    np.testing.assert_allclose(found, ACTIVATIONS["leaky"](expected), atol=1e-6)


def test_route():
    a, _ = run(conv(8))
    b, _ = run(conv(8) + conv(4, 3))
    two = conv(8) + conv(4, 3) + "[route]\nlayers="
    for layers, expected in {"-1,-2": [b, a], "0,1": [a, b], "-2": [a], "1,0,1": [b, a, b]}.items():
        found, _ = run(f"{two}{layers}\n")
        np.testing.assert_array_equal(found, np.concatenate(expected, 1))
    found, _ = run(f"{two}0,1\ngroups=2\ngroup_id=1\n")
    np.testing.assert_array_equal(found, np.concatenate([a[:, 4:], b[:, 2:]], 1))


def test_upsample_avgpool_dropout():
    found, _ = run("[upsample]\nstride=2\nscale=.5\n")
    np.testing.assert_array_equal(found, CHW.repeat(2, 2).repeat(2, 3) / 2)
    found, _ = run("[avgpool]\n")
    np.testing.assert_allclose(found, CHW.mean((2, 3), keepdims=True), atol=1e-6)
    found, _ = run("[dropout]\nprobability=.5\n")
    np.testing.assert_array_equal(found, CHW)


def test_sam_and_scale_channels():
    a, _ = run(conv(8))
    b, _ = run(conv(8) + conv(8, 3))
    found, _ = run(conv(8) + conv(8, 3) + "[sam]\nfrom=-2\nactivation=logistic\n")
    np.testing.assert_allclose(found, ACTIVATIONS["logistic"](a * b), atol=1e-6)
    found, _ = run(conv(8) + "[avgpool]\n[scale_channels]\nfrom=-2\n")
    np.testing.assert_allclose(found, a * a.mean((2, 3), keepdims=True), atol=1e-5)
    c, _ = run(conv(8) + conv(1, 3))
    found, _ = run(conv(8) + conv(1, 3) + "[scale_channels]\nfrom=-2\nscale_wh=1\n")
    np.testing.assert_allclose(found, a * c, atol=1e-6)


@pytest.mark.parametrize("norm", [0, 1])
def test_connected_reads_channel_by_channel(norm):
    found, weights = run(f"[connected]\noutput=5\nactivation=leaky\nbatch_normalize={norm}\n", epsilon="cpu")
    arrays = weights["dense_0"]
    expected = (CHW.reshape(2, -1) @ arrays["weights"].T)[..., None, None]
    expected = normalised(expected, arrays, EPSILONS["cpu"]) if norm else expected + arrays["biases"][:, None, None]
    np.testing.assert_allclose(found, ACTIVATIONS["leaky"](expected), atol=2e-5)


@pytest.mark.parametrize(("options", "axes"), [("groups=4\ntemperature=2\n", None), ("spatial=1\n", 1)])
def test_softmax(options, axes):
    found, _ = run(f"[softmax]\n{options}")
    numbers = CHW if axes else CHW.reshape(2, 4, -1) / 2
    expected = np.exp(numbers) / np.exp(numbers).sum(axes or 2, keepdims=True)
    np.testing.assert_allclose(found, expected.reshape(CHW.shape), atol=1e-6)


def test_detection_and_region_give_their_raw_input():
    text = "[connected]\noutput=28\nactivation=linear\n"
    raw, _ = run(text)
    network = darknet.parse_cfg(
        net(ROWS, COLUMNS, CHANNELS) + text + "[detection]\nclasses=2\ncoords=4\nside=2\nnum=1\nsqrt=1\n"
    )
    found = darknet.build(network, random_weights(network.records))(X)
    np.testing.assert_array_equal(found, raw[:, :, 0, 0])
    (head,) = network.heads
    assert (head.side, head.boxes, head.square_root) == (2, 1, True)
    raw, _ = run(conv(14, activation="linear", norm=0))
    region = "[region]\nanchors=1,2,3,4\nnum=2\nclasses=2\n"
    network = darknet.parse_cfg(net(ROWS, COLUMNS, CHANNELS) + conv(14, activation="linear", norm=0) + region)
    found = darknet.build(network, random_weights(network.records))(X)
    np.testing.assert_array_equal(np.transpose(found, (0, 3, 1, 2)), raw)


def test_batch_norm_in_training_is_darknets_own():
    """The unbiased variance of the batch, and moving statistics that take a tenth of it."""
    network = darknet.parse_cfg(net(ROWS, COLUMNS, CHANNELS) + conv(4, activation="linear"))
    weights = random_weights(network.records)
    model = darknet.build(network, weights, epsilon="cpu")
    arrays = weights.layers["conv_0"]
    before = convolved(CHW, arrays["weights"], 1, 0)
    mean, variance = before.mean((0, 2, 3)), before.var((0, 2, 3), ddof=1)
    found = np.asarray(model(X, training=True)).transpose(0, 3, 1, 2)
    expected = normalised(before, {**arrays, "mean": mean, "variance": variance}, EPSILONS["cpu"])
    np.testing.assert_allclose(found, expected, atol=2e-5)
    norm = model.get_layer("conv_0_bn")
    np.testing.assert_allclose(norm.moving_mean, 0.9 * arrays["mean"] + 0.1 * mean, atol=1e-6)
    np.testing.assert_allclose(norm.moving_variance, 0.9 * arrays["variance"] + 0.1 * variance, atol=1e-6)


def test_weights_of_another_network_are_refused():
    network, other = (darknet.parse_cfg(net(8) + conv(filters)) for filters in (4, 5))
    with pytest.raises(ValueError, match=r"biases of conv_0: \(4,\) is wanted, the weights have \(5,\)"):
        darknet.build(network, random_weights(other.records))


def test_a_cut_off_file_leaves_the_rest_as_it_is(tmp_path):
    network = darknet.parse_cfg(net(8) + conv(4) + conv(3))
    data = random_weights(network.records)
    first = darknet.Weights(data.header, {"conv_0": data.layers["conv_0"]})
    darknet.write_weights(tmp_path / "cut", first, network.records)
    model = darknet.build(network, darknet.read_weights(tmp_path / "cut", network.records, cut_off=True))
    darknet.save(tmp_path / "whole", model, network)
    again = darknet.read_weights(tmp_path / "whole", network.records).layers
    np.testing.assert_array_equal(again["conv_0"]["weights"], data.layers["conv_0"]["weights"])
    np.testing.assert_array_equal(again["conv_1"]["variance"], 1)
