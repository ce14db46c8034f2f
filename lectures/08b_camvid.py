# %% [markdown]
# # Lecture 8b. CamVid: a real street, measured
#
# **After this lecture you can**
#
# - look at a labelled data set before you train on it, and find what will mislead you;
# - weigh rare classes by median frequency, and say where the published weights are wrong;
# - measure a network on a whole set, read its table class by class, and say how sure the number is;
# - name three things that one mean IoU hides.
#
# **Time** 40 minutes. **You need** lecture 8 (SegNet, losses and metrics).
#
# This notebook takes CamVid, 701 frames from a car in Cambridge, as SegNet's authors published them: it is fetched
# once, 125 MB. CamVid is for personal and research use (CC BY-NC 4.0, as its repository says), so two figures with its
# photographs are not stored here: run their cells. (On Colab, the first cell installs the packages.) The network ships with the packages.

# %%
# On Colab, or wherever the packages are missing, this installs them.
from importlib.util import find_spec

from IPython import get_ipython

if find_spec("fcn") is None:
    home = "git+https://github.com/convnet-lectures/convnet-lectures"
    get_ipython().run_line_magic("pip", f"install -q 'convnet-lectures @ {home}'")

# %% tags=["nbval-ignore-output"]
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

import fcn
from fcn.datasets import camvid, lint
from fcn.metrics import class_scores, confusion_matrix, mean_iou, per_class_table
from fcn.plots.segmentation import show_segmentation
from fcn.prediction import predict_each

# Here TensorFlow says, once, whether it has found a GPU. None is needed.
devices = tf.config.list_logical_devices()
train, validation = camvid("train"), camvid("validation")

# %% [markdown]
# ## 1. Look before you train
#
# A linter reads every label and counts. **Void** is what nobody labelled: borders between things, and things that
# belong to none of the eleven classes. It counts nothing, neither in the loss nor in the score.

# %%
report = lint(train, verbose=False)
print(report)

# %% tags=["nbval-ignore-output", "licensed"] mystnb={"image": {"alt": "Three street scenes from a driving car, each with its label beside it in eleven colours: road, buildings, cars, trees, pavement; thin poles and small signs; black where nothing is labelled"}}
chosen = [20, 150, 300]
pairs = [train[i] for i in chosen]
figure, axes = plt.subplots(2, 3, figsize=(10, 5), layout="constrained")
for column, (image, label) in zip(axes.T, pairs):
    column[0].imshow(image)
    column[1].imshow(np.vstack([train.colours, [[0, 0, 0]]])[np.minimum(label, 11)])
for ax in axes.flat:
    ax.axis("off")
plt.show()

# %% [markdown]
# Poles are two pixels wide; signs are a few dozen pixels in all. A network that knows nothing of either loses almost
# no pixel, and two of eleven classes.
#
# ## 2. Rare classes, weighed
#
# SegNet's loss weighs each class $c$ by **median frequency balancing** (Eigen and Fergus 2015):
#
# $$ w_c = \frac{\operatorname{median}_k f_k}{f_c}, \qquad
# f_c = \frac{\text{pixels of } c}{\text{all pixels of the images that hold } c} . $$
#
# The linter has counted both already.

# %%
frequencies = report.pixels / report.pixels_beside
weights = np.median(frequencies) / frequencies

published = (
    "0.2595 0.1826 4.5640 0.1417 0.9051 0.3826 9.6446 1.8418 0.6823 6.2478 7.3614"
)
print("class        ours  SegNet's file")
for name, ours, theirs in zip(train.class_names, weights, published.split()):
    print(f"{name:10s} {ours:6.2f} {float(theirs):8.2f}")

# %% [markdown]
# The numbers in SegNet's own file differ a little everywhere, and in one place a lot: the **sign** class has 9.64
# there, and the same pixels give 3.85. Nobody has reproduced it. A weight is a choice, so nothing breaks; but a number
# that is copied from file to file for ten years is worth one division.
#
# `fcn.losses` has the same sum, and takes labels one by one:

# %%
from fcn.losses import median_frequency_weights

some = [train[i][1] for i in range(0, 367, 40)]
by_package = median_frequency_weights(some, classes=11)

present = np.array([[np.sum(label == c) for label in some] for c in range(11)])
beside = (present > 0) @ np.full(len(some), 360 * 480)
by_hand = np.median(present.sum(1) / beside) / (present.sum(1) / beside)
assert np.allclose(by_package, by_hand)

