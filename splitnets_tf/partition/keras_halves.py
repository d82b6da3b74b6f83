"""Cuts a Keras 3 model into two models that share its layers and weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from splitnets_tf.errors import UserError
from splitnets_tf.graph import KerasCall, flat_calls
from splitnets_tf.hardware import Graph, crossing_tensors

__all__ = ["KerasHalves", "keras_halves"]


@dataclass(frozen=True, kw_only=True, slots=True)
class KerasHalves:
    """The two halves of a model."""

    sensor: Any
    """From the model's inputs to the tensors that cross, then the results that it makes itself."""

    aggregator: Any
    """From the tensors that cross to the remaining results."""

    tapped: Any
    """The whole model; its outputs are the tensors that cross (model inputs left out), then all results."""

    crossing: tuple[str, ...]
    """Names of the tensors that cross, in the order of the aggregator's inputs."""

    results_on_sensor: tuple[int, ...]
    """Positions of the whole model's results that the sensor makes: they follow the crossing ones in its outputs."""


def keras_halves(model: Any, graph: Graph, n: int) -> KerasHalves:
    """Builds the two halves of a model by calling its layers again on new inputs.

    Args:
        model: The Keras 3 model; nested models are unfolded.
        graph: What `read_keras_model` made of it, possibly reordered by a partitioner.
        n: Number of operations of the graph before the cut.

    Returns:
        Both halves. They share the model's layers: training one trains the model.

    Raises:
        UserError: If a half would be empty or the cut falls inside a layer.
    """
    _check_cut(graph, n)
    calls, results = flat_calls(model)
    maker = {call.output: call for call in calls}
    keys = _keys_of_tensors(model, graph, calls)
    crossing = crossing_tensors(graph, n)
    front_layers = {op.layer for op in graph.operations[:n]}
    layers = {op.layer for op in graph.operations}
    made_in_front = [key for key in results if _maker_with_work(key, maker, layers) in front_layers]
    back_results = [key for key in results if key not in made_in_front]
    sensor = _model(f"{model.name}_sensor", model, [], maker, [*(keys[name] for name in crossing), *made_in_front])
    entries = [(keys[name], graph.tensor(name).shape) for name in crossing]
    aggregator = _model(f"{model.name}_aggregator", model, entries, maker, back_results)
    taps = [keys[name] for name in crossing if name not in graph.inputs]
    tapped = _model(f"{model.name}_tapped", model, [], maker, [*taps, *results])
    return KerasHalves(
        sensor=sensor,
        aggregator=aggregator,
        tapped=tapped,
        crossing=crossing,
        results_on_sensor=tuple(i for i, key in enumerate(results) if key in made_in_front),
    )


def _check_cut(graph: Graph, n: int) -> None:
    if not 0 < n < len(graph.operations):
        raise UserError(
            f"{graph.name}: the whole network lies on one device, so there are no two halves to write; choose another "
            "method, system or place to cut"
        )
    before, behind = graph.operations[n - 1].layer, graph.operations[n].layer
    if before and before == behind:
        raise UserError(f"{graph.name}: the cut falls inside layer {before!r}; cut before or behind it")


def _maker_with_work(key: Any, maker: Mapping[Any, KerasCall], layers: set[str]) -> str:
    """Returns the name of the call that makes a tensor, looking through calls that do nothing, such as dropout."""
    while key in maker and maker[key].name not in layers:
        key = maker[key].inputs[0]
    return maker[key].name if key in maker else ""


def _keys_of_tensors(model: Any, graph: Graph, calls: list[KerasCall]) -> dict[str, Any]:
    """Maps graph tensors to keys of the calls: the last operation of a layer makes the call's output."""
    by_name = {call.name: call.output for call in calls}
    inputs = [("", id(tensor)) for tensor in model.inputs]
    keys: dict[str, Any] = dict(zip(graph.inputs, inputs, strict=True))
    for operation in graph.operations:
        for name in operation.outputs:
            keys[name] = by_name[operation.layer]
    return keys


def _model(
    name: str,
    model: Any,
    entries: list[tuple[Any, tuple[int, ...]]],
    maker: Mapping[Any, KerasCall],
    targets: list[Any],
) -> Any:
    import keras

    values: dict[Any, Any] = {key: keras.Input(shape, name=f"feature{i}") for i, (key, shape) in enumerate(entries)}
    inputs = list(values.values())
    for tensor in model.inputs if not entries else ():
        fresh = keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=tensor.name.replace("/", "_"))
        values["", id(tensor)] = fresh
        inputs.append(fresh)
    for key in targets:
        _evaluate(key, values, maker)
    outputs = [values[key] for key in targets]
    return keras.Model(inputs if len(inputs) > 1 else inputs[0], outputs if len(outputs) > 1 else outputs[0], name=name)


def _evaluate(target: Any, values: dict[Any, Any], maker: Mapping[Any, KerasCall]) -> None:
    """Calls the layers that lead to a tensor; a stack of its own, for deep networks exceed Python's recursion limit."""
    stack = [target]
    while stack:
        if stack[-1] in values:
            stack.pop()
            continue
        call = maker[stack[-1]]
        missing = [key for key in call.inputs if key not in values]
        if missing:
            stack.extend(missing)
            continue
        known = {id(t): values[key] for t, key in zip(call.node.input_tensors, call.inputs, strict=True)}
        arguments, keywords = call.node.arguments.fill_in(known)
        values[call.output] = call.layer(*arguments, **keywords)
        stack.pop()
