# %% [markdown]
# # Lecture 10. From R-CNN to YOLO: what is where?
#
# **After this lecture you can**
#
# - write a box in three ways, and say how well two boxes agree: intersection over union (IoU), GIoU and DIoU;
# - count what a sliding window costs, and propose regions instead, with a segmentation and a few lines of your own;
# - build R-CNN from a classifier that knows nothing about boxes, and clean up after it with non-maximum suppression;
# - fill YOLO's output tensor of $S \times S \times (B \cdot 5 + C)$ numbers for a photograph, and read it back;
# - measure a detector by precision, recall and average precision, and tell eight of them apart by speed and accuracy.
#
# **Time** 75 minutes. **You need** lecture 1 (activation maps). Lecture 5 helps: there a rocket was a church.
#
# This lecture follows the slides on object detection of SMU's course CS8321. It runs in under a minute on a laptop, and
# needs no data and no weights from elsewhere. (On Colab, the first cell installs the packages.)

# %%
# On Colab, or wherever the packages are missing, this installs them.
from importlib.util import find_spec

from IPython import get_ipython

if find_spec("yolo") is None:
    home = "git+https://github.com/convnet-lectures/convnet-lectures"
    get_ipython().run_line_magic("pip", f"install -q 'convnet-lectures @ {home}'")

# %% tags=["nbval-ignore-output"]
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from matplotlib.patches import Rectangle

import cnnviz
from data import annotated_photo, letterbox, photo, resize, scenes
from yolo import boxes, decoding, evaluation, nms

# Here TensorFlow says, once, whether it has found a GPU. None is needed.
devices = tf.config.list_logical_devices()

# %% [markdown]
# ## 1. What is detection?
#
# | | answers | for one photograph |
# |:--|:--|:--|
# | classification | what? | one class |
# | localisation | what, and where? | one class and one box |
# | **detection** | what is where, and how many? | any number of boxes, each with a class and a score |
# | segmentation (lectures 8 and 9) | what is each pixel? | a class for every pixel |
#
# "Any number" is what makes detection hard. A network has a fixed number of outputs, and a picture does not care. This
# photograph has 19 objects, marked by hand (PASCAL VOC):


# %%
def show(ax, image, found, colours="#E69F00", labels=(), width=1.8):
    """A picture, boxes on it, and a word at each box."""
    colours, widths = (np.broadcast_to(one, len(found)) for one in (colours, width))
    ax.imshow(image)
    ax.set_axis_off()
    for (x1, y1, x2, y2), colour, thick in zip(found, colours, widths):
        sides = (x2 - x1, y2 - y1)
        line = {"edgecolor": str(colour), "linewidth": thick, "fill": False}
        ax.add_patch(Rectangle((x1 - 0.5, y1 - 0.5), *sides, **line))
    for (x1, y1, *_), colour, label in zip(found, colours, labels):
        back = {"facecolor": str(colour), "edgecolor": "none", "pad": 1.5}
        ax.text(x1, y1, label, color="white", fontsize=8, va="top", bbox=back)


# %% mystnb={"image": {"alt": "People at tables in a café. Orange boxes around seven people, green around eight chairs, blue around three tables and a purple one around a bottle; many boxes overlap"}}
people = annotated_photo()
names = [people.class_names[k] for k in people.box_classes]
palette = {"bottle": "#AA4499", "chair": "#009E73"}
palette |= {"person": "#D55E00", "diningtable": "#0072B2"}
ax = plt.figure(figsize=(8, 6), layout="constrained").subplots()
show(ax, people.image, people.boxes, [palette[name] for name in names], names)
plt.show()

# %% [markdown]
# **What to see.** People cover chairs, chairs cover tables, and two chairs on the right have nearly the same box. A
# good detector finds all 19 with the right class, and nothing else.
#
# A box is four numbers, and there are three customs. (Mixing them up is the commonest mistake of all, and nothing
# crashes.)
#
# | name | numbers | used by |
# |:--|:--|:--|
# | `xyxy` | left, top, right, bottom | PASCAL VOC; most of this package |
# | `xywh` | left, top, width, height | COCO |
# | `cxcywh` | centre, width, height, often as parts of the picture | YOLO, Darknet |

