"""One row of a search space: a stage of inverted residual blocks, and what a row may hold."""

import dataclasses
import re

from splitnets_tf.errors import UserError

__all__ = ["ACTIVATIONS", "ADDED_LATER", "GATES", "SQUEEZE_BASES", "VIEW_FUSIONS", "StageRow", "check_candidates"]

ACTIVATIONS = ("relu", "relu6", "swish", "hard_swish")
GATES = ("sigmoid", "hard_sigmoid")
SQUEEZE_BASES = ("hidden", "input")
VIEW_FUSIONS = ("concat", "mean", "max", "sum")
ADDED_LATER = {"added_later": True}
"""Metadata of fields that the first spaces did not have: at their default they are left out of a space's plain form,
so that fingerprints of earlier runs stay what they were."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class StageRow:
    """One row of the table: a stage of inverted residual blocks."""

    name: str
    """Prefix of the names of the stage's layers."""
    widths: tuple[int, ...]
    """Candidates for the output channels."""
    depths: tuple[int, ...]
    """Candidates for the number of blocks."""
    kernels: tuple[int, ...]
    """Candidates for the depthwise kernel; a smaller one is the centre of the largest."""
    expansions: tuple[int, ...]
    """Candidates for the expansion ratio; (1,) means no expansion convolution."""
    stride: int
    """Stride of the stage's first block, 1 or 2."""
    squeeze_excite: bool = dataclasses.field(default=False, metadata=ADDED_LATER)
    """Whether each block has a squeeze-and-excitation behind its depthwise convolution."""
    project_shortcut: bool = dataclasses.field(default=False, metadata=ADDED_LATER)
    """Whether the first block has a shortcut too: averaged over 2x2 where its stride is 2, through a linear 1x1
    convolution where input and output differ in width (AttentiveNAS)."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", self.name):
            raise UserError(
                f"stage {self.name!r}: name should be letters, digits and _, since layers are named after it"
            )
        for field in ("widths", "depths", "kernels", "expansions"):
            check_candidates(f"stage {self.name}", field, getattr(self, field))
        if any(kernel % 2 == 0 for kernel in self.kernels):
            raise UserError(f"stage {self.name}: kernels must be odd, received {list(self.kernels)}")
        if 1 in self.expansions and len(self.expansions) > 1:
            raise UserError(
                f"stage {self.name}: expansions mix 1 with {list(self.expansions[1:])}; expansion 1 drops a "
                "convolution, so give either 1 alone or ratios of at least 2"
            )
        if self.stride not in (1, 2):
            raise UserError(f"stage {self.name}: stride must be 1 or 2, received {self.stride}")


def check_candidates(where: str, field: str, values: tuple[int, ...]) -> None:
    """Refuse candidates that are not positive integers in strictly increasing order.

    Raises:
        UserError: Names `where` and the field.
    """
    positive = all(isinstance(value, int) and not isinstance(value, bool) and value > 0 for value in values)
    if not values or not positive or list(values) != sorted(set(values)):
        raise UserError(f"{where}: {field} should be positive integers in increasing order, received {list(values)}")
