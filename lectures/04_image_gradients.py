# %% [markdown]
# # Lecture 4. Image gradients: which pixels matter?
#
# **After this lecture you can**
#
# - say what the gradient of a class score by the pixels means, and compute it in ten lines;
# - explain why it looks noisy, and what SmoothGrad does about it, at what price;
# - write down integrated gradients, check their completeness, and choose a baseline with open eyes;
# - tell the gradient's rule for a ReLU from the deconvnet's and from guided backpropagation's, and say why the
#   prettiest picture is not the best explanation;
# - compare all of them with methods that need no gradient: occlusion and RISE.
#
# **Time** 60 minutes. **You need** lecture 1, and what a derivative is.
#
# This lecture follows *Visualizing ConvNets* of SMU's course CS8321. It runs in about a minute on a laptop, and needs no
# data and no weights from elsewhere. (On Colab, the first cell installs the packages.)

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
from cnnviz import saliency
from cnnviz.plots.attributions import attribution_grid, attribution_map
from data import photo

# Here TensorFlow says, once, whether it has found a GPU. None is needed.
devices = tf.config.list_logical_devices()

# %% [markdown]
# ## 1. The question, and the simplest answer
#
# *Attribution* asks: what in **this** photograph made the network answer so? We ask it of two photographs, one that
# the network gets right and one that it cannot get right.

# %% mystnb={"image": {"alt": "Two photographs: the face of a tabby cat, titled cat, and a white rocket on its launch pad at dusk between two lattice masts, titled church"}}
net = cnnviz.load()
images = net.preprocess([photo("cat"), photo("rocket")], size=128)
photographs = images.astype(np.uint8)
answers = [best[0][0] for best in net.decode(net.model(images))]

pictures = plt.figure(figsize=(5, 2.8), layout="constrained").subplots(1, 2)
for ax, photograph, answer in zip(pictures, photographs, answers, strict=True):
    ax.imshow(photograph)
    ax.set_title(answer)
    ax.set_axis_off()
plt.show()

# %% [markdown]
# **What to see.** The titles are the network's answers. It knows twelve classes, and *rocket* is none of them. It says
# *church*, and it is sure. Is it the tower? The lights? The sky? Let us ask.
#
# Near one photograph $I_0$, the score $y_c$ of class $c$ (before the softmax) is almost linear in the pixels:
#
# $$y_c(I) \approx y_c(I_0) + w \cdot (I - I_0), \qquad w = \left. \frac{\partial y_c}{\partial I} \right|_{I_0}$$
#
# So $w$ has one number for every pixel and channel: *by how much would the score change if this number rose by one?*
# (Simonyan et al. 2014.) It is the gradient that training uses, but by the **image** instead of the weights.

# %%
chosen = [net.class_index(answer) for answer in answers]
batch = tf.constant(images)
with tf.GradientTape() as tape:
    tape.watch(batch)
    logits = net.model(batch, training=False)
    scores = tf.gather(logits, chosen, axis=1, batch_dims=1)
by_hand = tape.gradient(scores, batch).numpy()
print(by_hand.shape)

# %% [markdown]
# One backward pass serves the whole batch, because no image's score depends on another image. `cnnviz.saliency` has the
# same as a function. It takes any Keras model, and explains the predicted class unless you name one. (Two ways to
# calculate may round differently, and a ReLU whose input is nearly zero may then fall to either side. So we compare the
# mean difference, not the largest.)


# %%
def assert_alike(found, expected):
    """The mean difference is less than one per cent of the mean size."""
    difference = np.abs(found - expected).mean() / np.abs(expected).mean()
    np.testing.assert_allclose(difference, 0, atol=0.01)


gradient = saliency.gradient(net, images)
assert_alike(gradient, by_hand)

# %% [markdown]
# ## 2. From numbers to a picture
#
# A gradient is not a picture yet: it has three channels, both signs, and a few values far larger than the rest. Two
# renderings are common, and they answer different questions.
#
# - **Absolute**: the largest $|w|$ among a pixel's channels. *How much does this pixel matter?*
# - **Signed**: the sum of $w$ over the channels. *Would more light here speak for the class (red), or against it (blue)?*
#
# Both divide by the 99th percentile and cut off what lies above. Zero stays black, or white.

