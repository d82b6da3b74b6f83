"""Reproduces what the papers print: `python -m pipelines.reproduce table4`.

`table4` and `table6` end with exit code 0 if every figure of the table is within the stated tolerances or is one in
which the paper disagrees with itself; they take a few seconds and need no TensorFlow. `hardware-sweep` searches a
trained run again on systems that differ in one property, and draws how the split moves. `joint-search` compares the
search of split and architecture together with other ways of spending as many evaluations.
`initialization`, `sampling` and `sharing` train supernets with and without what the paper says makes training stable.
`seeds` puts runs beside each other that differ in their seed alone. `jmsnas` makes the six runs of the second paper's
figures. `vela-ranking` asks Arm's Vela how well multiply-accumulates over peak speed order random networks, and what it
would have chosen in a run.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.cli import run_command

if TYPE_CHECKING:
    from pipelines.reproduction.trained_run import Effort

__all__ = ["main"]

_STUDIES = {
    "initialization": "SplitNets, Table 3: Kaiming, Xavier and the split-aware initialisation of splitting modules",
    "sampling": "SplitNets, section 3.1.1: training with and without multi-split networks and distillation",
    "sharing": "SplitNets, section 3.1.1: sensor and aggregator with one set of weights or one each",
}

_CONFIGURATIONS = ("claims", "smoke")
"""Names of `pipelines.reproduction.claims.CONFIGURATIONS`, which takes longer to import than to refuse an argument."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one reproduction.

    Args:
        arguments: Command line without the program's name; None takes the process's.

    Returns:
        Exit code: 0 if the figures agree, 1 if one does not.

    Raises:
        UserError: If a file cannot be written, or the named run cannot be searched again.
    """
    options = _parser().parse_args(arguments)
    if options.what == "hardware-sweep":
        from pipelines.reproduction.sweep_command import run_sweep

        return run_sweep(options.run, options.output_dir, options.vary or (), options.min_accuracy, _effort(options))
    if options.what in _STUDIES:
        from pipelines.reproduction.claims import run_study

        return run_study(options.what, options.configuration, options.output_dir, overwrite=options.overwrite)
    if options.what == "joint-search":
        from pipelines.reproduction.joint_command import run_joint_search

        return run_joint_search(
            options.run, options.output_dir, seeds=options.seeds, effort=_effort(options), space=options.space
        )
    if options.what == "seeds":
        from pipelines.reproduction.seeds_command import run_seeds

        return run_seeds(options.runs, options.json)
    if options.what == "jmsnas":
        from pipelines.reproduction.jmsnas_command import run_jmsnas

        return run_jmsnas(options.output_dir, smoke=options.smoke, topologies=options.topology or ())
    if options.what == "vela-ranking":
        from pipelines.reproduction.vela_command import run_vela_ranking

        return run_vela_ranking(options.space, options.system, options.count, options.seed, options.run, options.json)
    from pipelines.reproduction.tables_command import run_table

    return run_table(options.what, options.json)


def _effort(options: argparse.Namespace) -> Effort:
    from pipelines.reproduction.trained_run import Effort

    return Effort(
        evaluations=options.evaluations,
        calibration_images=options.calibration_images,
        validation_images=options.validation_images,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pipelines.reproduce", description=__doc__)
    commands = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    for table, text in (
        ("table4", "SplitNets, Table 4: latency on the single-sensor system (ImageNet)"),
        ("table6", "SplitNets, Table 6: latency on the system of twelve sensors (ModelNet40)"),
    ):
        command = commands.add_parser(table, help=text, description=text)
        command.add_argument("--json", type=Path, metavar="FILE", help="write all figures to FILE")
    text = "SplitNets, Appendix H's question: how the split moves with bandwidth, speed, memory and number of sensors"
    sweep = commands.add_parser("hardware-sweep", help=text, description=text)
    sweep.add_argument("--run", type=Path, required=True, help="a run of pipelines.imagenet with a trained supernet")
    sweep.add_argument("--output-dir", type=Path, default=Path("runs/hardware-sweep"), help="the sweep's own directory")
    sweep.add_argument(
        "--vary", action="append", metavar="WHAT", help="bandwidth, sensor speed, sensor memory, sensors"
    )
    sweep.add_argument(
        "--min-accuracy", type=float, help="accuracy asked for (default: 98 %% of the unchanged system's best)"
    )
    for study, text in _STUDIES.items():
        command = commands.add_parser(study, help=text, description=f"{text}. What was found: docs/training_claims.md")
        command.add_argument("--output-dir", type=Path, help="runs of all three studies (default: runs/CONFIGURATION)")
        command.add_argument(
            "--configuration",
            choices=_CONFIGURATIONS,
            default=_CONFIGURATIONS[0],
            help="what is trained (default: claims)",
        )
        command.add_argument("--overwrite", action="store_true", help="remove what the directory holds first")
    text = "SplitNets' central claim: does searching split and architecture together pay, at equal evaluations?"
    joint = commands.add_parser("joint-search", help=text, description=text)
    joint.add_argument("--run", type=Path, required=True, help="a run of pipelines.imagenet with a trained supernet")
    joint.add_argument(
        "--output-dir", type=Path, default=Path("runs/joint-search"), help="the ablation's own directory"
    )
    joint.add_argument("--seeds", type=int, default=3, metavar="N", help="seeds of each arm (default: 3)")
    joint.add_argument("--space", help="search a part of the run's space only: a preset or a YAML file")
    for command, default in ((sweep, None), (joint, 120)):
        count = f"of each search, a multiple of 20 (default: {default or 'as in the run'})"
        command.add_argument("--evaluations", type=int, default=default, metavar="N", help=count)
        command.add_argument("--calibration-images", type=int, metavar="N", help="of each evaluation (as in the run)")
        command.add_argument("--validation-images", type=int, metavar="N", help="of each evaluation (as in the run)")
    text = "several runs that differ in their seed: each figure by seed, differences to the baselines over all of them"
    seeds = commands.add_parser("seeds", help=text, description=text)
    seeds.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="finished runs of one pipeline")
    seeds.add_argument("--json", type=Path, metavar="FILE", help="write all figures to FILE")
    text = "JMSNAS, Figures 5 and 6: three latency constraints on a chain and on a mesh of devices, each run resumable"
    jmsnas = commands.add_parser("jmsnas", help=text, description=text)
    jmsnas.add_argument("--output-dir", type=Path, default=Path("runs/jmsnas"), help="holds the six runs")
    jmsnas.add_argument(
        "--topology", action="append", choices=("chain", "mesh"), help="these runs only (default: both topologies)"
    )
    jmsnas.add_argument("--smoke", action="store_true", help="shortened runs; their accuracies mean nothing")
    text = "How well OPs over peak speed rank random networks, judged by Arm's Vela (needs the extra [deploy])"
    ranking = commands.add_parser("vela-ranking", help=text, description=text)
    ranking.add_argument("--space", default="demo", help="search space (default: demo)")
    ranking.add_argument("--system", default="hmd-demo", help="system (default: hmd-demo)")
    ranking.add_argument("--count", type=_several, default=100, help="number of networks (default: 100)")
    ranking.add_argument("--seed", type=int, default=0, help="of networks and bootstrap")
    ranking.add_argument("--run", type=Path, help="also compare the choice in this run of pipelines.imagenet")
    ranking.add_argument("--json", type=Path, metavar="FILE", help="write all figures to FILE")
    return parser


def _several(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 2:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 2, received {text!r}")
    return int(text)


if __name__ == "__main__":
    sys.exit(run_command(main))
