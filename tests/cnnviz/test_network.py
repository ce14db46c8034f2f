import keras
import numpy as np
import pytest

from cnnviz.network import build_classifier


def test_parameters_names_and_logits():
    model = build_classifier(12)
    by_hand = sum(
        9 * a * b + 4 * b
        for a, b in zip([3, 16, 16, 32, 32, 96, 96, 192, 192, 320], [16, 16, 32, 32, 96, 96, 192, 192, 320, 320])
    )
    assert model.count_params() == by_hand + 320 * 12 + 12 <= 2_500_000
    names = [layer.name for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert names == [f"block{block}_conv{step}" for block in range(1, 6) for step in (1, 2)]
    assert model.layers[-1].activation is keras.activations.linear


@pytest.mark.parametrize(("height", "width"), [(64, 64), (65, 131), (224, 96)])
def test_any_size_from_64_up_and_the_class_activation_map_is_exact(height, width):
    keras.utils.set_random_seed(0)
    model = build_classifier(5)
    images = np.random.default_rng(0).uniform(0, 255, (2, height, width, 3)).astype(np.float32)
    maps = keras.Model(model.inputs, model.get_layer("block5_conv2_relu").output)(images)
    kernel, bias = model.get_layer("logits").get_weights()
    # Zhou et al. 2016, eq. 1: the mean of the class activation map is the logit.
    np.testing.assert_allclose((maps.numpy() @ kernel).mean((1, 2)) + bias, model(images), atol=1e-4)