# %% [markdown]
# ## 3. The validation set is seven seconds of film
#
# The file names say where the 101 validation images come from.

# %%
numbers = [int(validation.name(i).split("_")[1]) for i in range(len(validation))]
same_drive = [
    train.name(i) for i in range(len(train)) if train.name(i).startswith("0016E5")
]
around = [name for name in same_drive if 7900 <= int(name.split("_")[1]) <= 8200]
print(
    validation.name(0),
    "to",
    validation.name(100),
    "in steps of",
    set(np.diff(numbers)),
)
print(f"{(numbers[-1] - numbers[0]) / 30:.1f} seconds at 30 frames a second")
print("nearest training images:", ", ".join(around))

# %% [markdown]
# **One** drive, less than seven seconds, every second frame; and the training set has the same drive, one second
# before and after. How much do these frames differ, and which classes do they show?

# %% mystnb={"image": {"alt": "Bars of the share of each class in training and validation images on a logarithmic axis; bicyclists take seven times their share in validation, fences nearly three times, cars a third"}}
counted = [report.pixels, lint(validation, verbose=False).pixels]
shares = np.stack([100 * pixels / pixels.sum() for pixels in counted])
figure, ax = plt.subplots(figsize=(8, 3.5), layout="constrained")
for place, share, label in zip((-0.2, 0.2), shares, ("train", "validation")):
    colour = plt.cm.viridis(0.5 + 1.5 * place)
    ax.bar(np.arange(11) + place, share, 0.4, label=label, color=colour)
ax.set(yscale="log", ylabel="% of pixels")
ax.set_yticks([0.3, 1, 3, 10, 30], ["0.3", "1", "3", "10", "30"])
ax.set_xticks(range(11), train.class_names, rotation=40, ha="right")
ax.legend()
plt.show()

# %% mystnb={"image": {"alt": "A curve that rises with the seconds between two validation frames, from 18 grey levels for neighbours to 46 for frames five seconds apart"}}
frames = np.stack([validation.image(i).mean(-1) for i in range(0, 100, 2)])
steps = np.arange(1, 40)
changes = [np.abs(frames[:-by] - frames[by:]).mean() for by in steps]
figure, ax = plt.subplots(figsize=(6, 2.8), layout="constrained")
ax.plot(steps * 4 / 30, changes, color="#440154")
ax.set(
    xlabel="seconds apart", ylabel="mean difference\n(grey levels)", ylim=(0, None)
)
plt.show()

# %% [markdown]
# Neighbours are alike: a hundred frames say less than a hundred pictures. And the shares are others:

# %%
bicyclist = train.class_names.index("Bicyclist")
ratio = shares[1, bicyclist] / shares[0, bicyclist]
print(f"Bicyclist takes {ratio:.1f} times its training share in validation")
assert 7 < ratio < 8

# %% [markdown]
# Bicyclists fill seven times their share, fences nearly three times, cars a third. Of two networks this set prefers the one
# that knows bicycles. It is a poor judge, and the only one that CamVid offers beside the test set; so the
# network below was **not** chosen by it: its training was fixed beforehand, and the last weights were kept. A tenth
# of the training images was held out too, in blocks of neighbouring frames (`fcn.datasets.hold_out`), since a frame
# beside a known one is known.
#
# ## 4. The network that ships

# %%
street = fcn.load()
card = street.card
print(card["what"], "|", f"{card['bytes'] / 1e6:.1f} MB")
print(f"{street.network.count_params():,} weights")
print("learnt from", card["data"]["learnt_from"])
print(card["epochs"], "epochs,", round(card["minutes"]), "minutes on two CPU cores")
print(card["note"])

# %% [markdown]
# It is a DeepLab v3+ (lecture 9) with the first layers of MobileNetV2 as its encoder: .86 million weights, where
# SegNet-Basic has 1.4 million. SegNet-Basic started from random numbers; this one's encoder had seen ImageNet, so
# its score and SegNet-Basic's 47.7 % (on the test images) do not compare like with like. First it is only looked at.

# %% tags=["nbval-ignore-output", "licensed"] mystnb={"image": {"alt": "Four validation frames in rows: the photograph, its label, the prediction in the same colours, and the photograph in grey with wrong pixels in vermilion; mistakes lie along borders, on poles and on distant things"}}
looked_at = [5, 35, 65, 95]
four, truths = zip(*(validation[i] for i in looked_at))
predictions = [street(image) for image in four]
show_segmentation(
    four,
    predictions,
    truths,
    class_names=street.class_names,
    colours=street.colours,
)
plt.show()

