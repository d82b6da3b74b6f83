"""Runs a .tflite file and the parts it was cut into on random inputs and counts equal results.

LiteRT may crash on a damaged file, so `count_equal_parts` starts this module as a script, which reads a plan from a
file and prints the count. Results are compared byte for byte, with the reference kernels; where these end on a file (a
softmax of scale 1e-8 is enough), with LiteRT's optimised ones, without XNNPACK.
"""

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["KERNELS", "count_equal_parts"]

KERNELS = {"BUILTIN_REF": "reference kernels", "BUILTIN_WITHOUT_DEFAULT_DELEGATES": "optimised kernels"}
"""LiteRT's name of kernels -> what they are called here, in the order in which they are tried."""

Wires = tuple[Sequence[str], Sequence[str]]


def count_equal_parts(whole: Path, wires: Wires, parts: Sequence[tuple[Path, Wires]], inputs: int) -> tuple[int, str]:
    """Compare the parts in sequence with the whole.

    Args:
        whole: The whole file.
        wires: Names of its inputs and outputs, in its order.
        parts: Each part with the names of its inputs and outputs, in its order.
        inputs: Number of random inputs.

    Returns:
        Inputs for which every result of the whole is equal bit for bit, and the kernels: one of `KERNELS`' values.

    Raises:
        UserError: LiteRT cannot run a file.
    """
    from splitnets_tf.errors import UserError

    plan = {
        "inputs": inputs,
        "whole": [str(whole), *map(list, wires)],
        "parts": [[str(path), *map(list, names)] for path, names in parts],
    }
    first, second = KERNELS
    try:
        return _count(whole, plan, first), KERNELS[first]
    except UserError as error:
        try:
            return _count(whole, plan, second), KERNELS[second]
        except UserError:
            raise error from None


def _count(whole: Path, plan: dict[str, Any], kernels: str) -> int:
    from tflite_export.tool_process import run_tool

    with tempfile.TemporaryDirectory() as folder:
        plan_file = Path(folder, "plan.json")
        plan_file.write_text(json.dumps(plan | {"kernels": kernels}), "utf-8")
        printed = run_tool(whole, "LiteRT", [str(Path(__file__).resolve()), str(plan_file)])
    return int(json.loads(printed.splitlines()[-1]))


class _File:
    def __init__(self, kernels: str, path: str, inputs: list[str], outputs: list[str]) -> None:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        self.interpreter = Interpreter(
            model_path=path, num_threads=1, experimental_op_resolver_type=OpResolverType[kernels]
        )
        self.interpreter.allocate_tensors()
        self.inputs = dict(zip(inputs, self.interpreter.get_input_details(), strict=True))
        self.outputs = dict(zip(outputs, self.interpreter.get_output_details(), strict=True))

    def run(self, known: dict[str, Any]) -> None:
        """Compute the outputs from tensors in `known` and put them there."""
        for name, detail in self.inputs.items():
            self.interpreter.set_tensor(detail["index"], known[name])
        self.interpreter.invoke()
        for name, detail in self.outputs.items():
            known[name] = self.interpreter.get_tensor(detail["index"])


def _random(detail: dict[str, Any], rng: np.random.Generator) -> Any:
    kind, shape = np.dtype(detail["dtype"]), tuple(detail["shape"])
    if kind.kind == "f":
        return rng.random(shape).astype(kind)
    if kind.kind in "iu" and kind.itemsize <= 2:
        limits = np.iinfo(kind)
        return rng.integers(limits.min, limits.max, shape, dtype=kind, endpoint=True)
    # Wider integers are indices; these exist in every table.
    return rng.integers(0, 2, shape).astype(kind)


def _main(plan: dict[str, Any]) -> int:
    whole = _File(plan["kernels"], *plan["whole"])
    parts = [_File(plan["kernels"], *entry) for entry in plan["parts"]]
    rng = np.random.default_rng(0)
    equal = 0
    for _ in range(plan["inputs"]):
        given = {name: _random(detail, rng) for name, detail in whole.inputs.items()}
        expected, found = dict(given), dict(given)
        whole.run(expected)
        for piece in parts:
            piece.run(found)
        equal += all(expected[name].tobytes() == found[name].tobytes() for name in whole.outputs)
    return equal


if __name__ == "__main__":
    sys.stdout.write(str(_main(json.loads(Path(sys.argv[1]).read_text("utf-8")))) + "\n")
