"""`python -m fcn train DATA`: train a network, measure it, write its weights with their card; goes on after a stop."""

from __future__ import annotations

import argparse
import functools
import sys
from typing import TYPE_CHECKING, Any

from data.arguments import number_pair
from data.command_line.training import (
    MEMORY,
    RESUMES,
    STOPPED,
    settle,
    settle_paths,
    short,
    teller,
    through_halves,
    told,
)
from data.precision import numbers
from data.shipped import ENDING
from fcn.command_line import building
from fcn.command_line.card import DECIDING, write_results
from fcn.command_line.evaluate import check_classes
from fcn.command_line.measuring import Measured, measure
from fcn.command_line.networks import SMALLEST, check_sides
from fcn.command_line.sources import open_data
from fcn.datasets import SegmentationData, hold_out
from fcn.datasets.batches import image_sizes

if TYPE_CHECKING:
    import keras


def run(options: argparse.Namespace) -> int:
    """Train, measure, write."""
    whole = building.keeps_encoder_file(options)
    why = ": the encoder is part of the file" if whole else ""
    settle_paths(options, ".keras" if whole else ENDING, why)
    building.complete(options)
    if not options.hold_out and (options.patience or options.keep == "best"):
        raise ValueError("--patience and --keep best go by the pairs that are held out; --hold-out is 0")
    full = open_data(options.data, options)
    validation = open_data(options.validation, options, full.class_names) if options.validation else None
    if validation is not None:
        check_classes(full.class_names, validation.class_names)
    options.crop = fitting_crop(full, options)
    data, held = hold_out_some(full, options)
    try:
        network, history = _learn(options, data, held)
        sets = {"held_out": held, "validation": validation}
        failures: list[str] = []
        final = as_shipped(network, options, len(full.class_names))
        measured: dict[str, Measured] = {}
        for name, pairs in sets.items():
            if pairs is not None:
                measured[name] = measure(final, pairs, options.size, failures.append, verbose=not options.quiet)
                print(f"\n{name.replace('_', ' ')}\n{measured[name]}")
        write_results(final, options, history, full, data, held, measured)
    except KeyboardInterrupt:
        print(f"\n{STOPPED}", file=sys.stderr)
        return 130
    return told(failures)


def hold_out_some(
    full: SegmentationData, options: argparse.Namespace
) -> tuple[SegmentationData, SegmentationData | None]:
    """What is learnt from, and what is not."""
    if not options.hold_out:
        return full, None
    try:
        return hold_out(full, options.hold_out)
    except ValueError as error:
        raise ValueError(f"--hold-out: {error}; 0 holds nothing out") from None


def fitting_crop(data: SegmentationData, options: argparse.Namespace) -> tuple[int, int]:
    """The crop that was asked for, or two thirds of the images, in steps of 16 pixels.

    Raises:
        ValueError: images of several sizes and no ``--size``; a crop that is larger than they are; too small images.
    """
    if options.size:
        check_sides("--size", *number_pair("size", options.size), "")
    sizes = [number_pair("size", options.size)] if options.size else list(image_sizes(data))
    if not sizes:
        raise ValueError(f"not one image of {short(options.data)} can be read; 'python -m fcn lint' says why")
    if len(sizes) > 1:
        (first, second), more = sizes[:2], ", ..." * (len(sizes) > 2)
        raise ValueError(
            f"the images have {len(sizes)} sizes ({first[0]}x{first[1]}, {second[0]}x{second[1]}{more}); give one "
            f"to all with --size, as --size {first[0]}x{first[1]}"
        )
    ((height, width),) = sizes
    if min(height, width) < SMALLEST:
        raise ValueError(f"the images are {height}x{width}; networks want {SMALLEST} at least: --size enlarges them")
    if options.crop is None:
        return tuple(max(SMALLEST, 16 * round(side * 2 / 3 / 16)) for side in (height, width))
    crop = number_pair("crop", options.crop)
    if crop[0] > height or crop[1] > width:
        raise ValueError(f"--crop is {crop[0]}x{crop[1]}, larger than the images, {height}x{width}")
    if min(crop) < SMALLEST:
        raise ValueError(f"--crop is {crop[0]}x{crop[1]}; networks want {SMALLEST} pixels at least")
    return crop


def _learn(
    options: argparse.Namespace, data: SegmentationData, held: SegmentationData | None
) -> tuple[keras.Model, list[dict[str, Any]]]:
    from fcn.augment import augment
    from fcn.training import decoder_then_all, train

    say = teller(options)
    classes = len(data.class_names)
    kept = " and ".join([f"{len(data)} pairs to learn from", *([f"{len(held)} held out"] if held else [])])
    say(f"{short(options.data)}: {kept}, {classes} classes")
    settle(options, DECIDING, lambda: building.start(options, classes), (options.batch, *options.crop), say)
    data, held = (_in_memory(pairs, options) for pairs in (data, held))
    loss = make_loss(options, data)
    with numbers(options.precision):
        network = building.start(options, classes)
    encoder = f" on {options.encoder or options.encoder_file}" if options.encoder or options.encoder_file else ""
    say(f"network: {options.network}{encoder}, {network.count_params():,} weights")
    say(f"run: {options.run}; {RESUMES}")
    history = train(
        network,
        data,
        decoder_then_all(options.decoder_epochs, options.epochs, options.rate),
        loss=loss,
        validation=held,
        size=options.size,
        augment=functools.partial(augment, crop=options.crop, scale=options.scale),
        batch=options.batch,
        seed=options.seed,
        patience=options.patience,
        keep=options.keep,
        run=options.run,
        jit=options.jit,
        verbose=not options.quiet,
    )
    return network, history


def _in_memory(pairs: SegmentationData | None, options: argparse.Namespace) -> SegmentationData | None:
    """The same pairs, read once, where there is room for all of them."""
    if pairs is None:
        return None
    sides = [number_pair("size", options.size)] if options.size else image_sizes(pairs)
    room = 4 * len(pairs) * max((height * width for height, width in sides), default=0)  # none: to read them says why
    try:
        return pairs.loaded(options.size, verbose=not options.quiet) if room <= MEMORY else pairs
    except (OSError, ValueError) as error:
        raise ValueError(f"{error}; 'python -m fcn lint {options.data}' lists everything of this kind") from None


def make_loss(options: argparse.Namespace, data: SegmentationData) -> keras.losses.Loss:
    """The sum of the losses that were named, those of single pixels with weights for the classes."""
    from fcn import losses

    weights = None
    if options.balance:
        labels = (data[index][1] for index in range(len(data)))
        weights = losses.median_frequency_weights(labels, len(data.class_names)) ** options.balance
    makers = {
        "cross_entropy": lambda: losses.CrossEntropy(None if weights is None else weights.tolist()),
        "focal": lambda: losses.Focal(class_weights=None if weights is None else weights.tolist()),
        "dice": losses.Dice,
        "jaccard": losses.Jaccard,
        "lovasz": losses.Lovasz,
    }
    chosen = [makers[name]() for name in options.loss]
    return chosen[0] if len(chosen) == 1 else losses.Combined(chosen)


def as_shipped(network: keras.Model, options: argparse.Namespace, classes: int) -> keras.Model:
    """The network that whoever loads the file will have: float32, with weights that went through float16.

    What is measured is this one. A given encoder stays as it is.

    Raises:
        ValueError: the weights grew beyond what float16 holds.
    """
    if building.keeps_encoder_file(options):
        return network
    from fcn.segmenter import build

    weights = through_halves(network, options.rate)
    with numbers("float32"):
        final = build(options.network, classes, **building.arguments_of(options))
    final.set_weights(weights)
    return final
