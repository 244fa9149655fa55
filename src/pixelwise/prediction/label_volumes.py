"""Stacks of slices in, label volumes out: of NIfTI files NIfTI, of TIFF files TIFF."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pixelwise.bundle import Bundle
from pixelwise.data.dataset import Image
from pixelwise.data.files.nifti_files import is_nifti, read_nifti_header, write_nifti
from pixelwise.errors import UserError
from pixelwise.labels import LabelMap
from pixelwise.prediction.files import Photo
from pixelwise.prediction.label_files import write_palette_tiff
from pixelwise.prediction.predict import predict
from pixelwise.prediction.segmentation import shares_of
from pixelwise.prediction.sources import OF_LABELS
from pixelwise.prediction.stacks import as_photos, read_slices
from pixelwise.prediction.tiles import Tiles
from pixelwise.prediction.view import WHOLE, View
from pixelwise.progress import track

Slice = npt.NDArray[np.uint8]


def label_name(name: str, photo: Photo) -> str:
    """What the file is called in which the labels of a large image or a stack go. name: of it, without the ending.

    >>> label_name("scan", Path("scan.nii")), label_name("a", Path("a.tif"))
    ('scan_label.nii.gz', 'a_label.tif')
    """
    return f"{name}{OF_LABELS}{'.nii.gz' if isinstance(photo, Path) and is_nifti(photo) else '.tif'}"


def label_volume(
    bundle: Bundle, path: Path, output: Path, *, view: View = WHOLE, tiles: Tiles | None = None, what: str = "labelling"
) -> dict[str, float]:
    """Labels a NIfTI file or the pages of a TIFF file slice by slice, and writes the classes as another such file.

    Slices are seen as `as_photos` says, one by one: the model knows nothing of their neighbours. output: as of
    `label_name`. view, tiles: as of `predict`. what: is shown with the progress.
    Gives class name -> share of the voxels, the largest first, absent classes left out.
    Raises UserError where the file cannot be read or labelled, or the other cannot be written.
    """
    if bundle.paints_photos:
        raise UserError(f"this {bundle.model} paints photos from coloured labels, and labels none")
    photos = as_photos(path, read_slices(path), bundle.format.bits)
    counts = np.zeros(len(bundle.labels), np.int64)

    def labelled() -> Iterator[Slice]:
        for name in track(list(photos), what):
            label = predict(bundle, photos[name], name, view=view, tiles=tiles).label
            counts[:] += np.bincount(label.ravel(), minlength=len(counts))
            yield label

    if is_nifti(path):
        write_nifti(output, np.stack(list(labelled())), read_nifti_header(path))
    else:
        write_pages(output, labelled(), _shape(photos), bundle.labels)
    return shares_of(counts, bundle.labels)


def _shape(photos: dict[str, Image]) -> tuple[int, int, int]:
    height, width = next(iter(photos.values())).shape[:2]
    return len(photos), height, width


def write_pages(path: Path, slices: Iterable[Slice], shape: tuple[int, int, int], labels: LabelMap) -> None:
    """Class indices as the pages of a TIFF file, deflated, with the classes' colours as palette.

    slices: (h, w) each, taken one by one. shape: (slices, height, width).
    The file is whole or not there at all. Raises UserError where it cannot be written.
    """
    write_palette_tiff(path, iter(slices), shape, labels, {})
