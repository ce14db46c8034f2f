"""Darknet's three losses as loops over pictures, cells and truths, in float64, from its rules; for tests.

Each returns the delta (of what the layer puts out, see `yolo.losses.darknet_delta`), and the terms of the batch, added
up from their definitions. Truths are lists of (cx, cy, w, h, class), parts of the picture, for each picture.
"""

import math

import numpy as np


def logistic(x):
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


def box_iou(a, b):
    """Of (cx, cy, w, h)."""
    sides = []
    for i in (0, 1):
        low = max(a[i] - a[i + 2] / 2, b[i] - b[i + 2] / 2)
        high = min(a[i] + a[i + 2] / 2, b[i] + b[i + 2] / 2)
        sides.append(high - low)
    if min(sides) < 0:
        return 0.0
    both = sides[0] * sides[1]
    return both / (a[2] * a[3] + b[2] * b[3] - both)


def best_shape(truth, anchors):
    best, best_n = 0, 0
    for n, (w, h) in enumerate(anchors):
        overlap = box_iou((0, 0, w, h), (0, 0, truth[2], truth[3]))
        if overlap > best:
            best, best_n = overlap, n
    return best_n


def entropy(target, logit):
    p = logistic(logit)
    return -sum(share * math.log(value) for share, value in ((target, p), (1 - target, 1 - p)) if share)


def v3(heads, truths, anchors, masks, size, ignore=0.5):
    """heads: (batch, rows, columns, anchors, 5 + classes) each."""
    height, width = size
    parts = [(w / width, h / height) for w, h in anchors]
    deltas, terms = [], dict.fromkeys(("box", "objectness", "no_objectness", "classes"), 0.0)
    for head, mask in zip(heads, masks):
        delta = np.zeros(head.shape)
        rows, columns = head.shape[1:3]
        ruled = np.zeros(head.shape[:4], bool)  # has an objectness to learn
        learned = {}
        for b, r, c, n in np.ndindex(*head.shape[:4]):
            x = head[b, r, c, n]
            w, h = parts[mask[n]]
            box = ((c + logistic(x[0])) / columns, (r + logistic(x[1])) / rows, math.exp(x[2]) * w, math.exp(x[3]) * h)
            near = max((box_iou(box, truth) for truth in truths[b]), default=0)
            if near <= ignore:
                delta[b, r, c, n, 4] = -logistic(x[4])
                ruled[b, r, c, n] = True
        for b, some in enumerate(truths):
            for truth in some:
                best = best_shape(truth, parts)
                if best not in mask:
                    continue
                n, c, r = mask.index(best), int(truth[0] * columns), int(truth[1] * rows)
                x, w, h = head[b, r, c, n], *parts[best]
                scale = 2 - truth[2] * truth[3]
                wanted = (truth[0] * columns - c, truth[1] * rows - r, math.log(truth[2] / w), math.log(truth[3] / h))
                said = (logistic(x[0]), logistic(x[1]), x[2], x[3])
                for i in range(4):
                    delta[b, r, c, n, i] = scale * (wanted[i] - said[i])
                delta[b, r, c, n, 4] = 1 - logistic(x[4])
                again = (b, r, c, n) in learned
                for k in range(head.shape[-1] - 5):
                    if not again or k == truth[4]:
                        delta[b, r, c, n, 5 + k] = (k == truth[4]) - logistic(x[5 + k])
                kinds = learned[b, r, c, n][1] | {truth[4]} if again else {truth[4]}
                learned[b, r, c, n] = ((scale, wanted), kinds)
        for (b, r, c, n), ((scale, wanted), kinds) in learned.items():
            x = head[b, r, c, n]
            terms["box"] += scale * (
                entropy(wanted[0], x[0]) + entropy(wanted[1], x[1])
                + (wanted[2] - x[2]) ** 2 / 2 + (wanted[3] - x[3]) ** 2 / 2
            )  # fmt: skip
            terms["objectness"] += entropy(1, x[4])
            terms["classes"] += sum(entropy(float(k in kinds), x[5 + k]) for k in range(len(x) - 5))
            ruled[b, r, c, n] = False
        terms["no_objectness"] += sum(entropy(0, head[place][4]) for place in zip(*np.nonzero(ruled)))
        deltas.append(delta)
    return deltas, terms


