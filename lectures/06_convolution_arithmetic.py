# %% [markdown]
# # Lecture 6. Convolution arithmetic: how many, how far, how much
#
# **After this lecture you can**
#
# - say how large the output of a convolution is, for any stride, padding and dilation, and what becomes of the edge;
# - write any convolution as a matrix, and say what its transpose does;
# - turn a convolution into *one* matrix product of small tables, as libraries do (`im2col`);
# - work out how far an activation can see, and check the result with gradients;
# - count the parameters and the multiply-adds of a network, and know where to save.
#
# **Time** 50 minutes. **You need** convolution, stride and padding from any first course, products of matrices, and
# lecture 1.
#
# This lecture opens the slides on *fully convolutional learning* of SMU's course CS8321. It runs in under a minute on a
# laptop, and needs no data and no weights from elsewhere. (On Colab, the first cell installs the packages.)

# %%
# On Colab, or wherever the packages are missing, this installs them.
from importlib.util import find_spec

from IPython import get_ipython

if find_spec("cnnviz") is None:
    home = "git+https://github.com/convnet-lectures/convnet-lectures"
    get_ipython().run_line_magic("pip", f"install -q 'convnet-lectures @ {home}'")

# %% tags=["nbval-ignore-output"]
from itertools import product

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

import cnnviz
from data import photo
from fcn import arithmetic, matrix
from fcn.plots.grids import draw_convolution, draw_positions
from fcn.plots.matrix import draw_matrix, draw_transposes
from fcn.plots.tables import cost_table

# Here TensorFlow says, once, whether it has found a GPU. None is needed.
devices = tf.config.list_logical_devices()

# %% [markdown]
# ## 1. How many places has a window?
#
# A window of $F$ pixels slides over $W$ pixels, with $P$ zeros put at both ends, and moves by $S$ pixels at a time: its
# **stride**. How many places are there for it, so how many outputs?
#
# $$O = \left\lfloor \frac{W - F + 2P}{S} \right\rfloor + 1$$
#
# The first window lies at the very beginning. $W + 2P - F$ pixels are left for it to move over, in steps of $S$. With
# **dilation** $d$ there are $d - 1$ pixels left out between two weights, and a kernel of $k$ weights spans
# $F = d\,(k - 1) + 1$. Here is a picture of $W = 5$, $F = 3$, $P = 1$, $S = 2$:

# %% mystnb={"image": {"alt": "Nine small pictures of a grid of five by five blue cells with a dashed frame of padding; in each an orange window of three by three cells stands two cells further, and leads to one green cell of an output of three by three"}}
draw_positions(5, 3, stride=2, padding=1)
plt.show()

# %% [markdown]
# **What to see.** Read it like a text. The orange window goes by two cells at a time, so it has three places in a
# row, and three rows: $(5 - 3 + 2)/2 + 1 = 3$. The dashed cells are padding. The formula holds for each direction by
# itself.
#
# Keras knows two paddings. `"valid"` is $P = 0$. `"same"` takes as many zeros as it needs for
# $\lceil W / S \rceil$ outputs; with stride 1, that is as many outputs as inputs. Our formula, the package and Keras:


# %%
def places(size, kernel, stride=1, padding=0, dilation=1):
    """The formula."""
    span = dilation * (kernel - 1) + 1
    return (size - span + 2 * padding) // stride + 1


# %% [markdown]
# (`//` rounds down.) Keras strides or dilates, but not both in one layer, so that is what we try:

