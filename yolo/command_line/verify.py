"""`python -m yolo verify CFG WEIGHTS`: a network imported, compared with OpenCV, its cfg looked through."""

from __future__ import annotations

import argparse
import textwrap

from data.command_line.quiet import start_tensorflow

DEAD = """\
A mask says which of the anchors a head uses. An anchor in no mask is dead: an object that fits it best belongs to no
head and is never learned. The known case is YOLOv3-tiny: its official weights were trained with mask = 3,4,5 and
mask = 1,2,3, a slip, so that anchor 0, the smallest, is dead and anchor 3 is used twice. For these weights the cfg has
to stay as it is: decoded with 0,1,2 their boxes come out too small. To train anew, write 0,1,2."""


def run(options: argparse.Namespace) -> int:
    """Print the report; 0 if all was compared and is equal, else 1."""
    start_tensorflow()
    from yolo.darknet import read_cfg, verify

    if options.layers:
        print(f"{read_cfg(options.cfg, options.size)}\n")
    report = verify(options.cfg, options.weights, size=options.size, seed=options.seed, tolerance=options.tolerance)
    print(report)
    if report.dead_anchors:
        print(f"\n{textwrap.fill(DEAD, 100)}")
    return 0 if report.equal else 1