def v2(head, truths, anchors, seen, ignore=0.6, scales=(1.0, 5.0, 1.0, 1.0)):
    """head: (batch, rows, columns, anchors, 5 + classes); anchors in cells; scales: box, object, no object, class."""
    coord, there, nothing, kind = scales
    rows, columns = head.shape[1:3]
    parts = [(w / columns, h / rows) for w, h in anchors]
    delta = np.zeros(head.shape)
    terms = dict.fromkeys(("box", "objectness", "no_objectness", "classes", "priors"), 0.0)

    def box_of(x, r, c, n):
        return (
            (c + logistic(x[0])) / columns, (r + logistic(x[1])) / rows,
            math.exp(x[2]) * parts[n][0], math.exp(x[3]) * parts[n][1],
        )  # fmt: skip

    def to_box(truth, x, r, c, n, scale):
        wanted = (
            truth[0] * columns - c, truth[1] * rows - r,
            math.log(truth[2] * columns / anchors[n][0]), math.log(truth[3] * rows / anchors[n][1]),
        )  # fmt: skip
        said = (logistic(x[0]), logistic(x[1]), x[2], x[3])
        away = [t - s for t, s in zip(wanted, said)]
        return [scale * one for one in away], scale / 2 * sum(one**2 for one in away)

    losses = {}
    for b, r, c, n in np.ndindex(*head.shape[:4]):
        x = head[b, r, c, n]
        near = max((box_iou(box_of(x, r, c, n), truth) for truth in truths[b]), default=0)
        mine = losses[b, r, c, n] = dict.fromkeys(terms, 0.0)
        if near <= ignore:
            delta[b, r, c, n, 4] = nothing * (0 - logistic(x[4]))
            mine["no_objectness"] = nothing * logistic(x[4]) ** 2 / 2
        if seen < 12800:
            prior = ((c + 0.5) / columns, (r + 0.5) / rows, *parts[n])
            delta[b, r, c, n, :4], mine["priors"] = to_box(prior, x, r, c, n, 0.01)
    for b, some in enumerate(truths):
        for truth in some:
            n, c, r = best_shape(truth, parts), int(truth[0] * columns), int(truth[1] * rows)
            x = head[b, r, c, n]
            mine = losses[b, r, c, n] = dict.fromkeys(terms, 0.0)
            delta[b, r, c, n, :4], mine["box"] = to_box(truth, x, r, c, n, coord * (2 - truth[2] * truth[3]))
            overlap = box_iou(box_of(x, r, c, n), truth)
            delta[b, r, c, n, 4] = there * (overlap - logistic(x[4]))
            mine["objectness"] = there * (overlap - logistic(x[4])) ** 2 / 2
            powers = [math.exp(value) for value in x[5:]]
            for k, power in enumerate(powers):
                delta[b, r, c, n, 5 + k] = kind * ((k == truth[4]) - power / sum(powers))
            mine["classes"] = -kind * math.log(powers[truth[4]] / sum(powers))
    for mine in losses.values():
        for name, value in mine.items():
            terms[name] += value
    return delta, terms


def v1(outputs, truths, side, classes, lambda_coord=5.0, lambda_noobj=0.5):
    """outputs: (batch, numbers); all classes, all confidences, all boxes."""
    cells = side * side
    count = (outputs.shape[1] // cells - classes) // 5
    delta = np.zeros(outputs.shape)
    terms = dict.fromkeys(("box", "objectness", "no_objectness", "classes"), 0.0)
    for b, some in enumerate(truths):
        out = outputs[b]
        objects = {}
        for truth in some:
            c, r = int(truth[0] * side), int(truth[1] * side)
            objects.setdefault(r * side + c, truth)
        for i in range(cells):
            confidences = [cells * classes + i * count + j for j in range(count)]
            boxes = [cells * (classes + count) + (i * count + j) * 4 for j in range(count)]
            best = None
            if i in objects:
                truth, (r, c) = objects[i], divmod(i, side)
                for k in range(classes):
                    away = (k == truth[4]) - out[i * classes + k]
                    delta[b, i * classes + k] = away
                    terms["classes"] += away**2
                said = []
                for at in boxes:
                    x, y, w, h = out[at : at + 4]
                    said.append(((x + c) / side, (y + r) / side, w * w, h * h))
                best_iou, best_rmse = 0.0, 20.0
                for j, box in enumerate(said):
                    overlap = box_iou(box, truth)
                    rmse = math.sqrt(sum((box[i] - truth[i]) ** 2 for i in range(4)))
                    if best_iou > 0 or overlap > 0:
                        if overlap > best_iou:
                            best_iou, best = overlap, j
                    elif rmse < best_rmse:
                        best_rmse, best = rmse, j
                away = box_iou(said[best], truth) - out[confidences[best]]
                delta[b, confidences[best]] = away
                terms["objectness"] += away**2
                wanted = (truth[0] * side - c, truth[1] * side - r, math.sqrt(truth[2]), math.sqrt(truth[3]))
                for k in range(4):
                    away = wanted[k] - out[boxes[best] + k]
                    delta[b, boxes[best] + k] = lambda_coord * away
                    terms["box"] += lambda_coord * away**2
            for j, at in enumerate(confidences):
                if j != best:
                    delta[b, at] = -lambda_noobj * out[at]
                    terms["no_objectness"] += lambda_noobj * out[at] ** 2
    return delta, terms


def pixels(truths, size):
    """The truths as (boxes, classes) of `yolo.targets.pad_truths`, but in float64."""
    height, width = size
    most = max(map(len, truths))
    boxes, classes = np.zeros((len(truths), most, 4)), np.full((len(truths), most), -1)
    for b, some in enumerate(truths):
        for t, (x, y, w, h, kind) in enumerate(some):
            boxes[b, t] = ((x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height)
            classes[b, t] = kind
    return boxes, classes


def draw_truths(rng, batch, most, classes, smallest=0.03):
    """Random truths; the third of a picture shares cell and shape with the second, and has another class."""
    found = []
    for _ in range(batch):
        some = []
        for _ in range(int(rng.integers(0, most + 1))):
            w, h = np.exp(rng.uniform(np.log(smallest), np.log(0.9), 2))
            x, y = rng.uniform(w / 2, 1 - w / 2), rng.uniform(h / 2, 1 - h / 2)
            some.append((float(x), float(y), float(w), float(h), int(rng.integers(classes))))
        if len(some) > 2:
            x, y, w, h, kind = some[1]
            some[2] = (x + 1e-4, y - 1e-4, w * 1.01, h * 0.99, (kind + 1) % classes)
        found.append(some)
    return found
