"""What the words on the command line stand for: models."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cnnviz.models import Classifier

SCALES = ("0..255", "0..1", "tf", "caffe", "torch")


class UnknownModelError(ValueError):
    """There is no such model."""


def open_model(name: str, scale: str, names: str | None) -> Classifier:
    """A model by name, or from a file.

    Args:
        name: as for `cnnviz.load`, or the path of a ``.keras`` or ``.h5`` file.
        scale: how a file's model takes pixels, one of `SCALES`; the named models know it themselves.
        names: a text file with a class name in each line, or None.

    Raises:
        UnknownModelError: there is none of that name.
        OSError, ValueError: it cannot be had.
    """
    import dataclasses

    from cnnviz.models import EMBEDDED, imagenet_models, load

    path = Path(name)
    is_file = path.suffix.lower() in (".keras", ".h5", ".hdf5") or path.exists()
    if not is_file and name != EMBEDDED:
        known = imagenet_models()
        key = name.lower().replace("_", "").replace("-", "")
        if key not in known:
            near = difflib.get_close_matches(key, [EMBEDDED, *known], n=3)
            hint = f"did you mean {' or '.join(near)}? " if near else ""
            raise UnknownModelError(
                f"--model: no model {name!r}; {hint}There is {EMBEDDED}, every network of keras.applications "
                "(mobilenet_v2, vgg16, resnet50, ...), and files that end in .keras"
            )
    classifier = _from_file(path, scale) if is_file else load(name)
    if names is None:
        return classifier
    lines = [line.strip() for line in Path(names).read_text(encoding="utf-8").splitlines() if line.strip()]
    if len(lines) != len(classifier.class_names):
        raise ValueError(f"'{names}' names {len(lines)} classes, the model has {len(classifier.class_names)}")
    return dataclasses.replace(classifier, class_names=tuple(lines))


def _from_file(path: Path, scale: str) -> Classifier:
    import keras

    from cnnviz.models import Classifier

    if not path.exists():
        raise FileNotFoundError(f"there is no model file '{path}'")
    try:
        model = keras.saving.load_model(path, compile=False)
    except (OSError, ValueError, TypeError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"'{path}' cannot be opened as a Keras model: {reason:.300}") from None
    shapes = getattr(model, "input_shape", None), getattr(model, "output_shape", None)
    if not all(isinstance(shape, tuple) for shape in shapes) or len(shapes[0]) != 4 or len(shapes[1]) != 2:
        raise ValueError(
            f"the model in '{path}' takes {shapes[0]} and gives {shapes[1]}; pictures to classes are wanted"
        )
    if shapes[0][-1] not in (3, None):
        raise ValueError(f"the model in '{path}' takes pictures of {shapes[0][-1]} channels; 3, RGB, are wanted")
    outputs = 2 if shapes[1][-1] == 1 else shapes[1][-1]
    return Classifier(model, tuple(f"class {index}" for index in range(outputs)), shapes[0][1] or 224, _scale(scale))


def _scale(scale: str) -> Callable[[Any], Any]:
    from keras.applications.imagenet_utils import preprocess_input

    plain = {"0..255": lambda images: images, "0..1": lambda images: images / 255}
    if scale in plain:
        return plain[scale]
    # NumPy arrays are changed in place by Keras: a copy keeps the caller's.
    return lambda images: preprocess_input(images + 0, mode=scale)
