# %% [markdown]
# # Lecture 6b. The convolution zoo: which pixels, which channels, whose weights
#
# **After this lecture you can**
#
# - tell the relatives of the convolution apart by two questions: which inputs does an output see, and which weights
#   are shared?
# - build each in a few lines: dilated, 1x1, spatially separable, depthwise, depthwise separable, grouped (with
#   shuffle), deformable, involution;
# - say when two are the same, and check it;
# - choose one by what it costs.
#
# **Time** 40 minutes. **You need** lecture 6 (convolution arithmetic).
#
# This lecture follows the course notes of SMU's CS8321 on kinds of convolution. It runs in under a minute on a
# laptop, and needs no data and no weights from elsewhere. (On Colab, the first cell installs the packages.)

# %%
# On Colab, or wherever the packages are missing, this installs them.
from importlib.util import find_spec

from IPython import get_ipython

if find_spec("cnnviz") is None:
    home = "git+https://github.com/convnet-lectures/convnet-lectures"
    get_ipython().run_line_magic("pip", f"install -q 'convnet-lectures @ {home}'")

# %% tags=["nbval-ignore-output"]
import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

from data import photo
from fcn import convolutions, matrix
from fcn.plots.zoo import draw_offsets, draw_zoo

# Here TensorFlow says, once, whether it has found a GPU. None is needed.
devices = tf.config.list_logical_devices()


# %% [markdown]
# A helper that we shall need often: pictures in a row.


# %%
def show(pictures, width=10, height=3.0, **options):
    """Each under its name; floats of a photograph are shown from 0 to 1."""
    row = plt.figure(figsize=(width, height), layout="constrained")
    panels = row.subplots(1, len(pictures), squeeze=False)[0]
    for ax, (name, picture) in zip(panels, pictures.items()):
        picture = np.asarray(picture)
        ax.imshow(picture if options else np.clip(picture, 0, 1), **options)
        ax.set_title(name, fontsize=11)
        ax.set_axis_off()
    plt.show()


# %% [markdown]
# ## 1. The family portrait
#
# An ordinary convolution computes output $o$ at pixel $(i, j)$ from *all channels* $c$ in a *window*:
#
# $$Y_{i,j,o} = \sum_{u,v} \sum_c X_{i+u,\,j+v,\,c}\; K_{u,v,c,o}$$
#
# Every relative changes one thing in this formula: which pixels, which channels, or which indices $K$ has.

# %% mystnb={"image": {"alt": "Nine drawings of sheets of pixels, one sheet for each of four channels, with the seen pixels coloured: ordinary, pointwise, dilated, depthwise, depthwise separable, spatially separable, grouped, deformable, involution; equal colours are equal weights"}}
draw_zoo()
plt.show()

# %% [markdown]
# **What to see.** Four sheets are four channels. Coloured cells are what the dark output sees; *equal colours are
# equal weights*. Look at the first and the last: the ordinary convolution has the same colours at both places, and
# another hue for each channel. In the involution it is the other way round: other colours at the two places, the same
# within a group of channels. In *grouped*, the sheets between are then dealt out anew: that is the shuffle of section 6.
#
# A photograph, and a helper for pairs of answers that must be equal:

# %%
rng = np.random.default_rng(6)
cat = (photo("cat")[20:260:2, 60:420:2] / 255).astype(np.float32)[None]
features = rng.normal(size=(1, 12, 14, 8)).astype(np.float32)  # eight channels


def equal(one, other):
    """Are they the same, up to rounding?"""
    np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)
    return "equal"


# %% [markdown]
# ## 2. Dilated: the same weights, further apart
#
# $$Y_{i,j,o} = \sum_{u,v} \sum_c X_{i+du,\,j+dv,\,c}\; K_{u,v,c,o}$$
#
# With $d - 1$ zeros between its weights, an ordinary kernel does the same. (French: *à trous*, with holes.) By hand:

# %%
kernel = rng.normal(size=(3, 3, 8, 4)).astype(np.float32)
holes = np.zeros((7, 7, 8, 4), np.float32)
holes[::3, ::3] = kernel
by_hand = keras.ops.conv(features, holes, padding="same")

np.testing.assert_array_equal(holes, convolutions.stuff_kernel(kernel, 3))
print(equal(by_hand, convolutions.dilated(features, kernel, 3)))
print(
    equal(
        by_hand, keras.ops.conv(features, kernel, padding="same", dilation_rate=3)
    )
)

