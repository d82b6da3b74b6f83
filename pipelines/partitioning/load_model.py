"""Finds the model that the command line names and reads it as a graph."""

from __future__ import annotations

import difflib
import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from splitnets_tf.errors import UserError
from splitnets_tf.hardware import Graph
from splitnets_tf.partition import legal_cuts

__all__ = ["LoadedModel", "application_names", "load_model"]

_APPLICATION = "keras.applications:"
_DEFAULT_SIZE = 224


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadedModel:
    """A model that is to be partitioned."""

    graph: Graph
    """Its operations."""

    keras_model: Any
    """The Keras model; None for a .tflite file."""


def load_model(name: str, *, image_size: int | None = None) -> LoadedModel:
    """Loads a model.

    Args:
        name: `keras.applications:NAME` (built without weights), or the path of a `.keras` or `.tflite` file.
        image_size: Height and width for a model of keras.applications; None takes its own.

    Returns:
        The model and its graph.

    Raises:
        UserError: If there is no such model, or it cannot be read or cut; the message names the layer.
    """
    if name.startswith(_APPLICATION):
        model = _application(name.removeprefix(_APPLICATION), image_size)
    elif image_size is not None:
        raise UserError("--image-size goes with keras.applications:NAME only; a file has its own input size")
    elif name.endswith(".tflite"):
        from splitnets_tf.graph import read_tflite

        return _cuttable(LoadedModel(graph=read_tflite(name), keras_model=None))
    elif name.endswith(".keras"):
        model = _keras_file(Path(name))
    else:
        raise UserError(f"model {name!r} is none of keras.applications:NAME, a .keras file or a .tflite file")
    from splitnets_tf.graph import read_keras_model

    return _cuttable(LoadedModel(graph=read_keras_model(model), keras_model=model))


def application_names() -> tuple[str, ...]:
    """Returns the names of the image classifiers of keras.applications."""
    import keras

    members = vars(keras.applications).items()
    return tuple(sorted(name for name, member in members if callable(member) and name[0].isupper()))


def _application(name: str, image_size: int | None) -> Any:
    import keras

    if name not in application_names():
        near = difflib.get_close_matches(name, application_names(), n=1)
        hint = f"did you mean {near[0]}?" if near else f"choose one of {', '.join(application_names())}"
        raise UserError(f"keras.applications has no classifier {name!r}; {hint}")
    build = getattr(keras.applications, name)
    try:
        if image_size is not None:
            return build(weights=None, input_shape=(image_size, image_size, 3))
        model = build(weights=None)
    except ValueError as error:
        raise UserError(f"keras.applications.{name} cannot be built: {error}") from error
    if None in model.input_shape[1:]:
        model = build(weights=None, input_shape=(_DEFAULT_SIZE, _DEFAULT_SIZE, 3))
    return model


def _keras_file(path: Path) -> Any:
    if not path.is_file():
        raise UserError(f"{path}: there is no such file; give an existing .keras file")
    _check_archive(path)
    import keras

    try:
        return keras.models.load_model(path, compile=False)
    except (ValueError, TypeError, OSError, KeyError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{path}: is no Keras 3 model that can be loaded ({reason}); save it again") from error


def _check_archive(path: Path) -> None:
    """Refuse a file that is no complete Keras 3 archive, and one with code in it, before TensorFlow is loaded.

    Raises:
        UserError: What is wrong, and how to mend it.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
            config = json.loads(archive.read("config.json")) if damaged is None else None
    except (zipfile.BadZipFile, zlib.error, KeyError, ValueError, EOFError, NotImplementedError) as error:
        raise UserError(
            f"{path}: is no complete .keras archive ({' '.join(str(error).split())}); it may be truncated, so copy or "
            "save it again with Keras 3"
        ) from error
    if damaged is not None:
        raise UserError(f"{path}: {damaged} in the archive is damaged; copy or save the file again")
    lambdas = sorted(_lambda_names(config))
    if lambdas:
        raise UserError(
            f"{path}: layer {lambdas[0]!r} is a Lambda, whose code is not run from a file; save the model with a layer "
            "class or an operation of keras.ops instead"
        )


def _lambda_names(value: Any) -> set[str]:
    """Names of the Lambda layers anywhere in a model's configuration."""
    found: set[str] = set()
    pending = [value]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            if value.get("class_name") == "Lambda" and isinstance(value.get("config"), dict):
                found.add(str(value["config"].get("name", "lambda")))
            pending += value.values()
        elif isinstance(value, list):
            pending += value
    return found


def _cuttable(loaded: LoadedModel) -> LoadedModel:
    graph = loaded.graph
    if len(legal_cuts(graph)) <= 2:
        only = graph.operations[0].layer or graph.operations[0].name if graph.operations else "input"
        raise UserError(
            f"{graph.name}: there is no legal cut: all it computes lies in layer {only!r}; "
            "give a model of several layers"
        )
    return loaded
