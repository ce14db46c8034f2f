"""Arithmetic of convolutional networks: sizes, receptive fields, parameters and multiply-adds."""

from data.padding import same_padding
from fcn.arithmetic.counting import Costs, LayerCost, costs
from fcn.arithmetic.fields import ReceptiveField, receptive_field, receptive_fields
from fcn.arithmetic.sizes import left_over, output_size, transposed_output_size

__all__ = [
    "Costs",
    "LayerCost",
    "ReceptiveField",
    "costs",
    "left_over",
    "output_size",
    "receptive_field",
    "receptive_fields",
    "same_padding",
    "transposed_output_size",
]