# %% [markdown]
# Libraries skip the zeros: it *costs* what the 3x3 kernel costs, and sees as far as the 7x7. Lecture 6 stacked them,
# and showed the holes that a careless stack leaves.

# %% [markdown]
# ## 3. 1x1: a dense layer at every pixel
#
# No window at all. Every pixel is a vector of channels, and a matrix mixes them (Lin et al. 2014):
#
# $$Y_{i,j,o} = \sum_c X_{i,j,c}\; M_{c,o}$$

# %%
mix = rng.normal(size=(8, 4)).astype(np.float32)
pixels = features.reshape(-1, 8)  # one row for each pixel
by_hand = (pixels @ mix).reshape(1, 12, 14, 4)
print(equal(by_hand, convolutions.pointwise(features, mix)))
print(equal(by_hand, keras.ops.conv(features, mix[None, None])))

# %% [markdown]
# In a network it makes many channels few (the bottleneck of lecture 6) or few many. On a photograph the channels are
# red, green and blue, and a 1x1 convolution is a *colour filter*. Lightness, red against green, yellow against blue:
# roughly the three contrasts that our eyes send to the brain.

# %% mystnb={"image": {"alt": "A cup of coffee four times: in colour; its lightness in grey; red against green, where saucer, coffee and table are red and the cup is nearly white; yellow against blue, where the coffee is the strongest red and the cup is pale"}}
coffee = (photo("coffee")[::2, ::2] / 255).astype(np.float32)
contrasts = np.array([[1 / 3, 1 / 3, 1 / 3], [1, -1, 0], [0.5, 0.5, -1]]).T
maps = convolutions.pointwise(coffee[None], contrasts.astype(np.float32))[0].numpy()

panels = plt.figure(figsize=(10, 2.1), layout="constrained").subplots(1, 4)
panels[0].imshow(coffee)
panels[1].imshow(maps[..., 0], cmap="gray", vmin=0, vmax=1)
for ax, contrast in zip(panels[2:], (maps[..., 1], maps[..., 2])):
    ax.imshow(contrast, cmap="RdBu_r", vmin=-0.6, vmax=0.6)
for ax, name in zip(
    panels, ("photograph", "lightness", "red - green", "yellow - blue")
):
    ax.set_title(name, fontsize=11)
    ax.set_axis_off()
plt.show()

# %% [markdown]
# **What to see.** No filter has looked at a neighbour, and yet *red - green* singles out the saucer, and *yellow -
# blue* the coffee. (Red stands for numbers above zero.) The white cup is nearly zero in both: it has no colour.

# %% [markdown]
# ## 4. Spatially separable: a column, then a row
#
# If a kernel is a product, $K_{u,v} = a_u b_v$, the double sum is two single sums after one another:
#
# $$\sum_{u,v} X_{i+u,\,j+v}\, a_u b_v = \sum_v \Big( \sum_u X_{i+u,\,j+v}\, a_u \Big) b_v .$$
#
# $2k$ multiplications for each pixel instead of $k^2$. The Gaussian is such a product, and Sobel's kernel is one, too.

# %%
steps = np.arange(-12, 13)
a = np.exp(-(steps**2) / (2 * 4.0**2)).astype(np.float32)
a /= a.sum()
square = np.outer(a, a)

each_channel = np.repeat(square[..., None, None], 3, axis=2)
at_once = keras.ops.depthwise_conv(cat, each_channel, padding="same")
column_then_row = convolutions.spatially_separable(cat, a, a)
print(
    equal(at_once, column_then_row),
    f"with {2 * a.size} numbers instead of {square.size}",
)

# %% mystnb={"image": {"alt": "The cat three times: sharp; blurred upwards and downwards only, the fur smeared into upright stripes and the whiskers gone; blurred in both directions, soft"}}
half_way = convolutions.spatially_separable(cat, a, np.ones(1, np.float32))
show(
    {
        "photograph": cat[0],
        "after the column": half_way[0],
        "after the row": column_then_row[0],
    },
    height=2.5,
)

# %% [markdown]
# **What to see.** Half-way, everything is smeared upright. The row completes the round blur.
#
# Which kernels are products? A matrix is a sum of products of columns and rows, the largest first: its *singular
# value decomposition*. A kernel is separable if one of them is enough. `separate` finds it, and says what it misses
# (the root of the sum of squares of what is missing, divided by that of the kernel):

