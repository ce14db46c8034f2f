"""Pascal VOC: an XML file for each image (Everingham et al. 2010). Read with defusedxml: files may be anybody's."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

import numpy as np

from data.arguments import one_of
from yolo.datasets.files import ENDINGS, Placed, image_files, text_of
from yolo.datasets.records import (
    Collected,
    DetectionData,
    LabelError,
    Record,
    class_number,
    number,
    pixels_not_shares,
)

CORNERS = ("xmin", "ymin", "xmax", "ymax")
PIXELS = ("edges", "inclusive")


def read_voc(
    folder: str | os.PathLike[str],
    split: str | None = None,
    *,
    names: Sequence[str] | None = None,
    pixels: str = "edges",
    strict: bool = True,
) -> DetectionData:
    """Annotations of Pascal VOC and of all programs that write as it does.

    Args:
        folder: the one that holds ``Annotations`` and ``JPEGImages`` (``VOCdevkit/VOC2012``).
        split: a list in ``ImageSets/Main``, as "train"; None: all of ``Annotations``, by name.
        names: of the classes, in the order of their numbers; None: those that occur, by the alphabet.
        pixels: what the corners mean. "edges": coordinates, as labelImg and most programs write them. "inclusive": the
            first and last pixel of the object counted from 1, as VOC's own files have it: 1 to 10 is 0 to 10 here.
        strict: raise at the first problem. False: leave out the file and keep the problem in ``problems``.

    Returns:
        The records in the order of the list. "difficult" is read, and a "crowd" as `write_voc` writes it.

    Raises:
        ValueError: another ``pixels``; no record at all.
        FileNotFoundError: no such folder or list.
        LabelError: with ``strict``, XML that is broken or tries something, an object without class or box, a corner
            that is no number, a class that is not among ``names``; no such annotation or image.
    """
    one_of("pixels", pixels, PIXELS)
    folder = Path(folder)
    annotations = folder / "Annotations"
    if not annotations.is_dir():
        raise FileNotFoundError(f"no folder '{annotations}'; folder is the one that holds Annotations and JPEGImages")
    collected = Collected(strict)
    if split is None:
        files = sorted(annotations.glob("*.xml"))
    else:
        listing = folder / "ImageSets" / "Main" / f"{split}.txt"
        if not listing.is_file():
            raise FileNotFoundError(f"no file '{listing}'; split is the name of a list in ImageSets/Main")
        lines = listing.read_text(encoding="utf-8").splitlines()
        files = [annotations / f"{line.split()[0]}.xml" for line in lines if line.strip()]
    roots = {}
    for file in files:
        try:
            roots[file] = _parsed(file)
        except LabelError as error:
            collected.add(error)
    if names is None:
        names = sorted({_words(one, "name") for root in roots.values() for one in root.iter("object")} - {""})
    pictures = image_files(folder / "JPEGImages") if (folder / "JPEGImages").is_dir() else {}
    records = []
    for file, root in roots.items():
        try:
            records.append(_record(file, root, pictures, names, pixels))
        except LabelError as error:
            collected.add(error)
    if not records:
        raise ValueError(f"'{annotations}': of {len(files)} annotations none can be read")
    stems = {file.stem for file in files} if split is None else pictures
    without = [path for stem, path in pictures.items() if stem not in stems]
    return DetectionData(records, names, collected.problems, images_without_label=without)


def write_voc(
    data: DetectionData, folder: str | os.PathLike[str], *, pixels: str = "edges", split: str = "all", copy: bool = True
) -> Path:
    """Write ``Annotations``, ``JPEGImages`` and ``ImageSets/Main``; `read_voc` reads the same records.

    Args:
        data: the records; of each the size must be known.
        folder: where to; made if it is not there.
        pixels: as `read_voc`.
        split: name of the list.
        copy: copy the images; arrays become PNG. False: write labels only.

    Returns:
        The folder.

    Raises:
        ValueError: two images of one name; a size that is not known; another ``pixels``.
        FileExistsError: there are annotations already.
    """
    from xml.etree.ElementTree import ElementTree, SubElement, indent

    one_of("pixels", pixels, PIXELS)
    shift = np.array([1, 1, 0, 0]) if pixels == "inclusive" else np.zeros(4)
    folder = Path(folder)
    placed = Placed(data, folder / "JPEGImages", copy)
    annotations, listing = folder / "Annotations", folder / "ImageSets" / "Main"
    for new in (annotations, listing):
        new.mkdir(parents=True, exist_ok=True)
    if any(annotations.iterdir()):
        raise FileExistsError(f"'{annotations}' holds files already; give an empty folder")
    for record, file in placed:
        root = Element("annotation")
        SubElement(root, "folder").text = "JPEGImages"
        SubElement(root, "filename").text = file.name
        size = SubElement(root, "size")
        for tag, value in zip(("width", "height", "depth"), (*record.size[::-1], 3)):
            SubElement(size, tag).text = str(value)
        for box, kind, difficult, crowd in zip(record.boxes, record.classes, record.difficult, record.crowd):
            one = SubElement(root, "object")
            SubElement(one, "name").text = record.names[kind]
            SubElement(one, "difficult").text = str(int(difficult))
            if crowd:
                SubElement(one, "crowd").text = "1"
            corners = SubElement(one, "bndbox")
            for tag, value in zip(CORNERS, box.astype(np.float64) + shift):
                SubElement(corners, tag).text = text_of(value)
        indent(root)
        ElementTree(root).write(annotations / f"{file.stem}.xml", encoding="utf-8")
    (listing / f"{split}.txt").write_text("".join(f"{file.stem}\n" for _, file in placed), encoding="utf-8")
    return folder


def _parsed(file: Path) -> Element:
    """The XML of a file; every element knows its line (attribute "line of the file")."""
    import defusedxml
    from defusedxml.ElementTree import DefusedXMLParser

    class Numbered(TreeBuilder):
        def start(self, tag: str, attributes: dict[str, str]) -> Element:
            element = super().start(tag, attributes)
            element.set(LINE, str(parser.parser.CurrentLineNumber))
            return element

    parser = DefusedXMLParser(target=Numbered(), forbid_dtd=True)
    try:
        parser.feed(file.read_bytes())
        root = parser.close()
    except FileNotFoundError:
        raise LabelError(file, None, "there is no such file") from None
    except ParseError as error:
        raise LabelError(file, error.position[0], f"broken XML: {error}") from error
    except (defusedxml.DefusedXmlException, LookupError, ValueError) as error:  # also unknown encodings
        raise LabelError(file, None, f"XML that is not read: {error!r}") from error
    if root is None or root.tag != "annotation":
        raise LabelError(file, 1, f"the root is <{getattr(root, 'tag', '')}>; <annotation> is wanted")
    return root


LINE = "line of the file"  # no attribute of a file can be called so


def _words(element: Element, tag: str) -> str:
    found = element.find(tag)
    return "" if found is None or found.text is None else found.text.strip()


def _record(file: Path, root: Element, pictures: dict[str, Path], names: Sequence[str], pixels: str) -> Record:
    # By the annotation's own name first: the name inside is often that of a file long gone.
    stem = Path(_words(root, "filename").replace("\\", "/")).stem
    image = pictures.get(file.stem, pictures.get(stem))
    if image is None:
        raise LabelError(
            file, None, f"no image {file.stem!r} or {stem!r} in JPEGImages, with any of {', '.join(ENDINGS)}"
        )
    size = None
    if root.find("size") is not None:
        line = int(root.find("size").get(LINE))
        size = tuple(int(number(_words(root, f"size/{tag}"), tag, file, line)) for tag in ("height", "width"))
        size = size if min(size) > 0 else None  # some programs write 0 for what they do not know
    boxes, classes, marks, lines = [], [], [], []
    for one in root.iter("object"):
        line = int(one.get(LINE))
        if one.find("bndbox") is None:
            raise LabelError(file, line, "an object without bndbox")
        boxes.append([number(_words(one, f"bndbox/{tag}"), tag, file, line) for tag in CORNERS])
        classes.append(class_number(_words(one, "name"), names, file, line))
        marks.append([_words(one, mark) == "1" for mark in ("difficult", "crowd")])
        lines.append(line)
    corners = np.array(boxes, np.float64).reshape(-1, 4)
    pixels_not_shares(corners, file, lines[0] if lines else None)
    if pixels == "inclusive":
        corners = corners - np.array([1, 1, 0, 0])
    difficult, crowd = np.array(marks, bool).reshape(-1, 2).T
    return Record(image, corners, classes, names, difficult, crowd, size, source=file, lines=tuple(lines))
