# %% [markdown]
# # Lecture 9. The family: FCN, U-Net, PSPNet, DeepLab
#
# **After this lecture you can**
#
# - say what each network *adds*: a skip by sum, a skip by concatenation, a gate, a pyramid of averages, a pyramid of
#   dilated kernels;
# - write each of these in ten lines of TensorFlow, and show that a trained network does just that;
# - operate on a trained FCN-32s until it is an FCN-16s;
# - read a table of parameters, multiply-adds, time, mean IoU and boundary F1 without reading too much into it;
# - see from which pixels the answer for one pixel comes.
#
# **Time** 75 minutes. **You need** lectures 6 (receptive field, dilation), 7 (upsampling) and 8 (SegNet).
#
# This lecture follows *Fully Convolutional Learning* of SMU's course CS8321. It runs in about a minute on a laptop; its
# ten small networks ship with it. (On Colab, the first cell installs the packages.)

# %%
# On Colab, or wherever the packages are missing, this installs them.
from importlib.util import find_spec

from IPython import get_ipython

if find_spec("fcn") is None:
    home = "git+https://github.com/convnet-lectures/convnet-lectures"
    get_ipython().run_line_magic("pip", f"install -q 'convnet-lectures @ {home}'")

# %% tags=["nbval-ignore-output"]
import time

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

import fcn
from data import photo
from fcn import family
from fcn.datasets import scenes
from fcn.plots.family import draw_fields, draw_side_by_side, draw_tradeoff

# Here TensorFlow says, once, whether it has found a GPU. None is needed.
devices = tf.config.list_logical_devices()

# %% [markdown]
# ## 1. One task, ten networks
#
# The task: street scenes of 96 x 128 pixels, drawn from a seed by `data.scenes`, eight classes. All networks below have
# learnt from the *same* 480 scenes in the *same* order, sixteen times, with the same optimizer, rate and loss (that of
# lecture 8; `python -m fcn.family` trains them again, a few minutes each). All have about 150 000 weights: each paper's network,
# made narrow. So what differs is only **how the weights are laid out**. That is what we want to see.
#
# We look at *fresh* scenes, of another seed, that no network has learnt from.

# %%
fresh = scenes(family.FRESH, family.FRESH_SEED, family.SIZE, verbose=False)
networks = {name: fcn.load(f"scenes_{name}").network for name in family.NETWORKS}
for name, network in networks.items():
    print(f"{name:16} {family.learnt_weights(network) / 1e6:.2f} million weights")

# %% mystnb={"image": {"alt": "Six drawn street scenes in different light and weather, with houses, trees, cars, people and signs; below each its classes as flat colours: sky, building, road, pavement, tree, sign, car, pedestrian"}}
from fcn.plots.overlays import label_colours

figure = plt.figure(figsize=(10, 3.2), layout="constrained")
panels = figure.subplots(2, 6)
for number, (above, below) in enumerate(panels.T):
    image, label = fresh[number]
    above.imshow(image)
    below.imshow(label_colours(label, fresh.colours))
    above.set_axis_off(), below.set_axis_off()
patches = [plt.Rectangle((0, 0), 1, 1, color=c / 255) for c in fresh.colours]
figure.legend(
    patches, fresh.class_names, loc="outside lower center", ncols=8, frameon=False
)
plt.show()

# %% [markdown]
# **What to see.** Large surfaces (sky, road, houses) are easy. Signs and people are a few pixels wide: they are lost first
# when maps shrink. Keep your eye on the edges.
#
# To look *into* the networks we need three short functions. Two do what trained layers do, but in plain TensorFlow; the third
# reads the maps behind layers. With $\gamma, \beta, \mu, \sigma^2$ of batch normalisation:
#
# $$\text{conv\_bn\_relu}(x) = \max\!\Big(0,\; \gamma\, \frac{W * x + b - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta\Big)$$


# %%
def conv(maps, layer):
    """The convolution of a trained layer."""
    maps = tf.nn.conv2d(
        maps, layer.kernel, layer.strides, "SAME", dilations=layer.dilation_rate
    )
    return maps if layer.bias is None else maps + layer.bias


def conv_bn_relu(maps, network, name):
    """Convolution, batch normalisation (with what it has learnt), rectifier."""
    maps = conv(maps, network.get_layer(name))
    bn = network.get_layer(f"{name}_bn")
    scale = bn.gamma / tf.sqrt(bn.moving_variance + bn.epsilon)
    return tf.nn.relu((maps - bn.moving_mean) * scale + bn.beta)


# %%
def read(network, *names):
    """What comes out of these layers for the fresh scene 0."""
    found = [network.get_layer(name).output for name in names]
    return keras.Model(network.input, found if len(names) > 1 else found[0])(images)


images = tf.constant(fresh.images[:1], tf.float32)

