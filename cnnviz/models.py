"""Models to look into: the small one that ships with the lectures, and every one of ``keras.applications``."""

from __future__ import annotations

import difflib
import functools
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from data.shipped import card, weights_file

if TYPE_CHECKING:
    import keras

EMBEDDED = "classifier"


@dataclass(frozen=True)
class Classifier:
    """A model with what is needed to feed it and to read its answer.

    Attributes:
        model: float32 ``(batch, height, width, 3)`` to logits ``(batch, classes)``; no softmax at the end.
        class_names: the name of each logit.
        size: side in pixels of the square that `preprocess` makes unless told otherwise.
        scale: float RGB in 0..255, array or tensor, to what the model takes; differentiable.
    """

    model: keras.Model
    class_names: tuple[str, ...] = field(repr=False)
    size: int
    scale: Callable[[Any], Any] = field(repr=False)

    def preprocess(self, images: Any, size: int | tuple[int, int] | None = None) -> np.ndarray:
        """Bring photographs to what the model takes.

        The central square is cut out and resized, as the model saw it in training. With a ``size`` of two numbers
        the whole photograph is resized to ``(height, width)`` instead, and nothing is cut.

        Args:
            images: uint8 RGB, one ``(height, width, 3)``, a batch ``(batch, height, width, 3)``, or a list of
                photographs of any sizes.
            size: side of the square in pixels, or ``(height, width)``; the model's own by default.

        Returns:
            float32 ``(batch, height, width, 3)``, scaled as the model expects.

        Raises:
            TypeError: not uint8; a float picture may be in 0..1, 0..255 or scaled already, and nobody can tell.
            ValueError: not a photograph, or a size that this model cannot take.
        """
        from data import resize

        fixed = self.model.input_shape[1:3]
        height, width, whole = self._sides(size)
        if None not in fixed and (height, width) != fixed:
            raise ValueError(f"{self.model.name!r} takes {fixed[0]}x{fixed[1]} pixels only, not {height}x{width}")
        if None in fixed and min(height, width) < 32:
            raise ValueError(f"size {height}x{width} is too small: nothing is left of it after the poolings; take 64")
        if hasattr(images, "numpy"):
            images = images.numpy()  # a tensor
        single = isinstance(images, np.ndarray) and images.ndim in (2, 3)
        prepared = []
        for image in [images] if single else images:
            image = image.numpy() if hasattr(image, "numpy") else image
            if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
                kind = getattr(image, "dtype", type(image).__name__)
                raise TypeError(f"images must be uint8 RGB arrays, not {kind}; data.read_image makes them")
            if image.ndim != 3 or image.shape[-1] != 3 or 0 in image.shape:
                raise ValueError(
                    f"an image has shape {image.shape}; (height, width, 3) is wanted. data.read_image makes RGB of "
                    "grey files; np.stack([image] * 3, axis=-1) of a grey array"
                )
            if not whole:
                image = central_square(image)
            prepared.append(resize(image, (height, width)))
        if not prepared:
            raise ValueError("images is empty; give at least one photograph")
        return self.scale(np.stack(prepared).astype(np.float32))

    def check_range(self, images: Any) -> None:
        """Warn where pictures cannot be what `scale` makes of photographs: 0..1 for a model of 0..255, or the reverse.

        Args:
            images: ``(batch, height, width, channels)``, as they are about to be given to the model.
        """
        images = np.asarray(images, np.float32)
        low, high = self._ends
        found, wanted = float(np.ptp(images)), high - low
        # Photographs of fog are flat, and steps of an optimiser overshoot: only what is 20 times off is spoken of.
        if 0 < found < wanted / 20 or found > 20 * wanted:
            warnings.warn(
                f"the images go from {images.min():.3g} to {images.max():.3g}, but this model takes {low:.3g} to "
                f"{high:.3g}; Classifier.preprocess makes them of uint8 photographs",
                stacklevel=4,
            )

    @functools.cached_property
    def _ends(self) -> tuple[float, float]:
        """The least and the greatest number that `scale` makes of black and white; computed once."""
        ends = self.scale(np.stack([np.zeros((1, 1, 3)), np.full((1, 1, 3), 255.0)]).astype(np.float32))
        return float(np.min(ends)), float(np.max(ends))

    def _sides(self, size: int | tuple[int, int] | None) -> tuple[int, int, bool]:
        """Height, width, and whether the whole photograph is wanted."""
        sides = np.atleast_1d(np.asarray(self.size if size is None else size))
        if sides.dtype.kind not in "iu" or sides.shape not in {(1,), (2,)}:
            raise ValueError(f"size is {size!r}; a side in pixels or (height, width) is wanted")
        return int(sides[0]), int(sides[-1]), len(sides) == 2

    def decode(self, logits: Any, top: int = 5) -> list[list[tuple[str, float]]]:
        """The most probable classes.

        Args:
            logits: the model's output, ``(batch, classes)`` or one row ``(classes,)``.
            top: how many classes to name.

        Returns:
            For each image, ``(class name, probability)``, the most probable first.

        Raises:
            ValueError: as many columns as the model has classes are wanted, and ``top`` at least 1.
        """
        logits = np.atleast_2d(np.asarray(logits, np.float64))
        if logits.ndim != 2 or logits.shape[1] != len(self.class_names):
            raise ValueError(f"logits has shape {logits.shape}; (batch, {len(self.class_names)}) is wanted")
        if top < 1:
            raise ValueError(f"top is {top}; at least 1 is wanted")
        probabilities = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        order = np.argsort(-probabilities, axis=1, kind="stable")[:, :top]
        return [
            [(self.class_names[index], float(row[index])) for index in best]
            for row, best in zip(probabilities, order, strict=True)
        ]

    def class_index(self, name: str) -> int:
        """The index of a class; "English springer" will do for "english_springer".

        Raises:
            ValueError: no such class; the message lists those there are.
        """
        if name in self.class_names:
            return self.class_names.index(name)
        plain = [known.lower().replace("_", " ") for known in self.class_names]
        if plain.count(wanted := name.lower().replace("_", " ")) == 1:
            return plain.index(wanted)
        raise ValueError(f"class {name!r} not among {_some(name, self.class_names)}")


