"""Settings of training, free of TensorFlow so that a command line can check them at once."""

import dataclasses
import math

from splitnets_tf.errors import UserError

__all__ = ["SandwichSettings", "SupernetSettings", "TrainingSettings"]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class TrainingSettings:
    """One training run: SGD with Nesterov momentum, cosine decay after a linear warm-up."""

    epochs: int
    """Passes over the training images."""
    batch_size: int = 64
    """Images per step."""
    learning_rate: float = 0.1
    """Peak learning rate, at the end of the warm-up."""
    warmup_epochs: float = 0.5
    """Length of the linear warm-up in epochs."""
    momentum: float = 0.9
    """Nesterov momentum."""
    weight_decay: float = 1e-5
    """Decoupled weight decay; none on normalisation and bias."""
    gradient_clip: float = 1.0
    """Gradients are clipped to this value, element by element."""
    label_smoothing: float = 0.1
    """Smoothing of the hard labels."""
    max_shift: int = 4
    """Largest random shift of an image in pixels; images are also flipped at random."""
    rand_augment: float | None = None
    """Strength in (0, 1] of two random changes of colour and geometry for each image; None for none."""
    seed: int = 0
    """Seed of weights, order, augmentation and sampling."""

    def __post_init__(self) -> None:
        for field in ("epochs", "batch_size", "learning_rate", "gradient_clip"):
            if not 0 < getattr(self, field) < math.inf:
                raise UserError(f"training: {field} must be positive, received {getattr(self, field)}")
        for field in ("warmup_epochs", "momentum", "weight_decay", "label_smoothing", "max_shift", "seed"):
            if not 0 <= getattr(self, field) < math.inf:
                raise UserError(f"training: {field} must not be negative, received {getattr(self, field)}")
        if self.rand_augment is not None and not 0 < self.rand_augment <= 1:
            raise UserError(f"training: rand_augment should be above 0 and at most 1, received {self.rand_augment}")
        for field in ("momentum", "label_smoothing"):
            if getattr(self, field) >= 1:
                raise UserError(f"training: {field} must be below 1, received {getattr(self, field)}")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class SupernetSettings:
    """How a supernet starts and how its largest network is regularised; ImageNet's recipe is True, 0.2, 0.2."""

    zero_init_residual: bool = False
    """Whether the last normalisation of a block with a shortcut starts with a scale of 0, so that the block starts as
    its shortcut."""
    dropout: float = 0.0
    """Dropout in front of the classifier, in the largest network of each training step only."""
    drop_connect: float = 0.0
    """Drop-connect of the last residual block, falling linearly to 0 at the first; in the largest network only."""

    def __post_init__(self) -> None:
        for field in ("dropout", "drop_connect"):
            if not 0 <= getattr(self, field) < 1:
                raise UserError(f"supernet: {field} must be at least 0 and below 1, received {getattr(self, field)}")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class SandwichSettings:
    """Counts of the kinds of networks in one step, besides the largest without a split and the smallest with one.

    The five networks that the paper samples are `random=2, multi_split=1`.
    """

    random: int = 2
    """Random networks whose split is drawn from the phases and none."""
    multi_split: int = 0
    """Random networks with splitting modules in several phases."""

    def __post_init__(self) -> None:
        if self.random < 0 or self.multi_split < 0 or self.random + self.multi_split == 0:
            raise UserError(
                "a training step needs at least one random network: random and multi_split must be non-negative "
                f"and not both 0, received {self.random} and {self.multi_split}"
            )

    @property
    def networks(self) -> int:
        """Networks in one step."""
        return 2 + self.random + self.multi_split
