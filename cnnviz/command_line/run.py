"""Run a command: the model, then picture by picture, going on after a failure."""

from __future__ import annotations

import argparse
import contextlib
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from cnnviz.command_line import actions
from cnnviz.command_line.inputs import UnknownModelError, open_model
from cnnviz.command_line.outputs import Page, destination, save_picture
from cnnviz.models import Classifier
from data.command_line.outputs import OutputError, free, whole, writable_folder
from data.command_line.pictures import Picture, find_pictures
from data.command_line.quiet import expected, one_line, start_tensorflow


def run(options: argparse.Namespace, refuse: Callable[[str], NoReturn]) -> int:
    """Do what the options say.

    Args:
        options: of `cnnviz.__main__.parser`.
        refuse: ends the process for wrong usage; told why.

    Returns:
        The exit status: 0, or 1 if something failed.
    """
    failures: list[str] = []
    options.left_out = {}

    def report(problem: str) -> None:
        from tqdm.auto import tqdm

        failures.append(problem)
        tqdm.write(f"python -m cnnviz {options.command}: {problem}", file=sys.stderr)

    pictures = find_pictures(options.pictures, report) if "pictures" in options else []
    if "pictures" in options and not pictures:
        return 1
    output = None if options.output is None else Path(options.output)
    try:
        _check_output(options, output, pictures)
    except OutputError as error:
        report(one_line(error))
        return 1
    # What is in the way is not worth the minute until TensorFlow has started, nor the hour that a dream takes.
    pictures = [picture for picture in pictures if _free(options, picture, output, _several(options, pictures), report)]
    if "pictures" in options and not pictures:
        return 1
    start_tensorflow()
    try:
        net = open_model(options.model, options.scale, options.classes)
        actions.check(options, net)
        if options.command == "live":
            _live(options, net, output)
        elif options.command == "dream" and output is not None and output.suffix.lower() in (".mp4", ".gif"):
            _zoom(options, net, pictures, output, refuse)
        else:
            _each(options, net, pictures, output, report)
    except (actions.UsageError, UnknownModelError) as error:
        refuse(one_line(error))
    except expected() as error:
        report(one_line(error))
    for method, reason in options.left_out.items():
        print(f"{method} left out: {one_line(reason)}", file=sys.stderr)
    return 1 if failures else 0


def _check_output(options: argparse.Namespace, output: Path | None, pictures: list[Picture]) -> None:
    """Find out, before anything is computed, that nothing can be written."""
    if output is None and options.command == "live":
        return
    is_file = output is not None and not output.is_dir() and output.suffix != "" and options.output[-1] not in "/\\"
    if is_file and output.suffix.lower() == ".png" and len(pictures) > 1:
        raise OutputError(f"--output '{output}' is one file for {len(pictures)} pictures; name a folder, or an .html")
    if is_file:
        free(output, options.force)
    writable_folder(output.parent if is_file else output or Path())


def _several(options: argparse.Namespace, pictures: list[Picture]) -> bool:
    """Whether there is more than one file to write."""
    return len(pictures) > 1 or len(getattr(options, "layer", None) or []) > 1


def _free(
    options: argparse.Namespace,
    picture: Picture,
    output: Path | None,
    several: bool,
    report: Callable[[str], None],
) -> bool:
    """Whether the results of a picture can go where they are to go."""
    if output is not None and not output.is_dir() and output.suffix.lower() in (".html", ".mp4", ".gif"):
        return True
    try:
        for name in actions.names(options):
            free(destination(picture, name, output, several, ".png"), options.force, source=picture.path)
    except OutputError as error:
        report(one_line(error))
        return False
    return True


def _each(
    options: argparse.Namespace,
    net: Classifier,
    pictures: list[Picture],
    output: Path | None,
    report: Callable[[str], None],
) -> None:
    """Every picture; what fails is reported, and the others are done."""
    from tqdm.auto import tqdm

    with contextlib.ExitStack() as stack:
        page = None
        if output is not None and output.suffix.lower() == ".html" and not output.is_dir():
            words = shlex.join(["python", "-m", "cnnviz", *options.words])
            page = stack.enter_context(
                Page(output, f"cnnviz {options.command}: {net.model.name}", words, options.force)
            )
        several = _several(options, pictures)
        jobs: list[Picture | None] = [None] if options.command == "filters" else [*pictures]
        # Closed with the others, before anything is said of how it ended.
        bar = tqdm(jobs, unit="picture", disable=options.quiet or len(jobs) < 2, file=sys.stderr)
        for picture in stack.enter_context(bar):
            try:
                _one(options, net, picture, output, page, several)
            except expected() as error:
                problem = one_line(error)
                named = "" if picture is None or str(picture.path) in problem else f"{picture.path}: "
                report(named + problem)
    if page is not None and not options.quiet:
        print(output)


def _one(
    options: argparse.Namespace,
    net: Classifier,
    picture: Picture | None,
    output: Path | None,
    page: Page | None,
    several: bool,
) -> None:
    if picture is None:
        results = actions.filters(options, net)
    else:
        kinds = {"activations": actions.activations, "dream": actions.dream}
        results = kinds.get(options.command, actions.explain)(options, net, picture, not several)
    for result in results:
        if page is not None:
            page.add(result.alt if picture is None else str(picture.path), result.picture, result.alt, result.answers)
            continue
        path = destination(picture, result.name, output, several, ".png")
        save_picture(result.picture, path, options.force)
        if not options.quiet:
            from tqdm.auto import tqdm

            said = "".join(f"  {name} {share:.0%}" for name, share, *_ in result.answers[:1])
            tqdm.write(f"{path}{said}")


def _zoom(
    options: argparse.Namespace,
    net: Classifier,
    pictures: list[Picture],
    output: Path,
    refuse: Callable[[str], NoReturn],
) -> None:
    if len(pictures) > 1:
        refuse(f"--output {output}: a video is made of one picture, not of {len(pictures)}")
    with whole(output) as partial:
        actions.dream_zoom(options, net, pictures[0], partial)
    if not options.quiet:
        print(output)


def _live(options: argparse.Namespace, net: Classifier, output: Path | None) -> None:
    from cnnviz import live

    source = options.source
    outcome = live.run(
        net,
        int(source) if source is not None and source.isdigit() and not Path(source).exists() else source,
        method=options.method,
        layer=options.layer[0] if options.layer else None,
        target=options.target,
        size=options.size,
        output=output,
        seconds=options.seconds,
        open_browser=not options.no_browser,
        verbose=not options.quiet,
    )
    if not options.quiet:
        if output is not None:
            print(output)
        rate = f", {(outcome.frames - 1) / outcome.seconds:.1f} in a second" if outcome.seconds > 0 else ""
        print(f"{outcome.frames} frames{rate}")
