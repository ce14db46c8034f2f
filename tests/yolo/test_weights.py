import numpy as np
import pytest

from tests.yolo.darknet_networks import conv, net, random_weights
from yolo.darknet import Header, Weights, parse_cfg, read_weights, write_weights

NETWORK = parse_cfg(
    net(4) + conv(2, 3) + "[maxpool]\nstride=2\n" + "[connected]\noutput=3\nactivation=linear\n" + conv(5)
)
RECORDS = NETWORK.records
HEADERS = [Header(0, 1, 0, 7), Header(0, 2, 5, 2**40), Header(1, 0, 0, 3), Header(0, 2000, 0, 3)]


def by_hand(header, weights):
    """The bytes, in the order of Darknet's save_convolutional_weights and save_connected_weights."""
    found = b"".join(number.to_bytes(4, "little") for number in (header.major, header.minor, header.revision))
    found += header.seen.to_bytes(8 if header.minor in (2,) or header.major == 1 else 4, "little")
    orders = {
        "conv_0": ("biases", "scales", "mean", "variance", "weights"),
        "dense_2": ("biases", "weights"),
        "conv_3": ("biases", "scales", "mean", "variance", "weights"),
    }
    for name, order in orders.items():
        for part in order:
            array = weights.layers[name][part]
            found += (array.T if header.minor > 1000 and name == "dense_2" and part == "weights" else array).tobytes()
    return found


@pytest.mark.parametrize("header", HEADERS, ids=lambda header: f"{header.major}.{header.minor}")
def test_both_versions_there_and_back(header, tmp_path):
    weights = Weights(header, random_weights(RECORDS).layers)
    path = tmp_path / "x.weights"
    write_weights(path, weights, RECORDS)
    assert path.read_bytes() == by_hand(header, weights)
    assert list(tmp_path.iterdir()) == [path]
    for source in (path, path.read_bytes()):
        again = read_weights(source, RECORDS)
        assert again.header == header
        for name, arrays in weights.layers.items():
            for part, array in arrays.items():
                np.testing.assert_array_equal(again.layers[name][part], array)


DATA = by_hand(Header(), random_weights(RECORDS))
BYTES = [4 * record.numbers for record in RECORDS]


def test_a_byte_too_many_or_too_few():
    with pytest.raises(ValueError, match=r"1 bytes left after the last layer, conv_3: the file has (\d+) bytes"):
        read_weights(DATA + b"x", RECORDS)
    with pytest.raises(ValueError, match=rf"ends in conv_3: of its {BYTES[2]} bytes {BYTES[2] - 1} are there"):
        read_weights(DATA[:-1], RECORDS)
    with pytest.raises(ValueError, match="ends in dense_2: of its .* bytes 1 are there"):
        read_weights(DATA[: 20 + BYTES[0] + 1], RECORDS)


def test_a_file_that_is_cut_off():
    cut = DATA[: 20 + BYTES[0] + BYTES[1]]
    with pytest.raises(ValueError, match="ends before conv_3, after dense_2; .*cut_off=True"):
        read_weights(cut, RECORDS)
    assert list(read_weights(cut, RECORDS, cut_off=True).layers) == ["conv_0", "dense_2"]
    with pytest.raises(ValueError, match="ends in conv_3"):
        read_weights(cut + b"x", RECORDS, cut_off=True)
    with pytest.raises(ValueError, match="1 bytes left"):
        read_weights(DATA + b"x", RECORDS, cut_off=True)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "0 bytes; the header"),
        (b"\x89PNG\r\n\x1a\n" * 9, "not a Darknet weights file"),
        (DATA[:18], "its header alone would have 20"),
    ],
)
def test_no_header(data, message):
    with pytest.raises(ValueError, match=message):
        read_weights(data, RECORDS)


def test_a_huge_network_and_a_small_file_take_no_memory(tmp_path):
    network = parse_cfg(net(64) + conv(4096) + conv(4096, 5) + conv(8))  # 1.7 GB of weights
    path = tmp_path / "x.weights"
    path.write_bytes(DATA)
    with pytest.raises(ValueError, match=r"x\.weights ends in conv_0"):
        read_weights(path, network.records)


def test_what_is_written_is_checked(tmp_path):
    path = tmp_path / "x.weights"
    layers = random_weights(RECORDS).layers
    wrong = {**layers, "conv_0": {**layers["conv_0"], "mean": np.zeros(3, np.float32)}}
    with pytest.raises(ValueError, match=r"mean of conv_0 are float32 \(3,\); float32 \(2,\) are wanted"):
        write_weights(path, Weights(Header(), wrong), RECORDS)
    wrong = {**layers, "conv_0": {**layers["conv_0"], "mean": np.zeros(2)}}
    with pytest.raises(ValueError, match="float64"):
        write_weights(path, Weights(Header(), wrong), RECORDS)
    with pytest.raises(ValueError, match="not the first ones"):
        write_weights(path, Weights(Header(), {"conv_3": layers["conv_3"]}), RECORDS)
    assert not list(tmp_path.iterdir())
