"""The words of the command line: commands, options, help. Light modules only, so that help is fast."""

from __future__ import annotations

import argparse
from pathlib import Path

from data.command_line.parsing import (
    Parser,
    counted,
    order_options,
    positive,
    result_options,
    scale_range,
    share,
    size,
    whole_number,
)

DESCRIPTION = "Every pixel a class, from the command line."
SCENES = 400  # that are drawn
EXAMPLES = """\
examples:
  python -m fcn overlay photo.jpg                  the classes over the photograph, with a legend: photo-overlay.png
  python -m fcn overlay drive.mp4                  a video: drive-overlay.mp4
  python -m fcn predict holiday/ --output labels/  a folder of pictures, into another: PNGs that hold class numbers
  python -m fcn lint mine/                         is the data in mine/images and mine/labels fit to be learnt from?
  python -m fcn train mine/                        learn it: runs/mine/mine.weights.h5
  python -m fcn evaluate mine/ --weights runs/mine/mine.weights.h5
  python -m fcn overlay photo.jpg --weights runs/mine/mine.weights.h5

each command has its own examples: python -m fcn train --help

exit status: 0 all is well, 1 something failed (what could be done is done), 2 wrong usage, 130 stopped with Ctrl-C
"""
OF_COMMAND = {
    "train": """\
  python -m fcn train camvid                       the recipe of the weights that ship; hours on two cores
  python -m fcn train scenes --network segnet_basic --width .25 --epochs 10 --size 64x64    minutes
  python -m fcn train mine/:train --validation mine/:val --size 360x480
  python -m fcn train mine/ --network unet --loss cross_entropy+dice --epochs 60
Ctrl-C is safe: the same command goes on after the last whole epoch.
""",
    "evaluate": """\
  python -m fcn evaluate camvid:validation         the weights that ship
  python -m fcn evaluate mine/:val --weights runs/mine/mine.weights.h5 --output scores.json
""",
    "predict": """\
  python -m fcn predict photo.jpg                  photo-label.png: class numbers, shown in the classes' colours
  python -m fcn predict holiday/ --output labels/ --size 360x480
""",
    "overlay": """\
  python -m fcn overlay photo.jpg                  photo-overlay.png
  python -m fcn overlay holiday/ --output seen/
  python -m fcn overlay drive.mp4 --size 360x480   drive-overlay.mp4, without its sound
""",
    "lint": """\
  python -m fcn lint mine/                         mine/images and mine/labels; mine/class_dict.csv if it is there
  python -m fcn lint camvid:validation
  python -m fcn lint CamVid/:train --label-ending _L
""",
}
DATA = """\
DATA is one of
  camvid, camvid:validation      367 and 101 street scenes (downloaded, 125 MB)
  scenes, scenes:SEED            drawn street scenes, --count of them
  FOLDER                         with images/ and labels/ in it (or --images, --labels), files of the same names
  FOLDER:PART                    PART/images and PART/labels, images/PART and labels/PART, or PART and PART_labels
  VOC2012, VOC2012:validation    Pascal VOC's folder, known by its ImageSets
Labels are PNGs of class numbers (grey or palette); or of colours, where there is a class_dict.csv (name,r,g,b).
"""


# What messages of the package's functions call their arguments, and what they are called here.
OPTIONS = {
    "lint(data)": "'python -m fcn lint'",
    "unknown='void'": "--unknown-is-void",
    "label_ending=": "--label-ending",
    "class_dict=": "--class-dict",
    "class_names=": "--classes",
}


def in_options(message: str) -> str:
    """A message of a function in the words of the command line."""
    for argument, option in OPTIONS.items():
        message = message.replace(argument, option)
    return message


def parser() -> argparse.ArgumentParser:
    """All commands and options."""
    raw = argparse.RawDescriptionHelpFormatter
    top = Parser(prog="python -m fcn", description=DESCRIPTION, epilog=EXAMPLES, formatter_class=raw)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)

    def command(name: str, summary: str, more: str = "") -> argparse.ArgumentParser:
        text = summary[0].upper() + summary[1:] + "."
        made = commands.add_parser(
            name, help=summary, description=text, epilog=f"{more}\nexamples:\n{OF_COMMAND[name]}", formatter_class=raw
        )
        made.add_argument("-q", "--quiet", action="store_true", help="no progress, only results and errors")
        return made

    made = command("train", "train a network", DATA)
    _data_options(made)
    _training_options(made)
    made = command("evaluate", "measure a network on labelled pictures", DATA)
    _data_options(made)
    _network_options(made)
    made.add_argument("-o", "--output", type=Path, metavar="FILE.json", help="write the scores there, too")
    made.add_argument("-f", "--force", action="store_true", help="replace a file that is there already")
    for name, summary, what in (
        ("predict", "write the class of every pixel", "files, folders, or names of sample photographs (cat, ...)"),
        ("overlay", "the classes in colours over pictures and videos, with a legend", "pictures, videos, folders"),
    ):
        made = command(name, summary)
        made.add_argument("pictures", nargs="+", metavar="PICTURE", help=what)
        _network_options(made)
        made.add_argument("--classes", metavar="FILE", help="names of a .keras file's classes, one in each line")
        made.add_argument("-o", "--output", type=Path, metavar="PATH", help="a file or a folder (default: this folder)")
        made.add_argument("-f", "--force", action="store_true", help="replace files that are there already")
    made.add_argument("--no-legend", action="store_true", help="only the picture, at its own size")
    made.add_argument("--alpha", type=share, default=0.5, help="how much the colours cover, 0..1 (default: .5)")
    made = command("lint", "what is in the labels, and what is wrong with them", DATA)
    _data_options(made)
    return top


