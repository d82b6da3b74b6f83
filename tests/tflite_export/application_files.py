"""Networks of keras.applications as .tflite files, at small input sizes and without trained weights."""

import numpy as np

APPLICATIONS = {
    "MobileNet": (32, {"alpha": 0.25}),
    "MobileNetV2": (32, {"alpha": 0.35}),
    "MobileNetV3Small": (64, {}),
    "MobileNetV3Large": (64, {}),
    "EfficientNetB0": (32, {}),
    "EfficientNetV2B0": (32, {}),
    "ResNet50": (32, {}),
    "DenseNet121": (32, {}),
    "Xception": (71, {}),
    "InceptionV3": (75, {}),
}
"""Name -> pixels and further arguments."""


def write_application(folder, name, kinds=("int8", "float")):
    """Convert a network; returns kind -> path."""
    import keras

    from pipelines.partitioning.tflite_model import convert

    size, further = APPLICATIONS[name]
    keras.utils.set_random_seed(0)
    model = getattr(keras.applications, name)(
        weights=None, input_shape=(size, size, 3), classes=10, classifier_activation=None, **further
    )
    images = np.random.default_rng(0).random((2, 1, size, size, 3), dtype=np.float32)
    files = {}
    for kind in kinds:
        files[kind] = folder / f"{name}_{kind}.tflite"
        files[kind].write_bytes(convert(model, calibration=[[x] for x in images] if kind == "int8" else None))
    return files
