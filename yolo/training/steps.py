"""One step: loss, gradient, clipping, update; compiled once for each size of the pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from yolo.losses.terms import Terms

if TYPE_CHECKING:
    import keras

TERMS = ("box", "objectness", "no_objectness", "classes")

Step = Callable[[Any, dict[str, Any]], Any]


def steps_of(
    network: keras.Model,
    forward: keras.Model,
    loss: Callable[[Any, dict[str, Any], tuple[int, int]], Terms],
    spec: Any,
    *,
    clip: float | None,
    jit: bool,
) -> Callable[[tuple[int, int]], Step]:
    """A function that gives the step for pictures of a size.

    The loss is the mean over the batch, over all replicas of a strategy; so is the gradient, whose norm is cut.

    Args:
        network: compiled; its trainable weights learn.
        forward: what makes the heads of the inputs: the network, or its last part.
        loss: of heads, truths and size.
        spec: of an element of the data: inputs and truths.
        clip: largest norm of the whole gradient; None: any.
        jit: compile with XLA.

    Returns:
        For a size, a function of inputs and truths that takes a step and returns the mean of each of `TERMS`, (4,).
    """
    strategy, optimizer = network.distribute_strategy, network.optimizer
    variables, replicas = network.trainable_variables, strategy.num_replicas_in_sync

    def learn(inputs: Any, truth: dict[str, Any], size: tuple[int, int]) -> Any:
        with tf.GradientTape() as tape:
            heads = forward(inputs, training=True)
            terms = loss(list(heads) if isinstance(heads, (list, tuple)) else [heads], truth, size)
            total = tf.add_n([tf.reduce_mean(terms.total), *(tf.cast(one, tf.float32) for one in network.losses)])
        gradients = tape.gradient(total, variables)
        if replicas > 1:
            # Before the norm is cut: Keras would cut that of each replica's part.
            gradients = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, gradients)
        if clip is not None:
            gradients, _ = tf.clip_by_global_norm(gradients, clip)
        # The optimizer adds the replicas' gradients up.
        optimizer.apply_gradients(zip([gradient / replicas for gradient in gradients], variables))
        return tf.stack([tf.reduce_mean(getattr(terms, name)) for name in TERMS])

    made: dict[tuple[int, int], Step] = {}

    def of_size(size: tuple[int, int]) -> Step:
        if size not in made:

            def step(inputs: Any, truth: dict[str, Any]) -> Any:
                found = strategy.run(learn, args=(inputs, truth, size))
                return strategy.reduce(tf.distribute.ReduceOp.MEAN, found, axis=None)

            # The signature leaves the batch open: the last one may be smaller.
            signature = None if replicas > 1 else _of_size(spec, size)
            made[size] = tf.function(step, input_signature=signature, autograph=False, jit_compile=jit or None)
        return made[size]

    return of_size


def _of_size(spec: Any, size: tuple[int, int]) -> tuple[Any, Any]:
    """The specification of the data with the size of the pictures in it; features have theirs."""
    inputs, truth = spec
    if isinstance(inputs, tf.TensorSpec):
        inputs = tf.TensorSpec((None, *size, inputs.shape[-1]), inputs.dtype)
    return inputs, truth
