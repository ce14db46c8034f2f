"""Every object a box, from the command line: `python -m yolo detect|verify|lint|train|evaluate`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from data.command_line.running import run_command
from yolo.command_line.parsing import parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: the words after `python -m yolo`; those of this process if None.

    Returns:
        0 all is well, 1 something failed (said on stderr), 130 stopped with Ctrl-C.

    Raises:
        SystemExit: 2, wrong usage; 0, help.
    """
    return run_command("yolo", parser(), arguments)


if __name__ == "__main__":
    import os

    os.environ["MPLBACKEND"] = "agg"  # nothing is shown; so no display is needed
    sys.exit(main())
