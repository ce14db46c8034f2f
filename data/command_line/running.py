"""What every package's command line does with the words it is given: run a command, say in one line what failed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from data.command_line.quiet import expected, one_line


def run_command(
    package: str,
    parser: argparse.ArgumentParser,
    arguments: Sequence[str] | None,
    in_options: Callable[[str], str] = str,
) -> int:
    """Run ``PACKAGE.command_line.COMMAND.run(options)``.

    Args:
        package: "fcn", "yolo".
        parser: whose options name a ``command``.
        arguments: the words after ``python -m PACKAGE``; those of this process if None.
        in_options: puts a function's message into the words of the command line.

    Returns:
        what the command returns: 0 all is well, 1 something failed; 1 after an error that is the user's or the
        world's, said on stderr in one line; 130 stopped with Ctrl-C.

    Raises:
        SystemExit: 2, wrong usage; 0, help.
        Exception: a mistake in the package, with its traceback.
    """
    options = parser.parse_args(sys.argv[1:] if arguments is None else list(arguments))
    try:
        return import_module(f"{package}.command_line.{options.command}").run(options)
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130
    except Exception as error:
        if not isinstance(error, expected()):
            raise
        print(f"python -m {package} {options.command}: {in_options(one_line(error))}", file=sys.stderr)
        return 1
