"""One predicted file as class indices, whatever its program writes: indices, original ids, colours, probabilities."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from jaxtyping import Float, Integer, UInt8

from pixelwise.data.files.file_content import content_of
from pixelwise.data.files.image_files import Numbers, read_numbers
from pixelwise.data.sampling import even_sample
from pixelwise.errors import DataError
from pixelwise.labels import CITYSCAPES19, CITYSCAPES_LABELS, IGNORE, PUBLISHED, VOIDS, Color, LabelMap

VALUES = {"indices": "class indices", "ids": "Cityscapes' original ids", "colors": "the classes' colours"}
SAMPLED = 16  # files looked at to guess which of them
TOLERANCE = 0.01  # by which the probabilities of a pixel may miss a sum of 1; float16 does
SHAPE = "size mismatch"
UNKNOWN = "unknown value"

# Id in labelIds masks -> class index, 255 = none.
CLASS_OF_ID = np.array([one.train_id for one in CITYSCAPES_LABELS], np.uint8)


class Prediction(NamedTuple):
    """What is predicted in one image.

    classes: class indices, the ignore index where it is of no class. confidence: the probability of that class, in
    [0, 1], where it is known. ids: Cityscapes' original ids, where the file holds them.
    """

    classes: Integer[np.ndarray, "h w"]
    confidence: Float[np.ndarray, "h w"] | None = None
    ids: UInt8[np.ndarray, "h w"] | None = None


def read_prediction(path: Path, shape: tuple[int, ...], labels: LabelMap, values: str, *, no_class: bool) -> Prediction:
    """The prediction in a file: an image of 8 bits, or .npy with integers (h, w) or probabilities (k, h, w), (h, w, k).

    shape: height and width of the label. values: one of VALUES. no_class: whether a pixel may be of no class.
    Raises DataError, one line that names the file, for any other file, size or value.
    """
    array = _read(path, values)
    if array.dtype.kind == "f":
        return _most_probable(array, shape, len(labels), path)
    if array.shape[:2] != shape:
        sizes = (f"{width} x {height}" for height, width in (array.shape[:2], shape))
        what = "is {} pixels but the label {}".format(*sizes)
        raise DataError(path, what, "save predictions at the label's own size", SHAPE)
    if values == "colors":
        found = Prediction(_classes_of_colors(array, labels, path))
    elif array.ndim == 3:
        raise DataError(path, "is a colour image where values are wanted", "see --values colors", "mixed mask types")
    elif values == "ids":
        found = _classes_of_ids(array, path)
    else:
        found = Prediction(_checked_classes(array, labels, path))
    if not no_class and (found.classes == labels.ignore).any():
        what = f"holds pixels of no class ({labels.ignore}), which this protocol has not"
        raise DataError(path, what, "predict a class everywhere, or choose another protocol", UNKNOWN)
    return found


def guess_values(paths: Sequence[Path], labels: LabelMap) -> tuple[str, str]:
    """Which of VALUES the files hold, and why it is thought so.

    By their names, else by the values of at most 16: a colour image has colours. Class indices if all values are; else
    ids, if the classes are Cityscapes' and all values its ids; else the colours of palettes, if all are classes'.
    Raises DataError for a file that cannot be read.
    """
    has_ids = labels.names == CITYSCAPES19.names
    if has_ids and all(path.stem.endswith("_labelIds") for path in paths):
        return "ids", "by their names"
    sampled = even_sample(paths, SAMPLED)
    values: set[int] = set()
    for path in sampled:
        array = _read(path, "indices")
        if array.dtype.kind == "f":
            continue
        if array.ndim == 3:
            return "colors", f"{path.name} is a colour image"
        values.update(np.unique(array).tolist())
    other = sorted(values - {*range(len(labels)), labels.ignore})
    if not other:
        return "indices", "all values of the first files are" if len(sampled) < len(paths) else "all values are"
    if has_ids and values <= set(range(len(CLASS_OF_ID))):
        return "ids", f"{other[0]} is one and no class index"
    if all(_has_classes_colors(path, labels) for path in sampled):
        return "colors", "all colours of their palettes that occur are classes'"
    return "indices", "they are nothing else"


def _read(path: Path, values: str) -> Numbers:
    """The numbers of a file: (h, w) or (h, w, c), fractions only of .npy. Raises DataError for what cannot be meant."""
    if content_of(path) == "npy":
        return _read_array(path)
    array = read_numbers(path, indices=values != "colors")
    if array.dtype.kind == "f":
        what = "holds fractions where classes are wanted"
        raise DataError(path, what, "save class indices with 8 bits, or probabilities as .npy", UNKNOWN)
    if array.dtype.itemsize > 1:
        raise DataError(path, "has more than 8 bits a pixel", "save class indices with 8 bits", UNKNOWN)
    return array


def _read_array(path: Path) -> Numbers:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(
            path, f"cannot be read ({' '.join(str(error).split())})", "save it anew", "unreadable"
        ) from error
    if array.dtype.kind not in "buif" or array.ndim not in {2, 3} or not array.size:
        what = f"holds {array.dtype} of shape {array.shape}"
        raise DataError(path, what, "save integers (h, w) or probabilities (k, h, w)", "unreadable")
    return array.astype(np.uint8) if array.dtype.kind == "b" else np.asarray(array)


def _most_probable(array: Numbers, shape: tuple[int, ...], classes: int, path: Path) -> Prediction:
    if array.shape == (classes, *shape):
        axis = 0
    elif array.shape == (*shape, classes):
        axis = 2
    else:
        what = f"holds fractions of shape {array.shape}, not probabilities of {classes} classes at the label's size"
        mend = f"save {(classes, *shape)} or {(*shape, classes)}, or class indices as integers"
        raise DataError(path, what, mend, SHAPE)
    if not np.isfinite(array).all():
        count = int(np.isnan(array).any(axis).sum())
        what = f"holds NaN in {count:,} pixels" if count else "holds infinite numbers"
        raise DataError(path, what, "save finite probabilities", UNKNOWN)
    if array.min() < 0 or np.abs(array.sum(axis, np.float32) - 1).max() > TOLERANCE:
        what = "holds numbers that are no probabilities: they do not add up to 1 at every pixel, or are negative"
        raise DataError(path, what, "save them after the softmax, or class indices", UNKNOWN)
    return Prediction(array.argmax(axis), np.minimum(array.max(axis), 1).astype(np.float32))


def _checked_classes(array: Numbers, labels: LabelMap, path: Path) -> npt.NDArray[np.integer]:
    values = np.unique(array)
    others = [int(value) for value in values if not (0 <= value < len(labels) or value == labels.ignore)]
    if others:
        what = f"value {others[0]} is not one of the {len(labels)} classes (0-{len(labels) - 1})"
        raise DataError(path, what, "save class indices, or name what it holds: --values ids or colors", UNKNOWN)
    if len(labels) == 2 and values.tolist() == [0, IGNORE]:
        raise DataError(path, f"holds 0 and {IGNORE} alone", "save the two classes as 0 and 1", UNKNOWN)
    return array


def _classes_of_ids(array: Numbers, path: Path) -> Prediction:
    low, high = int(array.min()), int(array.max())
    if low < 0 or high >= len(CLASS_OF_ID):
        what = f"value {low if low < 0 else high} is none of Cityscapes' ids (0-{len(CLASS_OF_ID) - 1})"
        raise DataError(path, what, "save ids as in labelIds masks, or see --values", UNKNOWN)
    return Prediction(CLASS_OF_ID[array], ids=array.astype(np.uint8))


def _classes_of_colors(array: Numbers, labels: LabelMap, path: Path) -> npt.NDArray[np.integer]:
    if array.ndim != 3 or array.dtype != np.uint8 or array.shape[2] != 3:
        raise DataError(path, "is no colour image of 8 bits", "see --values indices", "mixed mask types")
    classes = _classes_by_color(labels)
    found, place = np.unique(_packed(array), return_inverse=True)
    for color in found.tolist():
        if color not in classes:
            rgb = (color >> 16, color >> 8 & 255, color & 255)
            what = f"colour {rgb} is of no class"
            raise DataError(path, what, "save the label map's own colours, without smoothing or JPEG", UNKNOWN)
    table = np.array([classes[color] for color in found.tolist()], np.int64)
    return np.asarray(table[place].reshape(array.shape[:2]))


def _has_classes_colors(path: Path, labels: LabelMap) -> bool:
    array = read_numbers(path) if content_of(path) != "npy" else np.zeros(0)
    return array.ndim == 3 and set(np.unique(_packed(array)).tolist()) <= _classes_by_color(labels).keys()


def _packed(colors: Numbers) -> npt.NDArray[np.uint32]:
    """(..., 3) colours as one number each."""
    return np.asarray(colors.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32))


def _classes_by_color(labels: LabelMap) -> dict[int, int]:
    """Packed colour -> class index; black and the map's other void colours are of no class, unless they are one."""
    voids: list[Color] = [(0, 0, 0)]
    for name, published in PUBLISHED.items():
        if published.colors == labels.colors:
            voids += VOIDS.get(name, ())
    colors = [*[(color, labels.ignore) for color in voids], *zip(labels.colors, range(len(labels)), strict=True)]
    return {int(_packed(np.array(color))): index for color, index in colors}
