"""The words of `python -m yolo train`."""

from __future__ import annotations

import argparse

from data.command_line.parsing import (
    counted,
    order_options,
    positive,
    result_options,
    scale_range,
    share,
    size,
    whole_number,
)

NETWORKS = ("yolov3_tiny", "yolov3", "yolov3_spp")
BOX_TERMS = ("darknet", "giou", "diou", "ciou")


def add_training_options(made: argparse.ArgumentParser) -> None:
    """All of them but those of the data."""
    made.add_argument(
        "--strict", action="store_true", help="stop at the first broken label; else it is left out, and said at the end"
    )
    _start_options(made)
    _procedure_options(made)
    _view_options(made)
    result_options(made)


def _start_options(made: argparse.ArgumentParser) -> None:
    group = made.add_argument_group("what it starts with (default: yolov3_tiny, which knows nothing)")
    group.add_argument(
        "--weights", metavar="NAME or FILE", help="a detector whose body is kept, with new heads: yolov3-tiny "
        "(downloaded), a .weights.h5 with its card beside it, or Darknet's file, with --cfg",
    )  # fmt: skip
    group.add_argument("--cfg", metavar="FILE", help="of Darknet's --weights")
    group.add_argument("--network", choices=NETWORKS, help="from scratch (default: yolov3_tiny)")
    group.add_argument("--width", type=positive, help="factor on its filters (default: 1)")
    group.add_argument("--size", type=size, metavar="HxW", help="of the input, multiples of 32 (default: that of "
                       "--weights, or 416)")  # fmt: skip
    group.add_argument("--anchors", choices=("cluster", "keep"), default="cluster", help="the shapes of DATA's boxes, "
                       "or those that there are (default: cluster)")  # fmt: skip


def _procedure_options(made: argparse.ArgumentParser) -> None:
    group = made.add_argument_group("training")
    group.add_argument("--head-only", action="store_true", help="only the heads learn, in all --epochs, from features "
                       "calculated once and kept in the run's folder (default --weights: yolov3-tiny)")  # fmt: skip
    group.add_argument("--freeze-epochs", type=whole_number, metavar="N", help="first, with the body frozen (default: "
                       "4 with --weights, else 0)")  # fmt: skip
    group.add_argument("--epochs", type=counted, default=40, help="in which all is trained (default: 40)")
    group.add_argument("--rate", type=positive, default=0.001, help="highest learning rate (default: .001)")
    group.add_argument("--batch", type=counted, default=8, help="pictures in a step (default: 8)")
    group.add_argument("--hold-out", type=share, default=0.1, help="share of DATA not learnt from, drawn by --seed, 0 "
                       "for none (default: .1)")  # fmt: skip
    group.add_argument("--measure-every", type=counted, default=1, metavar="N", help="epochs from one measurement on "
                       "what is held out to the next (default: 1)")  # fmt: skip
    group.add_argument("--patience", type=counted, metavar="N", help="end a phase after N epochs without a better AP50")
    group.add_argument("--keep", choices=("last", "best"), default="last", help="weights (default: last; best: by the "
                       "AP50 on what is held out)")  # fmt: skip
    group.add_argument("--ema", type=share, metavar="SHARE", help="keep the weights' moving average, in which so much "
                       "stays at each step: .99, say")  # fmt: skip
    group.add_argument("--clip", type=positive, default=10.0, help="longest gradient (default: 10)")
    group.add_argument("--box-term", choices=BOX_TERMS, default="darknet", help="of the loss (default: darknet)")
    group.add_argument("--focal", type=positive, metavar="EXPONENT", help="focal loss for objectness: 2, say")
    group.add_argument("--smooth", type=share, metavar="SHARE", help="label smoothing of the classes: .1, say")
    order_options(group)


def _view_options(made: argparse.ArgumentParser) -> None:
    group = made.add_argument_group("views (not with --head-only)")
    group.add_argument("--multi-scale", action="store_true", help="another size of the input every ten steps, .75 to "
                       "1.25 times --size")  # fmt: skip
    group.add_argument("--mosaic", type=share, metavar="SHARE", help="views of four pictures (default: .5)")
    group.add_argument("--mixup", type=share, metavar="SHARE", help="views blended with another picture (default: 0)")
    group.add_argument("--scale", type=scale_range, metavar="A..B", help="of a picture that is alone in its view "
                       "(default: .5..1.5)")  # fmt: skip
