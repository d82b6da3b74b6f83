"""What Arm's Vela compiler says about a .tflite file on an Ethos-U processor: cycles, memory, what falls back to a CPU.

Vela may crash on a malformed file, so it runs in a process of its own, which starts `vela_worker.py`. Its performance
figures are a model of the hardware: rank by them within one configuration, they are not measured on silicon.
"""

import dataclasses
import importlib.util
import json
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from splitnets_tf.errors import UserError
from splitnets_tf.graph.tflite_reader import read_tflite
from splitnets_tf.hardware import Processor, System
from tflite_export.tool_process import run_tool

__all__ = ["NPU_ROLES", "Npu", "NpuOperation", "VelaReport", "npu_for", "vela_installed", "vela_report", "vela_reports"]

_CONFIGS = Path(__file__).with_name("npu_configs.ini")
_TIMEOUT_S = 120
_TIMEOUT_EACH_S = 10
"""Vela takes well under a second for a network of this kind, and for ever for some shapes that nobody meant."""
_WORKER = Path(__file__).with_name("vela_worker.py")
NPU_ROLES = {"sensor": ("EthosU55", 256), "aggregator": ("EthosU85", 2048)}
"""Role -> the Ethos-U that stands for it and its multiply-accumulates a cycle."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Npu:
    """An Ethos-U processor."""

    role: str
    """`sensor` or `aggregator`."""
    accelerator: str
    """Vela's name of the family, such as EthosU55."""
    macs_per_cycle: int
    """Size of its array."""
    clock_hz: float
    """Clock."""
    memory_bytes: int | None = None
    """Memory of the device, if that is a limit."""

    @property
    def name(self) -> str:
        """Such as `ethos-u55-256`."""
        return f"{self.accelerator.replace('EthosU', 'ethos-u')}-{self.macs_per_cycle}"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class NpuOperation:
    """One operation as Vela schedules it; several of a file may be fused into one."""

    name: str
    """Name of its result."""
    kind: str
    """What it computes."""
    on_cpu: bool
    """Whether the NPU cannot run it."""
    cycles: int
    """Cycles."""
    macs: int
    """Multiply-accumulates."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class VelaReport:
    """A file compiled for one processor."""

    model: str
    """File name."""
    npu: Npu
    """The processor."""
    vela_version: str
    """Of the compiler."""
    cycles: int
    """Of one inference, optimised for speed."""
    macs: int
    """Multiply-accumulates that the NPU performs."""
    sram_bytes: int
    """Peak of activations and buffers, optimised for speed."""
    flash_bytes: int
    """Constants as Vela encodes them, commands included; with `sram_only` they lie in the SRAM too."""
    size_cycles: int
    """Cycles where Vela optimises for size."""
    size_sram_bytes: int
    """Peak of activations and buffers where Vela optimises for size."""
    size_flash_bytes: int
    """Constants where Vela optimises for size."""
    operations: tuple[NpuOperation, ...]
    """Operations in the order in which they run, optimised for speed."""

    @property
    def latency_ms(self) -> float:
        """Time of one inference."""
        return self.cycles / self.npu.clock_hz * 1e3

    @property
    def size_latency_ms(self) -> float:
        """Time of one inference where Vela optimises for size."""
        return self.size_cycles / self.npu.clock_hz * 1e3

    @property
    def utilisation(self) -> float:
        """Share of the array's multiply-accumulates that do work."""
        return self.macs / (self.cycles * self.npu.macs_per_cycle) if self.cycles else 0.0

    @property
    def cpu_operations(self) -> tuple[NpuOperation, ...]:
        """Operations that fall back to the CPU; Vela knows no time for these."""
        return tuple(operation for operation in self.operations if operation.on_cpu)

    @property
    def required_bytes(self) -> int:
        """Activations and constants, optimised for speed."""
        return self.sram_bytes + self.flash_bytes

    @property
    def size_required_bytes(self) -> int:
        """Activations and constants, optimised for size."""
        return self.size_sram_bytes + self.size_flash_bytes

    def to_dict(self) -> dict[str, Any]:
        """Plain data, with the name of the tool."""
        derived = ("latency_ms", "size_latency_ms", "utilisation", "required_bytes", "size_required_bytes")
        return (
            dataclasses.asdict(self)
            | {"npu": dataclasses.asdict(self.npu) | {"name": self.npu.name}}
            | {name: getattr(self, name) for name in derived}
            | {"cpu_operations": [f"{op.kind} {op.name}" for op in self.cpu_operations]}
            | {"measured_by": f"Vela {self.vela_version} (performance model)"}
        )


