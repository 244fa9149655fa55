"""Entries that several layouts share: a photo with its mask in a second file."""

from dataclasses import dataclass
from pathlib import Path

from pixelwise.data.dataset import Sample
from pixelwise.data.images import read_image, read_mask
from pixelwise.data.masks import Decoder
from pixelwise.errors import UserError


@dataclass(frozen=True)
class ImageAndMask:
    """A photo and its mask in two files of the same height and width."""

    name: str
    image: Path
    mask: Path
    decode: Decoder

    def read(self) -> Sample:
        """Raises UserError where a file is damaged, a value is no class, or the sizes differ."""
        image, label = read_image(self.image), self.decode(read_mask(self.mask), self.mask)
        if image.shape[:2] != label.shape:
            photo, mask = (f"{shape[1]} x {shape[0]}" for shape in (image.shape, label.shape))
            raise UserError(
                f"{self.mask}: is {mask} pixels but its photo {self.image.name} is {photo}; make them equal"
            )
        return Sample(image, label, self.name)