# %%
rows, columns = np.mgrid[-7:8, -7:8]
kernels = {
    "Gaussian": square,
    "Sobel": np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]),
    "disc": (rows**2 + columns**2 <= 50).astype(float),
    "ring": (abs(rows**2 + columns**2 - 36) <= 13).astype(float),
}
for name, kernel in kernels.items():
    left, sizes, right = np.linalg.svd(kernel)
    best = sizes[0] * np.outer(left[:, 0], right[0])
    found = convolutions.separate(kernel)
    np.testing.assert_allclose(
        np.outer(found.vertical, found.horizontal), best, atol=1e-9
    )
    print(f"{name:9} misses {found.error:.2f} of itself")

# %% [markdown]
# Learnt kernels are seldom products. Networks of 1x7 and 7x1 layers (Inception v3) need not do without the others: with
# $M$ channels between the two layers, a kernel is a *sum* of $M$ products, and seven are enough for any single 7x7 one.

# %% [markdown]
# ## 5. Depthwise, and depthwise separable
#
# Leave out the sum over the channels, and every channel is filtered alone. That is **depthwise**. Its outputs never
# hear of each other, so a 1x1 convolution follows. The two together are **depthwise separable** (Chollet 2017, Howard
# et al. 2017):
#
# $$Y_{i,j,o} = \sum_c \Big( \sum_{u,v} X_{i+u,\,j+v,\,c}\; D_{u,v,c} \Big) P_{c,o} \qquad\text{so}\qquad K_{u,v,c,o} = D_{u,v,c}\, P_{c,o} .$$
#
# It *is* an ordinary convolution, but one whose kernel is a product: space and channels are apart.

# %%
D = rng.normal(size=(3, 3, 8)).astype(np.float32)
P = rng.normal(size=(8, 16)).astype(np.float32)

alone = [
    keras.ops.conv(features[..., c : c + 1], D[:, :, c, None, None], padding="same")
    for c in range(8)
]
depthwise = np.concatenate(alone, axis=-1)
print(equal(depthwise, convolutions.depthwise(features, D[..., None])))

by_hand = depthwise @ P
product = D[..., None] * P  # (3, 3, 8, 1) times (8, 16): the kernel K
print(equal(by_hand, keras.ops.conv(features, product, padding="same")))
print(equal(by_hand, convolutions.depthwise_separable(features, D[..., None], P)))

# %% [markdown]
# What does it save? With $k \times k$ kernels, $C$ channels in and $F$ out, for each pixel
#
# $$\frac{k^2 C + C F}{k^2 C F} = \frac{1}{F} + \frac{1}{k^2} ,$$
#
# so with 3x3 and many channels about a ninth. MobileNet is built of it.

# %%
for channels in (16, 64, 256, 1024):
    task = (28, 28, 3, channels, channels)
    ordinary = convolutions.convolution_costs("ordinary", *task).multiply_adds
    separable = convolutions.convolution_costs("depthwise separable", *task)
    share = separable.multiply_adds / ordinary
    assert np.isclose(share, 1 / channels + 1 / 9)
    print(f"{channels:4} channels: {share:.2f} of the work")

# %% [markdown]
# ## 6. Grouped, and why one shuffles
#
# Between one group (ordinary) and as many as channels (depthwise) lies **grouped** convolution: split the channels,
# convolve each group by itself, put the results side by side. $G$ groups cost a $G$-th.

# %%
kernel = rng.normal(size=(3, 3, 4, 8)).astype(
    np.float32
)  # 8 channels in 2 groups of 4
halves = [
    keras.ops.conv(features[..., :4], kernel[..., :4], padding="same"),
    keras.ops.conv(features[..., 4:], kernel[..., 4:], padding="same"),
]
by_hand = np.concatenate(halves, axis=-1)
print(equal(by_hand, convolutions.grouped(features, kernel, 2)))

layer = keras.layers.Conv2D(8, 3, padding="same", groups=2, use_bias=False)
layer.build(features.shape)
layer.set_weights([kernel])
print(equal(by_hand, layer(features)))

# %% [markdown]
# But stack grouped layers, and the groups never meet: it is $G$ thin networks side by side. **Shuffling** the
# channels between two layers lets them (Zhang et al. 2018): write the channels into a table with a row for each
# group, and read it by columns.

