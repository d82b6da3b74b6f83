"""Configuration of `pipelines.modelnet`: one experiment on one page.

`DEMO` is what the command runs without arguments: twelve views of each object of the embedded data set, the space
`demo_views` and the system `hmd-12-demo` on two CPU cores. Where the single-view pipeline counts images, this one
counts objects.
`SMOKE` runs every stage for real on a fraction of the data, for tests.
"""

import dataclasses

from pipelines.imagenet.config import DataSettings, ExportSettings, ImagenetConfig, SelectionSettings
from splitnets_tf.errors import UserError
from splitnets_tf.search.settings import SearchSettings
from splitnets_tf.space import VIEW_FUSIONS
from splitnets_tf.supernet.settings import TrainingSettings

__all__ = ["BACKBONES", "DEMO", "SMOKE", "ModelnetConfig"]

BACKBONES = ("MobileNet-v3", "MNASNet-0.5")
"""Networks of the paper's Tables 5 and 6 that are trained as MVCNN; `MobileNet-v3` is the small one."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ModelnetConfig(ImagenetConfig):
    """Everything that decides the outcome of a run."""

    view_fusion: str | None = None
    """How the views are fused; None for the space's own way."""
    backbones: tuple[str, ...] = BACKBONES[:1]
    """Backbones of the MVCNN baselines; a finished run may take up further ones."""

    def __post_init__(self) -> None:
        ImagenetConfig.__post_init__(self)
        if self.view_fusion is not None and self.view_fusion not in VIEW_FUSIONS:
            raise UserError(f"view_fusion must be one of {list(VIEW_FUSIONS)}, received {self.view_fusion!r}")
        if self.train.rand_augment or self.fine_tune.rand_augment:
            raise UserError(
                "rand_augment changes images one by one and would tear an object's views apart; leave it out"
            )
        if self.selection.rerank is not None:
            raise UserError("selection: rerank follows files of single images; leave it out for several views")
        unknown = [name for name in self.backbones if name not in BACKBONES]
        if unknown or len(set(self.backbones)) != len(self.backbones):
            raise UserError(f"backbones should be different ones of {list(BACKBONES)}, received {list(self.backbones)}")


DEMO = ModelnetConfig(
    data=DataSettings(),
    space="demo_views",
    system="hmd-12-demo",
    train=TrainingSettings(epochs=12, batch_size=16, learning_rate=0.05, weight_decay=1e-3),
    fine_tune=TrainingSettings(epochs=3, batch_size=16, learning_rate=0.02, warmup_epochs=0.2, weight_decay=1e-3),
    search=SearchSettings(population=16, generations=5),
    calibration_images=96,
    selection=SelectionSettings(),
    export=ExportSettings(qat_epochs=1, batch_size=16),
    plain_cnn=False,
)
SMOKE = dataclasses.replace(
    DEMO,
    smoke=True,
    data=dataclasses.replace(DEMO.data, max_images=64),
    train=dataclasses.replace(DEMO.train, epochs=2),
    search=dataclasses.replace(DEMO.search, population=4, generations=2),
    calibration_images=16,
    validation_images=32,
    fine_tune=dataclasses.replace(DEMO.fine_tune, epochs=1),
    export=dataclasses.replace(DEMO.export, bit_exact_inputs=8),
)
