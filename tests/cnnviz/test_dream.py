import gc
import subprocess
import sys
import textwrap
import weakref

import cv2
import keras
import numpy as np
import pytest
import tensorflow as tf

import cnnviz
from cnnviz.dream import dream, zoom, zoom_frames
from cnnviz.dream.gradient import dream_gradient, wish
from cnnviz.dream.octaves import octave_sizes, resized
from cnnviz.dream.tiles import cut
from cnnviz.layers import layer_paths
from data import photo, resize
from tests.cnnviz.model_kinds import KINDS, SIDE

GENERATOR = np.random.default_rng(0)
NOISE = GENERATOR.integers(0, 256, (48, 64, 3), dtype=np.uint8)
QUIET = {"verbose": False}
ONE_STEP = {"octaves": 1, "steps": 1, "jitter": 0, "verbose": False}


@pytest.fixture(scope="module")
def net():
    return cnnviz.load()


@pytest.fixture(scope="module")
def cat():
    return resize(photo("cat"), (64, 96))


@pytest.fixture(scope="module")
def textures():
    """Convolution, pooling, convolution: each pixel's gradient depends on those within 14 pixels."""
    keras.utils.set_random_seed(5)
    inputs = keras.Input((None, None, 3))
    first = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="first")
    second = keras.layers.Conv2D(5, 3, padding="same", activation="relu", name="second")
    maps = second(keras.layers.MaxPooling2D(name="pool")(first(inputs)))
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D(name="average")(maps))


def by_hand(model, pixels, weights, channels=None):
    """The slide's direction: the gradient of each layer over its mean absolute value, weighted, added, and so again."""
    total = 0
    for layer, weight in weights.items():
        part = keras.Model(model.input, model.get_layer(layer).output)
        with tf.GradientTape() as tape:
            images = tf.convert_to_tensor(pixels[None])
            tape.watch(images)
            maps = part(images)
            maps = maps if channels is None else tf.gather(maps, channels, axis=-1)
            objective = tf.reduce_mean(maps**2)
        slope = tape.gradient(objective, images).numpy()[0]
        total = total + weight * slope / np.abs(slope).mean()
    return total / np.abs(total).mean()


@pytest.mark.parametrize("weights", [{"second": 1.0}, {"first": 3.0, "second": 1.0}, {"first": -1.0}])
def test_one_step_is_the_slides_equation(textures, weights):
    pixels = NOISE.astype(np.float32)
    wanted = np.clip(pixels + 4 * by_hand(textures, pixels, weights), 0, 255)
    found = dream(textures, NOISE, weights, step_size=4, **ONE_STEP)
    assert np.abs(found - wanted).max() < 0.51
    assert np.abs(found - pixels).mean() > 1


