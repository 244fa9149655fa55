"""Offsets of the classes: what each one's logit lacks for the best mean IoU, fitted once the weights are learnt.

Cross-entropy finds probabilities, and the most probable class gives the highest accuracy; but the highest mean IoU is
reached where a rare class is called well before it is the most probable (Koyejo et al., "Consistent Binary
Classification with Generalized Performance Metrics", NIPS 2014; Narasimhan et al., "Consistent Multiclass Algorithms
for Complex Performance Measures", ICML 2015). So one number per class is added to its logits, as in Menon et al.,
"Long-Tail Learning via Logit Adjustment", ICLR 2021, but found by what it brings on validation images.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional as F

from pixelwise.data import Split
from pixelwise.models import Network
from pixelwise.prediction.labelling import answers_to
from pixelwise.prediction.view import WHOLE, View
from pixelwise.progress import track

PIXELS = 1_000_000  # drawn in all, and no more than that of an image:
PER_IMAGE = 10_000
STEPS = torch.linspace(-4, 4, 81)  # that are tried
SWEEPS = 3  # over all classes


@dataclass(frozen=True)
class Offsets:
    """One number per class, and what it brings. Scores are mean IoU, in [0, 1], over the drawn pixels.

    without: with none of them. crosswise: each half of the images scored with those fitted on the other half, so on
    images that they have not seen.
    """

    values: tuple[float, ...]
    without: float
    crosswise: float

    @property
    def help(self) -> bool:
        """Whether they are better than none on images that they have not seen."""
        return self.crosswise > self.without

    @property
    def reached(self) -> float:
        """The mean IoU of a network that has them if they help."""
        return max(self.crosswise, self.without)


Pixels = tuple[Float[Tensor, "_ k"], Int64[Tensor, " _"]]  # logits and truth of as many pixels as were drawn


def offsets_of(
    network: Network, samples: Split, size: tuple[int, int], *, ignore: int, view: View = WHOLE
) -> Offsets | None:
    """The offsets of a trained network's classes for the best mean IoU over a split, at the labels' own resolution.

    size, view: as of `label_images`. ignore: the label that is not counted. None for fewer than two images.
    """
    if len(samples) < 2:
        return None
    drawn = min(PER_IMAGE, PIXELS // len(samples))
    images = []
    for index, sample in enumerate(track(samples, "fitting the classes' offsets")):
        [logits] = answers_to(network, [sample.image], size, view=view)
        images.append(_drawn(logits, sample.label, ignore, count=drawn, seed=index))
    half = len(images) // 2  # the first and the last, for neighbours may be of one film
    first, last, whole = _joined(images[:half]), _joined(images[half:]), _joined(images)
    none = torch.zeros(whole[0].shape[1])
    crosswise = counts_with(*first, fit_offsets(*last)) + counts_with(*last, fit_offsets(*first))
    without, across = (float(_mean_iou(counts)) for counts in (counts_with(*whole, none), crosswise))
    return Offsets(tuple(fit_offsets(*whole).tolist()), without, across)


def _drawn(logits: Tensor, label: np.ndarray, ignore: int, *, count: int, seed: int) -> Pixels:
    """Logits and truth of pixels drawn by chance, the logits as a bilinear resizing would have them there."""
    places = np.flatnonzero(label != ignore)
    places = np.random.default_rng(seed).choice(places, min(count, len(places)), replace=False)
    rows, columns = np.unravel_index(places, label.shape)
    middles = [(2 * at + 1) / side - 1 for at, side in zip((columns, rows), label.shape[::-1], strict=True)]
    grid = torch.tensor(np.stack(middles, axis=-1), dtype=torch.float32)[None, None]
    found = F.grid_sample(logits.cpu(), grid, mode="bilinear", padding_mode="border", align_corners=False)
    return found[0, :, 0].T, torch.tensor(label.flat[places], dtype=torch.int64)


def _joined(images: Sequence[Pixels]) -> Pixels:
    return torch.cat([logits for logits, _ in images]), torch.cat([truth for _, truth in images])


def fit_offsets(logits: Float[Tensor, "n k"], truth: Int64[Tensor, " n"]) -> Float[Tensor, " k"]:
    """One class after the other gets the offset, from -4 to 4 in steps of 0.1, with the highest mean IoU.

    The offsets have a mean of 0, for what all classes share decides nothing.

    >>> fit_offsets(torch.tensor([[1.0, 0.0], [0.5, 0.0], [0.3, 0.0]]), torch.tensor([0, 1, 1]))
    tensor([-0.4000,  0.4000])
    """
    offsets = torch.zeros(logits.shape[1])
    best = _mean_iou(counts_with(logits, truth, offsets))
    for _ in range(SWEEPS):
        before = best
        for index in range(len(offsets)):
            reached = _mean_iou(_counts_at_steps(logits, truth, offsets, index))
            if reached.max() > best:
                best = reached.max()
                offsets[index] = STEPS[reached == best].median()  # of several the middle
        if best == before:
            break
    return offsets - offsets.mean()


def _counts_at_steps(logits: Tensor, truth: Tensor, offsets: Tensor, index: int) -> Int64[Tensor, "steps k k"]:
    """The confusion matrix for every step as the offset of one class; rows = truth.

    A pixel is called that class from the step on that lifts its logit over the highest of the others.
    """
    classes, steps = len(offsets), len(STEPS)
    others = logits + offsets
    others[:, index] = -torch.inf
    highest, other = others.max(1)
    place = torch.bucketize(highest - logits[:, index], STEPS, right=True)
    cells = ((truth * classes + other) * (steps + 1) + place).bincount(minlength=classes**2 * (steps + 1))
    called = cells.view(classes, classes, steps + 1)[..., :steps].cumsum(2)  # so by each step, by truth and other class
    counts = cells.view(classes, classes, steps + 1).sum(2, keepdim=True) - called
    counts[:, index] += called.sum(1)
    return counts.permute(2, 0, 1)


def counts_with(
    logits: Float[Tensor, "n k"], truth: Int64[Tensor, " n"], offsets: Float[Tensor, " k"]
) -> Int64[Tensor, "k k"]:
    """The confusion matrix of pixels labelled with these offsets; rows = truth.

    >>> counts_with(torch.tensor([[1.0, 0.0], [0.5, 0.0]]), torch.tensor([0, 1]), torch.tensor([0.0, 0.7])).tolist()
    [[1, 0], [0, 1]]
    """
    classes = len(offsets)
    return (truth * classes + (logits + offsets).argmax(1)).bincount(minlength=classes**2).view(classes, classes)


def _mean_iou(counts: Int64[Tensor, "*steps k k"]) -> Tensor:
    """Over the classes that occur, as `pixelwise.metrics.mean_iou`, of many matrices at once."""
    hit = counts.diagonal(dim1=-2, dim2=-1)
    return (hit / (counts.sum(-1) + counts.sum(-2) - hit)).nanmean(-1)
