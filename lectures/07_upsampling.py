# %% [markdown]
# # Lecture 7. Upsampling, unpooling and transposed convolution
#
# **After this lecture you can**
#
# - enlarge a picture by *zeros, then a filter*, and say which kernel is nearest, bilinear or bicubic;
# - tell half-pixel, asymmetric and align-corners apart, and see which of them moves your maps;
# - pool with a memory and unpool with it, and say why `UpSampling2D` in its place is not SegNet;
# - write a transposed convolution as a matrix, as zeros and a turned kernel, and as a Keras layer, and show that all
#   three are one;
# - explain checkerboards, measure them, and choose a layer that starts without them.
#
# **Time** 75 minutes. **You need** lecture 6 (convolution arithmetic, the matrix of a convolution).
#
# This lecture follows *Fully Convolutional Learning* of SMU's course CS8321. It runs in about a minute on a laptop, and
# needs no data and no weights from elsewhere. (On Colab, the first cell installs the packages.)

# %%
# On Colab, or wherever the packages are missing, this installs them.
from importlib.util import find_spec

from IPython import get_ipython

if find_spec("fcn") is None:
    home = "git+https://github.com/convnet-lectures/convnet-lectures"
    get_ipython().run_line_magic("pip", f"install -q 'convnet-lectures @ {home}'")

# %% tags=["nbval-ignore-output"]
import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

from data import annotated_photo, photo
from fcn.upsampling import insert_zeros, upsample

# Here TensorFlow says, once, whether it has found a GPU. None is needed.
devices = tf.config.list_logical_devices()

# %% [markdown]
# ## 1. Why maps must grow again
#
# A classifier may forget *where*. It pools five times by 2, and at the end one cell stands for 32 x 32 pixels. A
# **segmentation** network must give every pixel a class. What is left of this photograph after such pooling,
# and what of its classes, if each cell keeps the class of its middle pixel?

# %% mystnb={"image": {"alt": "Four columns: a photograph of people at a table, whole, and pooled by 4, 16 and 32 until only coloured squares are left. Below each the classes of its pixels; with growing cells the outlines turn to stairs, then to blocks, and the chairs fall apart"}}
people = annotated_photo()
scene = people.image[None, :352, :480].astype(np.float32) / 255
classes = np.unique(people.class_mask[:352, :480], return_inverse=True)[1]
classes = classes.reshape(352, 480)

