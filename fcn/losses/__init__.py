"""Losses of every pixel, in which void counts nothing, and the weights of classes that are rare."""

from fcn.losses.balancing import median_frequency_weights
from fcn.losses.combined import Combined
from fcn.losses.lovasz import Lovasz
from fcn.losses.overlap import Dice, Jaccard
from fcn.losses.pixelwise import CrossEntropy, Focal

__all__ = ["Combined", "CrossEntropy", "Dice", "Focal", "Jaccard", "Lovasz", "median_frequency_weights"]
