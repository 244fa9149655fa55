"""Many photos and an exported model, which needs no torch."""

from dataclasses import dataclass
from pathlib import Path

from pixelwise.data.dataset import Image
from pixelwise.errors import UserError
from pixelwise.export.runtime import Exported, processor_threads
from pixelwise.labels import LabelMap
from pixelwise.prediction.files import is_volume
from pixelwise.prediction.many_photos import ManyPhotos
from pixelwise.prediction.segmentation import Segmentation
from pixelwise.prediction.writing import Wanted


@dataclass(frozen=True)
class ManyExported(ManyPhotos):
    """Labels photos with an exported model and writes what is wanted into a folder; as `ManyPhotos`."""

    exported: Exported
    wanted: Wanted
    folder: Path
    model: str

    @property
    def labels(self) -> LabelMap:
        return self.exported.labels

    @property
    def threads(self) -> int:
        return processor_threads()

    def see_photo(self, name: str, image: Path | Image) -> Segmentation:
        if isinstance(image, Path) and is_volume(image):
            raise UserError(f"{image}: is a stack of slices; give the model that {self.exported.path} was made of")
        return self.exported.predict(image, name=name, probabilities=self.wanted.probabilities)
