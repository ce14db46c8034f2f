"""`python -m data`: list, fetch and verify the assets that are not in the repository."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from data.assets import AssetUnavailableError, assets, fetch, locate, verify

EXAMPLES = """\
examples:
  python -m data list                       what there is, how large, under which licence, and where it lies here
  python -m data fetch yolo-fastest camvid  find or download two assets and print where they lie
  python -m data fetch --all                everything, for a machine that will be without network
  python -m data verify                     hash everything that is on this machine
  python -m data verify camvid              the same for one; that it is not here is a problem then

environment:
  LECTURE_DATA   one or more folders that hold assets, separated as in PATH; looked in first, never written to
  LECTURE_CACHE  where downloads are kept, in place of the per-user cache

exit status: 0 all is well, 1 a problem, 2 wrong usage
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args: arguments: the words after `python -m data`; those of this process if None.
    Returns: 0 all is well, 1 a problem (said on stderr).
    Raises: SystemExit(2) for wrong usage, an unknown asset included.
    """
    parser = argparse.ArgumentParser(
        prog="python -m data",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="{list,fetch,verify}")
    commands.add_parser("list", help="every asset: size, licence, and where it lies on this machine")
    fetching = commands.add_parser("fetch", help="find assets, download what is not here, print where they lie")
    fetching.add_argument("names", nargs="*", metavar="NAME")
    fetching.add_argument("--all", action="store_true", help="every asset")
    fetching.add_argument("--replace", action="store_true", help="download again what is wrong in the cache")
    fetching.add_argument("-q", "--quiet", action="store_true", help="no progress bar")
    verifying = commands.add_parser("verify", help="hash what is on this machine, without the network")
    verifying.add_argument("names", nargs="*", metavar="NAME", help="default: every asset that is here")
    options = parser.parse_args(arguments)

    if options.command == "list":
        return _list()
    known = list(assets())
    unknown = [name for name in options.names if name not in known]
    if unknown:
        parser.error(f"no asset {', '.join(map(repr, unknown))}; assets: {', '.join(known)}")
    if options.command == "verify":
        return _each(options.names or known, verify, absent_is_fine=not options.names)
    if bool(options.names) == options.all:
        parser.error("fetch: give one or more names, or --all")
    return _each(
        known if options.all else options.names,
        lambda name: fetch(name, replace=options.replace, verbose=not options.quiet),
    )


def _list() -> int:
    for name, asset in assets().items():
        print(f"{name}  ({asset.size}, {locate(name) or 'not here'})")
        for line in (asset.description, f"licence: {asset.licence}", f"cite: {asset.citation}", f"from: {asset.home}"):
            print(f"    {line}")
    return 0


def _each(names: Sequence[str], action: Callable[[str], Path], absent_is_fine: bool = False) -> int:
    """Run `action` on every name, going on after a failure: one missing asset must not hide the state of the others."""
    problems = 0
    for name in names:
        try:
            print(f"{name}: {action(name)}", flush=True)
        except AssetUnavailableError as error:
            if absent_is_fine:
                print(f"{name}: not here")
            else:
                problems += 1
                print(error, file=sys.stderr)
        except OSError as error:
            problems += 1
            print(error, file=sys.stderr)
        except KeyboardInterrupt:
            print(f"{name}: interrupted; the files that are complete are kept", file=sys.stderr)
            return 1
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
