"""What every command line of the project does alike: one-line errors, exit codes, logging."""

import logging
import sys
from collections.abc import Callable, Sequence

from splitnets_tf.errors import UserError, os_error_text
from splitnets_tf.quiet_tensorflow import quiet_tensorflow

__all__ = ["EXIT_USER_ERROR", "quiet_tensorflow", "run_command"]

EXIT_USER_ERROR = 2
"""Exit code for anything that the user can mend."""
_EXIT_INTERRUPTED = 130


def run_command(main: Callable[[Sequence[str] | None], int | None], argv: Sequence[str] | None = None) -> int:
    """Run a command's main function and turn what the user can mend into one line and exit code 2.

    Args:
        main: Takes the arguments without the program's name; returns an exit code or None for 0.
        argv: The arguments; `sys.argv[1:]` where None.

    Returns:
        The exit code for `sys.exit`.
    """
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    for noisy in ("absl", "tensorflow", "h5py", "matplotlib"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        return main(argv) or 0
    except UserError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return EXIT_USER_ERROR
    except OSError as error:
        print(f"error: {os_error_text(error)}", file=sys.stderr)
        return EXIT_USER_ERROR
    except KeyboardInterrupt:
        print("interrupted; run the same command again to go on", file=sys.stderr)
        return _EXIT_INTERRUPTED
