"""The training images decoded once, at working size, on the model's device."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Float, Shaped, UInt8
from torch import Tensor

from pixelwise.data.dataset import Sample, Split
from pixelwise.prediction.labelling import to_working_size
from pixelwise.progress import track

PADDING = 128  # middle grey, as augmentation has it around every image


@dataclass(frozen=True)
class Cache:
    """All training images as one tensor; smaller ones lie in its upper left, the rest is grey and ignored.

    images: (n, c, h, w). labels: (n, h, w). extents: (n, 2) width and height of each image in pixels.
    """

    images: UInt8[Tensor, "n c h w"]
    labels: Shaped[Tensor, "n h w"]
    extents: Float[Tensor, "n 2"]

    def __len__(self) -> int:
        return len(self.images)


MOST_KEPT = 2**31  # bytes of decoded samples that are kept in memory


@dataclass(frozen=True)
class Decoded:
    """A sample that has been read already."""

    sample: Sample

    @property
    def name(self) -> str:
        return self.sample.name

    @property
    def files(self) -> tuple[Path, ...]:
        """None; it is in memory."""
        return ()

    def read(self) -> Sample:
        """The sample, at no cost."""
        return self.sample


def decoded(split: Split) -> Split:
    """The split with its samples read once and kept; as it was, if they need more than two gigabytes."""
    if not split or (split[0].image.nbytes + split[0].label.nbytes) * len(split) > MOST_KEPT:
        return split
    return Split(tuple(Decoded(sample) for sample in track(split, "reading images")))


def fill_cache(samples: Split, size: tuple[int, int], device: torch.device, *, ignore: int = 255) -> Cache:
    """Decodes every sample and brings it to the area of ``size``; labels by the nearest pixel."""
    images, labels = [], []
    for sample in track(samples, "reading training images"):
        image = to_working_size(sample.image, size)
        images.append(image)
        shape = (image.shape[1], image.shape[0])
        labels.append(np.asarray(cv2.resize(sample.label, shape, interpolation=cv2.INTER_NEAREST_EXACT)))
    height = max(image.shape[0] for image in images)
    width = max(image.shape[1] for image in images)
    stored = np.full((len(images), height, width, images[0].shape[2]), PADDING, np.uint8)
    truth = np.full((len(images), height, width), ignore, np.uint8)
    for index, (image, label) in enumerate(zip(images, labels, strict=True)):
        stored[index, : image.shape[0], : image.shape[1]] = image
        truth[index, : label.shape[0], : label.shape[1]] = label
    extents = [[image.shape[1], image.shape[0]] for image in images]
    return Cache(
        torch.from_numpy(stored).permute(0, 3, 1, 2).contiguous().to(device),
        torch.from_numpy(truth).to(device),
        torch.tensor(extents, dtype=torch.float32, device=device),
    )
