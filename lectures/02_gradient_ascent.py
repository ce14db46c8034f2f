# %% [markdown]
# # Lecture 2. Gradient ascent: what would a neuron like to see?
#
# **After this lecture you can**
#
# - turn training round: hold the weights, and let the *picture* learn;
# - write gradient ascent in ten lines of TensorFlow, and say why the gradient is normalised;
# - explain why the first result is noise of which the network is certain, and what to do about it;
# - draw the filters of any layer, the classes, and directions in activation space, and say what such pictures prove.
#
# **Time** 60 minutes. **You need** lecture 1, and the gradient from any first course.
#
# This lecture follows *Visualizing ConvNets* of SMU's course CS8321. Lecture 1 asked what a network does with *this*
# photograph. This one asks about **influence**: what would excite a unit most, of all the pictures there could be?

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
from cnnviz.ascent import Climb, filter_grid, filters, maximise
from cnnviz.objectives import channel, class_neuron, direction, diversity
from cnnviz.plots.pictures import climb_curve, film_strip, picture_grid
from data import photo

# Here TensorFlow says, once, whether it has found a GPU. None is needed.
devices = tf.config.list_logical_devices()

# %% [markdown]
# ## 1. The picture learns
#
# Training asks: how must the *weights* change so that the loss falls? Here the weights stay as they are, and we ask: how must
# the *picture* change so that a number $f$ inside the network rises? The same gradient answers, taken by the pixels:
#
# $$I \leftarrow I + \eta \, \nabla f(I)$$
#
# For a **class neuron** (Simonyan, Vedaldi and Zisserman 2014) $f$ is the score of one class, *before* the softmax.
# A probability can also rise because other classes fall; and it has no slope left once it is nearly 1.
#
# The network is the one of lecture 1: twelve classes, and it gives logits.

# %%
net = cnnviz.load()
church = net.class_index("church")
grey = np.full((1, 96, 96, 3), 0.5, np.float32)  # RGB in 0..1
print("classes:", ", ".join(net.class_names))

# %% [markdown]
# ### By hand
#
# Two details make it work. The gradient is divided by its root mean square, so that $\eta$ means the same for every
# network and every layer: *how much a pixel changes*. And $\eta$ falls to zero along the way, so that the last steps do
# not overshoot.
#
# $$I \leftarrow I + \eta_t \, \frac{\nabla f(I)}{\sqrt{\mathrm{mean}\,(\nabla f(I))^2}}, \qquad \eta_t = \eta \left( 1 - \frac{t}{T} \right)$$


# %%
def ascend(picture, steps, eta=0.04):
    """Gradient ascent on the class neuron of "church", pixel by pixel."""
    picture, scores, sizes = tf.Variable(picture), [], []
    for step in range(steps):
        with tf.GradientTape() as tape:
            score = net.model(255 * picture)[0, church]
        slope = tape.gradient(score, picture)
        size = tf.sqrt(tf.reduce_mean(slope**2))
        moved = picture + eta * (1 - step / steps) * slope / size
        picture.assign(tf.clip_by_value(moved, 0, 1))
        scores.append(float(score)), sizes.append(float(size))
    return picture.numpy(), scores, sizes


noise, scores, sizes = ascend(grey, steps=30)
name, probability = net.decode(net.model(255 * noise), top=1)[0][0]
print(f"the network says: {name}, probability {probability:.2f}")

# %% mystnb={"image": {"alt": "Left: a grey square with faint outlines of arches under a net of coloured noise. Right: its middle enlarged, in which neighbouring pixels have opposite colours"}}
figure, (whole, part) = plt.subplots(1, 2, figsize=(7, 3.5), layout="constrained")
whole.imshow(noise[0])
whole.set_title("what excites the neuron of church")
part.imshow(noise[0, 36:60, 36:60])
part.set_title("its middle, enlarged")
whole.axis("off"), part.axis("off")
plt.show()

# %% [markdown]
# **What to see.** The network is as sure of a church as it can be. We see outlines of arches, perhaps, and over them
# coloured noise: neighbouring pixels pull in opposite directions. Nobody would call it a photograph of a church.
#
# The package takes the same steps. `parametrisation="pixel"` and no moves (they come in section 4) are the bare equation:

