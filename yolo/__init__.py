"""yolo: every object a box. Object detection with YOLO v1 to v3 (to come with lectures 9 to 11)."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yolo.explanation import explain_loss as explain_loss

_HOME = {"explain_loss": "explanation"}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'yolo' has no attribute {name!r}; it has {', '.join(__all__)}, and its modules")
    value = getattr(import_module(f"yolo.{_HOME[name]}"), name)
    globals()[name] = value
    return value
