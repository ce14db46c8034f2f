"""Batch norm as Darknet computes it, for which Keras's default epsilon of 1e-3 is far off.

Darknet's GPU code divides by ``sqrt(variance + 1e-5)``, its CPU code by ``sqrt(variance) + 1e-6``, OpenCV's importer
by ``sqrt(variance + 1e-6)``. Trained networks have filters whose variance is nearly zero, so that it matters: with
1e-3 the logits of a real detector move by up to 1.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

EPSILON = 1e-5
"""Darknet on a GPU, where its networks were trained and are mostly used."""
CPU_EPSILON = 1e-6
"""Darknet on a CPU; added outside the root."""
MOMENTUM = 0.9
"""How much of the moving statistics stays at each step: Darknet's on a CPU; on a GPU it is .99."""


@keras.saving.register_keras_serializable("yolo")
class CpuBatchNormalization(keras.layers.BatchNormalization):
    """``normalize_cpu`` of Darknet's blas.c: over the last axis, divided by ``sqrt(variance) + epsilon``.

    In training the batch's variance is the unbiased one, as Darknet's ``variance_cpu`` has it.
    """

    def call(self, inputs, training=None, mask=None):
        mean, variance = self.moving_mean, self.moving_variance
        if training and self.trainable:
            axes = list(range(len(inputs.shape) - 1))
            mean = ops.mean(inputs, axes)
            count = ops.cast(ops.size(inputs) // inputs.shape[-1], inputs.dtype)
            variance = ops.sum(ops.square(inputs - mean), axes) / ops.maximum(count - 1, 1)
            for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
                moving.assign(moving * self.momentum + ops.cast(batch, moving.dtype) * (1 - self.momentum))
        scale = self.gamma / (ops.sqrt(variance) + self.epsilon)
        scale, shift = ops.cast(scale, inputs.dtype), ops.cast(self.beta - mean * scale, inputs.dtype)
        return inputs * scale + shift


def batch_norm(epsilon: float | str, name: str) -> keras.layers.BatchNormalization:
    """A batch norm layer; see ``yolo.darknet.build`` for ``epsilon``.

    Raises:
        ValueError: an epsilon that is neither "cpu" nor a number above 0.
    """
    if epsilon == "cpu":
        return CpuBatchNormalization(momentum=MOMENTUM, epsilon=CPU_EPSILON, name=name)
    if isinstance(epsilon, (str, bool)) or not 0 < epsilon < 1:
        raise ValueError(f"epsilon is {epsilon!r}; accepted: a number above 0 (1e-5: Darknet's GPU code), or 'cpu'")
    return keras.layers.BatchNormalization(momentum=MOMENTUM, epsilon=float(epsilon), name=name)


def scale_and_shift(norm: keras.layers.BatchNormalization) -> tuple[np.ndarray, np.ndarray]:
    """What a batch norm does in use, ``x * scale + shift``, in float64, one number each per channel."""
    mean, variance = (array.numpy().astype(np.float64) for array in (norm.moving_mean, norm.moving_variance))
    outside = isinstance(norm, CpuBatchNormalization)
    root = np.sqrt(variance) + norm.epsilon if outside else np.sqrt(variance + norm.epsilon)
    scale = (norm.gamma.numpy().astype(np.float64) if norm.scale else 1.0) / root
    shift = (norm.beta.numpy().astype(np.float64) if norm.center else 0.0) - mean * scale
    return scale, shift
