"""Opening a trained run for a series of searches in a directory of their own."""

import dataclasses
from pathlib import Path

from pipelines.imagenet.config import DEMO, with_overrides
from pipelines.imagenet.context import Context, open_context
from pipelines.imagenet.other_supernet import inherited_config
from splitnets_tf.errors import UserError
from splitnets_tf.space import SearchSpace, load_space

__all__ = ["POPULATION", "Effort", "open_trained_run", "part_of"]

POPULATION = 20
"""Candidates of a generation where the number of evaluations is given, as in the demo."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Effort:
    """How much each search may do; as the run's own configuration says where None."""

    evaluations: int | None = None
    """Candidates of one search, a multiple of `POPULATION`."""
    calibration_images: int | None = None
    """Training images over which normalisation statistics are recomputed."""
    validation_images: int | None = None
    """Validation images that are counted."""

    def __post_init__(self) -> None:
        count = self.evaluations
        if count is not None and (count < POPULATION or count % POPULATION):
            raise UserError(f"--evaluations should be a multiple of {POPULATION}, received {count}")


def open_trained_run(run: Path, output_dir: Path, effort: Effort) -> Context:
    """A context that searches with the supernet of another run, and counts each accuracy on all validation images.

    A series of searches shares its accuracies, so none of them may stop at a part of the images.

    Args:
        run: A run with a trained supernet.
        output_dir: Where the searches are kept.
        effort: How much each may do.

    Raises:
        UserError: There is no trained run.
    """
    config = with_overrides(DEMO, inherited_config(run, option="--run") | {"supernet_run": str(run)})
    images = {"calibration_images": effort.calibration_images, "validation_images": effort.validation_images}
    config = with_overrides(config, {key: value for key, value in images.items() if value is not None})
    search = dataclasses.replace(config.search, validation_parts=())
    if effort.evaluations is not None:
        generations = effort.evaluations // POPULATION
        search = dataclasses.replace(search, population=POPULATION, generations=generations)
    return open_context(dataclasses.replace(config, search=search), output_dir)


def part_of(whole: SearchSpace, name_or_path: str) -> SearchSpace:
    """A space all of whose architectures the whole one has, so that its supernet can evaluate them.

    Args:
        whole: The supernet's space.
        name_or_path: A preset or a YAML file.

    Raises:
        UserError: There is no such space, or it is no part of the whole.
    """
    part = load_space(name_or_path)
    same = [row.stride for row in part.stages] == [row.stride for row in whole.stages]
    choices = zip(part.genes, whole.genes, strict=False)
    inside = all(set(gene.choices) <= set(other.choices) and gene.name == other.name for gene, other in choices)
    if not (same and inside and set(part.split_widths) <= set(whole.split_widths)):
        raise UserError(
            f"--space {name_or_path} is no part of {whole.name}: give a choice of its own stages and values"
        )
    return part
