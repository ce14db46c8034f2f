# %% [markdown]
# # Lecture 8. SegNet: every pixel a class
#
# **After this lecture you can**
#
# - turn a classifier into a fully convolutional network, and say what changes with the size of the picture and what not;
# - build SegNet from the layers of lecture 7: encoder, pooling indices, decoder with unpooling;
# - write a loss that leaves out *void* and weighs rare classes by median frequency;
# - measure a segmentation with one confusion matrix, and say why a mean over images misleads;
# - train in three phases: a classifier, a decoder behind its frozen encoder, then all of it;
# - ask a network which pixels made *these* pixels a car.
#
# **Time** 90 minutes. **You need** lectures 6 (receptive field) and 7 (unpooling), and lecture 5 (Grad-CAM) for the end.
#
# This lecture follows *Fully Convolutional Learning* of SMU's course CS8321. It trains a network while you watch, and so
# runs about three minutes on a laptop. It needs no data and no weights from elsewhere. (On Colab, the first cell installs
# the packages.)

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
from matplotlib.patches import Patch

from data.scenes import scene
from fcn.datasets import scenes
from fcn.plots.overlays import label_colours, overlay

# Here TensorFlow says, once, whether it has found a GPU. None is needed.
devices = tf.config.list_logical_devices()

# %% [markdown]
# ## 1. A class for every pixel
#
# A classifier says *there is a car*. We want to know which pixels are car, which are road, and which are the man between
# them. To learn that, a network needs pictures in which somebody has given every pixel its class. Here a program did: it
# draws streets from a seed, by day and by night, in rain and snow, and knows what it has drawn. From 400 of them we
# shall learn; 60 others, of another seed, are kept for the examination.

# %% mystnb={"image": {"alt": "Five drawn street scenes, in sun, night, snow and dusk, with cars, people and signs; below each its label: sky, building, road, pavement, tree, sign, car and pedestrian as flat areas of eight colours, named in a legend"}}
SIZE = (80, 112)
learnt = scenes(400, seed=0, size=SIZE, verbose=False)
fresh = scenes(60, seed=1, size=SIZE, verbose=False)
names, colours = learnt.class_names, learnt.colours
SHOWN = (18, 3, 5, 13, 22)

figure = plt.figure(figsize=(10, 3.7), layout="constrained")
for column, (above, below) in zip(SHOWN, figure.subplots(2, len(SHOWN)).T):
    image, label = fresh[column]
    above.imshow(image)
    below.imshow(label_colours(label, colours))
    above.set_axis_off(), below.set_axis_off()
patches = [Patch(color=c / 255, label=n) for n, c in zip(names, colours)]
figure.legend(handles=patches, loc="outside lower center", ncols=8, frameon=False)
plt.show()

# %% [markdown]
# **What to see.** Above the pictures, below their *labels*: 80 x 112 whole numbers from 0 to 7 each, shown as colours. Poles are two pixels wide, people
# in the distance four. A network that only knows *about where* will lose them.
#
# So our network maps a picture to eight numbers, the *logits* $z_{ijc}$, for each pixel. The softmax makes probabilities
# of them, and the largest is the answer:
#
# $$p_{ijc} = \frac{e^{z_{ijc}}}{\sum_k e^{z_{ijk}}}, \qquad \hat y_{ij} = \mathrm{argmax}_c\, z_{ijc}$$

# %% [markdown]
# ## 2. Fully convolutional
#
# The dense layer at the end of a classifier wants vectors of one length, thus pictures of one size. But a dense layer on
# maps of 6 x 8 cells *is* a convolution, whose kernel is as large as the maps (Long et al. 2015). The weights only have
# to be put into another shape:

# %%
generator = np.random.default_rng(0)
maps = generator.normal(size=(1, 6, 8, 4)).astype(np.float32)
dense = keras.layers.Dense(10)
answer = dense(maps.reshape(1, -1))

kernel = tf.reshape(dense.kernel, (6, 8, 4, 10))
as_convolution = tf.nn.conv2d(maps, kernel, 1, "VALID") + dense.bias
np.testing.assert_allclose(as_convolution[0, 0, 0], answer[0], atol=1e-4)

larger = generator.normal(size=(1, 9, 12, 4)).astype(np.float32)
windows = tf.nn.conv2d(larger, kernel, 1, "VALID") + dense.bias
print(maps.shape, "->", as_convolution.shape)
print(larger.shape, "->", windows.shape)

# %% [markdown]
# On larger maps the dense layer would fail. The convolution gives an answer for every window of 6 x 8 cells: a map of answers. A
# network without any dense layer, of convolutions, poolings and enlargements alone, is **fully convolutional**. It takes any size.
#
# What is left is the resolution. The classifier has pooled; its map of answers is small, and must grow again.