def test_two_steps_are_the_equation_twice_and_jitter_is_random(textures):
    pixels = NOISE.astype(np.float32)
    for _ in range(2):
        pixels = np.clip(pixels + 3 * by_hand(textures, pixels, {"second": 1.0}), 0, 255)
    options = {**ONE_STEP, "steps": 2, "step_size": 3}
    # A maximum may be taken the other way after a rounding; that moves a few pixels a little.
    difference = np.abs(dream(textures, NOISE, "second", **options) - pixels)
    assert np.mean(difference > 0.51) < 0.01
    moved = [dream(textures, NOISE, "second", **{**options, "jitter": 8, "seed": seed}) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(moved[0], moved[1])
    assert (moved[0] != moved[2]).any()


def test_layers_may_be_objects_or_a_list(textures):
    wanted = dream(textures, NOISE, {"first": 2, "second": 2}, **ONE_STEP)
    layers = [textures.get_layer("first"), "second"]
    np.testing.assert_array_equal(dream(textures, NOISE, layers, **ONE_STEP), wanted)


def test_the_gradient_has_an_l1_norm_of_one_and_the_weights_are_shares(textures):
    pixels = NOISE.astype(np.float32)
    tiles = cut(pixels.shape[:2], 512)
    slopes = {}
    for layer in ("first", "second"):
        slopes[layer], objectives = dream_gradient(wish(textures, layer), pixels, tiles)
        assert np.abs(slopes[layer]).mean() == pytest.approx(1, rel=1e-4)
        part = keras.Model(textures.input, textures.get_layer(layer).output)
        assert objectives[layer] == pytest.approx(float(np.mean(part(pixels[None]).numpy() ** 2)), rel=1e-4)
    both, objectives = dream_gradient(wish(textures, {"first": 3, "second": 1}), pixels, tiles)
    assert list(objectives) == ["first", "second"]
    mixed = 3 * slopes["first"] + slopes["second"]
    np.testing.assert_allclose(both, mixed / np.abs(mixed).mean(), atol=1e-3)


def test_one_channel_and_several(textures):
    pixels = NOISE.astype(np.float32)
    tiles = cut(pixels.shape[:2], 512)
    for channels in (2, [2], [0, 3], np.int64(1), range(4)):
        found, _ = dream_gradient(wish(textures, "first", channels), pixels, tiles)
        wanted = by_hand(textures, pixels, {"first": 1}, list(np.atleast_1d(channels)))
        np.testing.assert_allclose(found, wanted, atol=2e-3)


def test_the_guide_pulls_each_vector_to_its_best_match(textures):
    pixels, guide = NOISE.astype(np.float32), GENERATOR.uniform(0, 255, (20, 30, 3)).astype(np.float32)
    part = keras.Model(textures.input, textures.get_layer("second").output)
    vectors = part(guide[None]).numpy().reshape(-1, 5)
    with tf.GradientTape() as tape:
        images = tf.convert_to_tensor(pixels[None])
        tape.watch(images)
        own = tf.reshape(part(images), (-1, 5))
        # As in the original notebook: dst.diff = y[:, A.argmax(1)], with A = x.T y.
        best = vectors[np.argmax(own.numpy() @ vectors.T, axis=1)]
        objective = tf.reduce_mean(tf.reduce_sum(own * best, axis=-1))
    slope = tape.gradient(objective, images).numpy()[0]
    found, objectives = dream_gradient(wish(textures, "second", guide=guide), pixels, cut(pixels.shape[:2], 512))
    np.testing.assert_allclose(found, slope / np.abs(slope).mean(), atol=2e-3)
    assert objectives["second"] == pytest.approx(float(objective), rel=1e-4)


@pytest.mark.parametrize("options", [{}, {"channel": 7}, {"guide": photo("coffee")}])
def test_the_objective_rises(net, cat, options):
    layer = "block4_conv1_relu"
    steps = []
    dreamt = dream(net, cat, layer, octaves=1, steps=6, callback=steps.append, **QUIET, **options)
    values = [step.objectives[layer] for step in steps]
    assert values[-1] > 1.5 * values[0]
    assert np.count_nonzero(np.diff(values) > 0) >= 4
    # And it is the picture's own: the same layer answers more to the dream than to the photograph.
    read = [cnnviz.activation_maps(net.model, net.scale(one[None].astype(np.float32)), layer) for one in (cat, dreamt)]
    chosen = [maps[layer][..., options.get("channel", slice(None))] for maps in read]
    assert np.mean(chosen[1] ** 2) > 1.3 * np.mean(chosen[0] ** 2)


def test_less_of_a_layer_lowers_its_objective(net, cat):
    steps = []
    dream(net, cat, {"block3_conv1_relu": -1}, octaves=1, steps=5, callback=steps.append, **QUIET)
    values = [step.objectives["block3_conv1_relu"] for step in steps]
    assert values[-1] < 0.8 * values[0]


def test_without_a_step_all_detail_comes_back(net):
    photograph = photo("cat")
    np.testing.assert_array_equal(dream(net, photograph, "block1_conv1", steps=0, **QUIET), photograph)
    still = dream(net, photograph[:90, :130], "block1_conv1", steps=1, step_size=0, **QUIET)
    np.testing.assert_array_equal(still, photograph[:90, :130])


def test_an_octave_adds_its_change_and_no_detail_is_lost(textures):
    """Two octaves, done apart: photograph + enlarged change, then the steps of the second."""
    large = NOISE
    small = resized(large.astype(np.float32), (34, 46))
    changed = np.clip(small + 5 * by_hand(textures, small, {"first": 1}), 0, 255)
    # Keras's way to say it: the dream enlarged, plus what shrinking had taken from the photograph.
    lost = large - resized(small, (48, 64))
    begun = np.clip(resized(changed, (48, 64)) + lost, 0, 255)
    wanted = np.clip(begun + 5 * by_hand(textures, begun, {"first": 1}), 0, 255)
    found = dream(textures, large, "first", octaves=2, step_size=5, steps=1, jitter=0, **QUIET)
    assert np.mean(np.abs(found - wanted) > 0.51) < 0.01


def test_octave_sizes():
    assert octave_sizes((300, 451)) == [(78, 117), (109, 164), (153, 230), (214, 322), (300, 451)]
    assert octave_sizes((64, 200)) == [(64, 200)]
    assert octave_sizes((63, 63)) == [(63, 63)]
    assert octave_sizes((1000, 32), 1) == [(1000, 32)]
    assert min(octave_sizes((3000, 4000))[0]) >= 64
    with pytest.raises(ValueError, match=r"20x50 pixels, too few: enlarge it to 64 at least"):
        octave_sizes((20, 50))
    with pytest.raises(ValueError, match=r"would be 25x25 pixels, below 32; take at most 4, a smaller octave_scale"):
        octave_sizes((100, 100), 5, 1.414)
    assert len(octave_sizes((100, 100), 3, 1.5)) == 3


def test_resizing_keeps_what_rounding_would_lose():
    ramp = np.repeat(np.linspace(100, 104, 200, dtype=np.float32)[None, :, None], 40, axis=0).repeat(3, axis=2)
    there = resized(ramp, (20, 100))
    np.testing.assert_allclose(there[5, :, 0], ramp[0, :, 0].reshape(100, 2).mean(axis=1), atol=1e-4)
    np.testing.assert_allclose(resized(there, (40, 200)), ramp, atol=0.02)


@pytest.mark.parametrize("place", [(0.0, 0.0), (0.37, 0.81), (0.99, 0.2)])
def test_tiled_is_whole_where_the_margin_covers_what_a_pixel_depends_on(textures, place):
    pixels = GENERATOR.uniform(0, 255, (230, 330, 3)).astype(np.float32)
    whole, objectives = dream_gradient(wish(textures, "second"), pixels, cut((230, 330), 512))
    tiles = cut((230, 330), 128, place=place)
    assert len(tiles) > 8
    tiled, over_tiles = dream_gradient(wish(textures, "second"), pixels, tiles)
    if int(tiles[0].read[0][0, 0]) % 2 == 0 and tiles[0].read[1][0, 0] % 2 == 0:
        inside = np.s_[20:-20, 20:-20]  # at the edges one sees zeros, the other a mirror
        np.testing.assert_allclose(tiled[inside], whole[inside], rtol=0.02, atol=0.02)
    assert over_tiles["second"] == pytest.approx(objectives["second"], rel=0.05)
    without = cut((230, 330), 128, margin=0, place=(0, 0))
    seamed, _ = dream_gradient(wish(textures, "second"), pixels, without)
    assert np.abs(seamed[20:-20, 20:-20] - whole[20:-20, 20:-20]).max() > 0.5


def test_tiling_does_not_depend_on_where_the_seams_are(textures):
    pixels = GENERATOR.uniform(0, 255, (230, 330, 3)).astype(np.float32)
    wanted = wish(textures, "first")  # a convolution: no grid of its own
    first, *others = (
        dream_gradient(wanted, pixels, cut((230, 330), 128, place=place))[0]
        for place in [(0, 0), (0.3, 0.6), (0.9, 0.1)]
    )
    for other in others:
        np.testing.assert_allclose(other, first, atol=0.02)


@pytest.mark.parametrize("size", [(64, 64), (65, 201), (333, 47), (131, 259)])
def test_sizes_tall_wide_odd_and_cut(textures, size):
    photograph = GENERATOR.integers(0, 256, (*size, 3), dtype=np.uint8)
    dreamt = dream(textures, photograph, "second", steps=2, tile=128, **QUIET)
    assert dreamt.shape == photograph.shape
    assert dreamt.dtype == np.uint8
    changed = np.abs(dreamt.astype(int) - photograph).mean(axis=-1)
    # Everywhere: no tile and no edge is left out.
    assert all(changed[part].mean() > 0.3 for part in (np.s_[:16], np.s_[-16:], np.s_[:, :16], np.s_[:, -16:]))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_model(kind):
    keras.utils.set_random_seed(3)
    model = KINDS[kind]()
    photograph = GENERATOR.integers(0, 256, (40, 33, 3), dtype=np.uint8)
    model(np.zeros((1, SIDE, SIDE, 3), np.float32))  # the subclassed one is built by its first call
    before = [array.copy() for array in model.get_weights()]
    steps = []
    options = {"scale": lambda pixels: pixels / 127.5 - 1, "octaves": 1, "steps": 4, "verbose": False}
    for layers in ({"conv1": 1, "conv2": 2}, "conv2"):
        steps.clear()
        dreamt = dream(model, photograph, layers, callback=steps.append, **options)
        assert steps[-1].objectives["conv2"] > 1.1 * steps[0].objectives["conv2"]
        assert (dreamt != photograph).any()
    np.testing.assert_array_equal(dreamt, dream(model, photograph, "conv2", **options))
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert not any("call" in vars(layer) for layer in layer_paths(model).values())


def test_bfloat16_is_close_to_float32(textures):
    half = keras.models.clone_model(
        textures,
        clone_function=lambda layer: layer.__class__.from_config({**layer.get_config(), "dtype": "mixed_bfloat16"}),
    )
    half.set_weights(textures.get_weights())
    pixels = NOISE.astype(np.float32)
    tiles = cut(pixels.shape[:2], 512)
    one, other = (dream_gradient(wish(model, "second"), pixels, tiles)[0].ravel() for model in (textures, half))
    assert one @ other / np.linalg.norm(one) / np.linalg.norm(other) > 0.95


def test_a_classifier_scales_for_itself(textures):
    halved = cnnviz.Classifier(textures, tuple("abcde"), 64, lambda pixels: pixels / 255)
    bare = dream(textures, NOISE, "second", scale=lambda pixels: pixels / 255, **ONE_STEP)
    np.testing.assert_array_equal(dream(halved, NOISE, "second", **ONE_STEP), bare)


def test_models_that_cannot_be_compiled_dream_as_well():
    class Asks(keras.Model):
        def __init__(self):
            super().__init__()
            self.conv = keras.layers.Conv2D(3, 3, name="conv")

        def call(self, images):
            maps = self.conv(images)
            return maps if bool(tf.reduce_mean(maps) > 1e9) else maps * 2

    model = Asks()
    model(np.zeros((1, 64, 64, 3), np.float32))
    steps = []
    dream(model, NOISE, "conv", octaves=1, steps=3, callback=steps.append, **QUIET)
    assert steps[-1].objectives["conv"] > steps[0].objectives["conv"]


def test_callbacks_get_the_picture_and_nothing_to_break(net, cat):
    steps = []
    dream(net, cat, "block2_conv1_relu", octaves=1, steps=3, callback=steps.append, **QUIET)
    assert [(step.octave, step.step) for step in steps] == [(0, 0), (0, 1), (0, 2)]
    assert steps[0].picture.shape == cat.shape
    with pytest.raises(ValueError, match="read-only"):
        steps[0].picture[:] = 0
    steps.clear()
    dream(net, cat, "block2_conv1_relu", octaves=2, steps=2, callback=steps.append, **QUIET)
    assert [(step.octave, *step.picture.shape[:2]) for step in steps] == [(0, 46, 69)] * 2 + [(1, 64, 96)] * 2


def test_ctrl_c_leaves_the_model_as_it_was(net, cat):
    def stop(step):
        raise KeyboardInterrupt

    before = net.model(cat[None].astype(np.float32)).numpy()
    with pytest.raises(KeyboardInterrupt):
        dream(net, cat, "block3_conv1_relu", callback=stop, **QUIET)
    np.testing.assert_array_equal(net.model(cat[None].astype(np.float32)).numpy(), before)
    assert not any("call" in vars(layer) for layer in net.model.layers)


def test_other_channels_and_sizes_compile_nothing_new(textures):
    traces = []

    def scale(pixels):
        traces.append(tuple(pixels.shape))
        return pixels

    options = {"scale": scale, "octaves": 1, "steps": 1, "verbose": False}
    dream(textures, NOISE, "second", channel=0, **options)
    dream(textures, NOISE[:40], "second", channel=1, **options)  # the size becomes free
    few = len(traces)
    for channel in range(5):
        for height in (33, 41, 48):
            dream(textures, NOISE[:height], "second", channel=channel, **options)
    assert len(traces) == few <= 3


def test_nothing_is_kept_of_a_model_or_a_scale_that_are_gone():
    model = KINDS["functional"]()
    gone = weakref.ref(model)
    dream(model, NOISE, "conv2", scale=lambda pixels: pixels / 255, octaves=1, steps=1, **QUIET)
    del model
    gc.collect()
    assert gone() is None


def test_wrong_pictures_are_refused_in_words(textures):
    with pytest.raises(ValueError, match=r"photograph is grey, \(48, 64\); data.read_image"):
        dream(textures, NOISE[..., 0], "first")
    with pytest.raises(ValueError, match=r"photograph is grey, \(48, 64, 1\)"):
        dream(textures, NOISE[..., :1], "first")
    with pytest.raises(TypeError, match="photograph must be a uint8 RGB array, not float64"):
        dream(textures, NOISE / 255, "first")
    with pytest.raises(ValueError, match=r"photograph has shape \(1, 48, 64, 3\); one RGB picture"):
        dream(textures, NOISE[None], "first")
    with pytest.raises(ValueError, match="guide is grey"):
        dream(textures, NOISE, "first", guide=NOISE[..., 0])
    with pytest.raises(ValueError, match="the photograph has 20x64 pixels, too few"):
        dream(textures, NOISE[:20], "first")
    grey = keras.Sequential([keras.Input((None, None, 1)), keras.layers.Conv2D(2, 3, name="conv")])
    with pytest.raises(ValueError, match="only a model of one RGB picture"):
        dream(grey, NOISE, "conv")


def test_wrong_wishes_are_refused_in_words(textures):
    for options, error, text in [
        ({"channel": 5}, ValueError, "channel is 5; layer 'second' has the channels 0 to 4"),
        ({"channel": [1, 9]}, ValueError, "channel is 9; layer 'second' has the channels 0 to 4"),
        ({"channel": -1}, ValueError, "channels are numbered from 0"),
        ({"channel": 1.5}, TypeError, "the number of a channel"),
        ({"channel": True}, TypeError, "the number of a channel"),
        ({"channel": []}, ValueError, "None stands for all"),
        ({"channel": 1, "guide": NOISE}, ValueError, "channel picks from one layer, without a guide"),
        ({"layers": ["first", "second"], "channel": 1}, ValueError, "channel picks from one layer"),
        ({"layers": "third"}, ValueError, "layer 'third' not in"),
        ({"layers": []}, ValueError, "layers is empty"),
        ({"layers": 3}, TypeError, "a layer, a list of them, or a dictionary"),
        ({"layers": {"first": "much"}}, TypeError, "the weight of 'first' is 'much'"),
        ({"layers": {"first": np.nan}}, ValueError, "finite numbers"),
        ({"layers": {"first": 0}}, ValueError, "not all of them 0"),
        ({"octaves": 0}, ValueError, "octaves is 0; at least 1"),
        ({"octaves": 9}, ValueError, "take at most 2, a smaller octave_scale"),
        ({"octave_scale": 1}, ValueError, "octave_scale is 1"),
        ({"steps": -1}, ValueError, "steps is -1"),
        ({"steps": 2.5}, TypeError, "steps is 2.5; a whole number"),
        ({"jitter": -1}, ValueError, "jitter is -1"),
        ({"tile": 64}, ValueError, "tile is 64; at least 128"),
        ({"step_size": np.inf}, ValueError, "step_size is inf"),
    ]:
        with pytest.raises(error, match=text):
            dream(textures, NOISE, **{"layers": "second", "verbose": False, **options})
    with pytest.raises(TypeError, match="a Keras model or a Classifier"):
        dream("vgg16", NOISE, "second")


def test_a_layer_that_stays_silent_is_said():
    inputs = keras.Input((None, None, 3))
    maps = keras.layers.Conv2D(2, 3, activation="relu", name="dead", bias_initializer=keras.initializers.Constant(-1e6))
    model = keras.Model(inputs, maps(inputs))
    with pytest.warns(UserWarning, match="silent: its gradient is zero everywhere"):
        np.testing.assert_array_equal(dream(model, NOISE, "dead", octaves=1, **QUIET), NOISE)


def test_zoom_writes_what_it_dreams(textures, tmp_path):
    red = np.zeros((64, 96, 3), np.uint8)
    red[..., 0], red[20:30, 20:40] = 200, 90
    frames = list(zoom_frames(textures, red, "first", frames=4, octaves=1, step_size=0.5, enlarge=1.2, **QUIET))
    np.testing.assert_array_equal(frames[0], red)
    options = {"frames": 4, "octaves": 1, "step_size": 0.5, "enlarge": 1.2, "verbose": False}
    path = zoom(textures, red, "first", tmp_path / "zoom.mp4", **options)
    reader = cv2.VideoCapture(str(path))
    found = []
    while (read := reader.read())[0]:
        found.append(read[1][..., ::-1].astype(int))
    assert len(found) == 4
    for wanted, frame in zip(frames, found, strict=True):
        assert np.abs(wanted.mean(axis=(0, 1)) - frame.mean(axis=(0, 1))).max() < 8
        assert frame[..., 0].mean() > 120 > 60 > frame[..., 2].mean()


def test_zoom_enlarges_the_middle():
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, keras.layers.Conv2D(1, 1, name="conv")(inputs))
    picture = np.zeros((101, 141, 3), np.uint8)
    picture[50 - 5 : 50 + 6, 70 - 10 : 70 + 11] = 200
    *_, last = zoom_frames(model, picture, "conv", frames=3, enlarge=1.5, octaves=1, steps=0, **QUIET)
    bright = last[..., 0] > 100
    rows, columns = np.flatnonzero(bright.any(axis=1)), np.flatnonzero(bright.any(axis=0))
    assert (rows[0] + rows[-1], columns[0] + columns[-1]) == (100, 140)
    np.testing.assert_allclose([len(rows), len(columns)], [11 * 2.25, 21 * 2.25], atol=1.5)


