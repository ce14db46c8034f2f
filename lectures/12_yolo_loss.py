# %% [markdown]
# # Lecture 12. The YOLO loss: what each number is told
#
# **After this lecture you can**
#
# - write down YOLO's loss term by term, and calculate it for one picture by hand;
# - say which of hundreds of predictions learns an object, which ones are told that they are wrong, and which are left
#   in peace;
# - give the reason for every weight in it: the square roots, $\lambda_\text{coord}$, $\lambda_\text{noobj}$, $2 - wh$;
# - name what changed from v1 to v2 to v3, and what Darknet does that the papers do not say;
# - take the loss of a real network apart with `yolo.explain_loss`, and read off what it has yet to learn.
#
# **Time** 75 minutes. **You need** lecture 10 (cells, IoU) and cross-entropy. Lecture 11 shows the network.
#
# This lecture follows the slides on YOLO of SMU's course CS8321. It runs in under a minute on a laptop, and needs no data
# and no weights from elsewhere. (On Colab, the first cell installs the packages.)

# %%
# On Colab, or wherever the packages are missing, this installs them.
from importlib.util import find_spec

from IPython import get_ipython

if find_spec("yolo") is None:
    home = "git+https://github.com/convnet-lectures/convnet-lectures"
    get_ipython().run_line_magic("pip", f"install -q 'convnet-lectures @ {home}'")

# %% tags=["nbval-ignore-output"]
import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from matplotlib.patches import Rectangle

import yolo
from data.scenes import OBJECT_CLASSES, drawn, scene
from yolo.anchors import cluster, shape_iou
from yolo.boxes import convert, iou, matrix
from yolo.losses import darknet_delta, loss_v1, loss_v2, loss_v3
from yolo.plots.explanation import draw_explanation

# Here TensorFlow says, once, whether it has found a GPU. None is needed.
devices = tf.config.list_logical_devices()

# %% [markdown]
# ## 1. One picture
#
# A street of 224 x 224 pixels with three objects. YOLO lays a grid of $S \times S$ cells over it, here $7 \times 7$ as in
# the paper of 2016. **The cell in which an object's centre lies has to learn it.** Nobody else does.

# %%
SIZE, S = 224, 7
street, names = scene((12, 48), SIZE), OBJECT_CLASSES
truth, classes = street.boxes.astype(float), street.box_classes


def show(ax, *objects):
    """The picture, and of these objects the box and the cell; a unit is a cell."""
    ax.imshow(street.image, extent=(0, S, S, 0))
    for k in objects:
        cell = Rectangle((column[k], row[k]), 1, 1, color="#F0E442", alpha=0.5)
        ax.add_patch(cell)
        frame(ax, goal[k] * S, "#F0E442", 2.5)


def frame(ax, box, colour, width):
    """A box, cxcywh."""
    x, y, w, h = box
    line = {"fill": False, "edgecolor": colour, "linewidth": width}
    ax.add_patch(Rectangle((x - w / 2, y - h / 2), w, h, **line))


