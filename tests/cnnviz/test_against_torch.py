"""The same network with the same weights in PyTorch, explained by Captum: an implementation that shares no code."""

import keras
import numpy as np
import pytest

from tests.cnnviz.model_kinds import shake

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install -e .[torch]")
captum = pytest.importorskip("captum.attr", reason="Captum is not installed: pip install -e .[torch]")

from cnnviz import cam, saliency  # noqa: E402  after the skips

SIDE, CLASSES = 16, 4


@pytest.fixture(scope="module")
def networks():
    """conv, norm, relu, pool, conv, relu, average, dense: in Keras, and in PyTorch with its weights."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 3)),
            layers.Conv2D(8, 3, padding="same", name="conv1"),
            layers.BatchNormalization(epsilon=1e-5, name="norm"),
            layers.ReLU(name="relu1"),
            layers.MaxPooling2D(name="pool"),
            layers.Conv2D(6, 3, padding="same", name="conv2"),
            layers.ReLU(name="relu2"),
            layers.GlobalAveragePooling2D(name="average"),
            layers.Dense(CLASSES, activation="softmax", name="probabilities"),
        ]
    )
    shake(model, seed=3)
    twin = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, padding=1),
        torch.nn.BatchNorm2d(8, eps=1e-5),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(8, 6, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        torch.nn.Linear(6, CLASSES),  # the logits: cnnviz looks past the softmax
    ).eval()
    order = {"kernel": "weight", "bias": "bias", "gamma": "weight", "beta": "bias"}
    order |= {"moving_mean": "running_mean", "moving_variance": "running_var"}
    with torch.no_grad():
        for name, number in {"conv1": 0, "norm": 1, "conv2": 4, "probabilities": 8}.items():
            for weight in model.get_layer(name).weights:
                values = weight.numpy()
                if weight.name == "kernel":
                    values = values.transpose(3, 2, 0, 1) if values.ndim == 4 else values.T
                getattr(twin[number], order[weight.name]).copy_(torch.tensor(values))
    return model, twin


IMAGES = np.random.default_rng(0).uniform(-1, 1, (3, SIDE, SIDE, 3)).astype(np.float32)
TARGETS = [0, 3, 1]


def to_torch(images):
    return torch.tensor(images.transpose(0, 3, 1, 2), requires_grad=True)


def close(found, expected):
    expected = expected.detach().numpy().transpose(0, 2, 3, 1)
    assert np.abs(expected).max() > 1e-3
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5 * np.abs(expected).max() + 1e-6)


def test_the_twins_agree(networks):
    model, twin = networks
    logits = twin(to_torch(IMAGES)).detach().numpy()
    np.testing.assert_allclose(model(IMAGES), np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), rtol=1e-4)


@pytest.mark.parametrize(
    ("function", "peer"),
    [
        (saliency.gradient, lambda twin: captum.Saliency(twin)),
        (saliency.gradient_times_input, captum.InputXGradient),
        (saliency.guided_backpropagation, captum.GuidedBackprop),
        (saliency.deconvnet, captum.Deconvolution),
    ],
    ids=["gradient", "gradient x input", "guided backpropagation", "deconvnet"],
)
def test_gradients(networks, function, peer):
    model, twin = networks
    options = {"abs": False} if function is saliency.gradient else {}
    close(function(model, IMAGES, TARGETS), peer(twin).attribute(to_torch(IMAGES), target=TARGETS, **options))


def test_integrated_gradients(networks):
    model, twin = networks
    # Both near the integral: the rules of the two need not be the same.
    expected = captum.IntegratedGradients(twin).attribute(to_torch(IMAGES), target=TARGETS, n_steps=300)
    found = saliency.integrated_gradients(model, IMAGES, TARGETS, baseline=np.zeros_like(IMAGES), steps=300)
    expected = expected.detach().numpy().transpose(0, 2, 3, 1)
    np.testing.assert_allclose(found.attributions, expected, atol=0.01 * np.abs(expected).max())


def test_occlusion(networks):
    model, twin = networks
    expected = captum.Occlusion(twin).attribute(
        to_torch(IMAGES), (3, 4, 4), strides=(3, 4, 4), target=TARGETS, baselines=0
    )
    found = saliency.occlusion(model, IMAGES, TARGETS, patch=4, stride=4, fill=0)
    expected = expected.detach().numpy()[:, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)


def test_grad_cam(networks):
    model, twin = networks
    expected = captum.LayerGradCam(twin, twin[5]).attribute(to_torch(IMAGES), target=TARGETS).detach().numpy()[:, 0]
    positive = np.maximum(expected, 0)
    highest = positive.max(axis=(1, 2), keepdims=True)
    found = cam.grad_cam(model, IMAGES, TARGETS, "relu2")
    np.testing.assert_allclose(found, positive / np.where(highest > 0, highest, 1), rtol=1e-3, atol=1e-5)
    assert (highest > 0).any()


def test_guided_grad_cam(networks):
    model, twin = networks
    expected = captum.GuidedGradCam(twin, twin[5]).attribute(
        to_torch(IMAGES), target=TARGETS, interpolate_mode="bilinear"
    )
    found = cam.guided_grad_cam(model, IMAGES, TARGETS, "relu2")
    expected = expected.detach().numpy().transpose(0, 2, 3, 1)
    for one, other in zip(found, expected, strict=True):
        if np.abs(other).max() > 0:  # Captum does not divide by the map's maximum
            np.testing.assert_allclose(one / np.abs(one).max(), other / np.abs(other).max(), atol=1e-3)
