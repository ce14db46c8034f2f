# %% [markdown]
# # Lecture 1. Activation maps: what a network makes of a photograph
#
# **After this lecture you can**
#
# - say why one looks inside a network at all, and what *attribution* and *influence* ask;
# - read the activation maps of any layer, with a few lines of Keras and with one of `cnnviz`;
# - explain *information distillation*: early maps are large and few, late maps small, many and sparse;
# - find the photographs that a filter likes best, and say how much of them it can see.
#
# **Time** 50 minutes. **You need** convolution, ReLU and max pooling from any first course, and a little Keras.
#
# This lecture follows *Visualizing ConvNets, part one* of SMU's course CS8321. It runs in about a minute on a laptop,
# and needs no data and no weights from elsewhere. (On Colab, the first cell installs the packages.)

# %%
# On Colab, or wherever the packages are missing, this installs them.
from importlib.util import find_spec

from IPython import get_ipython

if find_spec("cnnviz") is None:
    home = "git+https://github.com/convnet-lectures/convnet-lectures"
    get_ipython().run_line_magic("pip", f"install -q 'convnet-lectures @ {home}'")

# %% tags=["nbval-ignore-output"]
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

import cnnviz
from cnnviz import plots
from data import photo, photos

# Here TensorFlow says, once, whether it has found a GPU. None is needed.
devices = tf.config.list_logical_devices()

# %% [markdown]
# ## 1. Why look inside?
#
# A story that every course tells, and whose source nobody has established (Branwen 2011): an army trains a network to find
# tanks hidden among trees. It is right on every test photograph, and useless in the field. The photographs with tanks
# had been taken on a cloudy day, those without on a sunny one. The network had learnt the weather.
#
# Whether or not it happened, the lesson holds: *a right answer says nothing about the reason for it*. Two questions
# are asked of a network.
#
# | question | asks | answered by |
# |:--|:--|:--|
# | **influence** | what would a unit like to see, in *any* photograph? | gradient ascent (lecture 2), DeepDream (lecture 3) |
# | **attribution** | what in *this* photograph made the network answer so? | image gradients (lecture 4), CAM and Grad-CAM (lecture 5) |
#
# Before either, the simplest thing of all: run the network on one photograph and *look at the numbers on their way
# through*. That is this lecture.

# %% [markdown]
# ## 2. A network and a photograph
#
# `cnnviz.load()` gives the small network that ships with the course: five blocks of two 3x3 convolutions in the style
# of VGG (Simonyan and Zisserman 2015), each followed by batch normalisation and ReLU, a max pooling between the
# blocks, then the mean of every map and one dense layer. It tells twelve classes apart: the ten of Imagenette, to which
# cats and dogs were added. (So a springer spaniel is to be called *english_springer*, every other dog *dog*.)

# %%
net = cnnviz.load()
print("classes:", ", ".join(net.class_names))
print(f"parameters: {net.model.count_params():,}")

# %% [markdown]
# `preprocess` cuts out the central square, resizes it, adds the batch axis and returns float32 in 0..255. The network
# was trained on pictures of 64 to 128 pixels, but it is fully convolutional: we take 192, so that there is more to see.

# %% mystnb={"image": {"alt": "The central square of a photograph of a tabby cat's face, 192 pixels wide"}}
images = net.preprocess(photo("cat"), size=192)
photograph = images[0].astype(np.uint8)
(answer,) = net.decode(net.model(images), top=3)
plt.figure(figsize=(3, 3))
plt.imshow(photograph)
plt.title(answer[0][0])
plt.axis("off")
plt.show()

# %% [markdown]
# The title is the network's answer, not ours. **But why a cat?** Let us see what it saw.

