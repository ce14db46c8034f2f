"""The convolution and its relatives, each in a few lines, channels last.

==================================  ===================================================================================
`fcn.convolutions.plain`            `ordinary`: an output sees a window of all channels, with weights for its channel
`fcn.convolutions.dilation`         the window is stretched by holes
`fcn.convolutions.separable`        space and channels apart: depthwise, 1x1, depthwise separable
`fcn.convolutions.spatial`          rows and columns apart: a kernel that is an outer product
`fcn.convolutions.groups`           some channels see some channels only; and the shuffle that lets them meet
`fcn.convolutions.deformation`      the points of the window move to where they are wanted
`fcn.convolutions.pixel_kernels`    involution: every pixel has a kernel of its own, which the channels share
`fcn.convolutions.costs`            parameters and multiply-adds of all of them
`fcn.convolutions.sharing`          which inputs an output sees, and with which weights
`fcn.convolutions.layers`           those that learn, as Keras layers; not imported here, since it needs Keras
==================================  ===================================================================================

The functions take NumPy arrays or tensors of floating point, images ``(batch, height, width, channels)`` and kernels
``(rows, columns, channels in, channels out)``, and give tensors of the type of the images. As everywhere in deep
learning the kernel is not turned round: it is correlation that is computed.
"""

from fcn.convolutions.costs import Costs, compare_costs, convolution_costs, describe_costs
from fcn.convolutions.deformation import deformable, sampling_points
from fcn.convolutions.dilation import dilated, stuff_kernel
from fcn.convolutions.groups import channel_shuffle, grouped
from fcn.convolutions.pixel_kernels import involution
from fcn.convolutions.plain import ordinary
from fcn.convolutions.separable import depthwise, depthwise_separable, pointwise
from fcn.convolutions.spatial import separate, spatially_separable

__all__ = [
    "Costs",
    "channel_shuffle",
    "compare_costs",
    "convolution_costs",
    "deformable",
    "depthwise",
    "depthwise_separable",
    "describe_costs",
    "dilated",
    "grouped",
    "involution",
    "ordinary",
    "pointwise",
    "sampling_points",
    "separate",
    "spatially_separable",
    "stuff_kernel",
]
