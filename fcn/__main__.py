"""Every pixel a class, from the command line: `python -m fcn train|evaluate|predict|overlay|lint`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

from data.command_line.quiet import expected, one_line
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
    options = parser().parse_args(sys.argv[1:] if arguments is None else list(arguments))
    try:
        return import_module(f"fcn.command_line.{options.command}").run(options)
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130
    except Exception as error:
        if not isinstance(error, expected()):
            raise
        print(f"python -m fcn {options.command}: {in_options(one_line(error))}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    import os

    os.environ["MPLBACKEND"] = "agg"  # nothing is shown; so no display is needed
    sys.exit(main())
