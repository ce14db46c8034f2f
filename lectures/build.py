"""Build and check the lectures.

    python lectures/build.py build [NN ...]   run the sources and write the notebooks
    python lectures/build.py check [NN ...]   is every notebook what its source says? (starts no kernel)
    python lectures/build.py page NN          run one lecture and write it as a web page

A lecture is ``NN_topic.py`` (jupytext's py:percent) and ``NN_topic.ipynb``, made from it, with its outputs.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from PIL import Image

from data.assets import locate

HERE = Path(__file__).resolve().parent
LONGEST_CELL = 15  # lines of code
MOST_CODE_CELLS = 2  # without prose between them
TIMEOUT = 400  # seconds for one cell; the longest trains for minutes on one core
FIGURES = ("image/png", "image/jpeg")
LARGE_FIGURE = 100_000  # bytes
# In place of the figures of cells tagged "licensed".
ELSEWHERE = "Run this cell to see its figure: it shows photographs whose licence is not that of these lectures.\n"
# As in the tests: one order of additions, no chatter, no sliders. Set before a kernel starts.
KERNEL_ENVIRONMENT = {
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "LECTURE_STILL": "1",
}

# Weights that a lecture takes from Keras's cache, and which the tests never download.
NEEDS = {
    "05b_imagenet": "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5"
}
# What a lecture takes from `data.fetch`.
ASSETS = {
    "08b_camvid": ("camvid",),
    "11b_yolov3_tiny": ("yolov3-tiny.weights", "darknet-photos"),
}


def missing(lecture: str) -> str:
    """Why a lecture cannot be run here without the network; empty if it can."""
    assets = ASSETS.get(lecture, ())
    if absent := " ".join(asset for asset in assets if locate(asset) is None):
        return f"needs {absent}: python -m data fetch {absent}"
    home = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"))
    if lecture not in NEEDS or (home / "models" / NEEDS[lecture]).exists():
        return ""
    return f"needs {NEEDS[lecture]}, which Keras would download"


def sources(numbers: list[str]) -> list[Path]:
    """The sources of these lectures, of all by default.

    Raises:
        SystemExit: no such lecture; the message lists those there are.
    """
    numbers = [number.zfill(2) for number in numbers]
    everything = sorted(HERE.glob("[0-9][0-9]*_*.py"))
    if not numbers:
        return everything
    chosen = [path for path in everything if path.stem.split("_")[0] in numbers]
    if len(chosen) < len(set(numbers)):
        raise SystemExit(
            f"no lecture {' '.join(numbers)}; there is {', '.join(path.stem for path in everything)}"
        )
    return chosen


def source_hash(source: Path) -> str:
    """SHA-256 of a source, whatever its line ends."""
    return hashlib.sha256(source.read_text(encoding="utf-8").encode()).hexdigest()


def read_source(source: Path) -> NotebookNode:
    """The source as a notebook that has not been run, with cell ids that do not change from build to build."""
    import jupytext

    notebook = jupytext.read(source)
    for index, cell in enumerate(notebook.cells):
        cell.id = f"{source.stem[:2]}-{index:03d}"
    notebook.metadata["lecture"] = {"source_sha256": source_hash(source)}
    notebook.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    return notebook


def alt_text(cell: NotebookNode) -> str:
    """What a cell says of its figure for those who cannot see it."""
    return cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")


def execute(notebook: NotebookNode, verbose: bool = True) -> NotebookNode:
    """Run a notebook in its own folder and strip what differs from run to run."""
    from nbclient import NotebookClient
    from tqdm.auto import tqdm

    os.environ.update(KERNEL_ENVIRONMENT)
    # The kernel of this interpreter, not one of the same name that another environment has installed.
    client = NotebookClient(
        notebook,
        timeout=TIMEOUT,
        resources={"metadata": {"path": HERE}},
        record_timing=False,
        coalesce_streams=True,
    )
    client.create_kernel_manager()
    client.km.kernel_spec.argv[0] = sys.executable
    with (
        client.setup_kernel(stderr=subprocess.DEVNULL),
        tqdm(notebook.cells, disable=not verbose, unit="cell") as cells,
    ):
        for index, cell in enumerate(cells):
            client.execute_cell(cell, index)
    notebook.metadata.pop("language_info", None)
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        cell.metadata.pop("execution", None)
        tags = cell.metadata.get("tags", [])
        if "widget" in tags:
            cell.outputs = []  # a slider is nothing without its kernel
        if "licensed" in tags:
            cell.outputs = [without_figure(output) for output in cell.outputs]
        if (
            "nbval-ignore-output" in tags
        ):  # what TensorFlow says of the machine is not for the reader
            cell.outputs = [
                output
                for output in cell.outputs
                if output.get("name") != "stderr"
                and not output.get("text", "").startswith("Downloading data")
            ]
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                kind = lighten(output)
                if alt_text(cell):
                    output.metadata[kind] = {"alt": alt_text(cell)}
    return notebook


def without_figure(output: NotebookNode) -> NotebookNode:
    """A figure with photographs that this repository may not pass on, replaced by words; other outputs as they are."""
    if "image/png" not in output.get("data", {}):
        return output
    return nbformat.v4.new_output("stream", name="stdout", text=ELSEWHERE)


def lighten(output: NotebookNode) -> str:
    """Store a large figure, full of photographs, as JPEG where that takes less than half; the kind that it is now."""
    png = base64.b64decode(output.data["image/png"])
    if len(png) < LARGE_FIGURE:
        return "image/png"
    jpeg = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").save(
        jpeg, "JPEG", quality=90, subsampling=0
    )
    if 2 * len(jpeg.getvalue()) > len(png):
        return "image/png"
    del output.data["image/png"]
    output.data["image/jpeg"] = base64.b64encode(jpeg.getvalue()).decode()
    return "image/jpeg"


def build(source: Path) -> None:
    """Run a source and write the notebook beside it."""
    start = time.perf_counter()
    notebook = execute(read_source(source))
    nbformat.write(notebook, source.with_suffix(".ipynb"))
    print(f"built {source.stem} in {time.perf_counter() - start:.0f} s")


def problems(source: Path) -> list[str]:
    """What is wrong with a pair of source and notebook; empty if nothing is."""
    path = source.with_suffix(".ipynb")
    if not path.exists():
        return ["has no notebook"]
    notebook = nbformat.read(path, as_version=4)
    wanted = read_source(source)
    found = []
    same = [(cell.cell_type, cell.source) for cell in notebook.cells] == [
        (cell.cell_type, cell.source) for cell in wanted.cells
    ]
    if not same or notebook.metadata.get("lecture") != wanted.metadata["lecture"]:
        found.append(
            f"is stale: the source has changed; run 'python lectures/build.py build {source.stem[:2]}'"
        )
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    counts = [cell.execution_count for cell in code]
    if counts != list(range(1, len(code) + 1)):
        found.append(
            f"was not run from top to bottom: the cells are numbered {counts}"
        )
    in_a_row = 0
    for cell in notebook.cells:
        in_a_row = in_a_row + 1 if cell.cell_type == "code" else 0
        if in_a_row == MOST_CODE_CELLS + 1:
            found.append(
                f"cell {cell.id}: more than {MOST_CODE_CELLS} code cells without prose between them"
            )
        if cell.cell_type == "code":
            found += [
                f"cell {cell.id}: {problem}" for problem in cell_problems(cell)
            ]
    return found


def cell_problems(cell: NotebookNode) -> list[str]:
    """What is wrong with one code cell."""
    found = []
    lines = sum(
        bool(line.strip()) and not line.strip().startswith("#")
        for line in cell.source.splitlines()
    )
    if lines > LONGEST_CELL:
        found.append(f"{lines} lines of code, {LONGEST_CELL} at most")
    if any(output.output_type == "error" for output in cell.outputs):
        found.append("a stored error")
    if any(output.get("name") == "stderr" for output in cell.outputs):
        found.append("something was written to stderr")
    figures = [
        output.metadata.get(kind, {})
        for output in cell.outputs
        for kind in FIGURES
        if kind in output.get("data", {})
    ]
    if any(not metadata.get("alt") for metadata in figures):
        found.append(
            'shows a figure without alt text; write mystnb={"image": {"alt": "..."}} after its %%'
        )
    return found


def check(numbers: list[str]) -> int:
    """Print what is wrong with the lectures; the exit code."""
    chosen = sources(numbers)
    bad = 0
    for source in chosen:
        for problem in problems(source):
            print(f"{source.stem}: {problem}")
            bad += 1
    print(f"{len(chosen)} lectures checked, {bad} problems")
    return min(bad, 1)


def with_mathml(text: str) -> str:
    """Markdown with its formulas as MathML, which a browser draws without fetching anything."""
    from latex2mathml.converter import convert

    def block(match: re.Match[str]) -> str:
        return convert(match[1].strip(), display="block")

    # Code keeps its dollars.
    pieces = re.split(r"(```.*?```|`[^`]*`)", text, flags=re.DOTALL)
    for index in range(0, len(pieces), 2):
        piece = re.sub(r"\$\$(.+?)\$\$", block, pieces[index], flags=re.DOTALL)
        pieces[index] = re.sub(
            r"(?<![\\$])\$([^$\n]+?)\$", lambda match: convert(match[1]), piece
        )
    return "".join(pieces)


def page(source: Path) -> Path:
    """Run a lecture and write it as one HTML file that needs no network."""
    from nbconvert import HTMLExporter

    print(f"Running {source.stem} ...", flush=True)
    notebook = execute(read_source(source))
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = with_mathml(cell.source)
    notebook.metadata["title"] = source.stem[3:].replace("_", " ").capitalize()
    exporter = HTMLExporter(template_name="classic")
    body, _ = exporter.from_notebook_node(
        notebook, resources={"metadata": {"name": notebook.metadata["title"]}}
    )
    # Nothing on the page moves or computes, so it needs none of the scripts that it would fetch.
    body = re.sub(r"<script\b.*?</script>", "", body, flags=re.DOTALL)
    path = HERE / "html" / f"{source.stem}.html"
    path.parent.mkdir(exist_ok=True)
    path.write_text(body, encoding="utf-8")
    print(f"Open this page in a browser:\n  {path.as_uri()}")
    return path


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python lectures/build.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=("build", "check", "page"))
    parser.add_argument(
        "numbers",
        nargs="*",
        metavar="NN",
        help="numbers of lectures, as in 01; all by default",
    )
    options = parser.parse_args(arguments)
    if options.command == "check":
        return check(options.numbers)
    for source in sources(options.numbers):
        {"build": build, "page": page}[options.command](source)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("stopped; nothing half-written is left")
