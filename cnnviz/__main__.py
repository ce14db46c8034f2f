"""Look into a convolutional network, from the command line: `python -m cnnviz COMMAND`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from data.command_line.parsing import Parser, size, whole_number, words

EXAMPLES = """\
examples:
  python -m cnnviz cam photo.jpg                       a heat map beside the photograph: photo-grad_cam.png
  python -m cnnviz cam photo.jpg --method all --grade  all methods side by side, each with its marks
  python -m cnnviz saliency holiday/ --output seen/    a folder of pictures, into another
  python -m cnnviz activations cat --output cat.html   a sample photograph (cat, coffee, rocket, ...), as a page
  python -m cnnviz filters --layer block4_conv2_relu   a whole layer in one picture
  python -m cnnviz dream photo.jpg --output dream.mp4  fall into a dream
  python -m cnnviz live                                the camera, in the browser
  python -m cnnviz cam photo.jpg --model mobilenet_v2  any network of keras.applications
  python -m cnnviz cam photo.jpg --model mine.keras --scale 0..1 --classes names.txt

each command has its own examples: python -m cnnviz cam --help

exit status: 0 all is well, 1 something failed (what could be done is done), 2 wrong usage, 130 stopped with Ctrl-C
"""
OF_COMMAND = {
    "activations": """\
  python -m cnnviz activations cat                             the way from the photograph to the answer
  python -m cnnviz activations cat --layer block2_conv2_relu   all maps of a layer
  python -m cnnviz activations holiday/ --output maps.html     one page for a folder
""",
    "filters": """\
  python -m cnnviz filters --layer block3_conv2_relu                 its first 16 channels
  python -m cnnviz filters --layer block3_conv2_relu --channel all   the whole layer; takes minutes
  python -m cnnviz filters --layer block5_conv2_relu --channel 3,17,40 --steps 256
""",
    "dream": """\
  python -m cnnviz dream photo.jpg                             every layer dreams of something else:
  python -m cnnviz dream photo.jpg --layer block3_conv2_relu,block5_conv2_relu
  python -m cnnviz dream photo.jpg --guide flowers.jpg         dream of flowers
  python -m cnnviz dream photo.jpg --output dream.mp4          fall into it
""",
    "saliency": """\
  python -m cnnviz saliency photo.jpg                          the plain gradient
  python -m cnnviz saliency photo.jpg --method smooth_grad,integrated_gradients --signed
  python -m cnnviz saliency photo.jpg --method all --target dog
""",
    "cam": """\
  python -m cnnviz cam photo.jpg                               Grad-CAM for the predicted class
  python -m cnnviz cam photo.jpg --target dog                  where is there something of a dog?
  python -m cnnviz cam holiday/ --method grad_cam,hires_cam,layer_cam --output sheets/
""",
    "live": """\
  python -m cnnviz live                                        the camera, in the browser
  python -m cnnviz live clip.mp4 --method activations          a video
  python -m cnnviz live holiday/ --output seen.mp4             pictures into a video, without a window
keys: q quit, w and e the layer before and behind, 1 to 6 the method, t the class, space pause
""",
}


def parser() -> argparse.ArgumentParser:
    """All commands and options."""
    top = Parser(
        prog="python -m cnnviz",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)

    def command(name: str, summary: str, pictures: bool = True) -> argparse.ArgumentParser:
        made = commands.add_parser(
            name,
            help=summary,
            description=summary[0].upper() + summary[1:] + ".",
            epilog="examples:\n" + OF_COMMAND[name],
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if pictures:
            made.add_argument(
                "pictures",
                nargs="+",
                metavar="PICTURE",
                help="files, folders (with all pictures in them), or names of sample photographs (cat, coffee, ...)",
            )
        made.add_argument(
            "--model",
            default="classifier",
            help="'classifier' (default, 12 classes, ships with cnnviz), a network of keras.applications, or a "
            ".keras file",
        )
        made.add_argument(
            "--scale",
            choices=("0..255", "0..1", "tf", "caffe", "torch"),
            default="0..255",
            help="how the model of a file takes pixels; tf (-1..1), caffe and torch as Keras's preprocess_input; the "
            "named models know it (default: 0..255)",
        )
        made.add_argument("--classes", metavar="FILE", help="a text file with the name of a class in each line")
        made.add_argument(
            "--size",
            type=size,
            metavar="N or HxW",
            help="pixels that the network sees: N cuts out the central square, HxW takes the whole picture "
            "(default: the model's own square)",
        )
        made.add_argument("-o", "--output", metavar="PATH", help=_output_help(name))
        made.add_argument("-f", "--force", action="store_true", help="replace files that are there already")
        made.add_argument("-q", "--quiet", action="store_true", help="no progress, only errors")
        return made

    made = command("activations", "what every layer makes of a picture")
    made.add_argument("--layer", type=words, help="layers, with commas between; default: one of every size of maps")

    made = command("filters", "what the filters of a layer would like to see", pictures=False)
    made.add_argument("--layer", type=words, help="layers, with commas between; default: the last one")
    made.add_argument("--channel", type=_numbers, help="numbers with commas between, or all (default: the first 16)")
    made.add_argument("--steps", type=whole_number, default=64, help="of the ascent (default: 64)")
    made.add_argument("--seed", type=whole_number, default=0)

    made = command("dream", "a picture in which the network sees more and more")
    made.add_argument("--layer", type=words, help="layers, with commas between; default: one of the deeper ones")
    made.add_argument("--channel", type=whole_number, help="dream of one channel only")
    made.add_argument("--guide", metavar="FILE", help="a second picture: dream of what is in that")
    made.add_argument("--octaves", type=whole_number, help="how many sizes are dreamt at")
    made.add_argument("--steps", type=whole_number, help="at each size")
    made.add_argument("--frames", type=whole_number, default=60, help="of a video (default: 60)")
    made.add_argument("--seed", type=whole_number, default=0)

    for name, summary, default in (
        ("saliency", "which pixels the answer hangs on", "gradient"),
        ("cam", "where in the picture the network finds a class", "grad_cam"),
    ):
        made = command(name, summary)
        made.add_argument(
            "--method",
            type=_method_names,
            default=[default],
            help=f"with commas between, or all: {', '.join(_methods(name))} (default: {default})",
        )
        made.add_argument("--target", help="the class that is explained, by name or number; default: the predicted one")
        made.add_argument("--grade", action="store_true", help="mark each method: area under deletion and insertion")
        if name == "cam":
            made.add_argument("--layer", type=words, help="whose maps are weighed; default: the last ones")
        else:
            made.add_argument("--signed", action="store_true", help="show what speaks against the class, too")

    made = command("live", "a camera, a video or pictures, as they come", pictures=False)
    made.add_argument(
        "source", nargs="?", help="a video, a picture, a folder, or a camera's number (default: camera 0)"
    )
    made.add_argument("--method", type=_one_of(_methods("live")), default="grad_cam", help=", ".join(_methods("live")))
    made.add_argument("--layer", type=words, help="to begin with")
    made.add_argument("--target", help="the class that is explained, by name or number; default: the predicted one")
    made.add_argument("--seconds", type=_seconds, help="stop after this time (a camera into a file: 10)")
    made.add_argument("--no-browser", action="store_true", help="only print the address of the page")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: the words after `python -m cnnviz`; those of this process if None.

    Returns:
        0 all is well, 1 something failed (said on stderr), 130 stopped with Ctrl-C.

    Raises:
        SystemExit: 2, wrong usage; 0, help.
    """
    top = parser()
    typed = sys.argv[1:] if arguments is None else list(arguments)
    options = top.parse_args(typed)
    options.words = typed
    problem = _usage_problem(options)
    if problem:
        _refuse(options, problem)
    try:
        from cnnviz.command_line.run import run

        return run(options, lambda text: _refuse(options, text))
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130