# %% [markdown]
# ## 3. SegNet from the layers of lecture 7
#
# **SegNet** (Badrinarayanan et al. 2017) has two halves.
#
# - The **encoder** is a classifier without its dense layers: blocks of 3 x 3 convolutions, each with batch
#   normalisation and ReLU, and a max pooling by 2 that *remembers its indices*.
# - The **decoder** is its mirror image: unpooling with the indices of the block of the same size, then convolutions
#   that fill the holes.
#
# The paper takes the 13 convolutions of VGG16, for nearly 30 million weights. Ours must learn while we wait, so it has
# four blocks and few channels:

# %%
from fcn.layers import MaxPoolingWithArgmax2D, MaxUnpooling2D

CHANNELS = (8, 15, 46, 92)


def convolve(maps, filters):
    """3x3 convolution, batch normalisation, ReLU."""
    maps = keras.layers.Conv2D(filters, 3, padding="same", use_bias=False)(maps)
    return keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.9)(maps))


def encode(maps):
    """The smallest maps, and of each block what was pooled and the indices."""
    remembered = []
    for filters in CHANNELS:
        maps = convolve(convolve(maps, filters), filters)
        maxima, indices = MaxPoolingWithArgmax2D(2, padding="same")(maps)
        remembered.append((maps, indices))
        maps = maxima
    return maps, remembered


# %% [markdown]
# The decoder goes through the blocks backwards. (`like=` gives odd sizes back, lecture 7. We shall need `forget` later: it
# replaces the indices by those of maps full of zeros, where the first cell of each window counts as the maximum.)


# %%
def decode(maps, remembered, forget=False):
    """Back to the size of the picture; the last convolution gives the logits."""
    for block in (3, 2, 1, 0):
        before, indices = remembered[block]
        if forget:
            _, indices = MaxPoolingWithArgmax2D(2, padding="same")(0 * before)
        maps = MaxUnpooling2D(2, padding="same")(maps, indices, like=before)
        if block > 0:
            maps = convolve(maps, CHANNELS[block])
        maps = convolve(maps, CHANNELS[max(block - 1, 0)])
    return keras.layers.Conv2D(len(names), 3, padding="same")(maps)


images = keras.Input((None, None, 3))
bottom, remembered = encode(keras.layers.Rescaling(1 / 127.5, -1)(images))
by_hand = keras.Model(images, decode(bottom, remembered))

# %% [markdown]
# That is all of SegNet. In the package it is `fcn.models.segnet` (as in the paper), `segnet_basic` (its small sister) and
# `segnet_light`, ours, where `width=` shrinks the channels. Are they one network? With the same weights, they must give the same logits:

# %%
from fcn.models.segnet_light import segnet_light

keras.utils.set_random_seed(0)
network = segnet_light(len(names), width=0.48)
by_hand.set_weights(network.get_weights())
picture = fresh.images[22][None].astype(np.float32)
logits = network(picture)
np.testing.assert_allclose(by_hand(picture), logits, atol=1e-3)

assert by_hand.count_params() == network.count_params() < 300_000
print(f"{network.count_params() / 1e6:.2f} million parameters")
print(picture.shape, "->", tuple(logits.shape))

# %% mystnb={"image": {"alt": "Bars for the sixteen convolutions: the encoder, blue, steps down from tall bars with 8 channels to a height of one eighth with 92 channels; the decoder, orange, is its mirror image and ends with 8; four arrows lead from each block of the encoder to that of the decoder of the same height"}}
convolutions = [v for v in by_hand.layers if isinstance(v, keras.layers.Conv2D)]
levels = [0, 0, 1, 1, 2, 2, 3, 3, 3, 3, 2, 2, 1, 1, 0, 0]
ax = plt.figure(figsize=(10, 3.4), layout="constrained").subplots()
for number, (layer, level) in enumerate(zip(convolutions, levels)):
    rows, x = 80 / 2**level, number + (number > 7)
    ax.bar(x, rows, 0.7, -rows / 2, color="#D55E00" if number > 7 else "#0072B2")
    ax.text(x, rows / 2 + 1.5, layer.filters, ha="center")
for x, level in zip((1, 3, 5, 7), levels[::2]):
    height = -0.4 * 80 / 2**level
    style = {"arrowstyle": "->", "color": "#555555", "lw": 1.5}
    ax.annotate("", (15.6 - x, height), (x + 0.4, height), arrowprops=style)
for x, word in ((4, "encoder"), (8, "indices"), (12, "decoder")):
    ax.text(x, -30, word, ha="center", color="#555555")