# %% mystnb={"image": {"alt": "For the cat and the rocket: the photograph, the absolute gradient on black and the signed gradient on white. Both are grainy; the cat's covers the whole face, the rocket's follows the rocket and the two masts"}}
methods = {"absolute": gradient, "signed": gradient}
attribution_grid(methods, photographs, kind={"signed": "signed"}, labels=answers)
plt.show()

# %% [markdown]
# **What to see.** The gradient knows where to look: at the rocket and the two masts, not at the sky, which has nothing to
# do with churches. But it is *grainy*. For the cat one could not tell nose from cheek. And red and blue alternate from
# pixel to pixel: "brighter here, darker next to it" is what an edge detector asks for.

# %% [markdown]
# ## 3. Why is it noisy?
#
# Add a little noise $n$ to the cat, too little to be seen, and turn it up slowly: $I_0 + t\,n$. What happens to the score,
# and to the gradient of one pixel?

# %%
from cnnviz.derivatives import derivatives

noise = np.random.default_rng(0).normal(size=images[0].shape)
strengths = np.linspace(0, 3, 64, dtype=np.float32)
line = images[0] + strengths[:, None, None, None] * noise.astype(np.float32)
along = derivatives(net, line, "cat")  # scores and gradients in one pass

# %% mystnb={"image": {"alt": "Two charts over the strength of the noise. Left, the score of cat: a smooth, slowly rising curve. Right, the gradient of two pixels: jagged lines with sudden jumps"}}
smooth, jagged = plt.figure(figsize=(9, 3), layout="constrained").subplots(1, 2)
smooth.plot(strengths, along.scores, color="#333333")
smooth.set(title="the score of cat", ylim=(0, 1.2 * along.scores.max()))
for row, column, style in ((40, 40, "-"), (70, 64, "--")):
    slope = along.images[:, row, column, 0]
    jagged.plot(strengths, slope, style, label=f"pixel ({row}, {column})")
jagged.set_title("its gradient, of two pixels")
jagged.legend(frameon=False)
for ax in (smooth, jagged):
    ax.set_xlabel("noise, in steps of brightness (of 255)")
plt.show()

# %% [markdown]
# **What to see.** The score hardly notices. The gradient of a single pixel *jumps*, although the noise has
# a standard deviation of 3 of 255 at most. A ReLU network is made of flat pieces: within a piece the gradient is constant, and at each kink,
# where some ReLU switches on or off, it changes at once. With many thousands of ReLUs, kinks are everywhere. Balduzzi et al.
# (2017) call this *shattered gradients*. The gradient at **one** point is right, and yet says little about the
# neighbourhood.
#
# ## 4. SmoothGrad
#
# So take the mean over the neighbourhood (Smilkov et al. 2017):
#
# $$\hat{w} = \frac{1}{n} \sum_{k=1}^{n} \left. \frac{\partial y_c}{\partial I} \right|_{I_0 + \epsilon_k},
# \qquad \epsilon_k \sim \mathcal{N}(0, \sigma^2), \qquad \sigma = \text{noise} \cdot (\max I_0 - \min I_0)$$
#
# The **signed** gradients are averaged: what points now one way, now the other cancels. (Some packages average absolute
# values, and so keep the noise.) By hand, for the cat:

# %%
generator = np.random.default_rng(0)
copies = []
for _ in range(8):
    grain = generator.normal(size=images[0].shape)
    copies.append(images[0] + 0.15 * np.ptp(images[0]) * grain)
copies = tf.constant(np.stack(copies), tf.float32)
with tf.GradientTape() as tape:
    tape.watch(copies)
    cat = net.model(copies, training=False)[:, net.class_index("cat")]
slopes = tape.gradient(cat, copies).numpy()
cancelled = abs(slopes.mean(axis=0)).mean() / abs(slopes).mean()
assert cancelled < 0.8

# %% [markdown]
# The mean of the gradients is a good deal smaller than the gradients themselves: the rest has cancelled. How much noise should
# one take? The function does the same with its own noise, and without any noise it is the gradient.