# %%
deck = np.arange(16)
by_hand = deck.reshape(4, 4).T.ravel()
np.testing.assert_array_equal(by_hand, convolutions.channel_shuffle(deck, 4))
print("dealt out again:", by_hand.tolist())

# Which inputs can change which outputs? A 1x1 kernel of ones, one pixel lit at a time.
lit = np.eye(16, dtype=np.float32).reshape(16, 1, 1, 16)
ones = np.ones((1, 1, 4, 16), np.float32)


def reach(images):
    """A grouped layer."""
    return convolutions.grouped(images, ones, 4)


# %% mystnb={"image": {"alt": "Three tables of 16 by 16 channels, dark where an input channel reaches an output channel: four blocks on the diagonal after one grouped layer; the same four blocks after two; all cells after two with a shuffle between"}}
tables = {
    "one layer, 4 groups": reach(lit),
    "two layers": reach(reach(lit)),
    "two, with a shuffle": reach(convolutions.channel_shuffle(reach(lit), 4)),
}
reached = {name: np.asarray(table)[:, 0, 0] > 0 for name, table in tables.items()}
show(reached, width=8, cmap="Greys", vmin=-0.15, vmax=1.2)

# %% [markdown]
# **What to see.** Rows are channels in, columns channels out. Two grouped layers reach no further than one: four
# blocks. With a shuffle between, every channel reaches every other, and the shuffle itself has multiplied nothing.

# %% [markdown]
# ## 7. Deformable: the window moves where it is wanted
#
# A window is a rigid grid $p_n$ of points. Dai et al. (2017) let each point move by an offset of its own, another at
# every pixel $p$:
#
# $$Y_{p,o} = \sum_n \sum_c X_{p + p_n + \Delta_n(p),\,c}\; K_{n,c,o}$$
#
# An offset need not be whole, so $X$ between the pixels is interpolated linearly in both directions (*bilinear*), and
# therefore has a gradient: the offsets can be **learnt**. (A small convolution computes them from the picture.) With
# offsets of zero, it is the ordinary convolution; with whole ones, a look elsewhere:

# %%
kernel = rng.normal(size=(3, 3, 8, 4)).astype(np.float32)
still = np.zeros((1, 12, 14, 9, 2), np.float32)
ordinary = keras.ops.conv(features, kernel, padding="same")
print(equal(convolutions.deformable(features, kernel, still), ordinary))

grid = np.array([(u, v) for u in (-1, 0, 1) for v in (-1, 0, 1)], np.float32)
apart = convolutions.deformable(features, kernel, still + grid)  # all further out
print(equal(apart, convolutions.dilated(features, kernel, 2)))

# %% [markdown]
# And between four pixels, a quarter of the way down and half of the way to the right, each counts the more the nearer
# it is:

# %%
four = features[0, 4:6, 6:8]
by_hand = 0.75 * four[0].mean(axis=0) + 0.25 * four[1].mean(axis=0)
unchanged = np.eye(8, dtype=np.float32)[
    None, None
]  # a 1x1 kernel: take what you see
move = np.zeros((1, 12, 14, 1, 2), np.float32) + np.float32([0.25, 0.5])
print(equal(by_hand, convolutions.deformable(features, unchanged, move)[0, 4, 6]))

# %% [markdown]
# Dilation is one deformation among many. What else are offsets good for? Here is one we can write down ourselves,
# without learning. At every pixel, stretch the window *along* the local edge and squeeze it *across*. The direction
# of the edge comes from the **structure tensor**, the products of the gradients, averaged over a neighbourhood:

# %%
light = cat[0].mean(axis=-1)
grey = light[None, ..., None]
sobel = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], np.float32)
dx, dy = (convolutions.ordinary(grey, s[..., None, None]) for s in (sobel, sobel.T))
soft = np.exp(-(np.arange(-4, 5) ** 2) / 8).astype(np.float32)
xx, xy, yy = (
    np.asarray(convolutions.spatially_separable(product, soft, soft))[0, ..., 0]
    for product in (dx * dx, dx * dy, dy * dy)
)
# %% [markdown]
# The tensor is the matrix $\begin{pmatrix} xx & xy \\ xy & yy \end{pmatrix}$. Its main direction, that of the steepest
# change, has the angle $\frac12 \operatorname{arctan2}(2\,xy,\; xx - yy)$ and points across the edge; at a right angle to
# it lies the edge itself. Along it we stretch the window threefold, across we shrink it to 0.4.

