import keras
import numpy as np
import pytest
import scipy.linalg
import scipy.signal
import tensorflow as tf

from fcn import matrix
from fcn.matrix import col2im, convolution_matrix, convolve, im2col
from fcn.sliding import windows

CASES = [
    {},
    {"stride": 2},
    {"padding": "same"},
    {"padding": "same", "stride": 2},
    {"padding": "same", "stride": (2, 3)},
    {"padding": "same", "dilation": (2, 1)},
    {"padding": ((2, 0), (1, 3)), "stride": (1, 2)},
    {"padding": 2, "dilation": 2, "stride": 2},
]
SIZE = (7, 6)


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def keras_convolution(images, kernel, stride=1, padding=0, dilation=1):
    """The same, by Keras: where it has no such padding, zeros are put around the image first."""
    if not isinstance(padding, str):
        pairs = [(padding, padding)] * 2 if isinstance(padding, int) else list(padding)
        images, padding = np.pad(images, [(0, 0), *pairs, (0, 0)]), "valid"
    if stride != 1 and dilation != 1:  # TensorFlow refuses both at once: take every window, then some
        steps = (stride, stride) if isinstance(stride, int) else stride
        return keras.ops.conv(images, kernel, 1, padding, dilation_rate=dilation).numpy()[:, :: steps[0], :: steps[1]]
    return keras.ops.conv(images, kernel, stride, padding, dilation_rate=dilation).numpy()


# The worked examples of the slides. (x, y, z) is flipped there, as in mathematics: a network holds (z, y, x). The
# letters stand for primes so far apart that a sum of products can be read in one way only.
X, Y, Z, A, B, C = 2, 3, 5, 101, 10007, 1000003


@pytest.mark.parametrize(
    ("stride", "expected", "of_the_transpose"),
    [
        (
            1,
            [A * X, A * Y + B * X, A * Z + B * Y + C * X, B * Z + C * Y, C * Z],
            [A * Z, A * Y + B * Z, A * X + B * Y + C * Z, B * X + C * Y, C * X],
        ),
        (
            2,
            [A * X, A * Z + B * Y + C * X, C * Z],
            [A * Y, A * X + B * Z, B * Y, B * X + C * Z, C * Y],
        ),
    ],
)
def test_the_slides(stride, expected, of_the_transpose):
    found = convolution_matrix([Z, Y, X], 5, stride=stride, padding=1)
    assert (found @ [0, A, B, C, 0]).tolist() == expected
    assert (found.T @ ([0, A, B, C, 0] if stride == 1 else [A, B, C])).tolist() == of_the_transpose


@pytest.mark.parametrize("case", CASES, ids=str)
def test_two_directions_as_keras_and_back(case):
    images, kernel = numbers(3, *SIZE, 2), numbers(3, 2, 2, 4, seed=1)
    found = convolution_matrix(kernel, SIZE, **case)
    expected = keras_convolution(images, kernel, **case)
    np.testing.assert_allclose((images.reshape(3, -1) @ found.T).reshape(expected.shape), expected, atol=1e-12)
    np.testing.assert_allclose(convolve(images, kernel, **case), expected, atol=1e-12)
    # The adjoint by automatic differentiation: the gradient of <convolution, maps>.
    maps = numbers(*expected.shape, seed=2)
    pictures = tf.Variable(images)
    with tf.GradientTape() as tape:
        sides = case.get("padding", 0)
        if isinstance(sides, str):
            padded, mode = pictures, sides.upper()
        else:
            pairs = [(sides, sides)] * 2 if isinstance(sides, int) else list(sides)
            padded, mode = tf.pad(pictures, [(0, 0), *pairs, (0, 0)]), "VALID"
        dense = tf.nn.convolution(padded, kernel, 1, mode, dilations=case.get("dilation", 1))
        if mode == "VALID" or case.get("stride", 1) == 1:
            steps = np.broadcast_to(case.get("stride", 1), 2)
            dense = dense[:, :: steps[0], :: steps[1]]
        else:
            dense = tf.nn.convolution(padded, kernel, case["stride"], mode)
        value = tf.reduce_sum(dense * maps)
    gradient = tape.gradient(value, pictures).numpy()
    np.testing.assert_allclose((maps.reshape(3, -1) @ found).reshape(images.shape), gradient, atol=1e-12)
    columns = maps.reshape(-1, 4) @ kernel.reshape(-1, 4).T
    np.testing.assert_allclose(col2im(columns, images.shape, (3, 2), **case), gradient, atol=1e-12)