# %% [markdown]
# ## 3. A few lines of Keras
#
# A convolutional layer turns the maps $a^{l-1}$ before it into new ones. Map $k$ is
#
# $$a^{l}_k = \mathrm{ReLU} ( z ), \qquad z = \beta_k + \gamma_k\, \frac{\sum_c w^{l}_{k,c} * a^{l-1}_c - \mu_k}{\sigma_k}$$
#
# where $*$ slides the 3x3 kernel $w^{l}_{k,c}$ over map $c$, the fraction is batch normalisation, and
# $\mathrm{ReLU}(z) = \max(0, z)$. The numbers $a^{l}_k$ are the **activations**; all those of one channel $k$ make an **activation map**.
#
# Our network is a chain of layers. So we hand the photograph from layer to layer, and keep what leaves each ReLU.

# %%
maps = images
by_hand = {}
for layer in net.model.layers[1:]:
    maps = layer(maps)
    if layer.name.endswith("_relu"):
        by_hand[layer.name] = maps.numpy()

for name, maps in by_hand.items():
    print(f"{name:17}", maps.shape)

# %% [markdown]
# Each shape is `(batch, height, width, channels)`. Read the columns downwards: *height and width halve, channels grow.*
#
# The loop works for a chain only. A network with skip connections, or one used as a layer inside another, has no such
# simple order. `cnnviz.activation_maps` reads any Keras model, and gives the same numbers:

# %%
activations = cnnviz.activation_maps(net.model, images)
assert list(activations) == list(by_hand)
for name in by_hand:
    np.testing.assert_allclose(
        activations[name], by_hand[name], rtol=1e-3, atol=1e-3
    )
print("equal in all", len(activations), "layers")

# %% [markdown]
# ## 4. Early maps: large, few, and still a picture

# %% mystnb={"image": {"alt": "Sixteen activation maps of the first block: outlines and patches of light of the cat's face, each in another way; several channels are nearly black"}}
plots.channel_grid(
    activations["block1_conv2_relu"][0],
    title="block1_conv2: the most active channel first",
)
plt.show()

# %% [markdown]
# **What to see.** Every tile is one channel, black where its activation is zero. Most are still plainly the cat, in the
# photograph's full size: one channel answers to bright places, another to edges of one direction. Such edge and colour
# detectors come out of nearly every network trained on photographs (Zeiler and Fergus 2014). The number is the channel's
# index; the tiles are sorted by their mean activation, and each has its own scale of brightness.

# %% [markdown]
# With `scale="shared"` the tiles can be compared: most of the signal runs through a few channels.

# %% mystnb={"image": {"alt": "The ninety-six activation maps of block 3 on one shared scale: a few bright tiles in the first row, then ever darker ones"}}
plots.channel_grid(
    activations["block3_conv2_relu"][0],
    scale="shared",
    title="block3_conv2, one scale for all",
)
plt.show()

# %% [markdown]
# **What to see.** The maps have a quarter of the photograph's width, and each cell answers to a patch of 32 pixels:
# strokes of fur in one direction, round dark things, corners. Most channels have little to say about this photograph.
# (A channel that is zero everywhere would be drawn grey and crossed out.)

# %% [markdown]
# ## 5. Late maps: small, many, and sparse

# %% mystnb={"image": {"alt": "The 128 most active of 320 activation maps of the last block, twelve by twelve cells each: most are black but for a blob of a few bright cells"}}
late = activations["block5_conv2_relu"][0]
plots.channel_grid(
    late,
    most=128,
    columns=16,
    title="block5_conv2: the 128 most active of 320 channels",
)
plt.show()

# %% [markdown]
# **What to see.** Nobody would recognise a cat in twelve by twelve cells. A late channel no longer says *what the
# picture looks like*, it says *whether something is there, and roughly where*. And these are the loudest: the other 192
# channels say less, or nothing.
#
# Which channel says what? Lay one over the photograph. The function below is ordinary Python. Under it, in JupyterLab
# or on Colab, a slider calls it: move from block 1 to block 5, and watch the picture turn into places.


