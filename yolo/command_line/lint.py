"""`python -m yolo lint DATA`: what is in the labels, and what is wrong with them."""

from __future__ import annotations

import argparse

from yolo.command_line.sources import open_data
from yolo.datasets import lint


def run(options: argparse.Namespace) -> int:
    """Print the report; 0 if a training can begin, else 1."""
    report = lint(
        open_data(options.data, options), size=options.size, read=not options.headers, verbose=not options.quiet
    )
    print(report)
    return 0 if report.ok else 1