# %%
by_hand = ascend(grey, steps=4)[0]
bare = {"parametrisation": "pixel", "jitter": 0, "scale": 0, "rotation": 0}
four = {"size": 96, "steps": 4, "step_size": 0.04, "verbose": False}
by_package = maximise(net, class_neuron("church"), start="zeros", **four, **bare)
difference = np.abs(by_package / 255 - by_hand)
np.testing.assert_allclose(difference.mean(), 0, atol=0.01)
print("the same picture")

# %% [markdown]
# ## 2. Why the gradient is normalised

# %% mystnb={"image": {"alt": "Left: the score of church rises steeply from about zero, then levels off. Right, on a logarithmic axis: the size of the gradient changes severalfold on the way"}}
figure, (left, right) = plt.subplots(1, 2, figsize=(8, 2.8), layout="constrained")
left.plot(scores, color="#c2410c")
left.set(title="score of church", xlabel="step")
right.semilogy(sizes, color="#333333")
right.set(title="root mean square of the gradient", xlabel="step")
plt.show()

# %% [markdown]
# **What to see.** For two steps hardly anything happens, then the score shoots up. The slope is many times as large at
# step 4 as at the start, and between layers or networks it differs by orders of magnitude. With a fixed $\eta$ and the bare gradient, the same
# climb would crawl in one place and leap in the next. Normalised, only the gradient's *direction* counts.

# %% [markdown]
# ## 3. Why noise?
#
# Look at the picture as a sum of waves. The length of each coefficient of its Fourier transform says how much of a
# wave is in it. We average over all waves of one frequency, for a photograph and for our climb.


# %%
def spectrum(picture):
    """Mean amplitude of the waves of each frequency, of a square grey picture."""
    waves = np.abs(np.fft.fft2(picture - picture.mean()))
    rows = np.fft.fftfreq(len(picture)) * len(picture)
    frequency = np.hypot(rows[:, None], rows).round().astype(int)
    return [waves[frequency == wanted].mean() for wanted in range(1, 48)]


# %% mystnb={"image": {"alt": "Amplitude against frequency, both logarithmic. The photograph's line falls steadily over more than two decades, the climbed picture's rises to about six waves and then stays level"}}
cat = net.preprocess(photo("cat"), size=96)[0].mean(axis=-1) / 255
plt.figure(figsize=(5.5, 3))
plt.loglog(range(1, 48), spectrum(cat), "k", label="photograph of a cat")
plt.loglog(
    range(1, 48),
    spectrum(noise[0].mean(-1)),
    "--",
    color="#c2410c",
    label="climbed",
)
plt.xlabel("waves across the picture")
plt.ylabel("amplitude")
plt.legend(frameon=False)
plt.show()

# %% [markdown]
# **What to see.** In photographs amplitude falls about as 1 / frequency (Field 1987): neighbouring pixels are alike.
# The climb has no such habit. Every pixel may move on its own, and there are far more fine waves than coarse ones. On
# top of that, strides and poolings pass the gradient back to some pixels more than to others, which draws checks.
# Nothing in $f$ forbids it: the network never saw such pictures in training, so it never learnt to dislike them.

# %% [markdown]
# ## 4. Four remedies for pixels
#
# | remedy | what it does | source |
# |:--|:--|:--|
# | **L2** | pulls each pixel to grey: $f(I) - \frac{\lambda}{2} \sum (I - \frac{1}{2})^2$ | Simonyan et al. 2014 |
# | **total variation** | pulls neighbours together: $f(I) - \lambda \sum ( \lvert I_{x+1} - I_x \rvert + \lvert I_{y+1} - I_y \rvert )$ | Mahendran and Vedaldi 2015 |
# | **blur** | $I \leftarrow G_\sigma * I$ after each step | Yosinski et al. 2015 |
# | **moves** | shifts, turns and scales the picture a little, differently in each step: what excites only at one exact place cannot grow | Mordvintsev et al. 2015 |
#
# (The weight $\lambda$ is measured against the *normalised* gradient of $f$, whose root mean square is 1.)

# %% mystnb={"image": {"alt": "Six pictures for the class english springer, in all of them dark dogs' heads on grey: with coloured grain without remedy, with L2 (paler) and with moves; smooth with total variation, with blur, and with moves and total variation"}}
quiet = {"size": 80, "steps": 24, "verbose": False}
remedies = {
    "none": bare,
    "L2": {**bare, "l2": 3},
    "total variation": {**bare, "total_variation": 0.3},
    "blur": {**bare, "blur": 0.4},
    "moves": {"parametrisation": "pixel"},
    "moves, variation": {"parametrisation": "pixel", "total_variation": 0.2},
}
springer = class_neuron("english_springer")
drawn = [maximise(net, springer, **quiet, **how)[0] for how in remedies.values()]
picture_grid(drawn, list(remedies), columns=6)
plt.show()

