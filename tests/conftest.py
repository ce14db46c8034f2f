"""Shared by all unit tests: no windows."""

import matplotlib

matplotlib.use("agg")
