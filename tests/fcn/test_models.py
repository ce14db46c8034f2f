"""The networks: what is true of all, and what each is made of."""

import functools
import os
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from fcn.arithmetic import costs
from fcn.layers import MaxPoolingWithArgmax2D
from fcn.models.attention_unet import attention_gate, attention_unet
from fcn.models.blocks import CropLike, channels, conv_bn_relu, encoder_layers
from fcn.models.deeplab import RATES, deeplab_v3, deeplab_v3_plus
from fcn.models.encoders import given_encoder, last_maps
from fcn.models.fcn_vgg16 import fcn8s, fcn16s, fcn32s
from fcn.models.pspnet import GridAverage, pspnet
from fcn.models.resnet import dilated_resnet
from fcn.models.segnet import segnet
from fcn.models.segnet_basic import segnet_basic
from fcn.models.segnet_light import segnet_light
from fcn.models.unet import unet
from fcn.models.unet_plus_plus import unet_plus_plus
from fcn.models.vgg16 import BLOCKS, minus_mean

NETWORKS = {
    network.__name__: network
    for network in (
        segnet_basic,
        segnet,
        fcn32s,
        fcn16s,
        fcn8s,
        unet,
        unet_plus_plus,
        attention_unet,
        pspnet,
        deeplab_v3,
        deeplab_v3_plus,
        segnet_light,
    )
}
ANY_ENCODER = {name: NETWORKS[name] for name in list(NETWORKS)[5:-1]}
NARROW = 1 / 32
WIDTHS = {"segnet_light": 1 / 8}  # narrow as it is
HOME = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"))
MOBILENET = HOME / "models" / "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5"


@functools.cache
def narrow(name):
    """A small one of each, its weights at random; shared by tests that leave it as it is."""
    return shake(NETWORKS[name](2, width=WIDTHS.get(name, NARROW)))


def pictures(*size, batch=1, seed=0):
    return np.random.default_rng(seed).uniform(0, 255, (batch, *size, 3)).astype(np.float32)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def weights(model):
    """Numbers that learn; the running averages of batch normalisation do not."""
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


def shake(model, seed=0):
    """All weights at random, the scale of normalisation kept above zero."""
    generator = np.random.default_rng(seed)
    for weight in model.weights:
        scale = 1 / np.sqrt(max(1, np.prod(weight.shape[:-1])))
        drawn = generator.normal(size=weight.shape, scale=scale)
        weight.assign(np.abs(drawn) + 0.5 if weight.path.endswith(("variance", "gamma")) else drawn)
    return model


def vgg16(width, *, side=224, dense=True):
    """VGG16 as Keras has it, with fewer channels; its last layer names seven classes."""
    layers = keras.layers
    inputs = keras.Input((side, side, 3))
    maps = inputs
    for block, (filters, count) in enumerate(BLOCKS, start=1):
        for step in range(1, count + 1):
            name = f"block{block}_conv{step}"
            maps = layers.Conv2D(channels(filters, width), 3, padding="same", activation="relu", name=name)(maps)
        maps = layers.MaxPooling2D(name=f"block{block}_pool")(maps)
    if dense:
        maps = layers.Flatten()(maps)
        maps = layers.Dense(channels(4096, width), activation="relu", name="fc1")(maps)
        maps = layers.Dense(channels(4096, width), activation="relu", name="fc2")(maps)
        maps = layers.Dense(7, name="predictions")(maps)
    return shake(keras.Model(inputs, maps))


def backbone():
    """A small classifier with a head, strides of 1, 2, 4, 8 and 16."""
    inputs = keras.Input((None, None, 3))
    maps = inputs
    for block in range(5):
        maps = keras.layers.MaxPooling2D(name=f"pool{block}")(maps) if block else maps
        maps = keras.layers.Conv2D(4 + block, 3, padding="same", activation="relu", name=f"conv{block}")(maps)
    return keras.Model(inputs, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(maps)))


# What is true of all.


@pytest.mark.parametrize("name", NETWORKS)
def test_any_size_gives_its_own_size_and_each_image_is_by_itself(name):
    model = narrow(name)
    assert model.output_shape == (None, None, None, 2) and model.name == name
    run = tf.function(
        lambda images: model(images, training=False), input_signature=[tf.TensorSpec([None, None, None, 3])]
    )
    for size in [(32, 32), (360, 480)]:
        assert run(pictures(*size)).shape == (1, *size, 2)
    # Between two others it gets what it gets alone: no index, average or normalisation reaches across the batch.
    batch = pictures(41, 35, batch=3)
    together = run(batch).numpy()
    assert together.shape == (3, 41, 35, 2) and np.ptp(together) > 0
    np.testing.assert_allclose(run(batch[1:2])[0], together[1], rtol=1e-3, atol=1e-4 * np.ptp(together))


