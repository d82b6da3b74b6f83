"""Configuration of `pipelines.imagenet`: one experiment on one page.

`DEMO` is what the command runs without arguments: the embedded data set `components`, the space `demo` and the system
`hmd-demo` on two CPU cores. The README states its measured time and results.
`configs/components.yaml` says the same on a page of its own, and `configs/imagenet.yaml` is the paper's recipe for
ImageNet; `--config` takes either by its name.
`SMOKE` runs every stage for real on a fraction of the data in under two minutes, for tests; with `full` in about
twice that.
"""

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from splitnets_tf.errors import UserError
from splitnets_tf.search.settings import SearchSettings
from splitnets_tf.supernet.distribution import check_strategy
from splitnets_tf.supernet.settings import SandwichSettings, SupernetSettings, TrainingSettings
from tflite_export.job import METHODS

__all__ = [
    "DEMO",
    "SMOKE",
    "DataSettings",
    "ExportSettings",
    "ImagenetConfig",
    "SelectionSettings",
    "named_config",
    "plain_data",
    "with_overrides",
]


PRECISIONS = (None, "mixed_bfloat16")
"""float32; the mixed policy that needs no scaling of the loss."""
Config = TypeVar("Config")
_SEED_LIMIT = 2**31


def _check_at_least(least: int, **values: int) -> None:
    for name, value in values.items():
        if value < least:
            raise UserError(f"configuration: {name} must be at least {least}, received {value}")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class DataSettings:
    """Which images, and how many of them."""

    dataset: str | None = "components"
    """Name of a data set; None for the folder `data_dir`."""
    data_dir: str | None = None
    """Folder of class folders."""
    cache_dir: str | None = None
    """Where views of meshes are kept; None for a hidden folder in `data_dir`. Decides nothing of the outcome."""
    image_size: int = 64
    """Side in pixels at which images are kept; at least the space's largest resolution is sensible."""
    max_images: int | None = None
    """At most so many images of each split, evenly spread; None for all."""

    def __post_init__(self) -> None:
        _check_at_least(1, image_size=self.image_size)
        if self.max_images is not None:
            _check_at_least(1, max_images=self.max_images)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class SelectionSettings:
    """Which point of the front is built; with neither limit, half the best feasible baseline's latency is the limit."""

    max_latency_ms: float | None = None
    """Highest overall latency."""
    min_accuracy: float | None = None
    """Lowest inherited validation accuracy, in [0, 1]."""
    picks: tuple[int, ...] = ()
    """Rows of search/pareto.csv, 1 the fastest, that are built besides the chosen network."""
    max_latencies_ms: tuple[float, ...] = ()
    """For each limit the most accurate network within it is built, too."""
    min_accuracies: tuple[float, ...] = ()
    """For each floor the fastest network above it is built, too."""
    rerank: str | None = None
    """`vela`: the choice follows Vela's latencies of all evaluated candidates; None: the cost model's front."""

    def __post_init__(self) -> None:
        if any(isinstance(number, bool) or not isinstance(number, int) or number < 1 for number in self.picks):
            raise UserError(f"selection: picks should be rows of the front from 1 on, received {list(self.picks)}")
        for value in (self.max_latency_ms, *self.max_latencies_ms):
            if value is not None and not (isinstance(value, (int, float)) and 0 < value < math.inf):
                raise UserError(f"selection: a latency limit should be a positive number of ms, received {value}")
        for value in (self.min_accuracy, *self.min_accuracies):
            if value is not None and not (isinstance(value, (int, float)) and 0 < value <= 1):
                raise UserError(f"selection: an accuracy should be a fraction such as 0.55, received {value}")
        if self.rerank not in (None, "vela"):
            raise UserError(f"selection: rerank should be null or 'vela', received {self.rerank!r}")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ExportSettings:
    """Quantisation and conversion."""

    method: str = "qat"
    """`qat`: quantisation-aware training; `ptq`: ranges of calibration images alone, no training."""
    qat_epochs: int = 1
    """Epochs of quantisation-aware training after the float fine-tuning."""
    qat_learning_rate: float = 0.002
    """Its peak learning rate."""
    batch_size: int = 64
    """Images per step."""
    bit_exact_inputs: int | None = None
    """At most so many test images, evenly spread, on which the two halves are compared with the whole int8 network, bit
    for bit; None for all. Reference kernels are slow: 10 ms an image for the demo's network."""
    micro_inputs: int = 64
    """Test images that TensorFlow Lite Micro runs as well, where it is installed."""

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise UserError(f"export: method must be one of {list(METHODS)}, received {self.method!r}")
        _check_at_least(0, qat_epochs=self.qat_epochs)
        _check_at_least(1, batch_size=self.batch_size, micro_inputs=self.micro_inputs)
        if self.bit_exact_inputs is not None:
            _check_at_least(1, bit_exact_inputs=self.bit_exact_inputs)
        if not 0 < self.qat_learning_rate < math.inf:
            raise UserError(f"export: qat_learning_rate must be positive, received {self.qat_learning_rate}")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ImagenetConfig:
    """Everything that decides the outcome of a run."""

    smoke: bool = False
    """Whether this is the shortened run for tests; its accuracies mean nothing."""
    seed: int = 0
    """Seed of weights, sampling, search and bootstrap."""
    data: DataSettings = DataSettings()
    space: str = "demo"
    """Search space: a preset or a YAML file."""
    system: str = "hmd-demo"
    """System: a preset or a YAML file."""
    supernet_run: str | None = None
    """Run directory whose trained supernet is searched; None trains one."""
    train: TrainingSettings = TrainingSettings(epochs=6, weight_decay=1e-3)
    """Supernet training; the weight decay is a hundred times ImageNet's, since the data set is small."""
    supernet: SupernetSettings = SupernetSettings(dropout=0.2, drop_connect=0.2)
    """Start and regularisation of the supernet; without dropping, the largest network learns its families by heart and
    teaches the others that."""
    sandwich: SandwichSettings = SandwichSettings()
    """Networks in each training step."""
    strategy: str = "single"
    """Devices of supernet training: single, mirrored, multi-worker or tpu. It decides the outcome too, since each
    replica normalises its part of the batch by that part's own statistics."""
    deterministic: bool = False
    """Whether TensorFlow may use deterministic operations only; needed for repeatable results on GPUs."""
    precision: str | None = None
    """Of supernet training: None for float32; `mixed_bfloat16` computes in bfloat16 on accelerators that have it, while
    weights, normalisation and whatever evaluates stay float32."""
    distill: bool = True
    """Whether the largest network teaches the others of a step."""
    search: SearchSettings = SearchSettings(population=20, generations=6)
    """Evolutionary search."""
    constraints: tuple[str, ...] = ()
    """Hard constraints besides the sensor's memory, such as `latency_ms <= 1.5`."""
    calibration_images: int = 1024
    """Training images over which normalisation statistics are recomputed for each candidate."""
    validation_images: int | None = None
    """At most so many validation images, evenly spread over the split, count for each candidate; None for all."""
    selection: SelectionSettings = SelectionSettings()
    fine_tune: TrainingSettings = TrainingSettings(epochs=2, warmup_epochs=0.2, weight_decay=1e-3)
    """Float fine-tuning of the chosen network and, equally long, of the baselines' network."""
    plain_cnn: bool = True
    """Whether the plain four-convolution network is trained for comparison."""
    export: ExportSettings = ExportSettings()
    full: bool = False
    """Whether MobileNetV2 and Head Distillation are trained for comparison; may be set on a finished run."""

    def __post_init__(self) -> None:
        check_strategy(self.strategy)
        if self.precision not in PRECISIONS:
            raise UserError(f"precision should be null or mixed_bfloat16, received {self.precision!r}")
        _check_at_least(1, calibration_images=self.calibration_images)
        if self.validation_images is not None:
            _check_at_least(1, validation_images=self.validation_images)
        if not 0 <= self.seed < _SEED_LIMIT:
            raise UserError(f"seed must be from 0 to {_SEED_LIMIT - 1}, received {self.seed}")
        if not all(isinstance(text, str) for text in self.constraints):
            raise UserError(f"constraints should be a list of expressions, received {list(self.constraints)}")

    def to_dict(self) -> dict[str, Any]:
        """Nested plain data for YAML."""
        return plain_data(dataclasses.asdict(self))