def _data_options(made: argparse.ArgumentParser) -> None:
    made.add_argument("data", metavar="DATA", help="see below")
    group = made.add_argument_group("a folder of one's own")
    group.add_argument("--images", default="images", metavar="NAME", help="folder in it with the pictures")
    group.add_argument("--labels", default="labels", metavar="NAME", help="folder in it with the labels")
    group.add_argument("--label-ending", default="", metavar="TEXT", help="as _L, for a_L.png, the label of a.png")
    group.add_argument("--class-dict", metavar="FILE", help="name,r,g,b in each line (default: class_dict.csv in it)")
    group.add_argument("--classes", metavar="FILE", help="names in the order of the numbers, one in each line")
    group.add_argument("--void", type=_ids, default=(), metavar="N,N", help="numbers that mean void, besides 255")
    group.add_argument("--unknown-is-void", action="store_true", help="numbers and colours without a class are void")
    made.add_argument("--count", type=whole_number, default=SCENES, help="of drawn scenes (default: %(default)s)")


def _network_options(made: argparse.ArgumentParser) -> None:
    made.add_argument(
        "--weights",
        metavar="NAME or FILE",
        help="weights that ship, a .weights.h5 with its card beside it, or a .keras file that takes RGB in 0..255 "
        "(default: those for CamVid's classes that ship)",
    )
    made.add_argument("--size", type=size, metavar="HxW", help="pixels that the network sees (default: the picture's)")


def _training_options(made: argparse.ArgumentParser) -> None:
    group = made.add_argument_group("network (default: deeplab_v3_plus on mobilenet_v2 from ImageNet, width .25)")
    group.add_argument(
        "--network", default=None, metavar="NAME", help="segnet, unet, pspnet, ...; the paper's by itself"
    )
    group.add_argument("--encoder", metavar="NAME", help="a network of keras.applications, or none")
    group.add_argument("--encoder-file", metavar="FILE.keras", help="a classifier of your own as the encoder")
    group.add_argument("--encoder-weights", choices=("imagenet", "none"), help="to start with (default: imagenet)")
    group.add_argument("--width", type=positive, help="of all layers but the given encoder's (default: 1)")
    group = made.add_argument_group("training")
    group.add_argument(
        "--decoder-epochs", type=whole_number, help="with the encoder frozen (default: 4, where it knows)"
    )
    group.add_argument("--epochs", type=counted, default=40, help="in which all is trained (default: 40)")
    group.add_argument("--rate", type=positive, default=0.001, help="highest learning rate (default: .001)")
    group.add_argument("--batch", type=counted, default=4, help="pictures in a step (default: 4)")
    group.add_argument("--hold-out", type=share, default=0.1, help="share not learnt from, 0 for none (default: .1)")
    group.add_argument("--loss", type=_losses, default=["cross_entropy", "jaccard"], metavar="LOSS+LOSS",
                       help=f"{', '.join(LOSSES)} (default: cross_entropy+jaccard)")  # fmt: skip
    group.add_argument("--balance", type=share, default=0.5, help="weights of classes: 0 equal, 1 median frequency")
    group.add_argument("--size", type=size, metavar="HxW", help="all pairs are resized to this (default: as they are)")
    group.add_argument("--crop", type=size, metavar="HxW", help="of each view (default: two thirds of the size)")
    group.add_argument(
        "--scale", type=scale_range, default=(0.6, 1.5), metavar="A..B", help="of views (default: .6..1.5)"
    )
    order_options(group)
    group.add_argument("--keep", choices=("last", "best"), default="last", help="weights (default: last; best: by the "
                       "mean IoU of what is held out)")  # fmt: skip
    group.add_argument("--patience", type=counted, help="end a phase after so many epochs without a better mean IoU")
    group.add_argument("--jit", action="store_true", help="compile with XLA")
    result_options(made)


LOSSES = ("cross_entropy", "focal", "dice", "jaccard", "lovasz")


def _losses(text: str) -> list[str]:
    names = [name.strip().lower().replace("-", "_") for name in text.split("+")]
    unknown = [name for name in names if name not in LOSSES]
    if unknown or len(set(names)) < len(names):
        raise argparse.ArgumentTypeError(f"{text!r}; each once of {', '.join(LOSSES)}, with + between")
    return names


def _ids(text: str) -> tuple[int, ...]:
    return tuple(whole_number(word.strip()) for word in text.split(","))