@pytest.mark.parametrize("name", ["segnet", "fcn16s", "attention_unet", "pspnet", "deeplab_v3_plus"])  # every layer
def test_a_known_size_and_a_saved_file_change_nothing(name, tmp_path):
    model = narrow(name)
    fixed = NETWORKS[name](2, width=NARROW, size=(37, 50))
    assert fixed.output_shape == (None, 37, 50, 2)
    fixed.set_weights(model.get_weights())
    fixed.save(tmp_path / "network.keras")
    images = pictures(37, 50)
    expected = model(images, training=False).numpy()
    found = keras.models.load_model(tmp_path / "network.keras")(images, training=False)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * np.ptp(expected))


@pytest.mark.parametrize("name", NETWORKS)
def test_a_step_of_training(name):
    keras.config.set_dtype_policy("mixed_bfloat16" if name in ("segnet_basic", "fcn8s", "pspnet") else "float32")
    try:
        model = NETWORKS[name](2, width=WIDTHS.get(name, NARROW))
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.output.dtype == "float32"
    model.compile(keras.optimizers.SGD(1e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    images, labels = pictures(40, 33, batch=2), np.random.default_rng(0).integers(0, 2, (2, 40, 33))
    before = [weight.numpy() for weight in model.trainable_weights]
    loss = model.train_on_batch(images, labels)
    assert np.isfinite(loss) and all(np.isfinite(weight.numpy()).all() for weight in model.weights)
    moved = [np.any(weight.numpy() != old) for weight, old in zip(model.trainable_weights, before)]
    if name.startswith("fcn"):  # what comes before scores that start at zero learns from the second step on
        assert any(moved)
    else:
        assert np.mean(moved) > 0.9, "nearly every weight learns (a bias before a normalisation need not)"


@pytest.mark.parametrize("name", ["segnet_basic", "pspnet"])
def test_xla_computes_the_same(name):
    model = narrow(name)
    images = tf.constant(pictures(45, 34))
    compiled = tf.function(lambda images: model(images, training=False), jit_compile=True)
    expected = model(images, training=False).numpy()
    np.testing.assert_allclose(compiled(images), expected, rtol=1e-3, atol=1e-4 * np.ptp(expected))


@pytest.mark.parametrize("name", NETWORKS)
def test_the_encoder_is_known_by_its_names(name):
    found = encoder_layers(narrow(name))
    others = [layer.name for layer in narrow(name).layers if layer not in found]
    assert found and not any(one.startswith("encoder") for one in others)
    learn = ("decoder", "logits", "score", "upscore", "pyramid", "head")
    assert all(layer.name.startswith(learn) for layer in narrow(name).layers if layer.weights and layer not in found)


def test_encoder_layers_refuses_other_models():
    with pytest.raises(ValueError, match="fcn.models"):
        encoder_layers(keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)]))


@pytest.mark.parametrize("name", NETWORKS)
def test_wrong_arguments_are_refused(name):
    network = NETWORKS[name]
    for wrong, error, words in [
        ({"classes": 0}, ValueError, "classes is 0"),
        ({"classes": 2.0}, TypeError, "classes is 2.0"),
        ({"size": (31, 64)}, ValueError, "at least 32"),
        ({"size": (64.0, 64)}, TypeError, "size is 64.0"),
        ({"width": 0}, ValueError, "width is 0"),
        ({"width": float("nan")}, ValueError, "width is nan"),
        ({"width": True}, TypeError, "width is True"),
    ]:
        with pytest.raises(error, match=words):
            network(**{"classes": 2, "width": NARROW, **wrong})


# What the papers count.


def test_segnet_basic_has_the_weights_of_its_caffe_file():
    # Convolutions 1 415 040, their biases 523, batch normalisation 1024. The paper's table 1 says 1.425 M.
    assert weights(segnet_basic(11)) == 9408 + 7 * 200704 + 704 + 8 * 64 + 11 + 2 * 8 * 64 == 1_416_587
    assert weights(segnet_basic(11)) == pytest.approx(1.425e6, rel=0.01)


