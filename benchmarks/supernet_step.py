"""What Keras costs: images/s of the sandwich step against raw operations and against masking.

    python -m benchmarks.supernet_step --json step.json
    python -m benchmarks.supernet_step --space demo --settings 64:64 --implementations keras deterministic

Three implementations of one step (largest, random and smallest network, one update) on the same weights and
architectures: the Keras supernet, the same slices in raw operations (a lower bound), and every network at full size
with masks. A fourth, `deterministic`, is the Keras supernet where TensorFlow may use deterministic operations only; the
second command measures what that costs. Each lives in a process of its own, and they take turns, so that whatever else
the machine does meets all of them. Before the timing their losses of the first step are compared. Most of the time goes
into tracing, a minute or more for each.
"""

import argparse
import dataclasses
import multiprocessing
import resource
import statistics
import sys
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from pipelines.cli import quiet_tensorflow, run_command
from pipelines.progress import console
from splitnets_tf.errors import UserError
from splitnets_tf.files import write_json
from splitnets_tf.space import load_space
from splitnets_tf.supernet import SandwichSettings

IMPLEMENTATIONS = ("keras", "raw", "masked", "deterministic")
_CLASSES = 1000
_LEARNING_RATE = 0.01
_LOSS_TOLERANCE = 1e-2


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """What is measured."""

    space: str
    """Preset or YAML file; its resolutions are replaced."""
    size: int
    """Side of the images in pixels."""
    batch: int
    """Images in a step."""
    networks: SandwichSettings
    """Networks in a step."""


def _worker(implementation: str, setting: Setting, pipe: Connection) -> None:
    """Answer each (first step, count) with seconds, losses of its first step and peak resident bytes."""
    quiet_tensorflow()
    import tensorflow as tf

    if implementation == "deterministic":
        tf.config.experimental.enable_op_determinism()
    step_function, space = _step_function(implementation, setting)
    rng = np.random.default_rng(0)
    images = tf.constant(rng.integers(0, 256, (setting.batch, setting.size, setting.size, 3)).astype(np.uint8))
    labels = tf.constant(rng.integers(0, _CLASSES, setting.batch).astype(np.int32))
    from splitnets_tf.supernet import sandwich_vectors

    while (request := pipe.recv()) is not None:
        first, count = request
        vectors = [sandwich_vectors(space, setting.networks, seed=0, step=first + i) for i in range(count)]
        start = time.monotonic()
        losses = [np.asarray(step_function(images, tf.constant(v), labels)) for v in vectors]
        elapsed = time.monotonic() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        pipe.send((elapsed, float(np.mean(losses[0])), peak))


def _step_function(implementation: str, setting: Setting) -> tuple[Any, Any]:
    import keras
    import tensorflow as tf

    from benchmarks.raw_supernet import MaskedOps, RawSupernet, SlicedOps
    from splitnets_tf.supernet import Supernet

    space = dataclasses.replace(load_space(setting.space), resolutions=(setting.size,))
    keras.utils.set_random_seed(0)
    supernet = Supernet(space, _CLASSES)
    supernet.build()
    if implementation in ("keras", "deterministic"):
        optimizer = keras.optimizers.SGD(_LEARNING_RATE, momentum=0.9, nesterov=True, clipvalue=1.0)
        supernet.compile(optimizer=optimizer, jit_compile=False)
        optimizer.build(supernet.trainable_variables)

        def step(images, vectors, labels):
            for metric in supernet.metrics:
                metric.reset_state()
            return supernet.train_step(((images, vectors), labels))["loss"]
    else:
        raw = RawSupernet(supernet, SlicedOps() if implementation == "raw" else MaskedOps(), _LEARNING_RATE)

        def step(images, vectors, labels):
            return raw.train_step(images, vectors, labels)[0]

    return tf.function(step, reduce_retracing=True), space