# %% mystnb={"image": {"alt": "The most active map of block4_conv2, 24 by 24 cells, and the same map laid over the photograph of the cat"}}
def show(layer, rank):
    """One activation map, and the same over the photograph."""
    one = activations[layer][0]
    channel = plots.channel_order(one)[rank]
    left, right = plt.figure(figsize=(7, 3.7)).subplots(1, 2)
    left.imshow(one[..., channel], cmap="magma")
    left.set_title(f"{layer.removesuffix('_relu')}, channel {channel}", fontsize=10)
    left.set_axis_off()
    plots.overlay(
        photograph, one[..., channel], ax=right, title="over the photograph"
    )
    plt.show()


show("block4_conv2_relu", rank=0)

# %% tags=["widget", "nbval-ignore-output"]
import os

import ipywidgets

if "LECTURE_STILL" not in os.environ:  # while it is built or tested, nobody slides
    ipywidgets.interact(show, layer=list(activations), rank=(0, 15))

# %% [markdown]
# ## 6. Information distillation
#
# Put the whole way into one figure: the photograph, the six most active maps of every block, the answer.

# %% mystnb={"image": {"alt": "From left to right the photograph of the cat, five stacks of activation maps that become smaller while their number grows from 16 to 320, and a bar chart in which cat is by far the most probable class"}}
blocks = {name: maps for name, maps in activations.items() if "conv2" in name}
plots.distillation(photograph, blocks, answer)
plt.show()

# %% [markdown]
# **What to see.** The maps shrink, their number grows, and on the whole the share of zeros rises. A network *distils*: layer by
# layer it throws away what the photograph looks like, and keeps what it shows. Chollet calls it an *information
# distillation pipeline*: colour, light and pose go, *cat-ness* stays.
#
# Three numbers measure it. With $H_l \times W_l$ cells and $K_l$ maps, layer $l$ passes on $H_l W_l K_l$ numbers, of
# which the share
#
# $$s_l = \frac{1}{H_l W_l K_l} \sum_{i,j,k} \left[ a^{l}_{k}(i,j) = 0 \right]$$
#
# is zero: its **sparsity**. Counted by hand, and by the package:

# %%
rows = cnnviz.statistics(activations)
for row in rows:
    zeros = np.count_nonzero(by_hand[row.layer] == 0) / by_hand[row.layer].size
    np.testing.assert_allclose(row.sparsity, zeros, atol=1e-3)
    size = f"{row.height:3} x {row.width:3} x {row.channels:3}"
    print(f"{row.layer:17} {size} = {row.values:7,} numbers")

# %% mystnb={"image": {"alt": "Three charts over the ten layers: the side of a map falls from 192 to 12 while the number of maps rises from 16 to 320; the numbers passed on fall from 590 thousand to 46 thousand; on the whole the share of zeros rises with depth"}}
plots.layer_statistics(rows)
plt.show()

# %% [markdown]
# **What to see.** Each pooling leaves a quarter of the cells. The channels do not quite make up for it, so fewer and
# fewer numbers remain: the bottleneck forces the network to choose. Sparsity is the other side of the choice: a
# detector for wheels has nothing to say about a cat. (In the last block it falls again. A cat fills this square, so
# whatever speaks for cats has something to say nearly everywhere.)

# %% [markdown]
# ## 7. What does a filter like?
#
# One photograph shows what a channel says about *it*. To learn what a channel stands for, ask the other way round:
# of many pictures, which excite it most? And since an activation sees only a part of its picture, its **receptive
# field**, cut out just that part.
#
# The receptive field of a chain of layers with kernels of $f_i$ cells and strides $s_i$ has the size (Luo et al. 2016)
#
# $$r = 1 + \sum_i (f_i - 1) \prod_{j<i} s_j .$$
#
# For ours that is (3x3 convolutions twice in a block, 2x2 poolings between):

# %%
from cnnviz.receptive_field import receptive_field