ax.set(ylim=(-42, 47)), ax.set_axis_off()
plt.show()

# %% [markdown]
# **What to see.** A bar is a convolution, its height the rows of its maps, the number its channels (the last 8 are the logits of the eight
# classes). The maps shrink and
# become many, then grow and become few. Along each arrow travel only *indices*: one whole number for every pooled value.
# (U-Net, in lecture 9, sends the maps themselves, in full.)

# %% [markdown]
# ## 4. Does it change the architecture if the size of the image changes?
#
# The slides ask it as a self-test. Let us run it, with odd sizes too. The weights are those of one and the same network:

# %%
for height, width in ((80, 112), (81, 115), (200, 64), (360, 480)):
    blank = np.zeros((1, height, width, 3), np.float32)
    out = network(blank).shape
    assert out == (1, height, width, len(names))
    print(f"{height} x {width} -> {out[1]} x {out[2]} x {out[3]}")

# %% [markdown]
# **No.** Kernels slide over whatever there is; not one weight is added, none changes its shape. Exactly the input's size comes out, odd
# or even. What does change is the *share of the picture* that a cell sees. From lecture 6, with kernel $F$ and
# stride $S$ of a layer, the field $r$ and the distance $d$ of two cells in pixels grow by
#
# $$r \leftarrow r + (F - 1)\, d, \qquad d \leftarrow S\, d$$

# %%
field, distance = 1, 1
for _ in CHANNELS:
    field += (3 - 1) * distance  # a convolution
    field += (3 - 1) * distance  # another one
    field += (2 - 1) * distance  # the pooling
    distance *= 2
print(f"a cell of the bottom sees {field} x {field} pixels, {distance} apart")
for height, width in ((80, 112), (360, 480)):
    share = min(field, height) * min(field, width) / (height * width)
    print(f"of {height} x {width} that is {share:.0%}")

# %% [markdown]
# In the small picture the bottom sees more than half of the street, and can know that a dark area below is road. In the large one it sees a
# patch. The architecture is the same, yet it may answer worse, for things are now larger than what it has learnt. *It runs* and *it
# works* are two questions; section 8 asks the second.

# %% [markdown]
# ## 5. The loss: void, and rare classes
#
# Every pixel is a little classification, so the loss is the cross-entropy of lecture 1's classifier, as a mean over the
# pixels. Two things are new. People who label photographs leave pixels out: too far, too dark, a class that nobody
# wanted. Such a pixel has the label **void** (255), and must not teach anything. And some classes are rare; weight
# $w_c$ makes up for that. With $V$ the pixels that are not void:
#
# $$L = -\frac{1}{|V|} \sum_{ij \in V} w_{y_{ij}} \log p_{ij\,y_{ij}}$$

# %%
from fcn.losses import CrossEntropy, median_frequency_weights

label = np.array([[0, 0, 0, 1], [0, 1, 255, 2]])
z = generator.normal(size=(2, 4, 3)).astype(np.float32)
p = np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True)

valid = label != 255
of_truth = p[valid, label[valid]]
np.testing.assert_allclose(
    -np.log(of_truth).mean(), CrossEntropy()(label[None], z[None]), rtol=1e-5
)
z[1, 2] = 1e6  # whatever the network says of a void pixel, the loss stays
np.testing.assert_allclose(
    -np.log(of_truth).mean(), CrossEntropy()(label[None], z[None]), rtol=1e-5
)

# %% [markdown]
# The weights of SegNet are those of **median frequency balancing** (Eigen and Fergus 2015). The frequency $f_c$ of a
# class is its pixels over all pixels of the images *in which it occurs*; then
#
# $$w_c = \frac{\mathrm{median}_k\, f_k}{f_c}$$
#
# In our label of 8 pixels, class 0 has 4, class 1 has 2, class 2 has 1. So the median is $\frac28$, and the weights are
# $\frac12$, 1 and 2: a rare class counts more.

# %%
frequencies = np.array([4, 2, 1]) / label.size
weights = np.median(frequencies) / frequencies
np.testing.assert_allclose(median_frequency_weights([label], 3), weights)

weighted = -(weights[label[valid]] * np.log(of_truth)).sum() / valid.sum()
np.testing.assert_allclose(
    weighted, CrossEntropy(weights)(label[None], z[None]), rtol=1e-5
)

# %% [markdown]
# And in our 400 scenes?

# %%
balanced = median_frequency_weights(learnt.labels, len(names))
softened = np.sqrt(balanced)
shares = np.bincount(np.ravel(learnt.labels)) / np.size(learnt.labels)
print("class       share  weight  its root")
for row in zip(names, shares, balanced, softened):
    print("{:11} {:5.1%}  {:6.2f}  {:8.2f}".format(*row))