DEMO = ImagenetConfig()
SMOKE = dataclasses.replace(
    DEMO,
    smoke=True,
    data=dataclasses.replace(DEMO.data, max_images=640),
    train=dataclasses.replace(DEMO.train, epochs=2),
    search=dataclasses.replace(DEMO.search, population=6, generations=2),
    calibration_images=256,
    validation_images=256,
    fine_tune=dataclasses.replace(DEMO.fine_tune, epochs=1),
    export=dataclasses.replace(DEMO.export, qat_epochs=1, bit_exact_inputs=64, micro_inputs=8),
)


def named_config(name: str) -> Path | None:
    """The file of a shipped configuration, or None where there is none of this name."""
    path = Path(__file__).parent / "configs" / f"{name}.yaml"
    return path if name.isidentifier() and path.is_file() else None


def with_overrides(config: Config, overrides: Mapping[str, Any]) -> Config:
    """Replace fields of a pipeline's configuration by dotted name, such as `train.epochs`.

    Raises:
        UserError: There is no such field, or the value is refused by the settings' own checks.
    """
    for key, value in overrides.items():
        config = _replace(config, key.split("."), value, key)
    return config


def _replace(record: Any, path: list[str], value: Any, key: str) -> Any:
    names = {field.name for field in dataclasses.fields(record)}
    if path[0] not in names:
        raise UserError(f"configuration: unknown key {key!r}; known here are {sorted(names)}")
    current = getattr(record, path[0])
    if len(path) > 1:
        if not dataclasses.is_dataclass(current):
            raise UserError(f"configuration: {key!r} names a field of {path[0]}, which has none")
        value = _replace(current, path[1:], value, key)
    elif dataclasses.is_dataclass(current):
        if not isinstance(value, Mapping):
            raise UserError(f"configuration: {key} should be a mapping, received {value!r}")
        value = _replace_all(current, value, key)
    else:
        value = _typed(record, path[0], value, key)
    return dataclasses.replace(record, **{path[0]: value})


