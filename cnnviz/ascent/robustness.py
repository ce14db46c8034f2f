"""Show the network a picture that is moved a little in every step, so that only what survives it is drawn.

A pattern that excites a neuron only at one exact place, size and angle is an accident of this one network's
arithmetic, most often fine noise. What is climbed instead is the mean over small displacements, one draw in each step.

Source: Mordvintsev et al. 2015 (jitter); Olah et al. 2017, section "Transformation robustness".
"""

from __future__ import annotations

from typing import Any


def moved(pictures: Any, seed: Any, jitter: Any, scale: Any, rotation: Any) -> Any:
    """The pictures, all moved by the same draw; for code that is being traced.

    Args:
        pictures: ``(pictures, height, width, channels)``.
        seed: int32 ``(2,)``; another for each step.
        jitter: the most that the pictures are moved by, in whole pixels, along each side.
        scale: the most that they grow or shrink by: 0.1 for 10 %.
        rotation: the most that they are turned by, in degrees.

    Returns:
        Pictures of the same size; what was outside is mirrored in. Bilinear between the pixels.
    """
    import tensorflow as tf

    draw = tf.random.stateless_uniform((4,), seed, -1.0, 1.0)
    height, width = pictures.shape[1:3]
    shift = tf.round(draw[:2] * jitter)
    size, angle = tf.exp(draw[2] * tf.math.log1p(scale)), draw[3] * rotation * (3.14159265 / 180)
    cosine, sine = tf.cos(angle) / size, tf.sin(angle) / size
    # Round the centre: pixel (x, y) is taken from (cos x - sin y + right, sin x + cos y + down).
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    right = middle_x - cosine * middle_x + sine * middle_y + shift[0]
    down = middle_y - sine * middle_x - cosine * middle_y + shift[1]
    there = [[cosine, -sine, right], [sine, cosine, down], [0.0, 0.0, 1.0]]

    @tf.custom_gradient
    def resample(pictures):
        def back(slope):
            # The gradient is carried back to where each pixel came from, and nothing comes from outside. (TensorFlow's
            # own gradient mirrors it in from there.) An enlargement spreads a pixel over size^2 others.
            home = tf.linalg.inv(there)
            return _transform(slope, home, "CONSTANT") * tf.square(size)

        return _transform(pictures, tf.convert_to_tensor(there), "REFLECT"), back

    return resample(pictures)


def _transform(pictures: Any, matrix: Any, fill: str) -> Any:
    import tensorflow as tf

    return tf.raw_ops.ImageProjectiveTransformV3(
        images=pictures,
        transforms=tf.reshape(matrix, (1, 9))[:, :8],
        output_shape=tf.shape(pictures)[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode=fill,
    )