# %%
angle = 0.5 * np.arctan2(2 * xy, xx - yy)
step_across = np.stack([np.sin(angle), np.cos(angle)], axis=-1)  # down, right
step_along = np.stack([np.cos(angle), -np.sin(angle)], axis=-1)
u, v = grid[:, 0, None], grid[:, 1, None]
turned = 3 * u * step_along[:, :, None] + 0.4 * v * step_across[:, :, None]
offsets = (turned - grid)[None].astype(np.float32)

# %% mystnb={"image": {"alt": "A cat's eye, close up, with the nine sampling points of a deformable convolution at seven places: each window is stretched into a narrow strip that follows the rim of the eye, a fold or a stripe of the fur; rings show the regular grid"}}
places = [(27, 34), (33, 48), (46, 39), (63, 55), (58, 72), (35, 70), (25, 88)]
ax = plt.figure(figsize=(8, 5.6), layout="constrained").subplots()
draw_offsets(offsets[0], cat[0], at=places, ax=ax)
ax.set(xlim=(22, 97), ylim=(68, 18))  # around one eye
plt.show()

# %% [markdown]
# **What to see.** Rings are where an ordinary 3x3 window would look, dots where this one does. Each window has become
# a strip, and has turned: around the eye they follow its rim. Now take nothing but the *mean* of the nine points,
# once with a rigid window, dilated by 2, and once with the one that moves, three times over:

# %% mystnb={"image": {"alt": "The cat's eye three times: the photograph; blurred by the rigid mean, with a fine weave in it; and by the deformable mean, where it looks painted, with strokes that follow the fur, and a clear rim and pupil"}}
mean = np.zeros((3, 3, 3, 3), np.float32)
mean[..., range(3), range(3)] = 1 / 9
rigid, moved = cat, cat
wider = np.broadcast_to(grid, offsets.shape)  # a dilation of 2
for _ in range(3):
    rigid = convolutions.deformable(rigid, mean, wider)
    moved = convolutions.deformable(moved, mean, offsets)
eye = (slice(8, 88), slice(15, 125))
by_window = {"photograph": cat, "rigid window": rigid, "deformable": moved}
show({name: np.asarray(one)[0][eye] for name, one in by_window.items()}, height=2.7)

# %% [markdown]
# **What to see.** The rigid mean blurs the cat. The one that moves *paints* it: it averages along the fur and hardly
# ever across an edge. Same nine weights, all 1/9; only the points have moved. A network learns such offsets for its
# own ends, such as windows that stay on one object. (The weave in the middle picture is the gridding of lecture 6.)

# %% [markdown]
# ## 8. Involution: the convolution inside out
#
# A convolution has one kernel for all pixels and another for every channel. Li et al. (2021) turn that round: a
# kernel $H$ for **every pixel**, shared by all **channels** (of a group):
#
# $$Y_{i,j,c} = \sum_{u,v} X_{i+u,\,j+v,\,c}\; H_{i,j,u,v}$$
#
# Where do so many kernels come from? From the pixels themselves. In a network, a small dense layer makes them. Here
# is an old one that needs no learning: weigh every neighbour by how near it is, and by *how much it resembles the
# pixel in the middle*.
#
# $$H_{i,j,u,v} \propto \exp\left(-\frac{u^2 + v^2}{2 s^2}\right) \exp\left(-\frac{\lVert X_{i+u,j+v} - X_{i,j} \rVert^2}{2 t^2}\right)$$
#
# That is the **bilateral filter** (Tomasi and Manduchi 1998).

# %%
R, s, t = 4, 3.0, 0.25
side, (height, width) = 2 * R + 1, cat.shape[1:3]
each = (height, width, side, side)
windows = matrix.im2col(cat, side, padding=R).reshape(*each, 3)  # lecture 6
inside = matrix.im2col(np.ones_like(cat[..., :1]), side, padding=R).reshape(each)

u, v = np.mgrid[-R : R + 1, -R : R + 1]
unlike = ((windows - cat[0][:, :, None, None]) ** 2).sum(axis=-1)
H = np.exp(-(u**2 + v**2) / (2 * s**2) - unlike / (2 * t**2)) * inside
H /= H.sum(axis=(2, 3), keepdims=True)
by_hand = np.einsum("ijuvc,ijuv->ijc", windows, H)