# %% [markdown]
# A pixel of a sign counts sixteen times as much as one of a building. That is good for finding every sign, and
# bad for the walls beside them: a network that is punished so hard for a missed pole makes its poles thick. For the IoU
# of section 6, which counts both errors, the **root** of the weights is a fair middle. We take that. (Exercise 2 lets you compare.)

# %% [markdown]
# ## 6. The score: one confusion matrix
#
# Count for every pixel of the whole set its true class $t$ and its predicted class $p$: the **confusion matrix** $M_{tp}$.
# Of class $c$, the *intersection over union* (IoU) is what is rightly found, over what is true or found, or both:
#
# $$\mathrm{IoU}_c = \frac{M_{cc}}{\sum_p M_{cp} + \sum_t M_{tc} - M_{cc}}, \qquad \mathrm{mIoU} = \text{mean over the classes}$$

# %%
from fcn.metrics import confusion_matrix, mean_iou


def confusion(truth, found, classes):
    """Pixels by true class (rows) and found class (columns)."""
    matrix = np.zeros((classes, classes), int)
    known = truth != 255
    np.add.at(matrix, (truth[known], found[known]), 1)
    return matrix


truth, found = generator.integers(0, 3, (2, 50, 50))
truth[:5] = 255
M = confusion(truth, found, 3)
iou = np.diag(M) / (M.sum(axis=1) + M.sum(axis=0) - np.diag(M))
np.testing.assert_array_equal(M, confusion_matrix(truth, found, 3))
np.testing.assert_allclose(iou.mean(), mean_iou(M))

# %% [markdown]
# **Why not the mean over images?** Many programs take the mIoU of each image, or of each batch, and average these. See
# what that does. Two pictures of 100 pixels, road (0) and sign (1). In the first there is no sign, and one wrong pixel. In
# the second every pixel is right:

# %%
empty = np.zeros(100, int)
speck = empty.copy()
speck[0] = 1
half = np.repeat([0, 1], 50)
pairs = [(empty, speck), (half, half)]

matrices = [confusion(truth, found, 2) for truth, found in pairs]
print(f"mean over the images {np.mean([mean_iou(m) for m in matrices]):.2f}")
print(f"one matrix for all   {mean_iou(sum(matrices)):.2f}")

# %% [markdown]
# 199 of 200 pixels are right. Yet the single wrong one has cost a quarter of the score, for in the first image the class *sign* has
# an IoU of 0 of 1. Had that image been cut in two halves, or put into a batch with the other one, the score would be another.
# (The programs that let a class which is absent count as 1 err to the other side.) **One matrix over the whole set** does not care in what portions the pixels came. Always
# say which of them you report.

# %% [markdown]
# ## 7. Training in three phases
#
# The lecture's procedure:
#
# 1. **Classifier.** Train the encoder to say what the picture is of. Labels of this kind are cheap.
# 2. **Decoder.** Put the decoder behind it. *Freeze* the encoder: the decoder knows nothing yet, its gradients are
#    noise, and they would destroy what the encoder has learnt. Batch normalisation in the encoder keeps its means, too.
# 3. **Everything.** Thaw the encoder, and train all of it with the labels of pixels.
#
# (With a VGG16 from ImageNet, phase 1 has been done for you.) Every scene has a *principal object*, the nearest one: a car, a pedestrian or a
# sign. Phase 1 shall name it. The classifier shares its layers with `network`:

# %% tags=["nbval-ignore-output"]
principal = np.array([scene((0, index), 32).label for index in range(len(learnt))])
encoded, _ = network.get_layer("encoder4_pool").output
pooled = keras.layers.GlobalAveragePooling2D()(encoded)
classifier = keras.Model(network.input, keras.layers.Dense(3)(pooled))
classifier.compile(
    keras.optimizers.Adam(2e-3),
    keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
pictures = np.stack(learnt.images).astype(np.float32)
log = classifier.fit(pictures, principal, batch_size=8, epochs=2, verbose=0)
print(f"{log.history['accuracy'][-1]:.0%} right of three kinds, while it learnt")

# %% [markdown]
# (Two passes are not much: guessing would be right in a third. A real classifier learns for days.) Now the pixels.
# `fcn.training.train` takes a list of phases. Within each, the learning rate rises for a moment and falls to zero along a
# cosine.

# %% tags=["nbval-ignore-output"]
from fcn.training import Phase, evaluate, train

loss = CrossEntropy(softened)
stages = {}


def learn(phase):
    """Train the network for one phase, and keep what it then says of the picture."""
    how = {"loss": loss, "batch": 4, "keep": "last", "verbose": False}
    rows = train(network, learnt, [phase], **how)
    stages[phase.name] = network(picture)[0]
    for row in rows:
        print(f"loss {row['loss']:.2f}, mIoU while learning {row['mean_iou']:.2f}")


before = [w.numpy() for w in network.get_layer("encoder4_conv2_bn").weights]
learn(Phase("decoder trained", 1, rate=4e-3, freeze_encoder=True))
after = network.get_layer("encoder4_conv2_bn").weights
assert all(np.array_equal(a, b) for a, b in zip(before, after))

# %% [markdown]
# The assertion holds: this layer of the frozen encoder has not moved, its mean and variance neither. Then all together, seven
# passes over the 400 scenes. (In practice that is one phase of many passes; we cut it in two to look in between.)
#
# Another processor adds in another order, and after thousands of steps the last digit has become another network, as good. What is
# said below of single pictures, is said of the network that is stored here; yours may err elsewhere.

# %% tags=["nbval-ignore-output"]
learn(Phase("all, 2 passes", 2, rate=4e-3))

# %% [markdown]
# It has not finished. Five passes more (the loss is larger at first, as each phase begins with a high rate again):

# %% tags=["nbval-ignore-output"]
learn(Phase("all, 7 passes", 5, rate=4e-3))

# %% [markdown]
# How did the answer grow? The picture is one of those that the network has never learnt from:

# %% tags=["chaotic"] mystnb={"image": {"alt": "A drawn street with a car in the middle, trees and people, and what the network says of its pixels: after the decoder is trained rough, speckled areas of the large classes; after all is trained for two passes clearer areas; after seven passes car, trees and people in about their places; last the truth"}}
shown = {"picture": fresh.images[22]}
for stage, z in stages.items():
    shown[stage] = label_colours(np.argmax(z, axis=-1), colours)
shown["truth"] = label_colours(fresh.labels[22], colours)
panels = plt.figure(figsize=(10, 1.8), layout="constrained").subplots(1, 5)
for ax, (title, panel) in zip(panels, shown.items()):
    ax.imshow(panel)
    ax.set_title(title, fontsize=10)
    ax.set_axis_off()
plt.show()

# %% [markdown]
# **What to see.** Behind the frozen encoder the decoder finds the large areas and the car, roughly. When all layers learn, the
# areas close and find their borders. Small things come last: the people at the left are one blob with a sign that is not there, the man at the right
# has become car, and what is far away is missing. (Colours as in section 1.)

# %% [markdown]
# ## 8. The examination
#
# Sixty scenes of another seed. One matrix, one table (in per cent):

# %% tags=["nbval-ignore-output"]
from fcn.metrics import boundary_f1, global_accuracy, per_class_table

matrix = evaluate(network, fresh, verbose=False)
print(per_class_table(matrix, names))

# %%
assert global_accuracy(matrix) > 0.75
assert mean_iou(matrix) > 0.5

# %% [markdown]
# *Accuracy* is the share of a class's true pixels that were found, *IoU* also counts what was wrongly found, and so does *Dice*,
# $2M_{cc} / (\sum_p M_{cp} + \sum_t M_{tc})$. (*Frequency-weighted*: each IoU times the class's share.) The large areas
# are mostly right, the thin and rare classes are the hard ones: of a pole two pixels wide, an outline that is off by one pixel loses half.
# The *global accuracy* hides that, since four pixels of five are sky, wall or ground. And the pictures:

# %% tags=["chaotic"] mystnb={"image": {"alt": "Four street scenes in rows: the picture, the truth, what the network found, and the picture in pale grey with the wrong pixels in orange. Most of the areas agree; orange lie the outlines, poles, things in the distance; in the last picture much of the road is orange"}}
from fcn.plots.segmentation import show_segmentation
from fcn.prediction import predict_each

predicted = list(predict_each(network, fresh.images))
four = [(fresh.images[i], predicted[i], fresh.labels[i]) for i in (22, 3, 13, 18)]
show_segmentation(*map(list, zip(*four)), class_names=names, colours=colours)
plt.show()

# %% [markdown]
# **What to see.** Compare the second column with the third. What is wrong (column 4; orange there means *wrong*, not pedestrian) lies along the
# *borders* of the areas, on things that are small, and, most of all in the last row, where one thing looks like another: much of a road with a crossing
# becomes pavement. The mIoU
# hardly notices a frayed border. So there is a score for borders alone, the **boundary F1**: the share of the
# predicted border that has a true one nearby (precision), the share of the true border that has a predicted one nearby
# (recall), and their harmonic mean. It is taken for each class of an image, then averaged over classes and images, as SegNet's authors do
# (yes, a mean over images; we say so). *Nearby* is .75 % of the diagonal, here a bit more than a pixel.

# %% tags=["nbval-ignore-output"]
F1 = boundary_f1(fresh.labels, predicted)
print(f"boundary F1 {F1:.2f}")
assert F1 > 0.25

# %% [markdown]
# ### What the indices are worth
#
# `decode(..., forget=True)` is the same network, with the same weights, without its memory: every value goes back into
# the first cell of its window, wherever the maximum was.

# %% tags=["nbval-ignore-output"]
twin = keras.Model(images, decode(bottom, remembered, forget=True))
twin.set_weights(network.get_weights())
without = list(predict_each(twin, fresh.images))
F1_without = boundary_f1(fresh.labels, without)
print(f"boundary F1 {F1_without:.2f} without indices, {F1:.2f} with them")
assert F1_without < 0.8 * F1

# %% tags=["chaotic"] mystnb={"image": {"alt": "A part of a street scene four times: the picture; the truth with clean outlines; found with indices, the areas in place with bumpy outlines; found without indices, with toothed outlines in wrong places, half of the car lost, and the people but for a few specks"}}
part = (slice(17, 70), slice(25, 98))
image, label = fresh[22]
shown = {"truth": label, "found": predicted[22], "without indices": without[22]}
panels = plt.figure(figsize=(10, 2.5), layout="constrained").subplots(1, 4)
panels[0].imshow(image[part])
panels[0].set_title("picture", fontsize=10)
for ax, (title, classes) in zip(panels[1:], shown.items()):
    ax.imshow(label_colours(classes[part], colours))
    ax.set_title(title, fontsize=10)
for ax in panels:
    ax.set_axis_off()
plt.show()

# %% [markdown]
# **What to see.** The large areas are still there, roughly: *what* is there has come through the bottom. Their outlines turn to
# teeth and drift off, half of the car is gone, small things vanish: *where exactly* came with the indices. The experiment is unfair in one respect:
# this network has learnt to rely on its indices. The authors of
# SegNet trained both kinds, on photographs (their table 1, SegNet-Basic): with bilinear interpolation in place of unpooling, the boundary F1
# was 20.8 instead of 35.8 per cent, the mIoU 43.3 instead of 47.7, though with fewer weights, too. Exercise 4 is that comparison in small.

# %% [markdown]
# ### Other sizes, answered by the trained network
#
# Section 4 asked whether the network *runs* at another size. Does it *work*? The same streets, drawn smaller, a little
# larger, and twice as large:

# %% tags=["nbval-ignore-output"]
scores, examples = {}, {}
for size in ((40, 56), SIZE, (81, 115), (160, 224)):
    streets = scenes(20, seed=1, size=size, verbose=False)
    scores[size] = mean_iou(evaluate(network, streets, verbose=False))
    image = streets.images[13]
    [classes] = predict_each(network, [image])
    assert classes.shape == size
    examples[size] = overlay(image, classes, colours)
    print(f"{size[0]:3} x {size[1]:3}: mIoU {scores[size]:.2f}")

# %% tags=["chaotic"] mystnb={"image": {"alt": "The same street with a sign at four sizes with the classes that were found laid over it. At 80 by 112 and 81 by 115 pixels the large areas fit; at 40 by 56 sign, cars and trees are gone; at 160 by 224 patches of wrong classes lie within the areas"}}
assert abs(scores[81, 115] - scores[SIZE]) < 0.1
assert max(scores[40, 56], scores[160, 224]) < scores[SIZE]

panels = plt.figure(figsize=(10, 2.4), layout="constrained").subplots(1, 4)
for ax, (size, example) in zip(panels, examples.items()):
    ax.imshow(example)
    ax.set_title(f"{size[0]} x {size[1]}", fontsize=10)
    ax.set_axis_off()
plt.show()

# %% [markdown]
# **What to see.** An odd size costs little. At half the size signs, cars and trees are too small to be found; at twice the size people are twice as
# tall, and the bottom sees a smaller share of the street. The remedy is not another architecture but other pictures to learn from:
# `fcn.augment` enlarges and shrinks them at random.

# %% [markdown]
# ## 9. Which pixels made these pixels *car*?
#
# Grad-CAM (lecture 5) explains *one number*. A segmentation network gives eight for every pixel; so choose a number. Let
# $R$ be the pixels that are said to be of class $c$, and ask for their mean logit:
#
# $$s_c = \frac{1}{|R|} \sum_{ij \in R} z_{ijc}, \qquad R = \{ij : \hat y_{ij} = c\}$$
#
# `cnnviz.cam` takes any function of the network's outputs as its *target*, if it gives one number per image. (The idea
# is that of Vinogradova et al. 2020.) The layer is the last one of the encoder, before its pooling:


# %%
from cnnviz import cam, plots
from cnnviz.taps import taps

LAYER = "encoder4_conv2_relu"


def mean_logit(kind):
    """A target: the mean logit of a class over the pixels that are said to be of it."""

    def target(logits):
        there = tf.argmax(logits, axis=-1) == names.index(kind)
        there = tf.cast(there, tf.float32)
        total = tf.reduce_sum(logits[..., names.index(kind)] * there, axis=(1, 2))
        return tf.math.divide_no_nan(total, tf.reduce_sum(there, axis=(1, 2)))

    return target


# %% [markdown]
# By hand, as in lecture 5, and with the package:

# %%
targets = {kind: mean_logit(kind) for kind in ("car", "pedestrian")}
picture = fresh.images[22][None].astype(np.float32)
read = taps(network, LAYER)
with tf.GradientTape() as tape:
    logits, tapped = read(picture)
    score = targets["car"](logits)
gradient = tape.gradient(score, tapped[LAYER])
alpha = tf.reduce_mean(gradient, axis=(1, 2))
S = tf.einsum("nijk,nk->nij", tapped[LAYER], alpha)[0].numpy()
heat = np.maximum(S / S.max(), 0)

from_package = cam.grad_cam(network, picture[0], targets["car"], LAYER)
np.testing.assert_allclose(from_package, heat, rtol=1e-2, atol=1e-2)
print(heat.shape)

# %% tags=["chaotic", "nbval-ignore-output"] mystnb={"image": {"alt": "Two street scenes in rows: the picture, the classes found, the heat for car, which lies low on the car in front, and the heat for pedestrian, which above lies at the right, away from the people found at the left, and below on the man at the right"}}
figure = plt.figure(figsize=(10, 4.2), layout="constrained")
for index, row in zip((22, 3), figure.subplots(2, 4)):
    image = fresh.images[index]
    row[0].imshow(image)
    row[1].imshow(label_colours(predicted[index], colours))
    for ax, (kind, target) in zip(row[2:], targets.items()):
        heat = cam.grad_cam(network, image.astype(np.float32), target, LAYER)
        plots.overlay(image, heat, ax=ax, title=f"why {kind}?")
    row[0].set_axis_off(), row[1].set_axis_off()
    row[0].set_title("picture", fontsize=10), row[1].set_title("found", fontsize=10)
plt.show()

# %% [markdown]
# **What to see.** What made these pixels *car* is the car, most of all its lower edge, where it stands on the road. For *pedestrian* look twice.
# Below, the heat is on the man whom the network found. Above, nearly all that it called pedestrian is the group at the left, yet the heat lies at
# the right, on a man whom it took for a car. Grad-CAM weighs each *map* once, for the whole picture, so that whatever else this map responds to
# lights up with it (exercise 8).
# And a cell of these maps stands for 8 x 8 pixels: about where, never which.

# %% [markdown]
# ## 10. Try it
#
# Sixty streets that the network has not learnt from. Where does it fail, and by which light and weather?


# %% tags=["chaotic"] mystnb={"image": {"alt": "A street scene; the true classes laid over it; the classes that were found laid over it, about the same areas with rougher outlines"}}
def examine(number):
    """Picture, truth and answer for one of the fresh scenes."""
    image, label = fresh[number]
    panels = plt.figure(figsize=(10, 2.8), layout="constrained").subplots(1, 3)
    truth, found = (overlay(image, v, colours) for v in (label, predicted[number]))
    for ax, panel in zip(panels, (image, truth, found)):
        ax.imshow(panel)
        ax.set_axis_off()
    right = np.mean(predicted[number] == label)
    panels[2].set_title(f"{right:.0%} of pixels right", fontsize=10)
    plt.show()


examine(9)

# %% [markdown]
# **What to see.** Left the picture, in the middle the truth, right the answer. Look at borders and at what is far.

# %% tags=["widget", "nbval-ignore-output"]
import os

import ipywidgets

if "LECTURE_STILL" not in os.environ:  # while it is built or tested, nobody slides
    ipywidgets.interact(examine, number=(0, len(fresh) - 1))

# %% [markdown]
# ## Self-test
#
# Answer first, then unfold.
#
# <details><summary>1. Does it change the architecture if the size of the image changes?</summary>
#
# No. All layers are convolutions, poolings, unpoolings and others that work on each cell alike; their weights do not depend on the number of cells. The output has exactly the input's size (section 4). What changes is the number of cells, and with it time and memory; and the share of the picture that a cell sees, so the same weights may answer worse (section 8).
# </details>
#
# <details><summary>2. What would you have to change in a classifier with a dense layer to make it fully convolutional?</summary>
#
# Reshape the matrix of the dense layer into kernels as large as the maps that it was fed with, and apply it as a convolution. No weight changes. On a larger picture it then gives a map of answers. (If global average pooling stands before the dense layer, as in lecture 1, take the pooling away and make the dense layer a convolution of 1 x 1.)
# </details>
#
# <details><summary>3. What does the decoder of SegNet get from the encoder, and what does that of U-Net get?</summary>
#
# SegNet: the indices of the maxima, one whole number for each pooled value. U-Net: the maps themselves, all channels in full resolution, which its convolutions can use in any way; that costs memory and multiply-adds.
# </details>
#
# <details><summary>4. A colleague has "void" as class number 8 and trains with nine logits. What happens?</summary>
#
# The network learns to say "void" where people were unsure, mostly along borders, and at those pixels nobody can use the answer. Its mIoU, counted over nine classes, is of another task. Leave void out of the loss and of the matrix; then the network gives its best guess there.
# </details>
#
# <details><summary>5. The encoder is frozen but its batch normalisation is not. What goes wrong?</summary>
#
# Its running means and variances follow the new pictures, and while training it normalises by each batch. So the features are not those that the classifier has learnt, and they move under the decoder. Weights that do not change are not enough: the layers must run as when nobody trains. (In Keras, <code>trainable = False</code> of a batch normalisation does both.)
# </details>
#
# <details><summary>6. All pixels of a set but 1 % are road and sky. A network knows only these two. What are its global accuracy and its mIoU over eight classes?</summary>
#
# About 99 % and about 25 %: two IoUs near 1, six of 0.
# </details>
#
# <details><summary>7. Why not take Grad-CAM of the logit of class car, summed over all pixels?</summary>
#
# One may; it answers another question. The sum also counts all pixels that are not car, whose logit for car is low: their part of the sum asks what makes the road no car. The mean over the pixels found asks about these.
# </details>

# %% [markdown]
# ## Exercises
#
# 1. Leave out phases 1 and 2, and train all layers from random weights for as many passes. What do you lose? Then give
#    phase 1 ten passes. (On so small a set the gain is small; what was a classifier good for when there were 367 pictures, as in CamVid?)
# 2. Train with `CrossEntropy()`, with the balanced weights, and with their root, from the same seed. Compare global accuracy, class average and
#    mIoU. Which loss wins which score, and why?
# 3. `fcn.losses` has `Dice`, `Lovasz` and `Combined`. Does a loss that is made of the score win the score?
# 4. Write `encode` and `decode` once more, with `UpSampling2D(2)` in place of the unpooling, train both kinds for as many passes (without
#    freezing: their layers have no names that `train` would know as an encoder), and compare mIoU *and* boundary F1.
# 5. Give `train` the argument `augment=fcn.augment.augment`. Does section 8 change for 160 x 224?
# 6. Score `predicted` by the mean over images, and over batches of 4 and of 16, in place of one matrix. Plot the four numbers.
# 7. Draw scenes `s = scene((0, i), SIZE)` until you have 400 with `s.conditions.weather != "snow"`, put `s.image` and `s.class_mask` into
#    `fcn.datasets.SegmentationData`, train, and examine on `scene((1, i), SIZE, weather="snow")`. What is the first class to go?
# 8. Take `cam.hires_cam` in place of `cam.grad_cam` in section 9. Which one keeps closer to the pixels that it explains? (Where is the gradient
#    of $s_c$ zero, and what does the mean make of that?)
#
# ## References
#
# - Larson, *CS8321 Machine Learning and Neural Networks*, Southern Methodist University: the slides.
# - Long, Shelhamer and Darrell, *Fully convolutional networks for semantic segmentation*, CVPR 2015.
# - Badrinarayanan, Kendall and Cipolla, *SegNet: a deep convolutional encoder-decoder architecture for image
#   segmentation*, IEEE Transactions on Pattern Analysis and Machine Intelligence, 2017.
# - Ronneberger, Fischer and Brox, *U-Net: convolutional networks for biomedical image segmentation*, MICCAI 2015.
# - Eigen and Fergus, *Predicting depth, surface normals and semantic labels with a common multi-scale convolutional
#   architecture*, ICCV 2015: median frequency balancing.
# - Csurka, Larlus and Perronnin, *What is a good evaluation measure for semantic segmentation?*, BMVC 2013: the boundary F1.
# - Selvaraju et al., *Grad-CAM: visual explanations from deep networks via gradient-based localization*, ICCV 2017.
# - Vinogradova, Dibrov and Myers, *Towards interpretable semantic segmentation via gradient-weighted class activation mapping*,
#   AAAI 2020.