# %%
without = saliency.smooth_grad(net, images, samples=2, noise=0)
assert_alike(without, gradient)

smoothed = {
    f"noise {share:.0%}": saliency.smooth_grad(
        net, images, samples=16, noise=share, verbose=False
    )
    for share in (0.05, 0.15, 0.4)
}

# %% mystnb={"image": {"alt": "For the cat and the rocket: the gradient, and SmoothGrad with 5, 15 and 40 percent noise. The gradient is grainy; at 15 percent the cat's eyes and nose stand out and the rocket with its base; at 40 percent both are nearly lost in grain"}}
attribution_grid({"gradient": gradient, **smoothed}, photographs, labels=answers)
plt.show()

# %% [markdown]
# **What to see.** With 15 % noise the cat's eyes and nose come out of the grain. With 40 % little is left: these are
# gradients at pictures that no longer show a cat. The paper recommends 10 to 20 %. That is a trade, and no theory makes
# it for you: more noise averages over a larger neighbourhood, of which less and less belongs to *this* photograph. Look
# at the rocket. With noise, the two masts fade. Do they matter? The gradient says yes, for *exactly this* picture.
#
# (The same noisy gradients have a variance, too: `saliency.var_grad`. It is large where the network is least linear.)

# %% [markdown]
# ## 5. Gradient times input
#
# The gradient says what *would* change the score. What did each pixel *contribute*? Were the network linear,
# $y_c = w \cdot I + b$, the answer would be plain: $w_i I_i$, the **gradient times input** (Shrikumar et al. 2016).

# %%
times_input = saliency.gradient_times_input(net, images)
assert_alike(times_input, by_hand * images)

# %% [markdown]
# But our network is not linear, and the contributions do not add up to the score. They do add up to something if one does
# not take one step, but many.
#
# ## 6. Integrated gradients
#
# Walk on a straight line from a **baseline** $I'$ (a picture that shows nothing: black, say) to the photograph, and add up
# what each pixel does on the way (Sundararajan et al. 2017):
#
# $$A_i = (I_i - I'_i) \int_0^1 \frac{\partial y_c}{\partial I_i}\Big(I' + \alpha (I - I')\Big)\, d\alpha$$
#
# By the fundamental theorem of calculus nothing gets lost. This is **completeness**:
#
# $$\sum_i A_i = y_c(I) - y_c(I')$$
#
# The integral becomes a sum over the middles of $n$ steps. By hand, for the cat and a black baseline:

# %%
steps = 16
alphas = (np.arange(steps) + 0.5) / steps
path = tf.constant(alphas[:, None, None, None] * images[0], tf.float32)
with tf.GradientTape() as tape:
    tape.watch(path)
    cat = net.model(path, training=False)[:, net.class_index("cat")]
integrated = images[0] * tape.gradient(cat, path).numpy().mean(axis=0)

found = saliency.integrated_gradients(
    net, images[0], "cat", steps=steps, verbose=False
)
assert_alike(found.attributions, integrated)

# %% [markdown]
# The function also returns how much is missing from completeness. It has to fall as the steps become smaller; if it does
# not, something is wrong. (In some packages it never does: they average the channels, or forget the factor $I - I'$.)

# %%
counts = [2, 4, 8, 16, 32]
errors = {}
for baseline in ("black", "mean"):
    results = [
        saliency.integrated_gradients(
            net, images, answers, steps=n, baseline=baseline, verbose=False
        )
        for n in counts
    ]
    for place, answer in enumerate(answers):
        gaps = [result.relative_error[place] for result in results]
        errors[f"{answer}, {baseline} baseline"] = gaps

# %% mystnb={"image": {"alt": "Completeness error as a share of the difference of scores against the number of steps, both axes logarithmic: four uneven lines that fall about as steeply as the dashed line of one over the steps, or more steeply"}}
ax = plt.figure(figsize=(6, 3.6), layout="constrained").subplots()
for (label, gaps), marker in zip(errors.items(), "os^v", strict=True):
    ax.loglog(counts, gaps, marker + "-", label=label)
ax.loglog(counts, 1 / np.array(counts), "--", color="gray", label="1 / steps")
ax.set(xlabel="steps", ylabel="error / (score - score of baseline)")
ax.set_xticks(counts, counts)
ax.minorticks_off()
ax.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()

