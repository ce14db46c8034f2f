# %% [markdown]
# # Lecture 5b. The same, on a network that knows a thousand classes
#
# **After this lecture you can**
#
# - point every tool of lectures 1 to 5 at a network of `keras.applications`;
# - say what changes with a larger network, and what does not;
# - ask of a surprising answer *what in the picture* brought it about.
#
# **Time** 25 minutes. **You need** lectures 1 to 5, and a network connection once: Keras downloads the weights of
# MobileNetV2 (14 MB) at first use. Where they cannot be had, this notebook is skipped by the tests; nothing else needs it.

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
from cnnviz import ascent, cam, dream, objectives, plots, saliency
from cnnviz.models import central_square
from data import photo, resize

devices = tf.config.list_logical_devices()
net = cnnviz.load("mobilenet_v2")  # downloads the weights and the class names, once

# %% [markdown]
# ## 1. The network
#
# MobileNetV2 (Sandler et al. 2018) was made for telephones. Instead of full convolutions it has *inverted residuals*: a
# 1x1 convolution widens the maps, a 3x3 convolution looks at every map by itself (*depthwise*), another 1x1 convolution
# narrows them again. It was trained on ImageNet: 1.2 million photographs, 1000 classes. Like the network of the lectures
# it ends with the mean of every map and one dense layer.

# %%
print(f"parameters: {net.model.count_params():,}, layers: {len(net.model.layers)}")
print("maps of the last layer:", net.model.get_layer("out_relu").output.shape[1:])

# %% [markdown]
# Keras knows the classes by name only with a network connection. So that this page reads the same without one, here are
# those that we shall meet, by number.

# %%
names = {282: "tiger cat", 285: "Egyptian cat", 665: "moped", 670: "motor scooter"}
names |= {967: "espresso", 872: "tripod", 657: "missile", 971: "bubble"}
names |= {88: "macaw", 130: "flamingo", 291: "lion", 985: "daisy"}


def prepared(name):
    """The photograph as the network takes it, and the same to be looked at."""
    picture = resize(central_square(photo(name)), net.size)
    return net.preprocess(picture), picture


# %% [markdown]
# ## 2. Where is it?
#
# Nothing changes in the call: `cam.grad_cam` finds the last maps, and differentiates the class that is predicted. The
# maps have 7 x 7 cells of 32 pixels each.

# %% mystnb={"image": {"alt": "Six photographs with heat maps: a cat, hot on its nose and muzzle; a cup of coffee, hot on the cup; a motorcycle, hot on its tank and engine; a rocket, hot in a square of sky around it; a cameraman, hot on his tripod; a field of galaxies, hot at the left and below the middle"}}
figure = plt.figure(figsize=(10, 7.2), layout="constrained")
subjects = ["cat", "coffee", "motorcycle", "rocket", "camera", "hubble"]
for ax, subject in zip(figure.subplots(2, 3).flat, subjects, strict=True):
    images, picture = prepared(subject)
    best = int(np.argmax(net.model(images)[0]))
    heat = cam.grad_cam(net, images)[0]
    plots.overlay(picture, heat, ax=ax, title=f'"{names.get(best, best)}"')
plt.show()

# %% [markdown]
# **What to see.** Most maps lie on the things, although nobody ever told the network where things are. And they explain
# mistakes. *Tripod* is a good answer about the famous cameraman: it simply answers another question, and the map says
# which. A motorcycle is no *moped*, but the network has looked at the right thing and chosen a neighbour. The galaxies
# are called *bubble*: ImageNet has no class for the universe, and a network must choose.
#
# One picture, two answers: an argument about the class changes the map.

# %%
images, picture = prepared("motorcycle")
both = cam.grad_cam(net, np.repeat(images, 2, axis=0), [665, 670])
print("moped and motor scooter, correlation of the maps:", end=" ")
print(
    "above .5"
    if np.corrcoef(both[0].ravel(), both[1].ravel())[0, 1] > 0.5
    else "low"
)

# %% [markdown]
# Lecture 5 proved that Grad-CAM is CAM up to a factor where a mean and one dense layer follow the maps. MobileNetV2 is
# such a network, with a thousand classes as with twelve:

# %%
exact = cam.cam(net, images, 665)
np.testing.assert_allclose(cam.grad_cam(net, images, 665), exact, atol=1e-3)
print("Grad-CAM equals CAM in all", exact[0].size, "cells")

# %% [markdown]
# ## 3. Which pixels?
#
# The methods of lecture 4 and lecture 5 side by side.

# %% mystnb={"image": {"alt": "The photograph of the cat and five explanations of it: the gradient is grain everywhere; SmoothGrad is a little brighter at eyes and nose; integrated gradients show the eyes as dark holes; Grad-CAM is hot on nose and cheek; guided Grad-CAM shows the eyes and the mouth"}}
images, picture = prepared("cat")
methods = {
    "gradient": saliency.gradient(net, images, 282),
    "smooth_grad": saliency.smooth_grad(net, images, 282, verbose=False),
    "integrated_gradients": saliency.integrated_gradients(
        net, images, 282, verbose=False
    ),
    "grad_cam": cam.grad_cam(net, images, 282),
    "guided_grad_cam": cam.guided_grad_cam(net, images, 282),
}
plots.contact_sheet(picture, methods, explained=names[282], columns=3)
plt.show()

