"""The words of the command line: commands, options, help. Light modules only, so that help is fast."""

from __future__ import annotations

import argparse
from pathlib import Path

from data.command_line.parsing import Parser, counted, positive, share, size, whole_number, words
from yolo.command_line.training_options import add_training_options

DESCRIPTION = "Every object a box, from the command line."
EXAMPLES = """\
examples:
  python -m yolo detect photo.jpg                  what is in it: photo-boxes.png
  python -m yolo detect drive.mp4                  a video: drive-boxes.mp4
  python -m yolo verify yolov3.cfg yolov3.weights  is it imported right? compared with OpenCV
  python -m yolo lint VOC2012                      are these labels fit to be learnt from?
  python -m yolo train mine/                       learn it: runs/mine/mine.weights.h5
  python -m yolo evaluate bccd:validation --model runs/cells/cells.weights.h5

each command has its own examples: python -m yolo detect --help

exit status: 0 all is well, 1 something failed (what could be done is done), 2 wrong usage, 130 stopped with Ctrl-C
"""
OF_COMMAND = {
    "detect": """\
  python -m yolo detect photo.jpg                          photo-boxes.png, with YOLOv3-tiny, 80 classes
  python -m yolo detect holiday/ --output seen/ --csv found.csv
  python -m yolo detect 'holiday/**/*.jpg' --no-pictures --json found.json
  python -m yolo detect drive.mp4 --size 608 --only car,truck
  python -m yolo detect 0 --seconds 20                     the first camera: camera-0-boxes.mp4; Ctrl-C ends it sooner
  python -m yolo detect a.jpg --model x.cfg --weights x.weights --names x.names
  python -m yolo detect a.jpg --model runs/x/x.weights.h5
""",
    "train": """\
  python -m yolo train mine/ --head-only                   the heads of yolov3-tiny alone: seconds for an epoch
  python -m yolo train bccd --weights yolov3-tiny          what it knows, with new heads; all learns
  python -m yolo train mine/:train --validation mine/:val --weights runs/x/x.weights.h5 --epochs 30 --rate .0005
  python -m yolo train scenes --count 3000 --size 256x384 --width .375 --epochs 20         from scratch
Ctrl-C is safe: the same command goes on after the last whole epoch.
""",
    "verify": """\
  python -m yolo verify yolov3-tiny.cfg yolov3-tiny.weights
  python -m yolo verify yolov3.cfg yolov3.weights --size 320 --layers
exit status: 0 equal, 1 different, or not compared (OpenCV 4 reads Darknet's files, 5 does not)
""",
    "evaluate": """\
  python -m yolo evaluate bccd:validation --model runs/cells/cells.weights.h5
  python -m yolo evaluate scenes:7 --count 200 --model x.weights.h5 --json scores.json
  python -m yolo evaluate VOC2012:val --only sofa,car --same sofa=couch        yolov3-tiny says couch
  python -m yolo evaluate mine/ --model x.cfg --weights x.weights --names x.names --confusion confusion.png
  python -m yolo evaluate --results detections.json --truth instances.json --curves curves.png --errors errors.png
""",
    "lint": """\
  python -m yolo lint bccd
  python -m yolo lint VOC2012:train
  python -m yolo lint coins/ --names coins/obj.names
  python -m yolo lint instances.json --images pictures/
""",
}
DATA = """\
DATA is one of
  bccd, bccd:validation, bccd:trainval   blood cells (downloaded, 7 MB)
  scenes, scenes:SEED                    drawn street scenes, --count of them
  FOLDER, FOLDER:LIST                    Pascal VOC, known by its Annotations; a list in ImageSets/Main
  FOLDER                                 Darknet's: images, and for each a .txt; the names of the classes in one .names
  FILE.json, FILE.csv                    COCO; a table
"""