kernels = H[None, ..., None].astype(np.float32)
bilateral = convolutions.involution(cat, kernels)
print(equal(by_hand, bilateral[0]), f"with {kernels.size:,} weights, none stored")

# %% [markdown]
# Beside it a Gaussian of the same width, which has one kernel for all:

# %% mystnb={"image": {"alt": "The cat's eye three times: the photograph; blurred by a Gaussian, soft everywhere; and by the bilateral filter, where the fur is smooth and the eye keeps its edges and the light in its pupil"}}
near = np.exp(-(np.arange(-R, R + 1) ** 2) / (2 * s**2)).astype(np.float32)
near /= near.sum()
blurred = convolutions.spatially_separable(cat, near, near)
by_kernel = {
    "photograph": cat,
    "convolution: Gaussian": blurred,
    "involution: bilateral": bilateral,
}
show({name: np.asarray(one)[0][eye] for name, one in by_kernel.items()}, height=2.7)

# %% [markdown]
# And the kernels themselves, at four pixels:

# %% mystnb={"image": {"alt": "Four kernels of nine by nine weights: that of the background is a round blob; that of the eye's rim an upright strip; that of the lid is cut off below; that of the nose slants, and has nothing at the lower left"}}
spots = {
    "background": (50, 165),
    "eye": (46, 39),
    "lid": (31, 56),
    "nose": (111, 92),
}
show(
    {name: kernels[(0, *place)][..., 0] for name, place in spots.items()},
    height=2.7,
    cmap="magma",
)

# %% [markdown]
# **What to see.** In the blurred background the kernel is a Gaussian. Elsewhere it stops at the edge that it meets:
# at the rim of the eye, below the lid, beside the nose. So edges stay. The result resembles that of the deformable convolution, and it
# is the other half of one idea: there the *points* depend on the picture, here the
# *weights*. (Attention, in transformers, is the next step: weights from the picture, over all of it.)

# %% [markdown]
# ## 9. What they cost
#
# One task for all: 56 x 56 pixels, 64 channels in and out, 3x3 kernels, four groups. Some need a word. *Spatially
# separable* is here a pair of layers that both mix all channels, $2 k C^2$ weights. *Deformable* adds the convolution that
# finds the 18 offsets ($9 \cdot 64 \cdot 18 + 18$ weights) and four multiply-adds for each interpolated number. *Modulated
# deformable* (Zhu et al. 2019) learns for each point a factor from 0 to 1 besides, 27 numbers in all. *Involution* has
# kernels for each of four groups, made by two dense layers: $64 \cdot 16 + 16 \cdot 9 \cdot 4$ weights.

# %%
costs = convolutions.compare_costs(56, 56, 3, 64, 64, groups=4)
assert costs["ordinary"].multiply_adds == 56 * 56 * 3 * 3 * 64 * 64
assert costs["depthwise separable"].parameters == 3 * 3 * 64 + 64 * 64
print(convolutions.describe_costs(costs))

# %% mystnb={"image": {"alt": "Two bar charts with ten bars each, parameters and millions of multiply-adds, on logarithmic scales: depthwise is the cheapest in both, then involution and pointwise; ordinary and dilated are equal; the two deformable ones cost most"}}
by_price = sorted(costs, key=lambda kind: costs[kind].multiply_adds)
left, right = plt.figure(figsize=(10, 3.6), layout="constrained").subplots(
    1, 2, sharey=True
)
left.barh(by_price, [costs[kind].parameters for kind in by_price], color="#0072B2")
left.set(xscale="log", title="parameters")
work = [costs[kind].multiply_adds / 1e6 for kind in by_price]
right.barh(by_price, work, color="#E69F00")
right.set(xscale="log", title="multiply-adds, millions")
plt.show()

