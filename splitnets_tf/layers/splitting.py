"""The gated splitting module: Conv-Reduce on the sensor, View-Fuse and Conv-Recover on the aggregator.

Source: SplitNets, sections 3.1.1 to 3.1.3, Figures 3 and 5.
"""

import keras
import tensorflow as tf

from splitnets_tf.layers.blocks import ElasticConvBlock
from splitnets_tf.layers.initializers import SplitAwareInitializer
from splitnets_tf.layers.views import fuse_views

__all__ = ["SplittingModule"]


@keras.saving.register_keras_serializable(package="splitnets_tf")
class SplittingModule(keras.layers.Layer):
    """Conv-Reduce and Conv-Recover of one phase behind one gate: both are chosen or neither.

    Both are linear (convolution and batch normalisation) and use the split-aware initialiser. With several views their
    reduced tensors are fused in between, and Conv-Recover brings what is fused to the width of the phase, so that the
    blocks behind it are the same wherever the views are fused.

    Args:
        max_channels: Most channels c of the phase's tensors.
        max_split_channels: Largest d.
        kernel_size: Kernel of both convolutions, 1 or 3.
        kernel_initializer: Initialiser of both convolutions.
        views: Number of views; 1 fuses nothing.
        view_fusion: How they are fused, see `fuse_views`.

    Call arguments:
        inputs: `[batch * views, height, width, c]`, the views of one object following one another.
        gate: Scalar bool; where false the inputs pass unchanged.
        split_channels: Scalar int32 d, the channels that cross the link.
        training: Whether to normalise by the batch's own statistics.
        calibration_weight: See `ElasticBatchNormalization`.

    Returns:
        `[batch, height, width, c]`; where the gate is closed, of all views.
    """

    def __init__(
        self,
        max_channels: int,
        max_split_channels: int,
        kernel_size: int = 1,
        kernel_initializer=None,
        views: int = 1,
        view_fusion: str = "concat",
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.max_channels = max_channels
        self.max_split_channels = max_split_channels
        self.kernel_size = kernel_size
        self.views = views
        self.view_fusion = view_fusion
        self.kernel_initializer = keras.initializers.get(kernel_initializer or SplitAwareInitializer())
        self.reduce = ElasticConvBlock(
            max_channels, max_split_channels, kernel_size, kernel_initializer=self._initializer(), name="reduce"
        )
        self.recover = ElasticConvBlock(
            max_split_channels,
            max_channels,
            kernel_size,
            kernel_initializer=self._initializer(),
            views=views if view_fusion == "concat" else 1,
            name="recover",
        )

    def _initializer(self):
        """A fresh copy for each layer: an initialiser instance may not draw twice."""
        return self.kernel_initializer.__class__.from_config(self.kernel_initializer.get_config())

    def build(self, input_shape=None) -> None:
        """Create the weights of both convolutions."""
        self.reduce.build()
        self.recover.build()
        self.built = True

    def call(self, inputs, gate, split_channels, training=False, calibration_weight=None):
        """Compress and recover where the gate is open."""
        mode = {"training": training, "calibration_weight": calibration_weight}

        def split():
            reduced = self.reduce(inputs, out_channels=split_channels, **mode)
            if self.views > 1:
                reduced = fuse_views(reduced, self.views, self.view_fusion)
            return self.recover(reduced, out_channels=tf.shape(inputs)[-1], **mode)

        return tf.cond(gate, split, lambda: inputs)

    def get_config(self) -> dict:
        """Arguments of the constructor."""
        return {
            **super().get_config(),
            "max_channels": self.max_channels,
            "max_split_channels": self.max_split_channels,
            "kernel_size": self.kernel_size,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "views": self.views,
            "view_fusion": self.view_fusion,
        }
