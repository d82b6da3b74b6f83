"""What the rows of summary.json are made of: judged predictions, devices, placements, claims."""

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.statistics import Estimate, accuracy_estimate, object_votes, paired_difference
from splitnets_tf.files import write_atomically
from splitnets_tf.hardware import DeviceCost, LinkCost
from splitnets_tf.partition import Partition

__all__ = ["ACCURACY_MARGIN", "TEST_SET", "Predictions", "baseline_row", "claim_row", "device_row"]

TEST_SET = "test_set.npz"
"""Labels, families and objects of the test images, and a digest of some of them, beside their predictions."""
ACCURACY_MARGIN = 0.02
"""At least as accurate: the paired interval's lower bound is above minus two points."""
_SHARES = {0.2: "a fifth of the latency", 0.5: "half the latency", 1.0: "its latency"}
_TESTED = ("chosen", "int8", "int8_ptq", "largest", "plain_cnn", "mobilenet_v2", "head_distillation")
"""Names under which test predictions of single images are kept; a run holds some of them."""
_COST_FIGURES = ("params", "macs", "peak_bytes", "weight_bytes", "arena_bytes", "latency_ms")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Predictions:
    """The networks' predictions of the test images: who is right where."""

    labels: np.ndarray
    """int `[n]`."""
    families: np.ndarray
    """int `[n]`, over which intervals are bootstrapped."""
    objects: np.ndarray
    """int `[n]`, the object that each image shows."""
    seed: int
    """Seed of the bootstrap."""
    directory: Path
    """Where `<network>.npy` lies."""

    def save_test_set(self, images: np.ndarray) -> None:
        """Write `test_set.npz` beside the predictions: what it takes to judge them without the data set.

        Args:
            images: Some of the test images, evenly spread. Their digest tells test sets apart that another seed divided
                otherwise: class by class these are equally large, so that their labels are the same.
        """
        digest = hashlib.sha256(images.tobytes()).hexdigest()
        arrays = {"labels": self.labels, "families": self.families, "objects": self.objects, "images": digest}

        def write(path: Path) -> None:
            with path.open("wb") as file:
                np.savez_compressed(file, **arrays)

        write_atomically(self.directory / TEST_SET, write)

    def predicted(self, network: str) -> np.ndarray | None:
        """Classes, int `[n]`; None where the network was not trained."""
        path = self.directory / f"{network}.npy"
        return np.load(path, allow_pickle=False) if path.is_file() else None

    def correct(self, network: str) -> np.ndarray | None:
        """Bool `[n]`; None where the network was not trained."""
        predicted = self.predicted(network)
        return None if predicted is None else predicted == self.labels

    def accuracy(self, network: str) -> dict[str, float] | None:
        """Its accuracy with interval."""
        correct = self.correct(network)
        return None if correct is None else accuracy_estimate(correct, self.families, seed=self.seed).to_dict()

    def accuracy_per_object(self) -> dict[str, dict[str, float]]:
        """Accuracy of the vote over each object's images by network; empty where every object has one image."""
        if len(np.unique(self.objects)) == len(self.objects):
            return {}
        accuracies = {}
        for network in _TESTED:
            predicted = self.predicted(network)
            if predicted is not None:
                votes, rows = object_votes(predicted, self.objects)
                right = votes == self.labels[rows]
                accuracies[network] = accuracy_estimate(right, self.families[rows], seed=self.seed).to_dict()
        return accuracies

    def difference(self, first: str, second: str) -> Estimate | None:
        """Paired difference of two networks' accuracies."""
        a, b = self.correct(first), self.correct(second)
        return None if a is None or b is None else paired_difference(a, b, self.families, seed=self.seed)


def device_row(name: str, cost: DeviceCost) -> dict[str, Any]:
    """One device's figures, all of them the cost model's."""
    figures = {figure: getattr(cost, figure) for figure in _COST_FIGURES}
    return {"name": name, **figures, "measured_by": dict.fromkeys(_COST_FIGURES, "cost model")}


def _link_row(cost: LinkCost) -> dict[str, Any]:
    return {"bytes": cost.bytes, "latency_ms": cost.latency_ms}


def baseline_row(
    baseline: Partition, backbone: str, accuracy: dict[str, float] | None, accuracy_kind: str
) -> dict[str, Any]:
    """One placement of a baseline's network.

    Args:
        baseline: The placement.
        backbone: What is placed.
        accuracy: Test accuracy with interval.
        accuracy_kind: `fine_tuned` or `trained_alone`: the column in which it stands.
    """
    return {
        "method": baseline.method,
        "backbone": backbone,
        "feasible": baseline.feasible,
        "infeasible_because": baseline.reason or None,
        "accuracy": accuracy,
        "accuracy_kind": accuracy_kind,
        "devices": [
            device_row(name, device) for name, device in zip(baseline.device_names, baseline.cost.devices, strict=True)
        ],
        "links": [_link_row(link) for link in baseline.cost.links],
        "latency_ms": baseline.latency_ms,
    }


def claim_row(
    against: str, network: str, difference: Estimate, latency_ratio: float, *, share: float = 0.5
) -> dict[str, Any]:
    """The claim against a feasible baseline: at least as accurate at no more than a share of its latency.

    Args:
        against: What readers call the baseline.
        network: Under which its predictions are kept.
        difference: Paired, of the chosen network's accuracy and its.
        latency_ratio: The chosen network's latency by the baseline's.
        share: The largest ratio with which the claim holds.
    """
    return {
        "against": against,
        "network": network,
        "difference": difference.to_dict(),
        "latency_ratio": latency_ratio,
        "holds": bool(difference.low > -ACCURACY_MARGIN and latency_ratio <= share),
        "claim": f"at least as accurate (interval above -2 points) at no more than {_SHARES[share]}",
    }
