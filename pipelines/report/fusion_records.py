"""Where networks of several views fuse them, as frozen records read from `summary.json`."""

import dataclasses

from pipelines.report.json_node import Node
from pipelines.report.records import ACCURACY_KINDS, Interval

__all__ = ["Fusion", "FusionPlace", "FusionRow", "fusion_from_node"]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class FusionRow:
    """A network as Table 5 of SplitNets shows it."""

    method: str
    backbone: str
    position: str
    """Where the views are fused."""
    how: str
    """How they are."""
    params: float
    macs: float
    """Of all sensors and the aggregator."""
    channels: float
    """Of the tensor that one view sends."""
    side: float
    """Height and width of it."""
    sensor_share: float
    """Operations of one sensor over those of one sensor and the aggregator (Figure 8)."""
    accuracy: Interval | None
    """Test accuracy of the float network."""
    accuracy_kind: str
    """One of `ACCURACY_KINDS`."""

    @property
    def chosen(self) -> bool:
        """Whether this run's search chose it."""
        return self.method == "SplitNets"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class FusionPlace:
    """The chosen network fused at one place."""

    stride: float
    """Input pixels per element of the fused tensor."""
    sensor_share: float
    """See `FusionRow`."""
    feature_bytes: float
    """What one view sends."""
    latency_ms: float
    """From images to answer."""
    feasible: bool
    """Whether the sensor's part fits its memory."""
    chosen: bool
    """Whether it is the place that the search chose."""
    inherited: float
    """Validation accuracy with the supernet's weights."""
    fine_tuned: Interval | None
    """Test accuracy where it was fine-tuned."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Fusion:
    """What a run says of its views."""

    views: float
    networks: tuple[FusionRow, ...]
    """The baselines, then the chosen network."""
    places: tuple[FusionPlace, ...]
    """Early to late."""


def fusion_from_node(node: Node | None) -> Fusion | None:
    """Read the key `fusion` of `summary.json`; None for a run of single images.

    Raises:
        UserError: A key is missing or its value is not of the expected form; the key is named.
    """
    if node is None:
        return None
    return Fusion(
        views=node["views"].number(),
        networks=tuple(_row(row) for row in node["networks"].elements()),
        places=tuple(_place(place) for place in node["positions"].elements()),
    )


def _row(node: Node) -> FusionRow:
    texts = {name: node[name].text() for name in ("method", "backbone", "position", "how")}
    figures = {name: node[name].amount() for name in ("params", "macs", "channels", "side", "sensor_share")}
    kind = node["accuracy_kind"].one_of(ACCURACY_KINDS)
    return FusionRow(**texts, **figures, accuracy=_interval(node.get("accuracy")), accuracy_kind=kind)


def _place(node: Node) -> FusionPlace:
    figures = {
        name: node[name].amount() for name in ("stride", "sensor_share", "feature_bytes", "latency_ms", "inherited")
    }
    flags = {name: node[name].flag() for name in ("feasible", "chosen")}
    return FusionPlace(**figures, **flags, fine_tuned=_interval(node.get("fine_tuned")))


def _interval(node: Node | None) -> Interval | None:
    if node is None:
        return None
    return Interval(value=node["value"].number(), low=node["low"].number(), high=node["high"].number())
