"""What `python -m PACKAGE train` is, whatever is learnt: the folder of a run, what decides, what a card says."""

from __future__ import annotations

import argparse
import datetime
import json
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data.command_line.outputs import free, writable_folder
from data.precision import POLICIES
from data.runs import read_note, replaced
from data.shipped import halves
from data.training.precision import choose

if TYPE_CHECKING:
    import keras

MEMORY = 2**31
"""Bytes up to which all pictures are read once and kept."""
STOPPED = "stopped; the same command goes on after the last whole epoch"
RESUMES = "after a stop (Ctrl-C, a power cut) the same command goes on after the last whole epoch"
Say = Callable[[str], Any]


def teller(options: argparse.Namespace) -> Say:
    """What says how a training gets on, at once; nothing with ``--quiet``."""

    def say(text: str) -> None:
        if not options.quiet:
            print(text, flush=True)

    return say


def told(failures: Sequence[str]) -> int:
    """Say last what was left out; the exit status, 1 if something was."""
    for problem in failures:
        print(f"left out: {problem}", file=sys.stderr)
    return 1 if failures else 0


def settle_paths(options: argparse.Namespace, ending: str, why: str = "") -> None:
    """Where the run (``--run``) and the weights (``--out``) go; refused now, rather than after hours.

    Args:
        options: ``data``, ``run``, ``out`` and ``force``; filled in.
        ending: of the weights' file.
        why: it has this ending, for the message.

    Raises:
        OSError, ValueError: it cannot be written there.
    """
    options.run = options.run or Path("runs") / short(options.data).replace(":", "-")
    options.out = options.out or options.run / f"{options.run.resolve().name}{ending}"
    if not options.out.name.endswith(ending):
        raise ValueError(f"--out is '{options.out}'; a name that ends in {ending} is wanted{why}")
    free(options.out, options.force, "--out")
    writable_folder(options.run, "--run")
    writable_folder(options.out.parent, "--out")


def settle(
    options: argparse.Namespace,
    deciding: Sequence[str],
    build: Callable[[], keras.Model],
    shape: tuple[int, int, int],
    say: Say,
) -> None:
    """Decide ``--precision``, once for a run; and keep a run from going on with other options.

    Args:
        options: of the command, complete but for the precision.
        deciding: the names of those that decide the result.
        build: makes the network under the dtype policy of the moment.
        shape: batch, height and width of the pictures of a step.
        say: told the precision that was chosen, and why.

    Raises:
        ValueError: the folder belongs to a run with other options, which cannot be read perhaps.
    """
    note, before = options.run / "options.json", None
    if note.exists() and (options.run / "checkpoint.npz").exists():  # without it, the start had failed
        before = read_note(note)
        if before.get("precision") not in POLICIES:
            raise ValueError(f"{note} names no precision: delete {options.run} to start anew")
    if options.precision == "auto" and before:
        options.precision = before["precision"]
    else:
        options.precision, why = choose(options.precision, build, shape)
        say(f"precision: {options.precision} ({why})")
    facts = json.loads(json.dumps({name: getattr(options, name) for name in deciding}))
    changed = [name.replace("_", "-") for name in facts if before and before.get(name) != facts[name]]
    if changed:
        raise ValueError(
            f"'{options.run}' belongs to a run with another --{', --'.join(changed)}; choose another folder with "
            "--run, or delete this one to start anew"
        )
    with replaced(note) as part:
        part.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def through_halves(network: keras.Model, rate: float) -> list[np.ndarray]:
    """A network's weights, float32, as whoever loads the file will have them: they went through float16.

    Raises:
        ValueError: the weights grew beyond what float16 holds.
    """
    try:
        weights = halves(network)
    except ValueError as error:
        raise ValueError(
            f"the training went astray: {error}; take a --rate lower than {rate:g}, and another --run"
        ) from None
    return [weight.astype("float32") for weight in weights]