# %% [markdown]
# ## 2. FCN: a classifier made convolutional, and skips by sum
#
# **FCN** (Long et al. 2015) takes a classifier, VGG16, and turns its dense layers into convolutions. It then names a class for every
# cell of the last maps, 32 pixels apart, and interpolates: FCN-**32s**. That is coarse. The repair:
# earlier maps are finer, so let them *vote* too. Score pool4 (16 pixels apart) and add; then pool3 (8 apart), and add:
#
# $$s_{16} = U_2(s_{32}) + W_4 * p_4, \qquad s_8 = U_2(s_{16}) + W_3 * p_3, \qquad \text{logits} = U_8(s_8)$$
#
# $U_f$ is a transposed convolution that starts as bilinear interpolation by $f$ (lecture 7); the last one, $U_8$, stays it. FCN-8s by hand:


# %%
def enlarge(maps, layer, like):
    """The transposed convolution of a trained layer, cut to the size of other maps."""
    batch, rows, columns, _ = maps.shape
    factor, filters = layer.strides[0], layer.filters
    size = (batch, rows * factor, columns * factor, filters)
    larger = tf.nn.conv2d_transpose(maps, layer.kernel, size, factor, "SAME")
    larger = larger if layer.bias is None else larger + layer.bias
    return larger[:, : like.shape[1], : like.shape[2]]


# %%
layer = networks["fcn8s"].get_layer
fc7, pool4, pool3 = read(
    networks["fcn8s"], "encoder_drop7", "encoder4_pool", "encoder3_pool"
)
scores = conv(fc7, layer("score_fc7"))
print("s32", scores.shape[1:3])
for number, pool in ((4, pool4), (3, pool3)):
    skip = conv(pool, layer(f"score_pool{number}"))
    scores = enlarge(scores, layer(f"upscore_pool{number}"), skip) + skip
    print("added pool", number, scores.shape[1:3])
by_hand = enlarge(scores, layer("upscore8"), images)
np.testing.assert_allclose(by_hand, networks["fcn8s"](images), atol=1e-3)

# %% [markdown]
# Ten lines, and equal to the trained network. Now all three on one scene:


# %% mystnb={"image": {"alt": "A drawn street, its true classes, and what FCN-32s, 16s and 8s make of it, each with an enlarged detail: 32s gives large flat areas and misses the signs, 16s paints a broad yellow column over them, 8s a narrower one with the beginning of a post"}}
def classes_of(names, number):
    """A scene, its truth, and the answers of these networks."""
    image, label = fresh[number]
    answers = {name: fcn.predict(networks[name], image) for name in names}
    return {"scene": image, "truth": label, **answers}


fcns = classes_of(["fcn32s", "fcn16s", "fcn8s"], 0)
draw_side_by_side(fcns, fresh.colours, detail=(6, 56, 36, 48))
plt.show()

# %% [markdown]
# **What to see.** The classic picture. FCN-32s has one opinion for 32 x 32 pixels and smears it: blobs. Each skip halves the
# cell; the yellow blob becomes a little narrower, and gets the beginning of a post. (Colours as in section 1.) Yet the sums are of *scores*: at each step only eight numbers for a cell are handed across.
#
# ### Surgery
#
# The paper does not train FCN-16s from nothing. It takes the trained FCN-32s and adds a skip whose weights are **zero**,
# so that nothing is lost, and trains on. Let us operate: every layer that both have keeps what it has learnt.

# %%
donor = networks["fcn32s"]
patient = family.member("fcn16s")
theirs = {one.name for one in donor.layers}
for one in patient.layers:
    if one.name in theirs:
        one.set_weights(donor.get_layer(one.name).get_weights())

assert not np.any(patient.get_layer("score_pool4").get_weights()[0])
same = np.mean(
    np.argmax(patient(images), axis=-1) == np.argmax(donor(images), axis=-1)
)
print(f"after the operation {same:.0%} of the pixels have the class of before")

# %% [markdown]
# (Not all: interpolation by 2 and then by 16 is not quite interpolation by 32.) Now two short passes over 96 of the old scenes, with the weighted loss of lecture 8:

# %% tags=["nbval-ignore-output"]
from fcn.losses import CrossEntropy, median_frequency_weights
from fcn.metrics import boundary_f1, mean_iou
from fcn.training import Phase, train


def edges(network):
    """Boundary F1 on twenty of the fresh scenes."""
    return boundary_f1(
        fresh.labels[:20], family.matrices(network, fresh.subset(range(20)))[1]
    )


before = edges(patient)
few = scenes(96, family.TRAINING_SEED, family.SIZE, verbose=False)
loss = CrossEntropy(np.sqrt(median_frequency_weights(few.labels, 8)))
train(patient, few, Phase("skip", 2, 5e-3), loss=loss, batch=4, verbose=False)
after = edges(patient)
print(f"boundary F1 {before:.2f}, after the training {after:.2f}")
assert after > before

# %% [markdown]
# **Boundary F1** asks of every edge pixel of a class in the answer whether a true edge *of that class* is near (here: within 1.2 pixels), and of every
# true edge pixel whether one of the answer is; for each class and image, and takes the mean. It rises. Is it the skip, or just the training? FCN-32s
# itself, trained for the same two passes, is the control:

