# %% [markdown]
# # Lecture 1. Activation maps: what a network makes of a photograph
#
# **After this lecture you can**
#
# - say why one looks inside a network at all, and what *attribution* and *influence* ask;
# - read the activation maps of any layer, with ten lines of Keras and with one line of `cnnviz`;
# - explain *information distillation*: early maps are large and few, late maps small, many and mostly empty;
# - find the photographs that a filter likes best, and say how much of them it can see.
#
# **Time** 50 minutes. **You need** convolution, ReLU and max pooling from any first course, and a little Keras.
#
# This lecture follows *Visualizing ConvNets, part one* of SMU's CS8321. It runs in about a minute on a laptop and
# downloads nothing.

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
# A story that every course tells, and that nobody has ever traced to its source: an army trains a network to find
# tanks hidden among trees. It is right on every test photograph, and useless in the field. The photographs with tanks
# had been taken on a cloudy day, those without on a sunny one. The network had learnt the weather.
#
# Whether or not it happened, the lesson holds: *a right answer says nothing about the reason for it*. Two questions
# are asked of a network, and this course takes them in turn.
#
# | question | asks | answered by |
# |---|---|---|
# | **attribution** | what in *this* photograph made the network answer so? | image gradients (lecture 4), CAM and Grad-CAM (lecture 5) |
# | **influence** | what would a unit like to see, in *any* photograph? | gradient ascent (lecture 2), DeepDream (lecture 3) |
#
# Before either, the simplest thing of all: run the network on one photograph and *look at the numbers on their way
# through*. That is this lecture.

# %% [markdown]
# ## 2. A network and a photograph
#
# `cnnviz.load()` gives the small network that ships with the course: five blocks of two 3x3 convolutions in the style
# of VGG, each followed by batch normalisation and ReLU, a max pooling between the blocks, then the mean of every map
# and one matrix. It tells twelve classes apart.

# %%
net = cnnviz.load()
print("classes:", ", ".join(net.class_names))
print(f"parameters: {net.model.count_params():,}")

# %% [markdown]
# `preprocess` cuts out the central square, resizes it and adds the batch axis. The network was trained on 128 pixels,
# but it is fully convolutional: we take 192, so that there is more to see.

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
# ## 3. Ten lines of Keras
#
# A convolutional layer turns the maps $a^{l-1}$ before it into new ones. Map $k$ is
#
# $$a^{l}_k = \max\left(0,\; \beta_k + \gamma_k\, \frac{\sum_c w^{l}_{k,c} * a^{l-1}_c - \mu_k}{\sigma_k}\right)$$
#
# where $*$ slides the 3x3 kernel $w^{l}_{k,c}$ over map $c$, the fraction is batch normalisation, and the maximum is
# the ReLU. The numbers $a^{l}_k$ are the **activations**; all those of one channel $k$ make an **activation map**.
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
# **What to see.** Every tile is one channel, black where its activation is zero. Each is still plainly the cat, in the
# photograph's full size. One channel answers to bright fur, another to dark edges, another to the rim of the eyes. Such
# edge and colour detectors come out of nearly every network trained on photographs. The number is the channel's
# index; the tiles are sorted by their mean activation, and each has its own scale of brightness.

# %% [markdown]
# With `scale="shared"` the tiles can be compared: most of the signal runs through a few channels.

# %% mystnb={"image": {"alt": "The ninety-six activation maps of block 3 on one shared scale: a few bright tiles in the first row, then ever darker ones; channels that are zero everywhere are grey and crossed out"}}
plots.channel_grid(
    activations["block3_conv2_relu"][0],
    scale="shared",
    title="block3_conv2, one scale for all",
)
plt.show()

# %% [markdown]
# **What to see.** The maps have a quarter of the photograph's width. The eyes, the nose and the whiskers each have
# channels of their own now. A grey tile with a cross is a channel that is zero everywhere in this photograph: whatever
# it looks for is not there.

# %% [markdown]
# ## 5. Late maps: small, many, and mostly empty

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
# picture looks like*, it says *whether something is there, and roughly where*. Many say nothing at all.
#
# Which channel says what? Overlay one on the photograph. The function below is ordinary Python; under it, in
# JupyterLab or on Colab, a slider calls it.


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
import ipywidgets

_ = ipywidgets.interact(show, layer=list(activations), rank=(0, 15))

# %% [markdown]
# *The slider needs a running notebook. In a web page, the figure above stands for it.* Move from block 1 to block 5
# and watch the picture turn into places.

# %% [markdown]
# ## 6. Information distillation
#
# Put the whole way into one figure: the photograph, the six most active maps of every block, the answer.

# %% mystnb={"image": {"alt": "From left to right the photograph of the cat, five stacks of activation maps that become smaller while their number grows from 16 to 320 and their share of zeros rises, and a bar chart in which cat is by far the most probable class"}}
blocks = {name: maps for name, maps in activations.items() if "conv2" in name}
plots.distillation(photograph, blocks, answer)
plt.show()

