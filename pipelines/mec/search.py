"""Stage `search`: weights and architecture parameters in turn, then the derived network."""

import functools
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pipelines.callbacks import EpochProgress
from pipelines.mec.context import MecContext
from pipelines.mec.other_runs import WARM_WEIGHTS
from splitnets_tf.files import read_json, sha256_of_file, write_atomically, write_json
from splitnets_tf.search.differentiable import DerivedNetwork, derive
from splitnets_tf.search.differentiable.loop import SearchData, read_state, search_network
from splitnets_tf.space import layered_space_to_dict
from splitnets_tf.supernet import SubnetworkEvaluator
from splitnets_tf.supernet.mixed_network import MixedNetwork

__all__ = ["architecture_path", "derived_choices", "read_history", "search", "searched_network"]

_HISTORY = ("search", "history.json")


def weights_path(context: MecContext) -> Path:
    """The searched weights and architecture parameters."""
    return context.path("search", "final.weights.h5")


def architecture_path(context: MecContext) -> Path:
    """The derived network."""
    return context.path("architecture.json")


def search(context: MecContext) -> None:
    """Search, or go on from the last checkpoint; write the derived network."""
    config = context.config
    warm_weights = context.warmup_home.joinpath(*WARM_WEIGHTS)
    inputs = context.inputs()
    if config.warmup_run is not None:
        inputs["warm-up"] = sha256_of_file(warm_weights)
    if context.run.is_done("search", inputs):
        return
    with context.run.stage("search", inputs, config.seed):
        network = _new_network(context)
        history = _History(context, network)
        if config.warmup_run is not None:
            history.take_over(context.warmup_home.joinpath(*_HISTORY))
        images, labels = context.training_images()
        alpha = context.arrays("validation") if config.search.alpha_data == "validation" else None
        search_network(
            network,
            context.latency,
            context.limit_ms,
            weight_data=SearchData(images=images, labels=labels),
            alpha_data=SearchData(
                images=images if alpha is None else alpha.images, labels=labels if alpha is None else alpha.labels
            ),
            settings=config.search,
            directory=context.path("search", "checkpoints"),
            warm_weights=warm_weights,
            callbacks=[history, EpochProgress("search", config.search.total_epochs)],
        )
        network.optimizer = None
        write_atomically(weights_path(context), functools.partial(network.save_weights, overwrite=True))
        _write_derived(context, network, history.evaluator)


def searched_network(context: MecContext) -> MixedNetwork:
    """The network of a finished search."""
    network = _new_network(context)
    network.load_weights(weights_path(context))
    return network


def derived_choices(context: MecContext) -> tuple[int, ...]:
    """The candidates that the search chose."""
    return tuple(int(index) for index in read_json(architecture_path(context), "an architecture file")["choices"])


def read_history(context: MecContext) -> list[dict[str, float]]:
    """One row for each epoch of the search."""
    return _read_epochs(context.path(*_HISTORY))


def _read_epochs(path: Path) -> list[dict[str, float]]:
    epochs: list[dict[str, float]] = read_json(path, "a search's history")["epochs"]
    return epochs


def new_evaluator(context: MecContext, network: MixedNetwork) -> SubnetworkEvaluator:
    """Validation accuracy after calibration on training images."""
    calibration = context.sample("train", context.config.calibration_images)
    validation = context.sample("validation", context.config.validation_images)
    return SubnetworkEvaluator(network, calibration.images, validation.images, validation.labels, batch_size=128)


def _new_network(context: MecContext) -> MixedNetwork:
    settings = context.config.search
    keras.utils.set_random_seed(settings.seed)
    network = MixedNetwork(
        context.space,
        context.system.topology,
        context.num_classes,
        label_smoothing=settings.label_smoothing,
        share_weights=settings.share_weights,
    )
    network.build()
    return network


def _write_derived(context: MecContext, network: MixedNetwork, evaluator: SubnetworkEvaluator) -> None:
    state = read_state(network)
    found = derive(context.latency, state.log_probabilities, context.limit_ms)
    logits = evaluator.logits(found.choices)
    write_atomically(context.path("predictions", "inherited.npy"), functools.partial(np.save, arr=logits.argmax(-1)))
    rows = []
    for row, index, p in zip(network.layer_rows, found.choices, state.probabilities, strict=True):
        names = [candidate.name for candidate in row.candidates]
        rows.append(
            {
                "layer": row.number,
                "device": row.device,
                "operation": names[index],
                "probabilities": dict(zip(names, (round(float(value), 6) for value in p), strict=True)),
            }
        )
    description = {
        "schema_version": 1,
        "kind": "placed",
        "space": layered_space_to_dict(context.space),
        "topology": _topology(context),
        "num_classes": context.num_classes,
        "choices": list(found.choices),
        "layers": rows,
        "latency_ms": found.latency_ms,
        "limit_ms": context.limit_ms,
        "log_probability": found.log_probability,
        "expected_ms": context.latency.expected_ms(state.probabilities),
    }
    write_json(architecture_path(context), description)


def _topology(context: MecContext) -> dict[str, Any]:
    topology = context.system.topology
    path = [list(step) if isinstance(step, tuple) else step for step in topology.path]
    return {"kind": topology.kind, "path": path, "broadcast": topology.broadcast}


class _History(keras.callbacks.Callback):
    """Derives and judges a network at the end of each epoch; TensorBoard and search/history.json show it all."""

    def __init__(self, context: MecContext, network: MixedNetwork) -> None:
        super().__init__()
        self._context = context
        self._network = network
        self.evaluator = new_evaluator(context, network)
        self._writer = tf.summary.create_file_writer(str(context.path("logs", "search")))
        self._path = context.path(*_HISTORY)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """The compact network that stands now, as the paper judges it in every epoch."""
        state = read_state(self._network)
        found: DerivedNetwork = derive(self._context.latency, state.log_probabilities, self._context.limit_ms)
        row = {name: float(value) for name, value in (logs or {}).items()}
        row |= {
            "epoch": epoch + 1,
            "derived_ms": found.latency_ms,
            "validation_accuracy": self.evaluator.evaluate(found.choices),
            "limit_ms": self._context.limit_ms,
        }
        epochs = _read_epochs(self._path) if self._path.is_file() else []
        write_json(self._path, {"epochs": [old for old in epochs if old["epoch"] <= epoch] + [row]})
        self._show(row)
        with self._writer.as_default():
            for layer, p in zip(self._network.layer_rows, state.probabilities, strict=True):
                entropy = float(-np.sum(p * np.log(np.maximum(p, 1e-12))))
                tf.summary.scalar(f"entropy/layer{layer.number}", entropy, step=epoch + 1)
        self._writer.flush()

    def take_over(self, path: Path) -> None:
        """Begin with the warm-up of another run: the rows are this run's own but for T_const."""
        if self._path.is_file():
            return
        warmup = self._context.config.search.warmup_epochs
        rows = [row | {"limit_ms": self._context.limit_ms} for row in _read_epochs(path) if row["epoch"] <= warmup]
        write_json(self._path, {"epochs": rows})
        for row in rows:
            self._show(row)

    def _show(self, row: dict[str, float]) -> None:
        step = int(row["epoch"])
        with self._writer.as_default():
            for name, value in row.items():
                if name != "epoch":
                    tf.summary.scalar(f"search/{name}", value, step=step)
