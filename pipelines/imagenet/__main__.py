"""Command line of the single-view pipeline.

python -m pipelines.imagenet --output-dir runs/demo          # every stage
python -m pipelines.imagenet search --output-dir runs/demo   # up to the search
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipelines.cli import run_command
from pipelines.imagenet.application import Application
from pipelines.imagenet.command import main as run_application

__all__ = ["main"]


def _base_config(smoke: bool) -> Any:
    from pipelines.imagenet.config import DEMO, SMOKE

    return SMOKE if smoke else DEMO


def _open_context(config: Any, output_dir: Path, **options: float) -> Any:
    from pipelines.imagenet.context import open_context

    return open_context(config, output_dir, **options)


def _finish(context: Any, trained: Any) -> None:
    del trained
    if context.config.full:
        from pipelines.imagenet.full_baselines import distil_head, train_mobilenet

        train_mobilenet(context)
        distil_head(context)
    from pipelines.imagenet.report import report

    report(context)


_APPLICATION = Application(
    module="pipelines.imagenet",
    description="Train a split-aware supernet, search architecture and split together, and export two int8 TFLite "
    "models with a report. Without arguments: the embedded data set on two CPU cores.",
    dataset_help="components (default), image-folder (default where --data-dir is given) or imagenet2012",
    data_dir_help="folder with one folder of images per class; of imagenet2012 with its archives",
    full_help="also train MobileNetV2 and Head Distillation to compare with; takes long",
    base_config=_base_config,
    open_context=_open_context,
    finish=_finish,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the stages up to the verb; see `pipelines.imagenet.command.main`."""
    return run_application(_APPLICATION, argv)


if __name__ == "__main__":
    sys.exit(run_command(main))
