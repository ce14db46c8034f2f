import re

import pytest

from tests.yolo.darknet_networks import TINY_ANCHORS, conv, net, tiny_cfg, yolo
from yolo.darknet import parse_cfg, read_cfg

START = net(32) + conv(8, 3)  # layers begin at line 5


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("[conv]\nfilters=-4", "filters=-4; at least 1"),
        ("[conv]\nfilters=999999999\nsize=3\npad=1", "an output of"),
        ("[connected]\noutput=99999999\nactivation=linear", "parameters up to here"),
        ("[conv]\nfilters=8\nsize=99", "size=99 does not fit into 32 x 32 x 8"),
        ("[conv]\nfilters=8\nstride=0", "stride=0"),
        ("[conv]\nfilters=8\ngroups=3", "groups=3 must divide the 8 channels"),
        ("[conv]\nfilters=8\nactivation=gelu", "activation='gelu'; accepted: linear, leaky"),
        ("[conv]\nfilters=8\npadding=99999\nstride=99999", "padding=99999; at most 1024"),
        ("[maxpool]\nsize=999999999", "size=999999999; at most 1024"),
        ("[maxpool]\nsize=2\npadding=99999", "padding=99999; at most 1024"),
        ("[conv]\nfilters=8\nsize=3\npad=1\ndilation=999999", "a window of more than 1024"),
        ("[conv]\nfilters=8\ndontload=1", "dontload=1 is not offered"),
        ("[conv]\nfilters=8\nxnor=1", "xnor=1 is not offered"),
        ("[upsample]\nstride=-2", "stride=-2"),
        ("[upsample]\nstride=99999", "an output of"),
        ("[route]\nlayers=1", "layers=1: layer 1 does not come before this one, layer 1"),
        ("[route]\nlayers=7", "layer 7 does not come before"),
        ("[route]\nlayers=-2", "layers=-2: layer -1 does not come before"),
        ("[route]", "layers= is missing"),
        ("[route]\nlayers=0\ngroups=3", "groups=3 does not divide the 8 channels"),
        ("[route]\nlayers=0\ngroups=2\ngroup_id=2", "group_id=2 of groups=2"),
        ("[shortcut]\nfrom=1", "from=1: layer 1 does not come before"),
        ("[shortcut]\nfrom=-1\nweights_type=per_feature", "weighted shortcuts"),
        ("[avgpool]\n[upsample]\nstride=4\n[conv]\nsize=3\n[shortcut]\nfrom=0\n[shortcut]\nfrom=9", "layer 9 does not"),
        (
            "[maxpool]\nsize=5\nstride=3\n[conv]\nsize=3\n[route]\nlayers=0,-1",
            "differ in size, 32 x 32 x 8 and 9 x 9 x 1",
        ),
        ("[reorg]\nstride=3", "stride=3 does not fit 32 x 32 x 8"),
        ("[dropout]\nprobability=1", "probability=1"),
        ("[softmax]\ngroups=3", "groups=3 does not divide"),
        ("[maxpool]\nsize=2\npadding=5", "without a pixel"),
        ("[scale_channels]\nfrom=-1", "it must be 1 x 1 x 8"),
        ("[yolo]\nmask=0,1,2\nanchors=1,2,3,4,5,6\nnum=3\nclasses=3", "want 24 = 3 * (5 + 3): set filters=24"),
        ("[yolo]\nmask=3\nanchors=1,2,3,4,5,6\nnum=3\nclasses=3", "mask=3, but num=3"),
        ("[yolo]\nmask=0\nanchors=1,2,3\nnum=3\nclasses=3", "num=3 anchors are 6 numbers; anchors= has 3"),
        ("[yolo]\nmask=0\nanchors=-1,2\nnum=1\nclasses=3", "more than 0"),
        ("[region]\nanchors=1,2\nnum=1\nclasses=2", "8 channels come in; 1 anchors with classes=2 want 7"),
        ("[detection]\nclasses=20\ncoords=4\nside=7\nnum=2", "8192 numbers come in"),
        ("[lstm]\noutput=4", "this kind of section is not known; known: avgpool"),
    ],
)
def test_hostile_sections_are_refused_with_line_and_reason(section, message):
    first, last = len(START.splitlines()) + 1, len((START + section).splitlines())
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        parse_cfg(START + section, source="x.cfg")
    line = re.match(r"x\.cfg, line (\d+), \[", str(caught.value))
    assert line and first <= int(line[1]) <= last


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (conv(8), r"the first section must be \[net\]"),
        (net(32), "no layers follow"),
        (net(99_999) + conv(8), "at most 16384"),
        (net(-1) + conv(8), "height=-1"),
        (net(32) + "[dropout]\n" * 2001, "more than 2000 layers"),
        ("[net]\nwidth=3\n" + conv(8), "height= is missing"),
    ],
)
def test_hostile_networks(text, message):
    with pytest.raises(ValueError, match=message):
        parse_cfg(text)