# %% [markdown]
# **What to see.** The lines are uneven, because errors of either sign cancel by luck. But on the whole they fall with the
# steps, about as fast as the dashed $1/n$ or faster. With 32 steps the sum of the attributions misses the difference of
# the scores by a few per cent at most. Read that number before you trust the picture.

# %%
assert all(gaps[-1] < 0.1 for gaps in errors.values())

# %% [markdown]
# ### A black cat on a black baseline
#
# $A_i$ has the factor $I_i - I'_i$. A pixel that equals the baseline gets **nothing**, however much the network makes of
# it. So the baseline decides what can be seen at all.

# %%
baselines = {
    name: saliency.integrated_gradients(
        net, images, answers, baseline=name, steps=16, verbose=False
    ).attributions
    for name in ("black", "mean", "blurred")
}

# %% mystnb={"image": {"alt": "Integrated gradients of the cat and the rocket for three baselines. With black, the cat's pupils are dark holes; with the mean colour and the blurred photograph, the pupils and the nose are the brightest places; the rocket stands out in all three"}}
attribution_grid(baselines, photographs, labels=answers)
plt.show()

# %% [markdown]
# **What to see.** On the black baseline the cat's pupils are *holes*. Of course: they are black, so they do not differ from
# the baseline. Take the cat's mean colour, or the blurred photograph, and the pupils are among the brightest places of the
# map. Did the network look at the pupils? The three maps do not agree, and each is complete. **A baseline is part of the
# question.** ("Compared to what?") Sturmfels et al. (2020) show many more.

# %% [markdown]
# ## 7. Three rules for one ReLU
#
# Older than these are two methods that change the way back through a ReLU. On the way forth it computes
# $f = \max(0, x)$. On the way back, a signal $R$ arrives from above. What is handed down?
#
# | | hands down | what it asks |
# |:--|:--|:--|
# | gradient | $R \cdot [x > 0]$ | was the input positive? |
# | deconvnet (Zeiler and Fergus 2014) | $R \cdot [R > 0]$ | is the signal positive? |
# | guided backpropagation (Springenberg et al. 2015) | $R \cdot [x > 0] \cdot [R > 0]$ | both |
#
# The example of Springenberg's figure 1, with nine ReLUs:

# %%
x = np.array([[1, -1, 5], [2, -5, -7], [-3, 2, 4]])
signal = np.array([[-2, 3, -1], [6, -3, 1], [2, -1, 3]])
handed_down = {
    "gradient": signal * (x > 0),
    "deconvnet": signal * (signal > 0),
    "guided": signal * (x > 0) * (signal > 0),
}

# %% mystnb={"image": {"alt": "Five tables of three by three numbers: the input of the ReLU, the signal from above, and what the gradient, the deconvnet and guided backpropagation hand down; numbers that are blocked are zero and white"}}
tables = {"input x": x, "signal R": signal, **handed_down}
row = plt.figure(figsize=(10, 2.3), layout="constrained").subplots(1, 5)
for ax, (name, table) in zip(row, tables.items(), strict=True):
    ax.imshow(table, cmap="RdBu_r", vmin=-10, vmax=10)
    for (i, j), number in np.ndenumerate(table):
        ax.text(j, i, number, ha="center", va="center")
    ax.set(title=name, xticks=[], yticks=[])
plt.show()

# %% [markdown]
# **What to see.** The gradient keeps $-2$, since the input there was positive: it hands negative evidence down. The
# deconvnet keeps $3$, where the input was negative: it does not know what the ReLU did. Guided backpropagation keeps only
# the $6$ and the $3$ that pass both.
#
# Does the package agree? A model that is one ReLU and a weighted sum, its weights the signal:

# %%
import keras

picture = keras.Input((3, 3, 1))
rectified = keras.layers.Flatten()(keras.layers.ReLU()(picture))
sum_up = keras.layers.Dense(1, use_bias=False)
tiny = keras.Model(picture, sum_up(rectified))
sum_up.set_weights([signal.reshape(9, 1).astype(np.float32)])