def _replace_all(record: Any, values: Mapping[Any, Any], key: str) -> Any:
    """Replace several fields at once: their checks see the new values together."""
    fields = {field.name for field in dataclasses.fields(record)}
    unknown = sorted(str(name) for name in values if name not in fields)
    if unknown:
        raise UserError(f"configuration: unknown key '{key}.{unknown[0]}'; known here are {sorted(fields)}")
    typed = {name: _typed(record, name, value, f"{key}.{name}") for name, value in values.items()}
    return dataclasses.replace(record, **typed)


def _typed(record: Any, name: str, value: Any, key: str) -> Any:
    """Accept a value of the field's own type; lists become tuples and integers become floats where asked for."""
    wanted = {field.name: field.type for field in dataclasses.fields(record)}[name]
    allowed = getattr(wanted, "__args__", (wanted,)) if not hasattr(wanted, "__origin__") else (tuple,)
    if tuple in allowed and isinstance(value, list):
        value = tuple(value)
    if float in allowed and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if isinstance(value, bool) and bool not in allowed:
        raise UserError(f"configuration: {key} should be of type {_names(allowed)}, received {value!r}")
    if not isinstance(value, tuple(allowed)):
        raise UserError(f"configuration: {key} should be of type {_names(allowed)}, received {value!r}")
    return value


def _names(types: tuple[Any, ...]) -> str:
    return " or ".join("null" if kind is type(None) else kind.__name__ for kind in types)


def plain_data(value: Any) -> Any:
    """Mappings and sequences as dictionaries and lists."""
    if isinstance(value, Mapping):
        return {key: plain_data(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_data(item) for item in value]
    return value
