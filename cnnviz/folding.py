"""Fold batch normalisation into the convolution before it: the same network, with fewer passes over memory.

Behind a convolution, normalisation in inference is one factor and one summand for each channel:

    gamma (w * x + b - mu) / sigma + beta  =  (gamma / sigma) w * x + (b - mu) gamma / sigma + beta

so the factor can be multiplied into the kernel once, instead of into every pixel of the maps. A layer of zero padding
before a depthwise convolution is a pass over memory, too, and the convolution can do it on its way.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from cnnviz.compiled import one_at_a_time
from data.padding import same_padding

if TYPE_CHECKING:
    import keras


@contextlib.contextmanager
def folded(layers: Mapping[str, keras.Layer], keep: Collection[keras.Layer] = ()) -> Iterator[None]:
    """While it lasts, a batch normalisation that is handed what a convolution returned runs that convolution, folded.

    It is meant for code that is being traced: there the convolution's own output is left out of the graph, unless
    something else uses it. Asks nothing of the model's structure, and leaves the weights as they are.

    Args:
        layers: the layers of the model, from `cnnviz.layers.layer_paths`.
        keep: layers whose own output is wanted; they are not folded.
    """
    import keras

    convolutions = {keras.layers.Conv2D: _convolve, keras.layers.DepthwiseConv2D: _convolve_depthwise}
    # What a layer returned, the layer and what it was given; the tensor is kept so that its id stays its own.
    returned: dict[int, tuple[Any, keras.Layer, Any]] = {}
    padded: dict[int, tuple[Any, keras.Layer, Any]] = {}
    here = threading.get_ident()

    def remember(layer: keras.Layer, original: Callable, where: dict) -> Callable:
        def call(inputs, *args, **kwargs):
            maps = original(inputs, *args, **kwargs)
            if threading.get_ident() == here:
                where[id(maps)] = (maps, layer, inputs)
            return maps

        return call

    def fold(layer: keras.Layer, original: Callable) -> Callable:
        def call(inputs, *args, **kwargs):
            if threading.get_ident() != here or id(inputs) not in returned or args or kwargs.get("training"):
                return original(inputs, *args, **kwargs)
            _, convolution, before = returned[id(inputs)]
            factor, summand = _factor_and_summand(layer, convolution)
            if id(before) in padded and _pads_as_same(convolution, *padded[id(before)][1:]):
                return _convolve_depthwise(convolution, padded[id(before)][2], factor, summand, padding="same")
            return convolutions[type(convolution)](convolution, before, factor, summand)

        return call

    with one_at_a_time, contextlib.ExitStack() as restore:
        for layer in layers.values():
            if layer in keep or layer.quantization_mode or layer.compute_dtype != layer.variable_dtype:
                continue
            # Exactly these classes: a class derived from one of them may do something else.
            if type(layer) in convolutions and layer.data_format == "channels_last" and not _activates(layer):
                wrapped = remember(layer, layer.call, returned)
            elif type(layer) is keras.layers.ZeroPadding2D and layer.data_format == "channels_last":
                wrapped = remember(layer, layer.call, padded)
            elif type(layer) is keras.layers.BatchNormalization and layer.axis in (-1, 3):
                wrapped = fold(layer, layer.call)
            else:
                continue
            if "call" in vars(layer):
                restore.callback(setattr, layer, "call", vars(layer)["call"])
            else:
                restore.callback(delattr, layer, "call")
            layer.call = wrapped
        yield


def _activates(layer: keras.Layer) -> bool:
    import keras

    return layer.activation is not None and layer.activation is not keras.activations.linear


def _factor_and_summand(norm: keras.Layer, convolution: keras.Layer) -> tuple[Any, Any]:
    from keras import ops

    factor = ops.rsqrt(norm.moving_variance + norm.epsilon)
    factor = factor * norm.gamma if norm.scale else factor
    summand = -norm.moving_mean * factor
    summand = summand + norm.beta if norm.center else summand
    return factor, summand + convolution.bias * factor if convolution.use_bias else summand


def _convolve(layer: keras.Layer, inputs: Any, factor: Any, summand: Any) -> Any:
    import tensorflow as tf
    from keras import ops

    kernel = layer.kernel * factor  # (height, width, in, out) x (out)
    maps = ops.conv(inputs, kernel, layer.strides, layer.padding, layer.data_format, layer.dilation_rate)
    return tf.nn.bias_add(maps, summand)  # TensorFlow makes one operation of convolution, bias and ReLU


def _convolve_depthwise(layer: keras.Layer, inputs: Any, factor: Any, summand: Any, padding: str | None = None) -> Any:
    import tensorflow as tf
    from keras import ops

    kernel = layer.kernel * ops.reshape(factor, layer.kernel.shape[2:])  # (height, width, in, multiplier)
    maps = ops.depthwise_conv(
        inputs, kernel, layer.strides, padding or layer.padding, layer.data_format, dilation_rate=layer.dilation_rate
    )
    return tf.nn.bias_add(maps, summand)


def _pads_as_same(convolution: keras.Layer, layer: keras.Layer, inputs: Any) -> bool:
    """Whether a layer of zeros and a depthwise convolution behind it are one with padding "same".

    So it is in MobileNet and its kin. (TensorFlow can be told any padding, but aborts where oneDNN then rewrites it.)
    """
    import keras

    if not isinstance(convolution, keras.layers.DepthwiseConv2D) or convolution.padding != "valid":
        return False
    sides = zip(inputs.shape[1:3], convolution.kernel_size, convolution.strides, layer.padding, strict=True)
    return {*convolution.dilation_rate} == {1} and all(
        size is not None and tuple(zeros) == same_padding(size, kernel, stride) for size, kernel, stride, zeros in sides
    )
