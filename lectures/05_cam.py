# %% [markdown]
# # Lecture 5. CAM and Grad-CAM: where is the cat?
#
# **After this lecture you can**
#
# - derive the class activation map (CAM) and Grad-CAM, compute both in ten lines, and say when they are the same;
# - lay a coarse map over a photograph without shifting it;
# - ask one picture about several classes, and about what speaks *against* a class;
# - choose among the relatives (Grad-CAM++, HiResCAM, Layer-CAM, Score-CAM, ...), knowing what each assumes;
# - test whether a map is any good, and find out with it what a network really looks at.
#
# **Time** 60 minutes. **You need** lectures 1 (activation maps, `taps`) and 4 (image gradients).
#
# This lecture follows *Visualizing ConvNets, part two* of SMU's course CS8321. It runs in under a minute on a laptop, and
# needs no data and no weights from elsewhere. (On Colab, the first cell installs the packages.)

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
from cnnviz import cam, plots
from data import photo

# Here TensorFlow says, once, whether it has found a GPU. None is needed.
devices = tf.config.list_logical_devices()

# %% [markdown]
# ## 1. A right answer, and a strange one
#
# Two photographs for the network of lecture 1. It knows twelve classes. A cat is among them; a rocket is not.

# %% mystnb={"image": {"alt": "Left the face of a tabby cat, right a rocket on its launch pad at dusk between lattice towers; above each the most probable class: cat with 75 percent, church with 98 percent"}}
net = cnnviz.load()
images = net.preprocess([photo("cat"), photo("rocket")], size=192)
photographs = images.astype(np.uint8)
answers = net.decode(net.model(images), top=1)

panels = plt.figure(figsize=(7, 3.7), layout="constrained").subplots(1, 2)
for ax, photograph, [(name, probability)] in zip(panels, photographs, answers):
    ax.imshow(photograph)
    ax.set_title(f"{name} {probability:.0%}")
    ax.set_axis_off()
plt.show()

# %% [markdown]
# **What to see.** The cat is a cat. The rocket is a *church*, and the network is nearly certain of it. Before one laughs
# or trusts, one wants to know: **where in the picture did it find that?** A map that answers is called a *heat map*.
#
# Lecture 4 asked every *pixel*, and got fine, noisy maps. Today we ask the last *activation maps*. They are coarse, but a
# network's last maps stand for things rather than for edges, and they still have places.

# %% [markdown]
# ## 2. CAM: the class activation map
#
# Our network ends as many do: the mean of each of the last maps $A_k$ (global average pooling, over $Z$ cells), then one
# dense layer with weights $w_k^c$ and bias $b^c$. So the score of class $c$, before the softmax, is
#
# $$y_c = b^c + \sum_k w_k^c\, \frac{1}{Z} \sum_{i,j} A_k(i,j) = b^c + \frac{1}{Z} \sum_{i,j} \underbrace{\sum_k w_k^c A_k(i,j)}_{M_c(i,j)} .$$
#
# The sums only changed places, yet now there is a number for every cell. $M_c$ is the **class activation map** (Zhou
# et al. 2016): *the score is the mean of the map*, plus a bias. Nothing is approximated.
#
# By hand it is one matrix product:

# %%
LAYER = "block5_conv2_relu"
A = cnnviz.activation_maps(net.model, images, LAYER)[LAYER]
w, bias = net.model.get_layer("logits").get_weights()
M = A @ w
y = net.model(images).numpy()
np.testing.assert_allclose(M.mean(axis=(1, 2)) + bias, y, rtol=1e-3, atol=1e-3)

c = net.class_index("cat")
by_hand = np.maximum(M[0, ..., c], 0) / M[0, ..., c].max()
cat_map = cam.cam(net, images[0], "cat")
np.testing.assert_allclose(cat_map, by_hand, rtol=1e-3, atol=1e-4)
print(A.shape, "times", w.shape, "gives", M.shape)

# %% [markdown]
# The package returns it as maps are mostly drawn: what is negative (what speaks against the class) set to zero, and
# divided by the maximum, so that it is 1 where it is hottest. `relu=False` and `normalise=False` switch that off.

