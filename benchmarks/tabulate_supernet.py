"""Evaluates every architecture of a small space on a trained supernet: the table on which the search is tested.

    python -m benchmarks.tabulate_supernet --run runs/demo --output tests/assets/supernet_table/evaluations.npz

The space (`--space`) is a part of the run's own. For each architecture the table says which validation images were
classified correctly, so that any part of the images can be counted. Finished evaluations are kept beside the output
every minute, so the command resumes. About 0.4 s an architecture and core with the default numbers of images.
"""

import argparse
import functools
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.cli import quiet_tensorflow, run_command
from pipelines.imagenet.context import Context
from pipelines.reproduction.trained_run import Effort, open_trained_run, part_of
from pipelines.run_directory import json_fingerprint
from splitnets_tf.errors import UserError
from splitnets_tf.files import sha256_of_file, write_atomically
from splitnets_tf.space import every_architecture

_SPACE = "tests/assets/supernet_table/space.yaml"
_SAVE_SECONDS = 60.0


def main(argv: Sequence[str] | None = None) -> int:
    """Evaluate what is missing, then write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="run directory with a trained supernet")
    parser.add_argument("--output", type=Path, required=True, help="the table, .npz")
    parser.add_argument("--space", default=_SPACE, help="a part of the run's space, as a YAML file")
    parser.add_argument("--calibration-images", type=int, default=256, metavar="N")
    parser.add_argument("--validation-images", type=int, default=1110, metavar="N")
    options = parser.parse_args(argv)
    quiet_tensorflow()
    scratch = options.output.with_suffix(".unfinished")
    effort = Effort(calibration_images=options.calibration_images, validation_images=options.validation_images)
    context = open_trained_run(options.run, scratch, effort)
    part = part_of(context.space, options.space)
    vectors = np.stack([context.space.encode(each) for each in every_architecture(part)]).astype(np.int16)
    from pipelines.imagenet.train import supernet_weights

    asked = [sha256_of_file(supernet_weights(context)), options.calibration_images, options.validation_images]
    identity = json_fingerprint([*asked, vectors.tolist()])
    bits = _evaluate(context, vectors, scratch / "progress.npz", identity)
    count = context.sample("validation", options.validation_images).labels.size
    table = {"vectors": vectors, "correct": bits, "images": np.int64(count), "identity": np.array(identity)}
    write_atomically(options.output, functools.partial(_save, **table))
    share = np.unpackbits(bits, axis=1, count=count).mean(axis=1)
    print(f"{len(vectors)} architectures, {count} images, accuracies from {share.min():.3f} to {share.max():.3f}")
    return 0


def _evaluate(context: Context, vectors: np.ndarray, path: Path, identity: str) -> np.ndarray:
    """Packed bits `[n, bytes]`, an architecture a row."""
    rows: list[np.ndarray] = []
    if path.is_file():
        with np.load(path) as stored:
            if str(stored["identity"]) != identity:
                raise UserError(f"{path} belongs to another supernet, space or number of images; remove it")
            rows = list(stored["correct"])
    if len(rows) < len(vectors):
        from pipelines.imagenet.train import TrainedEvaluator

        evaluator = TrainedEvaluator(context).evaluator
        saved = time.monotonic()
        for vector in vectors[len(rows) :]:
            rows.append(np.packbits(evaluator.correct(context.space.decode(vector))))
            if time.monotonic() - saved > _SAVE_SECONDS:
                saved = time.monotonic()
                _keep(path, rows, identity)
                print(f"{len(rows)} of {len(vectors)}", flush=True)
        _keep(path, rows, identity)
    return np.stack(rows)


def _keep(path: Path, rows: list[np.ndarray], identity: str) -> None:
    write_atomically(path, functools.partial(_save, correct=np.stack(rows), identity=np.array(identity)))


def _save(path: Path, **arrays: Any) -> None:
    np.savez_compressed(path, **arrays)


if __name__ == "__main__":
    sys.exit(run_command(main))