# %%
sizes, steps = (7, 8, 15), (1, 2, 3)
cases = [case for case in product(sizes, steps, steps, steps) if 1 in case[2:]]
for W, k, S, d in cases:
    by_hand = {"valid": places(W, k, S, dilation=d), "same": -(-W // S)}
    for padding, wanted in by_hand.items():
        layer = keras.layers.Conv1D(1, k, S, padding, dilation_rate=d)
        assert layer(np.zeros((1, W, 1))).shape[1] == wanted
        assert arithmetic.output_size(W, k, S, padding, d) == wanted
print(len(cases), "cases, two paddings each, all equal")

# %% [markdown]
# Where an odd number of zeros is needed, Keras puts the larger half *behind*, and the number depends on the size of
# the picture. PyTorch's `padding=1` puts one zero at both ends, always. For stride 2 and an even side the two differ,
# and weights that are carried from one to the other see a picture that is shifted by a pixel. It is a common bug, and
# a quiet one:

# %%
for W in (224, 225):
    before, after = arithmetic.same_padding(W, 3, stride=2)
    print(
        f'side {W}, kernel 3, stride 2: "same" puts {before} before and {after} after'
    )

# %% [markdown]
# ## 2. What is lost at the edge
#
# Not all pixels count alike. Count how many windows see each one: 7x7 windows, 4 pixels apart, no padding, on a
# photograph of 60 x 90 pixels. (To count, lay down a window of ones at every place, and add.)

# %%
cat = photo("cat")[20:260:4, 60:420:4] / 255  # every fourth pixel will do
H, W = cat.shape[:2]
down, across = places(H, 7, 4), places(W, 7, 4)
seen = np.zeros((H, W), int)
for row, column in product(range(down), range(across)):
    seen[4 * row : 4 * row + 7, 4 * column : 4 * column + 7] += 1

windows_of_ones = np.ones((down * across, 49))
added = matrix.col2im(windows_of_ones, (1, H, W, 1), 7, stride=4)[0, ..., 0]
np.testing.assert_array_equal(seen, added)
lost = arithmetic.left_over(H, 7, 4), arithmetic.left_over(W, 7, 4)
print(f"{H} x {W} pixels, {down} x {across} windows; lost at the end: {lost}")

# %% mystnb={"image": {"alt": "Left a photograph of a cat. Right a map of the same size that says how many windows see each pixel: a regular pattern of large bright squares seen by four windows, bars seen by two, small squares seen by one, all darker along the edges; a black strip below and at the right is seen by none"}}
left, right = plt.figure(figsize=(9, 3.1), layout="constrained").subplots(1, 2)
left.imshow(cat)
left.set(title="the photograph", xticks=[], yticks=[])
shown = right.imshow(seen, cmap="magma")
right.set(title="how many windows see each pixel", xticks=[], yticks=[])
plt.colorbar(shown, ax=right, ticks=[0, 1, 2, 4])
plt.show()

# %% [markdown]
# **What to see.** A pixel in the middle is seen by one, two or four windows; one in the corner by a single one. The
# black strips are seen by none: the division did not come out even, so the windows end before the picture does. Those
# pixels could say anything. (Keep this woven pattern in mind. In lecture 7 it comes back, as the *checkerboard* in
# the output of a transposed convolution.)
#
# Does padding mend the edge? It keeps the size, but the zeros are not a photograph. Take the mean over 15 x 15 pixels:

# %%
coffee = photo("coffee")[::4, ::4].astype(np.float32) / 255
mean = np.full((15, 15, 3, 1), 1 / 225, np.float32)
valid, same = (
    keras.ops.depthwise_conv(coffee[None], mean, padding=padding)[0].numpy()
    for padding in ("valid", "same")
)
white = np.ones((1, 50, 50, 3), np.float32)
corner = keras.ops.depthwise_conv(white, mean, padding="same")
np.testing.assert_allclose(corner[0, 0, 0], (8 / 15) ** 2, rtol=1e-5)
print("sizes:", coffee.shape[:2], valid.shape[:2], same.shape[:2])
print(
    f"white stays white in the middle, and becomes {(8 / 15) ** 2:.2f} in the corner"
)

# %% mystnb={"image": {"alt": "A cup of coffee on a table three times, on the same scale: sharp; blurred and smaller, with padding valid; blurred and in full size, with padding same, where a dark frame grows toward the edges and corners"}}
panels = plt.figure(figsize=(10, 2.6), layout="constrained").subplots(1, 3)
titles = ("photograph", 'mean of 15 x 15, "valid"', 'mean of 15 x 15, "same"')
for ax, picture, title in zip(panels, (coffee, valid, same), titles):
    ax.imshow(np.clip(picture, 0, 1))
    ax.set(xlim=(0, coffee.shape[1]), ylim=(coffee.shape[0], 0), title=title)
    ax.set_axis_off()
plt.show()

# %% [markdown]
# **What to see.** `"valid"` is honest, and smaller. `"same"` keeps the size and pays with a dark frame: in the corner
# only 8 x 8 of the 15 x 15 pixels are photograph, the others black. A deep network pays that at every layer. Some
# networks learn to read their position from it (Islam et al. 2020).

# %% [markdown]
# ## 3. A convolution is a matrix
#
# Every output is a sum of inputs times weights. Whatever is such a sum is the product of a matrix and a vector. The
# slides' example: a kernel of three weights $z, y, x$ over the input $(0, a, b, c, 0)$, with one zero more at both ends.

# %% mystnb={"image": {"alt": "A matrix of five by five cells whose coloured diagonals are z, y and x, the rest zero, times the column 0, a, b, c, 0 equals the sums ax, ay + bx, az + by + cx, bz + cy, cz"}}
draw_matrix("zyx", 5, padding=1, inputs="0abc0")
plt.show()

# %% [markdown]
# **What to see.** Row $i$ of the matrix is window $i$: the kernel, pushed along by one cell. Each weight has one
# colour, and stands on one diagonal. That is all there is to *weight sharing*. With stride 2, every other row
# remains:

# %% mystnb={"image": {"alt": "The matrix for stride two: three rows of five, in which the kernel z, y, x moves two cells from row to row; times 0, a, b, c, 0 it equals ax, az + by + cx, cz"}}
draw_matrix("zyx", 5, padding=1, stride=2, inputs="0abc0")
plt.show()

# %% [markdown]
# Now build it. One row for each window; columns that meet the padding are multiplied with zeros, so they can go.


# %%
def convolution_matrix(kernel, size, stride, padding):
    """Row i is the kernel where window i stands."""
    count = places(size, len(kernel), stride, padding)
    rows = np.zeros((count, size + 2 * padding))
    for i, row in enumerate(rows):
        row[i * stride : i * stride + len(kernel)] = kernel
    return rows[:, padding : padding + size]


# %% [markdown]
# With numbers in place of the letters, the package and Keras agree:

# %%
kernel, signal = np.array([2.0, 3, 5]), np.array([0.0, 7, 11, 13, 0])
line, taps = signal[None, :, None], kernel[:, None, None]  # as Keras wants them
for S in (1, 2):
    C = convolution_matrix(kernel, 5, S, padding=1)
    package = matrix.convolution_matrix(kernel, 5, stride=S, padding=1)
    np.testing.assert_array_equal(C, package)
    of_keras = keras.ops.conv(line, taps, S, "same")[0, :, 0]
    np.testing.assert_allclose(C @ signal, of_keras, rtol=1e-6)
    print(f"stride {S}:", C.astype(int).tolist())

# %% [markdown]
# (A mathematician would call this *cross-correlation*, and turn the kernel round before calling it convolution. No
# network does, so neither do we. The slides write the kernel as $x, y, z$, and turn it.)

# %% [markdown]
# ## 4. The transpose: the way back
#
# $C$ leads from five numbers to three. Its transpose $C^\top$ leads from three to five. The layer that multiplies by
# $C^\top$ is called **transposed convolution**, and nothing about it is deeper than that.

# %% mystnb={"image": {"alt": "Two matrices side by side: the convolution with stride two, three by five, and its transpose, five by three, whose columns hold y, z and x; times a, b, c the transpose equals ay, ax + bz, by, bx + cz, cy"}}
draw_transposes(
    "zyx", 5, stride=2, padding=1, inputs="0abc0", transpose_inputs="abc"
)
plt.show()

# %% [markdown]
# **What to see.** The same colours, turned over: rows have become columns. Read the right one by columns: every input
# *lays down* the whole kernel, scaled by itself, two cells further each time. (In the outermost columns the padding has
# cut it.) Where kernels overlap, they are added: $ax + bz$.
#
# It is **not the inverse**: $C^\top C$ is no identity. It brings back the *size*, not the values. You have used it all
# along: since $y = Cx$, the gradient of a loss $L$ that comes back through a convolution is
#
# $$\frac{\partial L}{\partial x} = C^\top\, \frac{\partial L}{\partial y} .$$

# %%
x = tf.constant(line)
from_above = np.array([1.0, 10.0, 100.0])
with tf.GradientTape() as tape:
    tape.watch(x)
    y = keras.ops.conv(x, taps, 2, "same")
gradient = tape.gradient(y, x, output_gradients=from_above[None, :, None])[0, :, 0]
np.testing.assert_allclose(C.T @ from_above, gradient, rtol=1e-6)

# What x gives along y is what y gives back along x: <Cx, y> = <x, C'y>.
assert np.isclose((C @ signal) @ from_above, signal @ (C.T @ from_above))
print("C' laid down:", (C.T @ from_above).astype(int).tolist())
print("Is C'C the identity?", np.allclose(C.T @ C, np.eye(5)))

# %% [markdown]
# Lecture 7 makes pictures larger with it. First, two directions.

# %% [markdown]
# ## 5. Two directions, and a photograph
#
# A picture becomes a vector if its rows are put one after another. A 3x3 kernel on 4x4 pixels, `"valid"`: 4 windows, 16
# pixels.

# %% mystnb={"image": {"alt": "A matrix of four rows and sixteen columns. In each row three weights of the blue row of the kernel, a gap, three of the orange one, a gap, three of the green one; from row to row they move by one cell, or to the next block of four"}}
draw_matrix(["abc", "def", "ghi"], 4)
plt.show()

# %% [markdown]
# **What to see.** Heavy lines part the rows of the picture. A window takes three pixels from each of three rows, so the
# three rows of the kernel (blue, orange, green) land in three blocks, four cells apart. The matrix is a *band of bands*.
#
# Does it work on a photograph? A crop of 56 x 56 pixels, and Sobel's kernel, which finds vertical edges:
#
# $$\begin{pmatrix} -1 & 0 & 1 \\ -2 & 0 & 2 \\ -1 & 0 & 1 \end{pmatrix}$$

# %%
sobel = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], np.float32)
whole = photo("astronaut").mean(axis=-1).astype(np.float32) / 255
face = whole[0:224:4, 112:336:4]
C = matrix.convolution_matrix(sobel, face.shape, padding=1)
edges = (C @ face.ravel()).reshape(face.shape)