one = x[..., None].astype(np.float32)
rules = (saliency.gradient, saliency.deconvnet, saliency.guided_backpropagation)
for rule, expected in zip(rules, handed_down.values(), strict=True):
    np.testing.assert_allclose(rule(tiny, one, 1)[..., 0], expected)
print("all three agree")

# %% [markdown]
# Now with every ReLU of the real network. (`cnnviz` tells TensorFlow another gradient for the operation while it compiles,
# so your model is neither cloned nor changed.)

# %% mystnb={"image": {"alt": "The gradient, the deconvnet and guided backpropagation of the cat and the rocket: the first is grainy, the second shows outlines in grain, the third is crisp and shows the cat's eyes and nose and the rocket's outline like a drawing"}}
by_rule = {
    "gradient": gradient,
    "deconvnet": saliency.deconvnet(net, images),
    "guided": saliency.guided_backpropagation(net, images),
}
attribution_grid(by_rule, photographs, labels=answers)
plt.show()

# %% [markdown]
# **What to see.** Guided backpropagation draws with a sharp pencil: eyes, nose, the rocket's edges. It was loved for that.
# But is it an *explanation*? If it is, another question must get another answer.
#
# ### Two things in one picture, two questions
#
# We glue the two photographs together, and ask first for *cat*, then for *church*.

# %% mystnb={"image": {"alt": "The cat and the rocket side by side in one picture, explained for cat in the first row and for church in the second. The plain gradients differ between the rows; those of guided backpropagation look the same, with the cat's eyes and nose and the rocket's edges in both"}}
pair = np.concatenate([images[0], images[1]], axis=1)
both = np.stack([pair, pair])
asked = ["cat", "church"]
on_pair = {
    "gradient": saliency.gradient(net, both, asked),
    "guided": saliency.guided_backpropagation(net, both, asked),
}
attribution_grid(on_pair, both.astype(np.uint8), labels=asked)
plt.show()

# %%
for name, (for_cat, for_church) in on_pair.items():
    alike = np.corrcoef(for_cat.ravel(), for_church.ravel())[0, 1]
    print(f"{name:9} the two answers are", "alike" if alike > 0.6 else "different")

# %% [markdown]
# **What to see.** The picture shows sizes, and where a network is sensitive at all it is so for both classes; the printed
# verdict compares the numbers with their signs, and there the two gradients have little in common. Guided backpropagation gives nearly the same drawing for *cat* and
# for *church*: the cat's nose, to explain a church! Adebayo et al. (2018) went further. They replaced the trained
# weights of the upper layers by random ones, and guided backpropagation barely changed. It is nearly an **edge
# detector**: it shows what the lower layers can see, not what the class depends on. Nie et al. (2018) prove that it
# comes close to recovering the image itself. Pretty is not faithful. (`cnnviz.sanity` has Adebayo's test as a function.)

# %% [markdown]
# ## 8. Without any gradient
#
# The most direct question of all: *hide a part, and see whether the score falls.* Let $P$ be a patch, and $I_{\setminus P}$
# the photograph with the patch painted over. **Occlusion** (Zeiler and Fergus 2014) gives each pixel of the patch
#
# $$S = y_c(I) - y_c(I_{\setminus P})$$
#
# and the mean of these where patches overlap. By hand, without overlap:

# %%
cat_logit = net.class_index("cat")
grey = images[0].mean(axis=(0, 1))  # the cat's mean colour
hidden = []
places = [(top, left) for top in range(0, 128, 32) for left in range(0, 128, 32)]
for top, left in places:
    copy = images[0].copy()
    copy[top : top + 32, left : left + 32] = grey
    hidden.append(copy)
rest = net.model(np.stack(hidden), training=False)[:, cat_logit].numpy()
falls = net.model(images, training=False)[0, cat_logit].numpy() - rest

coarse = saliency.occlusion(net, images[0], "cat", patch=32, stride=32)
np.testing.assert_allclose(coarse[::32, ::32].ravel(), falls, atol=1e-3)

