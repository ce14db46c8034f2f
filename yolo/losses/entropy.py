"""Cross-entropy of logits: plain, focal, with smoothed labels."""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf


def binary(targets: Any, logits: Any) -> Any:
    """Cross-entropy of each logit and a probability 0 to 1; its gradient is sigmoid(logit) - target."""
    return tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits)


def objectness(present: bool, logits: Any, gamma: float = 0.0) -> Any:
    """Cross-entropy of each logit and 1 (``present``) or 0, times (1 - p) ** gamma, p the probability of what is right.

    Lin et al. 2017, "Focal Loss for Dense Object Detection", equation 4. With gamma above 0 what is already right
    counts little. (Their alpha weighs the one against the other; here the two are terms apart.)
    """
    wrong = -logits if present else logits
    loss = tf.nn.softplus(wrong)
    if not gamma:
        return loss
    # The power as exp of a logarithm: it has a gradient where 1 - p is 0.
    return tf.exp(-gamma * tf.nn.softplus(-wrong)) * loss


def check_gamma(gamma: float) -> float:
    """Focal loss: its exponent.

    Raises:
        ValueError: negative or not finite.
    """
    if not 0 <= gamma < math.inf:
        raise ValueError(f"focal is {gamma}; an exponent of at least 0 is wanted (0: no focal loss; the paper's is 2)")
    return float(gamma)


def smoothed(classes: Any, share: float, *, exclusive: bool) -> Any:
    """Labels of 0 and 1 that do not ask for certainty.

    Args:
        classes: (..., classes).
        share: how much of the label is given away, 0 to 1.
        exclusive: one class only (softmax): each has ``share / classes`` of it; else, where each class says yes or no,
            it is half of ``share``.

    Raises:
        ValueError: a share outside 0 to 1.
    """
    if not 0 <= share < 1:
        raise ValueError(f"label_smoothing is {share}; at least 0 and less than 1 is wanted")
    return classes * (1 - share) + share / (classes.shape[-1] if exclusive else 2)