def _some(name: str, names: tuple[str, ...] | list[str], most: int = 40) -> str:
    """All names where they are few, otherwise those nearest to the wrong one."""
    if len(names) <= most:
        return "these: " + ", ".join(names)
    near = difflib.get_close_matches(str(name), names, n=8, cutoff=0.4)
    return f"its {len(names)} names" + (f"; near: {', '.join(near)}" if near else "")


def central_square(image: np.ndarray) -> np.ndarray:
    """The largest square in the middle of ``(height, width, channels)``; a view, not a copy."""
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return image[top : top + side, left : left + side]


def load(name: str = EMBEDDED) -> Classifier:
    """A trained classifier.

    Args:
        name: ``"classifier"``, the model that ships with the lectures (12 classes, any size from 64 pixels up, no
            download), or the name of a network in ``keras.applications`` (``"mobilenet_v2"``, ``"vgg16"``,
            ``"ResNet50"``, ...) with its ImageNet weights, which Keras downloads at first use.

    Returns:
        A `Classifier`. Its model gives logits.

    Raises:
        ValueError: no model of that name (the message lists those there are), or the shipped weights are not the ones
            that their card names.
        OSError: Keras could not download the ImageNet weights.
    """
    if not isinstance(name, str):
        raise TypeError(f"a model is loaded by name, not by {name!r}")
    if name.lower() == EMBEDDED:
        return _load_embedded()
    return _load_imagenet(name)


def _load_embedded() -> Classifier:
    from cnnviz.network import build_classifier

    facts = card(EMBEDDED)
    with weights_file(EMBEDDED) as path:
        model = build_classifier(len(facts["class_names"]))
        model.load_weights(path)
    return Classifier(model, tuple(facts["class_names"]), facts["size"], lambda images: images)


def imagenet_models() -> dict[str, tuple[Callable[..., keras.Model], Callable[[np.ndarray], np.ndarray]]]:
    """Every network of ``keras.applications``: its name in small letters, its constructor, its preprocessing."""
    import keras

    modules = {name: getattr(keras.applications, name) for name in dir(keras.applications)}
    modules = {name: module for name, module in modules.items() if hasattr(module, "preprocess_input")}
    found = {}
    for name in dir(keras.applications):
        if not name[0].isupper():
            continue
        # MobileNetV3's constructors are not in their own module; there the name of the module tells.
        homes = [home for home, module in modules.items() if hasattr(module, name)] or [
            home for home in modules if name.lower().startswith(home.replace("_", ""))
        ]
        found[name.lower()] = (getattr(keras.applications, name), modules[max(homes, key=len)].preprocess_input)
    return found


def _load_imagenet(name: str) -> Classifier:
    models = imagenet_models()
    key = name.lower().replace("_", "").replace("-", "")
    if key not in models:
        near = difflib.get_close_matches(key, [EMBEDDED, *models], n=3)
        hint = f" (did you mean {near[0]}?)" if near else ""
        known = ", ".join(sorted(models))
        raise ValueError(f"no model {name!r}{hint}; there is {EMBEDDED}, and of keras.applications: {known}")
    build, preprocess_input = models[key]
    try:
        model = build(weights="imagenet", classifier_activation=None)
    except Exception as error:
        # Keras raises a bare Exception for a failed download; anything else is passed on as it is.
        if "fetch failure" not in str(error).lower() and not isinstance(error, OSError):
            raise
        raise OSError(
            f"the ImageNet weights of {name!r} could not be downloaded ({error}). With a network, try again; without "
            f"one, put Keras's weight file into the 'models' folder of $KERAS_HOME, or use load({EMBEDDED!r}), which "
            f"needs no download."
        ) from error
    return Classifier(model, _imagenet_class_names(), model.input_shape[1], preprocess_input)


def _imagenet_class_names() -> tuple[str, ...]:
    """ImageNet's 1000 names from Keras, or their numbers where Keras cannot download its list."""
    from keras.applications.imagenet_utils import decode_predictions

    try:
        return tuple(best[0][1] for best in decode_predictions(np.eye(1000, dtype=np.float32), top=1))
    except Exception as error:
        if "fetch failure" not in str(error).lower() and not isinstance(error, OSError):
            raise
        warnings.warn(
            "the names of ImageNet's classes could not be downloaded; classes are numbered instead. Keras fetches "
            "imagenet_class_index.json when there is a network.",
            stacklevel=4,
        )
        return tuple(f"imagenet class {index}" for index in range(1000))