def vela_installed() -> bool:
    """Whether the extra `[deploy]` brought Vela along."""
    return importlib.util.find_spec("ethosu") is not None


def npu_for(role: str, system: System) -> Npu:
    """The Ethos-U that stands for a system's first or last processor, clocked to have its peak speed.

    Args:
        role: `sensor` or `aggregator`.
        system: The devices.
    """
    processor: Processor = system.sensor if role == "sensor" else system.aggregator
    accelerator, macs_per_cycle = NPU_ROLES[role]
    return Npu(
        role=role,
        accelerator=accelerator,
        macs_per_cycle=macs_per_cycle,
        clock_hz=processor.macs_per_s / macs_per_cycle,
        memory_bytes=processor.memory_bytes,
    )


def vela_report(path: Path | str, npu: Npu) -> VelaReport:
    """Compile a file twice, for speed and for size.

    Args:
        path: An int8 .tflite file with a batch of 1.
        npu: The processor.

    Raises:
        UserError: Vela is not installed, or the file is missing or cannot be compiled.
    """
    return vela_reports([(Path(path), npu)])[0]


def vela_reports(requests: Sequence[tuple[Path, Npu]]) -> list[VelaReport]:
    """Compile several files in one process, which saves its start; where one cannot be compiled, none is.

    Args:
        requests: Files and the processor for each.

    Raises:
        UserError: As of `vela_report`; where there are several files, the message names the first.
    """
    if not vela_installed():
        raise UserError("Vela is not installed; pip install 'splitnets_tf[deploy]' brings it")
    kinds = [{operation.name: operation.kind for operation in read_tflite(path).operations} for path, _ in requests]
    plans = [{"model": str(path), "accelerator": npu.accelerator, "config": _config(npu)} for path, npu in requests]
    with tempfile.TemporaryDirectory() as folder:
        plan, result = Path(folder, "request.json"), Path(folder, "result.json")
        plan.write_text(json.dumps(plans), "utf-8")
        timeout_s = _TIMEOUT_S + _TIMEOUT_EACH_S * len(requests)
        arguments = [str(_WORKER), str(plan), str(result)]
        remedy = "give an int8 model with a batch of 1"
        run_tool(requests[0][0], "Vela", arguments, timeout_s=timeout_s, remedy=remedy)
        answers = json.loads(result.read_text("utf-8"))
    return [
        _report(path, npu, answer, names) for (path, npu), answer, names in zip(requests, answers, kinds, strict=True)
    ]


def _report(path: Path, npu: Npu, data: dict[str, Any], kinds: dict[str, str]) -> VelaReport:
    fast, small = data["performance"], data["size"]
    return VelaReport(
        model=path.name,
        npu=npu,
        vela_version=data["version"],
        cycles=fast["cycles"],
        macs=fast["macs"],
        sram_bytes=fast["sram_bytes"],
        flash_bytes=fast["flash_bytes"],
        size_cycles=small["cycles"],
        size_sram_bytes=small["sram_bytes"],
        size_flash_bytes=small["flash_bytes"],
        operations=tuple(_operation(row, kinds) for row in fast["operations"]),
    )


def _operation(row: dict[str, Any], kinds: dict[str, str]) -> NpuOperation:
    # What Vela hands back to the CPU has no kind of its own any more.
    kind = kinds.get(row["name"], row["kind"]) if row["on_cpu"] else row["kind"]
    return NpuOperation(**row | {"kind": kind})


def _config(npu: Npu) -> str:
    """Vela's configuration: the file beside this module with the clock of this processor."""
    text = _CONFIGS.read_text("utf-8")
    section = f"[System_Config.{npu.role}]\n"
    head, _, tail = text.partition(section)
    tail = re.sub(r"core_clock=\S+", f"core_clock={npu.clock_hz!r}", tail, count=1)
    return (
        f"[architecture]\nmacs={npu.macs_per_cycle}\ncores=1\n"
        f"[vela]\nsystem_config_name={npu.role}\nmemory_mode_name=sram_only\n{head}{section}{tail}"
    )
