"""Graphs of networks that exist already: well-known backbones, Keras models, .tflite files."""

from splitnets_tf.graph.backbones import BACKBONES, build_backbone
from splitnets_tf.graph.keras_layers import supported_layers
from splitnets_tf.graph.keras_network import build_keras_model
from splitnets_tf.graph.keras_reader import KerasCall, flat_calls, read_keras_model
from splitnets_tf.graph.tflite_cut import cut_tflite, signature_tensors
from splitnets_tf.graph.tflite_reader import read_tflite

__all__ = [
    "BACKBONES",
    "KerasCall",
    "build_backbone",
    "build_keras_model",
    "cut_tflite",
    "flat_calls",
    "read_keras_model",
    "read_tflite",
    "signature_tensors",
    "supported_layers",
]
