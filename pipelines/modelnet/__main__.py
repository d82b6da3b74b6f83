"""Command line of the multi-view pipeline.

python -m pipelines.modelnet --output-dir runs/views           # every stage, on the embedded data set
python -m pipelines.modelnet search --output-dir runs/views    # up to the search
python -m pipelines.modelnet --dataset modelnet40 --data-dir ModelNet40 --output-dir runs/modelnet
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.cli import run_command
from pipelines.imagenet.application import Application
from pipelines.imagenet.command import main as run_application

__all__ = ["main"]


def _add_arguments(parser: argparse.ArgumentParser) -> Mapping[str, str]:
    views = parser.add_argument_group("views")
    views.add_argument("--view-fusion", metavar="HOW", help="concat (default), mean, max or sum")
    views.add_argument(
        "--backbone",
        action="append",
        metavar="NAME",
        help="backbone of an MVCNN to compare with, MobileNet-v3 (default) or MNASNet-0.5; repeat it for both",
    )
    views.add_argument(
        "--cache-dir", metavar="DIR", help="where views of meshes are kept (default: DATA_DIR/.splitnets_views)"
    )
    return {"view_fusion": "view_fusion", "backbone": "backbones", "cache_dir": "data.cache_dir"}


def _base_config(smoke: bool) -> Any:
    from pipelines.modelnet.config import DEMO, SMOKE

    return SMOKE if smoke else DEMO


def _open_context(config: Any, output_dir: Path, **options: float) -> Any:
    import dataclasses

    from pipelines.modelnet.config import BACKBONES
    from pipelines.modelnet.context import open_view_context

    if config.full:
        config = dataclasses.replace(config, backbones=BACKBONES)
    return open_view_context(config, output_dir, **options)


def _finish(context: Any, trained: Any) -> None:
    from pipelines.modelnet.mvcnn import train_mvcnn
    from pipelines.modelnet.positions import measure_positions, train_positions

    measure_positions(context, trained)
    train_mvcnn(context)
    if context.config.full:
        train_positions(context, trained)
    from pipelines.imagenet.report import write_reports
    from pipelines.modelnet.summary import build_summary

    write_reports(context, build_summary(context))


_APPLICATION = Application(
    module="pipelines.modelnet",
    description="Train a supernet over several views of each object, search architecture and the place where the views "
    "are fused together, and export one int8 TFLite model for every sensor and one for the aggregator, with a report. "
    "Without arguments: the embedded data set, 12 views of each object, on two CPU cores.",
    dataset_help="components (default), modelnet40 or mesh-folder (default where --data-dir is given)",
    data_dir_help="folder of meshes: ModelNet40 as it is distributed, or one folder of meshes per class",
    full_help="also train the other MVCNN, and the chosen network fused elsewhere; takes long",
    base_config=_base_config,
    open_context=_open_context,
    finish=_finish,
    add_arguments=_add_arguments,
    unit="objects",
    folder_dataset="mesh-folder",
    always_open=("backbones", "data.cache_dir"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the stages up to the verb; see `pipelines.imagenet.command.main`."""
    return run_application(_APPLICATION, argv)


if __name__ == "__main__":
    sys.exit(run_command(main))
