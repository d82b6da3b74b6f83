"""Reads a `System` from YAML and writes it back; whatever is wrong in the file ends in one clear line."""

from __future__ import annotations

from importlib import resources
from itertools import pairwise
from typing import Any, Literal, cast

import yaml

from splitnets_tf.hardware.section import Section
from splitnets_tf.hardware.system import Constant, Link, Processor, ProcessorEnergy, System, Topology
from splitnets_tf.yaml_files import preset_names, read_preset_or_file, yaml_data

__all__ = ["load_system", "system_from_text", "system_presets", "system_to_yaml"]


_PRESETS = resources.files(__package__) / "presets"


def system_presets() -> tuple[str, ...]:
    """Returns the names of the systems that ship with the package."""
    return preset_names(_PRESETS)


def load_system(name_or_path: str) -> System:
    """Loads a system.

    Args:
        name_or_path: Name of a preset (`hmd`, `hmd-12`, ...) or path of a YAML file.

    Returns:
        The system.

    Raises:
        UserError: If there is no such preset or file, or if the file is wrong; the message names file, key and value.
    """
    data, origin = read_preset_or_file(name_or_path, kind="system", folder=_PRESETS, presets=system_presets())
    return _system(data, origin)


def system_from_text(text: str, *, origin: str) -> System:
    """Reads a system from YAML text.

    Args:
        text: The YAML document.
        origin: Where it comes from, for messages.

    Returns:
        The system.

    Raises:
        UserError: If the text is no YAML or describes no valid system.
    """
    return _system(yaml_data(text, origin=origin), origin)


def _system(data: Any, origin: str) -> System:
    root = Section(origin, "", data)
    root.allow("name", "description", "topology", "processors", "links")
    processors = tuple(_processor(name, section) for name, section in root.sections("processors"))
    links = tuple(_link(name, section) for name, section in root.sections("links", empty=True))
    system = System(
        name=root.text("name"),
        description=root.text("description", ""),
        processors=processors,
        links=links,
        topology=_topology(root.section("topology")),
    )
    _check_connections(root, system)
    return system


def system_to_yaml(system: System) -> str:
    """Writes a system as YAML that `system_from_text` reads back to an equal system."""
    path = [list(step) if isinstance(step, tuple) else step for step in system.topology.path]
    data: dict[str, Any] = {
        "name": system.name,
        "description": system.description,
        "topology": {"kind": system.topology.kind, "path": path, "broadcast": system.topology.broadcast},
        "processors": {p.name: _processor_to_dict(p) for p in system.processors},
        "links": {link.name: _link_to_dict(link) for link in system.links},
    }
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120)


def _topology(section: Section) -> Topology:
    section.allow("kind", "path", "broadcast")
    kind = section.choice("kind", ("star", "chain", "mesh"))
    steps = section.items("path")
    path: list[str | tuple[str, ...]] = []
    for i, step in enumerate(steps):
        if isinstance(step, list) and step and all(isinstance(name, str) for name in step):
            path.append(tuple(step))
        elif isinstance(step, str):
            path.append(step)
        else:
            raise section.error(f"path[{i}]", f"a processor's name or a list of names, not {step!r}")
    if len(path) < 2:
        raise section.error("path", f"at least two processors, from the camera to the answer, not {steps!r}")
    groups = sum(isinstance(step, tuple) for step in path)
    if (kind == "mesh") != (groups == 1) or groups > 1 or any(isinstance(end, tuple) for end in (path[0], path[-1])):
        raise section.error(
            "path", f"one group of parallel processors inside for a mesh, none otherwise, not {steps!r}"
        )
    if kind == "star" and len(path) != 2:
        raise section.error("path", f"two processors (sensor, aggregator) for a star, not {steps!r}")
    return Topology(
        kind=cast(Literal["star", "chain", "mesh"], kind), path=tuple(path), broadcast=section.flag("broadcast", True)
    )


