"""An architecture as named integers: the form in which Keras Tuner stores and sends a trial."""

from collections.abc import Mapping

from splitnets_tf.space import NO_SPLIT, Architecture, SearchSpace

__all__ = ["from_genes", "to_genes"]


def to_genes(space: SearchSpace, architecture: Architecture) -> dict[str, int]:
    """The genes by name, and the split as `split.phase`, `split.position`, `split.width`.

    Raises:
        UserError: The architecture is not of this space.
        ValueError: It has not exactly one split.
    """
    split = architecture.split
    if split is None:
        raise ValueError("expected an architecture with exactly one split, received one without")
    space.check(architecture)
    vector = space.encode(architecture)
    genes = {gene.name: int(value) for gene, value in zip(space.genes, vector, strict=False)}
    return genes | {"split.phase": split.phase, "split.position": split.position, "split.width": split.width}


def from_genes(space: SearchSpace, genes: Mapping[str, int]) -> Architecture:
    """Inverse of `to_genes`.

    Raises:
        UserError: A value is not of this space.
        KeyError: A gene is missing.
    """
    vector = [genes[gene.name] for gene in space.genes]
    for phase in space.phases:
        here = phase.index == genes["split.phase"]
        vector += [genes["split.position"], genes["split.width"]] if here else [NO_SPLIT, space.split_widths[0]]
    return space.decode(vector)
