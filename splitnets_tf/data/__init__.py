"""Sources of labelled images: rendered components, ModelNet40, folders of meshes, folders of images, ImageNet."""

from splitnets_tf.data.contact_sheet import contact_sheet, write_contact_sheet
from splitnets_tf.data.opening import DATASETS, open_source
from splitnets_tf.data.source import SPLITS, DataSource, ImageArrays, Split, StoredImages, ViewArrays

__all__ = [
    "DATASETS",
    "SPLITS",
    "DataSource",
    "ImageArrays",
    "Split",
    "StoredImages",
    "ViewArrays",
    "contact_sheet",
    "open_source",
    "write_contact_sheet",
]
