"""One training of a variant with one seed, evaluated: the unit that is kept and resumed."""

import base64
import dataclasses
import gc
import math
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pipelines.reproduction.claims.history import StepHistory
from pipelines.reproduction.claims.settings import ClaimsSettings, Variant
from splitnets_tf.data import DataSource, ImageArrays, Split
from splitnets_tf.files import write_json
from splitnets_tf.space import Architecture, SearchSpace, random_split, sample, space_from_dict
from splitnets_tf.supernet import SubnetworkEvaluator, Supernet, train_supernet

__all__ = ["ClaimsData", "load_data", "new_supernet", "probe_networks", "train_and_evaluate", "unpack_correct"]

_RESIZED_AT_ONCE = 512


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ClaimsData:
    """The images of all runs."""

    train: ImageArrays
    """What supernets learn from."""
    calibration: ImageArrays
    """A part of it, over which normalisation statistics are recomputed."""
    validation: ImageArrays
    """What accuracies are counted on; the test set is never read."""
    num_classes: int
    """Number of classes."""


def load_data(source: DataSource, settings: ClaimsSettings) -> ClaimsData:
    """Read, thin out and reduce the images."""
    train = _reduced(source, "train", settings.train_images, settings.image_size)
    count = len(train.labels)
    return ClaimsData(
        train=train,
        calibration=train.take(_spread(count, settings.calibration_images)),
        validation=_reduced(source, "validation", settings.validation_images, settings.image_size),
        num_classes=len(source.class_names),
    )


def _spread(total: int, count: int) -> np.ndarray:
    return np.linspace(0, total - 1, min(count, total)).astype(int)


def _reduced(source: DataSource, split: Split, count: int, side: int) -> ImageArrays:
    arrays = source.arrays(split, _spread(source.count(split), count))
    parts = []
    for start in range(0, len(arrays.images), _RESIZED_AT_ONCE):
        images = tf.image.resize(arrays.images[start : start + _RESIZED_AT_ONCE], [side, side], antialias=True)
        parts.append(tf.cast(tf.round(tf.clip_by_value(images, 0, 255)), tf.uint8).numpy())
    return dataclasses.replace(arrays, images=np.concatenate(parts))


def probe_networks(space: SearchSpace, settings: ClaimsSettings) -> dict[str, Architecture]:
    """The networks that every run is judged by: name -> architecture.

    `largest` has no split, as the teacher in training; `smallest` has one, as in training; `split_0` ... are random
    with one split each, the kind that is deployed.
    """
    rng = np.random.default_rng(settings.networks_seed)
    smallest = space.smallest()
    networks = {
        "largest": space.largest(),
        "smallest": dataclasses.replace(smallest, splits=(random_split(space, smallest, rng),)),
    }
    return networks | {f"split_{index}": sample(space, rng) for index in range(settings.split_networks)}


def new_supernet(settings: ClaimsSettings, variant: Variant, seed: int, num_classes: int) -> Supernet:
    """A built supernet of the variant with the seed's first weights.

    All variants start from the same numbers, so that runs of one seed can be compared in pairs: initialisations of the
    splitting modules differ in their scale only, and separate weights start as the shared ones on both sides.
    """
    supernet = _built(settings, variant, seed, num_classes)
    if variant.separate_weights:
        shared = _built(settings, dataclasses.replace(variant, separate_weights=False), seed, num_classes)
        trunk = [shared.stem, *shared.blocks]
        rest = [*shared.splitting, shared.head, shared.classifier]
        own_rest = [*supernet.splitting, supernet.head, supernet.classifier]
        pairs = [*zip(own_rest, rest, strict=True), *zip([supernet.stem, *supernet.blocks], trunk, strict=True)]
        pairs += zip([supernet.sensor_stem, *supernet.sensor_blocks], trunk, strict=False)
        for own, source in pairs:
            own.set_weights(source.get_weights())
    return supernet


def _built(settings: ClaimsSettings, variant: Variant, seed: int, num_classes: int) -> Supernet:
    keras.utils.set_random_seed(seed)
    supernet = Supernet(
        space_from_dict(settings.space, where=settings.name),
        num_classes,
        label_smoothing=settings.train.label_smoothing,
        distill=variant.distill,
        seed=seed,
        separate_weights=variant.separate_weights,
        splitting_initializer=variant.splitting_initializer,
    )
    supernet.build()
    return supernet


def train_and_evaluate(
    settings: ClaimsSettings,
    variant: Variant,
    seed: int,
    data: ClaimsData,
    directory: Path,
    on_step: Callable[[int, str], None] = lambda done, note: None,
) -> None:
    """Train, evaluate, write `directory/result.json`; goes on from the last epoch of a run that was killed.

    Args:
        settings: The configuration.
        variant: What is different from the paper's recipe.
        seed: Seed of weights, order, augmentation and sampled networks.
        data: The images.
        directory: The run's own folder; its checkpoints go when the result is written.
        on_step: Called with the number of finished steps and a note.
    """
    if (directory / "result.json").is_file():  # killed in front of the record that the run is finished
        return
    start, cpu_start = time.monotonic(), time.process_time()
    supernet = new_supernet(settings, variant, seed, data.num_classes)
    history = StepHistory(directory / "history.json", on_step)
    _train(supernet, settings, variant, seed, data, directory / "checkpoints", history)
    networks = _evaluate(supernet, data, probe_networks(supernet.space, settings))
    result = {
        "variant": dataclasses.asdict(variant),
        "seed": seed,
        "parameters": int(supernet.count_params()),
        "seconds": round(time.monotonic() - start, 1),
        "cpu_seconds": round(time.process_time() - cpu_start, 1),
        "networks": networks,
        "history": history.read(),
    }
    write_json(directory / "result.json", result)
    shutil.rmtree(directory / "checkpoints")
    del supernet
    keras.backend.clear_session()
    gc.collect()


def _train(
    supernet: Supernet,
    settings: ClaimsSettings,
    variant: Variant,
    seed: int,
    data: ClaimsData,
    checkpoints: Path,
    history: StepHistory,
) -> None:
    train_supernet(
        supernet,
        data.train.images,
        data.train.labels,
        settings=dataclasses.replace(settings.train, seed=seed),
        sandwich=variant.sandwich,
        directory=checkpoints,
        callbacks=[history],
        checkpoint_interval_s=math.inf,  # the history is written behind each epoch, and must not lag behind the weights
    )


def _evaluate(supernet: Supernet, data: ClaimsData, networks: dict[str, Architecture]) -> dict[str, Any]:
    """For each network its genes and which validation images it gets right, after recalibration."""
    validation = data.validation
    evaluator = SubnetworkEvaluator(supernet, data.calibration.images, validation.images, validation.labels)
    records = {}
    for name, architecture in networks.items():
        correct = np.argmax(evaluator.logits(architecture), axis=-1) == validation.labels
        records[name] = {
            "vector": supernet.space.encode(architecture).tolist(),
            "accuracy": float(np.mean(correct)),
            "correct": base64.b64encode(np.packbits(correct).tobytes()).decode("ascii"),
        }
    return records


def unpack_correct(text: str, count: int) -> np.ndarray:
    """Which of `count` images a network got right, bool `[count]`, from a result's `correct`."""
    return np.unpackbits(np.frombuffer(base64.b64decode(text), np.uint8), count=count).astype(bool)
