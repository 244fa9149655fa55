"""The training images at working size: all of them on the model's device, or, where they do not fit, read ahead."""

from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import cv2
import numpy as np
import torch
from jaxtyping import Float, Int64, Shaped, UInt8
from torch import Tensor

from pixelwise.data.dataset import Image, Sample, Split
from pixelwise.data.store.reading import KEPT_SHARE, read_all, readers, room
from pixelwise.labels import Label
from pixelwise.prediction.labelling import to_working_size, working_size

PADDING = 128  # middle grey, as augmentation has it around every image
VALUES = 256  # of a label
COUNTED = 2000  # images, at most, from which the classes' shares are taken

Holders = dict[int, Int64[np.ndarray, " images"]]  # of each label

Batch = tuple[UInt8[Tensor, "n c h w"], Shaped[Tensor, "n h w"], Float[Tensor, "n 2"]]


@dataclass(frozen=True)
class Cache:
    """All training images as one tensor; smaller ones lie in its upper left, the rest is grey and ignored.

    images: (n, c, h, w). labels: (n, h, w). extents: (n, 2) width and height of each image in pixels. ignore: the label
    of what is no class.
    """

    images: UInt8[Tensor, "n c h w"]
    labels: Shaped[Tensor, "n h w"]
    extents: Float[Tensor, "n 2"]
    ignore: int = 255

    def __len__(self) -> int:
        return len(self.images)

    @property
    def device(self) -> torch.device:
        """Where the images are."""
        return self.images.device

    def expect(self, indices: Iterable[int]) -> None:
        """Nothing: all images are here."""

    def batch(self, indices: Sequence[int]) -> Batch:
        """Some images, their labels and extents, no larger than the largest of them."""
        chosen = list(indices)
        extents = self.extents[chosen]
        width, height = (int(side) for side in extents.amax(0))
        images = _pick(self.images.permute(0, 2, 3, 1), chosen).permute(0, 3, 1, 2)  # whole blocks of memory
        return images[..., :height, :width], _pick(self.labels, chosen)[:, :height, :width], extents

    def class_counts(self, classes: int) -> Int64[Tensor, " k"]:
        """Pixels of each class, in 2000 images evenly spread where there are more."""
        return torch.from_numpy(self._counts.sum(0)[:classes]).to(self.device)

    @cached_property
    def holders(self) -> Holders:
        """Those of these images in which each label occurs."""
        return _holders(self._counts, counted(len(self)), self.ignore)

    @cached_property
    def _counts(self) -> Int64[np.ndarray, "n values"]:
        return np.stack([_counts(label) for label in self.labels[:: counted(len(self)).step].cpu().numpy()])


class Stream:
    """As a Cache, but images are read ahead of their use by some threads, and only those of a few steps are held."""

    def __init__(self, split: Split, size: tuple[int, int], device: torch.device, *, ignore: int = 255) -> None:
        self.device = device
        self._split, self._size, self._ignore = split, size, ignore
        self._coming: dict[int, Future[Shrunk]] = {}
        self._pool = ThreadPoolExecutor(readers())

    def __len__(self) -> int:
        return len(self._split)

    def expect(self, indices: Iterable[int]) -> None:
        """Begins to read these images, and forgets all others."""
        wanted = list(indices)
        for index in self._coming.keys() - set(wanted):
            self._coming.pop(index).cancel()
        for index in wanted:
            if index not in self._coming:
                self._coming[index] = self._pool.submit(self._read, index)

    def batch(self, indices: Sequence[int]) -> Batch:
        """Some images, their labels and extents, no larger than the largest of them.

        Raises UserError where a file cannot be read.
        """
        samples = [self._coming[index].result() if index in self._coming else self._read(index) for index in indices]
        batch = together(samples, self.device, self._ignore)
        return batch.images, batch.labels, batch.extents

    def class_counts(self, classes: int) -> Int64[Tensor, " k"]:
        """Pixels of each class, in 2000 images evenly spread where there are more."""
        return torch.from_numpy(self._counts.sum(0)[:classes]).to(self.device)

    @cached_property
    def holders(self) -> Holders:
        """Those of these images in which each label occurs."""
        return _holders(self._counts, counted(len(self)), self._ignore)

    @cached_property
    def _counts(self) -> Int64[np.ndarray, "n values"]:
        some = Split(self._split.entries[:: counted(len(self)).step])
        return np.stack(
            list(read_all(some, lambda sample: _counts(shrunk(sample, self._size).label), "counting classes"))
        )

    def _read(self, index: int) -> "Shrunk":
        return shrunk(self._split[index], self._size)


