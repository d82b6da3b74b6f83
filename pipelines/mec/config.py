"""Configuration of `pipelines.mec`: one experiment on one page.

`DEMO` is what the command runs without arguments: the embedded data set on the chain, one constraint, two CPU cores.
The paper's schedule (20 + 60 epochs of search at batch 512, then 200 epochs) is for ImageNet; the data set has 17 088
training images of 64 pixels. `SMOKE` runs every stage for real on a fraction of the data, for tests.
"""

import dataclasses
import math
from typing import Any

from pipelines.imagenet.config import DataSettings, ExportSettings, plain_data
from splitnets_tf.errors import UserError
from splitnets_tf.search.differentiable.settings import DifferentiableSettings
from splitnets_tf.supernet.settings import TrainingSettings

__all__ = ["BACKBONES", "DEMO", "SMOKE", "TOPOLOGIES", "BaselineSettings", "MecConfig"]

BACKBONES = {"mobilenet_v1": "MobileNetV1", "mobilenet_v2": "MobileNetV2", "mobilenet_v3": "MobileNetV3-Small"}
"""Name of a baseline in a run -> name in tables."""

TOPOLOGIES = ("chain", "mesh")
_BITS = (4, 8, 16, 32)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class BaselineSettings:
    """The MobileNets that are compared, by their width multipliers; 0 leaves one out.

    Widths are chosen so that the networks are of the searched ones' size: at 64 pixels full MobileNets cost several
    times more and are slower on every system here.
    """

    v1_width: float = 0.25
    """MobileNetV1."""
    v2_width: float = 0.35
    """MobileNetV2."""
    v3_width: float = 0.75
    """MobileNetV3-Small."""

    def __post_init__(self) -> None:
        """Checks every value; UserError."""
        for field in dataclasses.fields(self):
            if not 0 <= getattr(self, field.name) <= 2:
                raise UserError(f"baselines: {field.name} must be from 0 to 2, received {getattr(self, field.name)}")

    def width(self, name: str) -> float:
        """Width multiplier of one of `BACKBONES`."""
        return {"mobilenet_v1": self.v1_width, "mobilenet_v2": self.v2_width, "mobilenet_v3": self.v3_width}[name]

    @property
    def names(self) -> tuple[str, ...]:
        """Those of `BACKBONES` that are not left out."""
        return tuple(name for name in BACKBONES if self.width(name) > 0)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class MecConfig:
    """Everything that decides the outcome of a run."""

    smoke: bool = False
    """Whether this is the shortened run for tests; its accuracies mean nothing."""
    seed: int = 0
    """Seed of weights, sampling and bootstrap."""
    topology: str = "chain"
    """Chain or mesh: which presets stand for space and system where they are not named."""
    latency_ms: float | None = None
    """T_const; None for a quarter more than the fastest network of the space takes."""
    data: DataSettings = DataSettings()
    space: str | None = None
    """Layered space: a preset or a YAML file; None for the topology's own."""
    system: str | None = None
    """System: a preset or a YAML file; None for the topology's own."""
    bits: int = 8
    """Bits of an element on the links, in the price; exported files send int8."""
    times: tuple[str, ...] = ()
    """Tables measured on a processor itself, as PROCESSOR=FILE."""
    outer_search: bool = False
    """Whether the numbers of layers of neighbouring devices are chosen first, by the expected latency of all
    candidates being equally probable."""
    warmup_run: str | None = None
    """Run directory whose weights after the warm-up the search starts from; None warms up here. The warm-up does not
    depend on the constraint."""
    baselines_run: str | None = None
    """Run directory whose trained MobileNets are compared; None trains them here. They depend on neither the constraint
    nor the topology."""
    search: DifferentiableSettings = DifferentiableSettings(
        warmup_epochs=4,
        epochs=2,
        batch_size=64,
        alpha_learning_rate=0.1,
        latency_weight=3.0,
        weight_decay=1e-3,
    )
    """The differentiable search."""
    train: TrainingSettings = TrainingSettings(epochs=4, weight_decay=1e-3)
    """Training-on of the derived network."""
    calibration_images: int = 1024
    """Training images over which normalisation statistics are recomputed before a network is judged."""
    validation_images: int | None = 1024
    """At most so many validation images count at the end of each epoch of the search; None for all."""
    baselines: BaselineSettings = BaselineSettings()
    """MobileNets, trained for as many epochs as search and training-on together."""
    export: ExportSettings = ExportSettings()
    """Quantisation."""

    def __post_init__(self) -> None:
        """Checks every value; UserError."""
        if self.topology not in TOPOLOGIES:
            raise UserError(f"--topology must be one of {list(TOPOLOGIES)}, received {self.topology!r}")
        if self.latency_ms is not None and not 0 < self.latency_ms < math.inf:
            raise UserError(f"--latency-ms must be a positive number, received {self.latency_ms}")
        if self.bits not in _BITS:
            raise UserError(f"bits must be one of {list(_BITS)}, received {self.bits}")
        if not all("=" in entry for entry in self.times):
            raise UserError(f"--times takes PROCESSOR=FILE, received {list(self.times)}")
        if self.calibration_images < 1 or (self.validation_images is not None and self.validation_images < 1):
            raise UserError("calibration_images and validation_images must be at least 1")

    @property
    def space_name(self) -> str:
        """Name or path of the space."""
        return self.space or f"mec-{self.topology}"

    @property
    def system_name(self) -> str:
        """Name or path of the system."""
        return self.system or f"jmsnas-{self.topology}"

    @property
    def equal_budget(self) -> TrainingSettings:
        """Of a network trained alone: as many epochs as search and training-on together."""
        return dataclasses.replace(self.train, epochs=self.train.epochs + self.search.total_epochs)

    def to_dict(self) -> dict[str, Any]:
        """Nested plain data for YAML."""
        return plain_data(dataclasses.asdict(self))


DEMO = MecConfig()
SMOKE = dataclasses.replace(
    DEMO,
    smoke=True,
    data=dataclasses.replace(DEMO.data, max_images=384),
    search=dataclasses.replace(DEMO.search, warmup_epochs=1, epochs=1),
    train=dataclasses.replace(DEMO.train, epochs=1),
    calibration_images=128,
    validation_images=128,
    baselines=BaselineSettings(v1_width=0.25, v2_width=0.0, v3_width=0.0),
    export=dataclasses.replace(DEMO.export, qat_epochs=1, bit_exact_inputs=32),
)