def measure(
    setting: Setting, *, rounds: int, steps: int, implementations: Sequence[str] = IMPLEMENTATIONS[:3]
) -> dict[str, dict[str, float]]:
    """Images/s and peak memory of every implementation.

    Args:
        setting: What is measured.
        rounds: Turns of each implementation.
        steps: Steps of each turn.
        implementations: Some of `IMPLEMENTATIONS`; times are relative to `raw` or, without it, to the first.

    Raises:
        UserError: The implementations disagree about the first loss, so that their times mean nothing.
    """
    context = multiprocessing.get_context("spawn")
    pipes, workers = {}, []
    for name in implementations:
        pipes[name], theirs = context.Pipe()
        workers.append(context.Process(target=_worker, args=(name, setting, theirs), daemon=True))
        workers[-1].start()
        theirs.close()
    losses, rates, peaks = {}, {name: [] for name in implementations}, {}
    for name in implementations:  # one after the other: tracing, and the steps that fill allocators and caches
        _, losses[name], _ = _ask(pipes[name], name, 0, 2)
    if max(losses.values()) - min(losses.values()) > _LOSS_TOLERANCE:
        raise UserError(f"the implementations disagree about the first loss: {losses}")
    for turn in range(rounds):
        for name in implementations:
            elapsed, _, peaks[name] = _ask(pipes[name], name, 2 + turn * steps, steps)
            rates[name].append(setting.batch * steps / elapsed)
    for pipe in pipes.values():
        pipe.send(None)
    for worker in workers:
        worker.join()
    base = "raw" if "raw" in implementations else implementations[0]
    return {name: _summary(rates[base], rates[name], peaks[name]) for name in implementations}


def _ask(pipe: Connection, name: str, first: int, count: int) -> tuple[float, float, int]:
    pipe.send((first, count))
    try:
        return pipe.recv()
    except EOFError as error:
        raise UserError(f"the process of {name!r} died; what it wrote above says why") from error


def _summary(base: list[float], rates: list[float], peak: int) -> dict[str, float]:
    """Median rate, and the median over rounds of the time relative to the base's in the same round."""
    ratios = [other / own for other, own in zip(base, rates, strict=True)]
    return {
        "images_per_s": statistics.median(rates),
        "time_over_base": statistics.median(ratios),
        "time_over_base_low": min(ratios),
        "time_over_base_high": max(ratios),
        "peak_resident_bytes": peak,
    }


def _print(setting: Setting, figures: dict[str, dict[str, float]]) -> None:
    title = (
        f"{setting.space}, {setting.size}x{setting.size}, batch {setting.batch}, {setting.networks.networks} networks"
    )
    table = Table(title=title)
    for column in ("implementation", "images/s", "time / base", "lowest", "highest", "peak GB"):
        table.add_column(column, justify="left" if column == "implementation" else "right")
    for name, row in figures.items():
        ratios = [f"{row[key]:.3f}" for key in ("time_over_base", "time_over_base_low", "time_over_base_high")]
        table.add_row(name, f"{row['images_per_s']:.2f}", *ratios, f"{row['peak_resident_bytes'] / 1e9:.2f}")
    console().print(table)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure every setting and print a table of each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--space", default="attentive_nas_split", help="preset or YAML file")
    parser.add_argument("--settings", nargs="+", default=["64:32", "192:16"], metavar="SIZE:BATCH")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each implementation")
    parser.add_argument("--steps", type=int, default=2, help="steps of each turn")
    parser.add_argument("--random", type=int, default=2, help="random networks in a step, besides largest and smallest")
    parser.add_argument("--implementations", nargs="+", choices=IMPLEMENTATIONS, default=IMPLEMENTATIONS[:3])
    parser.add_argument("--json", type=Path, help="write the figures here")
    arguments = parser.parse_args(argv)
    if arguments.rounds < 1 or arguments.steps < 1:
        raise UserError(f"--rounds and --steps must be at least 1, received {arguments.rounds} and {arguments.steps}")
    settings = [_setting(text, arguments) for text in arguments.settings]
    results = []
    for setting in settings:
        figures = measure(
            setting, rounds=arguments.rounds, steps=arguments.steps, implementations=arguments.implementations
        )
        _print(setting, figures)
        results.append({"setting": dataclasses.asdict(setting), "figures": figures})
        if arguments.json:
            write_json(arguments.json, {"rounds": arguments.rounds, "steps": arguments.steps, "results": results})
    return 0


def _setting(text: str, arguments: argparse.Namespace) -> Setting:
    size, _, batch = text.partition(":")
    if not (size.isdigit() and batch.isdigit() and int(size) and int(batch)):
        raise UserError(f"--settings: expected SIZE:BATCH, such as 64:32, received {text!r}")
    load_space(arguments.space)
    networks = SandwichSettings(random=arguments.random)
    return Setting(space=arguments.space, size=int(size), batch=int(batch), networks=networks)


if __name__ == "__main__":
    sys.exit(run_command(main))