def write_history(
    run: Path, history: Sequence[Mapping[str, Any]], draw: Callable[..., Any], scores: Sequence[str]
) -> Path:
    """Write ``history.json`` and, a curve for each of ``scores``, ``curves.png`` into the folder of a run.

    Args:
        run: the folder.
        history: rows of the training.
        draw: called with the rows, a score and ``ax``.
        scores: names.

    Returns:
        The figure's file.
    """
    from matplotlib.figure import Figure

    with replaced(run / "history.json") as part:
        part.write_text(json.dumps(history, indent=0) + "\n", encoding="utf-8")
    figure = Figure(figsize=(5 * len(scores), 3.6), layout="constrained")
    for ax, score in zip(figure.subplots(1, len(scores), squeeze=False)[0], scores):
        draw(history, score, ax=ax)
    curves = run / "curves.png"
    with replaced(curves) as part:
        figure.savefig(part, dpi=120)
    return curves


def facts_of(
    options: argparse.Namespace,
    history: Sequence[Mapping[str, Any]],
    *,
    what: str,
    command: str,
    data: Mapping[str, str],
    figures: Mapping[str, Any],
) -> dict[str, Any]:
    """What a card says of a training.

    Args:
        options: ``seed`` and ``note``.
        history: rows of the training, with ``seconds``.
        what: the weights are.
        command: that made them.
        data: what was learnt from, what was measured on.
        figures: that were measured.
    """
    return {
        "what": what,
        "command": command,
        "data": dict(data),
        "seed": options.seed,
        "epochs": len(history),
        "figures": dict(figures),
        "minutes": round(sum(row["seconds"] for row in history) / 60, 1),
        "date": datetime.date.today().isoformat(),
        **({"note": options.note} if options.note else {}),
    }


def data_facts(options: argparse.Namespace, learnt: str, held: str) -> dict[str, str]:
    """What was learnt from and what was measured on, in words.

    Args:
        options: ``data`` and ``validation``.
        learnt: "300 pairs", say.
        held: what was not learnt from, "30 held out, by chance"; "" for nothing.
    """
    facts = {"learnt_from": f"{short(options.data)}: {learnt}{f', {held}' if held else ''}"}
    if options.validation:
        facts["validation"] = f"{short(options.validation)}: measured on, never learnt from"
    return facts


def command_of(
    package: str,
    options: argparse.Namespace,
    names: Sequence[str],
    usual: Mapping[str, Any],
    forms: Mapping[str, Callable[[Any], str]],
) -> str:
    """The command with all that decides the result, as one would type it; of paths only the last part.

    Args:
        package: "fcn", "yolo".
        options: of the command, complete.
        names: of the options that decide.
        usual: those that say how data are read, and what they are by themselves; they are left out where they are so.
        forms: how a value is written, by the option's name; others as themselves.
    """
    words = ["python", "-m", package, "train", short(options.data)]
    if options.data.partition(":")[0] == "scenes":
        words += ["--count", str(options.count)]
    for name, value in usual.items():
        if getattr(options, name) != value:
            words += typed(name, getattr(options, name), forms)
    for name in names:
        words += typed(name, getattr(options, name), forms)
    if options.validation:
        words += ["--validation", short(options.validation)]
    return shlex.join(words)


def typed(name: str, value: Any, forms: Mapping[str, Callable[[Any], str]]) -> list[str]:
    """An option as one would type it; no words for what was not given.

    >>> typed("hold_out", 0.1, {}), typed("jit", True, {}), typed("patience", None, {})
    (['--hold-out', '0.1'], ['--jit'], [])
    """
    option = f"--{name.replace('_', '-')}"
    if value is None or value is False:
        return []
    if value is True:
        return [option]
    if name in forms:
        return [option, forms[name](value)]
    return [option, f"{value:g}" if isinstance(value, float) else str(value)]


def sides(value: Any) -> str:
    """A size as `data.command_line.parsing.size` reads it.

    >>> sides(64), sides((48, 64))
    ('64', '48x64')
    """
    return str(value) if isinstance(value, int) else "x".join(map(str, value))


def bounds(value: Sequence[float]) -> str:
    """A range as `data.command_line.parsing.scale_range` reads it.

    >>> bounds((0.5, 2))
    '0.5..2'
    """
    return "..".join(f"{bound:g}" for bound in value)


def last_part(path: Any) -> str:
    """The name of a file."""
    return Path(path).name


def short(word: str) -> str:
    """A word for data or a file without the folders before it.

    >>> short("a/b/c:train"), short("a/b.csv")
    ('c:train', 'b.csv')
    """
    before, _, part = word.rpartition(":")
    return f"{Path(before).resolve().name}:{part}" if before and not Path(word).exists() else Path(word).resolve().name