def _refuse(options: argparse.Namespace, problem: str) -> NoReturn:
    """Wrong usage that only shows when the words are put together, or the model is there."""
    prog = f"python -m cnnviz {options.command}"
    print(f"{prog}: {problem} (see {prog} --help)", file=sys.stderr)
    raise SystemExit(2)


def _usage_problem(options: argparse.Namespace) -> str:
    """What does not go together, or ""."""
    suffix = "" if options.output is None else _suffix(options.output)
    allowed = {"live": (".mp4", ".gif"), "dream": (".png", ".html", ".mp4", ".gif")}.get(
        options.command, (".png", ".html")
    )
    if suffix and suffix not in allowed:
        return f"--output {options.output}: {options.command} writes {', '.join(allowed)}"
    if options.command == "live" and options.output is not None and not suffix:
        return f"--output {options.output}: name a file, {' or '.join(allowed)}"
    if options.command in ("saliency", "cam"):
        known = _methods(options.command)
        unknown = [method for method in options.method if method not in (*known, "all")]
        if unknown:
            other = {"saliency": "cam", "cam": "saliency"}[options.command]
            hint = f"; {unknown[0]} is one of '{other}'" if unknown[0] in _methods(other) else ""
            return f"--method: no method {unknown[0]!r}{hint}; methods: {', '.join(known)}, all"
        if "all" in options.method:
            options.method = ["all"]
    if options.command in ("cam", "live") and options.layer and len(options.layer) > 1:
        return f"--layer: one layer is wanted, not {len(options.layer)}"
    if options.command == "dream" and suffix in (".mp4", ".gif") and len(options.pictures) > 1:
        return f"--output {options.output}: a video is made of one picture"
    return ""


def _methods(command: str) -> tuple[str, ...]:
    """The methods of a command; light modules only, so that help is fast."""
    if command == "live":
        from cnnviz.live.looking import METHODS

        return METHODS
    from cnnviz.command_line.actions import CAM, SALIENCY

    return CAM if command == "cam" else SALIENCY


def _output_help(command: str) -> str:
    if command == "live":
        return "an .mp4 or .gif to write, without a window"
    more = ", or an .mp4 or .gif: a zoom" if command == "dream" else ""
    return f"a .png, a folder, or an .html: one page with everything{more} (default: the current folder)"


def _suffix(path: str) -> str:
    """The suffix of a path in small letters; that of a folder's name is none."""
    import os

    return "" if os.path.isdir(path) or path.endswith(("/", os.sep)) else os.path.splitext(path)[1].lower()


def _method_names(text: str) -> list[str]:
    """Methods, written as in Python or with hyphens; each once."""
    return list(dict.fromkeys(word.replace("-", "_").lower() for word in words(text)))


def _numbers(text: str) -> Any:
    return "all" if text == "all" else [whole_number(word) for word in words(text)]


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a time in seconds")
    return seconds


def _one_of(known: Sequence[str]) -> Any:
    def check(text: str) -> str:
        name = text.replace("-", "_")
        if name not in known:
            raise argparse.ArgumentTypeError(f"no method {text!r}; methods: {', '.join(known)}")
        return name

    return check


if __name__ == "__main__":
    import os

    os.environ["MPLBACKEND"] = "agg"  # nothing is shown; so no display is needed
    sys.exit(main())
