"""The confusion matrix: whole pixels, summed over the whole set; everything else is divided from it once."""

import numpy as np
import numpy.typing as npt
from jaxtyping import Bool, Int64, Integer

from pixelwise.errors import UserError

Counts = Int64[np.ndarray, "k _"]  # (k, k), or (k, k + 1) where the last column is of predictions of no class


def confusion(
    label: Integer[np.ndarray, "h w"],
    predicted: Integer[np.ndarray, "_ _"],
    classes: int,
    *,
    ignore: int = 255,
    no_class: bool = False,
) -> Counts:
    """Counts pixels: rows = truth, columns = prediction. Pixels whose label is ``ignore`` count nowhere.

    no_class: whether a prediction may be ``ignore`` too, of no class; these count in one more column, the last, as
    misses of the true class that are no other's false alarms.
    Raises UserError where the shapes differ, or a value is no class.

    >>> confusion(np.array([[0, 0, 1, 255]]), np.array([[0, 1, 1, 1]]), 2)
    array([[1, 1],
           [0, 1]])
    >>> confusion(np.array([[0, 0, 1, 255]]), np.array([[0, 255, 1, 1]]), 2, no_class=True)
    array([[1, 0, 1],
           [0, 1, 0]])
    """
    valid = counted_pixels(label, predicted, classes, ignore=ignore, no_class=no_class)
    columns = classes + no_class
    truth, found = label[valid].astype(np.int64), predicted[valid].astype(np.int64)
    if no_class:
        found[found == ignore] = classes
    counts: npt.NDArray[np.int64] = np.bincount(truth * columns + found, minlength=classes * columns)
    return counts.astype(np.int64).reshape(classes, columns)


def counted_pixels(
    label: Integer[np.ndarray, "h w"],
    predicted: Integer[np.ndarray, "_ _"],
    classes: int,
    *,
    ignore: int = 255,
    no_class: bool = False,
) -> Bool[np.ndarray, "h w"]:
    """Which pixels count: all but the ignored ones. Takes and raises what `confusion` does.

    >>> counted_pixels(np.array([[0, 255]]), np.array([[1, 77]]), 2)
    array([[ True, False]])
    """
    if label.shape != predicted.shape:
        raise UserError(f"the label is {label.shape} pixels but the prediction {predicted.shape}; they must be equal")
    valid = np.asarray(label != ignore)
    called = predicted[valid & (predicted != ignore)] if no_class else predicted[valid]
    for what, values in (("label", label[valid]), ("prediction", called)):
        if values.size and not 0 <= values.min() <= values.max() < classes:
            worst = values.max() if values.max() >= classes else values.min()
            raise UserError(f"the {what} holds {worst}, which is not one of the {classes} classes (0-{classes - 1})")
    return valid