# %% mystnb={"image": {"alt": "Left a map of twelve by twelve cells, brightest in the lower middle and at the upper left; right the same as a heat map over the cat, hot on its muzzle, its forehead and above one eye"}}
left, right = plt.figure(figsize=(7, 3.7), layout="constrained").subplots(1, 2)
left.imshow(cat_map, cmap="magma")
left.set_title("CAM for cat, 12 x 12 cells", fontsize=10)
left.set_axis_off()
plots.overlay(photographs[0], cat_map, ax=right, title="over the photograph")
plt.show()

# %% [markdown]
# **What to see.** The muzzle with its whiskers, the striped forehead, a spot above the eye: there the network found what
# speaks for *cat*. The eyes add nothing. Mind the size of a cell: it stands for 16 x 16 pixels, and the network saw nearly
# nine times that side around it (140 pixels, lecture 1). A heat map tells *about where*, never which hair.

# %% [markdown]
# ## 3. From cells to pixels
#
# A map of $n$ cells is stretched over $N$ pixels. Cell $j$ covers the pixels from $jN/n$ to $(j+1)N/n$, so its value
# belongs to the *centre* of that: pixel
#
# $$x_j = \left(j + \tfrac{1}{2}\right) \frac{N}{n} - \tfrac{1}{2} .$$
#
# For 7 cells on 224 pixels, cell 1 lies at 47.5. Between the centres one goes in a straight line (*bilinear*).
# `tf.image.resize` and OpenCV do so. `scipy.ndimage.zoom`, which a well-known package uses, lays the *outermost centres* on
# the *outermost pixels*. Try both on one hot cell:

# %% mystnb={"image": {"alt": "Three panels of a grid of seven by seven cells. Left one hot cell. In the middle it is blurred, and centred within its square. Right it is blurred too, but its centre is moved up and left, toward the edge of its square"}}
from scipy import ndimage

cells = np.zeros((7, 7), np.float32)
cells[1, 1] = 1
right_way = cam.upsample(cells, 224)
squares = np.kron(cells, np.ones((32, 32)))
ways = [squares, right_way, ndimage.zoom(cells, 32, order=1)]
titles = ["one hot cell", "cam.upsample", "scipy's zoom"]
panels = plt.figure(figsize=(7, 2.6), layout="constrained").subplots(1, 3)
for ax, way, title in zip(panels, ways, titles):
    ax.imshow(way, cmap="magma", extent=(0, 224, 224, 0))
    ax.set(title=title, xticks=range(0, 225, 32), yticks=range(0, 225, 32))
    ax.grid(color="#888888", linewidth=0.5)
    ax.tick_params(left=False, bottom=False, labelleft=False, labelbottom=False)
plt.show()

# %%
tensorflow = tf.image.resize(cells[..., None], (224, 224))[..., 0]
np.testing.assert_allclose(right_way, tensorflow, atol=1e-5)

columns = np.arange(224)
for title, way in zip(titles[1:], ways[1:]):
    centre = (way.sum(axis=0) * columns).sum() / way.sum()
    print(f"{title:12} centre at pixel {centre:.1f}")

# %% [markdown]
# **What to see.** The right way keeps the heat in the middle of its cell. The other shifts it by ten pixels of 224, and
# more toward the corners: enough to put it on the wrong side of a small object, and no one would notice.

# %% [markdown]
# ## 4. Grad-CAM
#
# CAM needs a mean and one matrix behind the maps. What if there is more, as in VGG16 with its three dense layers?
# Selvaraju et al. (2017) ask the gradient for the weights. How much would the score gain, if all cells of map $k$ rose
# together?
#
# $$\alpha_k^c = \frac{1}{Z} \sum_{i,j} \frac{\partial y_c}{\partial A_k(i,j)}, \qquad S = \sum_k \alpha_k^c A_k, \qquad \text{heat} = \mathrm{ReLU}\left(\frac{S}{S_{\max}}\right)$$
#
# The ReLU keeps what speaks *for* the class. `taps` (lecture 1) lends us the activations on the way, with a tape around:

# %%
from cnnviz.taps import taps