# %% tags=["nbval-ignore-output"]
control = keras.models.clone_model(donor)
control.set_weights(donor.get_weights())
train(control, few, Phase("control", 2, 5e-3), loss=loss, batch=4, verbose=False)
print(f"boundary F1 of FCN-32s, trained as long: {edges(control):.2f}")
assert edges(control) < after

# %% [markdown]
# It is the skip: it has begun to draw lines that FCN-32s cannot draw.
#
# ## 3. U-Net: skips by concatenation
#
# **U-Net** (Ronneberger et al. 2015) hands over not scores but *all the maps*, at every level, and lets convolutions make something
# of both:
#
# $$x_s = \text{conv}^2\big([\,e_s,\; U_2(x_{2s})\,]\big) \qquad s = 8, 4, 2, 1$$
#
# with $U_2$ a transposed convolution that learns freely, $e_s$ the encoder's maps at stride $s$ and $[\cdot,\cdot]$ side by side, as channels. The whole decoder by hand, with a switch
# for an experiment: at the strides in `cut` the maps that are handed across are replaced by their averages. Then
# the *amounts* are still there but the *where* is gone.


# %%
def decode(network, levels, cut=()):
    """U-Net's way up; the strides in ``cut`` hand over averages only."""
    maps = levels[16]
    for stride in (8, 4, 2, 1):
        across, name = levels[stride], f"decoder_{stride}"
        if stride in cut:
            average = tf.reduce_mean(across, axis=(1, 2), keepdims=True)
            across = tf.broadcast_to(average, across.shape)
        maps = enlarge(maps, network.get_layer(f"{name}_up"), across)
        maps = tf.concat([across, maps], axis=-1)
        for step in (1, 2):
            maps = conv_bn_relu(maps, network, f"{name}_conv{step}")
    return conv(maps, network.get_layer("logits"))


# %% [markdown]
# Without cuts it must be the trained network:

# %%
unet = networks["unet"]
names = [f"encoder{level}_conv2_relu" for level in (1, 2, 3, 4, 5)]
levels = dict(zip((1, 2, 4, 8, 16), read(unet, *names)))
np.testing.assert_allclose(decode(unet, levels), unet(images), atol=1e-3)

# %% mystnb={"image": {"alt": "A street, its truth, and U-Net's answer: with all skips, the signs only as specks; without that of stride 1 and without 1 and 2 smoother and without the far trees; without any only building, pavement and road, the sky lost"}}
cuts = {"all skips": (), "without 1": (1,), "without 1, 2": (1, 2)}
cuts["without any"] = (1, 2, 4, 8)
answers = {
    title: np.argmax(decode(unet, levels, cut)[0], axis=-1)
    for title, cut in cuts.items()
}
shown = {"scene": fresh.images[0], "truth": fresh.labels[0], **answers}
draw_side_by_side(shown, fresh.colours, detail=(6, 56, 36, 48))
plt.show()

# %% [markdown]
# **What to see.** From below comes *what*, for road, pavement and houses; what comes across knows *where*. But not only that: without any skip even
# the sky becomes house, for this network has learnt to rely on both. (That the signs are missing from the start is another matter: section 6.)
#
# **Sum or concatenation?** They are closer than they look. A convolution of two blocks of channels is the sum of two
# convolutions:
#
# $$W * [a, b] = W_a * a + W_b * b$$
#
# Adding is concatenating with $W_a = W_b$. Concatenation is more general, and costs twice the weights there.

# %%
a, b = levels[1], levels[1] ** 2
W = tf.random.stateless_normal((3, 3, 2 * a.shape[-1], 8), seed=(0, 0))
W_a, W_b = tf.split(W, 2, axis=2)


def convolved(maps, kernel):
    return tf.nn.conv2d(maps, kernel, 1, "SAME")


together = convolved(tf.concat([a, b], axis=-1), W)
np.testing.assert_allclose(
    together, convolved(a, W_a) + convolved(b, W_b), rtol=1e-3, atol=1e-3
)
tied = convolved(tf.concat([a, b], axis=-1), tf.concat([W_a, W_a], axis=2))
np.testing.assert_allclose(tied, convolved(a + b, W_a), rtol=1e-3, atol=1e-3)

# %% [markdown]
# ### Two descendants
#
# **U-Net++** (Zhou et al. 2018) fills the triangle between encoder and decoder: node $x^{i,j}$ (level $i$ from the top, column $j$; column 0 is the encoder) sees *all* nodes before it in its row and, enlarged,
# the one below and before it, $x^{i,j} = \text{conv}^2([x^{i,0}, \ldots, x^{i,j-1}, U_2(x^{i+1,j-1})])$. What is handed across is no longer raw.
#
# **Attention U-Net** (Oktay et al. 2018) puts a **gate** on the connections (its authors on all but the finest, ours on all four). What lies below ($g$, coarse, knows *what*) says which
# pixels of the encoder's maps $x$ count:
#
# $$\alpha = \text{sigmoid}\big(\psi * \max(0,\, W_x * x + W_g * g)\big), \qquad \hat x = \alpha\, x$$
#
# $W_x$ has a stride of 2, so that both meet at the coarser size; $\alpha$ is interpolated back. One number for each pixel:


