"""Set before TensorFlow is imported, for the unit tests and for the kernels of the lectures alike."""

import os

# oneDNN adds in another order than plain Eigen; off, the outputs of a lecture repeat on more machines.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Sliders want somebody to move them.
os.environ.setdefault("LECTURE_STILL", "1")
