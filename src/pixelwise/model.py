"""A trained model as people use it: one file that labels photos."""

from pathlib import Path

from PIL import Image as Pillow

from pixelwise.bundle import Bundle, load_bundle
from pixelwise.data.dataset import Image
from pixelwise.errors import UserError
from pixelwise.evaluation import Evaluation
from pixelwise.labels import LabelMap
from pixelwise.machine import pick_device
from pixelwise.prediction import WHOLE, Segmentation, Tiles, View, paint
from pixelwise.prediction import predict as predict_photo
from pixelwise.report.model_html import model_html
from pixelwise.training.folders import RECIPE
from pixelwise.training.run import BEST
from pixelwise.weights import shipped


class Model:
    """A trained model: labels photos, is scored, is one file.

    bundle: network, labels, preprocessing, provenance. run: the folder it was trained in, if known.
    evaluation: its scores on the validation split, where it was trained just now.
    """

    def __init__(self, bundle: Bundle, run: Path | None = None, evaluation: Evaluation | None = None) -> None:
        self.bundle = bundle
        self.run = run
        self.evaluation = evaluation

    @property
    def labels(self) -> LabelMap:
        """What its classes are."""
        return self.bundle.labels

    def predict(
        self,
        photo: str | Path | Image,
        *,
        view: View = WHOLE,
        tiles: Tiles | None = None,
        probabilities: bool = False,
    ) -> Segmentation:
        """Labels a photo (a file, or (h, w, 3) uint8 RGB) at its own size.

        view: how the model looks at it, `pixelwise.prediction.View(flip=True)` for one. tiles: it is seen tile by tile
        at its own scale, `pixelwise.prediction.Tiles()`; else at the size that the model was trained at.
        probabilities: whether those of all classes are kept, too, as float32 (classes, h, w); not of tiles.
        """
        return predict_photo(self.bundle, photo, view=view, tiles=tiles, probabilities=probabilities)

    def paint(self, image: str | Path | Image) -> Pillow.Image:
        """What a painter, pix2pix for one, makes of an image (a file, or (h, w, 3) uint8 RGB), at its size.

        The coloured label of a photo, or the photo of a coloured label. Raises UserError for a model that paints not.
        """
        return paint(self.bundle, image)

    def save(self, path: str | Path, *, half: bool = False) -> None:
        """Writes the model as one safetensors file; half: half as large, see `Bundle.save`."""
        self.bundle.save(path, half=half)

    def __repr__(self) -> str:
        weights = sum(tensor.numel() for tensor in self.bundle.network.parameters())
        return f"Model({self.bundle.model}, {len(self.labels)} classes, {weights / 1e6:.1f} million weights)"

    def _repr_html_(self) -> str:
        return model_html(self.bundle, self.run)


def load(path: str | Path, device: str = "auto") -> Model:
    """The model in a file, the best one of a run folder, or one that comes with pixelwise, "street" for one.

    A name of `pixelwise.weights.shipped` is always that model; "./street" is a file or folder of yours.
    Raises UserError where there is none, or the file is damaged.

    >>> load("street").labels.names[:4]
    ('Sky', 'Building', 'Pole', 'Road')
    """
    file = file_of(path)
    return Model(load_bundle(file, pick_device(device)), file.parent if (file.parent / RECIPE).exists() else None)


def file_of(path: str | Path) -> Path:
    """The file that `load` reads. Raises UserError for a folder without one.

    >>> file_of("street").name
    'street.safetensors'
    """
    if str(path) in shipped():
        return shipped()[str(path)]
    folder = Path(path)
    if folder.is_dir() and not (folder / BEST).exists():
        raise UserError(f"{path}: holds no {BEST}; give a model file or a run folder in which a model was trained")
    return folder / BEST if folder.is_dir() else folder


def is_model(path: str) -> bool:
    """Whether `load` is meant to take it: the name of a model that ships, a .safetensors file, a run folder.

    >>> is_model("street"), is_model("street.jpg")
    (True, False)
    """
    place = Path(path)
    run = any((place / name).exists() for name in (BEST, RECIPE))
    return path in shipped() or place.suffix == ".safetensors" or run