read = taps(net.model, LAYER)
with tf.GradientTape() as tape:
    logits, tapped = read(images[:1])
    score = logits[0, c]
gradient = tape.gradient(score, tapped[LAYER])
alpha = tf.reduce_mean(gradient, axis=(1, 2))
S = tf.einsum("nijk,nk->nij", tapped[LAYER], alpha)[0].numpy()
heat = np.maximum(S / S.max(), 0)

np.testing.assert_allclose(
    cam.grad_cam(net, images[0], "cat"), heat, rtol=1e-2, atol=1e-3
)

# %% [markdown]
# Three details that many programs get wrong. The gradient is that of the score *before* the softmax: behind it, the
# gradient vanishes where the network is sure. Each image is averaged and divided *by itself*, not by its batch. And where
# $S$ is nowhere positive, there is nothing to divide by: the map is zero, and `cam` warns that it is.
#
# **Grad-CAM is CAM**, wherever CAM exists. There $y_c$ depends on $A_k(i,j)$ by the factor $w_k^c / Z$ in every cell, so
# $\alpha_k^c = w_k^c / Z$ and $S = M_c / Z$. After the division by the maximum, the same:

# %%
np.testing.assert_allclose(
    S * M[0, ..., c].size, M[0, ..., c], rtol=1e-2, atol=1e-2
)
np.testing.assert_allclose(heat, cat_map, rtol=1e-2, atol=1e-3)
print("Grad-CAM = CAM / Z, with Z =", M[0, ..., c].size, "cells")

# %% [markdown]
# ## 5. One picture, several questions
#
# A heat map belongs to a class, not to a picture. So put both photographs side by side (our network takes any size), and
# ask about each class in turn.

# %% mystnb={"image": {"alt": "The cat and the rocket side by side in one picture, three times: the heat for cat lies on the cat only, that for church on rocket and towers only, that for dog on the cat's brow and cheek"}}
pair = np.concatenate(list(images), axis=1)
print(pair.shape, net.decode(net.model(pair[None]), top=2)[0][0][0], "is likeliest")

panels = plt.figure(figsize=(9, 1.9), layout="constrained").subplots(1, 3)
for ax, name in zip(panels, ["cat", "church", "dog"]):
    heat = cam.grad_cam(net, pair, name)
    plots.overlay(pair.astype(np.uint8), heat, ax=ax, title=f"for {name}")
plt.show()

# %% [markdown]
# **What to see.** One picture, and three maps. *Cat* is found on the cat, *church* on the rocket and its
# towers: Grad-CAM is **class-discriminative**. *Dog* is found on the cat as well, at other places: fur is evidence for both.
# The map for a wrong class tells why it was considered at all.
#
# To have a number, take the share of the heat that lies in the left half, on the cat:


# %%
def on_the_cat(heat):
    """Share of the heat in the left half of the picture."""
    return heat[:, : heat.shape[1] // 2].sum() / heat.sum()


for name in ("cat", "church"):
    share = on_the_cat(cam.grad_cam(net, pair, name))
    print(f"{name:7} {share:.1f} of its heat is on the cat")

# %% [markdown]
# **Counterfactual maps.** Turn the sign of the gradient round, and the map shows what speaks *against* a class: what you
# would take away to raise its score.
#
# $$\alpha_k^c = \frac{1}{Z} \sum_{i,j} -\frac{\partial y_c}{\partial A_k(i,j)}$$

# %% mystnb={"image": {"alt": "The pair of photographs twice: against cat speak the rocket and the towers, against church the cat's eyes and nose"}}
panels = plt.figure(figsize=(8, 2.4), layout="constrained").subplots(1, 2)
for ax, name in zip(panels, ["cat", "church"]):
    heat = cam.counterfactual(net, pair, name)
    plots.overlay(pair.astype(np.uint8), heat, ax=ax, title=f"against {name}")
plt.show()

# %% [markdown]
# **What to see.** Each speaks against the other. Look at the eye on the left: it spoke for neither *cat* nor *church* above, and here it
# speaks against *church*. (For *cat*, even that eye counts a little against.)

# %% [markdown]
# ## 6. Other layers, and a mean that goes wrong
#
# Nothing ties Grad-CAM to the last maps. Earlier ones are finer, so why not take those? Because of the mean: in an early
# layer a map means something else in every place, and so does its gradient. $\alpha_k$ averages that away.
#
# **HiResCAM** (Draelos and Carin 2020) leaves the mean out: every cell has its own weight. **Layer-CAM** (Jiang et al.
# 2021) does, too, and only counts gradients that are positive:
#
# $$S_{\text{HiRes}} = \sum_k \frac{\partial y_c}{\partial A_k} \odot A_k, \qquad S_{\text{Layer}} = \sum_k \mathrm{ReLU}\left(\frac{\partial y_c}{\partial A_k}\right) \odot A_k$$

# %%
g = gradient.numpy()
by_hand = (g * A[:1]).sum(axis=-1), (np.maximum(g, 0) * A[:1]).sum(axis=-1)
for method, S in zip([cam.hires_cam, cam.layer_cam], by_hand):
    heat = np.maximum(S / S.max(), 0)
    np.testing.assert_allclose(
        method(net, images[:1], "cat"), heat, rtol=1e-2, atol=1e-3
    )

# %% mystnb={"image": {"alt": "Nine heat maps for church over the pair of photographs, blocks 3, 4 and 5 by three methods. In block 5 all lie on the rocket, though Layer-CAM leaves some on the cat. In blocks 4 and 3 they break up into ever smaller spots, and much of the heat lies on the cat"}}
methods = {
    "Grad-CAM": cam.grad_cam,
    "HiResCAM": cam.hires_cam,
    "Layer-CAM": cam.layer_cam,
}
grid = plt.figure(figsize=(9, 5.2), layout="constrained").subplots(3, 3)
for row, block in zip(grid, (3, 4, 5)):
    for ax, (title, method) in zip(row, methods.items()):
        heat = method(net, pair, "church", f"block{block}_conv2_relu")
        hottest = np.quantile(heat, 0.995)  # a few single cells outshine the rest
        title = f"{title}, block {block}: {on_the_cat(heat):.0%} on the cat"
        plots.overlay(
            pair.astype(np.uint8), heat, hottest=hottest, ax=ax, title=title
        )
plt.show()

# %% [markdown]
# **What to see.** Upwards the maps become finer, and worse. In block 5, Grad-CAM and HiResCAM are the same map (there the
# gradient is the same in all cells), and have next to nothing on the cat. In block 4 HiResCAM stays closer to the towers. In
# block 3 every method finds nearly half of its *church* on the cat: so early there are only strokes and corners, and both pictures
# have those. Grad-CAM there even has heat on the seam between the two photographs. Layer-CAM has heat on the cat even in block 5, since it drops what is negative *before* adding up. Evidence
# that other channels take back still shows.
#
# The rule of thumb holds: take the last maps. That is what `layer=None` does.

# %% [markdown]
# ## 7. Guided Grad-CAM: fine lines at the right place
#
# Guided backpropagation (lecture 4) draws fine lines, but hardly knows the class. Grad-CAM knows the class, but is coarse.
# Their product is **guided Grad-CAM** (Selvaraju et al. 2017, figure 2).

# %% mystnb={"image": {"alt": "Three panels: guided backpropagation for cat draws the cat's face as well as the rocket and the towers; multiplied by Grad-CAM for cat only the lines of the cat remain; that for church has only those of the rocket and the towers"}}
from cnnviz.derivatives import derivatives

guided = derivatives(net, pair[None], "cat", rule="guided").images
heat = cam.upsample(cam.grad_cam(net, pair, "cat"), pair.shape[:2])
lines = cam.guided_grad_cam(net, pair, "cat")
np.testing.assert_allclose(lines, guided[0] * heat[..., None], atol=1e-4)

church = cam.guided_grad_cam(net, pair, "church")
shown = {"guided backpropagation": guided[0], "cat": lines, "church": church}
panels = plt.figure(figsize=(9, 1.9), layout="constrained").subplots(1, 3)
for ax, (title, lines) in zip(panels, shown.items()):
    strength = np.abs(lines).max(axis=-1)
    ax.imshow(strength, cmap="gray_r", vmax=np.quantile(strength, 0.99))
    ax.set(title=title, xticks=[], yticks=[])
plt.show()

# %% [markdown]
# **What to see.** Left, the lines of both photographs, though *cat* was asked. In the middle and on the right, those of one.
# Such pictures please the eye, and section 9 warns of them: the lines are edges, whatever the network has learnt.

# %% [markdown]
# ## 8. Without a gradient
#
# A gradient tells what a *small* change would do. One may as well make a large change, and look.
#
# **Ablation-CAM** (Desai and Ramaswamy 2020) sets one map to zero and asks how far the score falls. On our network that can be
# foretold (the paper also divides by $y_c$, which changes nothing in the picture where $y_c > 0$): map $k$ adds $w_k^c \bar A_k$ to the score, with the mean $\bar A_k$, and without it that is gone.
#
# $$w_k = y_c - y_c(A_k = 0) \quad\left[\; = w_k^c \bar A_k \text{ here} \;\right], \qquad S = \sum_k w_k A_k$$

# %%
falls = w[:, c] * A[0].mean(axis=(0, 1))
S = A[0] @ falls
ablation = cam.ablation_cam(net, images[0], "cat", verbose=False)
np.testing.assert_allclose(ablation, np.maximum(S / S.max(), 0), atol=1e-2)

# %% [markdown]
# **Score-CAM** (Wang et al. 2020) uses each map as a stencil: it shows the network only what the map lights up, and weighs
# the map by the probability of the class. That takes a pass for every channel; with `channels=8` only the 8 maps of largest variance are taken.
#
# $$w_k \propto \mathrm{softmax}(y(X \odot H_k))_c, \qquad H_k = \frac{A_k - \min A_k}{\max A_k - \min A_k} \text{, upsampled}$$

# %%
chosen = np.argsort(-A[0].var(axis=(0, 1)))[:8]
maps = A[0][..., chosen]
H = (maps - maps.min(axis=(0, 1))) / np.ptp(maps, axis=(0, 1))
stencils = cam.upsample(H.transpose(2, 0, 1), 192)[..., None]
weights = tf.nn.softmax(net.model(images[0] * stencils)).numpy()[:, c]
S = maps @ weights
score = cam.score_cam(net, images[0], "cat", channels=8, verbose=False)
np.testing.assert_allclose(score, np.maximum(S / S.max(), 0), atol=1e-2)

# %% [markdown]
# **Eigen-CAM** (Muhammad and Yeasin 2020) takes the first principal component of the maps. It asks nothing about the class
# at all. By hand, with the singular value decomposition:

# %%
left, values, _ = np.linalg.svd(A[0].reshape(-1, A.shape[-1]), full_matrices=False)
component = np.abs(left[:, 0]).reshape(A.shape[1:3])
eigen = cam.eigen_cam(net, images[0])
np.testing.assert_allclose(eigen, component / component.max(), atol=1e-2)

# %% [markdown]
# Now all methods on the picture of both, for *church* (Score-CAM with 24 maps):

# %% mystnb={"image": {"alt": "Nine heat maps for church over the pair of photographs. CAM, Grad-CAM, HiResCAM, XGrad-CAM and Ablation-CAM lie on rocket and towers. Grad-CAM++, Layer-CAM and Score-CAM have some heat on the cat too. Eigen-CAM covers cat and rocket alike"}}
every = ["cam", "grad_cam", "hires_cam", "xgrad_cam", "ablation_cam"]
every += ["grad_cam_plus_plus", "layer_cam", "score_cam", "eigen_cam"]
options = {"ablation_cam": {"verbose": False}}
options["score_cam"] = {"verbose": False, "channels": 24}
panels = plt.figure(figsize=(9, 5.2), layout="constrained").subplots(3, 3)
for ax, name in zip(panels.flat, every):
    heat = getattr(cam, name)(net, pair, "church", **options.get(name, {}))
    title = f"{name}: {on_the_cat(heat):.0%} on the cat"
    plots.overlay(pair.astype(np.uint8), heat, ax=ax, title=title)
plt.show()

# %% [markdown]
# **What to see.** Five maps of nine are alike: on a network that ends with a mean and a matrix, CAM, Grad-CAM, HiResCAM and
# XGrad-CAM *are* the same, and Ablation-CAM differs only by the factor $\bar A_k$. Grad-CAM++, Layer-CAM and Score-CAM have no
# negative weights, so nothing is ever subtracted, and part of *church* is found on the cat. Eigen-CAM lights up cat and
# rocket alike: **it does not know the class**. It shows where something is, not what.
#
# | method | weight of map $k$ | costs | mind |
# |:--|:--|:--|:--|
# | CAM | $w_k^c$ of the dense layer | one pass | only after global average pooling |
# | Grad-CAM | mean gradient | one pass | wrong in early layers |
# | Grad-CAM++ | weighted mean of positive gradients | one pass | subtracts nothing |
# | HiResCAM | the gradient, cell by cell | one pass | noisy in early layers |
# | Layer-CAM | its positive part, cell by cell | one pass | subtracts nothing |
# | XGrad-CAM | gradient, weighted by activation | one pass | meant for layers behind a ReLU |
# | Ablation-CAM | fall of the score without it | the head, for each channel | slow with many channels |
# | Score-CAM | score of what it lights up | a pass for each channel | slow; pictures no network has seen |
# | Eigen-CAM | first principal component | a pass up to the layer | does not know the class |
#
# Under this cell, in JupyterLab or on Colab, you may ask for any class by any method.


# %% mystnb={"image": {"alt": "The pair of photographs with the Grad-CAM heat map for parachute: it lies in a band around the rocket, hottest at the foot of the right tower"}}
def ask(name, method):
    """The heat map of one class by one method."""
    heat = getattr(cam, method)(net, pair, name)
    plots.overlay(pair.astype(np.uint8), heat, title=f"{method} for {name}")
    plt.show()


ask("parachute", "grad_cam")

# %% [markdown]
# **What to see.** *Parachute* is found in a band around the rocket, not on it, and most at the foot of the right tower. Part of
# it is sky, as there was behind the parachutes that the network learnt from. But not all: a map says where, and leaves you to guess why.

# %% tags=["widget", "nbval-ignore-output"]
import os

import ipywidgets

quick = [name for name in every if name not in options]
if "LECTURE_STILL" not in os.environ:  # while it is built or tested, nobody slides
    ipywidgets.interact(ask, name=net.class_names, method=quick)

# %% [markdown]
# ## 9. Is it any good?
#
# A map that looks right proves little: we like it because it shows what *we* would look at. Two tests ask the network instead.
#
# **Deletion** (Petsiuk et al. 2018). Take the pixels away, the hottest first. If they mattered, the probability falls at once.
# If the coldest go first, it should stay.


# %%
def delete(image, heat, shares, fill):
    """The image without the hottest pixels, for each share of them."""
    order = np.argsort(-heat.ravel(), kind="stable")
    variants = []
    for share in shares:
        flat = image.reshape(-1, 3).copy()
        flat[order[: round(share * len(order))]] = fill
        variants.append(flat.reshape(image.shape))
    return np.stack(variants)


rocket, shares = images[1], np.linspace(0, 1, 11)
heat = cam.grad_cam(net, rocket, "church", relu=False)
heat = cam.upsample(heat, rocket.shape[:2])

# %% mystnb={"image": {"alt": "Left two curves of the probability of church over the share of pixels deleted: with the hottest first it falls steeply, with the coldest first it stays high until more than half is gone. Right the photograph with its hottest fifth painted over: most of the rocket and part of a tower"}}
church = net.class_index("church")
fill = rocket.mean(axis=(0, 1))
figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
curves = {}
for name, order in {"hottest first": heat, "coldest first": -heat}.items():
    variants = delete(rocket, order, shares, fill)
    probabilities = tf.nn.softmax(net.model.predict(variants, verbose=0))
    curves[name] = probabilities.numpy()[:, church]
    left.plot(shares, curves[name], label=name)
left.set(xlabel="share of pixels deleted", ylabel="probability of church")
left.legend()
right.imshow(delete(rocket, heat, [0.2], fill)[0].astype(np.uint8))
right.set_axis_off()
plt.show()

# %% [markdown]
# **What to see.** Without the hottest fifth (on the right) *church* is no longer the likeliest answer. Without the coldest half
# it still is, and nearly as surely as before. By this test, on this picture, the map is *faithful*. `cnnviz.sanity` has the test, its reverse (insertion), and the area under the curve as a number:

# %%
from cnnviz import sanity

curve = sanity.deletion(
    heat[None], net, rocket[None], "church", steps=10, verbose=False
)
np.testing.assert_allclose(
    curve.probabilities[0], curves["hottest first"], atol=0.05
)

# %% [markdown]
# **Randomisation** (Adebayo et al. 2018). Shuffle the weights of the last layer. The network now knows nothing about classes,
# so an explanation of a class must change. If it does not, it never explained the class.


# %%
def likeness(one, other):
    """Correlation of two maps."""
    return np.corrcoef(one.ravel(), other.ravel())[0, 1]


def guided_strength(model, batch, target):
    """Guided backpropagation, one number for each pixel."""
    guided = derivatives(model, batch, target, rule="guided").images
    return np.abs(guided).max(axis=-1)


explanations = {"Grad-CAM": cam.grad_cam, "Eigen-CAM": cam.eigen_cam}
explanations["guided backpropagation"] = guided_strength
for name, explain in explanations.items():
    before = explain(net, images[:1], "cat")
    with sanity.randomised(net, ["logits"], seed=0):
        after = explain(net, images[:1], "cat")
    print(f"{name:22} {likeness(before, after):4.1f}")

# %% [markdown]
# Grad-CAM has nothing in common with what it was: it explained the class. Eigen-CAM cannot change, since it never looks at the
# last layer. And guided backpropagation hardly does, however convincing its lines are: to a large part it redraws the edges of
# the photograph. `sanity.model_randomisation` goes on through all layers.

# %% [markdown]
# ## 10. Tanks in trees
#
# (The heading is the tale of lecture 1: a network was to find tanks among trees, and learnt the weather.)
#
# Back to the rocket. Why *church*? The heat lay on slim upright things against the evening sky: the rocket, and the lattice
# towers beside it. The network has seen churches with their steeples, and no rocket ever. To it, this is a steeple.
#
# That is what attribution is for. It does not make the answer right; it tells *what rule the network follows*, so that you can
# guess where it will fail, and look for pictures that teach it better. Test the guess by changing the picture: paint over the
# rocket with the sky beside it, then the towers too.


# %% mystnb={"image": {"alt": "Three pictures with the heat for church: the launch pad as it is, with the heat on rocket and towers; without the rocket, with the heat on both towers, and the answer is still church, with less probability; without rocket and towers, and the answer is parachute"}}
def paint_over(image, left, right):
    """The image, with what lies between two columns drawn from these."""
    image = image.copy()
    columns = np.linspace(image[:, left - 1], image[:, right], right - left, axis=1)
    image[:, left:right] = columns
    return image


without = paint_over(rocket, 84, 108)
bare = paint_over(paint_over(without, 30, 58), 144, 172)
scenes = np.stack([rocket, without, bare])
panels = plt.figure(figsize=(9, 3.4), layout="constrained").subplots(1, 3)
for ax, scene, [(name, p)] in zip(panels, scenes, net.decode(net.model(scenes), 1)):
    heat = cam.grad_cam(net, scene, "church")
    plots.overlay(scene.astype(np.uint8), heat, ax=ax, title=f"{name} {p:.0%}")
plt.show()

# %% [markdown]
# **What to see.** Without the rocket the towers alone make a *church*, though a less certain one. Without them it is a
# *parachute*: there is only sky left. The third map shows a trap. Little speaks for *church* by now, yet the map is drawn as
# bright as the others, since each is divided by its own maximum. To compare maps, use `normalise=False`.
#
# So a rule that fits all three pictures is *slim and upright against the sky*. A network that had to tell rockets from churches would have to be shown
# both. The same question is asked of networks that read X-rays, and the answer has been the hospital's mark in the corner of
# the film (Zech et al. 2018).

# %% [markdown]
# ## Self-test
#
# Answer first, then unfold.
#
# <details><summary>1. Your network ends with <code>Flatten</code> and two dense layers. CAM or Grad-CAM?</summary>
#
# Grad-CAM. CAM needs the mean of each map and a single dense layer behind it; only then is the score the mean of a map. (<code>cam.cam</code> says so and points you to <code>grad_cam</code>.)
# </details>
#
# <details><summary>2. Grad-CAM of a sure answer is all zero when taken behind the softmax. Why?</summary>
#
# The derivative of the softmax at class <i>c</i> is p(1 - p). For p near 1 it vanishes, and with it the gradient. Take the score before the softmax.
# </details>
#
# <details><summary>3. Why is Grad-CAM of the last maps the same as HiResCAM on our network, but not on VGG16?</summary>
#
# Behind our last maps there is a mean: the gradient is the same in all cells, so the mean of it is it. In VGG16, dense layers weigh each cell differently.
# </details>
#
# <details><summary>4. A map for "dog" of a picture without a dog is hot on the cat. Is the method wrong?</summary>
#
# Not necessarily. Each map is divided by its own maximum, so even weak evidence is drawn bright. Compare with <code>normalise=False</code>, or look at the score. The map only tells where the evidence is, not how much of it there is.
# </details>
#
# <details><summary>5. A heat map passes the deletion test. Does it show what a human would call the object?</summary>
#
# No. The test asks the network, not us. On a network that has learnt the weather instead of the tank, a faithful map is hot on the sky, and that is just what you wanted to know.
# </details>
#
# ## Exercises
#
# 1. Take a photograph of your own with two of the twelve classes. Do the maps tell them apart? Which of the nine methods does it
#    best, by a measure of your choice?
# 2. Write XGrad-CAM by hand (Fu et al. 2020, equation 8), and assert that it is `cam.xgrad_cam`. Then take
#    `block4_conv2_relu`. By how much does it differ from Grad-CAM there, and why not in block 5?
# 3. A target may be any function of the outputs: `lambda y: y[:, 10] - y[:, 11]` asks *what makes it a cat rather than a dog?*
#    Map it on the cat, and compare it with the map for *cat*.
# 4. Load `cnnviz.load("mobilenet_v2")` (Keras downloads 14 MB). Which layer does `cam.last_maps` choose? Is CAM possible?
# 5. *Tanks in trees.* `data.scenes.dataset(2000, batch_size=32, bias={"car": "snow"})` draws street scenes in which one class
#    is tied to the weather. Train a small network on them, and find its mistake with heat maps alone. Then measure it with
#    `sanity.pointing_game`.
#
# ## References
#
# - Larson, *CS8321 Machine Learning and Neural Networks*, Southern Methodist University: the slides.
# - Zhou, Khosla, Lapedriza, Oliva and Torralba, *Learning deep features for discriminative localization*, CVPR 2016.
# - Selvaraju et al., *Grad-CAM: visual explanations from deep networks via gradient-based localization*, ICCV 2017.
# - Chattopadhay et al., *Grad-CAM++: generalized gradient-based visual explanations*, WACV 2018.
# - Draelos and Carin, *Use HiResCAM instead of Grad-CAM for faithful explanations*, arXiv 2011.08891, 2020.
# - Jiang et al., *LayerCAM: exploring hierarchical class activation maps for localization*, IEEE TIP 2021.
# - Fu et al., *Axiom-based Grad-CAM (XGrad-CAM)*, BMVC 2020.
# - Wang et al., *Score-CAM: score-weighted visual explanations*, CVPR workshops 2020.
# - Desai and Ramaswamy, *Ablation-CAM: visual explanations via gradient-free localization*, WACV 2020.
# - Muhammad and Yeasin, *Eigen-CAM: class activation map using principal components*, IJCNN 2020.
# - Petsiuk, Das and Saenko, *RISE: randomized input sampling for explanation of black-box models*, BMVC 2018.
# - Adebayo et al., *Sanity checks for saliency maps*, NeurIPS 2018.
# - Zech et al., *Variable generalization performance of a deep learning model to detect pneumonia in chest radiographs*, PLoS
#   Medicine 2018.
