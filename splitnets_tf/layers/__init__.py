"""Elastic Keras layers: convolutions, normalisation, inverted residuals and the gated splitting module."""

from splitnets_tf.layers.activations import activate, hard_sigmoid, hard_swish
from splitnets_tf.layers.blocks import ElasticConvBlock, ElasticMBConv
from splitnets_tf.layers.elastic import (
    ElasticBatchNormalization,
    ElasticConv2D,
    ElasticDense,
    ElasticDepthwiseConv2D,
)
from splitnets_tf.layers.initializers import (
    INITIALIZATIONS,
    ConvInitializer,
    SplitAwareInitializer,
    initial_variance,
    split_aware_variance,
)
from splitnets_tf.layers.mixed_operation import MixedOperation
from splitnets_tf.layers.regularization import Drop, drop_connect, dropout
from splitnets_tf.layers.splitting import SplittingModule
from splitnets_tf.layers.squeeze_excite import ElasticSqueezeExcite
from splitnets_tf.layers.views import fold_views, fuse_views

__all__ = [
    "INITIALIZATIONS",
    "ConvInitializer",
    "Drop",
    "ElasticBatchNormalization",
    "ElasticConv2D",
    "ElasticConvBlock",
    "ElasticDense",
    "ElasticDepthwiseConv2D",
    "ElasticMBConv",
    "ElasticSqueezeExcite",
    "MixedOperation",
    "SplitAwareInitializer",
    "SplittingModule",
    "activate",
    "drop_connect",
    "dropout",
    "fold_views",
    "fuse_views",
    "hard_sigmoid",
    "hard_swish",
    "initial_variance",
    "split_aware_variance",
]
