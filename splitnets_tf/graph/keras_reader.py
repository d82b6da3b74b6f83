"""Keras functional model -> `Graph`; Keras 3 and tf_keras, nested models, shared layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from splitnets_tf.errors import UserError
from splitnets_tf.graph.keras_layers import LayerCall, read_call
from splitnets_tf.hardware import Graph, GraphBuilder

__all__ = ["KerasCall", "flat_calls", "read_keras_model"]


@dataclass(frozen=True, kw_only=True, slots=True)
class KerasCall:
    """One layer call of a model whose nested models are unfolded."""

    name: str
    """Name of the call, unique in the model: the layer's, behind those of the models it lies in."""

    layer: Any
    """The layer."""

    node: Any
    """The node of Keras, which knows the call's arguments."""

    inputs: tuple[Any, ...]
    """Keys of the tensors that it is called on."""

    output: Any
    """Key of the tensor that it makes."""

    shape: tuple[int, ...]
    """Shape of that tensor, without the batch."""


def read_keras_model(model: Any) -> Graph:
    """Reads a functional or sequential model.

    Args:
        model: A built Keras 3 or tf_keras model. Its weights are not needed, only their shapes.

    Returns:
        The unfused graph: batch normalisation and activations are operations of their own; operations of one layer have
        its name in `layer`, so that cuts fall between layers.

    Raises:
        UserError: If the model is subclassed or not built, or has an unsupported layer, a layer with several outputs or
            a dynamic shape; the message names the layer.
    """
    builder = GraphBuilder(str(model.name))
    tensors: dict[Any, str] = {}
    for i, tensor in enumerate(inner_model(model).inputs):
        name = _input_name(tensor, i)
        tensors[("", id(tensor))] = builder.input(name, _static_shape(tensor.shape, name))
    seen: set[int] = set()
    calls, results = flat_calls(model)
    for call in calls:
        builder.layer = call.name
        tensors[call.output] = read_call(
            LayerCall(
                builder=builder,
                layer=call.layer,
                name=call.name,
                inputs=tuple(tensors[key] for key in call.inputs),
                shape=call.shape,
                counts_params=id(call.layer) not in seen,
            )
        )
        seen.add(id(call.layer))
    return builder.build(tuple(dict.fromkeys(tensors[key] for key in results)))


def flat_calls(model: Any) -> tuple[list[KerasCall], list[Any]]:
    """Lists the layer calls of a model in the order in which Keras runs them, nested models unfolded.

    Args:
        model: A built functional or sequential model of Keras 3 or tf_keras.

    Returns:
        The calls, and the keys of the model's results. A model input has the key ("", id of its symbolic tensor).

    Raises:
        UserError: As `read_keras_model`.
    """
    tensors = {id(tensor): ("", id(tensor)) for tensor in inner_model(model).inputs}
    calls: list[KerasCall] = []
    names: dict[str, int] = {}
    results = _walk(model, "", tensors, calls, names)
    return calls, results


def inner_model(model: Any) -> Any:
    """Returns the functional model inside a sequential one, or the model itself; UserError if it is neither."""
    functional = getattr(model, "_functional", None) or model
    if not getattr(functional, "_nodes_by_depth", None):
        raise UserError(
            f"model {getattr(model, 'name', model)!r} of class {type(model).__name__} is not a built functional or "
            "sequential model; rebuild it with keras.Input and layer calls"
        )
    return functional


def _walk(model: Any, prefix: str, tensors: dict[int, Any], calls: list[KerasCall], names: dict[str, int]) -> list[Any]:
    functional = inner_model(model)
    for node in _nodes(functional):
        layer = getattr(node, "operation", None) or node.layer
        if type(layer).__name__ == "InputLayer":
            continue
        inputs = tuple(tensors[id(tensor)] for tensor in _node_inputs(node))
        outputs = _as_list(node.outputs)
        name = prefix + str(layer.name)
        if hasattr(layer, "_nodes_by_depth") or hasattr(layer, "_functional"):
            inner = {id(t): key for t, key in zip(inner_model(layer).inputs, inputs, strict=True)}
            made = _walk(layer, f"{name}/", inner, calls, names)
            tensors.update({id(t): key for t, key in zip(outputs, made, strict=True)})
            continue
        if len(outputs) != 1:
            raise UserError(f"layer {name!r} has {len(outputs)} outputs; only layers with one output are supported")
        names[name] = names.get(name, 0) + 1
        unique = name if names[name] == 1 else f"{name}_call{names[name]}"
        key = (unique, id(outputs[0]))
        tensors[id(outputs[0])] = key
        calls.append(
            KerasCall(
                name=unique,
                layer=layer,
                node=node,
                inputs=inputs,
                output=key,
                shape=_static_shape(outputs[0].shape, unique),
            )
        )
    return [tensors[id(tensor)] for tensor in functional.outputs]


def _nodes(functional: Any) -> Iterator[Any]:
    by_depth: Mapping[int, list[Any]] = functional._nodes_by_depth
    for depth in sorted(by_depth, reverse=True):
        yield from by_depth[depth]


def _node_inputs(node: Any) -> list[Any]:
    inputs = getattr(node, "input_tensors", None)
    if hasattr(node, "keras_inputs"):
        inputs = node.keras_inputs
    return _as_list(inputs)


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _input_name(tensor: Any, position: int) -> str:
    layer = getattr(tensor, "_keras_history", [None])[0]
    return str(getattr(layer, "name", f"input{position}"))


def _static_shape(shape: Any, layer: str) -> tuple[int, ...]:
    sizes = tuple(shape)[1:]
    if any(size is None for size in sizes):
        raise UserError(
            f"layer {layer!r} has the dynamic shape {tuple(shape)}; build the model with a fixed input size "
            "(only the batch may be None)"
        )
    return tuple(int(size) for size in sizes) or (1,)