# %% [markdown]
# **What to see.** The maps shrink, their number grows, and the share of zeros rises. A network *distils*: layer by
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
    print(
        f"{row.layer:17} {row.height:3} x {row.width:3} x {row.channels:3} = {row.values:7,} numbers"
    )

# %% mystnb={"image": {"alt": "Three charts over the ten layers: the side of a map falls from 192 to 12 while the number of maps rises from 16 to 320; the numbers passed on fall from 590 thousand to 46 thousand; the share of zeros rises towards the last layer"}}
plots.layer_statistics(rows)
plt.show()

# %% [markdown]
# **What to see.** Each pooling leaves a quarter of the cells. The channels do not quite make up for it, so fewer and
# fewer numbers remain: the bottleneck forces the network to choose. Sparsity is the other side of the choice: a
# detector for wheels has nothing to say about a cat.

# %% [markdown]
# ## 7. What does a filter like?
#
# One photograph shows what a channel says about *it*. To learn what a channel stands for, ask the other way round:
# of many pictures, which excite it most? And since an activation sees only a part of its picture, its **receptive
# field**, cut out just that part.
#
# The receptive field of a chain of layers with kernels $k_i$ and strides $s_i$ has the size
#
# $$r = 1 + \sum_i (k_i - 1) \prod_{j<i} s_j .$$
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
# Now the pictures: squares cut from the sample photographs.

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
        cut = cnnviz.cut_patches(squares.astype(np.uint8), best)
        patches[f"block{block}\nchannel {channel}"] = cut
plots.patch_grid(patches)
plt.show()

# %% [markdown]
# **What to see.** Within a row the patches resemble each other: that is what the channel responds to. Down the rows
# they grow, as receptive fields do, and the likeness moves from edges and stripes to texture and to parts of things.
# (White is outside the picture.)

# %% [markdown]
# ## 8. Any network, and a look ahead
#
# Under all of this lies one function. `taps` compiles a model and layers of your choice into a function that returns
# the outputs and the activations. It reads networks inside networks, and a `GradientTape` can differentiate the
# outputs with respect to an activation. On our network that gradient is known: after the mean over $Z = HW$ cells
# comes one matrix $W$, so
#
# $$\frac{\partial\, \text{logit}_c}{\partial\, a_k(i,j)} = \frac{W_{k,c}}{Z} .$$

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
print("the gradient is W / Z in all", cells, "cells")

# %% [markdown]
# Weigh each map by that number, add them up, and you get a map of *cat-ness*: the **class activation map**.

# %% mystnb={"image": {"alt": "The cat with a heat map over it that is brightest on the cat's face"}}
cat_map = late @ weights
plots.overlay(photograph, np.maximum(cat_map, 0), title="what speaks for cat")
plt.show()

# %% [markdown]
# **What to see.** The network looks at the animal, not at the weather. Lecture 5 shows what this map is good for, and
# where it misleads.

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
# Not for that reason. It may wait for something that is not in the picture. Only a channel that is zero for <em>every</em> picture is dead: it can never learn again, since the gradient of the ReLU is zero there too.
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
# <details><summary>5. A bright cell of <code>block5</code> lies over the cat's ear. May you conclude that the network looks at the ear?</summary>
#
# No. That cell sees 140 pixels, most of the photograph. Nor does it tell whether the answer depended on the cell at all. That takes a gradient, or hiding the ear (lecture 4).
# </details>

# %% [markdown]
# ## Exercises
#
# 1. Run the lecture on a picture of your own: `data.read_image("my.jpg")`. Which layer's maps change most when you blur it?
# 2. Find a channel of `block4_conv2` that fires on the cat's eyes. Does it fire on the astronaut's?
# 3. Turn the cat upside down. Compare the sparsity of every layer, and the answer. What has the network not learnt?
# 4. Load `cnnviz.load("mobilenet_v2")` (14 MB, from Keras). It ends each block *without* a ReLU. What does that do to
#    the sparsity of those layers, and why did its authors want it?
# 5. *Tanks in trees.* `data.scenes` draws street scenes in which you can tie a class to the weather. Train a network on
#    such a set. What would its activation maps have to show for you to notice?
#
# ## References
#
# - Zeiler and Fergus, *Visualizing and understanding convolutional networks*, ECCV 2014.
# - Chollet, *Deep learning with Python*, chapter "Interpreting what convnets learn".
# - Simonyan and Zisserman, *Very deep convolutional networks for large-scale image recognition*, ICLR 2015.
# - Luo, Li, Urtasun and Zemel, *Understanding the effective receptive field*, NeurIPS 2016.
# - Zhou, Khosla, Lapedriza, Oliva and Torralba, *Learning deep features for discriminative localization*, CVPR 2016.
