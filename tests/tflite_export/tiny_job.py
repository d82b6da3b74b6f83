"""A network of two stages on coloured squares: small enough to be exported in a test."""

import json
from pathlib import Path

import numpy as np

from splitnets_tf.space import Architecture, Split, StageChoice, blueprint, space_from_dict
from splitnets_tf.supernet.materialize import build_network, get_network_weights, save_network_weights
from tflite_export import ExportJob, QuantizationSettings

CLASSES = 3
SPACE = {
    "name": "tiny",
    "resolutions": [16, 24],
    "stem_widths": [8],
    "stages": [
        {"name": "mb1", "widths": [8, 12], "depths": [1, 2], "kernels": [3], "expansions": [2], "stride": 2},
        {"name": "mb2", "widths": [16], "depths": [1, 2], "kernels": [3, 5], "expansions": [2], "stride": 1},
    ],
    "head_widths": [24],
    "split_widths": [4],
    "split_kernel": 1,
    "activation": "relu6",
}
GATED_SPACE = SPACE | {
    "name": "tiny-gated",
    "stages": [row | {"squeeze_excite": True, "project_shortcut": True} for row in SPACE["stages"]],
    "activation": "hard_swish",
    "squeeze_activation": "swish",
    "squeeze_gate": "hard_sigmoid",
    "head_expansion": 2,
}
"""All that the presets have and TF-MOT does not know: gates, hard activations, averages around strides, two heads."""
SPLIT = Architecture(
    resolution=24,
    stem_width=8,
    stages=(
        StageChoice(width=12, depth=2, kernel=3, expansion=2),
        StageChoice(width=16, depth=2, kernel=5, expansion=2),
    ),
    head_width=24,
    splits=(Split(phase=0, position=0, width=4),),
)
WHOLE = Architecture(
    resolution=16,
    stem_width=8,
    stages=(
        StageChoice(width=8, depth=1, kernel=3, expansion=2),
        StageChoice(width=16, depth=1, kernel=3, expansion=2),
    ),
    head_width=24,
)


def images_and_labels(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Noisy 32x32 images with a bright square whose colour channel is the class."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, count)
    images = rng.integers(0, 60, (count, 32, 32, 3))
    for image, label, (row, column) in zip(images, labels, rng.integers(0, 20, (count, 2)), strict=True):
        image[row : row + 12, column : column + 12, label] += 180
    return images.astype(np.uint8), labels.astype(np.int32)


def random_weights(architecture: Architecture, seed: int, space: dict = SPACE) -> dict[str, list[np.ndarray]]:
    """Weights of a network whose normalisation layers are far from the identity."""
    import keras

    keras.utils.set_random_seed(seed)
    models = build_network(keras, blueprint(space_from_dict(space), architecture, CLASSES))
    weights = get_network_weights(models)
    rng = np.random.default_rng(seed)
    for name, arrays in weights.items():
        if name.endswith("_bn"):
            gamma, beta, mean, variance = arrays
            weights[name] = [
                rng.uniform(0.5, 1.5, gamma.shape).astype(np.float32),
                rng.normal(0.3, 0.2, beta.shape).astype(np.float32),
                rng.normal(0.0, 0.2, mean.shape).astype(np.float32),
                rng.uniform(0.03, 0.1, variance.shape).astype(np.float32),
            ]
    kernel, bias = weights["classifier"]
    # A bias of zeros is left out of the file.
    weights["classifier"] = [kernel, rng.normal(0.0, 0.1, bias.shape).astype(np.float32)]
    return weights


def write_job(folder: Path, architecture: Architecture, space: dict = SPACE, **settings: object) -> ExportJob:
    """Write the inputs of an export into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    network = {"schema_version": 1, "space": space, "architecture": architecture.to_dict(), "num_classes": CLASSES}
    (folder / "architecture.json").write_text(json.dumps(network), "utf-8")
    save_network_weights(folder / "weights.npz", random_weights(architecture, seed=1, space=space))
    for name, count, seed in (("train", 192, 2), ("check", 64, 3)):
        images, labels = images_and_labels(count, seed)
        np.save(folder / f"{name}_images.npy", images)
        np.save(folder / f"{name}_labels.npy", labels)
    values = {"batch_size": 32, "learning_rate": 0.0005, "calibration_images": 64} | settings
    return ExportJob(
        architecture=folder / "architecture.json",
        weights=folder / "weights.npz",
        train_images=folder / "train_images.npy",
        train_labels=folder / "train_labels.npy",
        check_images=folder / "check_images.npy",
        output_dir=folder / "run",
        work_dir=folder / "run" / "export",
        settings=QuantizationSettings(**values),
        bit_exact_inputs=64,
    )
