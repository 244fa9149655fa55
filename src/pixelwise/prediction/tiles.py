"""Images of any size, labelled at their own scale in memory that does not grow with their height.

The image is cut into tiles that lie over each other. Rows of tiles follow from top to bottom, and in a row tiles from
left to right. Where two overlap, their logits are faded into each other by Gaussian weights, as in nnU-Net (Isensee et
al. 2021, methods, "inference"); only the logits of these seams are kept until both tiles are seen, all others become
classes at once. So what is in memory is one row of tiles of the image, the logits of one tile, and those of one seam as
wide as the image.

What a network answers depends on what it sees around. In the middle between two tiles, where either counts half, each
has seen half the overlap beyond; the deeper the network looks around, the larger the overlap has to be. Tiles begin at
multiples of the network's stride, so that its pixels fall as they do in the whole image.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional as F

from pixelwise.data.dataset import Image
from pixelwise.data.files.windows import Rows, rows_of
from pixelwise.errors import UserError
from pixelwise.models import Network, Painter
from pixelwise.models.painter import color_logits
from pixelwise.prediction.labelling import Labelled, answers_to, largest
from pixelwise.prediction.view import WHOLE, View
from pixelwise.progress import track

SIDE = 2048  # pixels of a tile that the network sees; larger ones need more memory, smaller ones more time
MOST = 4096  # pixels of a tile in the image, where it is shrunk
OVERLAP = 0.16
READ = 2**25  # numbers of the image that are read at once
STEEP = 5.0  # a tile's weight at its edge is e^-5 of that of the other tile


@dataclass(frozen=True)
class Tiles:
    """How an image is labelled tile by tile.

    tile: height and width of the largest tile, in pixels of the image; None: such that the network sees 2048 x 2048
    pixels, but at most 4096 x 4096 of the image. overlap: of neighbours, as a share of the tile, in [0, 0.5]. scale: of
    the image as the network sees it; 1: each pixel as it is.

    Raises UserError for other values.

    >>> Tiles().size, Tiles(scale=0.5).size, Tiles((1024, 512)).size
    ((2048, 2048), (4096, 4096), (1024, 512))
    """

    tile: tuple[int, int] | None = None
    overlap: int | float = OVERLAP
    scale: int | float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.overlap <= 0.5:
            raise UserError(f"tiles overlap by 0 to 0.5 of their size, not {self.overlap:g}; 0.16 is usual")
        if not 0.05 <= self.scale <= 8:
            raise UserError(f"the scale is from 0.05 to 8, not {self.scale:g}; 1 takes each pixel as it is")

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the largest tile."""
        side = min(MOST, round(SIDE / self.scale))
        return self.tile or (side, side)


class Part(NamedTuple):
    """A tile along one side of the image, in pixels of it.

    seen: by the network. start, end: of what it answers for, which lies farther inside except at the image's edges.
    rise: pixels from the start that the tile before answers for, too. done: where the next tile starts; at the last
    tile the end.
    """

    seen: slice
    start: int
    rise: int
    done: int
    end: int