# %%
x1, y1, x2, y2 = person = people.boxes[9].astype(float)
ways = {
    "xyxy": [x1, y1, x2, y2],
    "xywh": [x1, y1, x2 - x1, y2 - y1],
    "cxcywh": [(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1],
}
for way, by_hand in ways.items():
    np.testing.assert_allclose(boxes.convert(person, "xyxy", way), by_hand)
    print(f"{way:6}", "  ".join(f"{number:5.1f}" for number in by_hand))

# %% [markdown]
# Pixels are counted between their edges: a box from 0 to 10 is 10 wide. (Old programs add 1, some of them not
# everywhere.)

# %% [markdown]
# ## 2. Intersection over union
#
# How well does a box $A$ agree with a box $B$? Divide the area that they share by the area that they cover together:
#
# $$\mathrm{IoU}(A, B) = \frac{|A \cap B|}{|A \cup B|} = \frac{|A \cap B|}{|A| + |B| - |A \cap B|}$$
#
# It is 1 for equal boxes, 0 for boxes apart, and it does not care about the size of the picture. The intersection
# reaches from the larger of the left edges to the smaller of the right ones, if that is not less than nothing:


# %%
def iou_by_hand(a, b):
    """Intersection over union of boxes (..., 4), xyxy."""
    corner = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    both = np.maximum(corner, 0).prod(axis=-1)
    area_a = (a[..., 2:] - a[..., :2]).prod(axis=-1)
    area_b = (b[..., 2:] - b[..., :2]).prod(axis=-1)
    return both / (area_a + area_b - both)


every_pair = iou_by_hand(people.boxes[:, None], people.boxes[None])
np.testing.assert_allclose(every_pair, boxes.matrix(people.boxes, people.boxes))
chairs = every_pair[4, 5]
print(f"{every_pair.shape[0]} x {every_pair.shape[1]} pairs of boxes")
print(f"the two chairs on the right: IoU {chairs:.2f}")

# %% [markdown]
# What does an IoU of one half *look* like? One man's box, and the same box moved away step by step:

# %% mystnb={"image": {"alt": "Four times the same man with a hat at a table, his box in blue and the box moved down and right in orange: IoU 0.82, 0.67, 0.50 and 0.30. At 0.50 the orange box has lost half of his hat and reaches over the table"}}
truth = people.boxes[16].astype(float)
panels = plt.figure(figsize=(10, 3.2), layout="constrained").subplots(1, 4)
for ax, step in zip(panels, (0.05, 0.105, 0.184, 0.32)):
    sides = truth[2:] - truth[:2]
    moved = truth + step * np.tile(sides, 2)
    show(ax, people.image, [truth, moved], ["#56B4E9", "#D55E00"], width=2.5)
    ax.set(xlim=(140, 400), ylim=(300, 40))
    ax.set_title(f"IoU {boxes.iou(truth, moved):.2f}")
plt.show()

# %% [markdown]
# **What to see.** One half is worse than it sounds: each box leaves a third of the other uncovered. Still, 0.5 is what
# PASCAL VOC asks of a detection to count as right. COCO also asks 0.55, 0.6 and so on to 0.95, and takes the mean.
#
# ### And when boxes are apart?
#
# Then IoU is 0, whether a box misses by a pixel or by a mile. For *judging* that is fine. For *learning* it is not:
# where nothing changes, there is no gradient. Two relatives say how far apart. Let $C$ be the smallest box around both,
# $c$ its diagonal, and $d$ the distance of the two centres:
#
# $$\mathrm{GIoU} = \mathrm{IoU} - \frac{|C| - |A \cup B|}{|C|}, \qquad \mathrm{DIoU} = \mathrm{IoU} - \frac{d^2}{c^2}$$
#
# (Rezatofighi et al. 2019; Zheng et al. 2020.) By hand, for one wide box pushed past another:

# %%
still = np.array([0.0, 0, 4, 2])
shift = np.linspace(0, 10, 201)
pushed = still + shift[:, None] * [1, 0, 1, 0]
enclosing = (4 + shift) * 2
union = np.where(shift < 4, 8 + 2 * shift, 16)
iou = iou_by_hand(still, pushed)
giou = iou - (enclosing - union) / enclosing
diou = iou - shift**2 / ((4 + shift) ** 2 + 4)
np.testing.assert_allclose(giou, boxes.giou(still, pushed), atol=1e-12)
np.testing.assert_allclose(diou, boxes.diou(still, pushed), atol=1e-12)

# %% mystnb={"image": {"alt": "Above, three pairs of a blue and an orange box: one on the other, half overlapping, and apart. Below, curves over the shift: IoU falls to 0 at shift 4 and stays there; GIoU is the same up to there and falls on below zero; DIoU lies a little lower before, and also falls on"}}
figure = plt.figure(figsize=(8, 4.6), layout="constrained")
above, below = figure.subfigures(2, 1, height_ratios=(1, 3))
for ax, where in zip(above.subplots(1, 3), (0.4, 2, 6)):
    ax.add_patch(Rectangle((0, 0), 4, 2, color="#0072B2", alpha=0.6))
    ax.add_patch(Rectangle((where, 0), 4, 2, color="#D55E00", alpha=0.6))
    ax.set(xlim=(-0.3, 10.3), ylim=(-0.2, 2.2), aspect="equal")
    ax.set(xticks=[], yticks=[], title=f"shift {where:g}")
ax = below.subplots()
ax.plot(shift, iou, color="#333333", linewidth=2.5, label="IoU")
ax.plot(shift, giou, "--", color="#0072B2", linewidth=2.5, label="GIoU")
ax.plot(shift, diou, ":", color="#D55E00", linewidth=2.5, label="DIoU")
ax.grid(axis="y")
ax.set_xlabel("shift (both boxes are 4 wide)")
ax.legend(frameon=False)
plt.show()

# %% [markdown]
# **What to see.** From shift 4 on, IoU is dead flat. GIoU and DIoU go on falling, so a network that is trained to raise
# them feels which way to go, even from far off. Boxes of one height that still overlap leave no gap in $C$, so there
# GIoU *is* IoU. Later detectors train on such measures; the YOLOs of this course do not yet.

# %% [markdown]
# ## 3. Look everywhere
#
# We have classifiers. So cut out a window, classify it, move on. That is the **sliding window**, older than any
# network. How many windows are there? A box is two of the $W + 1$ vertical and two of the $H + 1$ horizontal pixel
# edges:
#
# $$n = \frac{W (W + 1)}{2} \cdot \frac{H (H + 1)}{2}$$

# %%
height, width = people.image.shape[:2]
count = width * (width + 1) // 2 * height * (height + 1) // 2
print(f"{count / 1e9:.1f} thousand million boxes in {width} x {height} pixels")


def windows(stride):
    """Boxes of three sizes and three shapes, every so many pixels."""
    found = []
    for side in (48, 96, 192):
        for shape in (0.5, 1, 2):
            w, h = side * shape**0.5, side / shape**0.5
            x, y = np.arange(0, width - w, stride), np.arange(0, height - h, stride)
            x, y = (corner.ravel() for corner in np.meshgrid(x, y))
            found.append(np.stack([x, y, x + w, y + h], axis=1))
    return np.concatenate(found)


# %% [markdown]
# Nobody looks at them all. Nine kinds of windows on a grid will do, if for every object there is *one* that fits. The
# share of objects for which there is one is the **recall**. How many windows does that take?


# %%
def recall(candidates, least):
    """Share of the 19 objects that some candidate meets with this IoU."""
    best = boxes.matrix(candidates, people.boxes).max(axis=0)
    return (best >= least).mean()


grids = {stride: windows(stride) for stride in (64, 32, 16)}
for stride, grid in grids.items():
    found = " ".join(f"{recall(grid, t):8.0%}" for t in (0.5, 0.7))
    print(f"every {stride:2} pixels: {len(grid):5} boxes, recall at .5, .7:{found}")

# %% [markdown]
# Thousands of windows find most objects *roughly*. And most windows show a piece of wall or half a chair. R-CNN's
# network took 23 milliseconds for one (2000 in 47 seconds, on a GPU of 2014; Girshick 2015). So the finest of these
# grids takes a minute and a half, for one photograph.

# %% [markdown]
# ## 4. Region proposals
#
# A better idea came before deep learning: objects have borders. Divide the photograph into patches of similar colour,
# then merge neighbours, the most alike first, until one patch is left. **Every patch on the way is a proposal.** This
# is *selective search* (Uijlings et al. 2013). Small objects show up early, large ones late, so it needs no list of
# sizes.
#
# The patches come from Felzenszwalb and Huttenlocher's segmentation (2004) in scikit-image, and it also has a graph of
# neighbours. Ours to say is which two patches are alike (mean colour; and small ones first, so that no patch swallows
# its neighbours one by one), and what to do when two are merged: note the box.

# %%
from scipy import ndimage
from skimage import graph, segmentation
from skimage.color import label2rgb


def difference(rag, _, merged, other):
    """The weight of the edge between a patch and its neighbour."""
    a, b = rag.nodes[merged], rag.nodes[other]
    colour = np.linalg.norm(a["mean color"] - b["mean color"]) / 255
    share = (a["pixel count"] + b["pixel count"]) / rag.graph["pixels"]
    return {"weight": colour + 2 * share}


# %%
def merge(rag, gone, kept):
    """Add a patch to another: pixels, colour and box; and note the box."""
    a, b = rag.nodes[gone], rag.nodes[kept]
    b["pixel count"] += a["pixel count"]
    b["total color"] = b["total color"] + a["total color"]
    b["mean color"] = b["total color"] / b["pixel count"]
    left, right = np.array([a["box"], b["box"]]).reshape(2, 2, 2).swapaxes(0, 1)
    b["box"] = (*left.min(axis=0), *right.max(axis=0))
    rag.graph["boxes"].append(b["box"])


# %% [markdown]
# Then the loop is scikit-image's. A patch's own box comes from SciPy's `find_objects`.


# %%
def propose(image, scale):
    """Boxes of all patches that are met on the way from many to one."""
    patches = segmentation.felzenszwalb(image, scale, sigma=0.8, min_size=60)
    rag = graph.rag_mean_color(image, patches)
    rag.graph.update(pixels=patches.size, boxes=[])
    for node, (rows, columns) in enumerate(ndimage.find_objects(patches + 1)):
        box = (columns.start, rows.start, columns.stop, rows.stop)
        rag.nodes[node]["box"] = box
        rag.graph["boxes"].append(box)
    for one, other, edge in rag.edges(data=True):
        edge.update(difference(rag, None, one, other))
    graph.merge_hierarchical(patches, rag, np.inf, False, True, merge, difference)
    return np.unique(np.array(rag.graph["boxes"], float), axis=0), patches


# %% [markdown]
# Selective search repeats itself with other colours and other scales, and takes all that it finds. We take three
# scales:

# %% mystnb={"image": {"alt": "Left the café as a few hundred flat patches of colour, in which people and tables can still be made out. Right the photograph with nineteen boxes in the colours of the classes, for each object the proposal that fits best; most sit well, some are too large or too small"}}
by_scale = [propose(people.image, scale) for scale in (50, 100, 200)]
proposals = np.unique(np.concatenate([found for found, _ in by_scale]), axis=0)
best = proposals[boxes.matrix(proposals, people.boxes).argmax(axis=0)]

left, right = plt.figure(figsize=(10, 3.9), layout="constrained").subplots(1, 2)
patches = by_scale[2][1]
left.imshow(label2rgb(patches, people.image, kind="avg", bg_label=-1))
left.set_title("patches at scale 200")
left.set_axis_off()
show(right, people.image, best, [palette[name] for name in names])
right.set_title("the proposal that fits each object best")
plt.show()

# %%
for label, candidates in {"windows": grids[16], "proposals": proposals}.items():
    found = " ".join(f"{recall(candidates, t):8.0%}" for t in (0.5, 0.7))
    hundreds = round(len(candidates), -2)
    print(f"about {hundreds} {label:10} recall at .5, .7:{found}")

# %% [markdown]
# **What to see.** On the left, the photograph as the segmentation sees it. (Scale 50 has finer patches, scale 100 those
# between; all three together propose more.) Fewer boxes than windows, and they fit better: they snap to edges. Neither
# method says *what* is in a box. That is what the network is for.

# %% [markdown]
# ## 5. R-CNN
#
# **R-CNN**, regions with CNN features (Girshick et al. 2014), joins the two: about 2000 proposals by selective search,
# each cut out, warped to the input size of a classifier, and classified. We do it with the classifier of lecture 1,
# which has never seen a box. It knows twelve classes, so we need something that it can find: a wall with photographs.

# %%
wall = photo("brick")[:384].copy()
hung = {"rocket": (30, 32, 130), "astronaut": (272, 14, 112)}
hung |= {"coffee": (44, 222, 130), "cat": (244, 156, 170)}
frames = {}
for name, (x, y, tall) in hung.items():
    picture = resize(photo(name), tall)
    wall[y : y + tall, x : x + picture.shape[1]] = picture
    frames[name] = np.array([x, y, x + picture.shape[1], y + tall], float)

regions, patches = propose(wall, 200)
large = (regions[:, 2:] - regions[:, :2]).min(axis=1) >= 24
regions = regions[large]

# %%
net = cnnviz.load()


def crop(box):
    """A region of the wall, warped to the network's input."""
    x1, y1, x2, y2 = box.astype(int)
    return resize(wall[y1:y2, x1:x2], (96, 96))


crops = np.stack([crop(box) for box in regions])
logits = net.model.predict(crops.astype(np.float32), batch_size=64, verbose=0)
probabilities = tf.nn.softmax(logits).numpy()
cat = probabilities[:, net.class_index("cat")]

# %% [markdown]
# All regions on the left, and on the right the nine that look most like a cat to the network:

# %% mystnb={"image": {"alt": "Left a brick wall with photographs of a rocket, an astronaut, a cup of coffee and a cat's face, covered by a few hundred thin orange boxes. Right the nine regions with the highest score for cat: the cat's face four times, the wall with the cat twice, two pieces of its whiskers, and half the astronaut's face with 0.86"}}
figure = plt.figure(figsize=(10, 4.2), layout="constrained")
left, right = figure.subfigures(1, 2, width_ratios=(1.35, 1))
ranked = np.argsort(-cat, kind="stable")
show(left.subplots(), wall, regions, width=0.5)
for ax, index in zip(right.subplots(3, 3).flat, ranked):
    ax.imshow(crops[index])
    ax.set_title(f"cat {cat[index]:.2f}", fontsize=9)
    ax.set_axis_off()
plt.show()

# %% [markdown]
# **What to see.** The best region is nearly the cat's photograph. But so are the next, and half a cat is a cat, too.
# And the *astronaut* is a cat with 0.86? Our classifier must choose among twelve classes. R-CNN trains one more,
# *background*, on proposals that overlap no object by more than a little, and then learns four numbers that push a box
# into place. What no training removes is the crowd: **many boxes, one cat.**

# %% [markdown]
# ## 6. Non-maximum suppression
#
# Of many boxes on one object, keep one. **Non-maximum suppression** (NMS) is greedy: take the box of the highest score,
# strike out all that overlap it by more than a threshold, go on with the best that is left. Each class by itself.


# %%
def nms_by_hand(found, scores, overlap):
    """Indices of the boxes that stay, the best first."""
    left = np.argsort(-scores, kind="stable")
    kept = []
    while len(left):
        best, left = left[0], left[1:]
        kept.append(best)
        left = left[iou_by_hand(found[best], found[left]) <= overlap]
    return np.array(kept)


sure = cat >= 0.75
found, scores = regions[sure], cat[sure]
for overlap in (0.1, 0.45, 0.7):
    kept = nms_by_hand(found, scores, overlap)
    theirs = nms.greedy(found, scores, overlap=overlap)
    np.testing.assert_array_equal(kept, theirs.indices)

# %% mystnb={"image": {"alt": "The wall three times. Left, boxes with a score for cat of 0.75 or more: several around the cat, two around the right half of the wall, one around half of the astronaut's face and three around bricks. In the middle, after NMS with overlap 0.45: one box around the cat's face with 0.98, two around pieces of it, one around the half wall, and still the astronaut and the bricks. Right, with overlap 0.1 the half wall and one of the pieces are gone too"}}
panels = plt.figure(figsize=(10, 2.9), layout="constrained").subplots(1, 3)
titles = ("cat, 0.75 or more", "after NMS, overlap 0.45", "after NMS, overlap 0.1")
chosen = [np.arange(len(found))]
chosen += [nms_by_hand(found, scores, overlap) for overlap in (0.45, 0.1)]
for ax, title, kept in zip(panels, titles, chosen):
    words = [f"{score:.2f}" for score in scores[kept]]
    words = words if len(kept) < len(found) else []
    show(ax, wall, found[kept], "#D55E00", words)
    ax.set_title(title)
plt.show()

# %% [markdown]
# **What to see.** Of the crowd around the face one box stays, the best. The half wall stays as well, at first, though
# the whole cat is in it: its IoU with the cat's box is small. So are those of the pieces of cheek. A lower threshold
# strikes more. It does not help against the astronaut and three bricks: **NMS removes duplicates, not mistakes.**
#
# And it has a price. Were *both* of the two chairs of section 1 found, with their nearly equal boxes, NMS would strike
# one out. **Soft-NMS** (Bodla et al. 2017) only lowers the score of what overlaps:

# %%
two = people.boxes[[4, 5]]
hard = nms.greedy(two, [0.9, 0.8])
soft = nms.soft(two, [0.9, 0.8])
print("greedy keeps", len(hard.indices), "of the two chairs")
print("soft keeps", len(soft.indices), "with scores", soft.scores.round(2))

# %% [markdown]
# What else is on the wall? In lecture 5 the network took the rocket for a church. Let us search for one.


# %% mystnb={"image": {"alt": "The wall with one box, around the white rocket on its launch pad, labelled church 0.97"}}
def search(name="cat", threshold=0.9, overlap=0.3):
    """What our R-CNN finds on the wall."""
    score = probabilities[:, net.class_index(name)]
    sure = score >= threshold
    kept = nms.greedy(regions[sure], score[sure], overlap=overlap)
    words = [f"{name} {one:.2f}" for one in kept.scores]
    ax = plt.figure(figsize=(5, 3.8), layout="constrained").subplots()
    show(ax, wall, regions[sure][kept.indices], "#D55E00", words)
    plt.show()


search("church")

# %% [markdown]
# **What to see.** There it is, and now we are even told which part of the photograph is the church: the rocket itself.
# A detector makes the same mistakes as its classifier, and adds a box. Under this cell, in JupyterLab or on Colab, you
# may search for all twelve classes, and turn both thresholds yourself.

# %% tags=["widget", "nbval-ignore-output"]
import os

import ipywidgets

if "LECTURE_STILL" not in os.environ:  # while it is built or tested, nobody slides
    ipywidgets.interact(
        search, name=net.class_names, threshold=(0.1, 1.0), overlap=(0.0, 1.0)
    )

# %% [markdown]
# ## 7. Do it once: SPP-net, Fast R-CNN, Faster R-CNN
#
# R-CNN ran its network 2000 times a photograph, and took 47 seconds. Most of it was waste: the regions overlap, so the
# same pixels went through the same convolutions again and again. But convolutions do not mind the size of their input.
# So run them **once**, over the whole photograph, and cut the regions out of the *maps* (SPP-net, He et al. 2014).
#
# What follows wants a fixed size. **RoI pooling** (region of interest; Fast R-CNN, Girshick 2015) lays a grid of
# $7 \times 7$ cells over the region, whatever its size, and takes the maximum in each:


# %%
def pool_region(maps, box, stride, cells=7):
    """The maxima in a grid of cells over a region; the box in pixels."""
    x1, y1, x2, y2 = np.round(box / stride).astype(int)
    rows = np.array_split(maps[y1:y2, x1:x2], cells, axis=0)
    parts = [np.array_split(row, cells, axis=1) for row in rows]
    return np.array([[part.max(axis=(0, 1)) for part in row] for row in parts])


LAYER = "block4_conv2_relu"
batch = wall[None].astype(np.float32)
maps = cnnviz.activation_maps(net.model, batch, LAYER)[LAYER][0]
pooled = pool_region(maps, frames["cat"], stride=8)
print(maps.shape, "->", pooled.shape)
share = len(crops) * 96 * 96 / wall[..., 0].size
print(f"R-CNN passes {share:.0f} times the pixels")

# %% mystnb={"image": {"alt": "Left the wall with a box around the cat. In the middle one map of the network for the whole wall, dark but for the outlines of the cat's face and two bright spots, at an eye and at the spoon beside the cup; the cat's box is drawn in. Right seven by seven squares, the brightest where the eye is"}}
k = pooled.mean(axis=(0, 1)).argmax()
panels = plt.figure(figsize=(10, 2.8), layout="constrained").subplots(1, 3)
show(panels[0], wall, [frames["cat"]])
panels[1].imshow(maps[..., k], cmap="magma")
show(panels[1], np.zeros((48, 64, 4)), [frames["cat"] / 8])
panels[2].imshow(pooled[..., k], cmap="magma")
panels[2].set_axis_off()
titles = ("one photograph", f"one pass, map {k}", "the region, 7 x 7")
for ax, title in zip(panels, titles):
    ax.set_title(title)
plt.show()

# %% [markdown]
# **What to see.** This map answers to an eye (and to a spoon). After the pooling the eye still stands left of the
# middle and above it, but the region now has the same 7 x 7 cells as every other. (In Fast R-CNN cells may share a row
# where the division leaves a rest; ours do not. And do not expect *our* classifier to cope with such cells: Fast R-CNN
# was trained with them. Exercise 3.)
#
# Now the network took a third of a second, and the *proposals* two. **Faster R-CNN** (Ren et al. 2015) lets a small
# network propose, from the same maps: in every cell, nine boxes of fixed sizes and shapes, the **anchors**, each with a
# score and four corrections. So the sliding window is back. But it slides over maps, where a step costs next to
# nothing.

# %% [markdown]
# ## 8. YOLO: look once
#
# If a network can say in every cell "there is something, and its box is so", why not say at once *what* it is? Then no
# second network is needed, no regions, no pooling. **You only look once** (Redmon et al. 2016):
#
# - Divide the picture into $S \times S$ cells. The cell in which an object's *centre* lies is responsible for it.
# - Each cell has $B$ boxes of five numbers: $x, y$ of the centre within the cell, $w, h$ as parts of the picture, and
#   the **confidence** that there is an object, times how well the box fits: $\Pr(\text{object}) \cdot \mathrm{IoU}$.
#   (The network puts out the *roots* of $w$ and $h$, so that the same error weighs more on a small box. We keep $w$ and
#   $h$.)
# - Each cell, *not* each box, has $C$ probabilities: of which class, if there is an object at all.
#
# $$S \times S \times (B \cdot 5 + C) = 7 \times 7 \times (2 \cdot 5 + 20) = 7 \times 7 \times 30$$
#
# This is the whole output, always of one size. What *should* it be for our photograph? First fit it into YOLO's square
# of 448 pixels:

# %%
S, B, C = 7, 2, 20
canvas, fit = letterbox(people.image, 448)
truth = boxes.to_letterbox(people.boxes, fit)
parts = boxes.convert(boxes.normalise(truth, (448, 448)), "xyxy", "cxcywh")
classes = people.box_classes - 1  # without the background

target = np.zeros((S, S, B * 5 + C))
owner = np.full((S, S), -1)
for k, (x, y, w, h) in enumerate(parts):
    row, column = int(y * S), int(x * S)
    if owner[row, column] < 0:  # one object for each cell: the first, as in Darknet
        owner[row, column] = k
        box = [x * S - column, y * S - row, w, h, 1]
        target[row, column, : 5 * B] = box * B
        target[row, column, 5 * B + classes[k]] = 1

# %% mystnb={"image": {"alt": "The café in a square with grey bars above and below, under a grid of seven by seven. Twelve cells are tinted in the colour of a class, and each has a dot. Seven crosses lie in tinted cells too, three of them in one cell right of the middle"}}
word = np.array([*people.class_names[1:]])
ax = plt.figure(figsize=(6.4, 6.4), layout="constrained").subplots()
ax.imshow(canvas, extent=(0, S, S, 0))
for row, column in np.argwhere(owner >= 0):
    tint = palette[word[classes[owner[row, column]]]]
    ax.add_patch(Rectangle((column, row), 1, 1, color=tint, alpha=0.45))
for k, (x, y, *_) in enumerate(parts * S):
    style = "o" if k in owner else "X"
    tint = palette[word[classes[k]]]
    ax.plot(x, y, style, color=tint, markeredgecolor="white", markersize=9)
ax.set(xticks=range(S + 1), yticks=range(S + 1))
ax.grid(color="white", linewidth=0.8)
plt.show()

# %% [markdown]
# **What to see.** A dot is the centre of an object that got its cell, a cross that of one that came too late. Right of
# the middle *four* centres lie in one cell: three chairs and a person. Seven of nineteen objects cannot be said with
# this tensor, however well a network learns. Finer grids have fewer such collisions. Is a full café unfair? Sixty
# streets from `data.scenes`:


# %%
def with_a_cell(found, size, n):
    """How many of these boxes would have a cell of n x n."""
    centres = boxes.convert(found, "xyxy", "cxcywh")[:, :2]
    return len(np.unique(centres * n // size, axis=0))


assert with_a_cell(truth, 448, S) == (owner >= 0).sum()
streets = [scenes.scene((10, number), 128).boxes for number in range(60)]
total = sum(map(len, streets))
for n in (7, 13, 26):
    cafe = with_a_cell(truth, 448, n)
    street = sum(with_a_cell(found, 128, n) for found in streets)
    print(
        f"{n:2} x {n:2}: café {cafe} of {len(truth)}, streets {street / total:.0%}"
    )

# %% [markdown]
# (The café's last collision is that of the two chairs of section 1. Even cells of 17 pixels do not part them.) Objects come
# in groups, and in a group the centres are close. YOLO's authors name it among its limits: "small objects that appear in
# groups, such as flocks of birds". Now read the tensor back. Each box must return to where it came from:

# %%
rows, columns = np.nonzero(target[..., 4])
x, y, w, h, confidence = target[rows, columns, :5].T
x, y = (columns + x) / S, (rows + y) / S
read = np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], axis=1) * 448
np.testing.assert_allclose(read, truth[owner[rows, columns]], atol=1e-3)

# %% [markdown]
# And does the package read the same? It decodes the heads of *later* YOLOs, which hold logits: a sigmoid keeps the
# centre in its cell, and sizes are powers of $e$, times an anchor. With an anchor as large as the picture, both say the
# same:


# %%
def logit(p):
    """The inverse of the sigmoid, of probabilities that are not quite 0 or 1."""
    p = np.clip(p, 1e-6, 1 - 1e-6)
    return np.log(p / (1 - p))


sizes = np.log(np.maximum(target[..., 2:4], 1e-6))
rest = logit(target[..., [4, *range(5 * B, 5 * B + C)]])
head = np.concatenate([logit(target[..., :2]), sizes, rest], axis=-1)[None]
decoded = decoding.decode_v3_head(head, [[448, 448]], (448, 448))

sure = np.flatnonzero(decoded.objectness[0] > 0.5)
np.testing.assert_allclose(decoded.boxes[0, sure], read, atol=1e-3)
found = decoded.classes[0, sure].argmax(axis=-1)
np.testing.assert_array_equal(found, classes[owner[rows, columns]])

# %% [markdown]
# ### Ninety-eight boxes
#
# A real network does not answer so cleanly. (Lecture 11 has one.) To see what comes out, we **play the network**: each
# cell guesses twice at the object whose centre is nearest, with noise, and is the less confident the further away that
# is. So, for each of the $7 \cdot 7 \cdot 2 = 98$ boxes $i$ and each class $c$, the score is
#
# $$\text{score}_{i,c} = \Pr(\text{class}_c \mid \text{object}) \cdot \underbrace{\Pr(\text{object}) \cdot \mathrm{IoU}}_{\text{confidence}_i}$$

# %%
dice = np.random.default_rng(4)
middles = np.stack(np.meshgrid(range(S), range(S)), axis=-1).reshape(-1, 1, 2) + 0.5
distances = np.linalg.norm(middles - parts[:, :2] * S, axis=-1)
nearest, far = distances.argmin(axis=1), distances.min(axis=1)

aim = truth[nearest][:, None].astype(float)
sides = np.tile(aim[..., 2:] - aim[..., :2], 2)
noise = dice.normal(0, 0.16, (S * S, B, 4))
guessed = aim + noise * sides
confidence = boxes.iou(guessed, aim) * np.exp(-(far[:, None] ** 2))
odds = np.eye(C)[classes[nearest]] * 3 + dice.normal(0, 0.8, (S * S, C))
chances = np.exp(odds) / np.exp(odds).sum(axis=1, keepdims=True)
scores = confidence[..., None] * chances[:, None]
print(scores.shape, "cells, boxes, classes")

# %% [markdown]
# Then a threshold, and NMS for each class. That is all that YOLO does after its one look.

# %%
score, label = scores.max(axis=-1).ravel(), scores.argmax(axis=-1).ravel()
sure = score >= 0.2
kept = nms.greedy(guessed.reshape(-1, 4)[sure], score[sure], label[sure])
final = guessed.reshape(-1, 4)[sure][kept.indices]
final_labels = label[sure][kept.indices]

# %% mystnb={"image": {"alt": "The café three times. Left, 98 black boxes, the thickest on objects. In the middle seven by seven cells, tinted: orange for person left and above, green for chair, blue for table right and below, purple for bottle, one grey cell. Right, fifteen boxes in these colours: six people, four chairs, two tables and the bottle; the man with the hat and a woman at the back have two boxes, the man with the cap has none"}}
panels = plt.figure(figsize=(10, 3.7), layout="constrained").subplots(1, 3)
thickness = 0.2 + 3 * confidence.ravel()
show(panels[0], canvas, guessed.reshape(-1, 4), "black", width=thickness)
likely = chances.argmax(axis=1).reshape(S, S)
panels[1].imshow(canvas)
for (row, column), k in np.ndenumerate(likely):
    tint = palette.get(word[k], "#888888")
    square = Rectangle((column * 64, row * 64), 64, 64, color=tint, alpha=0.5)
    panels[1].add_patch(square)
panels[1].set_axis_off()
show(panels[2], canvas, final, [palette[word[k]] for k in final_labels])
titles = ("98 boxes", "class of each cell", "after threshold and NMS")
for ax, title in zip(panels, titles):
    ax.set_title(title)
plt.show()

# %% [markdown]
# **What to see.** Left, the thicker a box, the more confident. In the middle is the slides' *class probability map*: it
# says of **every** cell what would be there, if anything were, even of the grey bars. (One cell believes in none of our
# four classes.) Right, what is left: most objects, some with two boxes that overlap too little for NMS, and the man
# with the cap has none.
#
# (A guess may lie outside of its cell. Nothing in the first YOLO kept it in; the sigmoid of YOLOv2 does.)

# %% [markdown]
# ## 9. How good is it? Precision, recall, average precision
#
# Let detections come in the order of their scores. One is **right** if its class is, and its IoU with a truth that is
# not yet taken reaches 0.5. After the first $i$ detections, $R_i$ of them right, of $n$ truths:
#
# $$\text{precision} = \frac{R_i}{i}, \qquad \text{recall} = \frac{R_i}{n}$$
#
# The more one dares to report, the higher the recall, and mostly the lower the precision. **Average precision** (AP) is
# the area under the staircase of the two; mAP, its mean over the classes. By hand, for the persons of our played
# network:

# %%
person = list(word).index("person")
mine = final[final_labels == person]  # NMS has sorted them
free = truth[classes == person].astype(float)
n, right = len(free), []
for box in mine:
    overlaps = boxes.iou(box, free)
    right.append(overlaps.max(initial=0) >= 0.5)
    if right[-1]:
        free = np.delete(free, overlaps.argmax(), axis=0)
hits = np.cumsum(right)
precision, rise = hits / np.arange(1, len(mine) + 1), hits / n
stairs = np.maximum.accumulate(precision[::-1])[::-1]
by_hand = stairs[right].sum() / n

# %% [markdown]
# `yolo.evaluation` measures all classes at once, and keeps the curves:

# %%
measured = evaluation.evaluate(
    [evaluation.Truth(truth, classes)],
    [evaluation.Detection(final, kept.scores, final_labels)],
    names=list(word),
    iou_thresholds=0.5,
)
ap = dict(zip(word, measured.by_name("every_point", 0.5)))
np.testing.assert_allclose(ap["person"], by_hand)
curve = measured.curve("person")
np.testing.assert_allclose(curve.precision, precision)
np.testing.assert_allclose(curve.recall, rise)
for name in palette:
    print(f"{name:12} AP {ap[name]:.2f}")

# %% mystnb={"image": {"alt": "Precision over recall of person: a first point at precision 1, then down to one half at the same recall, then up step by step to 0.86 at recall 0.86, and down once more. The filled area is a staircase with two steps, 1 and 0.86"}}
ax = plt.figure(figsize=(5.4, 3.4), layout="constrained").subplots()
ax.fill_between([0, *rise], [stairs[0], *stairs], step="pre", alpha=0.25)
ax.plot(rise, precision, "o-", color="#D55E00")
ax.set(xlim=(0, 1.02), ylim=(0, 1.05), xlabel="recall", ylabel="precision")
ax.set_title(f"person, AP {by_hand:.2f}")
plt.show()

# %% [markdown]
# **What to see.** The second detection is a mistake, and precision falls to one half. Then come five right ones. AP
# takes at every recall the best precision that is reached there *or later* (filled). One person was never found, so the
# stairs end before recall 1. That, too, costs. (COCO and old VOC sample the stairs at 101 and 11 recalls; the package
# has all three.)

# %% [markdown]
# ## 10. Fast or accurate?
#
# Now the history in one figure. All numbers are the papers' own, with their tables named; we have measured none of
# them. Left, mAP at IoU 0.5 on PASCAL VOC 2007; right, the same measure on COCO, which is harder.

# %%
# Times without the proposals, on a K40: Girshick 2015, table 4 (VGG16, trained on 07)
proposing = {"R-CNN": (1 / 47.0, 66.0), "SPP-net": (1 / 2.3, 63.1)}
# With everything, on a Titan X (trained on 07+12): Redmon et al. 2016, table 1
whole = {"Fast R-CNN": (0.5, 70.0), "Faster R-CNN": (7, 73.2)}
single = {"YOLO": (45, 63.4), "Fast YOLO": (155, 52.7)}
# Redmon and Farhadi 2017, table 3
ssd = {"SSD300": (46, 74.3), "SSD500": (19, 76.8)}
yolov2 = {"288": (91, 69.0), "352": (81, 73.7)}
yolov2 |= {"416": (67, 76.8), "YOLOv2, 544": (40, 78.6)}
RATES = [0.02, 0.1, 1, 10, 100]
# COCO, milliseconds: Redmon and Farhadi 2018, figure 3
retinanet = {"": (73, 50.9), " ": (90, 53.1), "RetinaNet": (198, 57.5)}
others = {"SSD321": (61, 45.4), "SSD513": (125, 50.4)}
others |= {"Faster R-CNN with FPN": (172, 59.1)}
yolov3 = {"YOLOv3, 320": (22, 51.5), "416": (29, 55.3), "608": (51, 57.9)}


# %%
def points(ax, table, colour, style, side="top"):
    """One family of detectors, each with its name."""
    x, y = np.array(list(table.values())).T
    ax.plot(x, y, style, color=colour, markersize=7)
    where = {"top": (0, 7), "bottom": (0, -14), "right": (8, -3), "left": (-8, -3)}
    words = {"textcoords": "offset points", "fontsize": 9, "color": colour}
    words["ha"] = {"left": "right", "right": "left"}.get(side, "center")
    for name, place in table.items():
        ax.annotate(name, place, where[side], **words)


# %% [markdown]
# Squares are detectors that look at regions (and RetinaNet and SSD on the right, which look once, but long):

# %% mystnb={"image": {"alt": "Left, mAP on PASCAL VOC 2007 over pictures per second, logarithmic: R-CNN, SPP-net, Fast R-CNN and Faster R-CNN rise from 66 at one picture in 47 seconds to 73 at 7 per second; YOLO has 63 at 45, Fast YOLO 53 at 155, SSD 77 at 19 and 74 at 46, YOLOv2 runs from 79 at 40 to 69 at 91; from 30 on the ground is shaded. Right, COCO over milliseconds: YOLOv3 from 52 at 22 to 58 at 51, RetinaNet from 51 at 73 to 58 at 198, two SSDs below, Faster R-CNN with FPN highest with 59 at 172"}}
voc, coco = plt.figure(figsize=(10, 4.2), layout="constrained").subplots(1, 2)
points(voc, proposing, "#777777", "s")
points(voc, whole, "#0072B2", "s", "left")
points(voc, single, "#D55E00", "o", "bottom")
points(voc, ssd, "#AA4499", "o", "left")
points(voc, yolov2, "#009E73", "o-", "right")
voc.axvspan(30, 500, color="#009E73", alpha=0.1)
voc.set(xscale="log", xlim=(0.008, 500), ylim=(48, 82), ylabel="mAP at IoU 0.5")
voc.set_xticks(RATES, RATES)
voc.set_xlabel("VOC 2007: pictures per second (shaded: video)")
points(coco, others, "#0072B2", "s")
points(coco, retinanet, "#AA4499", "s-")
points(coco, yolov3, "#D55E00", "o-", "right")
coco.set(xlim=(0, 225), ylim=(44, 61), xlabel="COCO: milliseconds per picture")
plt.show()

# %% [markdown]
# **What to see.** On the left, looking at regions became three hundred times faster, and better besides, and still did
# not reach video (shaded). The first YOLO paid ten points of mAP for being six times as fast as Faster R-CNN. YOLOv2 got
# them back, and its points are *one* network at several input sizes: speed is a dial. YOLOv3 has the accuracy of the
# largest RetinaNet in a quarter of its time, at IoU 0.5. (By COCO's mean over stricter IoUs it is 33.0 against 37.8. The
# boxes are rougher.) Mind what such figures hide: the grey times are without the proposals, on an older GPU, after
# training on less.
#
# | | passes of the network | where boxes come from | the new idea |
# |:--|:--|:--|:--|
# | R-CNN, 2014 | one per region, 2000 | selective search | a network's features for each region |
# | SPP-net, 2014 | one, then a head per region | selective search | pool from the shared maps |
# | Fast R-CNN, 2015 | one, then a head per region | selective search | train it all as one network |
# | Faster R-CNN, 2015 | one, then a head per region | a network, anchors | propose from the same maps |
# | YOLO, 2016 | **one** | the cells of a grid | detection as one regression |
# | SSD, 2016 | one | anchors on maps of several sizes | small objects on fine maps |
# | YOLOv2, 2017 | one | anchors, from clusters | batch norm, sigmoid for the centre, any input size |
# | YOLOv3, 2018 | one | anchors on three maps | Darknet-53, a sigmoid for each class |
#
# The last row is lecture 11.

# %% [markdown]
# ## Self-test
#
# Answer first, then unfold.
#
# <details><summary>1. A box lies inside another of four times its area. What is their IoU?</summary>
#
# One quarter: the intersection is the small box, the union the large one. That NMS with 0.45 leaves both is right for a
# person at a table, and a nuisance for half a cat in a cat.
# </details>
#
# <details><summary>2. Why does a sliding window need many sizes and shapes, and selective search none?</summary>
#
# The windows are chosen before anyone looks at the picture. The patches come from the picture, and every union on the
# way up has the size that it has.
# </details>
#
# <details><summary>3. How many numbers does a YOLO with S = 13, B = 5 and C = 20 put out, if classes belong to the cell? And if to the box?</summary>
#
# 13 x 13 x (5 x 5 + 20) = 7605. With classes for each box, as from YOLOv2 on, 13 x 13 x 5 x (5 + 20) = 21125.
# </details>
#
# <details><summary>4. Why can the YOLO of 2016 not find both of two chairs whose centres lie in one cell, though the cell has two boxes?</summary>
#
# For each cell, training has one object. The two boxes compete for it: the one that fits better is made responsible.
# And were the second object of another class, there would be no place to say so, since a cell has one list of classes.
# </details>
#
# <details><summary>5. Raising the threshold on the score: what happens to precision and recall, and what to AP?</summary>
#
# Recall can only fall, precision mostly rises. AP is taken over all thresholds, so it only loses the end of the curve.
# For this reason one evaluates with a very low threshold, and shows with a high one.
# </details>
#
# ## Exercises
#
# 1. Write DIoU-NMS: `nms.greedy(..., measure=boxes.diou)`. For which boxes of the wall does it keep more?
# 2. Hang a picture of your own cat on the wall, smaller and smaller. When does our R-CNN miss it, and is the proposal
#    or the classifier at fault?
# 3. Take the scores from the pooled maps instead of the crops: mean over the region of `block5_conv2_relu`, times the
#    weights of the layer `logits` (lecture 5). Compare with `cat`. Why are they so bad for small regions? Think of the
#    receptive field.
# 4. Play the network with more noise, or with another seed. Which falls first, precision or recall? Draw AP over the
#    noise.
# 5. Give each cell of the tensor five boxes with classes of their own (YOLOv2), and let each object take a free one.
#    How many of the café, and of the streets, are lost now?
#
# ## References
#
# - Larson, *CS8321 Machine Learning and Neural Networks*, Southern Methodist University: the slides.
# - Felzenszwalb and Huttenlocher, *Efficient graph-based image segmentation*, IJCV 2004.
# - Uijlings, van de Sande, Gevers and Smeulders, *Selective search for object recognition*, IJCV 2013.
# - Girshick, Donahue, Darrell and Malik, *Rich feature hierarchies for accurate object detection and semantic
#   segmentation* (R-CNN), CVPR 2014.
# - He, Zhang, Ren and Sun, *Spatial pyramid pooling in deep convolutional networks for visual recognition*, ECCV 2014.
# - Girshick, *Fast R-CNN*, ICCV 2015.
# - Ren, He, Girshick and Sun, *Faster R-CNN: towards real-time object detection with region proposal networks*, NeurIPS
#   2015.
# - Redmon, Divvala, Girshick and Farhadi, *You only look once: unified, real-time object detection*, CVPR 2016.
# - Liu et al., *SSD: single shot multibox detector*, ECCV 2016.
# - Redmon and Farhadi, *YOLO9000: better, faster, stronger*, CVPR 2017.
# - Redmon and Farhadi, *YOLOv3: an incremental improvement*, arXiv 1804.02767, 2018.
# - Bodla, Singh, Chellappa and Davis, *Soft-NMS: improving object detection with one line of code*, ICCV 2017.
# - Rezatofighi et al., *Generalized intersection over union*, CVPR 2019.
# - Zheng et al., *Distance-IoU loss: faster and better learning for bounding box regression*, AAAI 2020.
# - Everingham et al., *The PASCAL visual object classes (VOC) challenge*, IJCV 2010.
