"""Settings of the differentiable search, free of TensorFlow so that a command line can check them at once."""

import dataclasses
import math

from splitnets_tf.errors import UserError

__all__ = ["DifferentiableSettings"]

_CHOICES = {"expectation": ("softmax", "pair"), "alpha_data": ("validation", "train")}


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class DifferentiableSettings:
    """One search; the paper's values are 20 and 60 epochs, batch 512 and learning rate 0.002."""

    warmup_epochs: int = 20
    """Epochs in which weights are trained alone, with all candidates equally probable."""
    epochs: int = 60
    """Epochs in which weights and architecture parameters take turns, step by step."""
    batch_size: int = 512
    """Images of a step."""
    learning_rate: float = 0.002
    """Adam's for the weights at the start; it falls to 0 as a cosine."""
    alpha_learning_rate: float = 0.002
    """Adam's for the architecture parameters, constant and without momentum."""
    weight_decay: float = 1e-5
    """Lambda 1, decoupled; none on normalisation and bias."""
    latency_weight: float = 10.0
    """Lambda 2, of the squared distance of E[T] / T_const from 1."""
    one_sided: bool = False
    """Whether latencies below T_const are free; the paper's penalty draws E[T] to T_const from both sides."""
    expectation: str = "softmax"
    """`softmax`: E[T] over all candidates; `pair`: over the two kept paths of each layer."""
    alpha_data: str = "validation"
    """Split that architecture parameters learn from: `validation`, or `train`."""
    unbiased: bool = False
    """Whether the two-path gradient is weighted so that its mean is equation (5) with all paths."""
    share_weights: bool = True
    """Whether candidates that differ in kernel and expansion alone are slices of one block's weights."""
    label_smoothing: float = 0.1
    """Smoothing of the labels that weights learn from."""
    max_shift: int = 4
    """Largest random shift of an image in pixels; images are also flipped at random."""
    seed: int = 0
    """Seed of weights, order, augmentation and sampling."""

    def __post_init__(self) -> None:
        """Checks every value; UserError."""
        for field in ("epochs", "batch_size", "learning_rate", "alpha_learning_rate"):
            if not 0 < getattr(self, field) < math.inf:
                raise UserError(f"search: {field} must be positive, received {getattr(self, field)}")
        for field in ("warmup_epochs", "weight_decay", "latency_weight", "label_smoothing", "max_shift", "seed"):
            if not 0 <= getattr(self, field) < math.inf:
                raise UserError(f"search: {field} must not be negative, received {getattr(self, field)}")
        if self.label_smoothing >= 1:
            raise UserError(f"search: label_smoothing must be below 1, received {self.label_smoothing}")
        for field, choices in _CHOICES.items():
            if getattr(self, field) not in choices:
                raise UserError(f"search: {field} must be one of {list(choices)}, received {getattr(self, field)!r}")

    @property
    def total_epochs(self) -> int:
        """Warm-up included."""
        return self.warmup_epochs + self.epochs
