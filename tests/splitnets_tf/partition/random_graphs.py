"""Random small graphs and systems for comparisons with brute force."""

import itertools

import numpy as np

from splitnets_tf.hardware import Graph, Link, Operation, Processor, System, Tensor, Topology


def random_dag(rng: np.random.Generator, operations: int) -> Graph:
    """A random graph with side branches whose tensors tend to shrink, so that cutting inside often pays."""
    tensors = [Tensor(name="image", shape=(int(rng.integers(200, 400)),))]
    made = []
    used = set()
    for i in range(operations):
        recent = range(max(0, len(tensors) - 4), len(tensors))
        count = min(len(recent), int(rng.choice([1, 1, 2])))
        inputs = tuple(tensors[j].name for j in sorted(rng.choice(recent, count, replace=False)))
        used.update(inputs)
        tensors.append(Tensor(name=f"t{i}", shape=(1 + int(rng.integers(1, 400) * 0.7**i),)))
        made.append(
            Operation(
                name=f"op{i}",
                kind="conv2d",
                inputs=inputs,
                outputs=(f"t{i}",),
                macs=int(rng.integers(0, 1000)) * int(rng.random() < 0.8),
                params=int(rng.integers(0, 50)),
            )
        )
    outputs = tuple(t.name for t in tensors[1:] if t.name not in used)
    return Graph(name="random", operations=tuple(made), tensors=tuple(tensors), inputs=("image",), outputs=outputs)


def random_chain_system(rng: np.random.Generator, devices: int, *, memory: bool = False) -> System:
    """A chain whose speeds and bandwidths make neither end always the best."""
    names = [f"d{i}" for i in range(devices)]
    processors = tuple(
        Processor(
            name=name,
            macs_per_s=float(rng.uniform(100, 300)) * 4**i,
            memory_bytes=int(rng.integers(300, 1200)) if memory and rng.random() < 0.5 else None,
        )
        for i, name in enumerate(names)
    )
    links = tuple(
        Link(name=f"{a}-{b}", between=(a, b), bandwidth_bytes_per_s=float(rng.uniform(10, 100)))
        for a, b in itertools.pairwise(names)
    )
    return System(name="random", processors=processors, links=links, topology=Topology(kind="chain", path=tuple(names)))


def closed_subsets(graph: Graph) -> list[frozenset[str]]:
    """All sets of operations that contain with each operation everything it depends on."""
    maker = {name: op.name for op in graph.operations for name in op.outputs}
    subsets = [frozenset()]
    for op in graph.operations:
        needs = {maker[name] for name in op.inputs if name in maker}
        subsets += [subset | {op.name} for subset in subsets if needs <= subset]
    return subsets
