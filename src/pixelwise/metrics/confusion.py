"""The confusion matrix: whole pixels, summed over the whole set; everything else is divided from it once."""

import numpy as np
import numpy.typing as npt
from jaxtyping import Bool, Int64, Integer

from pixelwise.errors import UserError

Counts = Int64[np.ndarray, "k k"]


def confusion(
    label: Integer[np.ndarray, "h w"], predicted: Integer[np.ndarray, "_ _"], classes: int, *, ignore: int = 255
) -> Counts:
    """Counts pixels: rows = truth, columns = prediction. Pixels whose label is ``ignore`` count nowhere.

    Raises UserError where the shapes differ, or a value is no class.

    >>> confusion(np.array([[0, 0, 1, 255]]), np.array([[0, 1, 1, 1]]), 2)
    array([[1, 1],
           [0, 1]])
    """
    valid = counted_pixels(label, predicted, classes, ignore=ignore)
    truth, found = label[valid].astype(np.int64), predicted[valid].astype(np.int64)
    counts: npt.NDArray[np.int64] = np.bincount(truth * classes + found, minlength=classes**2)
    return counts.astype(np.int64).reshape(classes, classes)


def counted_pixels(
    label: Integer[np.ndarray, "h w"], predicted: Integer[np.ndarray, "_ _"], classes: int, *, ignore: int = 255
) -> Bool[np.ndarray, "h w"]:
    """Which pixels count: all but the ignored ones. Raises UserError as `confusion` does.

    >>> counted_pixels(np.array([[0, 255]]), np.array([[1, 77]]), 2)
    array([[ True, False]])
    """
    if label.shape != predicted.shape:
        raise UserError(f"the label is {label.shape} pixels but the prediction {predicted.shape}; they must be equal")
    valid = np.asarray(label != ignore)
    for what, values in (("label", label[valid]), ("prediction", predicted[valid])):
        if values.size and not 0 <= values.min() <= values.max() < classes:
            worst = values.max() if values.max() >= classes else values.min()
            raise UserError(f"the {what} holds {worst}, which is not one of the {classes} classes (0-{classes - 1})")
    return valid