def test_segnet_has_the_weights_of_the_paper():
    model = segnet(11)
    assert weights(model) == pytest.approx(29.5e6, rel=0.005)
    encoder = sum(
        weight.shape.num_elements()
        for layer in encoder_layers(model)
        if isinstance(layer, keras.layers.Conv2D)
        for weight in (layer.kernel.value, layer.bias.value)
    )
    assert encoder == 14_714_688  # of VGG16 without its dense layers
    kernels = [layer.kernel.shape[2:] for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    mirrored = [(out, into) for into, out in reversed(kernels[:13])]
    assert kernels[13:] == [*mirrored[:-1], (64, 11)]


def test_the_u_nets_have_the_weights_of_the_papers():
    assert weights(unet(2, batch_norm=False)) == 31_031_810  # 31.03 M as reported for the original, here with 3 colours
    assert weights(unet(2)) == pytest.approx(31.0e6, rel=0.002)
    assert weights(unet_plus_plus(1, batch_norm=False)) == pytest.approx(9.04e6, rel=0.001)


# SegNet.


@pytest.mark.parametrize("network", [segnet_basic, segnet])
def test_values_return_to_where_their_maxima_were(network):
    model = shake(network(2, width=NARROW, size=(37, 44)))
    last = 4 if network is segnet_basic else 5
    for block in (1, last):
        pool, unpooled = model.get_layer(f"encoder{block}_pool"), model.get_layer(f"decoder{block}_unpool")
        read = keras.Model(model.input, [pool.input, *pool.output, unpooled.input[0], unpooled.output])
        before, maxima, indices, values, after = (one.numpy() for one in read(pictures(37, 44, batch=2)))
        assert after.shape == before.shape
        expected = np.zeros_like(after).reshape(2, -1, after.shape[3])
        for image, row, column, channel in np.ndindex(indices.shape):
            index = indices[image, row, column, channel]
            assert before[image].reshape(-1, before.shape[3])[index, channel] == maxima[image, row, column, channel]
            expected[image, index, channel] = values[image, row, column, channel]
        np.testing.assert_array_equal(after, expected.reshape(after.shape))


def test_segnet_basic_by_hand_in_pytorch():
    torch = pytest.importorskip("torch")
    model = shake(segnet_basic(3, width=1 / 16))
    images = pictures(32, 48, batch=2)
    run, places = torch.nn.functional, []

    def conv(maps, name):
        kernel, bias = (torch.tensor(one.numpy()) for one in model.get_layer(name).weights)
        return run.conv2d(maps, kernel.permute(3, 2, 0, 1), bias, padding=kernel.shape[0] // 2)

    def conv_bn(maps, name):
        norm = model.get_layer(f"{name}_bn")
        scale, shift, mean, variance = (torch.tensor(one.numpy()) for one in norm.weights)
        return run.batch_norm(conv(maps, name), mean, variance, scale, shift, eps=norm.epsilon)

    maps = torch.tensor(images / 127.5 - 1).permute(0, 3, 1, 2)
    for block in (1, 2, 3, 4):
        maps, indices = run.max_pool2d(run.relu(conv_bn(maps, f"encoder{block}_conv")), 2, return_indices=True)
        places.append(indices)
    for block in (4, 3, 2, 1):
        maps = conv_bn(run.max_unpool2d(maps, places.pop(), 2), f"decoder{block}_conv")
    expected = conv(maps, "logits").permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(model(images), expected, rtol=1e-3, atol=1e-4 * np.ptp(expected))


@pytest.mark.parametrize("network", [segnet, fcn32s])
def test_the_encoder_is_the_vgg16_at_first(network):
    classifier = vgg16(NARROW, side=64, dense=False)
    model = network(2, width=NARROW, encoder=classifier)
    images = pictures(64, 64)
    maps = model.get_layer("encoder5_pool").output
    found = keras.Model(model.input, maps[0] if isinstance(maps, list | tuple) else maps)(images)
    expected = classifier(keras.applications.vgg16.preprocess_input(images.copy()))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.ptp(expected))


def test_pooled_by_itself_where_a_side_is_odd():
    model = narrow("segnet_basic")
    poolings = [layer for layer in model.layers if isinstance(layer, MaxPoolingWithArgmax2D)]
    read = keras.Model(model.input, [layer.output[0] for layer in poolings])
    assert [maps.shape[1:3] for maps in read(pictures(45, 33))] == [(23, 17), (12, 9), (6, 5), (3, 3)]


# FCN.


def test_the_dense_layers_as_convolutions():
    # At the size that the classifier takes, the middle of fc6 sees all that fc1 sees, and says the same.
    classifier = vgg16(NARROW)
    model = fcn8s(2, width=NARROW, encoder=classifier)
    images = pictures(224, 224)
    assert np.any(classifier.get_layer("fc1").bias.numpy()) and np.any(classifier.get_layer("fc2").bias.numpy())
    outputs = [model.get_layer(f"encoder_fc{number}").output for number in (6, 7)]
    fc6, fc7 = keras.Model(model.input, outputs)(images)
    read = keras.Model(classifier.input, [classifier.get_layer(name).output for name in ("fc1", "fc2")])
    fc1, fc2 = read(keras.applications.vgg16.preprocess_input(images.copy()))
    for found, expected in ((fc6, fc1), (fc7, fc2)):
        np.testing.assert_allclose(found[:, 3, 3], expected, rtol=1e-4, atol=1e-4 * np.ptp(expected))


def test_a_larger_image_moves_the_classifier_over_it():
    # 64 pixels further is two cells further, where padding is out of reach of both.
    model = shake(fcn32s(2, width=NARROW))
    fc7 = keras.Model(model.input, model.get_layer("encoder_fc7").output)
    scene = pictures(32 * 15, 32 * 15)
    moved = np.roll(scene, (64, 64), axis=(1, 2))
    here, there = fc7(scene).numpy(), fc7(moved).numpy()
    # fc6 reaches 3 cells, the convolutions before it another 3 (90 pixels).
    np.testing.assert_allclose(there[:, 8:9, 8:9], here[:, 6:7, 6:7], rtol=1e-4, atol=1e-4 * np.ptp(here))
    assert np.abs(there[:, 8, 8] - here[:, 8, 8]).max() > 1e-3 * np.ptp(here)


def scores_and_logits(model, images):
    return (
        one.numpy() for one in keras.Model(model.input, [model.get_layer("score_fc7").output, model.output])(images)
    )


def test_fcn32s_interpolates_its_scores():
    model = fcn32s(3, width=NARROW)
    model.get_layer("score_fc7").set_weights([noise(1, 1, 128, 3), noise(3)])
    scores, logits = scores_and_logits(model, pictures(150, 170))
    assert scores.shape == (1, 5, 6, 3) and np.ptp(scores) > 0
    expected = tf.image.resize(scores, (160, 192))[:, :150, :170].numpy()
    atol = 1e-5 * np.ptp(expected)
    inner = (slice(None), slice(16, 144), slice(16, 170))
    np.testing.assert_allclose(logits[inner], expected[inner], rtol=1e-4, atol=atol)
    # At the border all classes are scaled down by the same factor.
    assert (logits.argmax(3) == expected.argmax(3)).all()


@pytest.mark.parametrize(("network", "factors"), [(fcn16s, (2, 16)), (fcn8s, (2, 2, 8))])
def test_new_skips_change_nothing_and_the_rest_is_interpolation(network, factors):
    torch = pytest.importorskip("torch")
    model = network(3, width=NARROW)
    model.get_layer("score_fc7").set_weights([noise(1, 1, 128, 3), noise(3)])
    scores, logits = scores_and_logits(model, pictures(128, 160))
    expected = torch.tensor(scores).permute(0, 3, 1, 2)
    for factor in factors:
        profile = torch.arange(2 * factor) + 0.5
        profile = torch.minimum(profile, 2 * factor - profile) / factor
        kernel = torch.outer(profile, profile).expand(3, 1, -1, -1)
        expected = torch.nn.functional.conv_transpose2d(expected, kernel, None, factor, factor // 2, groups=3)
    np.testing.assert_allclose(logits, expected.permute(0, 2, 3, 1).numpy(), rtol=1e-4, atol=1e-5 * np.ptp(scores))
    # In the end that is what FCN-32s does, in several steps: within a cell's difference.
    whole = fcn32s(3, width=NARROW)
    whole.set_weights([*model.get_weights()[:32], whole.get_weights()[-1]])
    inner = (slice(None), slice(48, 80), slice(48, 112))
    np.testing.assert_allclose(logits[inner], whole(pictures(128, 160))[inner], atol=0.2 * np.ptp(scores))


def test_a_skip_adds_its_scores_where_they_belong():
    model = fcn16s(1, width=NARROW)
    kernel = np.zeros((1, 1, 16, 1), np.float32)
    model.get_layer("score_pool4").set_weights([kernel, np.array([2.5], np.float32)])
    logits = model(pictures(96, 80)).numpy()
    np.testing.assert_allclose(logits[:, 8:-8, 8:-8], 2.5, rtol=1e-5)  # score_fc7 is still zero
    assert [layer.name for layer in model.layers if not layer.trainable] == ["upscore16"]


def test_fcn_with_batch_normalisation_starts_as_without():
    classifier, images = vgg16(NARROW), pictures(64, 70)
    plain, normalised = (fcn16s(2, width=NARROW, encoder=classifier, batch_norm=on) for on in (False, True))
    assert len(normalised.layers) - len(plain.layers) == 2 * 15  # behind 13 convolutions, fc6 and fc7
    expected = keras.Model(plain.input, plain.get_layer("encoder_fc7").output)(images)
    found = keras.Model(normalised.input, normalised.get_layer("encoder_fc7_relu").output)(images)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.ptp(expected))


def test_the_dense_part_of_fcn_can_be_small():
    model = fcn8s(2, width=0.5 * NARROW, dense=640)
    assert [model.get_layer(f"encoder_fc{i}").kernel.shape for i in (6, 7)] == [(7, 7, 8, 10), (1, 1, 10, 10)]
    # Convolutions are still VGG16's; dense layers of another size are not taken in silence.
    classifier = vgg16(NARROW, side=32, dense=False)
    model = fcn8s(2, width=NARROW, dense=640, encoder=classifier)
    kernel = model.get_layer("encoder5_conv3").kernel
    np.testing.assert_array_equal(
        kernel, [one for one in classifier.layers if isinstance(one, keras.layers.Conv2D)][-1].kernel
    )
    with pytest.raises(ValueError, match="width the same"):
        fcn8s(2, width=NARROW, dense=640, encoder=vgg16(NARROW))
    with pytest.raises(ValueError, match="dense is 0"):
        fcn8s(2, width=NARROW, dense=0)


def test_only_vgg16_fits_segnet_and_fcn():
    for network in (segnet, fcn32s):
        with pytest.raises(ValueError, match="encoder is 'resnet50'"):
            network(2, width=NARROW, encoder="resnet50")
        with pytest.raises(ValueError, match="5 convolutions"):
            network(2, width=NARROW, encoder=backbone())
        with pytest.raises(ValueError, match="width the same"):
            network(2, width=2 * NARROW, encoder=vgg16(NARROW, side=32, dense=False))
        with pytest.raises(TypeError, match="encoder is 5"):
            network(2, encoder=5)
        with pytest.raises(ValueError, match="weights is 'imagnet'"):
            network(2, encoder="vgg16", weights="imagnet")
        with pytest.raises(ValueError, match="weights go with"):
            network(2, weights="imagenet")
    with pytest.raises(ValueError, match="'fc1'"):
        fcn32s(2, width=NARROW, encoder=vgg16(NARROW, side=64))


# The networks with any encoder.


@pytest.mark.parametrize("name", ANY_ENCODER)
def test_a_classifier_as_encoder(name):
    classifier = backbone()
    model = ANY_ENCODER[name](
        2, width=NARROW, encoder=classifier, **({"output_stride": 16} if name == "pspnet" else {})
    )
    (encoder,) = encoder_layers(model)
    assert encoder.name == "encoder"
    assert encoder.get_layer("conv4").kernel is classifier.get_layer("conv4").kernel
    images = pictures(43, 38)
    before = model(images).numpy()
    assert before.shape == (1, 43, 38, 2)
    for layer in ("conv0", "conv4"):  # neither is left unused; PSPNet has one path only
        old = classifier.get_layer(layer).get_weights()
        classifier.get_layer(layer).set_weights([old[0] * 3, old[1] + 1])
        after = model(images).numpy()
        assert np.abs(after - before).max() > 0
        before = after


def test_a_network_of_keras_applications_as_encoder():
    model = unet(2, width=NARROW, encoder="mobilenet_v2")
    maps = model.get_layer("encoder").outputs
    assert [one.shape[-1] for one in maps] == [96, 144, 192, 576, 1280]  # strides of 2 to 32
    assert model(pictures(45, 39)).shape == (1, 45, 39, 2)


@pytest.mark.parametrize("name", ["unet", "pspnet", "deeplab_v3_plus"])
def test_the_embedded_classifier_learns_as_an_encoder(name):
    from cnnviz.models import load

    classifier = load().model
    model = NETWORKS[name](3, width=NARROW, encoder=classifier, **({"output_stride": 16} if name == "pspnet" else {}))
    images = pictures(64, 64)
    last = classifier.get_layer("block5_conv2_relu").output
    expected = keras.Model(classifier.input, last)(images)
    maps = model.get_layer("encoder")(images)
    np.testing.assert_allclose((maps if isinstance(maps, list) else [maps])[-1], expected, rtol=1e-4, atol=1e-4)

    labels = np.random.default_rng(1).integers(0, 3, (1, 64, 64))
    kernels = [classifier.get_layer(f"{layer}_conv1").kernel for layer in ("block1", "block5")]
    before = [kernel.numpy() for kernel in kernels]
    model.compile(keras.optimizers.SGD(1.0), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.train_on_batch(images, labels)
    for kernel, old in zip(kernels, before):  # a step is the gradient
        assert 0 < np.abs(kernel.numpy() - old).max() < np.inf


@pytest.mark.skipif(not MOBILENET.exists(), reason=f"needs {MOBILENET.name}, which Keras would download")
@pytest.mark.parametrize("by_name", [True, False])
def test_an_imagenet_encoder_sees_what_it_was_trained_with(by_name):
    # The features inside the segmentation network are those of keras.applications, for a photograph.
    from data import photo, resize

    build, preprocess = keras.applications.MobileNetV2, keras.applications.mobilenet_v2.preprocess_input
    whole = build(weights=str(MOBILENET))
    bare = build(weights=None, include_top=False, input_shape=(None, None, 3))
    model = deeplab_v3_plus(3, width=NARROW, encoder="mobilenet_v2" if by_name else bare)
    for layer in model.get_layer("encoder").layers:
        layer.set_weights(whole.get_layer(layer.name).get_weights() if layer.weights else [])
    images = resize(photo("cat"), (224, 224), "area")[None].astype(np.float32)
    inside = [model.get_layer(name).input for name in ("decoder_edges", "pyramid_1x1")]
    found = keras.Model(model.input, inside)(images if by_name else preprocess(images.copy()))
    outside = [whole.get_layer(name).output for name in ("block_3_expand_relu", "block_13_expand_relu")]
    expected = keras.Model(whole.input, outside)(preprocess(images.copy()))
    for one, other in zip(found, expected):
        assert np.ptp(other) > 1
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3)


def test_a_given_encoder_is_saved_with_the_network(tmp_path):
    model = deeplab_v3_plus(2, width=NARROW, encoder=backbone())
    images = pictures(45, 39)
    model.save(tmp_path / "network.keras")
    found = keras.models.load_model(tmp_path / "network.keras")(images)
    np.testing.assert_allclose(found, model(images), rtol=1e-5, atol=1e-6)


def test_the_last_maps_at_each_scale():
    model = backbone()
    found = last_maps(model)
    assert list(found) == [1, 2, 4, 8, 16]
    assert all(maps is model.get_layer(f"conv{block}").output for block, maps in enumerate(found.values()))


@pytest.mark.parametrize("key", ["vgg16", "resnet50", "densenet121", "mobilenet_v2", "efficientnetb0"])
def test_scaling_is_that_of_the_encoder(key):
    from fcn.models.encoders import _expected

    images = pictures(8, 8)
    modules = {"densenet121": "densenet", "efficientnetb0": "efficientnet"}
    module = getattr(keras.applications, modules.get(key, key))
    expected = module.preprocess_input(images.copy())
    np.testing.assert_allclose(_expected(key.replace("_", ""), images), expected, rtol=1e-4, atol=1e-4)
    if key == "vgg16":
        np.testing.assert_allclose(minus_mean(images), expected, rtol=1e-4, atol=1e-4)


def test_wrong_encoders_are_refused():
    flat = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Flatten(), keras.layers.Dense(2)])
    fixed = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Conv2D(2, 3)])

    class Subclassed(keras.Model):
        pass

    for encoder, weights_, error, words in [
        ("resnet51", None, ValueError, "resnet50"),
        (7, None, TypeError, "encoder is 7"),
        (Subclassed(), None, TypeError, "Functional"),
        (flat, None, ValueError, "no convolutions"),
        (fixed, None, ValueError, "takes images of"),
        (backbone(), "imagenet", ValueError, "leave weights out"),
        ("resnet50", "imagnet", ValueError, "imagnet"),
    ]:
        with pytest.raises(error, match=words):
            given_encoder(encoder, weights_, None)
    one_scale = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(2, 3, padding="same")])
    for name, words in [("unet", "two or more"), ("pspnet", "no maps at output_stride=8")]:
        with pytest.raises(ValueError, match=words):
            ANY_ENCODER[name](2, encoder=one_scale)
    for network in ANY_ENCODER.values():
        with pytest.raises(ValueError, match="given by name"):
            network(2, weights="imagenet")
    for network in (pspnet, deeplab_v3, deeplab_v3_plus):
        with pytest.raises(ValueError, match="output_stride is 4"):
            network(2, output_stride=4)


