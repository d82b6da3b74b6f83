"""Measures how long each operation of a layered space takes here: `python -m pipelines.profile --output times.csv`.

Every candidate operation at every shape that the spaces need becomes an int8 .tflite file of its own and is timed with
LiteRT. Rows that the output file has already are kept, so an interrupted measurement goes on. A table of another
device is used with `python -m pipelines.mec --times PROCESSOR=FILE`.
"""

import argparse
import platform
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pipelines.cli import quiet_tensorflow, run_command
from splitnets_tf.errors import UserError

__all__ = ["main"]

_CLASSES = 34


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        Exit code 0.

    Raises:
        UserError: A name or value is wrong, or the output cannot be written.
    """
    arguments = _parser().parse_args(argv)
    if arguments.runs < 1 or arguments.threads < 1 or arguments.classes < 1:
        raise UserError("--runs, --threads and --classes must be at least 1")
    quiet_tensorflow()
    _measure_all(arguments)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pipelines.profile", description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("operation_times.csv"), metavar="FILE")
    parser.add_argument(
        "--space", action="append", metavar="SPACE=SYSTEM", help="default: mec-chain=jmsnas-chain and the mesh's"
    )
    parser.add_argument("--classes", type=int, default=_CLASSES, help=f"number of logits (default: {_CLASSES})")
    parser.add_argument("--runs", type=int, default=50, help="samples for each median (default: 50)")
    parser.add_argument("--threads", type=int, default=1, help="threads inside one inference (default: 1)")
    parser.add_argument("--device", metavar="TEXT", help="what this machine is called in the table")
    parser.add_argument("--overwrite", action="store_true", help="measure again what the file has already")
    return parser


def _measure_all(arguments: argparse.Namespace) -> None:
    from pipelines.profiling.measure import convert_operation
    from pipelines.progress import console, progress_bar
    from splitnets_tf.hardware import load_system
    from splitnets_tf.space import (
        OperationShape,
        OperationTimes,
        cross_validated_ms,
        load_layered_space,
        needed_shapes,
        read_operation_times,
        write_operation_times,
    )
    from tflite_export.inference_time import measure_ms

    wanted: set[OperationShape] = set()
    for pair in arguments.space or ("mec-chain=jmsnas-chain", "mec-mesh=jmsnas-mesh"):
        space, _, system = pair.partition("=")
        if not system:
            raise UserError(f"--space {pair}: expected SPACE=SYSTEM, such as mec-chain=jmsnas-chain")
        topology = load_system(system).topology
        wanted |= set(needed_shapes(load_layered_space(space), topology, arguments.classes))
    rows: dict[OperationShape, float] = {}
    if arguments.output.is_file() and not arguments.overwrite:
        rows.update(read_operation_times(arguments.output).rows)
    device = arguments.device or _this_machine(arguments)
    with progress_bar("operations", len(wanted), done=len(wanted & set(rows))) as advance:
        for shape in sorted(wanted - set(rows)):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "operation.tflite"
                path.write_bytes(convert_operation(shape))
                rows[shape] = measure_ms(path, runs=arguments.runs, threads=arguments.threads)
            write_operation_times(arguments.output, OperationTimes(device=device, rows=rows))
            advance(len(wanted & set(rows)), f"{shape.kind} {rows[shape]:.3f} ms")
    times = OperationTimes(device=device, rows=rows)
    write_operation_times(arguments.output, times)
    out = console()
    out.print(f"{arguments.output}: {len(rows)} operations, {times.macs_per_s / 1e9:.2f} G MACs/s (median)")
    measured, predicted = cross_validated_ms(times)
    errors = abs(predicted / measured - 1)
    out.print(
        f"regression, five-fold cross-validation: mean error {100 * errors.mean():.1f} %, "
        f"largest {100 * errors.max():.1f} %"
    )


def _this_machine(arguments: argparse.Namespace) -> str:
    from importlib.metadata import version

    return (
        f"{platform.machine()} processor, LiteRT {version('ai-edge-litert')}, XNNPACK, int8, batch 1, "
        f"{arguments.threads} thread, median of {arguments.runs} samples"
    )


if __name__ == "__main__":
    sys.exit(run_command(main))
