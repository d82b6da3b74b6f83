"""A layer that is one of several candidate operations, chosen by binary gates."""

import functools
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from splitnets_tf.layers.blocks import ElasticMBConv

__all__ = ["MixedOperation"]

_IDENTITY = (0, 0, False)


@keras.saving.register_keras_serializable(package="splitnets_tf")
class MixedOperation(keras.layers.Layer):
    """Sum of the kept paths' outputs, each times its gate; paths that are not kept are not computed.

    Args:
        candidates: (kernel, expansion, shortcut) of each inverted residual; kernel 0 stands for the identity.
        in_channels: Channels of the input.
        out_channels: Channels of every candidate's output.
        strides: 1 or 2.
        activation: Name of the blocks' activation function.
        share_weights: Whether candidates that differ in kernel and expansion alone are slices of one block's weights
            (the smaller kernel is the centre of the larger, the fewer channels are the first ones). Every step then
            trains all of them, and a graph is traced in seconds. Otherwise each candidate has weights of its own.

    Call arguments:
        inputs: `[batch, height, width, in_channels]`.
        paths: int32 `[k]`, indices of the kept candidates; k is known when the graph is traced.
        gates: float32 `[k]`, one-hot over the kept paths. The gradient of a loss with respect to them is
            <dL / d output, v_j(x)>, as Lemma 1 needs it.
        training: Whether to normalise by the batch's own statistics.
        calibration_weight: See `ElasticBatchNormalization`.

    Returns:
        `[batch, ceil(height / strides), ceil(width / strides), out_channels]`.

    Reference:
        JMSNAS (arXiv 2111.08206), section IV-A: g^T v(x), all but two paths masked.
    """

    def __init__(
        self,
        candidates,
        in_channels: int,
        out_channels: int,
        strides: int = 1,
        activation: str = "relu6",
        share_weights: bool = True,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.candidates = [(int(kernel), int(expansion), bool(cut)) for kernel, expansion, cut in candidates]
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.strides = strides
        self.activation = activation
        keeps_shape = strides == 1 and in_channels == out_channels
        if not keeps_shape and any(kernel == 0 or cut for kernel, _, cut in self.candidates):
            raise ValueError("identity and shortcut need stride 1 and equal numbers of channels")
        self.share_weights = share_weights
        self.groups = self._grouped()
        self.blocks: list[Any] = [self._block(members) for members in self.groups if members != [_IDENTITY]]

    def _grouped(self) -> list[list[tuple]]:
        """Candidates that share weights; the identity, which has none, comes last."""
        blocks = [candidate for candidate in self.candidates if candidate != _IDENTITY]
        if self.share_weights:
            groups = [[block for block in blocks if block[2] == shortcut] for shortcut in (False, True)]
        else:
            groups = [[block] for block in blocks]
        identity = [[_IDENTITY]] if _IDENTITY in self.candidates else []
        return [group for group in groups if group] + identity

    def _block(self, members: list[tuple]) -> ElasticMBConv:
        kernels, expansions, shortcuts = zip(*members, strict=True)
        name = f"k{max(kernels)}e{max(expansions)}{'_shortcut' if shortcuts[0] else ''}"
        return ElasticMBConv(
            self.in_channels,
            self.out_channels,
            max(kernels),
            max(expansions),
            self.strides,
            residual=shortcuts[0],
            activation=self.activation,
            name=name,
        )

    def block_of(self, index: int) -> ElasticMBConv | None:
        """The block that holds a candidate's weights; None for the identity."""
        place = self._group_of(self.candidates[index])
        return self.blocks[place] if place < len(self.blocks) else None

    def _group_of(self, candidate: tuple) -> int:
        return next(place for place, members in enumerate(self.groups) if candidate in members)

    def build(self, input_shape=None) -> None:
        """Create the weights of all candidates."""
        for block in self.blocks:
            block.build()
        self.built = True

    def call(self, inputs, paths, gates, training=False, calibration_weight=None):
        """Compute the kept paths."""
        mode = {"training": training, "calibration_weight": calibration_weight}
        outputs = [gates[place] * self._on_path(inputs, paths[place], mode) for place in range(paths.shape[0])]
        return tf.add_n(outputs)

    def _on_path(self, inputs, path, mode):
        rows = [
            [kernel, expansion, self._group_of((kernel, expansion, cut))] for kernel, expansion, cut in self.candidates
        ]
        kernel, expansion, group = tf.unstack(tf.gather(tf.constant(rows, tf.int32), path))
        size = {"out_channels": self.out_channels, "kernel_size": kernel, "expansion": expansion}
        branches: list[Callable[[], Any]] = [functools.partial(block, inputs, **size, **mode) for block in self.blocks]
        if len(branches) < len(self.groups):
            branches.append(functools.partial(tf.identity, inputs))
        return branches[0]() if len(branches) == 1 else tf.switch_case(group, branches)

    def get_config(self) -> dict:
        """Arguments of the constructor."""
        return {
            **super().get_config(),
            "candidates": [list(candidate) for candidate in self.candidates],
            "in_channels": self.in_channels,
            "out_channels": self.out_channels,
            "strides": self.strides,
            "activation": self.activation,
            "share_weights": self.share_weights,
        }
