"""The command `reproduce hardware-sweep`: read a trained run, search each system, print, draw."""

from collections.abc import Sequence
from pathlib import Path

from pipelines.cli import quiet_tensorflow
from pipelines.imagenet.context import Context
from pipelines.progress import console, progress_bar
from pipelines.reproduction.hardware_sweep import AXES, Sweep, sweep_rows
from pipelines.reproduction.sweep_view import sweep_figure, sweep_table
from pipelines.reproduction.trained_run import Effort, open_trained_run
from splitnets_tf.errors import UserError
from splitnets_tf.files import write_json, write_text
from splitnets_tf.search import parse_constraints, read_pareto_csv

__all__ = ["run_sweep"]

ACCURACY_SHARE = 0.98
"""Unless told otherwise, the sweep asks for so much of the best accuracy on the run's own front."""


def run_sweep(run: Path, output_dir: Path, axes: Sequence[str], min_accuracy: float | None, effort: Effort) -> int:
    """Search a trained run's supernet again for each system; writes sweep.json and sweep.svg.

    Args:
        run: A run with a search.
        output_dir: The sweep's own directory; resumed where it was begun.
        axes: Properties to vary; all of them where empty.
        min_accuracy: Inherited validation accuracy that stands for each system; 98 % of the run's best where None.
        effort: Evaluations of each search, and images of each evaluation.

    Returns:
        Exit code 0.

    Raises:
        UserError: The run is not trained or not searched, an axis is unknown, or `output_dir` holds other files.
    """
    unknown = [axis for axis in axes if axis not in AXES]
    if unknown:
        raise UserError(f"--vary {unknown[0]!r} is unknown; known are {', '.join(AXES)}")
    quiet_tensorflow()
    context = open_trained_run(run, output_dir, effort)
    front = read_pareto_csv(run / "search" / "pareto.csv")
    floor = ACCURACY_SHARE * max(each.accuracy for each in front) if min_accuracy is None else min_accuracy
    with context.run.lock():
        sweep = _sweep(context, floor)
        with progress_bar("systems searched", sum(len(AXES[axis]) for axis in axes or AXES)) as advance:
            rows = sweep_rows(sweep, tuple(axes) or tuple(AXES), lambda done, _: advance(done, ""))
        record = {"schema_version": 1, "run": str(run), "system": context.system.name, "min_accuracy": floor}
        write_json(output_dir / "sweep.json", record | {"rows": rows})
        from pipelines.report.figures import figure_svg

        title = f"{context.system.name}: the fastest network of at least {100 * floor:.1f} % as the hardware changes"
        write_text(output_dir / "sweep.svg", figure_svg(lambda: sweep_figure(rows, title)))
    out = console()
    out.print(sweep_table(rows, floor))
    out.print(f"figures: {output_dir / 'sweep.json'}, drawn: {output_dir / 'sweep.svg'}")
    return 0


def _sweep(context: Context, min_accuracy: float) -> Sweep:
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
