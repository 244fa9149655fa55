"""Dividing what was counted, once: 0 / 0 is NaN, and NaN is left out of every mean."""

import numpy as np
from jaxtyping import Float

PerClass = Float[np.ndarray, " k"]


def divide(part: np.ndarray | np.number, whole: np.ndarray | np.number) -> np.ndarray:
    """The quotient; NaN where 0 is divided by 0.

    >>> divide(np.array([1, 0]), np.array([2, 0]))
    array([0.5, nan])
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.true_divide(part, whole))


def mean_over_present(values: PerClass) -> float:
    """Mean of those that are not NaN; NaN where all are.

    >>> mean_over_present(np.array([0.5, np.nan, 1.0]))
    0.75
    """
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")
