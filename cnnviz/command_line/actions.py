"""What each command makes of one picture; only here is TensorFlow needed."""

from __future__ import annotations

import argparse
import inspect
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cnnviz.models import Classifier, central_square
from data.command_line.pictures import Picture, read

SALIENCY = (
    "gradient",
    "gradient_times_input",
    "smooth_grad",
    "var_grad",
    "integrated_gradients",
    "guided_backpropagation",
    "deconvnet",
    "occlusion",
    "rise",
)
CAM = (
    "cam",
    "grad_cam",
    "grad_cam_plus_plus",
    "hires_cam",
    "layer_cam",
    "xgrad_cam",
    "score_cam",
    "ablation_cam",
    "eigen_cam",
    "guided_grad_cam",
    "counterfactual",
)


class Result(NamedTuple):
    """Something to be written.

    Attributes:
        name: the part of the file's name that says what it is.
        picture: a figure, axes, or uint8 RGB pixels.
        alt: what is to be seen, in words.
        answers: what the network says.
    """

    name: str
    picture: Any
    alt: str
    answers: list[tuple]


def names(options: argparse.Namespace) -> list[str]:
    """The parts of the files' names that say what they are; see `Result`."""
    if options.command in ("saliency", "cam"):
        method = options.method[0] if len(options.method) == 1 and options.method != ["all"] else options.command
        # A picture of another class is another picture.
        return [
            method if options.target is None else f"{method}-{re.sub(r'[^a-z0-9]+', '_', str(options.target).lower())}"
        ]
    if options.command == "activations" and options.layer:
        return [f"activations-{layer.replace('/', '.')}" for layer in options.layer]
    return [options.command]


class UsageError(ValueError):
    """The user asked for what this model does not have."""


def check(options: argparse.Namespace, net: Classifier) -> None:
    """Refuse, before the first picture is read, layers and classes that the model does not have.

    Raises:
        UsageError: with what there is.
    """
    from cnnviz.layers import find_layer
    from cnnviz.targets import class_indices

    layers = getattr(options, "layer", None) or []
    for layer in [layers] if isinstance(layers, str) else layers:
        try:
            find_layer(net.model, layer)
        except ValueError as error:
            raise UsageError(f"--layer: {error}") from None
    target = getattr(options, "target", None)
    if target is None:
        return
    # A number is one, unless a class is called by it.
    options.target = int(target) if target.isdecimal() and target not in net.class_names else target
    try:
        index = class_indices(net, options.target, 1)[0]
    except ValueError as error:
        raise UsageError(f"--target: {error}") from None
    if index >= len(net.class_names):
        raise UsageError(f"--target: there is no class {index}; they are numbered 0 to {len(net.class_names) - 1}")
    if isinstance(options.target, str):
        options.target = net.class_names[index]


def explain(options: argparse.Namespace, net: Classifier, picture: Picture, alone: bool) -> Iterator[Result]:
    """The contact sheet of ``saliency`` and ``cam`` for one picture.

    Args:
        options: of the command line.
        net: the model.
        picture: which.
        alone: whether it is the only one, so that progress is shown for each method.
    """
    from tqdm.auto import tqdm

    from cnnviz import cam, saliency
    from cnnviz.answers import answers, class_name, head
    from cnnviz.derivatives import derivatives
    from cnnviz.plots.contact_sheet import contact_sheet

    home, known = (cam, CAM) if options.command == "cam" else (saliency, SALIENCY)
    methods = list(known) if options.method == ["all"] else options.method
    photograph, images = prepare(net, read(picture), options.size)
    found = derivatives(net, images, options.target, by_image=False)
    said = answers(net, found.logits, head(net, images))[0]
    # One class for all methods: the numbers of some are noisy, and so might be what they predict.
    target = int(found.classes[0])
    verbose = alone and not options.quiet
    maps, notes = {}, {}
    for method in tqdm(methods, unit="method", disable=not verbose or len(methods) == 1, leave=False, file=sys.stderr):
        function = getattr(home, method)
        given = {"verbose": verbose} if "verbose" in inspect.signature(function).parameters else {}
        if options.command == "cam" and options.layer and "layer" in inspect.signature(function).parameters:
            given["layer"] = options.layer[0]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # an empty map says so on the sheet
                map_ = function(net, images, target, **given)
        except ValueError as error:
            if options.method != ["all"]:
                raise ValueError(f"{method}: {error}") from None
            options.left_out[method] = str(error)  # not every network has what every method needs
            continue
        notes[method] = _figures(options, net, images, target, map_, verbose)
        maps[method] = getattr(map_, "attributions", map_)[0]
    explained = class_name(net, target)
    sheet = contact_sheet(
        photograph,
        maps,
        answers=said,
        explained=explained,
        notes={name: note for name, note in notes.items() if note},
        signed=getattr(options, "signed", False),
    )
    alt = (
        f"{picture.path.name}: the network says {said[0].name} ({said[0].probability:.0%}); "
        f"maps of what speaks for {explained}, by {', '.join(maps)}"
    )
    yield Result(names(options)[0], sheet, alt, said)


