"""The commands `reproduce initialization`, `sampling` and `sharing`: train what is missing, summarise, print, draw."""

import dataclasses
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from pipelines.cli import quiet_tensorflow
from pipelines.progress import console, progress_bar
from pipelines.reproduction.claims.settings import CONFIGURATIONS, STUDIES, VARIANTS, ClaimsSettings, Study
from pipelines.run_directory import RunDirectory, json_fingerprint
from splitnets_tf.data import DataSource, open_source
from splitnets_tf.errors import UserError
from splitnets_tf.files import read_json, write_bytes, write_json

__all__ = ["run_study"]

_LOGGER = logging.getLogger(__name__)


def run_study(what: str, configuration: str, output_dir: Path | None, *, overwrite: bool = False) -> int:
    """Measure one study; runs that it shares with the others are trained once for all.

    Args:
        what: Key of `STUDIES`.
        configuration: Key of `CONFIGURATIONS`.
        output_dir: Directory of all studies with this configuration, resumed where they were begun; None for
            `runs/CONFIGURATION`.
        overwrite: Whether what an earlier command left is removed.

    Returns:
        Exit code 0.

    Raises:
        UserError: The directory holds runs of another configuration or other data, or is somebody's.
    """
    study, settings = STUDIES[what], CONFIGURATIONS[configuration]
    run = RunDirectory(output_dir or Path("runs") / configuration)
    source = open_source(dataset=settings.dataset)
    with run.lock():
        run.prepare(settings.to_dict(), None, overwrite=overwrite)
        console().print(yaml.safe_dump(settings.to_dict(), sort_keys=False, default_flow_style=None, width=110).strip())
        families = _train_missing(run, study, settings, source)
        record = _summarise(run, what, settings, source, families)
        _present(record, run.path / what, ratios=what == "initialization")
    return 0


def _inputs(settings: ClaimsSettings, variant: str, source: DataSource) -> dict[str, str]:
    return {
        "settings": json_fingerprint(settings.to_dict()),
        "variant": json_fingerprint(dataclasses.asdict(VARIANTS[variant])),
        "data": source.fingerprint,
    }


def _run_name(variant: str, seed: int) -> str:
    return f"{variant}-{seed}"


def _train_missing(run: RunDirectory, study: Study, settings: ClaimsSettings, source: DataSource) -> Any:
    """Train and evaluate every run that has no result yet, seed by seed; returns the validation images' families."""
    inputs = {variant: _inputs(settings, variant, source) for variant in study.variants}
    pairs = [(variant, seed) for seed in settings.seeds for variant in study.variants]
    missing = [pair for pair in pairs if not run.is_done(_run_name(*pair), inputs[pair[0]])]
    _LOGGER.info("%d of %d runs are finished", len(pairs) - len(missing), len(pairs))
    quiet_tensorflow()
    from pipelines.reproduction.claims.training_runs import load_data, train_and_evaluate

    data = load_data(source, settings)
    steps = settings.train.epochs * (len(data.train.labels) // settings.train.batch_size)
    for number, (variant, seed) in enumerate(missing):
        name = _run_name(variant, seed)
        with (
            run.stage(name, inputs[variant], seed),
            progress_bar(f"{name} ({number + 1} of {len(missing)})", steps) as advance,
        ):
            train_and_evaluate(settings, VARIANTS[variant], seed, data, run.path / "runs" / name, advance)
    return data.validation.families


def _summarise(
    run: RunDirectory, what: str, settings: ClaimsSettings, source: DataSource, families: Any
) -> dict[str, Any]:
    from pipelines.reproduction.claims.summary import study_record

    study = STUDIES[what]
    results = {
        (variant, seed): _read_result(run.path / "runs" / _run_name(variant, seed) / "result.json", len(families))
        for variant in study.variants
        for seed in settings.seeds
    }
    provenance = run.provenance()
    stages = {_run_name(*pair): provenance["stages"][_run_name(*pair)] for pair in results}
    return {
        "schema_version": 1,
        "study": what,
        "configuration": settings.to_dict(),
        "split": "validation",
        "data": source.fingerprint,
        "command": provenance["command"],
        "git_commits": sorted({str(stage["made_by"]["git_commit"]) for stage in stages.values()}),
        "versions": provenance["versions"],
        "machine": provenance["machine"],
        "seconds": {name: round(stage["seconds"], 1) for name, stage in stages.items()},
        "cpu_seconds": {_run_name(*pair): result["cpu_seconds"] for pair, result in results.items()},
        **study_record(study, settings, results, families),
    }


def _read_result(path: Path, images: int) -> dict[str, Any]:
    from pipelines.reproduction.claims.training_runs import unpack_correct

    result = read_json(path, "the result of a finished run")
    try:
        for record in result["networks"].values():
            record["correct"] = unpack_correct(record["correct"], images)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: not the result of a finished run; start afresh with --overwrite") from error
    return result


def _present(record: Mapping[str, Any], stem: Path, *, ratios: bool) -> None:
    """Print the tables; write the figures and the picture beside the runs."""
    from pipelines.report.figures import figure_png
    from pipelines.reproduction.claims.view import accuracy_table, ratio_table, study_figure

    write_json(stem.with_suffix(".json"), record)
    write_bytes(stem.with_suffix(".png"), figure_png(lambda: study_figure(record, ratios=ratios)))
    out = console()
    out.print(accuracy_table(record))
    if ratios:
        out.print(ratio_table(record))
    out.print(f"figures: {stem.with_suffix('.json')}, drawn: {stem.with_suffix('.png')}")
