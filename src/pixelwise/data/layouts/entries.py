"""Entries that several layouts share: a photo with its mask in a second file."""

from dataclasses import dataclass
from pathlib import Path

from pixelwise.data.dataset import RGB, Format, Sample
from pixelwise.data.files.images import read_image, read_mask
from pixelwise.data.masks.decoders import Decoder
from pixelwise.errors import DataError


@dataclass(frozen=True)
class ImageAndMask:
    """A photo and its mask in two files of the same height and width."""

    name: str
    image: Path
    mask: Path
    decode: Decoder
    format: Format = RGB

    @property
    def files(self) -> tuple[Path, ...]:
        """The photo and the mask."""
        return (self.image, self.mask)

    def read(self) -> Sample:
        """Raises UserError where a file is damaged, a value is no class, or the sizes differ."""
        image, label = read_image(self.image, self.format), self.decode(read_mask(self.mask), self.mask)
        if image.shape[:2] != label.shape:
            photo, mask = (f"{shape[1]} x {shape[0]}" for shape in (image.shape, label.shape))
            what = f"is {mask} pixels but its photo {self.image.name} is {photo}"
            raise DataError(self.mask, what, "make them equal", "size mismatch")
        return Sample(image, label, self.name)


def no_partner(path: Path, partner: str) -> DataError:
    """The error for a photo without a mask, or a mask without a photo."""
    return DataError(path, f"has no {partner}", f"add the {partner} or remove the file", "missing partner")
