"""What Darknet computes in training: its delta, and the cost that it prints."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from data.arguments import one_of
from yolo.losses.terms import added_up
from yolo.losses.v1 import loss_v1
from yolo.losses.v2 import activated, opened, parts_v2
from yolo.losses.v3 import loss_v3


class Delta(NamedTuple):
    """Of a batch."""

    deltas: tuple[Any, ...]
    """For each head a tensor of its shape: what is to be added to each number, by Darknet's rules."""
    costs: tuple[Any, ...]
    """For each head the sum of the squares of it: the loss that Darknet prints, for its batch."""


def darknet_delta(version: str, heads: Any, *truths_and_shapes: Any, **options: Any) -> Delta:
    """Darknet's ``l.delta`` and ``*l.cost``, for comparison; a training takes the losses themselves.

    Both are for what the layer puts out, and that is not everywhere a raw logit:

    - "v3": minus the gradient of ``loss_v3`` with respect to the logits.
    - "v2": minus the gradient of ``loss_v2`` with respect to sigmoid(x), sigmoid(y), w, h, sigmoid(objectness) and the
      logits of the classes. On its way back it is multiplied by the slope of the sigmoid, as in Darknet.
    - "v1": minus half the gradient of ``loss_v1``.

    Args:
        version: which.
        heads: what that loss takes first.
        truths_and_shapes: what it takes next.
        options: its keyword arguments.

    Raises:
        ValueError, TypeError: an unknown version; as that loss.
    """
    one_of("version", version, ("v1", "v2", "v3"))
    if version == "v2":
        raw, priors, stride = opened(heads, truths_and_shapes[2], truths_and_shapes[3])
        variables = [activated(raw)]
    else:
        variables = [tf.convert_to_tensor(head) for head in (heads if version == "v3" else [heads])]
    with tf.GradientTape() as tape:
        tape.watch(variables)
        if version == "v3":
            terms = loss_v3(variables, *truths_and_shapes, **options)
        elif version == "v2":
            terms = added_up([parts_v2(raw, *variables, priors, stride, *truths_and_shapes, **options)])
        else:
            terms = loss_v1(variables[0], *truths_and_shapes, **options)
        total = tf.reduce_sum(terms.total) / (2 if version == "v1" else 1)
    deltas = [-gradient for gradient in tape.gradient(total, variables)]
    costs = tuple(tf.reduce_sum(tf.square(delta)) for delta in deltas)
    if version == "v2":
        deltas = [tf.reshape(deltas[0], tf.shape(heads))]
    return Delta(tuple(deltas), costs)
