import cv2
import numpy as np
import pytest

from tests.yolo.darknet_networks import conv, net, random_weights, tiny_cfg
from yolo import darknet
from yolo.darknet import verification


def files(folder, text):
    cfg, weights = folder / "x.cfg", folder / "x.weights"
    cfg.write_text(text)
    network = darknet.read_cfg(cfg)
    darknet.write_weights(weights, random_weights(network.records), network.records)
    return cfg, weights


def test_against_opencv_or_how_to_get_it(tmp_path):
    report = darknet.verify(*files(tmp_path, tiny_cfg(64, classes=2, share=8)))
    assert report.parameters == 138848 and [output.shape for output in report.outputs] == [(2, 2, 21), (4, 4, 21)]
    if hasattr(cv2.dnn, "readNetFromDarknet"):
        assert report.equal and "equal" in str(report)
    else:
        assert not report.compared and not report.equal
        assert "opencv-python-headless<5" in str(report)


@pytest.mark.parametrize(("mistake", "verdict"), [(0.0, "equal"), (1e-3, "DIFFERENT"), (np.nan, "DIFFERENT")])
def test_the_largest_difference_is_found(tmp_path, monkeypatch, mistake, verdict):
    def engine(cfg, weights, network, pictures):
        model = darknet.build(network, darknet.read_weights(weights, network.records), epsilon=1e-6)
        heads = [np.array(head) for head in model(pictures)]
        heads[1][0, 1, 2, 3] += mistake
        return "another", "", heads

    monkeypatch.setattr(verification, "_theirs", engine)
    report = darknet.verify(*files(tmp_path, tiny_cfg(64, classes=2, share=8)), size=(32, 64))
    assert report.outputs[0].largest == 0
    assert report.outputs[1].largest == pytest.approx(mistake, rel=1e-3, nan_ok=True)
    assert verdict in str(report)


def test_the_tiny_masks_leave_an_anchor_dead(tmp_path):
    report = darknet.verify(*files(tmp_path, tiny_cfg(32, classes=2, share=8)))
    assert (report.dead_anchors, report.doubled_anchors) == ((), ())
    report = darknet.verify(*files(tmp_path, tiny_cfg(32, classes=2, share=8).replace("mask=0,1,2", "mask=1,2,3")))
    assert (report.dead_anchors, report.doubled_anchors) == ((0,), (3,))
    assert "anchors 0 are in no mask" in str(report) and "anchors 3 are in more than one mask" in str(report)


def test_a_network_without_heads(tmp_path):
    report = darknet.verify(*files(tmp_path, net(16) + conv(4, 3) + "[avgpool]\n[softmax]\n"))
    assert [output.name for output in report.outputs] == ["softmax_2"]
