"""fcn: every pixel a class. Semantic segmentation with fully convolutional networks.

============================  ==========================================================================================
`fcn.arithmetic`              sizes, receptive fields, parameters and multiply-adds of any Keras model
`fcn.matrix`                  a convolution as a matrix, its transpose, im2col
`fcn.sliding`                 where the windows of a convolution stand
`fcn.convolutions`            the relatives: dilated, separable, grouped, deformable, involution
`fcn.upsampling`              zeros put in, then a filter: nearest, bilinear, bicubic
`fcn.interpolation`           the filters, and where samples lie
`fcn.layers`                  unpooling, bilinear and sub-pixel upsampling as Keras layers
`fcn.initializers`            a transposed convolution that starts as interpolation
`fcn.checkerboard`            the artefacts of transposed convolution, measured
`fcn.plots`                   all of it, drawn
`fcn.models`                  SegNet, FCN, U-Net and its kin, PSPNet, DeepLab; untrained still
`fcn.datasets`                pairs of image and label: folders, CamVid, VOC, drawn scenes; a linter for labels
`fcn.augment`                 flip, scale, rotate, crop, photometric: image and label together, in the graph
`fcn.losses`                  cross-entropy, focal, Dice, Jaccard, Lovasz; median frequency balancing
`fcn.metrics`                 mean IoU and its relatives over a whole set, boundary F1
============================  ==========================================================================================

Training, and weights, come with lectures 08 and 09.
"""