# %% [markdown]
# **What to see.** The dogs' heads are in all six. L2 makes the noise paler, and leaves it noise. Total variation and blur
# take the finest waves away: they clean most. The moves alone leave the grain, but what they draw must work *wherever it
# lies*; together with total variation they give the clearest faces. The colours stay dull, since each pixel is still close
# to the grey that we began with.

# %% [markdown]
# ## 5. Other coordinates: waves, and colours that are independent
#
# Remedies fight the noise after it was made. Olah, Mordvintsev and Schubert (2017) change what is *easy*. The steepest
# way up depends on the coordinates: write the picture as
#
# $$I = \mathrm{sigmoid} \left( C \, \mathcal{F}^{-1} ( z / \lvert \mathrm{frequency} \rvert ) \right)$$
#
# and climb by $z$ rather than by $I$. $\mathcal{F}^{-1}$ is the inverse Fourier transform; divided by its frequency (the
# coarsest waves all by that of the second), a coarse wave
# now moves more for the same step, as in photographs. The matrix $C$ does the same for colours: in photographs red, green
# and blue rise and fall together, so the first coordinate is light, the others are the rarer differences of colour. The
# sigmoid keeps the pixels between black and white. This is the package's default.

# %% mystnb={"image": {"alt": "Two rows of six pictures of the classes church, english springer, french horn, garbage truck, golf ball and cat. Upper row, pixels: shapes in grey noise. Lower row, waves: gables with arched windows, brown and white dogs, coils of brass below faces, the front of a truck, balls with dimples, cats' faces, in muted colours"}}
names = [
    "church",
    "english_springer",
    "french_horn",
    "garbage_truck",
    "golf_ball",
    "cat",
]
some = class_neuron(names)
pixels = maximise(net, some, parametrisation="pixel", **quiet)
waves = maximise(net, some, **quiet)
labels = [f"{name}, {kind}" for kind in ("pixels", "waves") for name in names]
picture_grid(np.concatenate([pixels, waves]), labels, columns=6)
plt.show()

# %% [markdown]
# **What to see.** The same network, the same steps, the same moves. In waves there are gables with windows and dogs
# in brown and white. None of this was in the network's *input*: it is what training has left in the weights. That the
# church has many gables is no accident: more of them excite the neuron more, and nothing says that one is enough.

# %% [markdown]
# ## 6. The filters of a layer
#
# $f$ may be anything inside the network. For a **filter** it is the mean of its map,
# $f(I) = \frac{1}{HW} \sum_{i,j} z_k(i, j)$, taken before the ReLU: where a filter is silent, the ReLU would have no slope.
# All filters of a layer climb in one batch, each picture for its own channel. `filter_grid` draws a whole layer.

# %% mystnb={"image": {"alt": "The sixteen filters of block 1: plain fields of colour, and coarse slanting folds"}}
grid = filter_grid(
    net, "block1_conv2_relu", columns=8, size=48, steps=24, verbose=False
)
plt.figure(figsize=(9, 2.3), layout="constrained")
plt.imshow(grid)
plt.axis("off")
plt.show()

# %% [markdown]
# **What to see.** The first block likes colours, and stripes of one direction: the edge detectors of lecture 1, seen
# from the other side. Now go deeper: six filters of each block.

# %% mystnb={"image": {"alt": "Four rows of six pictures. Block 2: stripes and weaves. Block 3: scales, nets and beads. Block 4: domes, fur, windows and eyes. Block 5: animals' faces, coils of brass, gables"}}
deep = [
    filters(net, f"block{block}_conv2_relu", range(6), **quiet)
    for block in (2, 3, 4, 5)
]
labels = [f"block {block}, {index}" for block in (2, 3, 4, 5) for index in range(6)]
picture_grid(np.concatenate(deep), labels, columns=6)
plt.show()

# %% [markdown]
# **What to see.** Edges become textures, textures become parts, parts become things: each block puts together what
# the one before it found. (The picture also grows with the receptive field: a filter of block 2 sees so few pixels that it can only
# repeat itself.) Late filters often show several things at once. One filter need not stand for one concept.

# %% [markdown]
# ## 7. All classes, and the climb
#
# A `Climb` is handed over as `callback`, and remembers the score after every step and the pictures now and then.

