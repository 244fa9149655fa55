"""Every loss once more: float64, pixel by pixel, from the published formula and written for reading, not for speed."""

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
from scipy import ndimage

Weights = np.ndarray | None


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Softmax of (n, k, h, w)."""
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def pixels(logits: np.ndarray, label: np.ndarray, ignore: int) -> list[tuple[np.ndarray, int]]:
    """Each counted pixel's probabilities (k) and its class."""
    shares = probabilities(logits)
    return [(shares[n, :, i, j], int(c)) for (n, i, j), c in np.ndenumerate(label) if c != ignore]


def weighed_mean(costs: list[float], classes: list[int], weights: Weights) -> float:
    amounts = [1.0 if weights is None else weights[c] for c in classes]
    return sum(a * cost for a, cost in zip(amounts, costs, strict=True)) / sum(amounts) if costs else 0.0


def ce(logits: np.ndarray, label: np.ndarray, ignore: int, weights: Weights, smoothing: float = 0.0) -> float:
    top = bottom = 0.0
    for p, c in pixels(logits, label, ignore):
        w = np.ones(len(p)) if weights is None else weights
        target = np.full(len(p), smoothing / len(p))
        target[c] += 1 - smoothing
        top -= (target * w * np.log(p)).sum()
        bottom += w[c]
    return top / bottom if bottom else 0.0


def focal(logits: np.ndarray, label: np.ndarray, ignore: int, weights: Weights, gamma: float = 2.0) -> float:
    found = pixels(logits, label, ignore)
    return weighed_mean([-((1 - p[c]) ** gamma) * math.log(p[c]) for p, c in found], [c for _, c in found], weights)


def ohem(logits: np.ndarray, label: np.ndarray, ignore: int, weights: Weights, share: float = 0.25) -> float:
    found = sorted((-math.log(p[c]), c) for p, c in pixels(logits, label, ignore))[::-1]
    kept = found[: math.ceil(share * len(found))]
    return weighed_mean([cost for cost, _ in kept], [c for _, c in kept], weights)


def dice(logits: np.ndarray, label: np.ndarray, ignore: int, weights: Weights) -> float:
    costs, found = [], pixels(logits, label, ignore)
    present = sorted({c for _, c in found})
    for k in present:
        both = sum(p[k] * (c == k) for p, c in found)
        costs.append(1 - 2 * both / (sum(p[k] ** 2 for p, _ in found) + sum(c == k for _, c in found)))
    return weighed_mean(costs, present, weights)


def generalised_dice(logits: np.ndarray, label: np.ndarray, ignore: int, weights: Weights) -> float:
    found = pixels(logits, label, ignore)
    top = bottom = 0.0
    for k in sorted({c for _, c in found}):
        there = sum(c == k for _, c in found)
        w = (1.0 if weights is None else weights[k]) / there**2
        top += w * sum(p[k] * (c == k) for p, c in found)
        bottom += w * sum(p[k] + (c == k) for p, c in found)
    return 1 - 2 * top / bottom if found else 0.0


def tversky(
    logits: np.ndarray, label: np.ndarray, ignore: int, weights: Weights, alpha: float = 0.3, beta: float = 0.7
) -> float:
    costs, found = [], pixels(logits, label, ignore)
    present = sorted({c for _, c in found})
    for k in present:
        hits = sum(p[k] for p, c in found if c == k)
        alarms = sum(p[k] for p, c in found if c != k)
        misses = sum(1 - p[k] for p, c in found if c == k)
        costs.append(1 - hits / (hits + alpha * alarms + beta * misses))
    return weighed_mean(costs, present, weights)


def jaccard_loss(wrong: set[int], true: set[int]) -> float:
    """1 - IoU of what is predicted where exactly these pixels are wrong."""
    predicted = true ^ wrong
    return 1 - len(predicted & true) / len(predicted | true) if predicted | true else 0.0


def lovasz(logits: np.ndarray, label: np.ndarray, ignore: int, weights: Weights) -> float:
    """The Lovasz extension as an integral over t in [0, 1]: the Jaccard loss where errors above t are wrong."""
    costs, found = [], pixels(logits, label, ignore)
    present = sorted({c for _, c in found})
    for k in present:
        true = {at for at, (_, c) in enumerate(found) if c == k}
        errors = [abs((c == k) - p[k]) for p, c in found]
        steps = [0.0, *sorted(errors)]
        costs.append(
            sum(
                (high - low) * jaccard_loss({at for at, error in enumerate(errors) if error >= high}, true)
                for low, high in pairwise(steps)
            )
        )
    return weighed_mean(costs, present, weights)


def nearest(place: tuple[int, int], places: list[tuple[int, int]]) -> float:
    return min(math.dist(place, other) for other in places)


def boundary(logits: np.ndarray, label: np.ndarray, ignore: int, weights: Weights) -> float:
    shares, classes = probabilities(logits), logits.shape[1]
    w = np.ones(classes) if weights is None else weights
    total, count = 0.0, int((label != ignore).sum())
    for n, one in enumerate(label):
        counted = [place for place, c in np.ndenumerate(one) if c != ignore]
        for k in range(classes):
            inside = [place for place in counted if one[place] == k]
            outside = [place for place in counted if one[place] != k]
            if inside and outside:
                total += w[k] * sum((1 - shares[n, k][q]) * (nearest(q, outside) - 0.5) for q in inside)
                total += w[k] * sum(shares[n, k][q] * (nearest(q, inside) - 0.5) for q in outside)
    return total / (count * w.sum()) if count else 0.0


def border_map(label: np.ndarray, ignore: int, background: int, w0: float, sigma: float) -> np.ndarray:
    distances = [np.full(label.shape, np.inf)] * 2
    for k in set(label.ravel().tolist()) - {ignore, background}:
        pieces, count = ndimage.label(label == k, np.ones((3, 3)))
        distances += [ndimage.distance_transform_edt(pieces != piece) for piece in range(1, count + 1)]
    first, second = np.sort(distances, axis=0)[:2]
    return w0 * np.exp(-((first + second) ** 2) / (2 * sigma**2))


def unet(
    logits: np.ndarray,
    label: np.ndarray,
    ignore: int,
    weights: Weights,
    w0: float = 10.0,
    sigma: float = 5.0,
    background: int = 0,
) -> float:
    shares, top, bottom = probabilities(logits), 0.0, 0.0
    for n, one in enumerate(label):
        extra = border_map(one, ignore, background, w0, sigma)
        for place, c in np.ndenumerate(one):
            if c != ignore:
                w = 1.0 if weights is None else weights[c]
                top -= (w + extra[place]) * math.log(shares[n, c][place])
                bottom += w
    return top / bottom if bottom else 0.0


REFERENCES: dict[str, Callable[..., float]] = {
    "ce": ce,
    "focal": focal,
    "ohem": ohem,
    "dice": dice,
    "generalised_dice": generalised_dice,
    "tversky": tversky,
    "lovasz": lovasz,
    "boundary": boundary,
    "unet": unet,
}


def numeric_gradient(loss: Callable[[np.ndarray], float], logits: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """By central differences."""
    gradient = np.zeros_like(logits)
    for place in np.ndindex(logits.shape):
        up, down = logits.copy(), logits.copy()
        up[place] += step
        down[place] -= step
        gradient[place] = (loss(up) - loss(down)) / (2 * step)
    return gradient
