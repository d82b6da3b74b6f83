"""The command `reproduce joint-search`: read a trained run, spend every arm's evaluations, print, draw."""

from pathlib import Path

from pipelines.cli import quiet_tensorflow
from pipelines.imagenet.context import Context
from pipelines.progress import console, progress_bar
from pipelines.reproduction.joint_search import Ablation, arms, run_arm
from pipelines.reproduction.remembering import RememberingEvaluator
from pipelines.reproduction.trained_run import Effort, open_trained_run, part_of
from splitnets_tf.errors import UserError
from splitnets_tf.files import write_bytes, write_json, write_text
from splitnets_tf.search import parse_constraints
from splitnets_tf.space import SearchSpace

__all__ = ["run_joint_search"]


def run_joint_search(run: Path, output_dir: Path, *, seeds: int, effort: Effort, space: str | None = None) -> int:
    """Compare the arms on a trained run's supernet; writes joint_search.json, .svg and .png.

    Args:
        run: A run with a trained supernet.
        output_dir: The ablation's own directory; resumed where it was begun.
        seeds: Seeds 0, 1 ... of each arm.
        effort: Evaluations of each arm and seed, and images of each evaluation.
        space: A part of the run's space, to search there only; all of it where None.

    Returns:
        Exit code 0.

    Raises:
        UserError: The run is not trained, a number makes no sense, or `output_dir` holds other files.
    """
    if seeds < 1:
        raise UserError(f"--seeds should be at least 1, received {seeds}")
    quiet_tensorflow()
    context = open_trained_run(run, output_dir, effort)
    part = context.space if space is None else part_of(context.space, space)
    with context.run.lock():
        record = _record(context, part, run, seeds)
        write_json(output_dir / "joint_search.json", record)
        _draw(record, output_dir)
    from pipelines.reproduction.joint_view import ablation_table

    out = console()
    out.print(ablation_table(record))
    out.print(f"figures: {output_dir / 'joint_search.json'}, drawn: {output_dir / 'joint_search.svg'}")
    return 0


def _record(context: Context, space: SearchSpace, run: Path, seeds: int) -> dict[str, object]:
    from pipelines.reproduction.joint_figures import ablation_rows

    ablation = _ablation(context, space)
    todo = [(arm, seed) for seed in range(seeds) for arm in arms(space)]
    points = {}
    with progress_bar("arms searched", len(todo)) as advance:
        for done, (arm, seed) in enumerate(todo):
            advance(done, f"{arm.name}, seed {seed}")
            points[arm.name, seed] = run_arm(ablation, arm, seed)
        advance(len(todo), "")
    best = context.best_baseline
    if best is None:
        raise UserError(
            f"no placement of the largest network is feasible on {context.system.name}, so there is no latency to "
            "measure the hypervolume up to; name a run on another system"
        )
    head = {
        "schema_version": 1,
        "run": str(run),
        "system": context.system.name,
        "space": space.name,
        "evaluations": context.config.search.max_candidates,
        "calibration_images": context.config.calibration_images,
        "validation_images": context.config.validation_images or context.count("validation"),
    }
    return head | ablation_rows(points, best.latency_ms)


def _ablation(context: Context, space: SearchSpace) -> Ablation:
    from pipelines.imagenet.search import search_identity, when_asked
    from pipelines.imagenet.train import TrainedEvaluator

    identity = search_identity(context)
    evaluator = when_asked(TrainedEvaluator(context))
    return Ablation(
        space=space,
        system=context.system,
        num_classes=context.num_classes,
        constraints=parse_constraints(context.config.constraints),
        settings=context.config.search,
        evaluator=RememberingEvaluator(evaluator, context.path("accuracies.json"), identity),
        directory=context.run.path,
        identity=identity,
    )


def _draw(record: dict[str, object], output_dir: Path) -> None:
    from pipelines.report.figures import figure_png, figure_svg
    from pipelines.reproduction.joint_view import ablation_figure

    title = f"{record['system']}, space {record['space']}: {record['evaluations']} evaluations for each arm and seed"
    write_text(output_dir / "joint_search.svg", figure_svg(lambda: ablation_figure(record, title)))
    write_bytes(output_dir / "joint_search.png", figure_png(lambda: ablation_figure(record, title)))