def cut(length: int, tile: int, overlap: int | float, stride: int) -> list[Part]:
    """Cuts a side into tiles that are equally long and begin at multiples of the stride.

    tile: pixels of the longest that the network may see. overlap: share of it that two see both. In the middle eighth
    of that both answer; of the rest only the one that sees more around it.

    >>> cut(100, 400, 0.25, 8)
    [Part(seen=slice(0, 100, None), start=0, rise=0, done=100, end=100)]
    >>> for part in cut(1000, 400, 0.25, 8):
    ...     print(f"sees {part.seen.start} to {part.seen.stop}, answers for {part.start} to {part.end}")
    sees 0 to 400, answers for 0 to 358
    sees 304 to 704, answers for 346 to 662
    sees 600 to 1000, answers for 650 to 1000
    """
    tile = max(tile, 2 * stride)
    if length <= tile:
        return [Part(slice(0, length), 0, 0, length, length)]
    tile = tile // stride * stride
    both = stride * round(overlap * tile / stride)
    fade = both // 8
    margin = (both - fade) // 2
    many = -(-(length - both) // (tile - both))
    step = stride * -(-(length - both) // (many * stride))
    latest = max(0, stride * -(-(length - step - both) // stride))  # where the last one begins, to be as long
    parts = []
    for first in range(0, length - both, step):
        last = first + step >= length - both
        start, done = first + margin if first else 0, length if last else first + step + margin
        seen = slice(min(first, latest), min(first + step + both, length))
        parts.append(Part(seen, start, fade if first else 0, done, length if last else done + fade))
    return parts


class Labels(NamedTuple):
    """Some rows of a labelled image: the class of every pixel and its probability, in [0, 1], where that is wanted."""

    label: UInt8[np.ndarray, "h w"]
    confidence: Float[np.ndarray, "h w"] | None


def label_rows(
    network: Network, rows: Rows, tiles: Tiles, *, view: View = WHOLE, confidence: bool = False, what: str = ""
) -> Iterator[Labels]:
    """The labels of an image from top to bottom, some rows at a time; the next are made when they are asked for.

    network: in evaluation mode; of a painter the classes of the nearest colours are given. rows: grey or RGB as the
    network wants it, or with its channels. view: how it looks at each tile. confidence: whether it is wanted. what:
    is shown with the progress; "" shows none. Raises UserError as `label_images` does.

    >>> from pixelwise.data.files.windows import rows_of
    >>> from pixelwise.models import build_network
    >>> network, image = build_network("unet", 4, width=4).eval(), np.zeros((100, 70, 3), np.uint8)
    >>> [labels.label.shape for labels in label_rows(network, rows_of(image), Tiles((64, 64), 0.25))]
    [(55, 70), (45, 70)]
    """
    down = cut(rows.height, tiles.size[0], tiles.overlap, network.stride)
    across = cut(rows.width, tiles.size[1], tiles.overlap, network.stride)
    seam: Tensor | None = None  # (k, fade, width): logits of rows that the next tiles answer for, too
    for part, image in _bands(rows, track(down, what) if what else down):
        label = np.empty((part.done - part.start, rows.width), np.uint8)
        sure = np.empty(label.shape, np.float32) if confidence else None
        with torch.inference_mode():  # not where it yields: what follows there would run in it too
            for columns, logits in _columns(network, image, part, across, scale=tiles.scale, view=view):
                _fade(logits, part, axis=1)
                if seam is not None and part.rise:
                    logits[:, : part.rise] += seam[..., columns]
                if part.end > part.done:
                    seam = logits.new_empty(len(logits), part.end - part.done, rows.width) if seam is None else seam
                    seam[..., columns] = logits[:, len(label) :]
                _classify(logits[:, : len(label)], label[:, columns], None if sure is None else sure[:, columns])
                del logits  # before the next ones are made
        yield Labels(label, sure)


def label_by_tiles(network: Network, image: Image, tiles: Tiles, *, view: View = WHOLE) -> Labelled:
    """Label and confidence of an image in memory, as `label_images` gives them. Takes what `label_rows` does.

    >>> from pixelwise.models import build_network
    >>> label, sure = label_by_tiles(build_network("unet", 4, width=4).eval(), np.zeros((9, 7, 3), np.uint8), Tiles())
    >>> label.shape, sure.shape
    ((9, 7), (9, 7))
    """
    found = list(label_rows(network, rows_of(image), tiles, view=view, confidence=True))
    sure = [confidence for _, confidence in found if confidence is not None]
    return np.concatenate([label for label, _ in found]), np.concatenate(sure)


def _bands(rows: Rows, parts: Iterable[Part]) -> Iterator[tuple[Part, Image]]:
    """The rows that each part sees, all in one place in memory; those that the one before saw are not read again."""
    first = rows.read(0, 1)
    step = max(1, READ // first.size)
    band = np.empty((0, *first.shape[1:]), np.uint8)
    stop = height = 0
    for part in parts:
        kept, before = stop - part.seen.start, height
        height = part.seen.stop - part.seen.start
        if height > len(band):  # the first; later ones are no higher
            band = np.empty((height, *first.shape[1:]), np.uint8)
        band[:kept] = band[before - kept : before]
        for top in range(stop, part.seen.stop, step):
            bottom = min(top + step, part.seen.stop)
            band[top - part.seen.start : bottom - part.seen.start] = rows.read(top, bottom)
        stop = part.seen.stop
        yield part, band[:height]


def _columns(
    network: Network, image: Image, row: Part, parts: Iterable[Part], *, scale: int | float, view: View
) -> Iterator[tuple[slice, Float[Tensor, "k h _"]]]:
    """Columns of a row of tiles that no later tile answers for, from left to right: where they are, and their logits.

    image: what the row of tiles sees; given are the rows that it answers for.
    """
    inner = slice(row.start - row.seen.start, row.end - row.seen.start)
    before: Tensor | None = None
    for part in parts:
        logits = _look(network, image[:, part.seen], scale, view)[:, inner]
        logits = logits[..., part.start - part.seen.start : part.end - part.seen.start]
        _fade(logits, part, axis=2)
        if before is not None:
            logits[..., : part.rise] += before
        before = logits[..., part.done - part.start :].clone()
        yield slice(part.start, part.done), logits[..., : part.done - part.start]
        del logits


def _look(network: Network, image: Image, scale: int | float, view: View) -> Float[Tensor, "k h w"]:
    """The logits of a tile, a pixel of it each."""
    height, width = image.shape[:2]
    [answer] = answers_to(network, [image], (max(1, round(height * scale)), max(1, round(width * scale))), view=view)
    logits = color_logits(answer, network.colors) if isinstance(network, Painter) else answer
    if logits.shape[2:] != (height, width):
        logits = F.interpolate(logits, size=(height, width), mode="bilinear")
    return logits[0]


def _fade(logits: Tensor, part: Part, axis: int) -> None:
    """Weighs the logits of a tile where its neighbours along an axis answer too; all weights of a pixel sum to 1.

    Of two Gaussians of one width, a step apart, the share of one is a logistic function of the place between them.
    """
    for place, pixels, sign in ((0, part.rise, 1), (part.done - part.start, part.end - part.done, -1)):
        if pixels:
            across = torch.linspace(-1 + 1 / pixels, 1 - 1 / pixels, pixels, device=logits.device)
            share = torch.sigmoid(sign * STEEP * across).view([-1 if at == axis else 1 for at in range(3)])
            logits.narrow(axis, place, pixels).mul_(share)


def _classify(logits: Tensor, label: UInt8[np.ndarray, "h w"], sure: Float[np.ndarray, "h w"] | None) -> None:
    """Writes the most probable classes, and their probabilities where they are wanted."""
    classes, most = (found[0] for found in largest(logits[None]))
    label[:] = classes.cpu().numpy()
    if sure is not None:
        sure[:] = (most - logits.logsumexp(0)).exp().cpu().numpy()