# %% mystnb={"image": {"alt": "Twelve pictures, one for each class: cassette player with keys and reels, chain saw, church, english springer, french horn, garbage truck, gas pump, golf ball, parachute, tench, cat and dog"}}
climb = Climb(every=3)
everything = class_neuron(list(net.class_names))
pictures = maximise(net, everything, callback=climb, **{**quiet, "size": 96})
picture_grid(pictures, net.class_names, columns=6)
plt.show()

# %% [markdown]
# **What to see.** Gables, dogs in brown and white, the holes of a golf ball, the reels of a cassette. But *tench*, a fish, comes
# with human faces, and so does *french horn*: in the photographs that the network learnt from, anglers hold up their
# catch, and somebody plays the horn. For the network the face is part of the class. Such a picture finds what no
# accuracy shows.
#
# And this is how they climbed:

# %% mystnb={"image": {"alt": "Score against step for twelve classes: most rise steeply from about zero, two only after three steps; then all rise ever more slowly"}}
climb_curve(climb, net.class_names, ax=plt.subplots(figsize=(7, 3.6))[1])
plt.show()

# %% mystnb={"image": {"alt": "Nine pictures of the climb of the garbage truck: faint noise on grey, then blurred boxes and wheels, then a truck with clear edges"}}
film_strip(climb, net.class_index("garbage_truck"), most=9)
plt.show()

# %% [markdown]
# **What to see.** Most classes rise fast and then level off as $\eta_t$ falls. The coarse shapes come first, the
# edges last. The small teeth in the curves come from the moves: each step scores the picture a little displaced.

# %% [markdown]
# ## 8. More than one answer: diversity
#
# One picture shows one way of exciting a neuron. Are there others? Draw several at once, and reward them for being unlike each other:
# with $G_i$ the Gram matrix of picture $i$ (which channels are active together, wherever that is),
#
# $$f(I_1, \dots, I_n) = \sum_i s(I_i) - \lambda \sum_i \frac{1}{n - 1} \sum_{j \neq i} \cos(G_i, G_j)$$
#
# Objectives add up:

# %% mystnb={"image": {"alt": "Eight pictures of the class dog. The first four resemble each other, heaps of heads on grey-green ground; of the other four one has stripes behind the head, one a woven cloth, one scales"}}
dog = class_neuron("dog")
alike = maximise(net, dog, count=4, **quiet)
unlike = maximise(net, dog + 60 * diversity("block3_conv2_relu"), count=4, **quiet)
labels = ["alone"] * 4 + ["with diversity"] * 4
picture_grid(np.concatenate([alike, unlike]), labels, columns=8)
plt.show()

# %% [markdown]
# **What to see.** Without the term four beginnings lead to four arrangements of the same. With it the pictures move apart,
# most of all in what lies *round* the dogs, and all of it is *dog* to this network. The price is a lower score.

# %% [markdown]
# ## 9. A direction in activation space
#
# The channels of a layer are the axes of a space, and nothing says that the axes are what matters. Any direction $v$ can
# be climbed: $f(I) = \frac{1}{HW} \sum_{i,j} v \cdot a(i, j)$ with $|v| = 1$. What does the network think tells a cat from a dog? In
# the last layer that is the difference of their two columns of weights:

# %% mystnb={"image": {"alt": "Four pictures: cat, cat rather than dog, dog rather than cat, dog. The first two show striped faces of cats with pink noses and amber eyes, the last two dogs with round black eyes and noses"}}
weights = net.model.get_layer("logits").kernel.numpy()  # (320 channels, 12 classes)
cat_row, dog_row = (weights[:, net.class_index(name)] for name in ("cat", "dog"))
ways = {
    "cat": cat_row,
    "cat, not dog": cat_row - dog_row,
    "dog, not cat": dog_row - cat_row,
    "dog": dog_row,
}
objective = direction("block5_conv2_relu", list(ways.values()))
picture_grid(maximise(net, objective, **quiet), list(ways), width=8)
plt.show()

# %% [markdown]
# **What to see.** Each difference looks much like its class: a network that was trained with a softmax has learnt scores
# that are good for telling classes *apart*, so *cat* means *not dog* to it already. The outer two are class neurons: a
# class neuron is itself such a direction, its column of weights. You may take any other: the mean of some photographs'
# activations, say (exercise 3).
#
# The function below is ordinary Python. Under it, in JupyterLab or on Colab, a slider calls it.


