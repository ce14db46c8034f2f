# %% [markdown]
# # Lecture 3. DeepDream: let the network paint what it sees
#
# **After this lecture you can**
#
# - write DeepDream in ten lines: one layer, one normalised gradient, one clip;
# - say what octaves, lost detail and jitter are for, and show what happens without each of them;
# - choose what is dreamt: early or late layers, several with weights, one channel, or a second photograph as a guide;
# - dream over a photograph that is larger than the memory, and turn a dream into a film;
# - say what a dream tells about a network, and what it does not.
#
# **Time** 60 minutes. **You need** lecture 1 (activation maps, receptive fields) and lecture 2 (gradient ascent).
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
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

import cnnviz
from cnnviz.dream import dream, zoom
from data import photo, resize

# Here TensorFlow says, once, whether it has found a GPU. None is needed.
devices = tf.config.list_logical_devices()


# %% [markdown]
# ## 1. The idea
#
# In lecture 2 we began with noise and climbed until one unit was as active as could be. DeepDream (Mordvintsev, Olah and
# Tyka 2015) changes two things. It begins with a *photograph*, and it does not choose the unit: whatever a layer $A$
# sees in the photograph already, it is to see more of. If a cloud looks a little like a dog, make it look more like a dog.
#
# The layer's say is the mean of its squared activations, $f_A(I) = \frac{1}{n} \sum_{i,j,k} a^A_k(i,j)^2$: the square
# favours what is strong already. Then, step by step,
#
# $$I \;\leftarrow\; \epsilon \Big( I + \eta \sum_A \nabla f_A(I) \Big)$$
#
# $\epsilon$ clips the pixels to the valid range, here 0..255. The gradient's size differs by orders of magnitude from
# layer to layer and from step to step, so it is multiplied by its *inverse L1 norm*: divided by the mean of its absolute
# values. (The slide writes that into the text, not into the equation; and an L1 *norm* proper is a sum, $n$ times the mean.)
# Then $\eta$ has a meaning: by how many grey levels a pixel changes in one step, on average.
#
# Our network is the one of lecture 1. Two photographs will be dreamt over.

# %%
net = cnnviz.load()
coffee, rocket = resize(photo("coffee"), 176), resize(photo("rocket"), 176)