of_keras = keras.ops.conv(face[None, ..., None], sobel[..., None, None], 1, "same")
np.testing.assert_allclose(edges, of_keras[0, ..., 0], atol=1e-5)
print(f"{C.shape[0]:,} x {C.shape[1]:,} = {C.size:,} entries")
print(f"not zero: {(C != 0).mean():.2%}")

# %% mystnb={"image": {"alt": "Left an astronaut's head and shoulder in grey, 56 by 56 pixels; in the middle a large square that is empty but for three pairs of thin diagonal lines, one red and one blue in each pair; right the edges of the head in red and blue, with a strong red and a strong blue line along the hair and a dark line at either side of the picture"}}
panels = plt.figure(figsize=(10, 3.4), layout="constrained").subplots(1, 3)
panels[0].imshow(face, cmap="gray")
panels[1].imshow(np.sign(C[:168, :168]), cmap="RdBu_r", vmin=-1, vmax=1)
panels[2].imshow(edges, cmap="RdBu_r", vmin=-2, vmax=2)
titles = ("3,136 pixels", "the corner of the matrix", "the product: edges")
for ax, title in zip(panels, titles):
    ax.set(title=title, xticks=[], yticks=[])
plt.show()

# %% [markdown]
# **What to see.** One product of a matrix and a vector has found the edges: red where it gets lighter to the right,
# blue where it gets darker. (The lines at the left and right edge are the zeros of the padding, which Sobel takes for
# black.) Of the matrix only the upper left corner is drawn, 3 rows of pixels out of 56; blue are the weights below
# zero. It is nearly all zeros. A photograph of 224 x 224 would need a matrix of 2.5 thousand million entries, for
# nine numbers. To *understand* a convolution, the matrix is right. To *compute* one, nobody makes it.