@pytest.mark.parametrize("case", [{}, {"stride": 2, "padding": "same"}, {"padding": (2, 1), "dilation": 2}], ids=str)
def test_one_direction_as_keras(case):
    signal, kernel = numbers(9, 2), numbers(3, 2, 4, seed=1)
    pair = case.get("padding", 0)
    padded = np.pad(signal, ((pair if isinstance(pair, tuple) else (0, 0)), (0, 0)))
    mode = pair if isinstance(pair, str) else "valid"
    expected = keras.ops.conv(padded[None], kernel, case.get("stride", 1), mode, dilation_rate=case.get("dilation", 1))
    found = convolution_matrix(kernel, 9, **case)
    np.testing.assert_allclose(found @ signal.ravel(), expected.numpy().ravel(), atol=1e-12)


def test_scipy_flips_the_kernel():
    signal, kernel = numbers(8), numbers(3, seed=1)
    for mode, padding in [("full", 2), ("same", "same"), ("valid", "valid")]:
        found = convolution_matrix(kernel[::-1], 8, padding=padding)
        np.testing.assert_array_equal(found, scipy.linalg.convolution_matrix(kernel, 8, mode))
        np.testing.assert_allclose(found @ signal, scipy.signal.convolve(signal, kernel, mode), atol=1e-12)
        np.testing.assert_allclose(
            convolution_matrix(kernel, 8, padding=padding) @ signal, scipy.signal.correlate(signal, kernel, mode)
        )
    # The transpose of the narrow convolution is the full one, with the kernel turned over.
    narrow = convolution_matrix(kernel, 8)
    np.testing.assert_allclose(narrow.T @ signal[:6], scipy.signal.convolve(signal[:6], kernel, "full"))
    image, weights = numbers(6, 5), numbers(3, 2, seed=1)
    expected = scipy.signal.correlate2d(image, weights, "valid")
    np.testing.assert_allclose(convolution_matrix(weights, (6, 5)) @ image.ravel(), expected.ravel())


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_the_transpose_is_keras_transposed_convolution(stride, padding):
    maps, kernel = numbers(1, 4, 3, 3).astype(np.float32), numbers(3, 3, 2, 3, seed=1).astype(np.float32)
    # The output channels of the transposed convolution are the input channels of the convolution: Keras's layout too.
    layer = keras.layers.Conv2DTranspose(2, 3, stride, padding, use_bias=False)
    layer.build(maps.shape)
    layer.kernel.assign(kernel)
    expected = layer(maps).numpy()
    found = convolution_matrix(kernel, expected.shape[1:3], stride=stride, padding=padding)
    np.testing.assert_allclose(found.T @ maps.ravel(), expected.ravel(), rtol=1e-4, atol=1e-5)
    again = tf.nn.conv2d_transpose(maps, kernel, expected.shape, stride, padding.upper()).numpy()
    np.testing.assert_allclose(found.T @ maps.ravel(), again.ravel(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("stride", "padding", "extra", "dilation"), [(1, 0, 0, 1), (2, 1, 0, 1), (2, 1, 1, 2), (3, 2, 2, 2)]
)
def test_as_torch_and_its_transpose(stride, padding, extra, dilation):
    torch = pytest.importorskip("torch")
    maps, kernel = numbers(4, 5, 3), numbers(3, 2, 2, 3, seed=1)
    expected = torch.nn.functional.conv_transpose2d(
        torch.tensor(maps).permute(2, 0, 1)[None],
        torch.tensor(kernel).permute(3, 2, 0, 1),
        stride=stride,
        padding=padding,
        output_padding=extra,
        dilation=dilation,
    )[0].permute(1, 2, 0)  # fmt: skip
    options = {"stride": stride, "padding": padding, "dilation": dilation}
    found = convolution_matrix(kernel, expected.shape[:2], **options)
    np.testing.assert_allclose(found.T @ maps.ravel(), expected.ravel(), atol=1e-12)
    images = numbers(2, 9, 8, 2)
    forward = torch.nn.functional.conv2d(
        torch.tensor(images).permute(0, 3, 1, 2), torch.tensor(kernel).permute(3, 2, 0, 1), **options
    )
    np.testing.assert_allclose(convolve(images, kernel, **options), forward.permute(0, 2, 3, 1), atol=1e-12)
    columns = im2col(images, (3, 2), **options).reshape(2, -1, 3 * 2, 2)
    unfolded = torch.nn.functional.unfold(
        torch.tensor(images).permute(0, 3, 1, 2), (3, 2), dilation=dilation, padding=padding, stride=stride
    )  # (batch, channels * window, places)
    np.testing.assert_array_equal(columns.transpose(0, 3, 2, 1).reshape(unfolded.shape), unfolded)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_adjoint(case):
    images = numbers(2, *SIZE, 3)
    columns = im2col(images, (3, 2), **case)
    other = numbers(*columns.shape, seed=1)
    np.testing.assert_allclose(np.vdot(columns, other), np.vdot(images, col2im(other, images.shape, (3, 2), **case)))


def test_how_often_each_pixel_is_seen():
    images = np.ones((1, 4, 4, 1), np.uint8)
    counts = col2im(im2col(images, 2), images.shape, 2)
    np.testing.assert_array_equal(counts[0, :, :, 0], np.outer([1, 2, 2, 1], [1, 2, 2, 1]))


def test_bytes_do_not_overflow():
    images, kernel = np.full((1, 3, 3, 1), 200, np.uint8), np.full((3, 3, 1, 1), 100, np.uint8)
    assert convolve(images, kernel).item() == 9 * 200 * 100
    assert convolve(images, kernel.astype(np.float32)).dtype == np.float32
    assert col2im(im2col(images, 2), images.shape, 2)[0, 1, 1, 0] == 4 * 200
    products = convolution_matrix(kernel[..., 0, 0], 3) @ images.ravel()
    assert products.item() == 9 * 200 * 100 and products.dtype == np.int64


def test_half_precision_does_not_overflow():
    images, kernel = np.full((1, 3, 3, 1), 200, np.float16), np.full((3, 3, 1, 1), 100, np.float16)
    found = convolve(images, kernel)
    assert found.item() == 9 * 200 * 100 and found.dtype == np.float32
    sums = col2im(np.full((4, 4), 20000, np.float16), (1, 3, 3, 1), 2)
    assert sums[0, 1, 1, 0] == 80000 and sums.dtype == np.float32


def test_inputs_that_no_window_reaches_are_columns_of_zeros():
    found = convolution_matrix([1, 1], 5, stride=2)
    assert found.any(axis=0).tolist() == [True] * 4 + [False]


def test_an_array_for_sizes_and_a_square():
    expected = convolution_matrix(np.ones((2, 2)), (4, 4), stride=(2, 2), padding=((1, 1), (1, 1)))
    found = convolution_matrix(np.ones((2, 2)), np.int64(4), stride=np.array([2, 2]), padding=np.int32(1))
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(convolution_matrix([1, 2], 3, padding=((0, 1),)), [[1, 2, 0], [0, 1, 2], [0, 0, 1]])


ONES = np.ones((3, 3))
WEIGHTS = np.ones((3, 3, 2, 4))
IMAGES = np.ones((1, 8, 8, 2))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: convolution_matrix(ONES, 5, stride=0), ValueError, "stride is 0; at least 1"),
        (lambda: convolution_matrix(ONES, 5, stride=True), TypeError, "stride is True"),
        (lambda: convolution_matrix(ONES, 5.0), TypeError, "input_size is 5.0"),
        (lambda: convolution_matrix(ONES, (5, 5, 5)), ValueError, "input_size is (5, 5, 5)"),
        (lambda: convolution_matrix(ONES, 5, padding=-1), ValueError, "padding is -1; at least 0"),
        (lambda: convolution_matrix(ONES, 5, padding=0.5), TypeError, "padding is 0.5"),
        (lambda: convolution_matrix(ONES, 5, padding=None), TypeError, "padding is None"),
        (lambda: convolution_matrix(ONES, 5, padding=(((1,), 2), (1, 2))), TypeError, "padding is (1,)"),
        (lambda: convolution_matrix(ONES, ((5, 5), 5)), TypeError, "input_size is (5, 5)"),
        (lambda: convolution_matrix([[1, 2], [3]], 5), ValueError, "kernel is [[1, 2], [3]]; its rows must be equally"),
        (lambda: windows(7, 3), TypeError, "kernel_size is 3; a number for each direction"),
        (lambda: windows(7, None), TypeError, "kernel_size is None"),
        (lambda: convolution_matrix(ONES, 5, padding="full"), ValueError, "padding is 'full'"),
        (lambda: convolution_matrix(ONES, 5, padding=(1, 1)), ValueError, "((top, bottom), (left, right))"),
        (lambda: convolution_matrix(ONES, 5, padding=((1, 2), 3)), ValueError, "((top, bottom), (left, right))"),
        (lambda: convolution_matrix([1, 2], 5, padding=(1, 2, 3)), ValueError, "(before, after)"),
        (lambda: convolution_matrix([1, 2], 5, padding=((-1, 2),)), ValueError, "padding is -1; at least 0"),
        (lambda: convolution_matrix(ONES, 4, dilation=2), ValueError, "covers (5, 5) with dilation (2, 2), and the"),
        (lambda: convolution_matrix(ONES.astype(bool), 5), TypeError, "kernel holds bool"),
        (lambda: convolution_matrix(["a"], 5), TypeError, "kernel holds <U1"),
        (lambda: convolution_matrix(ONES * np.nan, 5), ValueError, "kernel holds NaN"),
        (lambda: convolution_matrix(np.ones((3, 3, 1, 1, 1)), 5), ValueError, "kernel has shape (3, 3, 1, 1, 1)"),
        (lambda: convolution_matrix(3.0, 5), ValueError, "kernel has shape ()"),
        (lambda: convolution_matrix(np.ones((0,)), 5), ValueError, "it is empty"),
        (lambda: convolution_matrix(ONES, 100), ValueError, "(9604, 10000), 96,040,000 entries"),
        (lambda: im2col(IMAGES[0], 3), ValueError, "images has shape (8, 8, 2)"),
        (lambda: im2col(IMAGES, 9), ValueError, "no window fits"),
        (lambda: im2col(IMAGES, (3, 3, 3)), ValueError, "kernel_size is (3, 3, 3)"),
        (lambda: convolve(IMAGES[..., :1], WEIGHTS), ValueError, "(1, 8, 8, 1) have 1 channels, and the kernel (3, 3,"),
        (lambda: convolve(IMAGES, ONES), ValueError, "kernel has shape (3, 3)"),
        (lambda: convolve(IMAGES * np.inf, WEIGHTS), ValueError, "images holds NaN or infinity"),
        (lambda: col2im(np.ones((36, 17)), (1, 8, 8, 2), 3), ValueError, "(36, 17); images (1, 8, 8, 2) give (36, 18)"),
    ],
)  # fmt: skip
def test_refused_in_words(call, error, words):
    with pytest.raises(error) as caught:
        call()
    assert words in str(caught.value)


def test_the_largest_matrix_is_made(monkeypatch):
    monkeypatch.setattr(matrix, "LARGEST", 9 * 25)
    assert convolution_matrix(ONES, 5).shape == (9, 25)
    with pytest.raises(ValueError, match="16, 36"):
        convolution_matrix(ONES, 6)
