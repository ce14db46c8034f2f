"""Compiled functions that are kept for as long as the model, and the callable target, that they were made for."""

from __future__ import annotations

import functools
import threading
import weakref
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

from cnnviz.layers import layer_paths

if TYPE_CHECKING:
    import keras

one_at_a_time = threading.RLock()  # tracing wraps methods of the model; two threads must not do so at once
FLAGS = (
    "activation",
    "axis",
    "epsilon",
    "lora_enabled",
    "max_value",
    "negative_slope",
    "padding",
    "strides",
    "threshold",
)

_kept: weakref.WeakKeyDictionary[keras.Model, dict[Hashable, Any]] = weakref.WeakKeyDictionary()


def state(model: keras.Model) -> int:
    """A number that changes with what may be changed in a layer behind the back of compiled code."""
    return hash(
        tuple(
            (
                id(layer),
                layer.dtype_policy.name,
                layer.quantization_mode,
                *(tuple(flag) if isinstance(flag, list) else flag for flag in map(vars(layer).get, FLAGS)),
            )
            for layer in layer_paths(model).values()
        )
    )


def kept(model: keras.Model, key: Hashable) -> dict[str, Any]:
    """A dictionary for what is compiled for this model under this key; it goes when the model goes."""
    return _kept.setdefault(model, {}).setdefault(key, {})


class Compiled:
    """``body(model, target, notes, *options, *tensors)`` as a compiled function of the tensors.

    Made anew for every call and cheap: what was compiled is kept elsewhere.

    Attributes:
        notes: what the body noted while it was traced.
    """

    def __init__(
        self, body: Callable[..., Any], model: keras.Model, options: tuple = (), target: Callable | None = None
    ) -> None:
        """Find or prepare the compiled function.

        Args:
            body: a function of a module, not a closure.
            model: referred to weakly, as is the target: neither is kept alive by the cache.
            options: hashable; each other combination is compiled for itself.
            target: a callable that the body uses, or None. A new callable is compiled anew, and what was compiled for
                it is dropped when it dies.
        """
        self._alive = body, model, options, target
        found = kept(model, (body, options, state(model)))
        if target is not None:
            # By identity: two that compare equal may still compute something else.
            targets = found.setdefault("targets", _Targets())
            if id(target) not in targets:
                try:
                    weakref.finalize(target, _forget, weakref.ref(targets), id(target))
                    targets[id(target)] = {}
                except TypeError:  # cannot be referred to weakly: compiled for this one call
                    targets = _Targets({id(target): {}})
            found = targets[id(target)]
        self.notes = found.setdefault("notes", {})
        if "function" not in found:
            check_layout(model)
            # A partial, because TensorFlow counts retracing by code object and would take many models for one that is
            # traced many times.
            references = weakref.ref(model), None if target is None else weakly(target)
            run = functools.partial(_run, body, *references, self.notes, options)
            # Autograph would rewrite this package's code, find nothing to do, and bury errors in words of its own.
            found["function"] = AnySize(run)
        self._function = found["function"]

    def __call__(self, *tensors: Any) -> Any:
        """Run it; a model that cannot be compiled runs as it is.

        Raises:
            ValueError: as the body does; or the images are too small for the model.
        """
        import tensorflow as tf

        body, model, options, target = self._alive
        try:
            return self._function(*tensors)
        except (TypeError, AttributeError, NotImplementedError) as error:
            if isinstance(error, tf.errors.OperatorNotAllowedInGraphError) or "ymbolic" in str(error):
                # The model asks for numbers while it runs ("if the mean is positive").
                return body(model, target, self.notes, *options, *tensors)
            raise
        except ValueError as error:
            if "Negative dimension" in str(error) or "empty output" in str(error):
                raise ValueError(f"the images are too small for {model.name!r}") from error
            raise


class AnySize:
    """``tf.function``, traced once for many sizes of batch and image; for each, where the model must know them.

    Such a model (``tf.reshape(maps, (maps.shape[0], -1))``) fails when it is traced with a size left open.
    """

    def __init__(self, run: Callable[..., Any], autograph: bool = False) -> None:
        import tensorflow as tf

        self._left = [tf.function(run, autograph=autograph, reduce_retracing=reduced) for reduced in (True, False)]

    def __call__(self, *tensors: Any) -> Any:
        return self._first(lambda function: function(*tensors))

    def get_concrete_function(self, *tensors: Any) -> Any:
        return self._first(lambda function: function.get_concrete_function(*tensors))

    def _first(self, use: Callable[[Any], Any]) -> Any:
        try:
            return use(self._left[0])
        except (TypeError, ValueError) as error:
            if len(self._left) == 1 or "None" not in str(error):
                raise
        result = use(self._left[1])
        self._left = self._left[1:]
        return result


class _Targets(dict):
    """What is compiled for each target of a model, by its id; a class of its own, so that it can be weakly held."""


def _forget(targets: weakref.ref[_Targets], target: int) -> None:
    if (kept_for := targets()) is not None:
        kept_for.pop(target, None)


def check_layout(model: keras.Model) -> None:
    """Refuse a model whose maps are (channels, rows, columns).

    Raises:
        ValueError: it has a layer that is ``channels_first``.
    """
    for path, layer in layer_paths(model).items():
        if getattr(layer, "data_format", None) == "channels_first":
            raise ValueError(
                f"layer {path!r} of {model.name!r} is channels_first; maps are read as (rows, columns, channels): "
                "build the model with channels_last"
            )


def weakly(target: Callable) -> Callable[[], Callable]:
    """A weak reference to a function, or a strong one where it cannot be referred to weakly."""
    try:
        return weakref.ref(target)
    except TypeError:
        return lambda: target


def _run(
    body: Callable,
    model: Callable[[], keras.Model],
    target: Callable[[], Callable] | None,
    notes: dict,
    options: tuple,
    *tensors: Any,
) -> Any:
    return body(model(), target and target(), notes, *options, *tensors)