# %% [markdown]
# ## 6. im2col: what libraries do
#
# Turn it round. Instead of a large matrix with the kernel in it over and over, make a table of the *picture*: one row
# for each window, with the $k \times k \times C$ numbers that it sees. The $K$ kernels become the columns of a small
# matrix. Then **all windows and all kernels at once** are one product of two full tables (Chellapilla et al. 2006):
#
# $$\underbrace{(H W) \times K}_{\text{maps}} \;=\; \underbrace{(H W) \times (k k C)}_{\text{windows}} \;\cdot\; \underbrace{(k k C) \times K}_{\text{kernels}}$$
#
# We take the first layer of the network of lecture 1, with its learnt kernels, and check against that layer:

# %%
net = cnnviz.load()
layer = net.model.get_layer("block1_conv1")
learnt = layer.kernel.numpy()
images = net.preprocess(photo("cat"), size=96)

padded = np.pad(images[0], ((1, 1), (1, 1), (0, 0)))
rows = [padded[i : i + 3, j : j + 3].ravel() for i, j in np.ndindex(96, 96)]
table = np.stack(rows)
np.testing.assert_array_equal(table, matrix.im2col(images, 3, padding=1))

maps = (table @ learnt.reshape(-1, learnt.shape[-1])).reshape(1, 96, 96, -1)
np.testing.assert_allclose(maps, layer(images), rtol=1e-3, atol=1e-2)
package = matrix.convolve(images, learnt, padding=1)
np.testing.assert_allclose(maps, package, rtol=1e-3, atol=1e-2)
print(table.shape, "times", learnt.reshape(-1, learnt.shape[-1]).shape)