# %%
def gate(x, g, network, name):
    """The weight of each pixel of x, between 0 and 1."""
    layer = network.get_layer
    mine = conv(x, layer(f"{name}_gate_x"))
    theirs = conv(g, layer(f"{name}_gate_g"))
    met = tf.nn.relu(mine + tf.image.resize(theirs, mine.shape[1:3]))
    weights = tf.sigmoid(conv(met, layer(f"{name}_gate_psi")))
    return tf.image.resize(weights, x.shape[1:3])


gated = networks["attention_unet"]
x, g, alpha = read(
    gated, "encoder1_conv2_relu", "decoder_2_conv2_relu", "decoder_1_gate"
)
np.testing.assert_allclose(gate(x, g, gated, "decoder_1"), alpha, atol=1e-4)

# %% mystnb={"image": {"alt": "A drawn street and four maps of the gates: at stride 8 dark above and bright near the horizon, at stride 4 bright at the right, at stride 2 mostly dark, at stride 1 brightest at lit windows, the sign and edges, with a checkered texture"}}
strides = (8, 4, 2, 1)
gates = read(gated, *(f"decoder_{stride}_gate" for stride in strides))
panels = plt.figure(figsize=(10, 1.9), layout="constrained").subplots(1, 5)
panels[0].imshow(fresh.images[0])
panels[0].set_title("scene")
for ax, stride, weights in zip(panels[1:], strides, gates):
    shown = ax.imshow(weights[0, ..., 0], cmap="magma", vmin=0, vmax=1)
    ax.set_title(f"gate at stride {stride}")
for ax in panels:
    ax.set_axis_off()
plt.colorbar(shown, ax=panels, label="weight")
plt.show()

# %% [markdown]
# **What to see.** At stride 8 the gate is shut for the upper part and brightest near the horizon; at stride 1 it is brightest at lit windows, the sign
# and edges, with a checkered texture. No one has told the gates what to look at; the loss has shaped them, useful or not. Read them with the care of
# lecture 5: a weight near 1 says *is let through*, not *matters*.
#
# ## 4. PSPNet: a pyramid of averages
#
# A patch of grey: road, pavement, house or cloud? What else is in the picture tells. **PSPNet** (Zhao et al. 2017) asks for averages of the whole
# image, of its quarters, of 3 x 3 and 6 x 6 cells, and puts them *beside* every pixel's own maps:
#
# $$z = \big[\, x,\; U(W_1 * A_1 x),\; U(W_2 * A_2 x),\; U(W_3 * A_3 x),\; U(W_6 * A_6 x) \,\big]$$
#
# $A_n$ averages over $n \times n$ cells:


