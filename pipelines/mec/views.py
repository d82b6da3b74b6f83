"""The report's sections: pure functions from summary.json to tables and drawings."""

from collections.abc import Mapping
from typing import Any

from pipelines.mec.search_views import drawn_figure, search_section, times_section
from pipelines.mec.shortfalls import shortfall
from pipelines.report.accuracy_plots import accuracy_latency_figure
from pipelines.report.cost_plots import latency_figure
from pipelines.report.page import Cell, Column, Fact, Page, Paragraph, Row, Section, Table
from pipelines.report.records import Device, Interval, Link, Network
from pipelines.report.units import NOTHING, bytes_text, count_text, interval_text, ms_text, points_text, seconds_text

__all__ = ["mec_page", "networks_of"]

Summary = Mapping[str, Any]


def mec_page(summary: Summary) -> Page:
    """The whole report of a run."""
    lost = tuple(shortfall(row) for row in summary["comparisons"] if shortfall(row))
    beyond = summary["latency_ms"] > summary["limit_ms"]
    return Page(
        title="JMSNAS: one network over several devices",
        headline=summary["headline"],
        shortfalls=(*(("the derived network misses its limit",) if beyond else ()), *lost),
        facts=_facts(summary),
        sections=(
            _comparison(summary),
            _devices(summary),
            _sensitivity(summary),
            search_section(summary),
            _architecture(summary),
            times_section(summary),
            _record(summary),
        ),
    )


def networks_of(summary: Summary) -> tuple[Network, ...]:
    """Baselines at both placements, cloud computing of the searched network, and the searched network."""
    rows = [
        Network(
            method=row["method"],
            backbone=row["backbone"],
            accuracy=_interval(row["accuracy"]),
            accuracy_kind=row["accuracy_kind"],
            devices=tuple(Device(name=d["name"], latency_ms=d["latency_ms"]) for d in row["devices"]),
            links=tuple(Link(bytes=link["bytes"], latency_ms=link["latency_ms"]) for link in row["links"]),
            latency_ms=row["latency_ms"],
        )
        for row in summary["baselines"]
    ]
    accuracy = _interval(summary["accuracy"]["fine_tuned"])
    searched = f"searched in {summary['space']['name']}"
    cloud = Network(
        method="cloud computing",
        backbone=searched,
        accuracy=accuracy,
        accuracy_kind="fine_tuned",
        latency_ms=summary["cloud_computing_ms"],
    )
    chain = summary["system"]["topology"] == "chain"
    chosen = Network(
        method="JMSNAS",
        backbone=searched,
        accuracy=accuracy,
        accuracy_kind="fine_tuned",
        devices=tuple(Device(name=d["name"], latency_ms=d["latency_ms"]) for d in summary["devices"]) if chain else (),
        links=tuple(Link(bytes=link["bytes"], latency_ms=link["latency_ms"]) for link in summary["links"])
        if chain
        else (),
        latency_ms=summary["latency_ms"],
        chosen=True,
    )
    return (*rows, cloud, chosen)


def _interval(value: Mapping[str, float] | None) -> Interval | None:
    return None if value is None else Interval(value=value["value"], low=value["low"], high=value["high"])


def _facts(summary: Summary) -> tuple[Fact, ...]:
    data = summary["data"]
    facts = [
        Fact("Data", f"{summary['dataset']}, {data['train']} training and {data['test']} test images"),
        Fact("Space", f"{summary['space']['name']}, {summary['space']['layers']} layers"),
        Fact("System", f"{summary['system']['name']} ({summary['system']['topology']})"),
        Fact("T_const", ms_text(summary["limit_ms"])),
        Fact("Int8", f"{_interval_text(summary['accuracy']['int8'])} of the test images correct"),
        Fact("Seed", f"{summary['seed']}"),
        Fact("Boundary", f"devices equal the whole int8 net on {summary['boundary']['bit_exact_inputs']} inputs"),
    ]
    if summary["smoke"]:
        facts.append(Fact("Mode", "smoke test: every figure is from a run far too short to mean anything"))
    return tuple(facts)


def _interval_text(value: Mapping[str, float]) -> str:
    return f"{points_text(value['value'])} % {interval_text(value['low'], value['high'])}"


