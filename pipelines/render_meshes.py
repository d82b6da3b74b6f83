"""Renders a folder of meshes ahead of training, and draws a contact sheet to look at.

    python -m pipelines.render_meshes --dataset modelnet40 --data-dir DIR --contact-sheet views.png

Interrupt it at any time; the same command goes on where it stopped, and training finds the views rendered.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pipelines.cli import quiet_tensorflow, run_command
from splitnets_tf.data import SPLITS, open_source, write_contact_sheet

__all__ = ["main"]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.render_meshes",
        description="Render meshes from 12 sides and say what was found; nothing is rendered twice.",
    )
    parser.add_argument(
        "--dataset",
        default="mesh-folder",
        choices=("mesh-folder", "modelnet40", "components"),
        help="what the directory holds (default: mesh-folder)",
    )
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="folder of class folders of meshes")
    parser.add_argument("--image-size", type=int, default=64, metavar="PIXELS", help="side of the views, at most 224")
    parser.add_argument("--seed", type=int, default=0, help="seed of what the folder doesn't divide itself")
    parser.add_argument(
        "--cache-dir", type=Path, metavar="DIR", help="where the views are kept (default: DIR/.splitnets_views)"
    )
    parser.add_argument("--contact-sheet", type=Path, metavar="PNG", help="picture of one object of each class")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: Arguments without the program's name; None for the process's own.

    Returns:
        Exit code 0.

    Raises:
        UserError: The folder can't be used.
    """
    options = _parser().parse_args(argv)
    source = open_source(
        dataset=options.dataset,
        data_dir=options.data_dir,
        image_size=options.image_size,
        seed=options.seed,
        cache_dir=options.cache_dir,
    )
    counts = ", ".join(f"{source.count(split) // source.views} {split}" for split in SPLITS)
    print(f"{source.name}: {len(source.class_names)} classes, {source.views} views an object; objects: {counts}")
    if options.contact_sheet is not None:
        quiet_tensorflow()
        write_contact_sheet(source, options.contact_sheet)
        print(f"contact sheet: {options.contact_sheet}")
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))