# U-Net and its descendants.


def test_u_net_is_built_as_drawn():
    model = unet(2, size=(64, 64))
    shapes = [layer.output.shape[1:] for layer in model.layers if isinstance(layer, keras.layers.Concatenate)]
    assert shapes == [(8, 8, 1024), (16, 16, 512), (32, 32, 256), (64, 64, 128)]
    assert model.get_layer("encoder5_conv2").output.shape[1:] == (4, 4, 1024)


def test_u_net_hands_the_image_across():
    # With the way up from below silenced, a pixel still finds its own place: one that changes, changes its neighbours.
    model = shake(unet(1, width=NARROW, batch_norm=False))
    up = model.get_layer("decoder_1_up")
    up.set_weights([np.zeros_like(one) for one in up.get_weights()])
    images = pictures(41, 37)
    changed = images.copy()
    changed[0, 20, 11] = 255 - changed[0, 20, 11]
    rows, columns = np.nonzero(np.abs(model(changed) - model(images))[0, ..., 0] > 0)
    assert rows.min() >= 16 and rows.max() <= 24 and columns.min() >= 7 and columns.max() <= 15  # four 3x3 convolutions


def test_unet_plus_plus_averages_its_logits():
    model = unet_plus_plus(2, width=NARROW, deep_supervision=True)
    heads = [model.get_layer(f"logits{number}").output for number in (1, 2, 3, 4)]
    *each, together = keras.Model(model.input, [*heads, model.output])(pictures(40, 33))
    np.testing.assert_allclose(together, np.mean(each, axis=0), rtol=1e-5, atol=1e-6)
    # Node (0, j) takes j maps of its row and one from below: equation 1.
    inputs = [len(model.get_layer(f"decoder_1_{column}_all").input) for column in (1, 2, 3, 4)]
    assert inputs == [2, 3, 4, 5]