def test_zoom_refuses_before_it_dreams(textures, tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        zoom(textures, NOISE, "first", tmp_path / "nowhere" / "a.mp4")
    with pytest.raises(ValueError, match="frames is 0"):
        zoom(textures, NOISE, "first", tmp_path / "a.mp4", frames=0)
    with pytest.raises(ValueError, match="enlarge is 0.5"):
        zoom_frames(textures, NOISE, "first", enlarge=0.5)
    with pytest.raises(ValueError, match="layer 'nope' not in"):
        zoom_frames(textures, NOISE, "nope")
    assert list(tmp_path.iterdir()) == []


def test_memory_grows_with_the_tile_and_not_with_the_picture():
    """Six megapixels in tiles; whole they would need gigabytes."""
    script = """
        import resource, keras, numpy as np
        from cnnviz.dream import dream
        inputs = keras.Input((None, None, 3))
        maps = keras.layers.Conv2D(24, 3, strides=2, activation="relu", name="conv")(inputs)
        maps = keras.layers.Conv2D(24, 3, activation="relu", name="deep")(maps)
        model = keras.Model(inputs, maps)
        options = {"octaves": 1, "steps": 1, "tile": 256, "verbose": False}
        photograph = np.random.default_rng(0).integers(0, 256, (2000, 3000, 3), dtype=np.uint8)
        dream(model, photograph[:600, :600], "deep", **options)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        dream(model, photograph, "deep", **options)
        print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True, timeout=120
    )
    # Float pictures of 72 MB each: the photograph, the dream, the gradient, and one for what comes and goes.
    assert float(run.stdout) < 72 * 6


def test_nothing_heavy_is_imported_with_the_module():
    heavy = "{'tensorflow', 'keras', 'matplotlib', 'cv2'}"
    script = f"import sys, cnnviz.dream, cnnviz.dream.video; assert not {heavy} & set(sys.modules), sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)