grid = plt.figure(figsize=(10, 4), layout="constrained").subplots(2, 4)
for (above, below), side in zip(grid.T, (1, 4, 16, 32)):
    above.imshow(tf.nn.max_pool2d(scene, side, side, "VALID")[0])
    above.set_title(f"pooled by {side}" if side > 1 else "photograph")
    middles = classes[side // 2 :: side, side // 2 :: side]
    stretched = np.kron(middles, np.ones((side, side), int))
    below.imshow(stretched, cmap="viridis")
    below.set_title(f"{np.mean(stretched == classes):.0%} of pixels right")
    above.set_axis_off(), below.set_axis_off()
plt.show()

# %% [markdown]
# **What to see.** Above, the photograph itself, max pooled: with cells of 32 pixels nobody would find the people. (It becomes pale
# because the brightest wins.) Below, the *true* classes (background, bottle, chair, table, person), kept once for each cell
# and stretched. (The most frequent class of each cell would be a little better. The dark rims around the people are left
# unlabelled by the data set; here they count as background.) No training is at fault for these stairs: the grid is too coarse, and the chairs are thinner than a cell.
# So the maps must become large again. This lecture has three ways: **interpolate**, **remember**, **learn**.

# %% [markdown]
# ## 2. Zeros, then a filter
#
# To double a picture, first make room: put a zero after every sample, downwards and to the right. Then let a kernel fill
# the zeros from their neighbours. The slide's kernel for bilinear interpolation:
#
# $$k = \begin{pmatrix} \tfrac14 & \tfrac12 & \tfrac14 \\ \tfrac12 & 1 & \tfrac12 \\ \tfrac14 & \tfrac12 & \tfrac14 \end{pmatrix}
# = \begin{pmatrix} \tfrac12 \\ 1 \\ \tfrac12 \end{pmatrix} \begin{pmatrix} \tfrac12 & 1 & \tfrac12 \end{pmatrix}$$
#
# On a sample, the 1 keeps it. Between two samples, each gives its half. In the middle of four, each gives a quarter.


# %%
def zeros_between(images):
    """A zero after every sample, downwards and to the right."""
    batch, height, width, channels = images.shape
    larger = np.zeros((batch, 2 * height, 2 * width, channels), np.float32)
    larger[:, ::2, ::2] = images
    return larger


def filtered(images, kernel):
    """Each channel by itself, with the same kernel; zeros lie outside."""
    kernels = tf.repeat(kernel[..., None, None], images.shape[-1], axis=2)
    return tf.nn.depthwise_conv2d(images, kernels, [1, 1, 1, 1], "SAME")


slide = np.outer([0.5, 1, 0.5], [0.5, 1, 0.5]).astype(np.float32)

# %% [markdown]
# An eye of the cat of lecture 1, 40 x 48 pixels of it:

# %% mystnb={"image": {"alt": "Three pictures of a cat's eye: small with visible pixels; twice as large, but dark, since three of four pixels are black; and twice as large and smooth"}}
eye = photo("cat")[None, 90:130, 155:203].astype(np.float32) / 255
spread = zeros_between(eye)
doubled = filtered(spread, slide)

panels = plt.figure(figsize=(10, 3.1), layout="constrained").subplots(1, 3)
titles = ("40 x 48 pixels", "zeros between them", "filtered: 80 x 96 pixels")
for ax, picture, title in zip(panels, (eye, spread, doubled), titles):
    ax.imshow(picture[0])
    ax.set_title(title)
    ax.set_axis_off()
plt.show()

# %%
np.testing.assert_array_equal(spread, insert_zeros(eye, 2))
same = upsample(eye, 2, "bilinear", alignment="asymmetric", border="zero")
np.testing.assert_allclose(doubled, same, atol=1e-6)
print(f"the kernel sums to {slide.sum():.0f}")
print(f"brightness after the zeros: {spread.mean() / eye.mean():.2f} of before")

# %% [markdown]
# **What to see.** The zeros make the picture four times as dark, and a kernel whose weights sum to 4 makes up for it. (At the
# right and the lower border it mixes in zeros from outside; there a dark line is left.)
# `fcn.upsampling.upsample` does the same for every factor. For the factor 4, one row at a time:

# %% mystnb={"image": {"alt": "Four charts. A signal of six samples; the same with three zeros after each; a triangular kernel of seven taps; and the sum of one triangle for each sample, which joins the samples by straight lines"}}
from fcn.plots.kernels import draw_kernels, draw_upsampling_1d

draw_upsampling_1d([1, 3, 2, 2, 5, 4], 4, alignment="asymmetric")
plt.show()

# %% [markdown]
# **What to see.** Every sample puts down a copy of the kernel, scaled by itself (grey). Where copies overlap they add up: the
# sum joins the samples by straight lines. That *is* linear interpolation. At the right end, where no next sample is, the
# last one is repeated (broken line).
#
# Another kernel, another method. *Nearest* repeats each sample: a box. *Bilinear*: a triangle. *Bicubic* (Keys 1981): a
# smooth bump with a dip below zero on either side.

# %% mystnb={"image": {"alt": "Three kernels for the factor 4, as curves with taps and below as coloured squares: nearest, a box of 4 taps; bilinear, a triangle of 8; bicubic, a bump of 16 taps with small negative side lobes"}}
draw_kernels(4)
plt.show()

# %% [markdown]
# **What to see.** These kernels have an *even* number of taps, the slide's an odd one: they hold to another convention on
# where pixels lie (section 3), *half-pixel*. It is the one of Keras and TensorFlow, so we can ask whether all agree. (At the border,
# nearest and bilinear repeat the edge; bicubic leaves out what lies outside and scales the other weights to sum to 1. The
# cell would stop if one of the six comparisons failed.)

# %%
for method in ("nearest", "bilinear", "bicubic"):
    border = "renormalise" if method == "bicubic" else "edge"
    ours = upsample(eye, 8, method, border=border)
    layer = keras.layers.UpSampling2D(8, interpolation=method)
    np.testing.assert_allclose(ours, layer(eye), atol=1e-4)
    resized = tf.image.resize(eye, (320, 384), method)
    np.testing.assert_allclose(ours, resized, atol=1e-4)

# %% mystnb={"image": {"alt": "The cat's eye enlarged eight times by three methods: nearest is made of squares, bilinear is soft with faint crosses, bicubic is a little crisper along the pupil and the fur"}}
panels = plt.figure(figsize=(10, 3.1), layout="constrained").subplots(1, 3)
for ax, method in zip(panels, ("nearest", "bilinear", "bicubic")):
    ax.imshow(np.clip(upsample(eye, 8, method)[0], 0, 1))
    ax.set_title(f"{method}, 8 times")
    ax.set_axis_off()
plt.show()

# %% [markdown]
# **What to see.** Nearest shows its squares. Bilinear is soft, with creases where the straight pieces meet. Bicubic is
# crisper: the dips of its kernel darken beside a bright line, which the eye takes for sharpness. They can also leave the
# range from 0 to 1, so we clip. None of the three adds detail: **what the pooling took is gone.**

# %% [markdown]
# ## 3. Where is pixel 0?
#
# For a factor $f$ and $n$ old samples, where on the old grid does the new sample $o$ lie? There are three answers:
#
# $$\text{half-pixel: } \frac{o + \frac12}{f} - \frac12 \qquad \text{asymmetric: } \frac{o}{f} \qquad
# \text{align-corners: } o\, \frac{n - 1}{f n - 1}$$

# %% mystnb={"image": {"alt": "Four old pixels as squares with a ring in each middle, three times, and eight new samples as dots. Half-pixel: two dots evenly inside each square. Asymmetric: one on each ring and one on each right edge. Align-corners: the outermost dots on the outermost rings, those between at uneven places"}}
from fcn.plots.kernels import draw_alignment

draw_alignment(4, 2)
plt.show()

# %% [markdown]
# **What to see.** *Half-pixel* takes a pixel for a square: two new squares fill one old. *Asymmetric* (our slide's
# kernel, and TensorFlow 1) puts the new sample 0 on the old sample 0, and so the whole picture lies $(f-1)/2$ new pixels
# further left and up. *Align-corners* puts first on first and last on last, and stretches what is between; PyTorch does
# so on request. Its weights change from sample to sample, so that no single kernel after zeros can do it.
#
# Does half a pixel matter? Take the mask of all people in the photograph, average it over cells of 16 x 16 pixels
# (a pooling that shifts nothing), enlarge it, and cut at one half. The **intersection over union** (IoU) says how well two
# masks agree: the pixels in both, divided by the pixels in either.

# %%
person = people.class_names.index("person")
mask = people.class_mask[None, :352, :480, None] == person
cells = tf.nn.avg_pool2d(tf.cast(mask, tf.float32), 16, 16, "VALID")
found = {}
for alignment in ("half_pixel", "asymmetric"):
    found[alignment] = upsample(cells, 16, alignment=alignment).numpy() > 0.5
    iou = (found[alignment] & mask).sum() / (found[alignment] | mask).sum()
    print(f"{alignment:11} IoU {iou:.2f}")

# %% mystnb={"image": {"alt": "The photograph of people at a table twice, with the outline of the enlarged mask in orange: left, half-pixel, it follows heads and shoulders; right, asymmetric, it lies to the left of and above them"}}
panels = plt.figure(figsize=(10, 3.8), layout="constrained").subplots(1, 2)
for ax, (alignment, enlarged) in zip(panels, found.items()):
    ax.imshow(scene[0])
    ax.contour(mask[0, ..., 0], [0.5], colors="#56B4E9", linewidths=1)
    ax.contour(enlarged[0, ..., 0], [0.5], colors="#D55E00", linewidths=2)
    ax.set_title(alignment)
    ax.set_axis_off()
plt.show()

# %% [markdown]
# **What to see.** Thin blue is the truth, orange the enlarged mask. With half-pixel it follows the people, rounded. With the
# other it floats 7.5 pixels to the left and above, beside every head. Nothing crashed, no warning came; a score
# fell. **Pool and enlarge by one convention.**

# %% [markdown]
# ## 4. Unpooling: remember where
#
# Interpolation puts a value *about* there. But max pooling knows exactly where the maximum was! It only has to tell.
# **Unpooling** (Zeiler et al. 2011; in SegNet, Badrinarayanan et al. 2017) keeps the place of every maximum, its *argmax*,
# and later puts a value there, and zeros elsewhere:
#
# $$p_w = \max_{i \in w} x_i, \qquad a_w = \mathrm{argmax}_{i \in w}\, x_i, \qquad u_i = \begin{cases} q_w & i = a_w \text{ of some window } w \\ 0 & \text{else} \end{cases}$$
#
# where $q$ is what other layers have made of $p$ meanwhile. The slide's example in plain TensorFlow:

# %%
example = np.array([[1, 2, 6, 3], [3, 5, 2, 1], [1, 2, 2, 1], [7, 3, 4, 8]])
image = tf.constant(example[None, ..., None], tf.float32)
processed = tf.constant([[1.0, 2.0], [3.0, 4.0]])[None, ..., None]

pooled, places = tf.nn.max_pool_with_argmax(
    image, 2, 2, "VALID", include_batch_in_index=True
)
values, at = tf.reshape(processed, [-1]), tf.reshape(places, [-1, 1])
flat = tf.scatter_nd(at, values, [tf.size(image, tf.int64)])
unpooled = tf.reshape(flat, image.shape)

# %% [markdown]
# (`include_batch_in_index` matters. Programs without it let the first image of a batch get everybody's values.) The same
# with the layers of `fcn`:

# %% mystnb={"image": {"alt": "Four grids of numbers. The input, 4 by 4, with the maxima 5, 6, 7 and 8 in colour; max pooling, 5 6 7 8; after other layers, 1 2 3 4; unpooling, 4 by 4, with 1, 2, 3 and 4 at the places of the maxima and zeros elsewhere"}}
from fcn.layers import MaxPoolingWithArgmax2D, MaxUnpooling2D
from fcn.plots.unpooling import draw_unpooling

maxima, indices = MaxPoolingWithArgmax2D(2)(image)
back = MaxUnpooling2D(2)(processed, indices)
np.testing.assert_array_equal(maxima, pooled)
np.testing.assert_array_equal(back, unpooled)

grids = (image, maxima, indices, processed, back)
draw_unpooling(*(grid[0, ..., 0] for grid in grids))
plt.show()

# %% [markdown]
# **What to see.** Follow one colour: the 5 is found in row 1, column 1 (counted from 0); the other layers make a 1 of it; the 1 returns to
# row 1, column 1. The cost: one whole number for each pooled value.
#
# **Odd sizes.** A map 5 pixels wide is pooled to 2. Unpooled, is it 4 wide or 5? The layer cannot know, and an index
# counts by the true width. Give it the map that was pooled, with `like=`:

# %%
odd = photo("cat")[None, :75, :101].astype(np.float32)
maxima, indices = MaxPoolingWithArgmax2D(2)(odd)
unpool = MaxUnpooling2D(2)
restored = unpool(maxima, indices, like=odd).numpy()
kept = restored > 0
np.testing.assert_array_equal(restored[kept], odd[kept])
print(odd.shape, "->", maxima.shape, "->", restored.shape)
try:
    unpool(maxima, indices)
except ValueError:
    print("without like: refused, since the indices do not fit a width of 100")

# %% [markdown]
# ### Why `UpSampling2D` in its place is not SegNet
#
# Many programs named SegNet pool with `MaxPooling2D` and enlarge with `UpSampling2D`. Let us see what is lost, on the map
# of an edge detector. (Such maps are what early layers hold.) We pool by 4, and come back by both ways.

# %%
cup = photo("coffee")[100:260, 180:372].mean(axis=-1) / 255
gradient = tf.image.sobel_edges(tf.constant(cup[None, ..., None], tf.float32))
edges = tf.norm(gradient, axis=-1).numpy()
maxima, indices = MaxPoolingWithArgmax2D(4)(edges)
enlarged = keras.layers.UpSampling2D(4)(maxima).numpy()
unpooled = MaxUnpooling2D(4)(maxima, indices).numpy()

kept = unpooled > 0
np.testing.assert_array_equal(unpooled[kept], edges[kept])
row, column = np.divmod(indices[0, ..., 0], edges.shape[2])
middle_row = np.arange(row.shape[0])[:, None] * 4 + 1.5
middle_column = np.arange(row.shape[1]) * 4 + 1.5
off = np.hypot(row - middle_row, column - middle_column).mean()
print(f"a maximum stands {off:.1f} pixels from the middle of its window")

# %% [markdown]
# Every number that unpooling puts down is right, in value and place: that is what the cell asserts. `UpSampling2D` spreads
# it over the window instead, and the best guess of its place, the middle, is off by the printed distance.
#
# Now unpooling leaves holes. In SegNet, convolutions fill them. So be fair, and let the **best possible** 7 x 7 filter
# (least squares; `normal` and `solve` are its normal equations, and 1e-6 keeps them solvable) restore the edges from each:

# %%
from fcn.matrix import im2col


def restored_from(maps):
    """The edges, as well as one linear 7x7 filter can find them in these maps."""
    windows = im2col(maps, 7, padding=3).astype(np.float64)
    normal = windows.T @ windows + 1e-6 * np.eye(windows.shape[1])
    weights = np.linalg.solve(normal, windows.T @ edges.ravel())
    return (windows @ weights).reshape(edges.shape)


ways = {"UpSampling2D": enlarged, "unpooling": unpooled}
filled = {way: restored_from(maps) for way, maps in ways.items()}
errors = {way: np.sqrt(np.mean((m - edges) ** 2)) for way, m in filled.items()}
share = errors["unpooling"] / errors["UpSampling2D"]
print(f"the error after unpooling is {share:.2f} of that after UpSampling2D")

# %% mystnb={"image": {"alt": "Edges of a coffee cup, bright on black. Above: the edges; UpSampling2D, the same as coarse squares; unpooling, single bright dots along the edges. Below: the pooled map; after the best filter UpSampling2D gives thick blurred lines, unpooling thinner lines that are a little grainy"}}
shown = {"edges": edges, **ways, "pooled by 4": maxima}
shown |= {f"{way}, then the best filter": maps for way, maps in filled.items()}
panels = plt.figure(figsize=(10, 5.9), layout="constrained").subplots(2, 3)
for ax, (title, maps) in zip(panels.flat, shown.items()):
    ax.imshow(maps[0, ..., 0], cmap="magma", vmin=0, vmax=edges.max())
    ax.set_title(title, fontsize=11)
    ax.set_axis_off()
plt.show()

# %% [markdown]
# **What to see.** `UpSampling2D` knows the edge to a block, unpooling to a pixel. After the filter the one gives a broad, dim
# smear, the other a fine, bright line, beaded like the maxima that it was made of. The printed share says how much smaller
# its error is, though holes are hard for a single *linear* filter. (SegNet's decoder has several layers with ReLUs between.
# U-Net takes another way, and hands over the whole map in place of the indices.) A network without the indices is another
# network, and should not be called SegNet.

# %% [markdown]
# ## 5. Transposed convolution: learn it
#
# Lecture 6 wrote a convolution as a matrix: $y = C x$. A matrix has a **transpose**, and $C^\top$ leads from the size of
# $y$ to the size of $x$. That is all:
#
# $$\text{transposed convolution:} \qquad x' = C^\top y, \qquad \text{size } n' = (n - 1) S + F - 2 P$$
#
# with $F = d(k-1)+1$ as in lecture 6. With Keras' `"same"`, $n' = nS$: what sticks out is cut off. Several sizes of $x$ may give
# one size of $y$; *output padding* then adds the missing cells at the end.
#
# The slide's letters, with stride 1 and then with stride 2. (The kernel stands as the window holds it, $z\,y\,x$.)

# %% mystnb={"image": {"alt": "The matrix of a convolution with the kernel z y x and stride 1, 5 by 5, and beside it its transpose, with input and output letters; the colours of the weights show that rows became columns"}}
from fcn.matrix import convolution_matrix
from fcn.plots.matrix import draw_transposes, written_out

draw_transposes("zyx", 5, padding=1, inputs="0abc0", transpose_inputs="0abc0")
plt.show()

# %% [markdown]
# **What to see.** Rows have become columns: $z$ now stands right of the diagonal, and $x$ left of it. The transpose is a
# convolution, too, with the kernel turned round. Now with stride 2:

# %% mystnb={"image": {"alt": "The same with stride 2: a matrix of 3 rows and 5 columns, whose rows move on by two, and its transpose of 5 rows and 3 columns, which makes five outputs ay, ax plus bz, by, bx plus cz, cy of the three inputs a, b, c"}}
draw_transposes(
    "zyx", 5, stride=2, padding=1, inputs="0abc0", transpose_inputs="abc"
)
plt.show()

# %% [markdown]
# **What to see.** The convolution makes 3 of 5, its transpose 5 of 3. In a **column** of $C^\top$ stands the whole kernel: every input puts a copy of the
# kernel down, the copies two steps apart, and where they overlap they add up. (In the
# outermost columns the padding has cut it.) It is section 2, with weights of our own.

# %%
names = np.array(["0", "z", "y", "x"])
C = names[convolution_matrix([1, 2, 3], 5, stride=2, padding=1)]
assert written_out(C, "0abc0") == ["ax", "az + by + cx", "cz"]
assert written_out(C.T, "abc") == ["ay", "ax + bz", "by", "bx + cz", "cy"]

# %% [markdown]
# So there are three ways to calculate it, and they must agree: the transposed matrix; the layer of Keras; and **zeros
# between the inputs, then a convolution with the kernel turned by 180°**,
# inside a frame of $F - 1 - P$ zeros, here 2.

# %%
generator = np.random.default_rng(0)
kernel = generator.normal(size=(3, 3)).astype(np.float32)
small = generator.normal(size=(1, 4, 4, 1)).astype(np.float32)

C = convolution_matrix(kernel, 9, stride=2)  # from 9 x 9 to 4 x 4
by_matrix = (C.T @ small.ravel()).reshape(9, 9)

layer = keras.layers.Conv2DTranspose(1, 3, strides=2, use_bias=False)
layer.build(small.shape)
layer.set_weights([kernel[..., None, None]])

spread = zeros_between(small)[:, :7, :7]  # no zero after the last
framed = tf.pad(spread, [[0, 0], [2, 2], [2, 2], [0, 0]])
turned = kernel[::-1, ::-1, None, None]
by_zeros = tf.nn.conv2d(framed, turned, 1, "VALID")[0, ..., 0]

# %% [markdown]
# Are they one?

# %%
np.testing.assert_allclose(layer(small)[0, ..., 0], by_matrix, atol=1e-5)
np.testing.assert_allclose(by_zeros, by_matrix, atol=1e-5)
print(small.shape[1:3], "->", by_matrix.shape, "three times the same")

# %% mystnb={"image": {"alt": "Left 4 by 4 blue cells with grey zero cells between them and a dashed frame two cells wide; a window of 3 by 3 on it, in orange, with inputs at its four corners; right an output of 9 by 9 cells, one of them marked"}}
from fcn.plots.grids import draw_transposed_convolution

draw_transposed_convolution(4, 3, stride=2, position=(4, 4))
plt.show()

# %% [markdown]
# **What to see.** Blue: the inputs. Grey: the zeros that the stride has put between them. The window moves by one, not by
# two: the stride has gone into the zeros. (That is how to *see* it. A library never multiplies by those zeros.)
#
# ### What it is not
#
# You will meet the name *deconvolution* for this layer. We forbid it: that word belongs to the **inverse** of a
# convolution, which gives $x$ back from $Cx$. The transpose does not. See it on a photograph, with a
# blur as $C$: 1600 x 1600 numbers, so that we can truly invert it.

# %%
face = photo("astronaut")[60:220:4, 160:320:4].mean(axis=-1) / 255
row = np.array([1, 4, 6, 4, 1]) / 16
blur = convolution_matrix(np.outer(row, row), face.shape, padding=2)
blurred = blur @ face.ravel()
pictures = {
    "x": face,
    "C x": blurred,
    "CᵀC x, the transpose": blur.T @ blurred,
    "C⁻¹C x, the inverse": np.linalg.solve(blur, blurred),
}
for name, picture in list(pictures.items())[2:]:
    print(f"{name:20} error {np.abs(picture.ravel() - face.ravel()).mean():.2f}")

# %% mystnb={"image": {"alt": "Four small grey pictures of an astronaut's face: as it is; blurred; after the transpose, blurred twice over and dark at the border; after the inverse, as it was"}}
panels = plt.figure(figsize=(10, 2.9), layout="constrained").subplots(1, 4)
for ax, (name, picture) in zip(panels, pictures.items()):
    ax.imshow(picture.reshape(face.shape), cmap="gray", vmin=0, vmax=1)
    ax.set_title(name, fontsize=10)
    ax.set_axis_off()
plt.show()

# %% [markdown]
# **What to see.** The transpose of a blur is a blur: $C^\top C x$ is blurred *twice*. What it does undo is the **size**, and
# the **wiring**: output $i$ goes back to just those inputs that it was made of, with the same weights. That is also the way of
# a gradient: if $y = Cx$, then $\partial L / \partial x = C^\top\, \partial L / \partial y$. A transposed
# convolution is the backward pass of a convolution, used forwards.
#
# ### Surgery: start as interpolation
#
# The weights can be learnt. But from where should they start? A column of $C^\top$ is a kernel put down by a sample;
# choose a *bilinear* kernel, and the layer interpolates. The **FCN** (Long et al. 2015) starts so:

# %%
from fcn.initializers import BilinearInitializer


def transposed(initializer):
    """A transposed convolution that doubles pictures of three channels."""
    return keras.layers.Conv2DTranspose(
        3, 4, 2, "same", use_bias=False, kernel_initializer=initializer
    )


interpolating = transposed(BilinearInitializer())(eye)
np.testing.assert_allclose(
    interpolating, upsample(eye, 2, border="zero"), atol=1e-5
)
inside = (0, slice(1, -1), slice(1, -1))
resized = tf.image.resize(eye, (80, 96))
np.testing.assert_allclose(interpolating[inside], resized[inside], atol=1e-5)

# %% [markdown]
# Is the start worth it? We pool a photograph by 2 (averages), and train the layer to undo the pooling. Once it starts from
# random weights, once from bilinear ones.

# %% tags=["nbval-ignore-output"]
whole = photo("cat")[20:276, 60:380].astype(np.float32) / 255
patches = whole.reshape(4, 64, 5, 64, 3).swapaxes(1, 2).reshape(20, 64, 64, 3)
coarse = tf.nn.avg_pool2d(patches, 2, 2, "VALID")
starts = {"random": keras.initializers.GlorotUniform(0)}
starts["bilinear"] = BilinearInitializer()
models, losses = {}, {}
for start, initializer in starts.items():
    models[start] = keras.Sequential([keras.Input((None, None, 3))])
    models[start].add(transposed(initializer))
    models[start].compile(keras.optimizers.Adam(0.01), "mse")
    log = models[start].fit(
        coarse, patches, epochs=60, batch_size=20, shuffle=False, verbose=0
    )
    losses[start] = np.sqrt(log.history["loss"])

# %% mystnb={"image": {"alt": "Two falling curves of the error over 60 steps, logarithmic. Random starts at about 0.5 and comes down slowly; bilinear starts more than ten times lower, rises for a moment, and falls on"}}
ax = plt.figure(figsize=(7, 3), layout="constrained").subplots()
for start, style in (("random", "--"), ("bilinear", "-")):
    ax.semilogy(losses[start], style, label=f"starts {start}")
ticks = [0.03, 0.1, 0.3]
ax.set_yticks(ticks, ticks)
ax.minorticks_off()
ax.set(xlabel="step", ylabel="error (of 1)")
ax.legend(frameon=False)
plt.show()
assert losses["bilinear"].max() < losses["random"].min()
assert losses["bilinear"][-1] < losses["bilinear"][0]

# %% [markdown]
# **What to see.** The bilinear start is ahead of all that the random one reaches in these sixty steps, and still improves.
# (The first steps of Adam are too large for weights that are nearly right, hence the bump.) (FCN froze its last bilinear layer, and learnt those before it.)

# %% [markdown]
# ## 6. Checkerboards
#
# Pictures made by transposed convolutions often carry a grid of light and dark squares. Odena et al. (2016) explain it.
# With kernel 3 and stride 2, copies of the kernel overlap in every *second* row and column. Count how often each pixel
# is written:

# %% mystnb={"image": {"alt": "Two squares. Kernel 3, stride 2: a grid of bright dots, crossed by lines, checkerboard 19 percent. Kernel 4, stride 2: even inside, darker at the border, checkerboard 0 percent"}}
from fcn.checkerboard import checkerboard_energy, overlap, response_to_constant
from fcn.plots.kernels import draw_checkerboard

counts = {
    f"kernel {side}, stride 2": overlap(side, 2, 8, padding="same")
    for side in (3, 4)
}
draw_checkerboard(counts, 2, border=2)
plt.show()

# %% [markdown]
# **What to see.** Where the stride does not divide the kernel, pixels are written 1, 2 or 4 times by turns;
# with equal weights this is the pattern that one sees. Where it does, all get the same (inside the dashed frame). The number is the share of the picture's energy that repeats with the stride,
# and is not constant; `checkerboard_energy` takes it from the means of the pixels at each of the $S \times S$ places $p$ of a block:
#
# $$E = \frac{\mathrm{var}_p(m_p)}{\mathrm{mean}_i (x_i^2)}, \qquad m_p = \text{mean of all pixels at place } p$$

# %%
counted = counts["kernel 3, stride 2"][2:-2, 2:-2]
means = [counted[i::2, j::2].mean() for i in (0, 1) for j in (0, 1)]
by_hand = np.var(means) / np.mean(counted.astype(float) ** 2)
np.testing.assert_allclose(
    checkerboard_energy(counts["kernel 3, stride 2"], 2, border=2), by_hand
)

# %% [markdown]
# So take kernel 4? Counting is not all. The four places of a block are made by four *different* sets of weights, and random
# ones do not sum to the same. Two other layers to compare:
#
# - **Resize, then convolve** (Odena's advice): bilinear upsampling, then an ordinary convolution.
# - **Sub-pixel convolution** (Shi et al. 2016): a convolution on the *small* map that makes $r^2$ channels for each one
#   wanted, whose numbers are then laid out as the $r \times r$ pixels of a block. The laying out by hand, on a photograph
#   that we have taken apart ourselves:

# %% mystnb={"image": {"alt": "Four small grey pictures of a cup of coffee that look alike, and the large picture that they make when their pixels are interleaved"}}
phases = [cup[i::2, j::2] for i in (0, 1) for j in (0, 1)]
maps = np.stack(phases, axis=-1)[None]
blocks = maps.reshape(80, 96, 2, 2)  # the channels as rows and columns
together = blocks.transpose(0, 2, 1, 3).reshape(cup.shape)
np.testing.assert_array_equal(together, cup)
np.testing.assert_array_equal(tf.nn.depth_to_space(maps, 2)[0, ..., 0], cup)

named = {f"channel {k}": phase for k, phase in enumerate(phases)}
panels = plt.figure(figsize=(10, 2.5), layout="constrained").subplots(
    1, 5, width_ratios=(1, 1, 1, 1, 2)
)
for ax, (name, picture) in zip(panels, {**named, "laid out": cup}.items()):
    ax.imshow(picture, cmap="gray", vmin=0, vmax=1)
    ax.set(title=f"{name}\n{picture.shape[0]} x {picture.shape[1]}")
    ax.set_axis_off()
plt.show()

# %% [markdown]
# **What to see.** Four small pictures, each with every second pixel, make the large one. A sub-pixel layer has to *learn* that
# its channels fit together. At the start they do not, unless one copies: **ICNR** (Aitken et al. 2017) draws the weights of one channel
# and gives the same to all $r^2$, so that the layer starts as a convolution with nearest upsampling behind it.
#
# What does each layer, untrained, make of a constant? Any pattern is the layer's own.

# %%
from fcn.layers import BilinearUpsampling2D, SubPixelUpsampling2D


def layers(seed):
    """Five untrained layers that double a map, with the same source of weights."""
    init = {"kernel_initializer": keras.initializers.GlorotUniform(seed)}
    transposed, convolution = keras.layers.Conv2DTranspose, keras.layers.Conv2D
    smooth = [BilinearUpsampling2D(2), convolution(1, 3, padding="same", **init)]
    return {
        "transposed 3 / 2": transposed(1, 3, 2, "same", **init),
        "transposed 4 / 2": transposed(1, 4, 2, "same", **init),
        "sub-pixel": SubPixelUpsampling2D(2, 1, **init),
        "sub-pixel, ICNR": SubPixelUpsampling2D(2, 1, icnr=True, **init),
        "resize, convolve": keras.Sequential(smooth),
    }


# %%
energies = []
for seed in range(5):
    flat = {k: response_to_constant(f, channels=8) for k, f in layers(seed).items()}
    energies.append([checkerboard_energy(m, 2, border=4) for m in flat.values()])
for name, energy in zip(flat, np.mean(energies, axis=0)):
    print(f"{name:17} {energy:.0%} of the energy, mean of five draws")

# %% [markdown]
# And of the cup of coffee?

# %% mystnb={"image": {"alt": "A cup of coffee in grey, enlarged by five untrained layers: the two transposed convolutions and the plain sub-pixel layer cover it with a regular grid of dots; sub-pixel with ICNR shows it in squares, and resize and convolve smoothly, without a grid"}}
tiny = tf.constant(cup[None, 20:116:2, 40:136:2, None], tf.float32)
panels = plt.figure(figsize=(10, 2.6), layout="constrained").subplots(1, 5)
for ax, (name, layer) in zip(panels, layers(3).items()):
    made = layer(tiny)[0, 4:-4, 4:-4, 0].numpy()
    made *= np.sign(made.mean())  # random weights may turn dark to light
    ax.imshow(made, cmap="gray")
    ax.set_title(name, fontsize=10)
    ax.set_axis_off()
plt.show()

# %% [markdown]
# **What to see.** All three layers that write the pixels of a block with different weights start with the grid, *kernel 4 with stride
# 2 as well*. Do not read an order into the first three numbers: five draws scatter by a tenth. The four means $m_p$ are
# independent and as often negative as positive, so on average the share is $1 - \frac14$ for all three. That the stride
# divides the kernel does not mean that there is no grid; it means that *equal* weights draw none. Nor must kernel 3 have
# one: the slide's kernel of section 2 has 3 x 3 taps, stride 2, and four sums of 1. Training can make the sums agree in
# either case; with kernel 3, one weight must balance the sum of four. Did it, in section 5? There, too, a layer of kernel 4 and stride 2 started from random weights:

# %%
keras.utils.set_random_seed(0)
untrained = transposed(keras.initializers.GlorotUniform(0))
trained = models["random"].layers[-1]
for name, layer in {"before": untrained, "after": trained}.items():
    made = response_to_constant(layer, channels=3)
    print(f"{name:6} training {checkerboard_energy(made, 2, border=4):.1f}")

# %% [markdown]
# It did, for there was one plain aim. In a deep network with a vaguer aim, some of the grid is often left. And mind the
# backward pass: the gradient of an ordinary convolution with stride *is* a transposed convolution. Checkerboards in the
# image gradients of networks whose convolutions have strides, ResNet for one, come from there. (The network of lecture 4
# has none: it shrinks by pooling.)
#
# | to enlarge | weights | remembers where | grid at the start | mind |
# |:--|:--|:--|:--|:--|
# | bilinear | none | no | no | half-pixel, both ways |
# | unpooling | none | yes | no, but holes | convolve behind it; odd sizes: `like=` |
# | transposed convolution | $F^2$ per pair of channels | no | yes, unless bilinear | stride divides the kernel |
# | sub-pixel | $r^2 F^2$ | no | yes, unless ICNR | its $F \times F$ cells are old ones: it sees $r$ times as far |
# | resize, convolve | $F^2$ | no | no | as many multiply-adds as sub-pixel, with $r^2$ times fewer weights |

# %% [markdown]
# ## 7. Try it
#
# A transposed convolution undoes the size of a convolution from 7 to $n$. Choose stride, padding and dilation of that
# convolution; see the grid, and the matrix of one direction. (Where the stride leaves something over, *output padding*
# adds what is missing.)


# %% mystnb={"image": {"alt": "Left the grid picture of a transposed convolution from 4 by 4 to 7 by 7 with kernel 3 and stride 2; right the matrix of one direction, 7 by 4, with the sums that it computes"}}
from fcn.plots.matrix import draw_matrix


def show(stride, padding, dilation):
    """The grid and the matrix of one transposed convolution that makes 7 x 7."""
    n, left_over = divmod(7 + 2 * padding - 2 * dilation - 1, stride)
    where = {"stride": stride, "padding": padding, "dilation": dilation}
    figure = plt.figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    draw_transposed_convolution(
        n + 1, 3, **where, output_padding=left_over, position=(3, 3), ax=left
    )
    draw_matrix("zyx", 7, **where, transpose=True, ax=right)
    plt.show()


show(stride=2, padding=1, dilation=1)

# %% [markdown]
# **What to see.** Four inputs, seven outputs: by turns an output sees one input, or two. That is the overlap of section 6.
# And the eye of the cat, by any factor and method:


# %% mystnb={"image": {"alt": "A cat's eye, enlarged three times by the bicubic method, smooth, with a bright reflection at the top left of the pupil"}}
def enlarge(factor, method):
    """The eye of the cat."""
    plt.imshow(np.clip(upsample(eye, factor, method)[0], 0, 1))
    plt.axis("off")
    plt.show()


enlarge(3, "bicubic")

# %% [markdown]
# **What to see.** The pixels of the beginning are gone, the details that they had lost have not come back.

# %% tags=["widget", "nbval-ignore-output"]
import os

import ipywidgets

if "LECTURE_STILL" not in os.environ:  # while it is built or tested, nobody slides
    ipywidgets.interact(show, stride=(1, 3), padding=(0, 2), dilation=(1, 2))
    methods = ["nearest", "bilinear", "bicubic"]
    ipywidgets.interact(enlarge, factor=(1, 8), method=methods)

# %% [markdown]
# ## Self-test
#
# Answer first, then unfold.
#
# <details><summary>1. What does a transposed convolution undo, and what not?</summary>
#
# It undoes the change of size, and goes back along the same connections: input i and output j are joined by the same weight. It does not undo the values: C<sup>T</sup> C x is not x, unless the rows and columns of C happen to be orthonormal. After a blur it blurs once more.
# </details>
#
# <details><summary>2. Why must the weights of a kernel for the factor f sum to f<sup>2</sup>?</summary>
#
# Of f<sup>2</sup> pixels of the spread picture, one is a sample and the others are zero. So each new pixel sees one tap in f<sup>2</sup>, and those that it sees must sum to 1 if a constant is to stay constant. There are f<sup>2</sup> such sets of taps. (Section 6: a grid appears where the sets have different sums.)
# </details>
#
# <details><summary>3. A colleague's masks all lie a little to the left of and above the objects. What do you look for first?</summary>
#
# An asymmetric enlargement behind a pooling that is symmetric, as with resize functions of old. The shift grows with the factor, (f - 1)/2 pixels: compare the masks of an 8-times and a 32-times network.
# </details>
#
# <details><summary>4. Two maxima in one window are equal. What does unpooling do?</summary>
#
# The pooling has to choose one (here the first, row by row), and only that one gets the value. After a ReLU this is no rare case: in a window full of zeros all are equal.
# </details>
#
# <details><summary>5. Input (a, b), kernel (z, y, x) as the window holds it, stride 2, no padding. What is the transposed convolution?</summary>
#
# (az, ay, ax + bz, by, bx): the size is (2 - 1) 2 + 3 = 5. The copies of the kernel overlap in one place.
# </details>
#
# <details><summary>6. Kernel 4 and stride 2: every pixel is written four times. Why is there a grid all the same?</summary>
#
# Each of the four places in a block is written with its own four weights. If these four sums differ, as random ones do, a constant input gives a pattern of period 2. Training may make them equal. With kernel 3 the four places have 1, 2, 2 and 4 weights; they can have equal sums, too, but equal weights do not give them.
# </details>
#
# <details><summary>7. ICNR and "resize, then convolve" both start without a grid. Where do they differ?</summary>
#
# ICNR starts as nearest upsampling, in squares, and training may let the four sets of weights drift apart. Resize and convolve has one set for all pixels and never draws a grid inside a constant area; but its F x F window lies on the large map, so for the same multiply-adds it sees less far.
# </details>

# %% [markdown]
# ## Exercises
#
# 1. Enlarge the eye 3 times, bilinear, half-pixel, with `insert_zeros` and a kernel from
#    `fcn.interpolation.interpolation_kernel`. By how many pixels must you shift what `filtered` gives? And for the
#    factors 2, 4 and 5? (Look at `fcn.interpolation.tap_offsets`.)
# 2. Enlarge by 2, then by 2 again, with the asymmetric kernel. How far has the picture moved? Compare $(f - 1)/2$ for $f = 4$.
# 3. Take `padding="same"` for pooling and unpooling on the picture of 75 x 101 pixels. Which pixels are now seen that were not?
# 4. Show that $\langle C x, y \rangle = \langle x, C^\top y \rangle$ for random $x$ and $y$, with `Conv2D` and
#    `Conv2DTranspose` in place of matrices. Print both `kernel.shape`s: must any axes change places, and why not?
# 5. Add noise of 0.001 to `blurred` before you solve for the inverse. What do you see, and why does nobody undo a blur so?
# 6. `fcn.checkerboard.gradient_of_sum` gives the gradient of a layer's summed output. Find the checkerboard of
#    `Conv2D(1, 3, strides=2)`, and a kernel that has none.
# 7. Write a sub-pixel convolution with $r = 2$ and kernel 3 as *one* transposed convolution. How large is its kernel? (Shi
#    et al. 2016, second note.)
#
# ## References
#
# - Larson, *CS8321 Machine Learning and Neural Networks*, Southern Methodist University: the slides.
# - Keys, *Cubic convolution interpolation for digital image processing*, IEEE Transactions on Acoustics, Speech, and
#   Signal Processing, 1981.
# - Zeiler, Krishnan, Taylor and Fergus, *IEEE Conference on Computer Vision and Pattern Recognition*, 2010, and
#   Zeiler, Taylor and Fergus, *International Conference on Computer Vision*, 2011. (Both titles carry the name
#   that we forbid. There it means something else: maps from which a picture is built, found by optimisation.)
# - Zeiler and Fergus, *Visualizing and understanding convolutional networks*, ECCV 2014: unpooling by switches.
# - Long, Shelhamer and Darrell, *Fully convolutional networks for semantic segmentation*, CVPR 2015.
# - Badrinarayanan, Kendall and Cipolla, *SegNet: a deep convolutional encoder-decoder architecture for image
#   segmentation*, IEEE Transactions on Pattern Analysis and Machine Intelligence, 2017.
# - Dumoulin and Visin, *A guide to convolution arithmetic for deep learning*, 2016.
# - Shi et al., *Real-time single image and video super-resolution using an efficient sub-pixel convolutional neural
#   network*, CVPR 2016; and *Is the ... layer the same as a convolutional layer?*, 2016, the second note.
# - Odena, Dumoulin and Olah, on checkerboard artifacts, Distill 2016, doi:10.23915/distill.00003.
# - Aitken et al., *Checkerboard artifact free sub-pixel convolution*, 2017.
