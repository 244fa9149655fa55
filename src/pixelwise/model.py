"""A trained model as people use it: one file that labels photos."""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image as Pillow

from pixelwise.bundle import Bundle, load_bundle
from pixelwise.data.dataset import Image
from pixelwise.errors import UserError
from pixelwise.evaluation import Evaluation
from pixelwise.export.export import Agreement, export
from pixelwise.export.runtime import is_exported
from pixelwise.hub import CARD, HUB, MODEL, download, is_hub, place_of, upload
from pixelwise.labels import LabelMap
from pixelwise.machine import pick_device
from pixelwise.prediction.predict import paint
from pixelwise.prediction.predict import predict as predict_photo
from pixelwise.prediction.segmentation import Segmentation
from pixelwise.prediction.tiles import Tiles
from pixelwise.prediction.view import WHOLE, View
from pixelwise.report.model_card import model_card
from pixelwise.report.model_html import model_html
from pixelwise.training.folders import EVALUATION, RECIPE
from pixelwise.training.run import BEST
from pixelwise.weights import shipped


class Model:
    """A trained model: labels photos, is scored, is one file.

    bundle: network, labels, preprocessing, provenance. run: the folder it was trained in, if known.
    evaluation: its scores on the validation split, where it was trained just now. file: that it was read from, if it
    was.
    """

    def __init__(
        self, bundle: Bundle, run: Path | None = None, evaluation: Evaluation | None = None, *, file: Path | None = None
    ) -> None:
        self.bundle = bundle
        self.run = run
        self.evaluation = evaluation
        self.file = file

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

        view: how the model looks at it, `pixelwise.View(flip=True)` for one. tiles: it is seen tile by tile
        at its own scale, `pixelwise.Tiles()`; else at the size that the model was trained at.
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

    def export(
        self,
        path: str | Path,
        *,
        images: Sequence[Image] | None = None,
        half: bool = False,
        int8: Sequence[Image] | None = None,
    ) -> list[Agreement]:
        """Writes the model for another runtime, as .onnx, .xml or .pt2, if it labels `images` as the model does.

        half: .xml files store their weights as float16. int8: images that set the ranges in which .onnx and .xml files
        multiply in 8 bits. Takes, gives and raises what `pixelwise.export.export.export` does.
        """
        return export(self.bundle, path, images=images, half=half, int8=int8)

    def push_to_hub(
        self,
        repository: str,
        *,
        license: str = "unknown",
        private: bool = False,
        revision: str | None = None,
        message: str = "A model of pixelwise",
        token: str | None = None,
        half: bool = False,
    ) -> str:
        """Puts the model and its card on the Hugging Face hub as one commit; gives the name by which `load` takes it.

        repository: "user/name", which is made if need be. license: of the weights, by the hub's name, "cc-by-4.0" for
        one. private: whether only you see it. revision: the branch, main if None. message: of the commit. token: else
        the one of `hf auth login` or HF_TOKEN. half: as of `save`.
        The file tells what it was trained with: recipe, the data's name, processor, versions.
        Raises UserError where the hub cannot be reached or refuses.
        """
        place = place_of(HUB + repository.removeprefix(HUB) + (f"@{revision}" if revision else ""))
        card = model_card(self.bundle, place.repository, license=license, per_class=self._per_class())
        with tempfile.TemporaryDirectory() as folder:
            self.save(Path(folder) / MODEL, half=half)
            files: dict[str, Path | bytes] = {MODEL: Path(folder) / MODEL, CARD: card.encode()}
            return upload(place, files, message=message, private=private, token=token)

    def _per_class(self) -> dict[str, Any]:
        """Scores of each class from the run folder, where they are of the same evaluation as those in the file."""
        try:
            found = json.loads((self.run / EVALUATION).read_bytes()) if self.run else {}
            written = json.loads(json.dumps(self.bundle.scores["conditions"]))  # its pairs as lists
            same = all(found["conditions"][name] == value for name, value in written.items())
            return dict(found["per_class"]) if same else {}
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            return {}

    def __repr__(self) -> str:
        weights = sum(tensor.numel() for tensor in self.bundle.network.parameters())
        return f"Model({self.bundle.model}, {len(self.labels)} classes, {weights / 1e6:.1f} million weights)"

    def _repr_html_(self) -> str:
        return model_html(self.bundle, self.run)


def load(path: str | Path, device: str = "auto") -> Model:
    """The model in a file, the best one of a run folder, or one that comes with pixelwise, "street" for one.

    A name of `pixelwise.weights.shipped` is always that model; "./street" is a file or folder of yours.
    "hf://user/name", or "hf://user/name@revision", is downloaded from the Hugging Face hub, if it is not here already.
    Exported .onnx and .xml files are opened by `pixelwise.open_exported`.
    Raises UserError where there is none, or the file is damaged.

    >>> load("street").labels.names[:4]
    ('Sky', 'Building', 'Pole', 'Road')
    """
    if is_exported(path):
        raise UserError(f"{path}: is exported; use the model that it was made of, or pixelwise.open_exported")
    file = file_of(path)
    run = file.parent if (file.parent / RECIPE).exists() else None
    try:
        return Model(load_bundle(file, pick_device(device)), run, file=file)
    except UserError as error:
        if is_hub(str(path)):
            raise UserError(f"{path}: is no model that can be used: {error}") from error
        raise


def file_of(path: str | Path) -> Path:
    """The file that `load` reads. Raises UserError for a folder without one.

    >>> file_of("street").name
    'street.safetensors'
    """
    if str(path) in shipped():
        return shipped()[str(path)]
    if is_hub(str(path)):
        return download(place_of(str(path)))
    folder = Path(path)
    if folder.is_dir() and not (folder / BEST).exists():
        raise UserError(f"{path}: holds no {BEST}; give a model file or a run folder in which a model was trained")
    return folder / BEST if folder.is_dir() else folder


def is_model(path: str) -> bool:
    """Whether a model is meant: one that ships or lies on the hub, a .safetensors file, a run folder, an exported one.

    >>> is_model("street"), is_model("hf://user/name"), is_model("street.jpg")
    (True, True, False)
    """
    place = Path(path)
    run = any((place / name).exists() for name in (BEST, RECIPE))
    return path in shipped() or is_hub(path) or place.suffix == ".safetensors" or run or is_exported(path)