TrainingImages = Cache | Stream


def counted(images: int) -> range:
    """Of so many images those whose labels are counted: the same whether they are held or read ahead.

    Else a run that goes on where less memory is free would learn something else.
    """
    return range(0, images, -(-images // COUNTED))


def training_images(
    samples: Split, size: tuple[int, int], device: torch.device, *, ignore: int = 255
) -> TrainingImages:
    """A Cache where it needs less than a third of the memory that is free on the device; else a Stream."""
    first = samples[0]
    height, width = working_size(first.label.shape[0], first.label.shape[1], size)
    if len(samples) * height * width * (first.image.shape[2] + 1) > room_on(device):
        return Stream(samples, size, device, ignore=ignore)
    return fill_cache(samples, size, device, ignore=ignore)


def room_on(device: torch.device) -> int:
    """Bytes that training images may fill on a device."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0] * KEPT_SHARE)
    return room()


def fill_cache(samples: Split, size: tuple[int, int], device: torch.device, *, ignore: int = 255) -> Cache:
    """Decodes every sample and brings it to the area of ``size``; labels by the nearest pixel.

    Raises UserError that names every file that cannot be read.
    """
    small = read_all(samples, lambda sample: shrunk(sample, size), "reading training images")
    return together(list(small), device, ignore)


class Shrunk(NamedTuple):
    """A sample at working size."""

    image: Image
    label: Label


def shrunk(sample: Sample, size: tuple[int, int]) -> Shrunk:
    """The image and label of a sample at working size; the label by the nearest pixel."""
    image = to_working_size(sample.image, size)
    image = image.reshape(*image.shape[:2], sample.image.shape[2])  # OpenCV drops the axis of a single channel
    shape = (image.shape[1], image.shape[0])
    label = cv2.resize(sample.label, shape, interpolation=cv2.INTER_NEAREST_EXACT)
    return Shrunk(image, np.asarray(label, np.uint8))


def together(samples: Sequence[Shrunk], device: torch.device, ignore: int) -> Cache:
    """Samples of several sizes as one tensor, channels last in memory, as OpenCV and the networks have them."""
    height = max(image.shape[0] for image, _ in samples)
    width = max(image.shape[1] for image, _ in samples)
    images = np.full((len(samples), height, width, samples[0].image.shape[2]), PADDING, np.uint8)
    labels = np.full((len(samples), height, width), ignore, np.uint8)
    for index, (image, label) in enumerate(samples):
        images[index, : image.shape[0], : image.shape[1]] = image
        labels[index, : label.shape[0], : label.shape[1]] = label
    extents = [[image.shape[1], image.shape[0]] for image, _ in samples]
    return Cache(
        torch.from_numpy(images).permute(0, 3, 1, 2).to(device),
        torch.from_numpy(labels).to(device),
        torch.tensor(extents, dtype=torch.float32, device=device),
        ignore,
    )


def _pick(values: Shaped[Tensor, "n ..."], indices: list[int]) -> Shaped[Tensor, "k ..."]:
    """Some of many; on the processor by numpy, which waits for no thread where other work keeps the cores busy."""
    return torch.from_numpy(values.numpy()[indices]) if values.device.type == "cpu" else values[indices]


def _counts(label: Label) -> Int64[np.ndarray, " values"]:
    """Pixels of each value."""
    return np.bincount(label.ravel(), minlength=VALUES)[:VALUES]


def _holders(counts: Int64[np.ndarray, "n values"], indices: range, ignore: int) -> Holders:
    """For each label that occurs, the indices of the images that hold it."""
    found = {int(value): np.array(indices)[counts[:, value] > 0] for value in np.flatnonzero(counts.sum(0))}
    found.pop(ignore, None)
    return found
