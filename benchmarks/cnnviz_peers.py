"""Explanations against those who also give them: CPU and wall seconds, alternately in one run, on random weights.

    python -m pip install --no-deps -r benchmarks/requirements-peers.txt
    python benchmarks/cnnviz_peers.py [--rounds 5] [--only grad-cam]

MobileNetV2 and VGG16 at 224 pixels, one image and sixteen. A ratio above 1 says how many times cnnviz's CPU seconds
a peer takes. Every contender is called once before it is measured (that first call, with its tracing, has rows of its
own), and is given what it does best: logits at the end of the model, the layer by name, a model cut off at the layer.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import statistics
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from cnnviz import ascent, cam, saliency

Run = Callable[[], object]
LAST = {"MobileNetV2": "out_relu", "VGG16": "block5_conv3"}
FILTERS = {"MobileNetV2": "block_6_expand", "VGG16": "block3_conv1"}
CLASS, SAMPLES, STEPS = 7, 20, 10
NAMES = ("saliency", "smoothgrad", "grad-cam", "ascent")


def scores(batch: int) -> object:
    """The class to be explained, in the words of tf-keras-vis."""
    from tf_keras_vis.utils.scores import CategoricalScore

    return CategoricalScore([CLASS] * batch)


def saliency_contenders(model: keras.Model, images: np.ndarray) -> dict[str, Run]:
    """The plain gradient of a class by the pixels."""
    from saliency.core import GradientSaliency
    from tf_explain.core.vanilla_gradients import VanillaGradients
    from tf_keras_vis.saliency import Saliency
    from xplique.attributions import Saliency as XpliqueSaliency

    targets = tf.one_hot([CLASS] * len(images), 1000)
    peer, other = Saliency(model, clone=False), XpliqueSaliency(model)
    return {
        "cnnviz": lambda: saliency.gradient(model, images, CLASS),
        "tf-keras-vis": lambda: peer(scores(len(images)), images, keepdims=True, normalize_map=False),
        "xplique": lambda: other(images, targets),
        "tf-explain": lambda: VanillaGradients.compute_gradients(images, model, CLASS),
        "PAIR": lambda: [GradientSaliency().GetMask(image, pair_gradients(model)) for image in images],
    }


def smoothgrad_contenders(model: keras.Model, images: np.ndarray) -> dict[str, Run]:
    """The mean gradient of twenty noisy copies."""
    from saliency.core import GradientSaliency
    from tf_explain.core.smoothgrad import SmoothGrad
    from tf_keras_vis.saliency import Saliency
    from xplique.attributions import SmoothGrad as XpliqueSmoothGrad

    targets = tf.one_hot([CLASS] * len(images), 1000)
    peer, other = Saliency(model, clone=False), XpliqueSmoothGrad(model, nb_samples=SAMPLES)

    def tf_explain() -> object:
        noisy = SmoothGrad.generate_noisy_images(images, SAMPLES, 1.0)
        return SmoothGrad.get_averaged_gradients(noisy, model, CLASS, SAMPLES)

    contenders = {
        "cnnviz": lambda: saliency.smooth_grad(model, images, CLASS, samples=SAMPLES, verbose=False),
        "tf-keras-vis": lambda: peer(scores(len(images)), images, smooth_samples=SAMPLES, normalize_map=False),
        "xplique": lambda: other(images, targets),
        "PAIR": lambda: [
            GradientSaliency().GetSmoothedMask(image, pair_gradients(model), nsamples=SAMPLES) for image in images
        ],
    }
    return contenders | ({"tf-explain": tf_explain} if len(images) == 1 else {})


def pair_gradients(model: keras.Model) -> Callable:
    """What PAIR's saliency asks its users to write: one image's gradient, not compiled."""

    def call(batch: np.ndarray, call_model_args: dict | None = None, expected_keys: object = None) -> dict:
        batch = tf.convert_to_tensor(batch, tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(batch)
            score = model(batch)[:, CLASS]
        return {"INPUT_OUTPUT_GRADIENTS": tape.gradient(score, batch).numpy()}

    return call


def grad_cam_contenders(model: keras.Model, images: np.ndarray) -> dict[str, Run]:
    """Grad-CAM of the last maps."""
    from tf_explain.core.grad_cam import GradCAM
    from tf_keras_vis.gradcam import Gradcam
    from xplique.attributions import GradCAM as XpliqueGradCAM

    layer = LAST["MobileNetV2" if "mobilenet" in model.name else "VGG16"]
    targets = tf.one_hot([CLASS] * len(images), 1000)
    peer, other = Gradcam(model, clone=False), XpliqueGradCAM(model, conv_layer=layer)

    def tf_explain() -> object:
        maps, gradients = GradCAM.get_gradients_and_filters(model, images, layer, CLASS, use_guided_grads=False)
        return GradCAM.generate_ponderated_output(maps, gradients)

    def keras_io() -> list:
        # As in keras.io's "Grad-CAM class activation visualization": a model of two outputs, a tape, nothing compiled.
        found = []
        for image in images:
            both = keras.Model(model.inputs, [model.get_layer(layer).output, model.output])
            with tf.GradientTape() as tape:
                maps, outputs = both(image[None])
                score = outputs[:, CLASS]
            weights = tf.reduce_mean(tape.gradient(score, maps), axis=(0, 1, 2))
            found.append(tf.nn.relu(tf.squeeze(maps[0] @ weights[:, None])).numpy())
        return found

    batch, plain = tf.constant(images), tf.function(lambda images: model(images, training=False))
    return {
        "cnnviz": lambda: cam.grad_cam(model, images, CLASS, layer),
        "one forward pass": lambda: plain(batch).numpy(),
        "tf-keras-vis": lambda: peer(scores(len(images)), images, penultimate_layer=layer, expand_cam=False),
        "xplique": lambda: other(images, targets),
        "tf-explain": tf_explain,
        "keras.io": keras_io,
    }


def ascent_contenders(model: keras.Model, images: np.ndarray) -> dict[str, Run]:
    """Sixteen filters at once, ten steps of ascent, jitter and rotation in both."""
    from tf_keras_vis.activation_maximization import ActivationMaximization

    layer = FILTERS["MobileNetV2" if "mobilenet" in model.name else "VGG16"]
    cut = keras.Model(model.inputs, model.get_layer(layer).output)
    peer = ActivationMaximization(cut, clone=False)
    start = np.random.default_rng(0).uniform(0, 255, (16, 224, 224, 3)).astype(np.float32)

    def score(maps: tf.Tensor) -> list:
        return [maps[index, ..., index] for index in range(16)]

    return {
        "cnnviz": lambda: ascent.filters(model, layer, range(16), size=224, steps=STEPS, verbose=False),
        "tf-keras-vis": lambda: peer(score, seed_input=start, steps=STEPS),
    }


def measure(contenders: dict[str, Run], rounds: int) -> tuple[dict[str, list[float]], dict[str, float]]:
    """CPU and wall seconds (medians) of each contender, and the CPU seconds of its first call."""
    first, cpu, wall = {}, {name: [] for name in contenders}, {name: [] for name in contenders}
    for name, run in list(contenders.items()):
        start = time.process_time()
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                run()
        except Exception as error:  # noqa: BLE001  a peer that fails is a result, too
            print(f"    {name} fails: {type(error).__name__} {str(error)[:80]}")
            del contenders[name], cpu[name], wall[name]
            continue
        first[name] = time.process_time() - start
    for _ in range(rounds):
        for name, run in contenders.items():
            with contextlib.redirect_stdout(io.StringIO()):
                start, start_cpu = time.perf_counter(), time.process_time()
                run()
                cpu[name].append(time.process_time() - start_cpu)
                wall[name].append(time.perf_counter() - start)
    return {name: [statistics.median(cpu[name]), statistics.median(wall[name])] for name in contenders}, first


def warm_up() -> None:
    """Let TensorFlow make ready what it makes ready once, so that no first call has to pay for it."""
    model = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Conv2D(4, 3), keras.layers.GlobalMaxPooling2D()])
    images = np.ones((1, 32, 32, 3), np.float32)
    saliency.gradient(model, images, 0)
    tf.function(lambda images: model(images))(images)


def main() -> None:
    """Print a table for each method, model and batch."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=NAMES, action="append")
    parser.add_argument("--model", choices=LAST, action="append")
    arguments = parser.parse_args()
    warm_up()
    methods = dict(
        zip(NAMES, (saliency_contenders, smoothgrad_contenders, grad_cam_contenders, ascent_contenders), strict=True)
    )
    for method in arguments.only or NAMES:
        for name in arguments.model or LAST:
            for batch in (1, 16):
                if (method, batch) == ("ascent", 1) or (method == "smoothgrad" and (name, batch) != ("MobileNetV2", 1)):
                    continue  # twenty copies of sixteen images take a peer that compiles nothing minutes
                keras.utils.set_random_seed(0)
                # New for each table, so that every first call compiles.
                model = getattr(keras.applications, name)(weights=None, classifier_activation=None)
                images = np.random.default_rng(0).normal(size=(batch, 224, 224, 3)).astype(np.float32)
                print(f"{method}, {name}, {batch} image{'s' * (batch > 1)}")
                rounds = arguments.rounds if batch == 1 else max(2, arguments.rounds // 2)
                seconds, first = measure(methods[method](model, images), rounds)
                for peer, (cpu, wall) in seconds.items():
                    ratio = cpu / seconds["cnnviz"][0]
                    print(f"    {peer:18} CPU {cpu:7.3f} s  {ratio:5.2f}x   wall {wall:7.3f} s", end="")
                    print(f"   first call {first[peer]:6.2f} s", flush=True)
                keras.utils.clear_session()


if __name__ == "__main__":
    main()