def _figures(options: argparse.Namespace, net: Classifier, images: Any, target: int, found: Any, verbose: bool) -> str:
    """What is said under the name of a method."""
    error = getattr(found, "completeness_error", None)
    if not options.grade:
        return "" if error is None else f"completeness error {float(np.ravel(error)[0]):.2g}"
    from cnnviz import sanity

    map_ = getattr(found, "attributions", found)
    deleted = sanity.deletion(map_, net, images, target, verbose=verbose).auc[0]
    inserted = sanity.insertion(map_, net, images, target, verbose=verbose).auc[0]
    return f"deletion {deleted:.2f} (low is good), insertion {inserted:.2f} (high is good)"


def activations(options: argparse.Namespace, net: Classifier, picture: Picture, alone: bool) -> Iterator[Result]:
    """The way through the network, or the maps of the layers that were named."""
    from cnnviz import plots
    from cnnviz.activations import activation_maps
    from cnnviz.answers import answers, head

    photograph, images = prepare(net, read(picture), options.size)
    said = answers(net, np.asarray(_logits(net, images)), head(net, images))[0]
    if options.layer:
        for layer, maps in activation_maps(net.model, images, options.layer).items():
            title = f"{picture.path.name}: {layer}, {maps.shape[-1]} channels, the most active first"
            figure = plots.channel_grid(maps[0], title=title) if maps.ndim == 4 else None
            if figure is None:
                raise ValueError(f"layer {layer!r} has no maps: its activations are {maps.shape}")
            yield Result(f"activations-{layer.replace('/', '.')}", figure, title, said)
        return
    by_size = {maps.shape[1:3]: name for name, maps in activation_maps(net.model, images).items()}
    chosen = activation_maps(net.model, images, list(by_size.values()))
    figure = plots.distillation(photograph, chosen, [answer[:2] for answer in said])
    alt = f"{picture.path.name}: activation maps from {next(iter(chosen))} on, up to the answer {said[0].name}"
    yield Result("activations", figure, alt, said)


def _logits(net: Classifier, images: Any) -> np.ndarray:
    from cnnviz.derivatives import derivatives

    return derivatives(net, images, by_image=False).logits


def filters(options: argparse.Namespace, net: Classifier) -> Iterator[Result]:
    """What the filters of each layer that was named would like to see."""
    from cnnviz.activations import rectified_layers
    from cnnviz.ascent import filter_grid

    size = options.size if options.size is None or isinstance(options.size, tuple) else int(options.size)
    for layer in options.layer or rectified_layers(net.model)[-1:]:
        channels = range(16) if options.channel is None else options.channel
        channels = None if channels == "all" else _existing(net, layer, channels, options.channel is None)
        grid = filter_grid(
            net, layer, channels, size=size, steps=options.steps, seed=options.seed, verbose=not options.quiet
        )
        which = "all channels" if channels is None else f"channels {', '.join(map(str, channels))}"
        yield Result(f"filters-{layer.replace('/', '.')}", grid, f"what {which} of {layer} respond to most", [])


def _existing(net: Classifier, layer: str, channels: Any, by_default: bool) -> list[int]:
    """The channels; of those taken by default only the ones that there are."""
    from cnnviz.layers import find_layer

    output = getattr(find_layer(net.model, layer)[1], "output", None)
    count = output.shape[-1] if hasattr(output, "shape") and output.shape else None
    return [channel for channel in channels if not by_default or count is None or channel < count]


def dream(options: argparse.Namespace, net: Classifier, picture: Picture, alone: bool) -> Iterator[Result]:
    """A dream of one picture."""
    from cnnviz.dream import dream as dreamt

    photograph, given = _dreaming(options, net, picture, alone)
    result = dreamt(net, photograph, **given)
    yield Result("dream", result, f"{picture.path.name}, in which the network sees {', '.join(given['layers'])}", [])


def dream_zoom(options: argparse.Namespace, net: Classifier, picture: Picture, path: Path) -> None:
    """A dream into which one falls, written as a video."""
    from cnnviz.dream import zoom

    photograph, given = _dreaming(options, net, picture, alone=True)
    zoom(net, photograph, path=path, frames=options.frames, **given)


def _dreaming(
    options: argparse.Namespace, net: Classifier, picture: Picture, alone: bool
) -> tuple[np.ndarray, dict[str, Any]]:
    from cnnviz.activations import rectified_layers

    photograph = resized(read(picture), options.size)
    layers = rectified_layers(net.model)
    given: dict[str, Any] = {
        "layers": options.layer or [layers[int(0.7 * len(layers))]],
        "channel": options.channel,
        "guide": None if options.guide is None else read(Picture(Path(options.guide), Path())),
        "seed": options.seed,
        "verbose": alone and not options.quiet,
    }
    for name in ("octaves", "steps"):
        if getattr(options, name) is not None:
            given[name] = getattr(options, name)
    return photograph, given


def prepare(net: Classifier, photograph: np.ndarray, size: Any) -> tuple[np.ndarray, np.ndarray]:
    """What the network sees, for the eye, uint8 ``(height, width, 3)``, and for the network, a batch of one."""
    from data import resize

    images = net.preprocess(photograph, size)
    shown = photograph if isinstance(size, tuple) else central_square(photograph)
    return resize(np.ascontiguousarray(shown), images.shape[1:3]), images


def resized(photograph: np.ndarray, size: Any) -> np.ndarray:
    """A picture of which no more is cut off: its longer side, or both sides, brought to a number of pixels."""
    from data import resize

    if size is None:
        return photograph
    if isinstance(size, tuple):
        return resize(photograph, size)
    factor = size / max(photograph.shape[:2])
    return resize(photograph, tuple(max(1, round(side * factor)) for side in photograph.shape[:2]))