def show(pictures, titles, columns=2, wide=4.2):
    """Pictures side by side."""
    rows = -(-len(pictures) // columns)
    high = wide * max(p.shape[0] / p.shape[1] for p in pictures) + 0.35
    size = (wide * columns, high * rows)
    axes = plt.figure(figsize=size, layout="constrained").subplots(rows, columns)
    for ax, picture, title in zip(np.ravel(axes), pictures, titles, strict=True):
        ax.imshow(picture)
        ax.set_title(title, fontsize=10)
        ax.set_axis_off()
    plt.show()


# %% mystnb={"image": {"alt": "Two photographs: a cup of espresso on a red saucer with a spoon, and a rocket on its launch pad at dusk under an empty sky"}}
show([coffee, rocket], ["coffee", "rocket"])

# %% [markdown]
# ## 2. By hand
#
# A model that ends at the layer, a gradient, a division, a clip. This is the equation above, line by line.

# %%
layer = "block4_conv2_relu"
part = tf.keras.Model(net.model.input, net.model.get_layer(layer).output)


@tf.function
def gradient(pixels):
    """The gradient of the mean squared activation, over its L1 norm."""
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        objective = tf.reduce_mean(part(pixels) ** 2)
    slope = tape.gradient(objective, pixels)
    return slope / tf.reduce_mean(tf.abs(slope)), objective


# %% mystnb={"image": {"alt": "The coffee cup after fifteen steps, covered with small arches and eyes, and a curve of the objective: a nearly straight line that rises to many times its beginning"}}
pixels, climb = tf.constant(coffee[None], tf.float32), []
for _ in range(15):
    direction, objective = gradient(pixels)
    pixels = tf.clip_by_value(pixels + 1.5 * direction, 0, 255)
    climb.append(float(objective))

left, right = plt.figure(figsize=(8.4, 3), layout="constrained").subplots(1, 2)
left.imshow(pixels[0].numpy().astype(np.uint8))
left.set_axis_off()
right.plot(climb, color="#c2410c")
right.set_xlabel("step")
right.set_ylabel("mean of the squared activations")
right.set_ylim(0)
plt.show()

# %% [markdown]
# **What to see.** The objective rises many times over, though on average a pixel has moved by less than ten grey levels.
# Small arches and round dark things, like eyes, have grown wherever there was the least excuse for them: along edges, in
# the grain of the wood. But all of them are of one size, and small.
#
# The package's `dream` does the same when it is told to work at one size only and not to move the picture. One step of
# each must agree (`dream` rounds its result to uint8, so by one grey level at most):

# %%
one_size = {"octaves": 1, "jitter": 0, "verbose": False}
start = tf.constant(coffee[None], tf.float32)
by_hand = tf.clip_by_value(start + 1.5 * gradient(start)[0], 0, 255)[0]
np.testing.assert_allclose(
    dream(net, coffee, layer, steps=1, **one_size), by_hand, atol=1
)
print("one step by hand and one of the package agree")

# %% [markdown]
# ## 3. Octaves
#
# Why is everything so small? A cell of `block4_conv2` sees 68 pixels and no more: its **receptive field** (lecture 1).
# Whatever it likes, it can only paint at that size. The remedy is not another layer but another photograph: *the same one,
# made smaller*. On a photograph half as wide the same cell sees twice as much of it.
#
# So one dreams over the photograph at several sizes, called **octaves**, the smallest first, and carries the dream
# upwards. Each size is 1.4 times the one before:

# %%
from cnnviz.dream.octaves import octave_sizes, resized

sizes = octave_sizes(coffee.shape[:2], octave_scale=1.4)
for height, width in sizes:
    share = 100 * 68 / width
    print(f"{height:3} x {width:3} pixels: a cell sees {share:.0f} % of the width")

# %% [markdown]
# Carrying it upwards has a catch. Who shrinks a picture and enlarges it again gets it back blurred. The detail that
# was **lost** is known, though, for we have the photograph. With $P$ the photograph at the new size and $D$ the dream at
# the old one, the next octave begins with the dream, enlarged, and the lost detail:
#
# $$I = \mathrm{enlarge}(D) + \left( P - \mathrm{enlarge}(\mathrm{shrink}(P)) \right) .$$

# %% mystnb={"image": {"alt": "A crop of the coffee cup three times: sharp, blurred after shrinking and enlarging, and the difference between them, grey with the edges of the cup and the grain of the wood in it"}}
sharp = coffee.astype(np.float32)
blurred = resized(resized(sharp, sizes[0]), coffee.shape[:2])
lost = sharp - blurred
crop = np.s_[20:110, 60:200]
pictures = [sharp[crop], blurred[crop], 128 + lost[crop]]
show(
    [np.clip(picture, 0, 255).astype(np.uint8) for picture in pictures],
    ["the photograph", "shrunk and enlarged", "lost detail (grey is none)"],
    columns=3,
    wide=3,
)

# %% [markdown]
# **What to see.** The middle picture would be the ground on which the last octave dreams, were the right one not added to
# it. (A detail that the dream has painted over comes back as well: that is why photographs shine through dreams.)
#
# All octaves by hand, with the `gradient` from above; only the resizing is borrowed:

# %%
dreamt = resized(sharp, sizes[0])
for size, smaller in zip(sizes, [sizes[0], *sizes], strict=False):
    ground = resized(sharp, size)
    lost = ground - resized(resized(sharp, smaller), size)
    dreamt = np.clip(resized(dreamt, size) + lost, 0, 255)
    for _ in range(2):
        direction, _ = gradient(tf.constant(dreamt[None]))
        dreamt = np.clip(dreamt + 1.5 * direction[0].numpy(), 0, 255)

packaged = dream(net, coffee, layer, steps=2, jitter=0, verbose=False)
difference = np.abs(packaged - dreamt).mean()
assert difference < 1
print("the octaves agree, to less than one grey level on average")

# %% [markdown]
# The last comparison is of means. A max pooling may pick another of two nearly equal cells after a rounding error, and
# from there on two dreams part: a long dream is *chaotic*. The same program on another computer dreams differently
# in detail, and alike on the whole.

# %% mystnb={"image": {"alt": "The coffee cup dreamt at one size, covered with small patterns only, and dreamt through four octaves: dogs' faces and coils of brass in the cup, large arches and eyes all over the table"}}
dreams = [
    dream(
        net, coffee, "block5_conv1_relu", steps=14, octaves=octaves, verbose=False
    )
    for octaves in (1, 4)
]
show(dreams, ["one octave", "four octaves"], wide=5.2)

# %% [markdown]
# **What to see.** With octaves there is structure at every scale: large shapes from the small picture, their outlines
# refined in the larger ones, fine strokes from the last. Look for snouts with two eyes above them, for windows with pointed
# arches, for coils of brass. This network learnt twelve classes; among them are *cat*, *dog*, *english springer*,
# *church* and *french horn*. Of course it sees them in a cup of coffee. It has never been taught anything else.

# %% [markdown]
# ## 4. Jitter
#
# Pooling lays a grid over the picture: of each 2x2 cell all four pixels may speak, and only the loudest is heard. Step after
# step the dream is fitted to the same grid, and at the edges to the zeros that the network sees beyond them. The remedy is to
# move the picture by a few pixels before each step, at random, and back afterwards: **jitter**. (The original
# notebook rolls what leaves on one side in on the other. `dream` mirrors instead, so that sky does not meet table.)
#
# Does it matter? Take one dream without and one with jitter, move each by a few pixels, and ask the layer how much of what
# it likes it still sees.

# %% mystnb={"image": {"alt": "Two curves of the objective against the pixels by which the dream was moved. Without jitter it falls by half at one pixel and is back only at eight and sixteen; with jitter it falls by less than a quarter"}}
ax = plt.figure(figsize=(6.5, 3), layout="constrained").subplots()
for jitter, colour in ((0, "#c2410c"), (32, "#333333")):
    once = {"octaves": 1, "steps": 15, "jitter": jitter, "verbose": False}
    found = dream(net, rocket, layer, **once).astype(np.float32)
    moved = np.stack([found[m : m + 144, m : m + 224] for m in range(17)])
    seen = (part.predict(moved, verbose=0) ** 2).mean(axis=(1, 2, 3))
    ax.plot(seen / seen[0], "o-", color=colour, label=f"jitter {jitter}")
    if jitter == 0:
        assert seen[1] < 0.75 * seen[0]
ax.set_xlabel("moved by, in pixels")
ax.set_ylabel("objective, over that at 0")
ax.set_ylim(0)
ax.legend(fontsize=8)
plt.show()

# %% [markdown]
# **What to see.** Without jitter, one pixel to the side half of the dream is gone; it was painted for one position of the
# grid. It is back at 16, and nearly so at 8: the three poolings before block 4 make a grid of 8 pixels. With jitter
# it loses less than a quarter, wherever it is moved. (Here 16 pixels of jitter are enough; the default of 32 is for networks
# with one pooling more.)

# %% [markdown]
# ## 5. What is dreamt
#
# ### Which layer
#
# The deeper the layer, the larger and the more meaningful what it paints.

# %% mystnb={"image": {"alt": "The rocket photograph dreamt over with five layers: knots of contrast in block 1, strokes in block 2, hatching and spirals in block 3, round eyes and arches in block 4, whole church fronts with windows and spires in block 5"}}
quick = {"steps": 8, "jitter": 16, "verbose": False}
depths = [f"block{block}_conv2_relu" for block in (1, 2, 3, 4, 5)]
dreams = [dream(net, rocket, name, **quick) for name in depths]
titles = [name.removesuffix("_relu") for name in depths]
show([rocket, *dreams], ["the photograph", *titles], columns=3, wide=3.6)

# %% [markdown]
# **What to see.** Read from left to right. Block 1 ties contrasts into knots, block 2 draws strokes, block 3 hatches
# and curls, block 4 puts eyes and arches into the sky, block 5 builds whole facades, with spires. It is the order in which
# the activation maps of lecture 1 went from edges to things; here you see what those maps were waiting for.
#
# ### One channel
#
# A layer's channels compete in its dream. With `channel=` a single one is asked. Which? The last layer is a matrix
# from the 320 channels of block 5 to the classes (lecture 1), so take the channel that speaks most for a class:

# %% mystnb={"image": {"alt": "The coffee cup dreamt over with one channel three times: small houses with windows for church, heaps of round dark spots like eyes and noses for dog, coils of tubing for french horn"}}
weights = net.model.get_layer("logits").kernel.numpy()
names = ["church", "dog", "french_horn"]
best = [int(weights[:, net.class_index(name)].argmax()) for name in names]
last = "block5_conv2_relu"
dreams = [dream(net, coffee, last, channel=channel, **quick) for channel in best]
titles = [f"channel {best[i]}, for {names[i]}" for i in range(3)]
show(dreams, titles, columns=3, wide=3.8)

# %% [markdown]
# **What to see.** Left: small houses with windows. Middle: round dark spots, like eyes and noses. Right: coils of tubing. One channel says
# more clearly what it is for than any list of photographs could. (Not always: many channels answer to several unrelated things.)
#
# ### Several layers
#
# The sum over $A$ in the equation. The package divides each layer's gradient by *its own* L1 norm before it weighs and adds
# them, so that weights are shares, and a loud layer does not drown the others.
#
# ### A guide
#
# "More of what you see" can be replaced by "more of what you see *there*". Let $g_1, g_2, \ldots$ be the activation vectors of a
# second photograph at the same layer, one for each of its cells. Each cell of ours, with its vector $a(i,j)$, looks for the most
# similar of them, and moves towards it:
#
# $$f_A(I) = \frac{1}{n} \sum_{i,j} \max_m \; a(i,j) \cdot g_m .$$

# %% mystnb={"image": {"alt": "Three dreams over the coffee cup: one of two layers, with strokes inside of large shapes, one guided by the photograph of a cat, full of cat's eyes, and one guided by a photograph of galaxies, speckled with small round dots"}}
dreams = [
    dream(net, coffee, {"block2_conv2_relu": 1, "block5_conv1_relu": 2}, **quick),
    dream(net, coffee, "block4_conv2_relu", guide=photo("cat"), **quick),
    dream(net, coffee, "block4_conv2_relu", guide=photo("hubble"), **quick),
]
titles = ["blocks 2 and 5, one to two", "guided by the cat", "guided by galaxies"]
show(dreams, titles, columns=3, wide=3.8)

# %% [markdown]
# **What to see.** Left: block 5's shapes, drawn with block 2's strokes. Middle: eyes everywhere, for the cat's are what the guide
# has to offer to anything round. Right: few eyes. There are no large things among galaxies; dots and specks come instead.

# %% [markdown]
# ## 6. Tiles: a photograph larger than the memory
#
# To compute a gradient, the network keeps all its activations. At 12 megapixels (3000 x 4000) the first block alone is 16 maps
# of 12 million float32 numbers, 768 MB, several times over. But a gradient can be had piece by piece: cut the picture into **tiles**, compute
# each tile's gradient, put them together. Where the tiles meet, a seam shows, as each of them sees zeros beyond its edge.
#
# The cure: let each tile overlap its neighbours, and keep only its inner part. How wide must the margin be?
# A pixel's gradient depends on the activations that see the pixel, and through them on all pixels that *they* see: on everything
# less than a receptive field away. With a margin that wide, tiled and whole gradients are the same. For `block2_conv2` the
# field is 14 pixels.

# %% mystnb={"image": {"alt": "Two maps of differences over the coffee photograph: with no margin bright lines show where the tiles meet; with a margin of sixteen pixels the map is black except at the picture's edges"}}
from cnnviz.dream.gradient import dream_gradient, wish
from cnnviz.dream.tiles import cut

large = resize(photo("coffee"), 320).astype(np.float32)
wanted, size = wish(net, "block2_conv2_relu"), large.shape[:2]
whole, _ = dream_gradient(wanted, large, cut(size, tile=512))
axes = plt.figure(figsize=(8.4, 3), layout="constrained").subplots(1, 2)
for ax, margin in zip(axes, (0, 16), strict=True):
    tiled, _ = dream_gradient(wanted, large, cut(size, tile=160, margin=margin))
    error = np.abs(tiled - whole).mean(axis=-1)
    ax.imshow(error, cmap="magma", vmax=1)
    ax.set_title(f"margin {margin}: tiled minus whole", fontsize=10)
    ax.set_axis_off()
plt.show()
np.testing.assert_allclose(tiled[32:-32, 32:-32], whole[32:-32, 32:-32], atol=0.05)

# %% [markdown]
# **What to see.** Without a margin, the seams. With 16 pixels, nothing but the picture's own edges, where the whole picture meets
# zeros and a tile its mirror image.
#
# The fields of deep layers are too wide for that (68 pixels in block 4, 140 in block 5). There the margin is 32, what is left of the seams is
# small, and *the grid of tiles is moved at random before every step*, so that no seam is ever in the same place twice. `dream` does all this by itself when
# a side is longer than `tile=512`. Then 12 megapixels cost less than one gigabyte of memory, and patience.

# %% [markdown]
# ## 7. A film
#
# Dream a little, enlarge the middle a little, dream again: the journey has no end, since the network keeps inventing the detail
# that enlarging asks for. `zoom` writes it to a video, `.mp4` or `.gif`.

# %% mystnb={"image": {"alt": "A film strip of six frames: first the photograph of the rocket, then ever closer views of a sky that turns into arches, windows and eyes, until little of the photograph is left"}}
import cv2

with tempfile.TemporaryDirectory() as folder:
    film = zoom(
        net, resize(rocket, 112), layer, Path(folder) / "journey.mp4",
        frames=26, enlarge=1.06, verbose=False,
    )  # fmt: skip
    reader, frames = cv2.VideoCapture(str(film)), []
    while (read := reader.read())[0]:
        frames.append(read[1][..., ::-1])  # OpenCV hands out blue first
print(len(frames), "frames")
chosen = range(0, 26, 5)
titles = [f"frame {index}" for index in chosen]
show([frames[index] for index in chosen], titles, columns=3, wide=3.6)

# %% [markdown]
# **What to see.** The first frame is the photograph. A few frames on, the sky has been filled, and soon little in the picture comes
# from the camera. What remains is the network's own taste. To keep a film, give `zoom` a path of your own.
#
# The function below is ordinary Python. Under it, in JupyterLab or on Colab, sliders call it.


# %% mystnb={"image": {"alt": "A photograph of a motorcycle, dreamt over with block5_conv1: eyes, muzzles and coils have grown on tank, wheels and shelves"}}
def dream_of(name, layer, steps):
    """One photograph, one layer."""
    small = resize(photo(name), 160)
    painted = dream(net, small, layer, steps=steps, verbose=False)
    plt.figure(figsize=(4.5, 4.5))
    plt.imshow(painted)
    plt.title(f"{name}, {layer.removesuffix('_relu')}", fontsize=10)
    plt.axis("off")
    plt.show()


dream_of("motorcycle", "block5_conv1_relu", steps=10)

# %% tags=["widget", "nbval-ignore-output"]
import os

import ipywidgets

if "LECTURE_STILL" not in os.environ:  # while it is built or tested, nobody slides
    everything = [
        f"block{block}_conv{conv}_relu" for block in range(1, 6) for conv in (1, 2)
    ]
    pictures = ["astronaut", "cat", "coffee", "hubble", "motorcycle", "rocket"]
    ipywidgets.interact(dream_of, name=pictures, layer=everything, steps=(0, 30, 5))

# %% [markdown]
# ## 8. What a dream says, and what it does not
#
# **It does say** what a layer is ready to see: the vocabulary with which it describes pictures. That is a statement of *influence*
# (lecture 1). A dream may uncover what one did not mean to teach. The authors' network, asked for dumbbells, always painted an arm along
# with them: it had hardly seen any without.
#
# **It does not say** why the network called this photograph what it called it. That would be *attribution*. The dogs are not in
# the coffee; the network does not believe they are until they have been painted in. And the choice of picture, layer, octaves and steps
# is ours. A dream is a witness for what a network *can* see, chosen and framed by the one who shows it.
#
# **Nor is it hallucination in the sense of today's language models**, though the word has been used for it. Nothing goes wrong here. We
# ask for what the network sees, again and again, and feed it its own answer.
#
# Measure it: how sure is the network of its classes before the dream, and after?

# %%
fooled = dream(
    net, coffee, last, channel=best[1], steps=3, octaves=1, verbose=False
)
both = net.scale(np.stack([coffee, fooled]).astype(np.float32))
logits = net.model.predict(both, verbose=0)
dog = net.class_index("dog")
assert logits[1].argmax() == dog != logits[0].argmax()
assert logits[1][dog] > logits[0][dog] + 1

# %% mystnb={"image": {"alt": "A bar chart of the twelve logits for the coffee photograph, none above 1, and for its dream by the dog channel: there the bar of dog is by far the highest"}}
ax = plt.figure(figsize=(7, 3.2), layout="constrained").subplots()
places = np.arange(len(net.class_names))
ax.bar(places - 0.2, logits[0], 0.4, color="#8a8a8a", label="photograph")
ax.bar(places + 0.2, logits[1], 0.4, color="#c2410c", label="dream of dogs")
ax.set_xticks(places, net.class_names, rotation=35, ha="right", fontsize=8)
ax.set_ylabel("logit")
ax.legend(fontsize=8)
plt.show()

# %% [markdown]
# **What to see.** One channel was asked for more of itself. After three steps, the network answers *dog*, and is very sure of it. There is still
# no dog, and hardly anything to be seen: three steps change a pixel by three grey levels on average. Whatever a dream shows, it shows by *changing* the picture.

# %% [markdown]
# ## Self-test
#
# Answer first, then unfold.
#
# <details><summary>1. The equation has no division by the L1 norm. What does it change, and what does it not?</summary>
#
# It changes the length of the step, not its direction. Without it the same step size would be far too small for one layer and far too large for the next, and would have to be changed as the objective rises.
# </details>
#
# <details><summary>2. A cell of block 5 sees 140 pixels. You dream over a photograph of 1400 pixels in width with three octaves of ratio 1.4. How wide can what it paints be, at most, as a share of the picture?</summary>
#
# The smallest octave is 1400 / 1.4<sup>2</sup> = 714 pixels wide, of which 140 are 20 %. For larger shapes take more octaves.
# </details>
#
# <details><summary>3. Set <code>steps=0</code>. What does <code>dream</code> return, with five octaves, and why?</summary>
#
# The photograph itself, exactly. Whatever shrinking takes away is put back at each size, and nothing is added.
# </details>
#
# <details><summary>4. Why the mean of the <em>squares</em> and not of the activations?</summary>
#
# The gradient of a<sup>2</sup> is 2a times that of a: a strong activation pulls harder than a weak one. The mean of the activations would raise all channels alike, whether the photograph suggests them or not.
# </details>
#
# <details><summary>5. A friend dreams over the photograph of a lawn, sees dogs, and concludes that the network would call the lawn a dog. What do you answer?</summary>
#
# The dogs were painted in by following the gradient; every picture can be led to dogs. Ask the network about the lawn itself.
# </details>
#
# <details><summary>6. Why can the gradient of tiles equal the whole one exactly for early layers, and hardly for late ones?</summary>
#
# A margin as wide as the receptive field is needed. It is 14 pixels in block 2 and 140 in block 5: a tile of 512 would be more margin than tile.
# </details>

# %% [markdown]
# ## Exercises
#
# 1. Take `octave_scale=1.2` and as many octaves as fit. What becomes of the shapes, and why?
# 2. Dream with a *negative* weight: `{"block4_conv2_relu": -1}`. What does the network remove from the cat first?
# 3. Begin with noise, `np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)`. Compare with lecture 2.
# 4. Replace the mean of squares in section 2 by the mean, and by the mean of fourth powers. Which gives more different things, which fewer?
# 5. Load `cnnviz.load("mobilenet_v2")` (Keras downloads 14 MB) and dream with `block_6_expand_relu` and `block_12_add`. It knows a thousand classes,
#    among them over a hundred breeds of dog. Do you see it?
# 6. Make a film of a photograph of your own, 300 frames long, in which the layer changes every 50 frames. (`cnnviz.dream.zoom_frames` gives the pictures,
#    `cnnviz.dream.video.write_video` takes them.)
#
# ## References
#
# - Larson, *CS8321 Machine Learning and Neural Networks*, Southern Methodist University: the slides.
# - Mordvintsev, Olah and Tyka, *Inceptionism: going deeper into neural networks*, Google Research Blog, 2015, and their notebook
#   (octaves, jitter, the guide).
# - Chollet, *Deep Dream*, keras.io/examples/generative/deep_dream, 2016 (lost detail).
# - Olah, Mordvintsev and Schubert, *Feature visualization*, Distill, 2017.
# - Odena, Dumoulin and Olah, *Deconvolution and checkerboard artifacts*, Distill, 2016 (where grids come from).
