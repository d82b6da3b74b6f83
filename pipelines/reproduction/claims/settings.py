"""The reduced configurations in which the paper's claims about training are measured, and what is compared.

`CLAIMS` is what the three commands run without arguments: eight trainings for each of three seeds, of which each study
takes its own and all take `base`. docs/training_claims.md states the measured time and what was found.
`SMOKE` runs everything for real on a fraction of the data with two seeds, for trying things out and for tests; its
figures mean nothing.
"""

import dataclasses
from pathlib import Path
from typing import Any

from splitnets_tf.errors import UserError
from splitnets_tf.space import load_space, space_to_dict
from splitnets_tf.supernet.settings import SandwichSettings, TrainingSettings

__all__ = ["BASE", "CLAIMS", "CONFIGURATIONS", "SMOKE", "STUDIES", "VARIANTS", "ClaimsSettings", "Study", "Variant"]

SPACE_FILE = Path(__file__).with_name("claims_space.yaml")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ClaimsSettings:
    """Everything that decides the figures of all three studies."""

    name: str
    """Name of the configuration."""
    space: dict[str, Any]
    """The search space in its plain form."""
    train: TrainingSettings
    """Supernet training; the seed is replaced by each run's own."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Every variant is trained once with each."""
    dataset: str = "components"
    """The embedded data set."""
    image_size: int = 32
    """Side in pixels to which its images are reduced before anything else."""
    train_images: int = 8192
    """Training images, evenly spread over the split."""
    validation_images: int = 2220
    """Validation images that count, evenly spread over the split."""
    calibration_images: int = 512
    """Training images over which normalisation statistics are recomputed for each network."""
    split_networks: int = 6
    """Random networks with one split that are evaluated, the same for all variants and seeds."""
    networks_seed: int = 1000
    """Seed of these networks and of the bootstrap."""
    start_steps: int = 8
    """First steps, within the warm-up, that stand for the start of training."""

    def __post_init__(self) -> None:
        for field in ("train_images", "validation_images", "calibration_images", "split_networks", "start_steps"):
            if getattr(self, field) < 1:
                raise UserError(f"claims: {field} must be at least 1, received {getattr(self, field)}")
        if not self.seeds or len(set(self.seeds)) != len(self.seeds):
            raise UserError(f"claims: seeds should be distinct, at least one, received {list(self.seeds)}")

    def to_dict(self) -> dict[str, Any]:
        """Nested plain data."""
        return dataclasses.asdict(self) | {"seeds": list(self.seeds)}


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Variant:
    """One way to train the supernet; the defaults are the paper's."""

    name: str
    """Folder of its runs."""
    label: str
    """What tables and figures call it."""
    splitting_initializer: str = "split_aware"
    """First weights of the splitting modules, one of `layers.INITIALIZATIONS`."""
    sandwich: SandwichSettings = SandwichSettings(random=2, multi_split=1)
    """Networks in each step: the paper's five kinds."""
    distill: bool = True
    """Whether the largest network teaches the others of a step."""
    separate_weights: bool = False
    """Whether sensor and aggregator have weights of their own."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Study:
    """A claim of the paper and the variants that test it."""

    title: str
    """Headline of table and figure."""
    claim: str
    """What the paper says, and where."""
    base_label: str
    """What the paper's recipe is called where it is compared in this respect."""
    variants: tuple[str, ...]
    """Names of variants; each is compared with the first."""


_SINGLE_SPLIT = SandwichSettings(random=3, multi_split=0)
"""As many networks as the paper's five, so that both samplings cost the same."""

BASE = "base"
VARIANTS: dict[str, Variant] = {
    variant.name: variant
    for variant in (
        Variant(name=BASE, label="the paper's recipe"),
        Variant(name="fan_in", label="Kaiming fan-in", splitting_initializer="fan_in"),
        Variant(name="fan_out", label="Kaiming fan-out", splitting_initializer="fan_out"),
        Variant(name="xavier", label="Xavier", splitting_initializer="xavier"),
        Variant(name="single_split", label="without multi-split networks", sandwich=_SINGLE_SPLIT),
        Variant(name="hard_labels", label="without distillation", distill=False),
        Variant(name="single_split_hard_labels", label="without both", sandwich=_SINGLE_SPLIT, distill=False),
        Variant(name="separate_weights", label="separate weights", separate_weights=True),
    )
}
"""Name -> variant."""

STUDIES: dict[str, Study] = {
    "initialization": Study(
        title="Initialisation of the splitting modules",
        claim=(
            "SplitNets, section 3.1.3 and Table 3: gradients of the compression layer are more than 10 times those of "
            "regular layers from the start on, and the split-aware initialisation improves stability and accuracy"
        ),
        base_label="split-aware",
        variants=(BASE, "fan_in", "fan_out", "xavier"),
    ),
    "sampling": Study(
        title="Networks sampled in each step",
        claim=(
            "SplitNets, sections 3.1.1 and 4.1: networks with several splitting modules are sampled in training, and "
            "the largest network teaches the others"
        ),
        base_label="multi-split and distillation",
        variants=(BASE, "single_split", "hard_labels", "single_split_hard_labels"),
    ),
    "sharing": Study(
        title="Weights of sensor and aggregator",
        claim=(
            "SplitNets, section 3.1.1: on-sensor and on-aggregator blocks at the same depth learn similar features and "
            "can share weights"
        ),
        base_label="shared weights",
        variants=(BASE, "separate_weights"),
    ),
}
"""Name of the command -> study."""

_TRAIN = TrainingSettings(epochs=2, batch_size=32, warmup_epochs=0.25, weight_decay=1e-3, max_shift=2)
CLAIMS = ClaimsSettings(name="claims", space=space_to_dict(load_space(str(SPACE_FILE))), train=_TRAIN)
SMOKE = dataclasses.replace(
    CLAIMS,
    name="smoke",
    train=dataclasses.replace(_TRAIN, epochs=1),
    seeds=(0, 1),
    train_images=512,
    validation_images=222,
    calibration_images=64,
    split_networks=2,
)
CONFIGURATIONS: dict[str, ClaimsSettings] = {settings.name: settings for settings in (CLAIMS, SMOKE)}
"""Name -> configuration."""
