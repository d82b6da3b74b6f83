"""U(.): how long an operation takes on a device, measured where a table has it, estimated by regression elsewhere."""

from __future__ import annotations

import csv
import dataclasses
import functools
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splitnets_tf.errors import UserError
from splitnets_tf.files import write_text
from splitnets_tf.hardware import Graph, GraphBuilder, total_macs
from splitnets_tf.space.blueprint import Block, ClassifierBlock, ConvBlock, MBBlock
from splitnets_tf.space.to_graph import add_block

__all__ = [
    "FEATURES",
    "OperationShape",
    "OperationTimes",
    "TimeModel",
    "cross_validated_ms",
    "operation_features",
    "operation_shape",
    "read_operation_times",
    "write_operation_times",
]

Floats = NDArray[np.float64]
FEATURES = (
    "operations",
    "conv_macs",
    "depthwise_macs",
    "large_depthwise_macs",
    "conv_elements",
    "depthwise_elements",
    "other_elements",
)
"""What the regression adds up: counts of kernels, of multiply-accumulates and of elements written.

Depthwise kernels above 5x5 stand apart: XNNPACK has int8 code made for 9 and 25 taps; beyond, it is many times slower.
"""
_MOST_TAPS = 25
_KINDS = ("mbconv", "conv", "classifier")
_FOLDS = 5
_ACTIVATION = "relu6"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, order=True)
class OperationShape:
    """An operation as a table names it."""

    kind: str
    """`mbconv`, `conv` or `classifier`."""
    size: int
    """Side of its input in pixels."""
    in_channels: int
    """Channels that it reads."""
    hidden: int
    """Channels inside an inverted residual; 0 for others."""
    out_channels: int
    """Channels, or logits, that it makes."""
    kernel: int
    """Side of its (depthwise) kernel; 0 for a classifier."""
    stride: int
    """1 or 2."""
    shortcut: bool
    """Whether its input is added to its output."""

    def __post_init__(self) -> None:
        """Checks every value; UserError."""
        numbers = (self.size, self.in_channels, self.out_channels, self.stride)
        if self.kind not in _KINDS or min(numbers) < 1 or min(self.hidden, self.kernel) < 0:
            raise UserError(f"not an operation: {self}; kinds are {list(_KINDS)} and sizes are positive")

    @property
    def block(self) -> Block:
        """The operation as a block of its own."""
        if self.kind == "classifier":
            return ClassifierBlock(name="op", in_channels=self.in_channels, classes=self.out_channels)
        if self.kind == "conv":
            return ConvBlock(
                name="op",
                in_channels=self.in_channels,
                out_channels=self.out_channels,
                kernel=self.kernel,
                stride=self.stride,
                activation=_ACTIVATION,
            )
        return MBBlock(
            name="op",
            in_channels=self.in_channels,
            hidden=self.hidden,
            out_channels=self.out_channels,
            kernel=self.kernel,
            stride=self.stride,
            expand=self.hidden != self.in_channels,
            residual=self.shortcut,
            activation=_ACTIVATION,
        )

    @property
    def graph(self) -> Graph:
        """Its operations, unfused."""
        builder = GraphBuilder("operation")
        x = builder.input("input", (self.size, self.size, self.in_channels))
        return builder.build([add_block(builder, self.block, x)])


def operation_shape(block: Block, size: int) -> OperationShape:
    """The shape of a block whose input has a given side."""
    if isinstance(block, MBBlock):
        kind, hidden, kernel, stride, cut = "mbconv", block.hidden, block.kernel, block.stride, block.residual
    elif isinstance(block, ConvBlock):
        kind, hidden, kernel, stride, cut = "conv", 0, block.kernel, block.stride, False
    elif isinstance(block, ClassifierBlock):
        kind, hidden, kernel, stride, cut = "classifier", 0, 0, 1, False
    else:
        raise TypeError(f"no times are kept of a {type(block).__name__}")
    out = block.classes if isinstance(block, ClassifierBlock) else block.out_channels
    return OperationShape(
        kind=kind,
        size=size,
        in_channels=block.in_channels,
        hidden=hidden,
        out_channels=out,
        kernel=kernel,
        stride=stride,
        shortcut=cut,
    )


def operation_features(graph: Graph) -> Floats:
    """Returns `[operations, FEATURES]`: what each operation of an unfused graph contributes to the regression.

    Normalisation and clipping activations are folded into the operation before them and contribute nothing.
    """
    rows = np.zeros((len(graph.operations), len(FEATURES)))
    for row, operation in zip(rows, graph.operations, strict=True):
        elements = sum(graph.tensor(name).elements for name in operation.outputs)
        if operation.kind == "depthwise_conv2d":
            height, width = operation.kernel_size or (1, 1)
            row[[0, 3 if height * width > _MOST_TAPS else 2, 5]] = 1, operation.macs, elements
        elif operation.macs:
            row[[0, 1, 4]] = 1, operation.macs, elements
        elif operation.kind == "activation" and operation.function in ("relu", "relu6", "linear"):
            continue
        elif operation.kind not in ("batch_norm", "reshape", "dropout"):
            row[[0, 6]] = 1, elements
    return rows