def test_nothing_reads_a_detection_head():
    with pytest.raises(ValueError, match="reads yolo_14, which is a detection head"):
        parse_cfg(net(32) + conv(8) * 13 + yolo("0,1,2", TINY_ANCHORS, 1) + "[upsample]\n")


def test_a_shortcut_takes_one_factor_for_rows_and_columns():
    with pytest.raises(
        ValueError, match="layer 0 is 64 x 32 x 8, the layer before 1 x 1 x 8: rows and columns differ by"
    ):
        parse_cfg(net(64, 32) + conv(8) + "[avgpool]\n[shortcut]\nfrom=0\n")


def test_what_is_passed_over_is_listed():
    network = parse_cfg(START + conv(4, learning_rate=0.1, fliters=7, size_=2))
    assert [remark.split(": ")[1] for remark in network.remarks] == ["fliters=7", "size_=2"]
    assert network.remarks[0].startswith("line ")


def test_shapes_of_darknets_arithmetic():
    """Worked by hand from make_convolutional_layer and make_maxpool_layer, on an odd side."""
    sections = {
        "[conv]\nfilters=4\nsize=3\nstride=2\npad=1\nactivation=leaky": (7, 5, 4),  # (13 + 2 - 3) / 2 + 1
        "[conv]\nfilters=4\nsize=2\npad=1\nactivation=leaky": (14, 11, 4),  # an even filter grows the picture
        "[conv]\nfilters=4\nsize=5\nstride=2\npadding=1\nactivation=leaky": (6, 4, 4),
        "[conv]\nfilters=4\nsize=3\npad=1\ndilation=2\nactivation=leaky": (13, 10, 4),
        "[maxpool]\nsize=2\nstride=2": (7, 5, 3),  # (13 + 1 - 2) / 2 + 1
        "[maxpool]\nsize=2\nstride=1": (13, 10, 3),
        "[maxpool]\nsize=3\nstride=2\npadding=0": (6, 4, 3),
        "[maxpool]\nstride=2": (7, 5, 3),
        "[avgpool]": (1, 1, 3),
        "[upsample]\nstride=3": (39, 30, 3),
    }
    for section, shape in sections.items():
        assert parse_cfg(net(13, 10) + section).layers[0].shape == shape, section


def test_heads_and_size(tmp_path):
    path = tmp_path / "tiny.cfg"
    path.write_text(tiny_cfg(416, classes=3))
    network = read_cfg(path, (96, 128))
    coarse, fine = network.heads
    assert (coarse.shape, fine.shape) == ((3, 4, 24), (6, 8, 24))
    assert (coarse.stride, fine.stride) == ((32, 32), (16, 16))
    assert coarse.anchors == ((81, 82), (135, 169), (344, 319)) and coarse.mask == (3, 4, 5)
    assert fine.anchors == ((10, 14), (23, 27), (37, 58)) and len(fine.all_anchors) == 6
    assert [network.layers[i].name for i in (0, 1, 16, 17, 20)] == [
        "conv_0",
        "maxpool_1",
        "yolo_16",
        "route_17",
        "route_20",
    ]
    assert "yolo_16" in str(network) and "3 x 4 x 24" in str(network)


def test_region_anchors_become_pixels():
    text = (
        net(64, 96)
        + conv(14, 2, 2, padding=0).replace("pad=1\n", "")
        + ("[region]\nanchors=1,2,3,4\nnum=2\nclasses=2\nsoftmax=1\n")
    )
    (head,) = parse_cfg(text).heads
    assert head.anchors == ((2, 4), (6, 8)) and head.softmax