# %% [markdown]
# A product of two full matrices is what processors do best: numbers are read in order, and each is used many times. The
# price is memory: the table holds every pixel nine times.
#
# Look at the table by *columns*, and convolution shows another face. Column $j$ holds what weight $j$ sees in every
# window: one colour of the **whole photograph, shifted**. So a convolution is a weighted sum of shifted photographs. (27
# columns: nine places, three colours. Below, the three of each place are drawn as one picture, with a dilation of 24, so
# that the shift can be seen.)

# %% mystnb={"image": {"alt": "Nine copies of the cat photograph in a grid of three by three, each shifted by a quarter of its width another way and filled with black; the one in the middle is not shifted. At the right their mean: a dim patchwork of overlapping cats, brightest in the middle"}}
columns = matrix.im2col(images, 3, padding=24, dilation=24)
shifted = columns.reshape(96, 96, 9, 3).astype(np.uint8)

figure = plt.figure(figsize=(9, 4.6), layout="constrained")
left, right = figure.subfigures(1, 2)
for tap, ax in enumerate(left.subplots(3, 3).flat):
    ax.imshow(shifted[:, :, tap])
    ax.set_axis_off()
left.suptitle("27 columns: nine places, three colours")
ax = right.subplots()
ax.imshow(shifted.mean(axis=2).astype(np.uint8))
ax.set_axis_off()
right.suptitle("their sum with weights of 1/9")
plt.show()

# %% [markdown]
# **What to see.** The upper left weight sees what is up and left of each pixel, so its copy has moved down and right.
# A blur adds the copies up, an edge filter subtracts some from others. Every convolutional layer does this: shift,
# weigh, add.

# %% [markdown]
# ## 7. How far does an activation see?
#
# One 3x3 window sees 3 pixels. A second layer's window sees three cells of the first, and so 5 pixels. In general,
# let a cell see $r$ pixels, beginning at $a$, and let neighbouring cells lie $j$ pixels apart. A layer of span $F$,
# stride $S$, and $P$ zeros before then makes of it (Araujo et al. 2019)
#
# $$r \leftarrow r + (F - 1)\, j, \qquad a \leftarrow a - P\, j, \qquad j \leftarrow j\, S .$$
#
# This is the **receptive field**. For the network of lecture 1: two 3x3 convolutions in each block, poolings of 2
# between. Three answers: the recursion by hand, `fcn.arithmetic`, which reads it off any Keras model, and `cnnviz`,
# which knows no formula and asks the gradient which pixels can change the activation.

# %%
from cnnviz.receptive_field import receptive_field as measured_field

fields = arithmetic.receptive_fields(net.model, size=192)
size, start, jump = 1, 0, 1
for block in range(1, 6):
    name = f"block{block}_conv2_relu"
    for _ in range(2):
        size, start = size + 2 * jump, start - jump
    assert fields[name] == measured_field(net.model, name, size=192, trials=2)
    assert fields[name] == ((size, size), (jump, jump), (start, start))
    print(f"{name}: {size:3} pixels wide, {jump:2} apart, first at {start}")
    size, jump = size + jump, 2 * jump

# %% mystnb={"image": {"alt": "The cat's face with five squares around its middle, one for each block, from a tiny one between the eyes to one of 140 pixels that holds both eyes and the nose"}}
from matplotlib.patches import Rectangle

