"""What the folder's commands have in common: exit codes, sizes, where results go."""

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path

from splitnets_tf.errors import UserError, os_error_text
from splitnets_tf.quiet_tensorflow import quiet_tensorflow

__all__ = [
    "EXIT_OVER_LIMIT",
    "EXIT_USER_ERROR",
    "network_address",
    "parse_bytes",
    "positive_number",
    "positive_whole_number",
    "printable",
    "run_command",
    "whole_number",
    "writable_file",
]

EXIT_USER_ERROR = 2
EXIT_OVER_LIMIT = 3
_EXIT_INTERRUPTED = 130
_LONGEST_ERROR = 1000
_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}


def run_command(command: Callable[[], int]) -> int:
    """Run a command; what the user can mend becomes one line on standard error and exit code 2."""
    quiet_tensorflow()
    try:
        return command()
    except (UserError, OSError) as error:
        text = os_error_text(error) if isinstance(error, OSError) else str(error)
        sys.stderr.write(f"error: {printable(text)}\n")
        return EXIT_USER_ERROR
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return _EXIT_INTERRUPTED


def printable(text: str) -> str:
    """One line that does nothing to a terminal: names of tensors come out of files of any origin."""
    words = " ".join(text.split())[:_LONGEST_ERROR]
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in words)


def parse_bytes(text: str) -> int:
    """A size such as `79319`, `512 kB`, `2MB` (10^6) or `2MiB` (2^20), for argparse."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*", text)
    if match is None or match[2].lower() not in _UNITS:
        raise argparse.ArgumentTypeError(f"expected a size such as 79319, 512kB, 2MB or 2MiB, received {text!r}")
    size = float(match[1]) * _UNITS[match[2].lower()]
    if size != int(size) or size < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of bytes, at least 1, received {text!r}")
    return int(size)


def writable_file(text: str) -> Path:
    """A path in a folder that exists, and no model's, for argparse: a long measurement should not end in a loss."""
    path = Path(text)
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is a folder; name a file")
    if path.suffix == ".tflite":
        raise argparse.ArgumentTypeError(f"{text} is the name of a model; name another file")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"the folder {path.parent} does not exist; create it first")
    return path


def whole_number(text: str) -> int:
    """A whole number of at least 0, for argparse."""
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 0, received {text!r}")
    return int(text)


def positive_whole_number(text: str) -> int:
    """A whole number of at least 1, for argparse."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, received {text!r}")
    return int(text)


def positive_number(text: str) -> float:
    """A finite number above 0, for argparse."""
    if not re.fullmatch(r"\d+(\.\d*)?|\.\d+", text) or float(text) <= 0:
        raise argparse.ArgumentTypeError(f"expected a number above 0, received {text!r}")
    return float(text)


def network_address(text: str) -> str:
    """`HOST:PORT`, for argparse."""
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise argparse.ArgumentTypeError(f"expected HOST:PORT such as 127.0.0.1:50051, received {text!r}")
    return text
