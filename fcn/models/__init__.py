"""Networks that give every pixel its class: one file for each, to be read beside the paper's figure.

=============================================  =======================================================================
`fcn.models.segnet_basic`: ``segnet_basic``    4 encoders, 4 decoders, unpooling: SegNet's small sister
`fcn.models.segnet_light`: ``segnet_light``    as the lectures' classifier, with unpooling: an eighth of the work
`fcn.models.segnet`: ``segnet``                VGG16's convolutions, and their mirror image with unpooling
`fcn.models.fcn_vgg16`: ``fcn32s, fcn16s,``    VGG16 as it is, its dense layers as convolutions; ``fcn8s``
`fcn.models.unet`: ``unet``                    the encoder's maps handed to the decoder
`fcn.models.unet_plus_plus`                    ``unet_plus_plus``: a grid of decoders between them
`fcn.models.attention_unet`                    ``attention_unet``: the decoder weighs what is handed to it
`fcn.models.pspnet`: ``pspnet``                averages over grids of 1, 2, 3 and 6 cells
`fcn.models.deeplab`                           ``deeplab_v3, deeplab_v3_plus``: atrous convolutions side by side
=============================================  =======================================================================

Each is imported from its own file: ``from fcn.models.segnet import segnet``. All of them take float RGB images
``(batch, height, width, 3)`` in 0..255, of any size from 32 pixels up, and give float32 logits ``(batch, height,
width, classes)``. The layers of the encoder, and no others, have names that begin with ``encoder``
(`fcn.models.blocks.encoder_layers`), so that they can be frozen.
"""