photograph = net.preprocess(photo("cat"), size=192)[0].astype(np.uint8)
ax = plt.figure(figsize=(5, 5), layout="constrained").subplots()
ax.imshow(photograph, extent=(0, 192, 192, 0))
for block, colour in enumerate(plt.get_cmap("viridis")(np.linspace(1, 0.35, 5)), 1):
    field = fields[f"block{block}_conv2_relu"]
    middle = 96 // field.stride[0]
    x1, y1, x2, y2 = field.box(middle, middle)
    corner, wide = (x1, y1), x2 - x1
    ax.add_patch(Rectangle(corner, wide, wide, fill=False, lw=2.5, ec=colour))
    if block > 2:
        ax.text(x1 + 3, y1 + 3, f"block {block}: {wide}", color="white", va="top")
ax.set_axis_off()
plt.show()

# %% [markdown]
# **What to see.** Block 1 sees 5 pixels, the dot in the middle; block 3 a patch of fur; block 4 the bridge of the
# nose. Only block 5 sees eyes and nose at once. What has to be known from far away, an early layer cannot know.
#
# ### Seeing further without shrinking
#
# Poolings make the field grow fast, and the map coarse. To label every *pixel*, one wants the one without the other.
# **Dilation** gives it (Yu and Koltun 2016): with three weights, $F - 1 = 2d$. Three layers, with four choices of
# dilation:


# %%
def stack(dilations):
    """3x3 convolutions one after another, all weights 1."""
    layers = [
        keras.layers.Conv2D(1, 3, padding="same", dilation_rate=d, use_bias=False)
        for d in dilations
    ]
    model = keras.Sequential([keras.Input((45, 45, 1)), *layers])
    model.set_weights([np.ones((3, 3, 1, 1))] * len(layers))
    return model


# %% [markdown]
# Each $d$ adds $2d$ pixels, so the field is $1 + 2 \sum d$ wide:

# %%
choices = ((1, 1, 1), (1, 2, 4), (1, 3, 9), (2, 2, 2))
stacks = {dilations: stack(dilations) for dilations in choices}
for dilations, model in stacks.items():
    field = arithmetic.receptive_field(model, model.layers[-1])
    assert field == measured_field(model, model.layers[-1])
    assert field.size[0] == 1 + 2 * sum(dilations)
    print(f"{dilations}: {field.size[0]} pixels, {model.count_params()} weights")

# %% [markdown]
# A receptive field says *whether* a pixel is seen, not *how much*. With all weights 1, the gradient counts the ways
# from a pixel to the activation in the middle:

# %% mystnb={"image": {"alt": "Four square maps of the number of ways from each pixel to the middle. Dilations 1, 1, 1: a small blob, brightest in the middle. 1, 2, 4: a larger one with a fine weave. 1, 3, 9: a large square, evenly bright. 2, 2, 2: a blob of separate dots with dark gaps between them"}}
panels = plt.figure(figsize=(10, 3.2), layout="constrained").subplots(1, 4)
for ax, (dilations, model) in zip(panels, stacks.items()):
    empty = tf.zeros((1, 45, 45, 1))
    with tf.GradientTape() as tape:
        tape.watch(empty)
        one = model(empty)[0, 22, 22, 0]
    ways = tape.gradient(one, empty)[0, ..., 0].numpy()
    ax.imshow(ways, cmap="magma", vmin=0)
    title = f"dilations {', '.join(map(str, dilations))}"
    words = f"{(ways > 0).sum()} pixels seen,\nmost ways: {ways.max():.0f}"
    ax.set(xlabel=words, title=title, xticks=[], yticks=[])
plt.show()

# %% [markdown]
# **What to see.** Without dilation the middle counts far more than the rim: the *effective* field is smaller than the
# closed form says (Luo et al. 2016). With 1, 2, 4 it is twice as wide, for the same 27 weights. With 1, 3, 9 every
# pixel of 27 x 27 is seen in exactly one way: the third layer lays nine tiles side by side, each of the second
# layer's size. And 2, 2, 2 leaves holes: it is 13 pixels wide, but sees 49 of the 169. That is called *gridding*. So
# do not repeat one dilation. Sorted from small to large, the first must be 1, and none may exceed the width seen so far,
# $1 + 2\sum d$ over those before it: 1, 3, 9 is just within it, 2, 4, 8 is not. (Wang et al. 2018 design their stacks
# with this in mind.)