def parser() -> argparse.ArgumentParser:
    """All commands and options."""
    raw = argparse.RawDescriptionHelpFormatter
    top = Parser(prog="python -m yolo", description=DESCRIPTION, epilog=EXAMPLES, formatter_class=raw)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)

    def command(name: str, summary: str, more: str = "") -> argparse.ArgumentParser:
        text = summary[0].upper() + summary[1:] + "."
        made = commands.add_parser(
            name, help=summary, description=text, epilog=f"{more}\nexamples:\n{OF_COMMAND[name]}", formatter_class=raw
        )
        made.add_argument("-q", "--quiet", action="store_true", help="no progress, only results and errors")
        return made

    _detect_options(command("detect", "find objects in pictures, videos, or what a camera sees"))
    made = command("verify", "compare Darknet's files, imported here, with another engine")
    made.add_argument("cfg", type=Path, metavar="CFG")
    made.add_argument("weights", type=Path, metavar="WEIGHTS")
    made.add_argument("--size", type=size, metavar="HxW", help="of the input (default: the cfg's)")
    made.add_argument("--seed", type=whole_number, default=0, help="of the random picture (default: 0)")
    made.add_argument("--tolerance", type=positive, default=1e-4, help="that counts as equal (default: .0001)")
    made.add_argument("--layers", action="store_true", help="list the layers and their shapes, too")
    made = command("lint", "what is in the labels, and what is wrong with them", DATA)
    _folder_options(made)
    made.add_argument("--size", type=size, default=416, metavar="HxW", help="of the network's input (default: 416)")
    made.add_argument("--headers", action="store_true", help="read the pictures' headers only, which is faster")
    made = command("train", "train a detector", DATA)
    _folder_options(made, "--size")
    add_training_options(made)
    _evaluate_options(command("evaluate", "measure average precision on labelled pictures", DATA))
    return top


def _detect_options(made: argparse.ArgumentParser) -> None:
    made.add_argument(
        "paths", nargs="+", metavar="PATH", help="pictures, videos, folders, patterns, names of sample photographs "
        "(people, ...), or the number of a camera",
    )  # fmt: skip
    _detector_options(made, "of a .cfg: a class in each line")
    group = made.add_argument_group("what is found")
    group.add_argument("--threshold", type=share, default=0.3, help="least score, 0..1 (default: .3)")
    group.add_argument("--overlap", type=share, default=0.45, help="IoU above which the weaker box goes "
                       "(default: .45)")  # fmt: skip
    group.add_argument("--agnostic", action="store_true", help="boxes of different classes strike each other out, too")
    group.add_argument("--only", type=words, metavar="NAME,NAME", help="these classes only")
    group = made.add_argument_group("results")
    group.add_argument("-o", "--output", type=Path, metavar="PATH", help="a file or a folder (default: this folder)")
    group.add_argument("--json", type=Path, metavar="FILE", help="all that was found, picture by picture")
    group.add_argument("--csv", type=Path, metavar="FILE", help="all that was found, a row for each object")
    group.add_argument("--no-pictures", action="store_true", help="write no pictures and videos")
    group.add_argument("--no-scores", action="store_true", help="write only names on pictures")
    group.add_argument("--enlarge", type=counted, default=1, metavar="N", help="draw on pictures N times as large")
    group.add_argument("--seconds", type=positive, default=10.0, help="to watch a camera (default: 10)")
    group.add_argument("--batch", type=counted, default=4, help="pictures at a time (default: 4)")
    group.add_argument("-f", "--force", action="store_true", help="replace files that are there already")


def _detector_options(made: argparse.ArgumentParser, names: str) -> None:
    group = made.add_argument_group("detector")
    group.add_argument(
        "--model", metavar="NAME or FILE", help="yolov3-tiny (default), "
        "yolo-fastest, yolov3-tiny-aix (downloaded); a .cfg; or a .weights.h5 with its card beside it",
    )  # fmt: skip
    group.add_argument("--weights", type=Path, metavar="FILE", help="Darknet's, of a .cfg")
    group.add_argument("--names", type=Path, metavar="FILE", help=names)
    group.add_argument("--size", type=size, metavar="HxW", help="of the network's input, multiples of 32")
    group.add_argument("--stretch", action="store_true", default=None, help="fit pictures in by stretching, not with a "
                       "border: right for networks that were trained so (Darknet of YOLOv4)")  # fmt: skip
    group.add_argument("--dtype", choices=("float32", "bfloat16", "auto"), default="float32", help="to compute with; "
                       "auto: bfloat16 where it is faster and moves no score by .02 (default: float32)")  # fmt: skip


