import keras
import numpy as np
import pytest

from tests.yolo.darknet_networks import picture, random_weights, tiny_cfg, yolov3_cfg
from yolo import darknet, models
from yolo.models.blocks import widened
from yolo.models.darknet_weights import darknet_units

SIZE = 96, 64
NETWORKS = {
    "yolov3": (models.yolov3, yolov3_cfg, {"share": 4}),
    "yolov3_spp": (models.yolov3_spp, yolov3_cfg, {"share": 4, "spp": True}),
    "yolov3_tiny": (models.yolov3_tiny, tiny_cfg, {"share": 2}),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_graph_and_the_weights_are_those_of_the_cfg(name, tmp_path):
    """Narrow, three classes, a picture that is not square, the model built for any size."""
    make, cfg, options = NETWORKS[name]
    network = darknet.parse_cfg(cfg(*SIZE, classes=3, **options))
    weights = random_weights(network.records)
    path = tmp_path / "x.weights"
    darknet.write_weights(path, weights, network.records)
    model, other = make(3, width=1 / options["share"]), darknet.build(network, weights)
    assert list(models.load_darknet(model, path).layers) == [name for name, _ in darknet_units(model)]
    for found, expected in zip(model(picture(SIZE)), other(picture(SIZE)), strict=True):
        assert np.abs(expected).max() > 0.3
        np.testing.assert_allclose(found, expected, atol=2e-6)
    models.save_darknet(tmp_path / "again.weights", model, weights.header)
    assert (tmp_path / "again.weights").read_bytes() == path.read_bytes()


def test_darknet53_is_the_classifier_and_the_body(tmp_path):
    """darknet53.cfg, and its first 75 layers as darknet53.conv.74."""
    top = "[avgpool]\n[conv]\nfilters=10\nactivation=linear\n[softmax]\n"
    text = "".join(part + "[shortcut]" for part in yolov3_cfg(*SIZE, share=4).split("[shortcut]")[:23])
    network = darknet.parse_cfg(f"{text}\nfrom=-3\nactivation=linear\n{top}")
    weights = random_weights(network.records)
    path = tmp_path / "x.weights"
    darknet.write_weights(path, weights, network.records)
    assert len(network.records) == 53
    model = models.darknet53(SIZE, classes=10, width=1 / 4)
    models.load_darknet(model, path)
    logits = keras.ops.softmax(model(picture(SIZE)))
    np.testing.assert_allclose(logits, darknet.build(network, weights)(picture(SIZE))[:, 0, 0], atol=1e-6)

    body = {record.name: weights.layers[record.name] for record in network.records[:-1]}
    darknet.write_weights(path, darknet.Weights(weights.header, body), network.records)
    detector = models.yolov3(3, width=1 / 4)
    with pytest.raises(ValueError, match="ends before neck_32/squeeze1, after body/stage5_block4_expand"):
        models.load_darknet(detector, path)
    assert len(models.load_darknet(detector, path, cut_off=True).layers) == 52
    np.testing.assert_allclose(
        detector.get_layer("body")(picture(SIZE))[-1], model.get_layer("body")(picture(SIZE))[-1], atol=1e-6
    )


def test_names_say_what_a_part_is():
    model = models.yolov3_tiny(2, 32, width=1 / 16)
    assert [layer.name for layer in model.layers if layer.weights] and model.output_names == ["head_32", "head_16"]
    assert {"body", "neck_32", "lateral_16", "head_32", "head_16"} <= {layer.name for layer in model.layers}
    assert [tuple(output.shape) for output in model.outputs] == [(None, 1, 1, 21), (None, 2, 2, 21)]


def test_a_part_that_no_file_holds_is_refused():
    model = models.yolov3_tiny(2, 32, width=1 / 16)
    longer = keras.Model(model.input, keras.layers.Conv2D(3, 1, name="extra")(model.output[0]))
    with pytest.raises(ValueError, match="parts that no Darknet file holds: extra"):
        darknet_units(longer)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"classes": 0}, ValueError),
        ({"classes": 2.5}, TypeError),
        ({"size": 100}, ValueError),
        ({"size": (64, 65)}, ValueError),
        ({"size": 0}, ValueError),
        ({"width": 0}, ValueError),
        ({"width": "1"}, ValueError),
        ({"anchors": 0}, ValueError),
        ({"epsilon": 0}, ValueError),
    ],
)
def test_arguments_are_checked(arguments, error):
    with pytest.raises(error):
        models.yolov3_tiny(**arguments)


def test_width_keeps_multiples_of_eight():
    assert [widened(0.3)(filters) for filters in (16, 64, 1024)] == [8, 16, 304]
    assert widened(1)(30) == 30


def test_masks_and_anchors_are_those_of_the_cfg():
    from yolo.models import three_scales, two_scales

    for module, cfg in ((three_scales, yolov3_cfg), (two_scales, tiny_cfg)):
        heads = darknet.parse_cfg(cfg(64)).heads
        assert tuple(head.mask for head in heads) == module.MASKS
        assert heads[0].all_anchors == module.ANCHORS