# %% [markdown]
# ## 8. What it costs
#
# A layer of $K$ kernels of $k \times k \times C$ that gives a map of $H \times W$ has
#
# $$\text{parameters} = (k^2 C + 1)\, K, \qquad \text{multiply-adds} = H W \cdot k^2 C \cdot K .$$
#
# A *multiply-add* is one multiplication and one addition. (Some count them as two "FLOPs"; compare like with like.)
# The two grow differently: parameters do not depend on the picture, multiply-adds do.
#
# The slides' example, from Inception (Szegedy et al. 2015): 28 x 28 cells with 192 channels are to become 32
# channels, by a 5x5 convolution. Either at once, or first through a **bottleneck**: a 1x1 convolution that leaves 16
# channels.

# %%
at_once = 28 * 28 * 5 * 5 * 192 * 32
narrow = 28 * 28 * 1 * 1 * 192 * 16 + 28 * 28 * 5 * 5 * 16 * 32
print(
    f"at once: {at_once / 1e6:.1f} M, through the bottleneck: {narrow / 1e6:.1f} M"
)

wide = keras.layers.Conv2D(32, 5, padding="same", name="wide")
squeeze = keras.layers.Conv2D(16, 1, name="squeeze")
five = keras.layers.Conv2D(32, 5, padding="same", name="five")
cell = keras.Input((28, 28, 192))
ways = keras.Sequential([cell, wide]), keras.Sequential([cell, squeeze, five])
assert [arithmetic.costs(way).multiply_adds for way in ways] == [at_once, narrow]
print(f"parameters: {ways[0].count_params():,} and {ways[1].count_params():,}")

# %% [markdown]
# A tenth, for both. The bottleneck bets that 192 channels do not hold 192 different things.
#
# `arithmetic.costs` counts any Keras model. Here is ours, with the receptive field of section 7 beside it:

# %% mystnb={"image": {"alt": "A table of the eleven layers that multiply: name, output, receptive field and stride, parameters and multiply-adds, with bars. The parameters grow from block to block and are mostly in block 5; the multiply-adds are spread far more evenly"}}
table = arithmetic.costs(net.model, size=192)
assert table.parameters == net.model.count_params()
multiplying = tuple(layer for layer in table.layers if layer.multiply_adds)
cost_table(arithmetic.Costs("without normalisation", multiplying), fields=fields)
plt.show()

# %%
for block in range(1, 6):
    mine = [layer for layer in table.layers if f"block{block}_" in layer.name]
    weights = sum(layer.parameters for layer in mine) / table.parameters
    work = sum(layer.multiply_adds for layer in mine) / table.multiply_adds
    print(
        f"block {block}: {weights:4.0%} of the parameters, {work:4.0%} of the work"
    )

# %% [markdown]
# **What to see.** The bars on the left lean to the end, those on the right do not. Block 5 holds seven tenths of the
# *parameters*, but does a fifth of the *work*; block 3 has a twentieth of the parameters and does a quarter of the
# work, since its maps have sixteen times the cells. If memory is short, look at the last layers. If time is short,
# look further to the front.

# %% [markdown]
# ## 9. Turn the screws yourself
#
# Stride, padding and dilation, and all of it at once: the grid and the matrix of one direction. In JupyterLab or on
# Colab you can choose below.


# %% mystnb={"image": {"alt": "Left a grid of eight by eight cells with a dashed frame, and on it a window of three by three cells with gaps between them, that leads to a cell of an output of three by three; right the matrix of one direction, three by eight, with the sums by + dz, bx + dy + fz and dx + fy + hz"}}
def show(stride, padding, dilation):
    """The grid picture, and the matrix of one direction."""
    options = {"stride": stride, "padding": padding, "dilation": dilation}
    figure = plt.figure(figsize=(10, 4.2))
    left, right = (
        figure.add_axes((0, 0, 0.48, 1)),
        figure.add_axes((0.5, 0, 0.5, 1)),
    )
    last = arithmetic.output_size(8, 3, **options) // 2
    draw_convolution(8, 3, position=(last, last), ax=left, **options)
    draw_matrix("xyz", 8, ax=right, **options)
    plt.show()


show(stride=2, padding=1, dilation=2)

# %% tags=["widget", "nbval-ignore-output"]
import os

import ipywidgets

if "LECTURE_STILL" not in os.environ:  # while it is built or tested, nobody slides
    ipywidgets.interact(show, stride=(1, 4), padding=(0, 3), dilation=(1, 3))

