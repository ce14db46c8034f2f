"""`data.precision`: what the processor says, and what layers are told."""

from pathlib import Path

import keras
import pytest

from data import precision
from data.precision import has_units, numbers


@pytest.mark.parametrize(
    ("flags", "wanted"),
    [("sse avx2 avx512f", False), ("avx2 avx512_bf16", True), ("amx_bf16", True), ("asimd bf16", True), (None, False)],
)
def test_units_by_the_words_of_the_processor(monkeypatch, flags, wanted):
    def words(self, **options):
        if flags is None:
            raise FileNotFoundError
        return f"processor : 0\nflags : {flags}\n"

    monkeypatch.setattr(Path, "read_text", words)
    monkeypatch.setattr("tensorflow.config.list_physical_devices", lambda kind: [])
    assert has_units() is wanted
    monkeypatch.setattr("tensorflow.config.list_physical_devices", lambda kind: [kind])
    assert has_units()


def test_what_is_built_computes_so_and_the_policy_comes_back():
    before = keras.config.dtype_policy()
    with numbers("bfloat16"):
        layer = keras.layers.Dense(2)
    with pytest.raises(ZeroDivisionError), numbers("bfloat16"):
        1 / 0  # noqa: B018
    assert (layer.compute_dtype, layer.variable_dtype) == ("bfloat16", "float32")
    assert keras.config.dtype_policy() == before and set(precision.POLICIES) == {"float32", "bfloat16"}