# %% [markdown]
# Look at the last column. Mistakes are thin: they follow the borders of things, and poles. Large mistakes are
# mistakes of meaning: pavement for road, a wall for a building.
#
# ## 5. Measure: one matrix, then every score
#
# One confusion matrix over **all** pixels of all images, truth in rows; every score is a function of it:
#
# $$ \mathrm{IoU}_c = \frac{n_{cc}}{\sum_k n_{ck} + \sum_k n_{kc} - n_{cc}}, \qquad
# \text{mean IoU} = \frac{1}{11} \sum_c \mathrm{IoU}_c . $$
#
# The matrix of each image is kept, as section 6 asks for it.

# %% tags=["nbval-ignore-output"]
images, labels = zip(*(validation[i] for i in range(len(validation))))
predicted = list(predict_each(street.network, images))
matrices = np.stack(
    [confusion_matrix(label, found, 11) for label, found in zip(labels, predicted)]
)
print(per_class_table(matrices.sum(axis=0), street.class_names))

# %% [markdown]
# The card, written when the network was trained, says the same, and the package's own `evaluate` counts the same
# pixels:

# %%
from fcn.training import evaluate

score = mean_iou(matrices.sum(axis=0))
assert abs(score - card["figures"]["validation"]["mean_iou"]) < 0.01

ten = validation.subset(range(10))
assert (
    evaluate(street.network, ten, verbose=False) == matrices[:10].sum(axis=0)
).all()

# %% [markdown]
# Global accuracy looks splendid, since road, buildings and sky are most of every picture. The mean over classes tells
# the truth: it is made as much by poles and signs as by the road. What is taken for what?

# %% tags=["nbval-ignore-output"] mystnb={"image": {"alt": "A confusion matrix of eleven classes, each row in per cent; the diagonal is bright but for poles, of which four fifths are taken for building, fence and tree, and for signs, of which a third is"}}
total = matrices.sum(axis=0)
rows = 100 * total / np.maximum(total.sum(axis=1, keepdims=True), 1)
figure, ax = plt.subplots(figsize=(7.5, 6), layout="constrained")
ax.imshow(rows, cmap="magma", vmin=0, vmax=100)
for (truth, guess), share in np.ndenumerate(rows):
    if share >= 1:
        ink = "w" if share < 60 else "k"
        ax.text(guess, truth, f"{share:.0f}", ha="center", va="center", color=ink)
ax.set_xticks(range(11), street.class_names, rotation=40, ha="right")
ax.set_yticks(range(11), street.class_names)
ax.set(xlabel="predicted", ylabel="true", title="where 100 pixels of a class go")
plt.show()

# %% [markdown]
# ## 6. How sure is the number?
#
# A hundred images, but seven seconds. If frames were independent, drawing 101 of them again and again with
# replacement (the bootstrap) would show how much the mean IoU could differ. They are not: draw whole **stretches** of the drive instead.


# %% tags=["nbval-ignore-output"] mystnb={"image": {"alt": "Two histograms of mean IoU from resampling; drawing single frames, stretches of 1, gives a narrow one, drawing stretches of ten frames one that is clearly wider"}}
def resampled(stretch, times=2000):
    """Mean IoU of as many frames, drawn in stretches of neighbours."""
    starts = np.arange(0, 101 - stretch + 1, stretch)
    parts = [matrices[start : start + stretch].sum(axis=0) for start in starts]
    draws = np.random.default_rng(0).integers(len(parts), size=(times, len(parts)))
    return [mean_iou(sum(parts[i] for i in draw)) for draw in draws]


figure, ax = plt.subplots(figsize=(8, 3), layout="constrained")
for stretch, colour in ((1, "#fde725"), (10, "#440154")):
    options = {"density": True, "alpha": 0.7, "color": colour}
    ax.hist(resampled(stretch), 50, label=f"stretches of {stretch}", **options)
ax.axvline(score, color="k", lw=1)
ax.set(xlabel="mean IoU", yticks=[])
ax.legend()
plt.show()

# %% [markdown]
# The line is the score itself. Stretches give the wider spread, and even that knows only of these seven seconds. When
# somebody reports half a point more than somebody else on CamVid, think of this figure.
#
# ## 7. Three things that the mean hides
#
# **Which mean.** Averaged image by image, over the classes that each image holds, the same predictions score otherwise.
# Both are called "mean IoU" in the literature; only the first is SegNet's.

