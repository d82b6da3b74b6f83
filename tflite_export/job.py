"""One export as plain data: what goes in, where results go, how the network is quantised."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from splitnets_tf.errors import UserError
from splitnets_tf.files import read_json, sha256_of_file
from tflite_export.network_file import read_network_file

__all__ = ["METHODS", "ExportJob", "QuantizationSettings", "read_job"]

METHODS = ("qat", "ptq")
"""Quantisation-aware fine-tuning, or ranges from calibration images alone."""
FORMAT = 2
"""Raised when a change of the code makes finished exports outdated."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class QuantizationSettings:
    """How the network becomes int8."""

    method: str = "qat"
    """One of `METHODS`."""
    epochs: int = 2
    """Passes over the training images (`qat`)."""
    batch_size: int = 64
    """Images per training step."""
    learning_rate: float = 0.005
    """Of SGD with Nesterov momentum 0.9 at the start; it falls to 0 as a cosine."""
    label_smoothing: float = 0.1
    """Mass that the target distribution spreads evenly over all classes."""
    calibration_images: int = 1024
    """Training images from which the first activation ranges are taken."""
    augment_shift_pixels: int | None = None
    """Training images are flipped at random and shifted by up to so many pixels; None leaves them as they are."""
    seed: int = 0
    """Seed of the order of the images and of the augmentation."""

    def __post_init__(self) -> None:
        """Check every value.

        Raises:
            UserError: A value is out of its range; field, range and value are named.
        """
        if self.method not in METHODS:
            raise UserError(f"quantisation method must be one of {list(METHODS)}, received {self.method!r}")
        least = {"epochs": 0, "batch_size": 1, "calibration_images": 1, "seed": 0}
        for name, bound in least.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < bound:
                raise UserError(f"quantisation {name} must be an integer of at least {bound}, received {value!r}")
        if not self.learning_rate > 0:
            raise UserError(f"quantisation learning_rate must be above 0, received {self.learning_rate!r}")
        if not 0 <= self.label_smoothing < 1:
            raise UserError(f"quantisation label_smoothing must be in [0, 1), received {self.label_smoothing!r}")
        shift = self.augment_shift_pixels
        if shift is not None and (not isinstance(shift, int) or shift < 0):
            raise UserError(f"quantisation augment_shift_pixels must be None or at least 0, received {shift!r}")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ExportJob:
    """Everything that one export reads and where it writes."""

    architecture: Path
    """JSON, see `network_file`."""
    weights: Path
    """.npz with the keys `<layer name>/<index>`."""
    train_images: Path
    """.npy, uint8 `[n, s, s, 3]` at any side s."""
    train_labels: Path
    """.npy, integers `[n]`."""
    check_images: Path
    """.npy, uint8 `[m, s, s, 3]`; on these the halves are compared with the whole network."""
    output_dir: Path
    """Receives `sensor.tflite` and `aggregator.tflite`, or `network.tflite` where there is no split."""
    work_dir: Path
    """Receives `result.json`, `whole.tflite`, checkpoint and log."""
    settings: QuantizationSettings = dataclasses.field(default_factory=QuantizationSettings)
    """How the network becomes int8."""
    bit_exact_inputs: int = 256
    """At most so many of the check images are used."""
    data_fingerprint: str = ""
    """Names the training and check images; empty: the files' content is hashed."""

    def to_dict(self) -> dict[str, Any]:
        """Strings, numbers and dictionaries, ready for JSON; paths are absolute."""
        result: dict[str, Any] = {}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            result[field.name] = str(value.resolve()) if isinstance(value, Path) else value
        result["settings"] = dataclasses.asdict(self.settings)
        return result

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "ExportJob":
        """Inverse of `to_dict`.

        Raises:
            UserError: A key is unknown or missing.
        """
        fields = {field.name: field for field in dataclasses.fields(cls)}
        _check_keys(data, set(fields), "export job")
        missing = sorted(
            name
            for name, field in fields.items()
            if name not in data and field.default is field.default_factory is dataclasses.MISSING
        )
        if missing:
            raise UserError(f"export job: the key {missing[0]!r} is missing")
        values: dict[str, Any] = {
            name: Path(value) if fields[name].type is Path else value for name, value in data.items()
        }
        if "settings" in values:
            known = {field.name for field in dataclasses.fields(QuantizationSettings)}
            _check_keys(values["settings"], known, "export job, settings")
            values["settings"] = QuantizationSettings(**values["settings"])
        return cls(**values)

    def check_inputs(self) -> None:
        """Refuse a job whose input files are not there.

        Raises:
            UserError: The first missing file is named.
        """
        for name in ("architecture", "weights", "train_images", "train_labels", "check_images"):
            path = getattr(self, name)
            if not path.is_file():
                raise UserError(f"export: {name.replace('_', ' ')} file {path} does not exist")

    def fingerprint(self) -> str:
        """SHA-256 over everything that the result depends on; equal fingerprints mean equal results."""
        description = {
            "format": FORMAT,
            "network": read_network_file(self.architecture).identity(),
            "weights": sha256_of_file(self.weights),
            "data": self.data_fingerprint
            or [sha256_of_file(path) for path in (self.train_images, self.train_labels, self.check_images)],
            "settings": dataclasses.asdict(self.settings),
            "bit_exact_inputs": self.bit_exact_inputs,
        }
        return hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()


def read_job(path: Path) -> ExportJob:
    """Read a job file.

    Raises:
        UserError: The file is missing or is no job.
    """
    return ExportJob.from_dict(read_json(path, "an export job"))


def _check_keys(data: Mapping[str, Any], known: set[str], where: str) -> None:
    unknown = sorted(set(data) - known)
    if unknown:
        raise UserError(f"{where}: unknown key {unknown[0]!r}; known are {sorted(known)}")
