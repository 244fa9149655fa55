"""Photos from files and folders in, pictures of their labels out."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from PIL import Image as Pillow

from pixelwise.bundle import Bundle
from pixelwise.data import open_dataset
from pixelwise.data.dataset import Entry
from pixelwise.data.images import is_image, read_image
from pixelwise.data.layouts import STREETS
from pixelwise.errors import UserError
from pixelwise.files import replacing
from pixelwise.prediction.predict import predict
from pixelwise.prediction.segmentation import Segmentation

PNG_EFFORT = 3  # of 9: a third of the time for a tenth more bytes

Photo = Path | Entry


def find_photos(inputs: Iterable[str]) -> list[tuple[str, Photo]]:
    """Every photo below the inputs under a name of its own.

    inputs: image files; folders that are datasets (their truth is shown too); other folders with photos.
    Raises UserError where an input is missing, or no folder holds a photo.
    """
    photos = [photo for text in inputs for photo in _photos_of(text)]
    names = Counter(_name(photo) for photo in photos)
    seen: Counter[str] = Counter()
    found = []
    for photo in photos:
        name = _name(photo)
        seen[name] += 1
        found.append((f"{name}_{seen[name]}" if names[name] > 1 else name, photo))
    return found


def _photos_of(text: str) -> list[Photo]:
    path = Path(text)
    if path.is_file():
        return [path]
    if not path.is_dir() and text != STREETS:
        raise UserError(f"{text}: there is no such file or folder")
    try:
        dataset = open_dataset(text)
    except UserError:
        photos = sorted(found for found in path.rglob("*") if found.is_file() and is_image(found))
        if not photos:
            raise UserError(f"{text}: holds no photos") from None
        return list(photos)
    return [entry for split in (dataset.train, dataset.val, dataset.test) for entry in split.entries]


def _name(photo: Photo) -> str:
    return photo.stem if isinstance(photo, Path) else photo.name


def label_file(bundle: Bundle, photo: Photo, name: str, folder: Path) -> Segmentation:
    """Labels one photo and writes NAME_label.png, NAME_color.png, NAME_overlay.png, NAME_side_by_side.png.

    Raises UserError where the photo cannot be read, or the folder not be written.
    """
    image, truth = (read_image(photo), None) if isinstance(photo, Path) else photo.read()[:2]
    found = predict(bundle, image, name)
    pictures = {
        "label": found.index(),
        "color": found.color(),
        "overlay": found.overlay(),
        "side_by_side": found.side_by_side(truth),
    }
    for kind, picture in pictures.items():
        _write(picture, folder / f"{name}_{kind}.png")
    return found


def _write(picture: Pillow.Image, path: Path) -> None:
    with replacing(path) as temporary:
        picture.save(temporary, "PNG", compress_level=PNG_EFFORT)