# %% [markdown]
# **What to see.** Stride removes rows of the matrix. Padding adds rows above and below, in which weights are missing.
# Dilation pulls the coloured diagonals apart; the window then spans more, so fewer rows remain.
#
# Lecture 6b visits the relatives: depthwise, grouped, deformable and others. Lecture 7 goes the other way: from small
# maps to large pictures.

# %% [markdown]
# ## Self-test
#
# Answer first, then unfold.
#
# <details><summary>1. AlexNet's first layer: side 227, kernel 11, stride 4, no padding. How many outputs? And for a side of 224, as the paper says?</summary>
#
# (227 - 11) / 4 + 1 = 55. For 224 the division does not come out even: 53.25 is rounded down, there are 54 outputs,
# and the last pixel of each row and column is never seen. The paper's 224 is taken for a slip.
# </details>
#
# <details><summary>2. Which padding keeps the size for kernel 5, stride 1, dilation 3?</summary>
#
# The kernel spans 3 &middot; 4 + 1 = 13 pixels, so P = 6.
# </details>
#
# <details><summary>3. A matrix C of a convolution has a column of zeros. What does that tell?</summary>
#
# A pixel that no window sees: the stride is too long, or the windows end before the picture does. Its gradient is
# always zero (it is a row of zeros of the transpose).
# </details>
#
# <details><summary>4. C has 3 rows and 5 columns. Why can its transpose not undo it?</summary>
#
# Five numbers went into three. Different inputs give the same output, and no matrix can tell which it was. The
# transpose restores the size only.
# </details>
#
# <details><summary>5. Two 3x3 layers or one 5x5, with C channels before, between and after. What do they see, and what do they cost?</summary>
#
# Both see 5 x 5 pixels. The two cost 18 C<sup>2</sup> multiply-adds for each cell, the one 25 C<sup>2</sup>; and the
# two have a ReLU more. That was the argument for VGG.
# </details>
#
# <details><summary>6. You run the same network on pictures of twice the side. What happens to parameters, multiply-adds, and the receptive field in pixels?</summary>
#
# Parameters: the same. Multiply-adds: four times as many. Receptive field: the same in pixels, hence half of the
# scene in each direction: late cells that saw a face see an eye.
# </details>

# %% [markdown]
# ## Exercises
#
# 1. Draw `draw_matrix("xy", 6, stride=3)`. Which inputs are never used? Which of them does
#    `arithmetic.left_over(6, 2, stride=3)` count?
# 2. Write the 15x15 mean of section 2 so that it has no dark frame: divide by what the same filter makes of a picture
#    of ones.
# 3. Find a kernel whose matrix `matrix.convolution_matrix(kernel, 8, padding="same")` *has* an inverse. Undo a blur
#    with it, add noise of 1 % to the blurred signal first, and see what the inverse makes of that.
# 4. In section 7, try the dilations `(1, 2, 3)`, `(9, 3, 1)`, `(2, 4, 8)` and `(3, 9, 27)`. Which see every pixel of
#    their field? Does the order matter? (For the last, make the pictures 99 wide: 45 becomes 99, and the middle 22
#    becomes 49.)
# 5. Print `arithmetic.costs(cnnviz.load("mobilenet_v2").model)` (Keras downloads 14 MB). Which kind of layer holds
#    most of the multiply-adds?
# 6. `im2col` makes a table nine times as large as the picture. For which kernel, stride and dilation is it *no*
#    larger?
#
# ## References
#
# - Larson, *CS8321 Machine Learning and Neural Networks*, Southern Methodist University: the slides.
# - Dumoulin and Visin, *A guide to convolution arithmetic for deep learning*, 2016. The grids of section 1 are
#   theirs, drawn anew.
# - Chellapilla, Puri and Simard, *High performance convolutional neural networks for document processing*, IWFHR
#   2006.
# - Szegedy et al., *Going deeper with convolutions*, CVPR 2015.
# - Yu and Koltun, *Multi-scale context aggregation by dilated convolutions*, ICLR 2016.
# - Wang et al., *Understanding convolution for semantic segmentation*, WACV 2018.
# - Luo, Li, Urtasun and Zemel, *Understanding the effective receptive field in deep convolutional neural networks*,
#   NeurIPS 2016.
# - Araujo, Norris and Sim, *Computing receptive fields of convolutional neural networks*, Distill 2019.
# - Islam, Jia and Bruce, *How much position information do convolutional neural networks encode?*, ICLR 2020.
