"""The class activation maps: where in the image a network finds what speaks for a class.

All of them weigh the activation maps ``A_k`` of one layer and add them up; they differ in the weights. Here are those
made of the gradient. `cam` itself is in `cnnviz.cam.exact`; Score-CAM, Ablation-CAM and Eigen-CAM are in
`cnnviz.cam.without_gradients`, `upsample` in `cnnviz.cam.heat_maps`. All names can be imported from this module.

Every function takes ``(model, images, target=None, layer=None, *, relu=True, normalise=True)``:

- model: any model that `cnnviz.taps` takes, or a `Classifier`, which knows its classes by name.
- images: float, as the model takes them, ``(batch, height, width, channels)`` or one ``(height, width, channels)``.
- target: see `cnnviz.targets.Target`; by default the class that is predicted.
- layer: whose maps are weighed; by default the last ones, see `cnnviz.cam.last_maps`.
- relu, normalise: see `cnnviz.cam.heat_maps.scaled`.

It returns float32 ``(batch, rows, columns)``, one map for each image, as large as the maps of the layer; of one image
``(rows, columns)``. Where a map is zero everywhere, it stays so and a `ZeroMapWarning` tells. Every function raises
ValueError where images, target or layer are not what the model takes or has.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnviz.cam.default_layer import last_maps
from cnnviz.cam.exact import cam
from cnnviz.cam.heat_maps import ZeroMapWarning, check_maps, scaled, upsample
from cnnviz.cam.without_gradients import ablation_cam, eigen_cam, score_cam
from cnnviz.derivatives import as_batch, derivatives
from cnnviz.models import Classifier
from cnnviz.targets import Target

if TYPE_CHECKING:
    import keras

__all__ = [
    "ZeroMapWarning",
    "ablation_cam",
    "cam",
    "counterfactual",
    "eigen_cam",
    "grad_cam",
    "grad_cam_plus_plus",
    "guided_grad_cam",
    "hires_cam",
    "last_maps",
    "layer_cam",
    "score_cam",
    "upsample",
    "xgrad_cam",
]


def grad_cam(
    model: keras.Model | Classifier,
    images: Any,
    target: Target = None,
    layer: str | keras.Layer | None = None,
    *,
    relu: bool = True,
    normalise: bool = True,
) -> np.ndarray:
    """Grad-CAM: each map counts as much as the score would gain if all of its cells rose together.

        alpha_k = 1/Z sum_ij dy_c / dA_k(i, j),    S = sum_k alpha_k A_k,    S / S_max

    Takes, returns and raises what the head of this module says.

    Source: Selvaraju et al. 2017, equations 1 and 2; the slide "Grad-CAM".
    """

    def weighed(activations: np.ndarray, gradients: np.ndarray) -> np.ndarray:
        alpha = gradients.mean(axis=(1, 2))
        return np.einsum("nijk,nk->nij", activations, alpha)

    return _explain(weighed, model, images, target, layer, relu, normalise)


def counterfactual(
    model: keras.Model | Classifier,
    images: Any,
    target: Target = None,
    layer: str | keras.Layer | None = None,
    *,
    relu: bool = True,
    normalise: bool = True,
) -> np.ndarray:
    """What speaks against the class: Grad-CAM of the negative gradient. Taking it away would raise the score.

    Takes, returns and raises what the head of this module says.

    Source: Selvaraju et al. 2017, section 3.3, "Counterfactual explanations".
    """

    def weighed(activations: np.ndarray, gradients: np.ndarray) -> np.ndarray:
        alpha = -gradients.mean(axis=(1, 2))
        return np.einsum("nijk,nk->nij", activations, alpha)

    return _explain(weighed, model, images, target, layer, relu, normalise)


def grad_cam_plus_plus(
    model: keras.Model | Classifier,
    images: Any,
    target: Target = None,
    layer: str | keras.Layer | None = None,
    *,
    relu: bool = True,
    normalise: bool = True,
) -> np.ndarray:
    """Grad-CAM++: cells that raise the score count, each by a share, so that several objects show equally.

        w_k = sum_ij alpha_k(i, j) ReLU(dY / dA_k(i, j)),    Y = exp(y_c)

        alpha_k(i, j) = g^2 / (2 g^2 + g^3 sum_ab A_k(a, b)) = 1 / (2 + g sum_ab A_k(a, b)),    g = dy_c / dA_k(i, j)

    The second and third derivatives of Y are g^2 Y and g^3 Y wherever y_c itself is piecewise linear in A, as in a
    network of ReLUs. The factor Y = exp(y_c) is the same in all weights; it is left out, or it would overflow. Where
    g = 0, the paper's 0/0, a cell adds nothing to w_k, whatever its alpha.

    Takes, returns and raises what the head of this module says.

    Source: Chattopadhay et al. 2018, equations 10 and 19.
    """

    def weighed(activations: np.ndarray, gradients: np.ndarray) -> np.ndarray:
        denominator = 2 + gradients * activations.sum(axis=(1, 2), keepdims=True)
        # Zero only where activations are negative, as behind a linear bottleneck; the paper's are behind a ReLU.
        alpha = np.divide(1, denominator, out=np.zeros_like(denominator), where=denominator != 0)
        weights = (alpha * np.maximum(gradients, 0)).sum(axis=(1, 2))
        return np.einsum("nijk,nk->nij", activations, weights)

    return _explain(weighed, model, images, target, layer, relu, normalise)


def hires_cam(
    model: keras.Model | Classifier,
    images: Any,
    target: Target = None,
    layer: str | keras.Layer | None = None,
    *,
    relu: bool = True,
    normalise: bool = True,
) -> np.ndarray:
    """HiResCAM: every cell times its own gradient, S = sum_k dy_c / dA_k * A_k. No mean washes the places out.

    Where the gradient is the same in all cells, as before a global average pooling, it is Grad-CAM.

    Takes, returns and raises what the head of this module says.

    Source: Draelos and Carin 2020, equation 4.
    """

    def weighed(activations: np.ndarray, gradients: np.ndarray) -> np.ndarray:
        return np.einsum("nijk,nijk->nij", activations, gradients)

    return _explain(weighed, model, images, target, layer, relu, normalise)


def layer_cam(
    model: keras.Model | Classifier,
    images: Any,
    target: Target = None,
    layer: str | keras.Layer | None = None,
    *,
    relu: bool = True,
    normalise: bool = True,
) -> np.ndarray:
    """Layer-CAM: every cell times its own gradient where that is positive; made for early layers too.

    Takes, returns and raises what the head of this module says.

    Source: Jiang et al. 2021, equations 6 to 8.
    """

    def weighed(activations: np.ndarray, gradients: np.ndarray) -> np.ndarray:
        return np.einsum("nijk,nijk->nij", activations, np.maximum(gradients, 0))

    return _explain(weighed, model, images, target, layer, relu, normalise)


def xgrad_cam(
    model: keras.Model | Classifier,
    images: Any,
    target: Target = None,
    layer: str | keras.Layer | None = None,
    *,
    relu: bool = True,
    normalise: bool = True,
) -> np.ndarray:
    """XGrad-CAM: the gradient's mean over a map, in which a cell counts by its share of the map's activation.

        w_k = sum_ij (A_k(i, j) / sum_ab A_k(a, b)) dy_c / dA_k(i, j)

    So the sum of the map before the ReLU is that of activation times gradient, which is what the score is made of where
    the network behind has no biases.

    Takes, returns and raises what the head of this module says.

    Source: Fu et al. 2020, equation 8.
    """

    def weighed(activations: np.ndarray, gradients: np.ndarray) -> np.ndarray:
        both, sums = (activations * gradients).sum(axis=(1, 2)), activations.sum(axis=(1, 2))
        weights = np.divide(both, sums, out=np.zeros_like(both), where=sums != 0)
        return np.einsum("nijk,nk->nij", activations, weights)

    return _explain(weighed, model, images, target, layer, relu, normalise)


def guided_grad_cam(
    model: keras.Model | Classifier,
    images: Any,
    target: Target = None,
    layer: str | keras.Layer | None = None,
) -> np.ndarray:
    """Guided Grad-CAM: guided backpropagation, in fine lines, wherever Grad-CAM says that the class is.

    Takes and raises what the head of this module says; the model must have ReLUs.

    Returns:
        float32 ``(batch, height, width, channels)``, signed: the product of both, not scaled.

    Source: Selvaraju et al. 2017, section 3.2 and figure 2; guided backpropagation: Springenberg et al. 2015.
    """
    batch, single = as_batch(images)
    layer = last_maps(model, batch) if layer is None else layer
    guided = derivatives(model, batch, target, rule="guided").images
    where = upsample(grad_cam(model, batch, target, layer), guided.shape[1:3])
    product = (guided * where[..., None]).astype(np.float32)
    return product[0] if single else product


def _explain(
    weighed: Callable[[np.ndarray, np.ndarray], np.ndarray],
    model: keras.Model | Classifier,
    images: Any,
    target: Target,
    layer: str | keras.Layer | None,
    relu: bool,
    normalise: bool,
) -> np.ndarray:
    """One pass for activations and gradients, and the map that a method makes of them."""
    images, single = as_batch(images)
    layer = last_maps(model, images) if layer is None else layer
    found = derivatives(model, images, target, by_image=False, layers=[layer])
    (activations,), (gradients,) = found.activations.values(), found.gradients.values()
    check_maps(activations, layer)
    maps = scaled(weighed(activations, gradients), relu, normalise, stacklevel=4)
    return maps[0] if single else maps