# %% tags=["nbval-ignore-output"]
by_image = np.mean([mean_iou(matrix) for matrix in matrices])
print(f"one matrix: {score:.3f}   mean over images: {by_image:.3f}")
assert abs(by_image - score) > 0.01

# %% [markdown]
# **Borders.** Most pixels lie inside of things. Boundary F1 looks at borders alone: what share of them is found,
# within .75 % of the diagonal (4.5 pixels)?

# %% tags=["nbval-ignore-output"]
from fcn.metrics import boundary_f1

border = boundary_f1(labels[::4], predicted[::4])
print(f"boundary F1: {border:.3f}")
assert abs(border - card["figures"]["validation"]["boundary_f1"]) < 0.03

# %% [markdown]
# **Size.** The network is fully convolutional: it takes any size. What does it lose when the picture is half as large?
# Its logits, not its classes, are brought back to the full size, so that every score counts the same pixels.

# %% tags=["nbval-ignore-output"] mystnb={"image": {"alt": "For each class two dots, its IoU at full and at half size; signs, cars, pedestrians and bicyclists lose several points, the sky, the road and the pavement next to nothing"}}
every_fourth = validation.subset(range(0, 101, 4))
small = evaluate(street.network, every_fourth, size=(180, 240), verbose=False)
whole, half = (class_scores(m)["iou"] for m in (sum(matrices[::4]), small))
order = np.argsort(whole)

figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
ax.hlines(range(11), 100 * half[order], 100 * whole[order], color="0.7", zorder=1)
ax.scatter(100 * whole[order], range(11), color="#440154", label="360 x 480")
ax.scatter(100 * half[order], range(11), color="#fde725", ec="k", label="180 x 240")
ax.set_yticks(range(11), [street.class_names[c] for c in order])
ax.set(xlabel="IoU (%)", xlim=(0, 100))
ax.legend(loc="lower right")
plt.show()

# %% [markdown]
# What is small loses: below a few pixels there is nothing left to see. Road and sky do not care. (For the same
# reason scores at 360 x 480 and at 180 x 240 cannot be compared, in this notebook or between papers.)
#
# ## 8. Self-test
#
# 1. A network predicts *Road* for every pixel below the horizon and *Building* above. Which scores are not zero?
# 2. Why is void left out of the score, and not counted as wrong?
# 3. You try ten learning rates and report the best validation mIoU. What is wrong with that number?
# 4. Why do the logits, and not the classes, get interpolated to the full size?
#
# <details><summary>Answers</summary>
#
# 1. Global accuracy is above one half. The IoU of two classes is above zero, so the mean IoU is at most 2/11 of what
#    two perfect classes would give.
# 2. Nobody knows what is right there. Counting it as wrong would lower everybody's score by the share of void,
#    and would punish a network for labelling what the annotators did not.
# 3. It was chosen: the best of ten draws is larger than any one of them on the average. And it was chosen on seven
#    seconds. Choose on what is held out, report on what was never looked at.
# 4. The mean of the numbers of two classes is a third class. The mean of their logits is between the two.
#
# </details>
#
# ## Exercises
#
# 1. Leave *Bicyclist* out of the mean. How far does the score move? Which class moves it most?
# 2. Train for one epoch with `python -m fcn train camvid --epochs 1 --decoder-epochs 1`, once with `--balance 0`
#    and once with `--balance 1`, and compare the two tables. What do the weights buy, and what do they cost?
# 3. Average the logits of each picture and of its mirror image. What does that gain, and for which classes?
# 4. Run `python -m fcn overlay` on a video of your own street. Where does it fail first?
#
# ## References
#
# - Brostow, Fauqueur and Cipolla 2009, [*Semantic object classes in video: a high-definition ground truth
#   database*](https://doi.org/10.1016/j.patrec.2008.04.005), the data.
# - Badrinarayanan, Kendall and Cipolla 2017, [*SegNet*](https://arxiv.org/abs/1511.00561), the selection of
#   eleven classes, and table 1.
# - Eigen and Fergus 2015, [*Predicting depth, surface normals and semantic labels*](https://arxiv.org/abs/1411.4734),
#   median frequency balancing.
# - Csurka et al. 2013, [*What is a good evaluation measure for semantic
#   segmentation?*](https://doi.org/10.5244/C.27.32), boundary F1 and means by image.
# - Chen et al. 2018, [*Encoder-decoder with atrous separable convolution*](https://arxiv.org/abs/1802.02611), the
#   network.