def test_an_attention_gate_closes_and_opens():
    maps, below = keras.Input((9, 8, 4)), keras.Input((5, 4, 6))
    model = keras.Model([maps, below], attention_gate(maps, below, 3, name="a"))
    values = [noise(2, 9, 8, 4), noise(2, 5, 4, 6)]
    psi = model.get_layer("a_gate_psi")
    for bias, share in ((-100, 0), (0, 0.5), (100, 1)):
        psi.set_weights([np.zeros((1, 1, 3, 1)), np.array([bias])])
        np.testing.assert_allclose(model(values), share * values[0], rtol=1e-5, atol=1e-6)


def test_an_attention_gate_is_its_equation():
    maps, below = keras.Input((8, 8, 4)), keras.Input((4, 4, 6))
    model = shake(keras.Model([maps, below], attention_gate(maps, below, 3, name="a")))
    x, g = noise(2, 8, 8, 4), noise(2, 4, 4, 6)
    (w_x,) = model.get_layer("a_gate_x").get_weights()
    (w_g, b_g), (psi, b) = model.get_layer("a_gate_g").get_weights(), model.get_layer("a_gate_psi").get_weights()
    blocks = x.reshape(2, 4, 2, 4, 2, 4)  # image, row, row in block, column, column in block, channel
    met = np.maximum(np.einsum("nrisjc,ijcf->nrsf", blocks, w_x) + g @ w_g[0, 0] + b_g, 0)
    weights_ = 1 / (1 + np.exp(-(met @ psi[0, 0] + b)))
    np.testing.assert_allclose(model([x, g]), x * tf.image.resize(weights_, (8, 8)).numpy(), rtol=1e-4, atol=1e-5)


