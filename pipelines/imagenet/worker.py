"""This command as a worker: it takes part in the search of a chief, and in nothing else.

The run directory belongs to the chief, which holds its lock. A worker only reads it: configuration, system and the
trained supernet, on a shared file system or from a copy. It starts reading when the chief listens, and the chief
listens when the supernet is trained.
"""

from collections.abc import Callable
from pathlib import Path

from pipelines.imagenet.context import Context
from pipelines.progress import console
from pipelines.run_directory import RunDirectory
from splitnets_tf.errors import UserError
from splitnets_tf.hardware import system_to_yaml
from splitnets_tf.search import Role

__all__ = ["work_for_chief"]

_ASK_SECONDS = 60.0
"""Between two messages while the chief is not there."""


def work_for_chief(output_dir: Path, verb: str, overwrite: bool, role: Role, resolve: Callable[[], Context]) -> None:
    """Evaluate for the chief until its search has ended.

    Args:
        output_dir: The chief's run directory.
        verb: Last stage asked for; a worker has a part in the search only.
        overwrite: Whether the run was to start afresh, which is the chief's to do.
        role: This worker's name and the chief's address.
        resolve: Reads and checks the configuration.

    Raises:
        UserError: There is nothing for a worker to do, or its arguments are not those of the run.
    """
    if verb == "train" or overwrite:
        what = "--overwrite" if overwrite else "train"
        raise UserError(
            f"{what} is the chief's to do; a worker (KERASTUNER_TUNER_ID={role.name}) joins its search only"
        )
    run = RunDirectory(output_dir)
    if not _wait_for_search(run, role):
        console().print("the search has ended; there is nothing left to evaluate")
        return
    if run.stored_config() is None:
        raise UserError(f"{output_dir} holds no run; a worker reads the chief's run directory, so name that")
    context = resolve()
    run.check(context.config.to_dict(), system_to_yaml(context.system))
    from pipelines.imagenet.search import work
    from pipelines.imagenet.train import TrainedEvaluator

    count = work(context, TrainedEvaluator(context))
    console().print(f"the search has ended; {role.name} evaluated {count} candidates")


def _wait_for_search(run: RunDirectory, role: Role) -> bool:
    """Wait until the chief listens; False where the run says that its search has ended."""
    from splitnets_tf.search.worker import ChiefLine

    while not run.provenance()["stages"].get("search", {}).get("done"):
        line = ChiefLine(role.address, _ASK_SECONDS)
        try:
            line.wait()
            return True
        except UserError:
            console().print(f"{role.name} waits for the chief at {role.address}: it listens when the search begins")
        finally:
            line.close()
    return False