def _data_options(made: argparse.ArgumentParser, scene_size: str = "128") -> None:
    made.add_argument("--images", type=Path, metavar="FOLDER", help="of the pictures (default: beside the labels)")
    made.add_argument("--labels", type=Path, metavar="FOLDER", help="of Darknet's .txt files (default: found)")
    made.add_argument("--count", type=whole_number, default=400, help="of drawn scenes (default: 400)")
    made.add_argument("--scene-size", type=size, metavar="HxW", help=f"of drawn scenes, pixels (default: {scene_size})")


def _folder_options(made: argparse.ArgumentParser, scene_size: str = "128") -> None:
    made.add_argument("data", metavar="DATA", help="see below")
    _data_options(made, scene_size)
    made.add_argument("--names", type=Path, metavar="FILE", help="a class in each line (default: the one .names)")


def _evaluate_options(made: argparse.ArgumentParser) -> None:
    made.set_defaults(wrong=made.error)
    made.add_argument("data", nargs="?", metavar="DATA", help="see below; not with --results")
    _data_options(made)
    made.add_argument("--only", type=words, metavar="NAME,NAME", help="these classes of the data only")
    made.add_argument(
        "--same", type=pairs, default={}, metavar="NAME=NAME,...", help="classes that the data (first) and the "
        "detector (second) call by different names",
    )  # fmt: skip
    _detector_options(made, "of a .cfg, and of data that has none: a class in each line")
    made.add_argument("--threshold", type=share, default=0.005, help="least score of what counts (default: .005)")
    made.add_argument("--overlap", type=share, default=0.45, help="IoU above which the weaker box goes (default: .45)")
    made.add_argument("--batch", type=counted, default=8, help="pictures at a time (default: 8)")
    group = made.add_argument_group("from files, without a detector")
    group.add_argument("--results", type=Path, metavar="FILE", help="detections as COCO's JSON")
    group.add_argument("--truth", type=Path, metavar="FILE", help="annotations as COCO's JSON")
    group = made.add_argument_group("measuring")
    group.add_argument("--matching", choices=("coco", "voc"), default="coco", help="of detections and truths "
                       "(default: coco)")  # fmt: skip
    group.add_argument("--ties", choices=("fixed", "order", "together"), default="fixed", help="of equal scores; "
                       "order: as they are listed, which is pycocotools's way (default: fixed)")  # fmt: skip
    group.add_argument("--score", type=share, default=0.25, help="from which on a detection counts in the confusion "
                       "matrix and in the numbers of errors (default: .25)")  # fmt: skip
    group = made.add_argument_group("results")
    group.add_argument("--json", type=Path, metavar="FILE", help="all scores")
    group.add_argument("--curves", type=Path, metavar="FILE.png", help="precision against recall")
    group.add_argument("--confusion", type=Path, metavar="FILE.png", help="what is taken for what")
    group.add_argument("--errors", type=Path, metavar="FILE.png", help="kinds of errors, and what they cost")
    group.add_argument("-f", "--force", action="store_true", help="replace files that are there already")


def pairs(text: str) -> dict[str, str]:
    """Names joined by "=", with commas between the pairs.

    Raises:
        argparse.ArgumentTypeError: something else.

    >>> pairs("sofa=couch, tv monitor=tv")
    {'sofa': 'couch', 'tv monitor': 'tv'}
    """
    found = [[name.strip() for name in word.split("=")] for word in words(text)]
    if not all(len(pair) == 2 and all(pair) for pair in found):
        raise argparse.ArgumentTypeError(f"{text!r}; NAME=NAME, with commas between several, is wanted")
    return dict(found)
