"""`yolo.coco`: against Darknet's file, and what is known of COCO's numbers."""

import pytest

from tests.yolo.darknet_networks import located
from yolo.coco import COCO_CATEGORY_IDS, COCO_NAMES
from yolo.datasets import read_names


def test_the_numbers_of_known_classes():
    number = dict(zip(COCO_NAMES, COCO_CATEGORY_IDS))
    known = {"person": 1, "stop sign": 13, "bench": 15, "dog": 18, "backpack": 27, "wine glass": 46, "toothbrush": 90}
    assert {name: number[name] for name in known} == known and len(number) == 80


def test_the_names_are_those_of_darknet():
    file = located("darknet/yolo-fastest/coco.names")
    if file is None:
        pytest.skip("coco.names is not on this machine")
    assert read_names(file) == COCO_NAMES
