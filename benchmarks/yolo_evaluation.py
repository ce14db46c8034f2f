"""`yolo.evaluation.evaluate` against pycocotools: seconds for 5000 images with 100 detections each.

    python benchmarks/yolo_evaluation.py [--images 5000] [--detections 100] [--classes 80] [--rounds 3]

Both get the same boxes, already read, and measure the same: average precision and recall at ten thresholds, four ranges
of size, 1, 10 and 100 detections (ours in three conventions). Alternately in one run, medians of CPU time; the largest
difference of the twelve numbers is printed, too. Needs pycocotools.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import statistics
import time

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from yolo.evaluation import coco_summary, evaluate, read_coco


def make(images: int, detections: int, classes: int) -> tuple[dict, list[dict]]:
    """COCO's two files: seven objects an image, as in COCO; seven of ten detections near one, the others anywhere."""
    random = np.random.default_rng(0)
    annotations, results = [], []
    for image in range(images):
        count = random.integers(0, 15)
        boxes = np.concatenate([random.uniform(0, 400, (count, 2)), np.exp(random.uniform(1.5, 5.5, (count, 2)))], 1)
        kinds = random.integers(0, classes, count)
        for box, kind in zip(boxes.round(2).tolist(), kinds.tolist()):
            one = {"id": len(annotations) + 1, "image_id": image, "category_id": kind, "bbox": box}
            annotations.append(one | {"area": box[2] * box[3], "iscrowd": int(random.random() < 0.01)})
        found = np.concatenate([random.uniform(0, 400, (detections, 2)), random.uniform(5, 250, (detections, 2))], 1)
        said = random.integers(0, classes, detections)
        if count:
            near = np.flatnonzero(random.random(detections) < 0.7)
            which = random.integers(0, count, len(near))
            found[near] = boxes[which] + random.normal(0, 0.12, (len(near), 4)) * np.tile(boxes[which, 2:], 2)
            said[near] = kinds[which]
        found[:, 2:] = np.maximum(found[:, 2:], 1)
        rows = zip(found.tolist(), said.tolist(), random.random(detections).tolist())
        results += [{"image_id": image, "category_id": kind, "bbox": box, "score": s} for box, kind, s in rows]
    categories = [{"id": kind, "name": str(kind)} for kind in range(classes)]
    content = {"info": {}, "images": [{"id": image} for image in range(images)], "categories": categories}
    return content | {"annotations": annotations}, results


def main() -> None:
    """Print seconds, their ratio and the largest difference."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name, default in (("images", 5000), ("detections", 100), ("classes", 80), ("rounds", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    arguments = parser.parse_args()
    content, results = make(arguments.images, arguments.detections, arguments.classes)
    truths, found, names = read_coco(content, results)
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = content
        coco.createIndex()
        loaded = coco.loadRes(results)

    def theirs() -> np.ndarray:
        with contextlib.redirect_stdout(io.StringIO()):
            measured = COCOeval(coco, loaded, "bbox")
            measured.evaluate()
            measured.accumulate()
            measured.summarize()
        return measured.stats

    def ours() -> np.ndarray:
        return np.array(list(coco_summary(evaluate(truths, found, names=names)).values()))

    runs = {"pycocotools": theirs, "yolo.evaluation": ours}
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    numbers = {}
    for _ in range(arguments.rounds):
        for name, run in runs.items():
            start = time.process_time()
            numbers[name] = run()
            seconds[name].append(time.process_time() - start)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    print(
        f"{arguments.images} images, {arguments.detections} detections each, {arguments.classes} classes: CPU seconds"
    )
    for name, value in medians.items():
        print(f"  {name:16} {value:7.2f}")
    peer, own = runs
    print(f"  {peer} takes {medians[peer] / medians[own]:.1f} times as long")
    print(f"  largest difference of the twelve numbers: {np.abs(numbers[peer] - numbers[own]).max():.1e}")


if __name__ == "__main__":
    main()
