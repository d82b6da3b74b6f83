"""Sources of labelled images: the embedded data set of rendered components, and folders of images."""

from splitnets_tf.data.opening import DATASETS, open_source
from splitnets_tf.data.source import SPLITS, DataSource, ImageArrays, Split, StoredImages, ViewArrays

__all__ = ["DATASETS", "SPLITS", "DataSource", "ImageArrays", "Split", "StoredImages", "ViewArrays", "open_source"]