def _comparison(summary: Summary) -> Section:
    networks = networks_of(summary)
    columns = (
        Column(title="network", number=False),
        Column(title="latency"),
        Column(title="fine-tuned %", group="test accuracy"),
        Column(title="trained alone %", group="test accuracy"),
    )
    rows = tuple(
        Row(
            cells=(
                Cell(network.method, detail=network.backbone),
                Cell(ms_text(network.latency_ms)),
                Cell(_accuracy_text(network, "fine_tuned")),
                Cell(_accuracy_text(network, "trained_alone")),
            ),
            strong=network.chosen,
        )
        for network in networks
    )
    table = Table(
        caption="Searched network and baselines. All times come from one table of measured operations and its "
        "regression; MobileNets were trained for as many epochs as search and training-on together.",
        columns=columns,
        rows=rows,
    )
    reduction = 100 * summary["reduction"]
    sentence = (
        f"The network over its devices takes {ms_text(summary['latency_ms'])}, cloud computing of the same network "
        f"{ms_text(summary['cloud_computing_ms'])}: {reduction:.1f} % less (the paper: up to 20.1 %). With assumed "
        "device speeds any percentage can be had; see the sensitivity below."
    )
    blocks: list[Any] = [Paragraph(text=sentence), table]
    if any(network.accuracy and network.latency_ms for network in networks):
        blocks.append(
            drawn_figure(
                lambda: accuracy_latency_figure((), networks, None),
                "accuracy-latency",
                "Test accuracy against latency. " + sentence,
                "Test accuracy with 95 % intervals over families, against latency.",
            )
        )
    placed = tuple(network for network in networks if network.devices)
    if placed:
        blocks.append(
            drawn_figure(
                lambda: latency_figure(placed),
                "latency",
                "Latency by device and link of the networks on a chain of devices.",
                "Latency piece by piece.",
            )
        )
    return Section(identifier="comparison", title="Comparison", blocks=tuple(blocks))


def _accuracy_text(network: Network, kind: str) -> str:
    if network.accuracy is None or network.accuracy_kind != kind:
        return NOTHING
    return f"{points_text(network.accuracy.value)} {interval_text(network.accuracy.low, network.accuracy.high)}"


def _devices(summary: Summary) -> Section:
    links = {link["from"]: link for link in summary["links"]}
    rows = []
    for device in summary["devices"]:
        link = links.get(device["name"])
        size = device["tflite_bytes"]
        rows.append(
            Row(
                cells=(
                    Cell(device["name"]),
                    Cell(count_text(device["macs"])),
                    Cell(count_text(device["params"])),
                    Cell("no file" if size is None else bytes_text(size)),
                    Cell(ms_text(device["latency_ms"])),
                    Cell(NOTHING if link is None else bytes_text(link["bytes"])),
                    Cell(NOTHING if link is None else ms_text(link["latency_ms"])),
                )
            )
        )
    titles = ("MACs", "parameters", "file", "computing", "sent", "sending")
    table = Table(
        caption="What each device computes and sends. Parallel devices work at the same time; the slowest counts.",
        columns=(Column(title="device", number=False), *(Column(title=title) for title in titles)),
        rows=tuple(rows),
    )
    return Section(identifier="devices", title="Devices", blocks=(table,))


def _sensitivity(summary: Summary) -> Section:
    rows = tuple(
        Row(
            cells=(
                Cell(", ".join(row["devices"])),
                Cell("half" if row["speed_factor"] < 1 else "twice"),
                Cell(ms_text(row["latency_ms"])),
                Cell(ms_text(row["cloud_computing_ms"])),
                Cell(f"{100 * row['reduction']:.1f} %"),
            )
        )
        for row in summary["sensitivity"]
    )
    table = Table(
        caption="The same network as one assumed speed is halved or doubled.",
        columns=(
            Column(title="device", number=False),
            Column(title="speed", number=False),
            Column(title="JMSNAS"),
            Column(title="cloud computing"),
            Column(title="reduction"),
        ),
        rows=rows,
    )
    profiles = Table(
        caption="Device profiles.",
        columns=(
            Column(title="processor", number=False),
            Column(title="MACs/s"),
            Column(title="assumed", number=False),
            Column(title="source", number=False),
        ),
        rows=tuple(
            Row(
                cells=(
                    Cell(row["processor"]),
                    Cell(count_text(row["macs_per_s"])),
                    Cell("yes" if row["assumed"] else "no"),
                    Cell(row["source"]),
                )
            )
            for row in summary["profiles"]
        ),
    )
    return Section(identifier="sensitivity", title="What the assumptions decide", blocks=(table, profiles))


def _architecture(summary: Summary) -> Section:
    table = Table(
        caption="The derived network: k = kernel, e = expansion, + = shortcut.",
        columns=(
            Column(title="layer"),
            Column(title="device", number=False),
            Column(title="operation", number=False),
            Column(title="probability"),
        ),
        rows=tuple(
            Row(
                cells=(
                    Cell(str(row["layer"])),
                    Cell(row["device"]),
                    Cell(row["operation"]),
                    Cell(f"{row['probabilities'][row['operation']]:.2f}"),
                )
            )
            for row in summary["architecture"]["layers"]
        ),
    )
    return Section(identifier="network", title="The derived network", blocks=(table,))


def _record(summary: Summary) -> Section:
    rows = tuple(
        Row(cells=(Cell(name), Cell(seconds_text(stage["seconds"])))) for name, stage in summary["stages"].items()
    )
    table = Table(
        caption="Wall time of the stages.",
        columns=(Column(title="stage", number=False), Column(title="time")),
        rows=rows,
    )
    return Section(identifier="record", title="Times", blocks=(table,))