# %% mystnb={"image": {"alt": "A drawn street in evening light under a grid of seven by seven cells: a man in a brown coat, a sign on a pole, a red car, each in a yellow box. In the fourth row the second, and in the fourth and fifth rows the third and the fourth cell are tinted, each with a dot for the centre of an object"}}
middle, sides = np.split(convert(truth, "xyxy", "cxcywh"), 2, axis=1)
goal = np.concatenate([middle, sides], axis=1) / SIZE  # parts of the picture
column, row = (middle // (SIZE / S)).astype(int).T

ax = plt.figure(figsize=(5.2, 5.2), layout="constrained").subplots()
show(ax, 0, 1, 2)
for k, (x, y, *_) in enumerate(truth * S / SIZE):
    ax.text(x, y - 0.1, f"{k} {names[classes[k]]}", backgroundcolor="#F0E442")
ax.plot(*middle.T * S / SIZE, "o", color="black", markeredgecolor="white")
ax.grid(color="white", linewidth=0.8)
plt.show()

# %% [markdown]
# **What to see.** Three objects, three cells (tinted), three centres (dots). 46 cells have no object, though several lie
# right on the car or the man. Keep this in mind: **nearly everything that a detector says is about nothing.**

# %% [markdown]
# ## 2. YOLO v1: a sum of squares
#
# Each cell says two boxes, each with a confidence $C$, and three class probabilities $p$. The paper's equation 3 has five
# sums, over cells $i$ and boxes $j$ (hats are the truth):
#
# $$L = \lambda_\text{coord} \sum_i \sum_j 1_{ij}^\text{obj} \left[ (x_i - \hat x_i)^2 + (y_i - \hat y_i)^2 \right]$$
#
# $${} + \lambda_\text{coord} \sum_i \sum_j 1_{ij}^\text{obj} \left[ (\sqrt{w_i} - \sqrt{\hat w_i})^2 + (\sqrt{h_i} - \sqrt{\hat h_i})^2 \right]$$
#
# $${} + \sum_i \sum_j 1_{ij}^\text{obj} (C_i - \hat C_i)^2$$
#
# $${} + \lambda_\text{noobj} \sum_i \sum_j 1_{ij}^\text{noobj} (C_i - \hat C_i)^2$$
#
# $${} + \sum_i 1_i^\text{obj} \sum_c (p_i(c) - \hat p_i(c))^2$$
#
# with $\lambda_\text{coord} = 5$ and $\lambda_\text{noobj} = 0.5$. $1_{ij}^\text{obj}$ is 1 where box $j$ of cell $i$ is
# **responsible** for an object, $1_{ij}^\text{noobj}$ is 1 everywhere else, and $1_i^\text{obj}$ is 1 for cells with an
# object.
#
# We need a network that talks. Dice will do: no network that has not learnt says better. (The last line makes
# both guesses for the sign miss it. We shall see why.)

# %%
B, C = 2, 3
dice = np.random.default_rng(10)
kinds = dice.normal(0.33, 0.1, (S, S, C))
confidence = dice.normal(0.3, 0.1, (S, S, B))
said = dice.normal([0.5, 0.5, 0.5, 0.5], 0.15, (S, S, B, 4))  # x, y, roots of w, h
said[row[1], column[1], :, 0] = -1.5, 2.5

outputs = [kinds.ravel(), confidence.ravel(), said.ravel()]  # Darknet's order
outputs = np.concatenate(outputs)[None].astype(np.float32)
print(f"{outputs.size} numbers for one picture")

# %% [markdown]
# ### Who is responsible?
#
# The cell has two boxes. The one with the larger IoU with the object gets it, *as they are at this moment*; it may be the
# other one tomorrow. And if neither touches the object? The paper is silent. Darknet takes the box with the smallest root
# mean square error of $x, y, w, h$, as parts of the picture.


# %%
def guessed(k):
    """The boxes of the cell of object k, (B, 4): cxcywh, as parts of the picture."""
    here = said[row[k], column[k]]
    centre = (here[:, :2] + [column[k], row[k]]) / S
    return np.concatenate([centre, here[:, 2:] ** 2], axis=1)


chosen, overlap = np.zeros(3, int), np.zeros(3)
for k in range(3):
    both = iou(convert(guessed(k), "cxcywh", "xyxy"), truth[k] / SIZE)
    rmse = np.sqrt(((guessed(k) - goal[k]) ** 2).mean(axis=1))
    chosen[k] = both.argmax() if both.max() > 0 else rmse.argmin()
    overlap[k] = both[chosen[k]]
    found = f"IoU {both.round(2)}, RMSE {rmse.round(2)}"
    print(f"{names[classes[k]]:10} {found} -> box {chosen[k]}")

# %% mystnb={"image": {"alt": "The street three times, each with one yellow box, of the man, the sign and the car, its cell tinted, and two guesses in blue, the responsible one thick. The guesses for man and car lie over them; those for the sign miss it to the left and to the right, and the right one is thick"}}
panels = plt.figure(figsize=(10, 3.6), layout="constrained").subplots(1, 3)
for k, ax in enumerate(panels):
    show(ax, k)
    for j, box in enumerate(guessed(k) * S):
        frame(ax, box, "#56B4E9", 3 if j == chosen[k] else 1)
    ax.set(xlim=(-0.6, S), ylim=(S, 0), xticks=[], yticks=[])
    ax.set_title(f"{names[classes[k]]}, IoU {overlap[k]:.2f}")
plt.show()

# %% [markdown]
# **What to see.** Yellow the truth, blue the two guesses of its cell, the responsible one thick. That choice is what makes
# boxes specialise: who fits tall things a bit better is trained on tall things, and fits them better still. The sign's
# guesses both miss; the nearer one learns it all the same.
#
# ### The five sums, by hand
#
# What is $\hat C$? The paper's text says: the IoU of the predicted box with the truth. So the confidence learns how
# good its own box is, and this goal is a plain number: no gradient flows through it. For the sign it is 0: the box is
# pulled towards the sign and told *you have nothing*, both at once.

# %%
at = (row, column, chosen)
responsible = np.zeros((S, S, B), bool)
responsible[at] = True
offset = goal[:, :2] * S - np.stack([column, row], axis=1)
one_hot = np.eye(C)[classes]
five = {
    "1 centre": 5 * ((said[at][:, :2] - offset) ** 2).sum(),
    "2 sides": 5 * ((said[at][:, 2:] - np.sqrt(goal[:, 2:])) ** 2).sum(),
    "3 object": ((confidence[at] - overlap) ** 2).sum(),
    "4 no object": 0.5 * (confidence[~responsible] ** 2).sum(),
    "5 class": ((kinds[row, column] - one_hot) ** 2).sum(),
}
for name, value in five.items():
    print(f"{name:12}{value:6.2f}")

# %% [markdown]
# The package calculates the same for a batch. (The two sums of the box are one there.) While we are at it: which outputs
# get a gradient at all?

# %%
outputs = tf.constant(outputs)
with tf.GradientTape() as tape:
    tape.watch(outputs)
    v1 = loss_v1(outputs, truth[None], classes[None], SIZE, S, C)
    total = v1.total
centre, size, objects, empty, kind = five.values()
theirs = [v1.box[0], v1.objectness[0], v1.no_objectness[0], v1.classes[0]]
np.testing.assert_allclose(theirs, [centre + size, objects, empty, kind], rtol=1e-4)

gradient = tape.gradient(total, outputs)
moved = np.count_nonzero(gradient)
assert moved == 3 * 4 + 98 + 3 * C
print(f"{moved} of {outputs.shape[1]} outputs get a gradient:")
print(f"3 boxes x 4, 3 cells x {C} classes, {S * S * B} confidences,")
print(f"and of these {(~responsible).sum()} hear that there is nothing")

# %% [markdown]
# Four of five outputs are told nothing. Where no object is, the box may be anywhere and the class anything; only the
# confidence has to be low. (That is why lecture 10's map of classes spoke of every cell, empty or not.)
#
# ### Why the roots, and why the lambdas?
#
# **Square roots.** A width that is wrong by 15 pixels ruins a sign 28 pixels wide, and hardly hurts a car of 66. Squares of the
# widths do not know that; squares of their roots do, at least a little.
#
# **$\lambda_\text{noobj}$.** Suppose a network has found nothing out yet, so
# that all its 98 confidences are one number $c$, and suppose its three boxes have an IoU of 0.5. Then sums 3 and 4 are
# $3 (c - 0.5)^2 + 95\, \lambda c^2$, which is smallest at
#
# $$c = \frac{3 \cdot 0.5}{3 + 95 \lambda}$$

# %% mystnb={"image": {"alt": "Left, loss over the error of the width in pixels. The dashed curve, without roots, is one parabola for both objects; with roots, the curve of the sign is much steeper, that of the car about as before. Right, loss over a confidence that all boxes share: parabolas with a dot at the minimum, at 0.02 for lambda 1, at 0.03 for lambda 0.5 and at 0.19 for lambda 0.05"}}
left, right = plt.figure(figsize=(10, 3.4), layout="constrained").subplots(1, 2)
error, c = np.linspace(-20, 20, 201), np.linspace(0, 0.6, 201)
left.plot(error, 5 * (error / SIZE) ** 2, "k--", label="no roots: both")
for k, colour in ((1, "#D55E00"), (2, "#0072B2")):
    root = np.sqrt((sides[k, 0] + error) / SIZE) - np.sqrt(sides[k, 0] / SIZE)
    label = f"roots: {names[classes[k]]}, {sides[k, 0]:.0f} pixels wide"
    left.plot(error, 5 * root**2, color=colour, label=label)
left.set_xlabel("error of the width in pixels"), left.legend(frameon=False)
for weight, colour in ((1, "#D55E00"), (0.5, "#0072B2"), (0.05, "#009E73")):
    best = 1.5 / (3 + 95 * weight)
    for x, mark in ((c, "-"), (best, "o")):
        right.plot(x, 3 * (x - 0.5) ** 2 + 95 * weight * x**2, mark, color=colour)
    right.lines[-2].set_label(rf"$\lambda$ = {weight}, best {best:.2f}")
right.set(xlabel="confidence that all boxes share", ylim=(0, 8)), right.legend()
plt.show()

# %% [markdown]
# **What to see.** Left, with roots the same error costs the sign up to three times as much, and the car about what it did.
# Right, 95 voices that say
# "nothing" against three that say "something": without a weight ($\lambda = 1$) the best common answer is nearly 0, and on the way there the
# three are shouted down. The paper writes that this "can lead to model instability". Its $\lambda = 0.5$ halves the 95, and no more:
# the green curve shows what it would take. **$\lambda_\text{coord}$** helps from the other side: 12 numbers say where
# things are, and each counts five times.

# %% [markdown]
# ## 3. YOLO v2: anchors, and a sigmoid for the place
#
# v1 learns to draw boxes from nothing. v2 (Redmon and Farhadi 2017) starts from five shapes, the **anchors** or *priors*. They come
# from the boxes of the data set, by k-means with the distance $1 - \mathrm{IoU}$. Here from sixty other streets. An object
# goes to the anchor of *its shape* in its cell, whatever the network says. Nobody competes.

# %%
others = drawn(60, seed=12, size=SIZE // 2, verbose=False)
corners = 2 * np.concatenate([one.boxes for one in others])
shapes = corners[:, 2:] - corners[:, :2]
priors = cluster(shapes, 5).anchors
fit = shape_iou(sides, priors)
for k, anchor in enumerate(fit.argmax(axis=1)):
    found = " x ".join(f"{side:.0f}" for side in priors[anchor])
    print(
        f"{names[classes[k]]:10} {sides[k, 0]:3.0f} x {sides[k, 1]:3.0f}",
        end=" -> ",
    )
    print(f"anchor {anchor}, {found}, IoU of the shapes {fit[k, anchor]:.2f}")

# %% [markdown]
# The network says four logits $t$ for each anchor $(p_w, p_h)$ of each cell $(c_x, c_y)$, and $\sigma$ is the sigmoid:
#
# $$b_x = \sigma(t_x) + c_x, \quad b_y = \sigma(t_y) + c_y, \quad b_w = p_w e^{t_w}, \quad b_h = p_h e^{t_h}$$
#
# This is **direct location prediction**: the centre cannot leave its cell, as the sign's guesses did. A network that says
# nothing, $t = 0$, means the anchor itself in the middle of the cell.

# %%
from yolo.decoding import decode_v2_head


def sigmoid(t):
    return 1 / (1 + np.exp(-t))


def boxes_of(raw, anchors, stride):
    """The equation, for logits (rows, columns, anchors, 5 + C): xyxy in pixels."""
    cells = np.stack(np.meshgrid(*map(range, raw.shape[1::-1])), axis=-1)
    centre = (cells[:, :, None] + sigmoid(raw[..., :2])) * stride
    half = anchors * np.exp(raw[..., 2:4]) / 2
    return np.concatenate([centre - half, centre + half], axis=-1)


dice = np.random.default_rng(1)
head = dice.normal(0, 0.35, (1, S, S, 5 * (5 + C))).astype(np.float32)
raw = head.reshape(S, S, 5, 5 + C)
by_hand = boxes_of(raw, priors, 32).reshape(1, -1, 4)
theirs = decode_v2_head(head, priors / 32, (SIZE, SIZE)).boxes  # anchors in cells
np.testing.assert_allclose(by_hand, theirs, rtol=1e-4, atol=1e-3)

# %% [markdown]
# With $y$ for the goal of each number, one object costs (all squares halved, so that the gradient has no 2)
#
# $$\frac{2 - wh}{2} \sum_{x, y, w, h} (y - \cdot)^2 \;+\; \frac{5}{2} \left(\mathrm{IoU} - \sigma(t_o)\right)^2 \;-\; \log \mathrm{softmax}(t)_\text{class}$$
#
# - x and y are compared after the sigmoid, w and h as they are: the goal is $\log(\hat w / p_w)$. A logarithm knows
#   relative errors only, so no roots are needed.
# - $2 - wh$ ($w, h$ as parts of the picture) lets small boxes count up to twice as much. It is in Darknet, not in the paper.
# - The classes are a **softmax**, one for each anchor, no longer one for the cell.
# - Every other prediction pays $\frac12 \sigma(t_o)^2$, **except** where its box has an IoU above 0.6 with *any* truth. Such a
#   neighbour has found something. It is **ignored**: neither right nor wrong.


# %%
def of_object(k, raw, anchors, j, stride):
    """Where object k belongs, what is said there, and the goals of x, y, w, h."""
    cell = (middle[k] // stride).astype(int)
    goals = [*(middle[k] / stride - cell), *np.log(sides[k] / anchors[j])]
    return (cell[1], cell[0], j), raw[cell[1], cell[0], j], goals


predicted = boxes_of(raw, priors, 32)
nearest = matrix(predicted.reshape(-1, 4), truth).max(axis=1).reshape(S, S, 5)
free, costs = np.ones((S, S, 5), bool), np.zeros((3, 3))
for k, j in enumerate(fit.argmax(axis=1)):
    where, t, goals = of_object(k, raw, priors, j, 32)
    off = np.square(goals - np.concatenate([sigmoid(t[:2]), t[2:4]])).sum() / 2
    there = 5 * (iou(predicted[where], truth[k]) - sigmoid(t[4])) ** 2 / 2
    costs[k] = (2 - goal[k, 2:].prod()) * off, there, np.log(np.exp(t[5:]).sum())
    costs[k, 2] -= t[5 + classes[k]]
    free[where] = False

# %% [markdown]
# And the others. (In its first 12,800 pictures, v2 also draws every free prediction a little to its anchor: the term
# `priors`. It keeps the boxes at home until there is something better to do.)

# %%
calm = free & (nearest > 0.6)
empty = (sigmoid(raw[free & ~calm][:, 4]) ** 2).sum() / 2
away = np.concatenate([sigmoid(raw[free][:, :2]) - 0.5, raw[free][:, 2:4]], axis=1)
drawn_home = 0.01 * (away**2).sum() / 2

v2 = loss_v2(head, truth[None], classes[None], priors / 32, SIZE, seen=0)
by_hand = [*costs.sum(axis=0), empty, drawn_home]
theirs = [v2.box, v2.objectness, v2.classes, v2.no_objectness, v2.priors]
np.testing.assert_allclose(np.ravel(theirs), by_hand, rtol=1e-4)
print(f"{free.size} predictions: 3 learn an object, {calm.sum()} ignored,")
print(f"{(free & ~calm).sum()} hear that there is nothing")

# %% mystnb={"image": {"alt": "The street under a grid of seven by seven. The three objects have yellow boxes, tinted cells, dashed white anchors in the middle of the cells and blue predicted boxes, near their anchors. A green circle for an ignored prediction, orange crosses for five false alarms. Right, bars: the terms, where no objectness is the longest, and what each object costs"}}
how = {"names": names, "size": SIZE}
options = {"version": "v2", "anchors": priors / 32}
explanation = yolo.explain_loss(
    [head], street.image, truth, classes, **how, **options
)
draw_explanation(explanation)
plt.show()

# %% [markdown]
# **What to see.** `yolo.explain_loss` is this lecture as one function, and `draw_explanation` draws what it found. Dashed the anchor of each object, in
# the middle of its cell; blue the box that is predicted now. What the network has to learn is the step from blue to yellow. Grey in
# the bars: all that is told "there is nothing" costs more than all else together. (`priors` is 0: unless told otherwise,
# the package takes the 12,800 pictures as seen.)
#
# ## 4. YOLO v3: three grids, and a sigmoid for everything
#
# v3 (Redmon and Farhadi 2018) has nine anchors on **three grids**, of cells of 32, 16 and 8 pixels, three anchors each. An
# object goes to the best of *all nine*, and with the anchor to its grid. Squares give way to cross-entropy,
#
# $$\mathrm{CE}(y, t) = -y \log \sigma(t) - (1 - y) \log(1 - \sigma(t))$$
#
# for x, y, objectness (goal 1, no longer the IoU) and **each class by itself**: a woman may be a *person* too. Only w and
# h keep their halved squares. Free predictions pay $\mathrm{CE}(0, t_o)$, unless ignored, above an IoU of 0.5 with any
# truth of the picture, *on whichever grid that truth is learnt*. For one grid:


# %%
def cross_entropy(y, t):
    """Of goals 0 to 1 and logits: the equation, put so that nothing overflows."""
    return np.logaddexp(0, t) - np.asarray(y) * t


t = np.linspace(-5, 5, 101)
plain = -0.3 * np.log(sigmoid(t)) - 0.7 * np.log(1 - sigmoid(t))
np.testing.assert_allclose(cross_entropy(0.3, t), plain)


# %%
def grid_by_hand(raw, anchors, learns, stride):
    """Box, objectness, classes, no objectness of a grid; which are free; IoUs."""
    predicted, terms = boxes_of(raw, anchors, stride), np.zeros(4)
    overlaps = matrix(predicted.reshape(-1, 4), truth).reshape(*raw.shape[:3], -1)
    free = np.ones(raw.shape[:3], bool)
    for k, j in learns.items():
        where, t, y = of_object(k, raw, anchors, j, stride)
        shape = np.square(y[2:] - t[2:4]).sum() / 2
        box = cross_entropy(y[:2], t[:2]).sum() + shape
        kind = cross_entropy(np.eye(C)[classes[k]], t[5:]).sum()
        terms[:3] += (2 - goal[k, 2:].prod()) * box, cross_entropy(1, t[4]), kind
        free[where] = False
    wrong = free & (overlaps.max(axis=-1) <= 0.5)
    terms[3] = cross_entropy(0, raw[wrong][:, 4]).sum()
    return terms, free, overlaps


# %% [markdown]
# Three grids of dice, and the package:

# %%
NINE, MASKS = cluster(shapes, 9).anchors, ((6, 7, 8), (3, 4, 5), (0, 1, 2))
best = shape_iou(sides, NINE).argmax(axis=1)
dice = np.random.default_rng(9)
forms = [(1, n, n, 3 * (5 + C)) for n in (7, 14, 28)]
grids = [dice.normal(0, 0.35, form).astype(np.float32) for form in forms]

# %%
total, punished = np.zeros(4), 0
for raw, mask in zip(grids, MASKS):
    learns = {k: mask.index(j) for k, j in enumerate(best) if j in mask}
    raw, n = raw.reshape(*raw.shape[1:3], 3, -1), raw.shape[1]
    terms, free, overlaps = grid_by_hand(raw, NINE[list(mask)], learns, SIZE // n)
    total += terms
    good, own = free & (overlaps > 0.5).any(axis=-1), overlaps[..., list(learns)]
    punished += (good & ~(own > 0.5).any(axis=-1)).sum()
    print(
        f"{n:2} x {n:2}: learns {len(learns)}, ignores {good.sum()} of {free.size}"
    )
v3 = loss_v3(grids, truth[None], classes[None], NINE, MASKS, SIZE)
theirs = [v3.box[0], v3.objectness[0], v3.classes[0], v3.no_objectness[0]]
np.testing.assert_allclose(theirs, total, rtol=1e-4)

# %% [markdown]
# Why *all* truths? Several well-known programs compare the predictions of a grid only with the truths that the same
# grid learns. Here they would punish some predictions though they lie well on an object:

# %% mystnb={"image": {"alt": "The street three times, with grids of 7, 14 and 28 cells a side. On the coarse one man and sign have tinted cells, dashed anchors and blue predictions, on the middle one the car, on the fine one nothing is learnt. A few green circles for ignored predictions, around the objects. Below, bars: no objectness with nearly all of the loss, and what each object costs"}}
print(f"{punished} good boxes would be called wrong")
nine = {"anchors": NINE, "masks": MASKS}
explanation = yolo.explain_loss(grids, street.image, truth, classes, **how, **nine)
draw_explanation(explanation)
plt.show()

# %% [markdown]
# **What to see.** Man and sign belong to the coarse grid, the car to the middle one. The fine one, with three quarters of
# all predictions, has but one thing to learn here: be quiet. So at the start "no objectness" is nearly the whole loss. Section 5 shows what becomes of it.
#
# ### What the network feels: the delta
#
# Darknet does not calculate a loss and derive it. It writes down the derivative, its `delta`. For a sigmoid with
# cross-entropy that is the simplest there is. From $\sigma' = \sigma (1 - \sigma)$ follows
#
# $$-\frac{\partial}{\partial t} \mathrm{CE}(y, t) = y - \sigma(t)$$
#
# Our loss is what has this derivative. Let TensorFlow derive it, for the objectness of the coarse grid:

# %%
variable = [tf.constant(grid) for grid in grids]
with tf.GradientTape() as tape:
    tape.watch(variable)
    loss = loss_v3(variable, truth[None], classes[None], NINE, MASKS, SIZE).total
gradient = tape.gradient(loss, variable)[0].numpy().reshape(S, S, 3, -1)

t, y = grids[0].reshape(S, S, 3, -1)[..., 4], np.zeros((S, S, 3))
for k in (0, 1):  # the man and the sign
    y[row[k], column[k], best[k] - 6] = 1
delta = np.where(explanation.heads[0].ignored, 0, y - sigmoid(t))
np.testing.assert_allclose(-gradient[..., 4], delta, atol=1e-5)

darknet = darknet_delta("v3", grids, truth[None], classes[None], NINE, MASKS, SIZE)
darknet = darknet.deltas[0].numpy().reshape(S, S, 3, -1)
np.testing.assert_allclose(darknet[..., 4], delta, atol=1e-5)

# %% [markdown]
# Compare v2. A square of a sigmoid has the derivative $(y - \sigma)\, \sigma (1 - \sigma)$: where the network is sure *and* wrong, the last
# factor is nearly 0, and it learns nothing. Cross-entropy has no such factor. The surer the mistake, the stronger the pull, up to 1.
#
# | | v1, 2016 | v2, 2017 | v3, 2018 |
# |:--|:--|:--|:--|
# | who learns an object | cell; of its boxes the best at the moment | cell; anchor of the best shape | anchor of the best shape of all grids, then its cell |
# | x, y | squares | squares after the sigmoid | cross-entropy |
# | w, h | squares of roots | squares of logarithms | the same |
# | weight of the box | 5 | 2 - wh | 2 - wh |
# | goal of the confidence | IoU | IoU | 1 |
# | classes | squares, one list for the cell | softmax for each anchor | each by itself |
# | ignored | nobody | IoU above 0.6 | IoU above 0.5 (Darknet's files: 0.7) |

# %% [markdown]
# ## 5. A real network, before and after
#
# YOLOv3-tiny has two grids and six anchors. Ours is narrow (an eighth of the channels) and has random weights:

# %% tags=["nbval-ignore-output"]
from yolo.models import yolov3_tiny
from yolo.models.two_scales import ANCHORS as SIX
from yolo.models.two_scales import MASKS as TWO

keras.utils.set_random_seed(0)
network = yolov3_tiny(classes=C, size=SIZE, width=0.125)
before = yolo.explain_loss(network, street.image, truth, classes, names=names)
print(before)

# %% [markdown]
# Read the table. Each object has a grid, a cell and an anchor; the IoU of the box that is said there now; the objectness
# that it *says*, one half: it knows nothing. Then the three terms of the object. The false alarms are as unsure as all the
# rest. $735 \log 2$ would be 509, and nearly all of the loss is that.
#
# Now we let it learn this one picture by heart. That is no way to train a detector (lecture 13 is), but the best first
# test of any loss: **a network that cannot learn one picture by heart will learn nothing else.**

# %% tags=["nbval-ignore-output"]
batch = tf.constant(street.image[None] / 255, tf.float32)
optimizer, log = keras.optimizers.Adam(1e-2), []


@tf.function
def step():
    with tf.GradientTape() as tape:
        heads = network(batch, training=True)
        terms = loss_v3(heads, truth[None], classes[None], SIX, TWO, SIZE)
        loss = terms.total  # the sum belongs on the tape, too
    gradients = tape.gradient(loss, network.trainable_variables)
    optimizer.apply(gradients, network.trainable_variables)
    return terms.named()


for _ in range(120):
    log.append({name: float(value[0]) for name, value in step().items()})

# %% [markdown]
# One thing is odd about cross-entropy. Its goals for x and y lie between 0 and 1, and then it is smallest at $\sigma(t) = y$,
# but **not 0**: what is left is the entropy $-y \log y - (1 - y) \log (1 - y)$. So the box has a least loss that no
# network can beat:


# %%
def least_box(many):
    """The least that box can be for truths (n, objects, 4): their entropies."""
    centre, lengths = np.split(convert(many, "xyxy", "cxcywh"), 2, axis=-1)
    best = shape_iou(lengths.reshape(-1, 2), SIX).argmax(axis=1)
    stride = np.where(best.reshape(lengths.shape[:2]) >= 3, 32, 16)[..., None]
    y = np.clip(centre / stride % 1, 1e-9, 1 - 1e-9)
    entropy = (-y * np.log(y) - (1 - y) * np.log(1 - y)).sum(axis=-1)
    return ((2 - lengths.prod(axis=-1) / SIZE**2) * entropy).sum(axis=-1)


# %% mystnb={"image": {"alt": "The four terms over 120 steps, logarithmic. No objectness falls from about 500 to about 1. Objectness drops at the first step, rises a little for about ten and then falls to a twentieth. Classes fall all the time. Box falls within ten steps to a dashed line near 6, and stays there"}}
colours = {"box": "#0072B2", "objectness": "#E69F00"}
colours |= {"no_objectness": "#777777", "classes": "#009E73"}
ax = plt.figure(figsize=(8, 3.6), layout="constrained").subplots()
for name, colour in colours.items():
    label = name.replace("_", " ")
    ax.plot([terms[name] for terms in log], color=colour, label=label, lw=2)
ax.axhline(
    least_box(truth[None])[0],
    color="#0072B2",
    linestyle="--",
    label="least that box can be",
)
ax.set(yscale="log", xlabel="step", ylabel="loss"), ax.legend(frameon=False)
plt.show()

# %% [markdown]
# **What to see.** Box reaches its floor (dashed) within a few steps. A loss of 0 was never on offer; that it stands
# still is good news here. "No objectness" has the longest way, and pulls at "objectness" while it is large: all
# shall be quiet, so after the first step the three that should speak fall silent too, and are won back later. That is the quarrel of section 2,
# lived through.

# %% mystnb={"image": {"alt": "The street with the grids of 7 and of 14 cells. The blue predicted boxes can hardly be seen under the yellow ones, of the man in the coarse grid, of sign and car in the fine one; dashed anchors of other shapes, and a few orange crosses. Below, box is by far the largest of the terms that are left"}} tags=["nbval-ignore-output"]
after = yolo.explain_loss(network, street.image, truth, classes, names=names)
assert after.total < before.total / 20
assert all(one.iou > 0.7 for one in after.lessons)
draw_explanation(after)
plt.show()

# %% [markdown]
# **What to see.** Blue has come to lie under yellow, far from the dashed anchors. The crosses mark the dearest false
# alarms, as before, but all the 732 free predictions together now cost about 1. Most of the loss is the floor of the box.
#
# ## 6. Push a box
#
# How does each term answer when something moves? Take a network that is right: goals as logits, "yes" as +4, "no" as -4.
# It stays as it is, and we change the truth:

# %%
from yolo.targets import assign_v3


def right_answer():
    """Heads of a network that is right about the street."""
    heads = [np.full((n, n, 3, 5 + C), [0] * 4 + [-4.0] * 4, "f") for n in (7, 14)]
    both = [(7, 7), (14, 14)]
    targets = assign_v3(truth[None], classes[None], SIX, TWO, SIZE, both, C)
    for raw, goals in zip(heads, targets):
        for k in np.flatnonzero(goals.wins[0]):
            place, kind = goals.offset[0, k], np.where(goals.classes[0, k], 4, -4)
            said = [*np.log(place / (1 - place)), *goals.log_sides[0, k], 4, *kind]
            raw[goals.row[0, k], goals.column[0, k], goals.anchor[0, k]] = said
    return [raw.reshape(1, *raw.shape[:2], -1) for raw in heads]


# %%
def terms_of(heads, many):
    """The terms of the same heads for other boxes, (n, 3, 4)."""
    tiled = [np.repeat(raw, len(many), axis=0) for raw in heads]
    kinds = np.tile(classes, (len(many), 1))
    return loss_v3(tiled, many, kinds, SIX, TWO, SIZE).named()


right = right_answer()
as_man, as_car = (
    loss_v3(right, truth[None], [kinds], SIX, TWO, SIZE)
    for kinds in (classes, [0, *classes[1:]])
)
assert as_man[:3] == as_car[:3]  # only the classes have changed
print(
    f"classes {as_man.classes[0]:.2f}, the man called a car {as_car.classes[0]:.2f}"
)

# %% [markdown]
# Call the man a car, and of all terms only the classes change: two logits of 4 are wrong now, each for a loss of 4. A place is
# another matter. We move the *man*, 60 pixels to the left and to the right, then let him grow, as if the label
# were wrong:

# %%
shift, growth = np.linspace(-60, 60, 241), np.geomspace(0.3, 2, 241)
moved, grown = (np.tile(truth, (241, 1, 1)) for _ in range(2))
moved[:, 0, ::2] += shift[:, None]
half = growth[:, None] * sides[0] / 2
grown[:, 0] = np.concatenate([middle[0] - half, middle[0] + half], axis=1)
other = np.diff(shape_iou(2 * half, SIX).argmax(axis=1)) != 0
borders = [96 - middle[0, 0], 128 - middle[0, 0]], growth[1:][other]

# %% mystnb={"image": {"alt": "Left, the terms over the shift of the man, from 60 pixels to the left to 60 to the right; two grey lines mark the borders of his cell, near him to the right and farther to the left. Between them box is a bowl that touches 0, objectness and classes lie near 0; outside they jump to about 4, and so does no objectness, from 13 to 17, on the right side only some pixels later. Right, the same over his size: between 0.9 and 1.3 box, objectness and classes lie near 0, and at these two sizes they jump; no objectness is 13 between 0.7 and 1.4 and 17 outside"}}
panels = plt.figure(figsize=(10, 3.8), layout="constrained").subplots(1, 2)
runs = zip(panels, (shift, growth), (moved, grown), borders)
for ax, x, many, lines in runs:
    terms = terms_of(right, many)
    terms["box"] = terms["box"] - least_box(many)
    for name, values in terms.items():
        look = {"color": colours[name], "label": name.replace("_", " "), "lw": 2}
        ax.plot(x, values, "--" if name == "classes" else "-", **look)
    for line in lines:
        ax.axvline(line, color="#BBBBBB", zorder=0)
    ax.set(ylim=(-0.5, 20), ylabel="loss")
panels[0].set_xlabel("the man moves, pixels"), panels[0].legend(fontsize=8)
panels[1].set_xlabel("the man grows, times")
plt.show()

# %% [markdown]
# **What to see.** (Of box, only what is above the least.) As long as the man's centre stays in his cell (grey lines), box
# is a bowl: the further off, the dearer. Nothing else moves. One step over the border, *another prediction* is asked, which says "no" and
# knows nothing of men: box, objectness and classes jump. And "no objectness" jumps too, for the old prediction is now a false alarm; on the right
# a little later, since it is ignored as long as its IoU with the truth is above one half. Size does the same: from 0.9 to 1.3
# of his size he belongs to this anchor, and beyond to another one. **The loss is smooth in what the network says, not in the truth:
# who is asked changes at once.** (So a label that is off by two pixels can ask another cell. Networks get over it.)
#
# Now the other way round. The truth stays, and one logit of the network turns. First an objectness: of the prediction that
# learns the man, of a free one, and of one that is ignored. Then a neighbour: the same anchor one cell to the right of
# the man's, sure of itself ($t_o = 2$) and with a box of his size. Turn its $t_x$, and its box slides over its cell:


# %%
def turned(logit, values, place, heads, **options):
    """The terms while one logit of the coarse grid turns."""
    coarse = np.repeat(heads[0].reshape(1, 7, 7, 3, -1), len(values), axis=0)
    coarse[(slice(None), *place, logit)] = values
    coarse = coarse.reshape(len(values), 7, 7, -1)
    fine = np.repeat(heads[1], len(values), axis=0)
    many = np.tile(truth, (len(values), 1, 1))
    kinds = np.tile(classes, (len(values), 1))
    return loss_v3([coarse, fine], many, kinds, SIX, TWO, SIZE, **options).named()


# %%
man = (row[0], column[0], shape_iou(sides, SIX).argmax(axis=1)[0] - 3)
beside = (row[0], column[0] + 1, man[2])
coarse = right[0].reshape(7, 7, 3, -1).copy()
coarse[beside][:5] = [-3, *coarse[man][1:4], 2]
ignored = [coarse, right[1]]
z = np.linspace(-5, 5, 201)
slid = turned(0, z, beside, ignored)["no_objectness"]
x = (beside[1] + sigmoid(z)) * 32 - middle[0, 0]
near = (sides[0, 0] - x) / (sides[0, 0] + x)

# %% [markdown]
# (The last line is the IoU of two equal boxes, one moved sideways by $x$: $(w - x) / (w + x)$.)

# %% mystnb={"image": {"alt": "Left, loss over an objectness logit from minus 5 to 5: the curve of the prediction that learns the man falls to 0, that of a free one rises from 0, its mirror image, and that of an ignored one is flat at 0. Right, over the distance of the neighbour from the man, 4 to 36 pixels: the IoU falls smoothly from 0.84 to 0.14; no objectness is 0 up to 16 pixels, where the IoU passes one half, and from there on 2.1"}}
panels = plt.figure(figsize=(10, 3.6), layout="constrained").subplots(1, 2)
learns = turned(4, z, man, right)["objectness"], "learns the man", "#E69F00"
empty = turned(4, z, (0, 0, 0), right)["no_objectness"], "free", "#777777"
calm = turned(4, z, beside, ignored)["no_objectness"], "ignored", "#009E73"
for values, word, colour in (learns, empty, calm):
    panels[0].plot(z, values - np.min(values), color=colour, label=word, lw=2)
panels[0].set(xlabel="its objectness logit", ylabel="loss")
panels[0].legend(frameon=False)
panels[1].plot(x, slid - np.min(slid), color="#777777", label="no objectness", lw=2)
panels[1].plot(x, near, color="#0072B2", label="IoU with the man", lw=2)
panels[1].axhline(0.5, color="#0072B2", linestyle=":", label="ignored above")
panels[1].set_xlabel("pixels from the man's centre to the neighbour's")
panels[1].legend(frameon=False)
plt.show()

# %% [markdown]
# **What to see.** Left, the two curves of cross-entropy. Far on the wrong side they are straight lines of slope 1: the delta never exceeds 1.
# The ignored prediction may say what it likes. Right, an IoU that falls smoothly, and a loss that does not: at
# one half the neighbour turns from *ignored* to *false alarm*. Yet no gradient pushes the box itself one way or the other: the IoU only decides, it is not learnt from.
# What the neighbour is told is about its objectness.
#
# ## 7. Options: overlap and focal
#
# Darknet's box term treats x, y, w and h as four strangers. One can as well ask what one is judged by: $1 - \mathrm{GIoU}$ or
# $1 - \mathrm{CIoU}$ (lecture 10 has GIoU; CIoU is DIoU with a term for the shape). And **focal loss** (Lin et al. 2017) multiplies the
# cross-entropy by $(1 - p)^\gamma$, $p$ the probability of what is right: who is nearly right counts nearly nothing.

# %%
z, focal = np.linspace(-4, 4, 161), {}
for gamma in (0, 1, 2):
    one = focal[gamma] = sigmoid(z) ** gamma * cross_entropy(0, z)
    whole = turned(4, z, (0, 0, 0), right, focal=gamma)["no_objectness"].numpy()
    quiet = whole[0] - one[0]
    np.testing.assert_allclose(whole, one + quiet, atol=1e-3)
    print(f"gamma {gamma}: 731 quiet {quiet:5.2f}, a loud one {one[-1]:.2f}")

# %% mystnb={"image": {"alt": "Left, box over the logit of x, for Darknet a wide bowl that grows to 6 on the left; giou and ciou come to a point at the same place and flatten out below 2. In the middle the same over the logit of w: Darknet a parabola, the others a notch between two flat shoulders. Right, the loss of a free prediction over its objectness logit, logarithmic: with gamma 1 and 2 it drops far below the plain curve on the left, and all three meet on the right"}}
panels = plt.figure(figsize=(10, 3.4), layout="constrained").subplots(1, 3)
for name in ("darknet", "giou", "ciou"):
    for ax, logit, what in zip(panels, (0, 2), ("x", "w")):
        values = turned(logit, z, man, right, box_term=name)["box"]
        ax.plot(z, values - np.min(values), label=name, lw=2)
        ax.set(xlabel=f"logit of {what}", ylim=(0, 8))
for gamma, values in focal.items():
    panels[2].semilogy(z, values, label=rf"$\gamma$ = {gamma}", lw=2)
panels[0].set_ylabel("box"), panels[2].set_xlabel("objectness logit, free")
panels[0].legend(frameon=False), panels[2].legend(frameon=False)
plt.show()

# %% [markdown]
# **What to see.** All three box terms are least at the same place. (They are drawn from their least on.) Darknet's grows without end: a width that is $e^2$
# times too large, and may well be an outlier, rules the sum. $1 - \mathrm{GIoU}$ and $1 - \mathrm{CIoU}$ are bounded and flat far away, and
# they come to a *point*: their pull does not fade as the box becomes right.
#
# Right, focal loss. Where the network says "no" (left side) a free prediction costs hundreds of times less with $\gamma = 2$; where it says "yes",
# all three agree. The printed sums tell why one might want that: of plain cross-entropy, 731 predictions that are *right*, with 0.02 each, make three times as
# much as one loud mistake. With $\gamma = 2$ only the mistake counts. (The authors of YOLOv3 tried it, and lost two points of mAP: their
# split into objectness and classes may do that job already, they write.)

# %% [markdown]
# ## Self-test
#
# Answer first, then unfold.
#
# <details><summary>1. A cell of v1 has an object. Which of its 2 x 5 + 20 outputs get a gradient?</summary>
#
# 26: the four numbers of the responsible box, both confidences, and the 20 classes. The place and size of the other box get none.
# </details>
#
# <details><summary>2. Why is the goal of v1's confidence a moving one?</summary>
#
# It is the IoU of the box that the network says at that moment with the truth. As the box gets better, the goal rises from 0 to 1. It
# counts as a number: the network cannot lower the loss by making its box worse.
# </details>
#
# <details><summary>3. What happens to objects whose centres share a cell, in each version?</summary>
#
# v1: the first is learnt, the others by nobody. v2: each goes to its anchor; only if two have the same one, the last is learnt. v3: the same, but with nine anchors
# on three grids, so it is rarer still.
# </details>
#
# <details><summary>4. A program looks for ignored predictions only among the truths of the same grid. What does it teach?</summary>
#
# To be silent about objects of other sizes that a box of this grid happens to fit well. Section 4 counts them.
# </details>
#
# <details><summary>5. The loss of a YOLOv3 stands at 5 and does not fall any more. Is the network bad?</summary>
#
# One cannot say. The cross-entropy of x and y has a floor that depends on where the centres lie in their cells. Look at the IoU of the boxes, and at mAP.
# </details>
#
# <details><summary>6. Why do w and h have no square roots from v2 on?</summary>
#
# The network says log(w / anchor), and a difference of logarithms is a relative error already. The weight 2 - wh still prefers small boxes.
# </details>
#
# ## Exercises
#
# Do them first; the answers unfold below.
#
# 1. `loss_v1(..., square_root=False)`, then `rescore=False`: which terms change? Check with your own sums.
# 2. Move the sign by 20 pixels to the right, in a copy of `truth`. Which cell has it now? Predict which terms of v1 change before you run it.
#    (`explain_loss([outputs], ..., version="v1", side=7)` tells the cell.)
# 3. Put a second man at the first one's centre, half as wide and half as high. Who learns him in v1, in v2, in v3?
# 4. Show that the loss of v2 has the derivative $-(y - \sigma)\, \sigma (1 - \sigma)$ with respect to an objectness logit, times its scale, as in section 4.
#    At which logit is it steepest, for $y = 0$?
# 5. Let the network of section 5 start with a bias of -4 for every objectness. (The layers `head_32` and `head_16` each have one called `raw`; its bias has
#    eight numbers for each anchor, the fifth is the objectness.) What is "no objectness" at the first step, and does "objectness" still rise?
# 6. Train it with `box_term="ciou"`. Where is the floor of box now, and why?
#
# <details><summary>Answers</summary>
#
# 1. Without roots box goes from 22.77 to 21.64, objectness from 0.20 to 0.16, no_objectness from 4.13 to 4.15: the same outputs now mean other boxes, with
#    other IoUs, and another box is responsible. Without rescore only objectness changes, to 1.39, as its goals are 1.
# 2. Row 3, column 3. All terms change: box falls from 22.77 to 3.63, since this cell has a guess that touches the sign (IoU 0.25); the other terms only a little, as another cell is asked.
# 3. v1: nobody, the cell is taken. v2: anchor 2 of the same cell (the first man has anchor 4). v3: anchor 3, on the grid of 14 x 14,
#    row 8, column 7 (the first man has anchor 7, on the grid of 7 x 7).
# 4. It is steepest where $\sigma^2 (1 - \sigma)$ is largest: $\sigma = \frac23$, $t = \log 2$. Surer mistakes are pulled less.
# 5. About 18 instead of 542. "Objectness" begins at 15 and falls, without a quarrel, and is near 0 after thirty steps. The paper on focal loss starts its
#    network in the same way.
# 6. At 0: CIoU of the right box is 1. After sixty steps it is below the old floor of 5.76, but not at 0, and it rattles: the pull does not fade.
# </details>
#
# ## References
#
# - Larson, *CS8321 Machine Learning and Neural Networks*, Southern Methodist University: the slides.
# - Redmon, Divvala, Girshick and Farhadi, *You only look once: unified, real-time object detection*, CVPR 2016: equation 3.
# - Redmon and Farhadi, *YOLO9000: better, faster, stronger*, CVPR 2017: section 2.
# - Redmon and Farhadi, *YOLOv3: an incremental improvement*, arXiv 1804.02767, 2018: section 2.1, and section 4 on focal loss.
# - Redmon, *Darknet: open source neural networks in C*, 2013-2016: `detection_layer.c`, `region_layer.c`, `yolo_layer.c`.
# - Lin, Goyal, Girshick, He and Dollár, *Focal loss for dense object detection*, ICCV 2017.
# - Rezatofighi et al., *Generalized intersection over union*, CVPR 2019.
# - Zheng et al., *Distance-IoU loss: faster and better learning for bounding box regression*, AAAI 2020.