# %% [markdown]
# **RISE** (Petsiuk et al. 2018) hides random halves instead, with smooth masks $M_k$ that are 0 or 1 on a coarse grid and
# something between elsewhere, and asks how the score does when pixel $i$ is visible, compared with the average:
#
# $$S_i = \frac{\sum_k y_c(I \odot M_k)\, M_k(i)}{\sum_k M_k(i)} - \frac{1}{n}\sum_k y_c(I \odot M_k)$$
#
# Both only *ask* the network, so they work for anything that answers. They pay with passes: one for each patch or mask.

# %%
hiding = {
    "occlusion": saliency.occlusion(
        net, images, answers, patch=24, stride=12, verbose=False
    ),
    "RISE": saliency.rise(net, images, answers, masks=150, verbose=False),
}

# %% mystnb={"image": {"alt": "Occlusion and RISE for the cat and the rocket, in red and blue over the photographs in grey: coarse patches and soft blobs; for church, red lies on the rocket and on the mast at the left"}}
attribution_grid(hiding, photographs, kind="signed", beneath=True, labels=answers)
plt.show()

# %% [markdown]
# **What to see.** These maps are coarse, but each number has a plain meaning. Red: hiding this place lowers the score of the
# class. Blue: hiding it *raises* the score. For *church* they agree on the upper part of the rocket, for *cat* they agree less.
# Occlusion with grey and RISE with black do not ask quite the same question, and 150 masks leave noise in RISE.
# (The paper takes 4000 or more.) Here, too, "compared to what?" is part of the question.

# %% [markdown]
# ## 9. Side by side

# %% mystnb={"image": {"alt": "Seven maps each for the cat and the rocket: gradient, SmoothGrad, gradient times input, integrated gradients, guided backpropagation, occlusion and RISE, all bright on black; for the rocket all are bright on the rocket, for the cat they differ widely"}}
everything = {
    "gradient": gradient,
    "SmoothGrad": smoothed["noise 15%"],
    "gradient x input": times_input,
    "integrated": baselines["mean"],
    "guided": by_rule["guided"],
    **hiding,
}
attribution_grid(everything, photographs, labels=answers)
plt.show()

# %% [markdown]
# **What to see.** For the rocket most point at the rocket and the masts, SmoothGrad at the base and the lights, hardly any at
# the sky. That suggests an answer to section 1: *church* comes from upright things. Lecture 5 puts it to the test. For the cat
# they disagree, from *everywhere* to *the eyes* and *the cheek*. They answer different questions:
#
# | method | asks | passes | mind |
# |:--|:--|:--|:--|
# | gradient | what if this pixel changed a little? | 1 | noisy |
# | SmoothGrad | the same, on average around here | 10 to 50 | choose the noise |
# | gradient x input | what did it contribute, were all linear? | 1 | what is 0 gets nothing |
# | integrated gradients | what did it contribute, compared to a baseline? | 20 to 300 | choose the baseline, read the error |
# | guided, deconvnet | (none that one can write down) | 1 | edges, whatever the class |
# | occlusion, RISE | what if this place were hidden? | 100 to 8000 | coarse; hidden by what? |
#
# In JupyterLab or on Colab you can choose below.


# %% mystnb={"image": {"alt": "SmoothGrad of the cat over the photograph in grey: bright on the eyes and along the nose"}}
def show(method, image, kind):
    """One map over its photograph."""
    attribution_map(
        everything[method][image],
        kind=kind,
        photograph=photographs[image],
        title=f"{method}: {answers[image]}",
    )
    plt.show()


show("SmoothGrad", 0, "absolute")

# %% tags=["widget", "nbval-ignore-output"]
import os

import ipywidgets

if "LECTURE_STILL" not in os.environ:  # while it is built or tested, nobody slides
    ipywidgets.interact(
        show, method=list(everything), image=[0, 1], kind=["absolute", "signed"]
    )

# %% [markdown]
# **What to see.** The map lies on the eyes and the ridge of the nose. Lecture 5 asks the same question of the last
# convolutional layer instead of the pixels (CAM and Grad-CAM): coarser, and far less noisy.