# %% [markdown]
# **What to see.** The gradient is grain all over. SmoothGrad shows a little of the eyes and the nose, guided Grad-CAM little
# but the eyes and the mouth. Why *tiger cat* and not *Egyptian cat*, the second guess, cannot be read from any of them: a
# map says where, not what.

# %% [markdown]
# ## 4. What would a filter like to see?
#
# Gradient ascent (lecture 2) on five filters in each of three layers, from near the photograph to near the answer.

# %% tags=["chaotic"] mystnb={"image": {"alt": "Three rows of five pictures drawn by gradient ascent: fine stripes and dots in the early layer, curls and scales in the middle, scales, shingles and paving in the late one"}}
layers = ["block_2_expand_relu", "block_7_expand_relu", "block_13_expand_relu"]
figure = plt.figure(figsize=(11, 6), layout="constrained")
for ax, layer in zip(figure.subplots(3, 1), layers, strict=True):
    row = ascent.filter_grid(
        net, layer, range(5), columns=5, steps=24, verbose=False
    )
    ax.imshow(row)
    ax.set_title(layer.removesuffix("_relu"), loc="left", fontsize=10)
    ax.set_axis_off()
plt.show()

# %% [markdown]
# **What to see.** The order is that of lecture 2: lines, then textures, then larger textures. Most networks that were trained on photographs
# begin with much the same filters; what they end with depends on the classes.
#
# Four class neurons, before the softmax:

# %% tags=["chaotic"] mystnb={"image": {"alt": "Four pictures drawn by gradient ascent, for the classes macaw, flamingo, lion and daisy"}}
wanted = [88, 130, 291, 985]
dreamt = ascent.maximise(
    net, objectives.class_neuron(wanted), steps=40, verbose=False
)
figure = plt.figure(figsize=(11, 3.1), layout="constrained")
for ax, number, one in zip(figure.subplots(1, 4), wanted, dreamt, strict=True):
    ax.imshow(one)
    ax.set_title(names[number])
    ax.set_axis_off()
plt.show()

# %% [markdown]
# **What to see.** One can guess at feathers and beaks, at the flamingo's pink, at fur and at petals; one would not always guess
# the class. (A climb this long amplifies the last digit of every number: on your machine the pictures may look different.) And
# yet the network is surer of these pictures than of most photographs:

# %%
scores = net.model(net.scale(dreamt.astype(np.float32))).numpy()
drawn = [scores[row, number] for row, number in enumerate(wanted)]
seen = [net.model(prepared(subject)[0]).numpy().max() for subject in subjects]
print("lowest score of a drawing above the highest of a photograph:", end=" ")
print(min(drawn) > max(seen))

# %% [markdown]
# On a large network the picture that excites a neuron most need not be one that we recognise. What comes out comes in several
# places and sizes, never as one whole animal: the mean over the last maps does not ask *where*.

# %% [markdown]
# ## 5. A dream of animals
#
# Two fifths of ImageNet's classes are animals, and it shows in what the network dreams (lecture 3).

# %% tags=["chaotic"] mystnb={"image": {"alt": "The photograph of a cup of coffee, and beside it the same after DeepDream: saucer and table have turned into scales, eyes and furry animals"}}
before = photo("coffee")
after = dream.dream(net, before, "block_13_expand_relu", steps=6, verbose=False)
figure = plt.figure(figsize=(11, 4), layout="constrained")
for ax, one in zip(figure.subplots(1, 2), (before, after), strict=True):
    ax.imshow(one)
    ax.set_axis_off()
plt.show()

# %% [markdown]
# **What to see.** Where the photograph held a hint, the network has put more of it.

# %% [markdown]
# ## Self-test
#
# 1. MobileNetV2 calls the galaxies *bubble*, with a high probability. What does the heat map tell you, and what not?
# 2. Why does `cam.grad_cam` need no name of a layer here, and what would it take for VGG16?
# 3. Why is a class neuron climbed before the softmax?
#
# <details><summary>Answers</summary>
#
# 1. Where what speaks for *bubble* lies. Not that it is right, nor how sure the network ought to be: a softmax over
#    a thousand classes adds up to 1 whatever is in the picture.
# 2. It takes the last of the coarsest maps: `out_relu` here, `block5_conv3` in VGG16 (before the last pooling). In VGG16
#    three dense layers follow, so Grad-CAM is no longer CAM.
# 3. The probability of a class also rises when all other logits fall, and near 1 its gradient vanishes (lecture 2).
#
# </details>

# %% [markdown]
# ## Exercises
#
# 1. Take a photograph of your own (`data.read_image`). Find a wrong answer, and explain it with two methods.
# 2. `cnnviz.load("vgg16")` or `cnnviz.load("resnet50")`: run section 2 again. Which networks agree on where?
# 3. Dream with one channel only (`channel=`) of `block_13_expand_relu`. Find one that you can give a name.

# %% [markdown]
# ## References
#
# - Sandler, Howard, Zhu, Zhmoginov, Chen. *MobileNetV2: Inverted Residuals and Linear Bottlenecks.* CVPR 2018.
# - Deng, Dong, Socher, Li, Li, Fei-Fei. *ImageNet: A Large-Scale Hierarchical Image Database.* CVPR 2009.
# - Lectures 1 to 5, and the references there.
