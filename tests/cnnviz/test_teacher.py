import keras
import numpy as np

from cnnviz.teacher import soft_labels


def test_no_photograph_is_labelled_by_a_head_that_has_seen_it(monkeypatch, tmp_path):
    build = keras.applications.MobileNetV2

    def random_weights(weights=None, **more):
        keras.utils.set_random_seed(5)
        return build(weights=None, **more)

    monkeypatch.setattr(keras.applications, "MobileNetV2", random_weights)
    generator = np.random.default_rng(0)
    labels = np.arange(8) % 2
    views = generator.integers(0, 60, (8, 2, 112, 112, 3), np.uint8)
    views[labels == 0, ..., 0] += 180
    views[labels == 1, ..., 2] += 180
    opinion = soft_labels(views, labels, 2, seed=0, path=tmp_path / "a.npy")
    assert opinion.shape == (8, 2, 2)
    np.testing.assert_allclose(opinion.sum(-1), 1, atol=1e-5)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), opinion)

    labels[3] = 1 - labels[3]  # a wrong label changes what is thought of others, not of this photograph itself
    other = soft_labels(views, labels, 2, seed=0, path=tmp_path / "b.npy")
    np.testing.assert_allclose(other[3], opinion[3], atol=1e-6)
    assert np.abs(other - opinion).max() > 1e-3
