"""The command `reproduce hardware-sweep`: read a trained run, search each system, print, draw."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.cli import quiet_tensorflow
from pipelines.imagenet.context import Context
from pipelines.progress import console, progress_bar
from pipelines.reproduction.hardware_sweep import AXES, Sweep, sweep_rows
from pipelines.reproduction.sweep_view import sweep_figure, sweep_table
from pipelines.reproduction.trained_run import Effort, open_trained_run
from splitnets_tf.errors import UserError
from splitnets_tf.files import write_bytes, write_json, write_text
from splitnets_tf.search import parse_constraints

__all__ = ["run_sweep"]


def run_sweep(run: Path, output_dir: Path, axes: Sequence[str], min_accuracy: float | None, effort: Effort) -> int:
    """Search a trained run's supernet again for each system; writes sweep.json, .svg and .png.

    Args:
        run: A run with a trained supernet.
        output_dir: The sweep's own directory; resumed where it was begun.
        axes: Properties to vary; all of them where empty.
        min_accuracy: Inherited validation accuracy that is asked for; 98 % of the unchanged system's best where None.
        effort: Evaluations of each search, and images of each evaluation.

    Returns:
        Exit code 0.

    Raises:
        UserError: The run is not trained, an axis is unknown, or `output_dir` holds other files.
    """
    unknown = [axis for axis in axes if axis not in AXES]
    if unknown:
        raise UserError(f"--vary {unknown[0]!r} is unknown; known are {', '.join(AXES)}")
    quiet_tensorflow()
    context = open_trained_run(run, output_dir, effort)
    with context.run.lock():
        sweep = _sweep(context, min_accuracy)
        with progress_bar("systems searched", sum(len(AXES[axis]) for axis in axes or AXES)) as advance:
            floor, rows = sweep_rows(sweep, tuple(axes) or tuple(AXES), lambda done, _: advance(done, ""))
        head = {
            "schema_version": 1,
            "run": str(run),
            "system": context.system.name,
            "evaluations": context.config.search.max_candidates,
            "min_accuracy": floor,
        }
        write_json(output_dir / "sweep.json", head | {"rows": rows})
        _draw(rows, f"{context.system.name}: the fastest network of at least {100 * floor:.1f} %", output_dir)
    out = console()
    out.print(sweep_table(rows, floor))
    out.print(f"figures: {output_dir / 'sweep.json'}, drawn: {output_dir / 'sweep.svg'}")
    return 0


def _draw(rows: Sequence[Mapping[str, Any]], title: str, output_dir: Path) -> None:
    from pipelines.report.figures import figure_png, figure_svg

    write_text(output_dir / "sweep.svg", figure_svg(lambda: sweep_figure(rows, title)))
    write_bytes(output_dir / "sweep.png", figure_png(lambda: sweep_figure(rows, title)))


def _sweep(context: Context, min_accuracy: float | None) -> Sweep:
    from pipelines.imagenet.search import search_identity, when_asked
    from pipelines.imagenet.train import TrainedEvaluator

    return Sweep(
        space=context.space,
        system=context.system,
        num_classes=context.num_classes,
        constraints=parse_constraints(context.config.constraints),
        settings=context.config.search,
        evaluator=when_asked(TrainedEvaluator(context)),
        min_accuracy=min_accuracy,
        directory=context.run.path,
        identity=search_identity(context),
    )
