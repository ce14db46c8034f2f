"""Keras layers that make maps larger, and those that remember where a maximum was."""

from fcn.layers.pooling import MaxPoolingWithArgmax2D, MaxUnpooling2D, indices_from_tensorflow
from fcn.layers.resizing import BilinearUpsampling2D, SubPixelUpsampling2D

__all__ = [
    "BilinearUpsampling2D",
    "MaxPoolingWithArgmax2D",
    "MaxUnpooling2D",
    "SubPixelUpsampling2D",
    "indices_from_tensorflow",
]
