"""One pass for one frame: what the network says, and the map that is shown over or beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cnnviz.activations import activation_maps
from cnnviz.answers import Answer, Head, answers, class_name, head
from cnnviz.compiled import Compiled
from cnnviz.derivatives import derivatives, forward
from cnnviz.layers import find_layer
from cnnviz.models import Classifier
from cnnviz.targets import class_indices, class_logits

if TYPE_CHECKING:
    import keras

METHODS = ("activations", "grad_cam", "hires_cam", "layer_cam", "gradient", "guided_backpropagation")
"""What can be shown, in the order of the number keys 1 to 6."""

BY_LAYER = METHODS[:4]


class Sight(NamedTuple):
    """What is to be seen of one frame.

    Attributes:
        answers: the most probable classes.
        map: ``(rows, columns)`` in 0..1; None for activations.
        activations: ``(rows, columns, channels)``; None otherwise.
        explained: the name of the class that the map explains; "" for activations.
    """

    answers: list[Answer]
    map: np.ndarray | None
    activations: np.ndarray | None
    explained: str


@dataclass
class Look:
    """What is looked at: the state that the keys change.

    Attributes:
        net: the model.
        layers: the layers that can be chosen.
        method: one of `METHODS`.
        layer: one of ``layers``.
        target: the index of the class that is explained, or None for the predicted one.
        paused: whether the picture stands still.
        message: what went wrong with the last key, or "".
    """

    net: Classifier
    layers: list[str]
    method: str
    layer: str
    target: int | None = None
    paused: bool = False
    message: str = ""
    ending: Head = "softmax"

    @classmethod
    def at(cls, net: Classifier, images: np.ndarray, method: str, layer: str | None, target: Any) -> Look:
        """Begin.

        Args:
            net: the model.
            images: a batch, to find out which layers have maps.
            method: one of `METHODS`.
            layer: which to begin with; the one that Grad-CAM takes by default.
            target: a class by name or number, or None.

        Raises:
            ValueError: an unknown method, layer or class.
        """
        from cnnviz.cam.default_layer import last_maps

        if method not in METHODS:
            raise ValueError(f"method {method!r} cannot be shown live; there are {', '.join(METHODS)}")
        last = last_maps(net, images)
        layers = list(activation_maps(net.model, images))
        layers += [path for path in [last] if path not in layers]
        chosen = last if layer is None else find_layer(net.model, layer)[0]
        if chosen not in layers:
            layers.append(chosen)
        index = int(class_indices(net, target, 1)[0])
        if index >= len(net.class_names):
            raise ValueError(f"target is {index}; the classes are numbered 0 to {len(net.class_names) - 1}")
        return cls(net, layers, method, chosen, index if index >= 0 else None, ending=head(net, images))

    def press(self, key: str, seen: Sight | None = None) -> bool:
        """Do what a key stands for; whether it is the one that quits."""
        self.message = ""
        if key in ("w", "e") and self.method in BY_LAYER:
            step = 1 if key == "e" else -1
            self.layer = self.layers[(self.layers.index(self.layer) + step) % len(self.layers)]
        elif key.isdigit() and 1 <= int(key) <= len(METHODS):
            self.method = METHODS[int(key) - 1]
        elif key == "t" and seen is not None:
            # The predicted class, then the others by what was seen last.
            order = [None, *(answer.index for answer in seen.answers[1:])]
            at = order.index(self.target) if self.target in order else -1
            self.target = order[(at + 1) % len(order)]
        elif key == " ":
            self.paused = not self.paused
        return key == "q"

    def see(self, images: np.ndarray) -> Sight:
        """One pass over a batch of one.

        Raises:
            ValueError: the model has not what the method needs (a ReLU).
        """
        if self.method == "activations":
            path = find_layer(self.net.model, self.layer)[0]
            logits, activations = Compiled(_watch, self.net.model, (path,))(images)
            maps = np.asarray(activations, np.float32)
            if maps.ndim != 4:
                raise ValueError(f"layer {self.layer!r} has no maps")
            return Sight(self._answers(np.asarray(logits)), None, maps[0], "")
        by_layer = self.method in BY_LAYER
        found = derivatives(
            self.net,
            images,
            self.target,
            by_image=not by_layer,
            layers=[self.layer] if by_layer else [],
            rule="guided" if self.method == "guided_backpropagation" else "gradient",
        )
        if by_layer:
            map_ = weighed(self.method, found.activations[self.layer][0], found.gradients[self.layer][0])
        else:
            map_ = np.abs(found.images[0]).max(axis=-1)
        # One pixel in a hundred may be brighter than white, or the brightest would darken all others.
        top = map_.max() if by_layer else np.percentile(map_, 99)
        map_ = np.clip(map_ / top, 0, 1) if top > 0 else np.zeros_like(map_)
        return Sight(self._answers(found.logits), map_, None, class_name(self.net, int(found.classes[0])))

    def _answers(self, logits: np.ndarray) -> list[Answer]:
        return answers(self.net, logits, self.ending)[0]


def weighed(method: str, activations: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """The class activation map of one frame, as `cnnviz.cam` makes it, from the pass that also gave the answer.

    Args:
        method: ``"grad_cam"``, ``"hires_cam"`` or ``"layer_cam"``.
        activations: ``(rows, columns, channels)``.
        gradients: of the score by them.

    Returns:
        ``(rows, columns)``, from 0 up.
    """
    weights: dict[str, Callable[[], np.ndarray]] = {
        "grad_cam": lambda: gradients.mean(axis=(0, 1), keepdims=True),
        "hires_cam": lambda: gradients,
        "layer_cam": lambda: np.maximum(gradients, 0),
    }
    return np.maximum((activations * weights[method]()).sum(axis=-1), 0)


def _watch(model: keras.Model, target: Callable | None, notes: dict, path: str, images: Any) -> tuple[Any, Any]:
    """The body that is compiled: logits, and the activations of one layer."""
    import tensorflow as tf

    outputs, activations = forward(model, images, [path])
    logits = tf.cast(class_logits(outputs), tf.float32)
    if logits.shape[-1] == 1:
        logits = tf.concat([-logits, logits], axis=-1)
    return logits, activations[path]