# %% mystnb={"image": {"alt": "A texture for channel 5 of block 3: slanting brown strokes"}}
def show(block, index):
    """What one filter would like to see."""
    name = f"block{block}_conv2_relu"
    picture = maximise(net, channel(name, index), **{**quiet, "steps": 16})[0]
    plt.figure(figsize=(2.6, 2.8))
    plt.imshow(picture)
    plt.title(f"block {block}, channel {index}", fontsize=10)
    plt.axis("off")
    plt.show()


show(3, 5)

# %% tags=["widget", "nbval-ignore-output"]
import os

import ipywidgets

if "LECTURE_STILL" not in os.environ:  # while it is built or tested, nobody slides
    ipywidgets.interact(show, block=(1, 5), index=(0, 15))

# %% [markdown]
# ## 10. What such a picture proves
#
# It proves that *this* picture excites the unit. It does not prove that the unit answers to nothing else, that it
# looks for what *we* recognise, or that photographs excite it for the same reason. Check it against photographs that
# excite the unit (`cnnviz.top_patches`, lecture 1): where both agree, you may begin to believe it.
#
# ## Self-test
#
# Answer first, then unfold.
#
# <details><summary>1. Training and gradient ascent use the same backward pass. What differs?</summary>
#
# What is held and what moves: training moves the weights down the loss, averaged over many pictures; ascent moves one picture up a unit's activation, with the weights held.
# </details>
#
# <details><summary>2. Why is the class neuron climbed before the softmax?</summary>
#
# After it, the probability also rises when the other classes fall, so the picture may become "nothing of the others" rather than the class. And once it is near 1 its gradient is near 0: the climb stops.
# </details>
#
# <details><summary>3. The gradient is divided by its root mean square. Does that change where the climb leads?</summary>
#
# Not the direction of a step, only its length. A maximum of f stays a maximum. But with steps of a fixed length one overshoots near the top, so their length has to fall.
# </details>
#
# <details><summary>4. The network is certain of a picture that is noise to us. Is that a fault of gradient ascent?</summary>
#
# No, ascent found what it was asked for. It shows that the network's certainty means little far away from the pictures it was trained on. Adversarial examples come from the same gradient.
# </details>
#
# <details><summary>5. Waves and pixels can describe the same pictures. Why do they lead to different ones?</summary>
#
# The set of pictures is the same, the steepest way is not: "a step of length one" means something else in each. In waves divided by their frequency coarse shapes are cheap, in pixels everything costs the same, and fine noise is the shortest way up.
# </details>

# %% [markdown]
# ## Exercises
#
# 1. Climb *down*: `maximise(net, -1 * class_neuron("cat"))`. What is the least cat-like picture? Is it of any use?
# 2. Start from a photograph: `start=net.preprocess(photo("cat"), size=96)[0].astype("uint8")`, and climb for *golf_ball*
#    with a small `step_size`. After how many steps does the answer change? Can you see why?
# 3. Take the mean activation of `block5_conv2_relu` over a few photographs of one kind (lecture 1), minus that over others, and
#    climb in this `direction`.
# 4. Try `cnnviz.objectives.layer("block4_conv2_relu")`, the mean of the squares of *all* activations, from the same photograph. That is the
#    beginning of lecture 3.
# 5. Find a filter of `block5_conv2_relu` that shows two things at once. Do its `top_patches` show both?
# 6. Load `cnnviz.load("mobilenet_v2")` (Keras downloads 14 MB), and draw `block_13_expand_relu` and a few of its 1000 classes.
#
# ## References
#
# - Larson, *CS8321 Machine Learning and Neural Networks*, Southern Methodist University: the slides.
# - Erhan, Bengio, Courville and Vincent, *Visualizing higher-layer features of a deep network*, technical report 2009.
# - Simonyan, Vedaldi and Zisserman, *Deep inside convolutional networks*, ICLR workshop 2014.
# - Mordvintsev, Olah and Tyka, *Inceptionism: going deeper into neural networks*, 2015.
# - Yosinski, Clune, Nguyen, Fuchs and Lipson, *Understanding neural networks through deep visualization*, 2015.
# - Mahendran and Vedaldi, *Understanding deep image representations by inverting them*, CVPR 2015.
# - Olah, Mordvintsev and Schubert, *Feature visualization*, Distill 2017.
# - Field, *Relations between the statistics of natural images and the response properties of cortical cells*, 1987.
# - Chollet, *Deep learning with Python*, 2nd edition 2021, "Visualizing convnet filters".
