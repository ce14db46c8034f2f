import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yolo.darknet import cfg
from yolo.darknet.network import parse_cfg


def test_comments_blanks_and_short_names():
    text = "# a comment\n; b\n[net] # so\n height = 3 2 ; rows\n\t\n\n[ conv ]\r\nfilters=8\nanchors = 1, 2 ,3,\n"
    (net, conv), remarks = cfg.parse(text)
    assert (net.kind, net.line, net.options, net.lines) == ("net", 3, {"height": "32"}, {"height": 4})
    assert (conv.kind, conv.line) == ("convolutional", 7)
    assert conv.numbers("anchors") == (1, 2, 3)
    assert remarks == []


def test_of_a_repeated_key_the_first_holds_as_in_darknet():
    (net,), remarks = cfg.parse("[net]\nbatch=64\nbatch=1\n")
    assert net.whole("batch") == 64
    assert remarks == ["line 3, [net]: 'batch' again; line 2 holds, as in Darknet"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no [section]"),
        ("height=3\n[net]", "line 1: 'height=3' stands before the first [section]"),
        ("[net]\nheight", "line 2: 'height' is neither [section] nor key=value"),
        ("[net]\nheight=", "line 2"),
        ("[net]\n=3", "line 2"),
        ("[net", "line 1: '[net' is not a [section]"),
        ("[]", "line 1"),
        ("[net]\n\x00\x01\x02", "line 2: control characters"),
    ],
)
def test_what_is_no_cfg_is_refused_with_its_line(text, message):
    with pytest.raises(ValueError, match=r"^x\.cfg.*" + re.escape(message)):
        cfg.parse(text, "x.cfg")


@pytest.mark.parametrize("value", ["1.5", "abc", "1e5", "0x10", "9" * 5000, "--1", "nan", "²"])
def test_whole_numbers_are_whole(value):
    (net,), _ = cfg.parse(f"[net]\nheight={value}")
    with pytest.raises(ValueError, match=r"line 2, \[net\]: height=.*whole number"):
        net.whole("height")


@pytest.mark.parametrize("value", ["nan", "inf", "1,inf", "1,,2", "x"])
def test_numbers_are_finite(value):
    (net,), _ = cfg.parse(f"[net]\nangle={value}")
    with pytest.raises(ValueError, match=r"line 2, \[net\]: angle"):
        net.numbers("angle")


def test_a_large_or_binary_file_is_refused(tmp_path):
    path = tmp_path / "x.cfg"
    path.write_bytes(b"#" * (cfg.LARGEST_FILE + 1))
    with pytest.raises(ValueError, match=r"x\.cfg has more than 1048576 bytes"):
        cfg.read(path)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    with pytest.raises(ValueError, match="line 1"):
        cfg.read(path)
    path.write_bytes("\ufeff[net]\n# Größe\nheight=32\n".encode())
    assert cfg.read(path)[0][0].whole("height") == 32


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_in_words(text):
    try:
        parse_cfg("[net]\nheight=32\nwidth=32\n" + text)
    except ValueError as error:
        assert str(error).startswith("cfg, line ")


_WORDS = """
[net] [conv] [route] [shortcut] [maxpool] [upsample] [reorg] [yolo] [softmax] [connected] [sam] [region]
[detection] [scale_channels] [dropout] filters size stride pad padding groups layers from classes num mask
anchors side coords output reverse group_id probability temperature
"""
WORDS = st.sampled_from(_WORDS.split())
LINES = st.tuples(WORDS, st.sampled_from(["", "=0", "=1", "=2", "=3", "=-1", "=-2", "=999999999", "=-1,0", "=64"]))


@settings(deadline=None)
@given(st.lists(LINES, max_size=25))
def test_any_hostile_sections_are_read_or_refused_in_words(lines):
    text = "\n".join(word if word.startswith("[") else word + value for word, value in lines)
    try:
        network = parse_cfg("[net]\nheight=64\nwidth=32\n[conv]\nfilters=8\nsize=3\npad=1\n" + text)
    except ValueError as error:
        assert str(error).startswith("cfg, line ")
    else:
        assert all(side > 0 for layer in network.layers for side in layer.shape)
        assert all(source < layer.index for layer in network.layers for source in layer.inputs)
