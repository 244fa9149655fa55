"""One photo in, a Segmentation out."""

from pathlib import Path

from PIL import Image as Pillow

from pixelwise.bundle import Bundle
from pixelwise.data.dataset import Image
from pixelwise.data.files.geotiff import read_georeference
from pixelwise.data.files.images import as_image
from pixelwise.errors import UserError
from pixelwise.prediction.labelling import label_images, label_with_probabilities, paint_image
from pixelwise.prediction.segmentation import Segmentation
from pixelwise.prediction.tiles import Tiles, label_by_tiles
from pixelwise.prediction.view import WHOLE, View


def predict(
    bundle: Bundle,
    photo: str | Path | Image,
    name: str | None = None,
    *,
    view: View = WHOLE,
    tiles: Tiles | None = None,
    probabilities: bool = False,
) -> Segmentation:
    """Labels a photo at its own size, whatever that is.

    photo: a file, or (h, w, c) uint8 with the model's channels, RGB or grey where it has three or one. name: of the
    photo; else that of the file. view: how the network looks at the photo. tiles: it is not brought to the size that
    the model was trained at, but seen tile by tile at its own scale, or another. probabilities: whether those of all
    classes are kept, too: k pictures of float32; not of tiles. A GeoTIFF's place is kept.
    Raises UserError where the file cannot be read, or the array is no such image.
    """
    if bundle.paints_photos:
        raise UserError(f"this {bundle.model} paints photos from coloured labels, and labels none; use its `paint`")
    seen = as_image(photo, bundle.format)
    name = name or (Path(photo).stem if isinstance(photo, str | Path) else "image")
    everyone = None
    if tiles and probabilities:
        raise UserError("probabilities of all classes are kept of photos seen whole; leave them out, or the tiles")
    if tiles:
        label, confidence = label_by_tiles(bundle.network, seen, tiles, view=view)
    elif probabilities:
        (label, confidence), everyone = label_with_probabilities(bundle.network, seen, bundle.size, view=view)
    else:
        [(label, confidence)] = label_images(bundle.network, [seen], bundle.size, view=view)
    place = read_georeference(Path(photo)) if isinstance(photo, str | Path) else None
    return Segmentation(seen, label, confidence, bundle.labels, name, everyone, place)


def paint(bundle: Bundle, image: str | Path | Image) -> Pillow.Image:
    """What a painter makes of an image, at the image's own size.

    image: as of `predict`. Raises UserError where the model does not paint, or as `predict` does.
    """
    if bundle.painter is None:
        raise UserError(f"{bundle.model} does not paint; use `predict`, whose answer has a `.color()`")
    return Pillow.fromarray(paint_image(bundle.painter, as_image(image, bundle.format), bundle.size))