# PSPNet and DeepLab.


@pytest.mark.parametrize("cells", [1, 2, 3, 6])
@pytest.mark.parametrize("size", [(45, 60), (7, 11), (6, 13)])
def test_grid_averages_are_those_of_pytorch(cells, size):
    torch = pytest.importorskip("torch")
    maps = noise(2, *size, 3)
    expected = torch.nn.functional.adaptive_avg_pool2d(torch.tensor(maps).permute(0, 3, 1, 2), cells)
    found = tf.function(GridAverage(cells), input_signature=[tf.TensorSpec([None, None, None, 3])])(maps)
    np.testing.assert_allclose(found, expected.permute(0, 2, 3, 1).numpy(), rtol=1e-4, atol=1e-6)


def test_a_grid_has_no_more_cells_than_the_maps():
    maps = noise(1, 4, 9, 2)
    found = GridAverage(6)(maps)
    assert found.shape == (1, 4, 6, 2) == GridAverage(6).compute_output_shape((1, 4, 9, 2))
    np.testing.assert_allclose(found[:, :, 0], maps[:, :, :2].mean(axis=2), rtol=1e-5)


@pytest.mark.parametrize("output_stride", [8, 16, 32])
def test_a_dilated_resnet_sees_the_same_on_finer_maps(output_stride):
    # Every weight the same: the finer maps hold those of the ordinary network, at every second or fourth cell.
    coarse, fine = (keras.Model(images, levels[max(levels)]) for images, levels in (
        dilated_resnet(None, NARROW, 32), dilated_resnet(None, NARROW, output_stride)))  # fmt: skip
    fine.set_weights(shake(coarse).get_weights())
    images = pictures(65 + 32 * 5, 65 + 32 * 5)
    expected, found = coarse(images).numpy(), fine(images).numpy()
    step = 32 // output_stride
    assert found.shape[1] == -(-images.shape[1] // output_stride)
    np.testing.assert_allclose(found[:, ::step, ::step], expected, rtol=1e-3, atol=1e-3 * np.ptp(expected))


def test_atrous_convolutions_see_further():
    model = narrow("deeplab_v3")
    for rate in RATES[16]:
        assert model.get_layer(f"pyramid_rate{rate}").dilation_rate == (rate, rate)
    inputs = keras.Input((40, 40, 1))
    conv = shake(keras.Model(inputs, conv_bn_relu(inputs, 1, dilation=6, relu=False, name="c")))
    point = np.zeros((1, 40, 40, 1), np.float32)
    difference = conv(point).numpy()
    point[0, 20, 20] = 1
    difference = conv(point).numpy() - difference
    rows, columns = np.nonzero(difference[0, ..., 0])
    assert set(rows) == set(columns) == {14, 20, 26} and len(rows) == 9


@pytest.mark.parametrize("network", [deeplab_v3, deeplab_v3_plus])
def test_rates_are_those_that_are_wanted(network):
    model = network(2, width=NARROW, output_stride=8, rates=(2, 5))
    name = "pyramid_rate{}_depthwise" if network is deeplab_v3_plus else "pyramid_rate{}"
    assert [model.get_layer(name.format(rate)).dilation_rate for rate in (2, 5)] == [(2, 2), (5, 5)]
    for rates, words in [((3, 3), "different"), ((), "at least one"), ((0, 1), "a rate is 0")]:
        with pytest.raises(ValueError, match=words):
            network(2, width=NARROW, rates=rates)


def test_deeplab_v3_plus_hands_edges_across():
    model = shake(deeplab_v3_plus(2, width=NARROW))
    pyramid = model.get_layer("pyramid_conv_bn")
    pyramid.set_weights([np.zeros_like(one) for one in pyramid.get_weights()[:3]] + [np.ones(8)])
    images = pictures(64, 64)
    assert np.ptp(model(images).numpy()) > 0, "with the pyramid silenced, the maps at stride 4 still speak"


def test_the_average_of_the_image_reaches_every_pixel():
    model = narrow("pspnet")
    images = pictures(64, 400)
    changed = images.copy()
    changed[:, :, :8] = 255 - changed[:, :, :8]
    assert np.abs(model(changed) - model(images))[0, :, -8:].max() > 0


# Small parts.


def test_what_is_too_much_is_cut_off_at_the_end():
    maps = noise(1, 6, 8, 2)
    np.testing.assert_array_equal(CropLike()(maps, np.zeros((1, 5, 8, 7), np.float32)), maps[:, :5])
    run = tf.function(CropLike(), input_signature=[tf.TensorSpec([None, None, None, 2])] * 2)
    np.testing.assert_array_equal(run(maps, np.zeros((1, 5, 7, 2), np.float32)), maps[:, :5, :7])
    with pytest.raises(ValueError, match="smaller than like"):
        CropLike()(maps, np.zeros((1, 7, 8, 2), np.float32))
    with pytest.raises(ValueError, match="must be"):
        CropLike()(maps, np.zeros((7, 8), np.float32))


def test_segnet_light_begins_with_what_the_lectures_classifier_has_learnt():
    from cnnviz.network import build_classifier

    classifier = shake(build_classifier(5))
    network = segnet_light(3, encoder=classifier)
    ours = keras.Model(network.input, network.get_layer("encoder4_conv2_relu").output)
    theirs = keras.Model(classifier.input, classifier.get_layer("block4_conv2_relu").output)
    seen = pictures(64, 48)
    np.testing.assert_array_equal(ours.predict(seen, verbose=0), theirs.predict(seen, verbose=0))
    network.get_layer("encoder1_conv1").kernel.assign(tf.zeros((3, 3, 3, 16)))  # a copy, the classifier stays
    assert classifier.get_layer("block1_conv1").kernel.numpy().any()


def test_segnet_light_is_as_large_as_segnet_basic_and_far_cheaper():
    light, basic = (costs(build(11), size=(180, 240)) for build in (segnet_light, segnet_basic))
    assert light.parameters == 1_255_403
    assert 7.5 < basic.multiply_adds / light.multiply_adds < 8.5


def test_segnet_light_refuses_a_classifier_of_another_shape():
    from cnnviz.network import build_classifier

    with pytest.raises(ValueError, match=r"encoder1_conv1' has weights of .*3, 8\)\]; where .* with .*3, 16\)\]"):
        segnet_light(3, width=0.5, encoder=build_classifier(5))
    with pytest.raises(ValueError, match="there is nothing"):
        segnet_light(3, encoder=keras.Sequential([keras.Input((None, None, 3))], name="empty"))
    with pytest.raises(TypeError, match="None or a keras.Model"):
        segnet_light(3, encoder="vgg16")
