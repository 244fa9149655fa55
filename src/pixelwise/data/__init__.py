"""Files on disk become samples: image, label, name."""

from pixelwise.data.dataset import Dataset, Sample, Split
from pixelwise.data.layouts import LAYOUTS, open_dataset

__all__ = ["LAYOUTS", "Dataset", "Sample", "Split", "open_dataset"]