# %%
def grid_average(maps, cells):
    """The average of each of cells x cells parts; they overlap where they must."""
    for axis in (1, 2):
        size, parts = maps.shape[axis], []
        for cell in range(cells):
            rows = range(size * cell // cells, -(-size * (cell + 1) // cells))
            parts.append(
                tf.reduce_mean(tf.gather(maps, rows, axis=axis), axis=axis)
            )
        maps = tf.stack(parts, axis=axis)
    return maps


# %% mystnb={"image": {"alt": "A photograph of a cat, and its averages over 1, 2 x 2, 3 x 3 and 6 x 6 cells as flat coloured squares: one brown, then coarse brown squares, in the last a dark one at an eye and orange ones at the nose"}}
cat = tf.constant(photo("cat")[None], tf.float32) / 255
panels = plt.figure(figsize=(10, 1.7), layout="constrained").subplots(1, 5)
panels[0].imshow(cat[0])
panels[0].set_title("photograph")
for ax, cells in zip(panels[1:], (1, 2, 3, 6)):
    averages = grid_average(cat, cells)[0]
    ax.imshow(averages, extent=(0, cat.shape[2], cat.shape[1], 0))
    ax.set_title(f"{cells} x {cells}")
for ax in panels:
    ax.set_axis_off()
plt.show()

# %% [markdown]
# **What to see.** One cell says *brown*; 36 still show a dark eye and an orange nose, roughly in place, and no cat. The network averages not colours but the maps of its
# encoder. Its whole pyramid by hand:

# %%
psp = networks["pspnet"]
x = read(psp, "encoder4_block2_relu")
z = [x]
for cells in (1, 2, 3, 6):
    average = conv_bn_relu(grid_average(x, cells), psp, f"pyramid{cells}_conv")
    z.append(tf.image.resize(average, x.shape[1:3]))
np.testing.assert_allclose(
    tf.concat(z, axis=-1), read(psp, "pyramid"), atol=1e-3, rtol=1e-3
)
print("maps", x.shape[1:], "with the pyramid", read(psp, "pyramid").shape[1:])

# %% [markdown]
# ## 5. DeepLab: a pyramid of holes
#
# **DeepLab v3** (Chen et al. 2017) wants to see far, too, but not in squares. It stops shrinking early (*output stride* 8 or 16), lets its
# last layers be dilated instead (lecture 6: they see what they would have seen), and then looks at the same maps through 3 x 3
# kernels of several **rates**, side by side: the *atrous spatial pyramid*. (*À trous*: with holes.) The average of the image is there as well:
#
# $$z = \big[\, W_0 * x,\; W_1 *_{r_1} x,\; W_2 *_{r_2} x,\; W_3 *_{r_3} x,\; U(W_4 * A_1 x) \,\big]$$

# %%
deeplab = networks["deeplab_v3"]
x = read(deeplab, "encoder4_block2_relu")
z = [conv_bn_relu(x, deeplab, "pyramid_1x1")]
for rate in family.RATES:
    z.append(conv_bn_relu(x, deeplab, f"pyramid_rate{rate}"))
average = conv_bn_relu(grid_average(x, 1), deeplab, "pyramid_average_conv")
z.append(tf.broadcast_to(average, z[0].shape))
np.testing.assert_allclose(
    tf.concat(z, axis=-1), read(deeplab, "pyramid"), atol=1e-3, rtol=1e-3
)

# %% [markdown]
# **A trap.** The paper's rates at output stride 8 are 12, 24 and 36. For our maps that is too far: a tap that falls
# outside meets only zeros. Which share of the nine taps lies inside, on average over all positions?


# %%
def inside(height, width, rate):
    """The mean share of a 3x3 kernel's taps that lie within the maps."""
    rows, columns = (1 + 2 * max(0, side - rate) / side for side in (height, width))
    return rows * columns / 9


ones, kernel = tf.ones((1, 12, 16, 1)), tf.ones((3, 3, 1, 1)) / 9
for rate in (1, *family.RATES, 12):
    taps = tf.nn.conv2d(ones, kernel, 1, "SAME", dilations=rate)
    np.testing.assert_allclose(
        tf.reduce_mean(taps), inside(12, 16, rate), rtol=1e-5
    )

# %% mystnb={"image": {"alt": "Two falling curves of the share of taps inside the maps over the rate. For maps of 65 x 65 it falls slowly to a ninth at 65; for 12 x 16 it falls to a ninth at 16. The paper's rates 12, 24, 36 are marked on the first curve, 3, 6, 9 on the second, a little lower"}}
ax = plt.figure(figsize=(7, 3), layout="constrained").subplots()
papers = {(65, 65): (12, 24, 36), (12, 16): family.RATES}
for (height, width), rates in papers.items():
    every = np.arange(1, 66)
    curve = [inside(height, width, rate) for rate in every]
    (line,) = ax.plot(every, curve, label=f"maps of {height} x {width}")
    shares = [inside(height, width, rate) for rate in rates]
    ax.plot(rates, shares, "o", color=line.get_color())
ax.set(xlabel="rate", ylabel="share of taps inside", ylim=(0, 1))
ax.legend(frameon=False)
plt.show()

# %% [markdown]
# **What to see.** Where the rate reaches the side of the maps, one tap of nine is left: the 3 x 3 kernel has become a 1 x 1 kernel
# (section 3.3 of the paper). On our maps its rates 24 and 36 would be just that, and 12 nearly so: one and a half taps. So for 128 pixels in place of the
# paper's 513 we take a quarter of its rates: the dots on the lower curve.
#
# **DeepLab v3+** (Chen et al. 2018) adds a light decoder. The pyramid's maps, enlarged, meet the encoder's maps at stride 4 (brought
# to few channels, so that they do not shout the others down), two convolutions, done: *one* skip by concatenation. And its pyramid is separable
# (lecture 6b), which pays for it.
#
# ## 6. The bill
#
# The papers' networks at full width. `size=None` builds them for any image size. Weights here are what is learnt (no
# running averages, no fixed interpolation):

# %%
from fcn.segmenter import build

paper = {
    "fcn8s": (21, "134 M"),
    "segnet": (11, "29.5 M"),
    "segnet_basic": (11, "1.43 M"),
    "unet": (2, "31.0 M"),
    "unet_plus_plus": (1, "9.04 M"),
}
for name, (classes, said) in paper.items():
    plain = {"batch_norm": False} if name.startswith("unet") else {}
    full = build(name, classes, **plain)
    print(f"{name:15} {family.learnt_weights(full) / 1e6:7.2f} M, the paper {said}")

# %% [markdown]
# (The paper of U-Net names no number; 31.0 is what its figure 1 adds up to. SegNet-Basic: ours has .6 % less than the paper says. PSPNet and DeepLab
# are left out because theirs stand on a ResNet-101, ours on a ResNet-18.) Three quarters of FCN's weights are in *one* layer,
# fc6: 7 x 7 x 512 x 4096. None of the others here has it.
#
# Now the small ones, on all fresh scenes. For each network: one confusion matrix *for every scene*.

# %%
counted, answers = {}, {}
for name, network in networks.items():
    counted[name], answers[name] = family.matrices(network, fresh)
scores = {name: mean_iou(one.sum(axis=0)) for name, one in counted.items()}
f1 = {name: boundary_f1(fresh.labels, one) for name, one in answers.items()}
for name in networks:
    stored = fcn.load(f"scenes_{name}").card["measured_on_fresh_scenes"]
    assert abs(stored["mean_iou"] - scores[name]) < 5e-3, name

# %% [markdown]
# That is what their cards say, too. A mean over 120 scenes is not the truth: other scenes, another number. How far would it move? With photographs
# we cannot get new ones for every question. So pretend: draw 120 of these 120 scenes *with replacement*, measure again,
# a thousand times. The middle 95 % of the results is the **bootstrap interval**.

# %%
from fcn.arithmetic import costs

intervals = {name: family.interval(one) for name, one in counted.items()}
adds = {
    name: costs(network, size=family.SIZE).multiply_adds / 1e6
    for name, network in networks.items()
}
print("                 multiply-adds   mean IoU (95 %)      boundary F1")
for name in sorted(scores, key=scores.get, reverse=True):
    low, high = intervals[name]
    line = f"{name:16} {adds[name]:10.0f} M   {scores[name]:.2f} ({low:.2f} to {high:.2f})"
    print(f"{line}   {f1[name]:10.2f}")

# %% [markdown]
# And the time of one forward pass, here and now (median of nine; another machine, another table, and a millisecond
# or two is noise: FCN-8s is not faster than FCN-32s):

# %% tags=["nbval-ignore-output"]
for name, network in networks.items():
    forward = tf.function(network)
    forward(images)
    times = []
    for _ in range(9):
        start = time.perf_counter()
        forward(images)
        times.append(time.perf_counter() - start)
    print(f"{name:16} {1000 * np.median(times):6.1f} ms")

# %% mystnb={"image": {"alt": "Ten named points with vertical bars: multiply-adds on a logarithmic axis, mean IoU upwards. FCN-8s and DeepLab v3+ are at the top left, U-Net in the middle, SegNet lower, FCN-32s far below; U-Net++ is high up, but far to the right"}}
draw_tradeoff(adds, scores, intervals)
plt.show()

# %% [markdown]
# **What to see.** Upwards is what a layout brings, to the right what it costs; the bars are the bootstrap intervals. All ten have
# as many weights. Straight above FCN-32s stand 16s and 8s: two skips of eight scores for each cell cost next to nothing, and bring more than
# anything else here. U-Net++ pays for its triangle with about twice U-Net's multiply-adds, and gets something for it.
#
# And the edges? The same, over the boundary F1:

# %% mystnb={"image": {"alt": "The ten points again, boundary F1 to the right, mean IoU upwards. From FCN-32s at the bottom left they rise to the right; U-Net and its descendants are furthest to the right but lower than FCN-8s, PSPNet and DeepLab v3+"}}
draw_tradeoff(f1, scores, intervals, cost="boundary F1", logarithmic=False)
plt.show()

# %% [markdown]
# **What to see.** Two scores, two orders. Whoever hands whole maps across (U-Net and its kin) draws the best *edges*. DeepLab v3+ takes something
# of both: a pyramid, and one skip. Why is U-Net's mean IoU lower? Look at the single classes:

# %% tags=["nbval-ignore-output"]
areas = {}
print("IoU             ", *(f"{name:>10}" for name in fresh.class_names))
for name in sorted(scores, key=scores.get, reverse=True):
    matrix = counted[name].sum(axis=0)
    hits = np.diag(matrix)
    iou = hits / (matrix.sum(axis=0) + matrix.sum(axis=1) - hits)
    areas[name] = iou[:4].mean()
    print(f"{name:16}", *(f"{value:10.2f}" for value in iou))
    assert name != "unet" or iou[fresh.class_names.index("sign")] < 0.01
assert max(areas, key=areas.get) == "unet"

# %% [markdown]
# U-Net is the best of all on the large areas together, and has learnt nothing of *sign* in sixteen passes. One class of eight costs an eighth
# of the mean. Attention U-Net has the same mean IoU, with the best signs of all and the worst pavement. A single number would have hidden all this.

# %% mystnb={"image": {"alt": "The scene, its truth, and the answers of ten networks, with a detail of two round signs below each: yellow patches that are too large for FCN-16s and 8s, PSPNet, DeepLab and Attention U-Net, only house for FCN-32s, green for SegNet, specks for U-Net, the middle of the sign for U-Net++"}}
draw_side_by_side(classes_of(networks, 0), fresh.colours, detail=(6, 56, 36, 48))
plt.show()

# %% [markdown]
# **What to see.** Follow the two signs. FCN-16s and 8s, PSPNet, both DeepLabs and Attention U-Net have seen that something is a *sign*, and paint a
# yellow patch over it, too large. FCN-32s sees only house, SegNet a tree. U-Net draws bits of posts and takes them for people and trees. U-Net++ finds
# the middle of the sign.
#
# ### Which differences are real?
#
# Two intervals that overlap do not say that two networks are equal: a scene that is hard for one is hard for the other. So compare
# them *on the same draws*: the interval of the **difference**.

# %%
pairs = [("fcn16s", "fcn32s"), ("fcn8s", "fcn16s"), ("unet", "fcn8s")]
pairs += [
    ("unet", "segnet"),
    ("attention_unet", "unet"),
    ("unet_plus_plus", "unet"),
]
pairs += [("deeplab_v3_plus", "deeplab_v3"), ("deeplab_v3", "pspnet")]
for one, other in pairs:
    low, high = family.interval(counted[one], counted[other])
    verdict = "" if low > 0 or high < 0 else "  (0 is within)"
    print(f"{one:15} less {other:11} {low:+.2f} to {high:+.2f}{verdict}")

# %% [markdown]
# **What this cannot say.** One training of each. Another seed of the weights may move a network by a point or
# two (exercise 2), and the bootstrap does not see that. The scenes are drawn and small. Networks
# this narrow, without what ImageNet teaches, on 480 scenes, are not the networks of the papers: with four channels on its largest maps U-Net
# has little room, sixteen passes favour what learns quickly, and another seed might decide which rare class is learnt at all. What you may take from the table is the *mechanism*: which idea
# buys edges, which buys context, and what each costs.
#
# ## 7. From where does an answer come?
#
# The receptive field of lecture 6 says which pixels *can* matter. Luo et al. (2016) ask which *do*: the gradient of one output with respect to
# each pixel, averaged over pictures: the **effective receptive field**.
#
# $$R_p = \frac1N \sum_n \Big\| \frac{\partial\, y_{\text{middle}, c}(x_n)}{\partial x_{n,p}} \Big\|_1 \qquad c = \text{the class that it chose}$$


# %%
@tf.function(autograph=False)
def gradient(network, images):
    """Of the winning class in the middle pixel, by all pixels of the images."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(images)
        middle = network(images)[:, images.shape[1] // 2, images.shape[2] // 2]
        chosen = tf.reduce_sum(tf.reduce_max(middle, axis=-1))
    return tape.gradient(chosen, images)


several = tf.constant(fresh.images[:12], tf.float32)
fields = {}
for name, network in networks.items():
    compiled = gradient.get_concrete_function(network, several)
    fields[name] = np.abs(compiled(several)).sum(axis=-1).mean(axis=0)

# %% mystnb={"image": {"alt": "Ten maps of how strongly each pixel speaks for the middle one: small bright spots on a darker ground for U-Net and U-Net++, a wider one for Attention U-Net; a wide bright disk for FCN-8s and 16s; a bright middle on a bright ground for PSPNet and DeepLab; bright all over for FCN-32s and SegNet"}}
draw_fields(fields)
plt.show()

# %% [markdown]
# **What to see.** (Brightness is logarithmic, and each panel is divided by its own largest value: compare shapes, not brightness.) The cross is the
# pixel that is asked about. U-Net and its descendants have a small sharp peak, FCN-8s and 16s a broad disk and little beyond it. PSPNet and DeepLab
# have a peak too, and beyond it listen to the *whole* picture: the average of the image. FCN-32s has no peak; one cell speaks for 32 x 32 pixels.
# SegNet has none either, but here the picture misleads: no gradient flows through *indices*, so it shows only what came through the bottom. The
# answer depends on the indices too (lecture 8).
#
# Do not read a ranking into it: FCN-32s and SegNet listen to everything and are last, FCN-8s listens to its neighbourhood and is among the first.
#
# How many pixels can the lowest level of U-Net see at most? The rule of lecture 6 says $5 \to 14 \to 32 \to 68 \to 140$ from level to level.
# `cnnviz.receptive_field` measures it:

# %%
from cnnviz.receptive_field import receptive_field

measured = receptive_field(unet, "encoder5_conv2_relu", size=192, trials=2)
print(measured.size, measured.stride)
assert measured.stride == (16, 16)

# %% [markdown]
# ## 8. Try it
#
# Any network, any fresh scene:


# %% mystnb={"image": {"alt": "A drawn street, its true classes, and the answer of deeplab_v3_plus, with an enlarged detail below each"}}
def compare(name, number):
    """A scene, its truth, and what a network says."""
    draw_side_by_side(
        classes_of([name], number), fresh.colours, detail=(48, 40, 36, 48)
    )
    plt.show()


compare("deeplab_v3_plus", 3)

# %% [markdown]
# **What to see.** Another scene, the same question: are the thin things there, and are the edges where they should be?

# %% tags=["widget", "nbval-ignore-output"]
import os

import ipywidgets

if "LECTURE_STILL" not in os.environ:  # while it is built or tested, nobody slides
    ipywidgets.interact(compare, name=list(networks), number=(0, family.FRESH - 1))

# %% [markdown]
# ## Self-test
#
# Answer first, then unfold.
#
# <details><summary>1. FCN-8s adds the scores of pool3. U-Net hands over maps. What can U-Net's decoder do that FCN-8s cannot?</summary>
#
# In FCN each level has already been turned into a vote, one number for each class, and votes can only be added. U-Net's convolutions see both at once, and can say "an edge here, <i>if</i> below it is a car". (Adding is the special case of concatenating in which both parts share their weights.)
# </details>
#
# <details><summary>2. Why does the new skip of the surgery start with zero weights, and not at random?</summary>
#
# With zeros the network says at first what it said before: nothing that has been learnt is spoilt. The gradient of these weights is not zero (it is the error times pool4), so they learn from the first step on.
# </details>
#
# <details><summary>3. Could all weights of a network start at zero, then?</summary>
#
# No. Behind a layer of zeros nothing gets a gradient if the layer after it is zero too, and all channels that start equal stay equal. It works here because score_pool4 is a single linear layer, beside a path that works.
# </details>
#
# <details><summary>4. Does the architecture of PSPNet change when the image size changes? Its weights?</summary>
#
# Neither. The cells of the grid grow with the image. But what they <i>mean</i> changes: a sixth of a large picture is another thing than a sixth of a small one, so a network that was trained at one size is less good at another.
# </details>
#
# <details><summary>5. You run DeepLab v3 with the rates 12, 24, 36 on thumbnails of 128 pixels, output stride 8. What is left of the pyramid?</summary>
#
# The maps are 16 cells wide. At 24 and 36 only the middle tap lies inside: two of three dilated kernels are expensive 1x1 kernels, and eight of their nine taps never learn.
# </details>
#
# <details><summary>6. Two networks have mean IoU .52 (.50 to .54) and .54 (.52 to .56) on the same scenes. Is the second one better?</summary>
#
# The two intervals cannot tell. Take the interval of the difference on the same draws. If it leaves 0 out, the second is better <i>as trained</i> on such scenes. Whether the architecture is better, only several trainings of each can say.
# </details>
#
# <details><summary>7. Why may a network with half the multiply-adds take longer?</summary>
#
# Time also goes into memory: large maps with few channels, depthwise kernels, concatenations, many small layers. Multiply-adds count none of it.
# </details>
#
# ## Exercises
#
# 1. *Open* the gates of `attention_unet`: set all of them to 1. Does it need them? Then set them to 0.
# 2. `python -m fcn.family --networks unet --seed 1` trains U-Net once more (another `--out`!). How large is the difference between
#    two seeds, compared with the differences in the table?
# 3. Write U-Net++ by hand, as `decode` was written, and assert that it is the trained network. It takes two loops.
# 4. Replace the unpooling of SegNet by `UpSampling2D` (lecture 8), train it with the recipe of `fcn.family`, and put it into the table.
# 5. Give U-Net a trained encoder: `import cnnviz`, then `build("unet", 8, encoder=cnnviz.load().model, width=0.2)`. Train the
#    decoder, then all (`fcn.training.decoder_then_all`). What do 480 scenes bring now? (How many weights has it?)
# 6. Run all networks on scenes twice as large (`scenes(20, 1, (192, 256))`). Which one loses most, and why?
# 7. Derive `inside` for a kernel of 5 x 5.
#
# ## References
#
# - Larson, *CS8321 Machine Learning and Neural Networks*, Southern Methodist University: the slides.
# - Long, Shelhamer and Darrell, *Fully convolutional networks for semantic segmentation*, CVPR 2015.
# - Ronneberger, Fischer and Brox, *U-Net: convolutional networks for biomedical image segmentation*, MICCAI 2015.
# - Badrinarayanan, Kendall and Cipolla, *SegNet: a deep convolutional encoder-decoder architecture for image
#   segmentation*, IEEE Transactions on Pattern Analysis and Machine Intelligence, 2017.
# - Zhao, Shi, Qi, Wang and Jia, *Pyramid scene parsing network*, CVPR 2017.
# - Chen, Papandreou, Schroff and Adam, *Rethinking atrous convolution for semantic image segmentation*, arXiv 1706.05587, 2017.
# - Chen, Zhu, Papandreou, Schroff and Adam, *Encoder-decoder with atrous separable convolution for semantic image
#   segmentation*, ECCV 2018.
# - Zhou, Siddiquee, Tajbakhsh and Liang, *UNet++: a nested U-Net architecture for medical image segmentation*, 2018.
# - Oktay et al., *Attention U-Net: learning where to look for the pancreas*, MIDL 2018.
# - Luo, Li, Urtasun and Zemel, *Understanding the effective receptive field in deep convolutional neural networks*, NIPS 2016.
# - Csurka, Larlus and Perronnin, *What is a good evaluation measure for semantic segmentation?*, BMVC 2013.
# - Efron and Tibshirani, *An introduction to the bootstrap*, 1993.
