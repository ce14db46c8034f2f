"""The gradient of a layer by its input, computed in the cheapest of the ways that give the same.

A layer hands the gradient down through its transposed matrix. TensorFlow has an operation for that, and on a CPU it is
often the slowest way:

- A convolution with a kernel of 1x1 is one matrix product, and so is its gradient.
- For stride 1 and padding ``same`` the gradient is a convolution again: with the kernel turned by 180 degrees, and with
  the channels in and out exchanged. It is the faster one where turning the kernel is little work beside the map's.
- Behind a dense layer y = xW the gradient is g W': for a few images a thin matrix times a large one that is read
  against its grain. Computed as (W g')', the large one is read in its order.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import tensorflow as tf

LARGE_MAP = 100 * 100  # pixels; below, turning the kernel costs more than is won
FEW_CHANNELS = 8  # below, as on the way down to an image, TensorFlow's own operation is the faster one


@contextlib.contextmanager
def fast_gradients() -> Iterator[None]:
    """While a graph is traced in it, every two-dimensional convolution and matrix product gets its gradient here.

    Outside of a graph it does nothing. It holds for ``tf.gradients``, not for a tape.
    """
    import tensorflow as tf

    if tf.executing_eagerly():
        yield
        return
    _register()
    own = {"Conv2D": "cnnviz_convolution", "MatMul": "cnnviz_matrix_product"}
    with tf.compat.v1.get_default_graph().gradient_override_map(own):
        yield


@functools.cache
def _register() -> None:
    """Tell TensorFlow of the gradients, once in a process."""
    import tensorflow as tf

    @tf.RegisterGradient("cnnviz_convolution")
    def convolution(op: tf.Operation, gradient: tf.Tensor) -> list[tf.Tensor]:
        options = {
            name: op.get_attr(name) for name in ("strides", "padding", "explicit_paddings", "data_format", "dilations")
        }
        options |= {name: options[name].decode() for name in ("padding", "data_format")}
        inputs, kernel = op.inputs
        by_kernel = tf.raw_ops.Conv2DBackpropFilter(
            input=inputs, filter_sizes=tf.shape(kernel), out_backprop=gradient, **options
        )
        return [_by_input(inputs, kernel, gradient, options), by_kernel]

    @tf.RegisterGradient("cnnviz_matrix_product")
    def matrix_product(op: tf.Operation, gradient: tf.Tensor) -> list[tf.Tensor]:
        first, second = map(tf.math.conj, op.inputs)  # which leaves real numbers as they are
        left, right = op.get_attr("transpose_a"), op.get_attr("transpose_b")
        # d/dA of A B is g B', d/dB is A' g; the operation may have been told to transpose A, B or both before.
        by_first = tf.transpose(tf.matmul(second, gradient, transpose_a=right, transpose_b=True))
        by_second = tf.matmul(first, gradient, transpose_a=not left)
        return [tf.transpose(by_first) if left else by_first, tf.transpose(by_second) if right else by_second]


def _by_input(inputs: tf.Tensor, kernel: tf.Tensor, gradient: tf.Tensor, options: dict[str, Any]) -> tf.Tensor:
    import tensorflow as tf

    height, width, channels, filters = kernel.shape
    plain = (
        options["data_format"] == "NHWC"
        and {*options["strides"], *options["dilations"]} == {1}
        and inputs.shape[-1] == channels  # else the kernel works on groups of channels
    )
    if plain and height == width == 1 and options["padding"] != "EXPLICIT":
        pixels = tf.matmul(tf.reshape(gradient, (-1, filters)), kernel[0, 0], transpose_b=True)
        return tf.reshape(pixels, tf.shape(inputs))
    rows, columns = inputs.shape[1:3]
    large = None not in (rows, columns) and rows * columns >= LARGE_MAP and channels >= FEW_CHANNELS
    if plain and large and options["padding"] == "SAME" and height % 2 == width % 2 == 1:
        turned = tf.transpose(kernel[::-1, ::-1], (0, 1, 3, 2))
        return tf.nn.conv2d(gradient, turned, 1, "SAME")
    return tf.raw_ops.Conv2DBackpropInput(input_sizes=tf.shape(inputs), filter=kernel, out_backprop=gradient, **options)