size, jump = 1, 1
for block in range(1, 6):
    size += 2 * (3 - 1) * jump
    field = receptive_field(net.model, f"block{block}_conv2_relu")
    assert (field.size, field.stride) == ((size, size), (jump, jump))
    print(f"block{block}_conv2 sees {size:3} pixels, in steps of {jump:2}")
    size, jump = size + (2 - 1) * jump, jump * 2

# %% [markdown]
# `receptive_field` has not been told the formula: it asks the gradient which pixels can change one activation, so it
# works for any network. (That gradient is lecture 4.)
#
# Now the pictures: squares cut from the sample photographs. Of each layer we ask two channels, those that come 4th and
# 13th in mean activation, for no better reason than to show two.

# %%
places = [(top, left) for top in (0, 128, 256) for left in (0, 128, 256)]
squares = []
for name in photos():
    whole = net.preprocess(photo(name), size=384)[0]
    squares += [whole[top : top + 128, left : left + 128] for top, left in places]
squares = np.stack(squares)
print(len(squares), "squares of", squares.shape[1], "x", squares.shape[2], "pixels")

# %% mystnb={"image": {"alt": "Rows of small patches: for two channels of block 2, block 3 and block 4 each, the nine patches that excite it most; patches in a row resemble each other, in stripes and edges first, then in texture, then in parts of things"}}
patches = {}
for block in (2, 3, 4):
    layer = f"block{block}_conv2_relu"
    maps = cnnviz.activation_maps(net.model, squares, layer)[layer]
    two = np.argsort(-maps.mean(axis=(0, 1, 2)))[[3, 12]]
    for channel, best in cnnviz.top_patches(net.model, squares, layer, two).items():
        cut = cnnviz.cut_patches(squares.astype(np.uint8), best, fill=128)
        patches[f"block{block}, {len(cut[0])} px\nchannel {channel}"] = cut
plots.patch_grid(patches)
plt.show()

# %% [markdown]
# **What to see.** Within a row the patches resemble each other: that is what the channel responds to. All are drawn
# equally large, but a patch of block 2 is 14 pixels wide, one of block 3 32, one of block 4 68. On the way down, the
# likeness moves from edges and colours to texture and to parts of things. (Grey is outside the picture.)

# %% [markdown]
# ## 8. Any network, and a look ahead
#
# Under all of this lies one function. `taps` compiles a model and layers of your choice into a function that returns
# the outputs and the activations. It reads networks inside networks, and TensorFlow's `GradientTape` can differentiate
# the outputs with respect to an activation. On our network that gradient is known: the mean over all $Z$ cells of each
# map is followed by a matrix $V$ and a bias (the results, before the softmax, are the **logits** $y_c$), so
#
# $$\frac{\partial y_c}{\partial a_k(i,j)} = \frac{V_{k,c}}{Z} .$$

# %%
from cnnviz.taps import taps

read = taps(net.model, "block5_conv2_relu")
with tf.GradientTape() as tape:
    logits, tapped = read(images)
    cat = logits[0, net.class_index("cat")]
gradient = tape.gradient(cat, tapped["block5_conv2_relu"])[0]

weights = net.model.get_layer("logits").kernel[:, net.class_index("cat")].numpy()
cells = gradient.shape[0] * gradient.shape[1]
for row in gradient.numpy().reshape(cells, -1):
    np.testing.assert_allclose(row, weights / cells, rtol=1e-3, atol=1e-6)
print("the gradient is V / Z in all", cells, "cells")

# %% [markdown]
# Weigh each map by $V_{k,c}$ (the factor $1/Z$ changes nothing in the picture), add them up, keep what is positive, and
# you get a map of *cat-ness*: the **class activation map** (Zhou et al. 2016).

# %% mystnb={"image": {"alt": "The cat with a heat map over it that is brightest on the cat's face"}}
cat_map = late @ weights
plots.overlay(photograph, np.maximum(cat_map, 0), title="what speaks for cat")
plt.show()