@dataclasses.dataclass(frozen=True, kw_only=True)
class OperationTimes:
    """A table of measured operations of one device."""

    device: str
    """What they were measured on, in words."""
    rows: Mapping[OperationShape, float]
    """Operation -> median time in milliseconds."""

    @functools.cached_property
    def macs_per_s(self) -> float:
        """Multiply-accumulates a second of the table's median operation."""
        return float(np.median([total_macs(shape.graph) / time_ms * 1e3 for shape, time_ms in self.rows.items()]))

    @functools.cached_property
    def coefficients(self) -> Floats:
        """Milliseconds of one unit of each of `FEATURES`, none negative."""
        return _fit(*_training_rows(self.rows))


@dataclasses.dataclass(frozen=True, kw_only=True)
class TimeModel:
    """U(.) of one device."""

    times: OperationTimes
    """Table and regression."""
    factor: float = 1.0
    """What each time is multiplied by: how much slower the device is than the one that was measured."""
    source: str = ""
    """Where the times come from."""
    assumed: bool = False
    """Whether the factor is an assumption."""

    def ms(self, shape: OperationShape) -> float:
        """Time of an operation: the table's, or the regression's where it has none."""
        found = self.times.rows.get(shape)
        time_ms = float(self.graph_ms(shape.graph).sum()) if found is None else found * self.factor
        return time_ms

    def graph_ms(self, graph: Graph) -> Floats:
        """Estimated time of each operation of an unfused graph."""
        times: Floats = operation_features(graph) @ self.times.coefficients * self.factor
        return times


def cross_validated_ms(times: OperationTimes) -> tuple[Floats, Floats]:
    """Returns measured times and, for each, what a regression that did not see it predicts.

    The table is divided at random into five parts; each is predicted by the regression over the other four.

    Raises:
        UserError: The table has too few rows.
    """
    from sklearn.model_selection import KFold

    features, measured = _training_rows(times.rows)
    if len(measured) < _FOLDS:
        raise UserError(f"{times.device}: {len(measured)} operations are too few to judge a regression by")
    predicted = np.zeros_like(measured)
    for train, test in KFold(_FOLDS, shuffle=True, random_state=0).split(features):
        predicted[test] = features[test] @ _fit(features[train], measured[train])
    return measured, predicted


def _training_rows(rows: Mapping[OperationShape, float]) -> tuple[Floats, Floats]:
    shapes = sorted(rows)
    return np.stack([operation_features(s.graph).sum(axis=0) for s in shapes]), np.array([rows[s] for s in shapes])


def _fit(features: Floats, measured_ms: Floats) -> Floats:
    """Least squares of the relative error with coefficients that are not negative."""
    from sklearn.linear_model import LinearRegression

    scale = features.max(axis=0)
    scale[scale == 0] = 1.0
    model: Any = LinearRegression(fit_intercept=False, positive=True)
    model.fit(features / scale / measured_ms[:, None], np.ones(len(measured_ms)))
    coefficients: Floats = model.coef_ / scale
    return coefficients


_COLUMNS = tuple(field.name for field in dataclasses.fields(OperationShape))


def write_operation_times(path: Path, times: OperationTimes) -> None:
    """Write a table as CSV; its first line says what it was measured on."""
    text = io.StringIO()
    text.write(f"# {times.device}\n")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*_COLUMNS, "median_ms"])
    for shape in sorted(times.rows):
        values = dataclasses.astuple(shape)
        writer.writerow([*(int(v) if isinstance(v, bool) else v for v in values), f"{times.rows[shape]:.6f}"])
    write_text(path, text.getvalue())


def read_operation_times(path: Path) -> OperationTimes:
    """Read a table, such as one that was measured elsewhere.

    Args:
        path: CSV with the columns of `OperationShape` and `median_ms`; lines that begin with # say where it is from.

    Raises:
        UserError: There is no such file, a column is missing, or a value is wrong; the line is named.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as text ({error}); expected a CSV of operation times") from error
    notes = [line.lstrip("# ") for line in lines if line.startswith("#")]
    body = [(number, line) for number, line in enumerate(lines, start=1) if line.strip() and not line.startswith("#")]
    reader = csv.DictReader(line for _, line in body)
    missing = sorted({*_COLUMNS, "median_ms"} - set(reader.fieldnames or ()))
    if missing:
        raise UserError(f"{path}: column {missing[0]!r} is missing; a table has {[*_COLUMNS, 'median_ms']}")
    rows = dict(_table_row(path, number, row) for (number, _), row in zip(body[1:], reader, strict=True))
    if not rows:
        raise UserError(f"{path}: holds no operation")
    return OperationTimes(device=" ".join(notes) or path.stem, rows=rows)


def _table_row(path: Path, number: int, row: Mapping[str, str]) -> tuple[OperationShape, float]:
    try:
        numbers = {name: int(row[name]) for name in _COLUMNS if name not in ("kind", "shortcut")}
        time_ms = float(row["median_ms"])
        shape = OperationShape(kind=row["kind"], shortcut=bool(int(row["shortcut"])), **numbers)
    except (TypeError, ValueError, UserError) as error:
        raise UserError(f"{path}, line {number}: not an operation and its time ({error})") from error
    if not 0 < time_ms < float("inf"):
        raise UserError(f"{path}, line {number}: median_ms should be a positive number, received {row['median_ms']}")
    return shape, time_ms