# %% [markdown]
# ## Self-test
#
# Answer first, then unfold.
#
# <details><summary>1. Why the score before the softmax, and not the probability?</summary>
#
# The probability of <em>cat</em> also rises when the score of <em>dog</em> falls, so its gradient mixes the two. And where the network is sure, the softmax is flat: its gradient is nearly zero, and so is the map.
# </details>
#
# <details><summary>2. A pixel has gradient zero. Is it unimportant?</summary>
#
# Not necessarily. A small change of it alone does not change the score. But the score may be saturated: for y = min(1, x) at x = 3 the gradient is zero, and without x the score would be zero, too. Integrated gradients see it (they give 1), for they come along the slope on the way.
# </details>
#
# <details><summary>3. What do integrated gradients give for a linear model y = w &middot; I + b, and how many steps do they need?</summary>
#
# w<sub>i</sub> (I<sub>i</sub> - I'<sub>i</sub>), exactly, with a single step: the gradient is the same all the way. With a black baseline of zeros that is gradient times input.
# </details>
#
# <details><summary>4. SmoothGrad averages the gradients of the copies. Somebody averages their absolute values instead. What happens for y = |x| at x = 0?</summary>
#
# The gradients are +1 and -1, each half of the time. Their mean is about 0, the mean of the absolute values is 1: it says that x matters, and hides that the network has no opinion on the direction.
# </details>
#
# <details><summary>5. Integrated gradients are complete for every baseline. Does completeness make the map right?</summary>
#
# No. It says that nothing is lost or invented in total, not that it is handed to the right pixels: the three maps of section 6 differ, and all are complete.
# </details>
#
# <details><summary>6. Guided backpropagation finds the cat's nose for "church". Which of its two masks does not depend on the class at all?</summary>
#
# [x &gt; 0]: it comes from the way forth alone. The other one, [R &gt; 0], does depend on the class in the top layers, but further down little of that is left (Nie et al. 2018).
# </details>

# %% [markdown]
# ## Exercises
#
# 1. Ask the cat's photograph why it is **not** a dog: `saliency.gradient(net, images[0], "dog")`. Then explain the difference
#    of the two scores, with a function as target: `lambda logits: logits[:, i] - logits[:, j]`.
# 2. Draw `saliency.var_grad(net, images)` beside SmoothGrad. Where is the network least linear?
# 3. Give integrated gradients a white baseline (`baseline=255.0`), and one of noise. Which parts of the rocket vanish?
# 4. `quadrature="trapezoid"` and `"gauss-legendre"` take the points elsewhere. Which needs the fewest steps for an error of
#    1 %? Why can no rule do much better than $1/n$ at kinks?
# 5. Occlude with `fill="black"`, `"mean"` and `"blurred"`. For which does hiding a part *raise* the score of *church*, and why?
# 6. The relative error of section 6 falls for any target. Explain the **probability** of cat instead (a function with
#    `tf.nn.softmax`), and watch where on the path the gradient is not zero.
#
# ## References
#
# - Larson, *CS8321 Machine Learning and Neural Networks*, Southern Methodist University: the slides.
# - Simonyan, Vedaldi and Zisserman, *Deep inside convolutional networks*, ICLR workshop 2014.
# - Zeiler and Fergus, *Visualizing and understanding convolutional networks*, ECCV 2014.
# - Springenberg, Dosovitskiy, Brox and Riedmiller, *Striving for simplicity: the all convolutional net*, ICLR workshop 2015.
# - Shrikumar, Greenside, Shcherbina and Kundaje, *Not just a black box*, 2016.
# - Smilkov, Thorat, Kim, Viégas and Wattenberg, *SmoothGrad: removing noise by adding noise*, 2017.
# - Sundararajan, Taly and Yan, *Axiomatic attribution for deep networks*, ICML 2017.
# - Balduzzi et al., *The shattered gradients problem*, ICML 2017.
# - Adebayo et al., *Sanity checks for saliency maps*, NeurIPS 2018.
# - Nie, Zhang and Patel, *A theoretical explanation for perplexing behaviors of backpropagation-based visualizations*,
#   ICML 2018.
# - Petsiuk, Das and Saenko, *RISE: randomized input sampling for explanation of black-box models*, BMVC 2018.
# - Sturmfels, Lundberg and Lee, *Visualizing the impact of feature attribution baselines*, Distill 2020.