def _processor(name: str, section: Section) -> Processor:
    section.allow("count", "macs_per_s", "memory_bytes", "source", "assumed", "energy")
    return Processor(
        name=name,
        count=section.whole("count", 1),
        macs_per_s=section.positive("macs_per_s"),
        memory_bytes=section.whole("memory_bytes") if section.given("memory_bytes") is not None else None,
        source=section.text("source", ""),
        assumed=section.flag("assumed", False),
        energy=_energy(section.section("energy")) if section.has("energy") else None,
    )


def _energy(section: Section) -> ProcessorEnergy:
    section.allow("pj_per_mac", "pj_per_sram_byte", "idle_mw")
    return ProcessorEnergy(
        pj_per_mac=_constant(section, "pj_per_mac"),
        pj_per_sram_byte=_constant(section, "pj_per_sram_byte"),
        idle_mw=_constant(section, "idle_mw"),
    )


def _link(name: str, section: Section) -> Link:
    section.allow("between", "bandwidth_bytes_per_s", "shared_by", "pj_per_byte", "source", "assumed")
    ends = section.items("between")
    if len(ends) != 2 or not all(isinstance(end, str) for end in ends):
        raise section.error("between", f"two processors' names [sender, receiver], not {ends!r}")
    return Link(
        name=name,
        between=(ends[0], ends[1]),
        bandwidth_bytes_per_s=section.positive("bandwidth_bytes_per_s"),
        shared_by=section.whole("shared_by", 1),
        pj_per_byte=_constant(section, "pj_per_byte") if section.has("pj_per_byte") else None,
        source=section.text("source", ""),
        assumed=section.flag("assumed", False),
    )


def _constant(section: Section, key: str) -> Constant:
    inner = section.section(key)
    inner.allow("value", "source", "assumed")
    return Constant(
        value=inner.not_negative("value"), source=inner.text("source"), assumed=inner.flag("assumed", False)
    )


def _check_connections(root: Section, system: System) -> None:
    names = {processor.name for processor in system.processors}
    flat = [name for step in system.topology.path for name in ([step] if isinstance(step, str) else step)]
    for name in flat:
        if name not in names:
            raise root.error("topology.path", f"names from processors ({', '.join(sorted(names))}), not {name!r}")
    if len(set(flat)) != len(flat):
        raise root.error("topology.path", f"each processor once, not {flat!r}")
    for link in system.links:
        for end in link.between:
            if end not in names:
                raise root.error(f"links.{link.name}.between", f"names from processors, not {end!r}")
    connected = [link.between for link in system.links]
    if len(set(connected)) != len(connected):
        raise root.error("links", "one link from one processor to another; merge those that connect the same two")
    steps = [(step,) if isinstance(step, str) else step for step in system.topology.path]
    for senders, receivers in pairwise(steps):
        for pair in ((a, b) for a in senders for b in receivers):
            if pair not in connected:
                raise root.error("links", f"a link with between: [{pair[0]}, {pair[1]}], which topology.path needs")


def _processor_to_dict(processor: Processor) -> dict[str, Any]:
    data: dict[str, Any] = {
        "count": processor.count,
        "macs_per_s": processor.macs_per_s,
        "memory_bytes": processor.memory_bytes,
        "source": processor.source,
        "assumed": processor.assumed,
    }
    if processor.energy is not None:
        energy = processor.energy
        data["energy"] = {
            "pj_per_mac": _constant_to_dict(energy.pj_per_mac),
            "pj_per_sram_byte": _constant_to_dict(energy.pj_per_sram_byte),
            "idle_mw": _constant_to_dict(energy.idle_mw),
        }
    return data


def _link_to_dict(link: Link) -> dict[str, Any]:
    data: dict[str, Any] = {
        "between": list(link.between),
        "bandwidth_bytes_per_s": link.bandwidth_bytes_per_s,
        "shared_by": link.shared_by,
        "source": link.source,
        "assumed": link.assumed,
    }
    if link.pj_per_byte is not None:
        data["pj_per_byte"] = _constant_to_dict(link.pj_per_byte)
    return data


def _constant_to_dict(constant: Constant) -> dict[str, Any]:
    return {"value": constant.value, "source": constant.source, "assumed": constant.assumed}