# %% [markdown]
# **What to see.** The heat lies where the evidence for *cat* was found. This square is nearly all cat, so it does not
# prove that the background plays no part. Lecture 5 shows what this map is good for, and where it misleads.

# %% [markdown]
# ## Self-test
#
# Answer first, then unfold.
#
# <details><summary>1. A map of <code>block3</code> is 48 cells wide for our photograph of 192 pixels. How wide is it for one of 256?</summary>
#
# 64. Two poolings lie before it, so a quarter of the width. The network is fully convolutional, and its maps grow with the picture.
# </details>
#
# <details><summary>2. A channel is zero everywhere for this cat. Is it useless?</summary>
#
# Not for that reason. It may wait for something that is not in the picture. Only a channel that is zero for <em>every</em> picture is dead: the gradient of the ReLU is zero there too, so its weights no longer learn.
# </details>
#
# <details><summary>3. Why do the channel grids of two networks trained from different seeds look different, though both are right?</summary>
#
# Channels have no order. Swapping two of them (and the weights that read them) changes nothing, and training ends in a different arrangement, with different features, each time.
# </details>
#
# <details><summary>4. Sparsity rises with depth. Name two causes.</summary>
#
# Late detectors are specific: most things are absent from most pictures. And a late cell speaks for a place: even a thing that is present is absent from most of the cells.
# </details>
#
# <details><summary>5. A bright cell of <code>block5</code> lies over the cat's eye. May you conclude that the network looks at the eye?</summary>
#
# No. The receptive field of that cell is 140 x 140 pixels, half of the photograph and far more than the eye. Nor does the map tell whether the answer depended on the cell at all. That takes a gradient, or hiding the eye (lecture 4).
# </details>

# %% [markdown]
# ## Exercises
#
# 1. Put a picture of your own beside the notebook, and run the lecture on
#    `images = net.preprocess(data.read_image("my.jpg"), size=192)` (`import data` first). Which layer's maps change most
#    when you blur it? `read_image(gaussian(picture, 3, channel_axis=-1))`, with `skimage.filters.gaussian`, blurs.
# 2. Find a channel of `block4_conv2` that fires on the cat's eyes. Does it fire on the astronaut's?
# 3. Turn the cat upside down: `photo("cat")[::-1]`. Compare the sparsity of every layer, and the answer.
# 4. Load `cnnviz.load("mobilenet_v2")` (Keras downloads 14 MB). Its blocks end *without* a ReLU, in layers such as
#    `block_1_project_BN`; name them, since `activation_maps` takes the rectified ones by default. What does that do to
#    their sparsity, and why did the authors (Sandler et al. 2018) want it?
# 5. *Tanks in trees.* `data.scenes.dataset(2000, batch_size=32, bias={"car": "snow"})` draws street scenes in which one
#    class is tied to the weather. Train a small Keras network of your own on them. What would its activation maps have
#    to show for you to notice?
#
# ## References
#
# - Larson, *CS8321 Machine Learning and Neural Networks*, Southern Methodist University: the slides.
# - Branwen, *The neural net tank urban legend*, gwern.net/tank, 2011.
# - Zeiler and Fergus, *Visualizing and understanding convolutional networks*, ECCV 2014.
# - Chollet, *Deep learning with Python*, 2nd edition 2021, "Interpreting what convnets learn".
# - Simonyan and Zisserman, *Very deep convolutional networks for large-scale image recognition*, ICLR 2015.
# - Luo, Li, Urtasun and Zemel, *Understanding the effective receptive field*, NeurIPS 2016.
# - Zhou, Khosla, Lapedriza, Oliva and Torralba, *Learning deep features for discriminative localization*, CVPR 2016.
# - Sandler et al., *MobileNetV2: inverted residuals and linear bottlenecks*, CVPR 2018.
