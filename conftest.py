"""Set before TensorFlow is imported, for the unit tests and for the kernels of the lectures alike."""

import importlib.util
import os
from pathlib import Path

import pytest

# oneDNN adds in another order than plain Eigen; off, the outputs of a lecture repeat on more machines.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Sliders want somebody to move them.
os.environ.setdefault("LECTURE_STILL", "1")


def pytest_collection_modifyitems(items):
    """Skip lectures whose weights are not on this machine, with the reason."""
    spec = importlib.util.spec_from_file_location("build", Path(__file__).parent / "lectures" / "build.py")
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    for item in items:
        if item.path.suffix == ".ipynb" and (reason := build.missing(item.path.stem)):
            item.add_marker(pytest.mark.skip(reason=reason))
