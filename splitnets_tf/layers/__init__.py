"""Elastic Keras layers: convolutions, normalisation, inverted residuals and the gated splitting module."""

from splitnets_tf.layers.blocks import ElasticConvBlock, ElasticMBConv, activate
from splitnets_tf.layers.elastic import (
    ElasticBatchNormalization,
    ElasticConv2D,
    ElasticDense,
    ElasticDepthwiseConv2D,
)
from splitnets_tf.layers.initializers import SplitAwareInitializer, split_aware_variance
from splitnets_tf.layers.splitting import SplittingModule

__all__ = [
    "ElasticBatchNormalization",
    "ElasticConv2D",
    "ElasticConvBlock",
    "ElasticDense",
    "ElasticDepthwiseConv2D",
    "ElasticMBConv",
    "SplitAwareInitializer",
    "SplittingModule",
    "activate",
    "split_aware_variance",
]
