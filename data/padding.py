"""The zeros that "same" means, for those who calculate sizes and those who fold layers."""

from __future__ import annotations

from data.arguments import whole_number


def same_padding(size: int, kernel: int, stride: int = 1, dilation: int = 1) -> tuple[int, int]:
    """The zeros before and after with which Keras and TensorFlow pad an axis for "same".

    As few as let ``ceil(size / stride)`` windows fit. An odd number of zeros has the larger half behind; and with a
    stride the number depends on the size, so a window may sit one pixel further left in a larger image.

    Args:
        size: pixels along the axis.
        kernel: weights of the window along the axis.
        stride: pixels from one window to the next.
        dilation: pixels from one weight to the next.

    Raises:
        ValueError: a number below 1.
        TypeError: a number that is not whole.

    Source: https://www.tensorflow.org/api_docs/python/tf/nn#notes_on_padding_2

    >>> same_padding(10, 3), same_padding(10, 4), same_padding(10, 3, stride=2), same_padding(11, 3, stride=2)
    ((1, 1), (1, 2), (0, 1), (1, 1))
    """
    # As numbers of Python, which do not overflow as those of NumPy do.
    size, kernel = whole_number("size", size), whole_number("kernel", kernel)
    stride, dilation = whole_number("stride", stride), whole_number("dilation", dilation)
    places = -(-size // stride)
    zeros = max((places - 1) * stride + dilation * (kernel - 1) + 1 - size, 0)
    return zeros // 2, zeros - zeros // 2
