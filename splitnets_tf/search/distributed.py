"""Whether this process searches alone, leads a search as Keras Tuner's chief, or evaluates for one as a worker.

The environment decides, as Keras Tuner has it: `KERASTUNER_TUNER_ID` (the chief's contains "chief", each worker has its
own), `KERASTUNER_ORACLE_IP` and `KERASTUNER_ORACLE_PORT` (where the chief listens).
"""

import dataclasses
import os
from collections.abc import Mapping
from typing import Literal

from splitnets_tf.errors import UserError

__all__ = ["LEASE_SECONDS", "Role", "read_role"]

LEASE_SECONDS = 60.0
"""A worker that is silent for longer loses its trial to another one."""

_ID, _IP, _PORT = "KERASTUNER_TUNER_ID", "KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Role:
    """A process's part in a search."""

    kind: Literal["alone", "chief", "worker"]
    """`alone` proposes and evaluates; a `chief` proposes, a `worker` evaluates."""
    name: str = ""
    """The worker's own name."""
    address: str = ""
    """`ip:port` of the chief."""


def read_role(environment: Mapping[str, str] | None = None) -> Role:
    """The part that the environment gives to this process.

    Args:
        environment: Variables; those of the process where None.

    Raises:
        UserError: Only some of the three variables are set, or the port is none.
    """
    variables = os.environ if environment is None else environment
    values = {key: variables.get(key, "") for key in (_ID, _IP, _PORT)}
    if not values[_IP] and not values[_PORT]:
        return Role(kind="alone")
    missing = [key for key, value in values.items() if not value]
    if missing:
        raise UserError(
            f"a search with chief and workers needs {', '.join(values)}; {' and '.join(missing)} is not set"
        )
    if not values[_PORT].isdecimal() or not 0 < int(values[_PORT]) < 2**16:
        raise UserError(f"{_PORT} should be a port from 1 to 65535, received {values[_PORT]!r}")
    address = f"{values[_IP]}:{values[_PORT]}"
    return Role(kind="chief" if "chief" in values[_ID] else "worker", name=values[_ID], address=address)
