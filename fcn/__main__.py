"""Every pixel a class, from the command line: `python -m fcn train|evaluate|predict|overlay|lint`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from data.command_line.running import run_command
from fcn.command_line.parsing import in_options, parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: the words after `python -m fcn`; those of this process if None.

    Returns:
        0 all is well, 1 something failed (said on stderr), 130 stopped with Ctrl-C.

    Raises:
        SystemExit: 2, wrong usage; 0, help.
    """
    return run_command("fcn", parser(), arguments, in_options)


if __name__ == "__main__":
    import os

    os.environ["MPLBACKEND"] = "agg"  # nothing is shown; so no display is needed
    sys.exit(main())