# %% [markdown]
# **What to see.** Mind the logarithm: a depthwise convolution costs a sixty-fourth of an ordinary one, but it does
# not mix channels. What mixes them, *pointwise*, dominates the separable one. Deformable ones pay for finding their
# offsets. And work on paper is not time: a 3x3 depthwise layer does nine multiply-adds for each number that it
# reads, an ordinary one with 64 channels 576. So on large machines it waits for memory, and the separable pair is not
# eight times as fast.
#
# | kind | sees | shares weights | take it when |
# |:--|:--|:--|:--|
# | ordinary | window, all channels | over pixels | nothing speaks against it |
# | dilated | wider window | over pixels | context without shrinking (DeepLab) |
# | 1x1 | one pixel, all channels | over pixels | mixing or thinning channels (Inception, ResNet) |
# | spatially separable | column, then row | over pixels | large kernels (Inception v3) |
# | depthwise separable | window per channel, then 1x1 | over pixels | phones (MobileNet, Xception) |
# | grouped, shuffled | window, some channels | over pixels | many channels (ResNeXt, ShuffleNet) |
# | deformable | points that move | over pixels | things that bend, turn, or vary in size |
# | involution | window, own channel | over channels | wide windows, few weights (RedNet) |

# %% [markdown]
# ## Self-test
#
# Answer first, then unfold.
#
# <details><summary>1. A 3x3 kernel with dilation 2 and a 5x5 kernel see equally far. What can the 5x5 do that the other cannot?</summary>
#
# Look at the pixels between. The dilated kernel is a 5x5 kernel of which 16 of 25 weights are zero for good.
# </details>
#
# <details><summary>2. A network of 1x1 convolutions only: what can it not tell apart?</summary>
#
# Where a pixel stands. Shuffle the pixels, and the outputs are the same numbers, shuffled alike: no output knows its neighbours.
# </details>
#
# <details><summary>3. Every ordinary kernel with one channel in and one out: can depthwise separable convolution imitate it? And with 8 in, 16 out?</summary>
#
# With one and one, yes: the 1x1 step is a single factor. With 8 and 16, no: K = D P has for every channel in one
# spatial pattern, which all 16 outputs share. An ordinary kernel has 128 patterns.
# </details>
#
# <details><summary>4. Is depthwise convolution a grouped convolution?</summary>
#
# Yes, with as many groups as channels. That is how the package computes it.
# </details>
#
# <details><summary>5. Why must deformable convolution interpolate? Whole offsets would be faster.</summary>
#
# A rounded offset has gradient zero: a small change of it changes nothing. Bilinear values change smoothly with the
# offset, so it can be learnt.
# </details>
#
# <details><summary>6. An involution has no weights K. What does training learn?</summary>
#
# The small function that makes a kernel from a pixel: two dense layers in the paper. Its size does not depend on the
# picture.
# </details>

# %% [markdown]
# ## Exercises
#
# 1. Sharpen the cat with one ordinary 3x3 kernel, then with the Gaussian of section 4 and a subtraction. Is either of
#    the two a product? (Ask `separate`; for the second, write it as *one* kernel.)
# 2. Approximate the disc of section 4 by *two* products (the first two terms of its decomposition), and blur the
#    coffee with both. What is left of the error?
# 3. How many shuffled grouped layers does it take until all of 64 channels in 16 groups have met? Draw the tables.
# 4. Give the deformable mean of section 7 strips three times as long, and repeat it ten times. Then take
#    `photo("astronaut")`.
# 5. Learn offsets: put `fcn.convolutions.layers.DeformableConv2D` into a small network, and draw what it has found
#    with `find` and `draw_offsets`.
# 6. Widen `t` of section 8 to 10: what does the involution become? And narrow it to 0.01?
#
# ## References
#
# - Larson, *CS8321 Machine Learning and Neural Networks*, Southern Methodist University: the course notes.
# - Yu and Koltun, *Multi-scale context aggregation by dilated convolutions*, ICLR 2016.
# - Lin, Chen and Yan, *Network in network*, ICLR 2014.
# - Szegedy et al., *Rethinking the Inception architecture for computer vision*, CVPR 2016.
# - Chollet, *Xception: deep learning with depthwise separable convolutions*, CVPR 2017.
# - Howard et al., *MobileNets: efficient convolutional neural networks for mobile vision applications*, 2017.
# - Xie et al., *Aggregated residual transformations for deep neural networks*, CVPR 2017 (ResNeXt).
# - Zhang, Zhou, Lin and Sun, *ShuffleNet: an extremely efficient convolutional neural network for mobile devices*,
#   CVPR 2018.
# - Dai et al., *Deformable convolutional networks*, ICCV 2017.
# - Zhu et al., *Deformable ConvNets v2: more deformable, better results*, CVPR 2019.
# - Li et al., *Involution: inverting the inherence of convolution for visual recognition*, CVPR 2021.
# - Tomasi and Manduchi, *Bilateral filtering for gray and color images*, ICCV 1998.
