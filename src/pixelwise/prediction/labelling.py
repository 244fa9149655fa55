"""From images of any size to labels of the same size, with the network's own working size in between."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional as F

from pixelwise.data.dataset import Image
from pixelwise.data.files.images import with_channels
from pixelwise.errors import UserError
from pixelwise.machine import mixed_precision
from pixelwise.models import Network, Painter
from pixelwise.models.painter import color_logits
from pixelwise.prediction.painting import Picture, classes_of_picture, to_picture
from pixelwise.prediction.view import WHOLE, View


def working_size(height: int, width: int, size: tuple[int, int]) -> tuple[int, int]:
    """The size nearest to the image's own shape that has the area of ``size`` (height, width).

    >>> working_size(360, 480, (180, 240)), working_size(4000, 6000, (180, 240))
    ((180, 240), (170, 255))
    """
    scale = (size[0] * size[1] / (height * width)) ** 0.5
    return max(1, round(height * scale)), max(1, round(width * scale))


def to_working_size(image: Image, size: tuple[int, int]) -> Image:
    """The image at its working size: averaged where it shrinks, interpolated where it grows."""
    height, width = working_size(image.shape[0], image.shape[1], size)
    if (height, width) == image.shape[:2]:
        return image
    shrinks = height * width < image.shape[0] * image.shape[1]
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR_EXACT  # exported files can give the same
    parts = [image[..., first : first + 4] for first in range(0, image.shape[2], 4)]  # OpenCV has a limit of channels
    return np.dstack([np.asarray(cv2.resize(part, (width, height), interpolation=way), np.uint8) for part in parts])


AT_ONCE = 1 << 22  # logits that are resized at once

Labelled = tuple[UInt8[np.ndarray, "h w"], Float[np.ndarray, "h w"]]


def label_images(
    network: Network, images: Sequence[Image], size: tuple[int, int], *, view: View = WHOLE
) -> list[Labelled]:
    """Label (class indices) and confidence (the class's probability, in [0, 1]) of each image at its own size.

    network: in evaluation mode; grey images are made RGB, or RGB grey, as it wants them. size: the working size. Images
    of one shape are run as one batch. view: how it looks at them. What a painter paints is decoded as a lossy mask; its
    confidence is that of the nearest colour. Raises UserError for an image with other channels.
    """
    answers = answers_to(network, images, size, view=view)
    with torch.inference_mode():
        return [labelled(network, answer, image.shape) for image, answer in zip(images, answers, strict=True)]


def answers_to(
    network: Network, images: Sequence[Image], size: tuple[int, int], *, view: View = WHOLE
) -> list[Float[Tensor, "1 _ _ _"]]:
    """The logits, or what is painted, of each image at its working size. Takes and raises what `label_images` does."""
    device = network.mean.device
    seen = [_as_wanted(image, network.mean.numel()) for image in images]
    resized = [torch.tensor(to_working_size(image, size)).permute(2, 0, 1) for image in seen]
    with torch.inference_mode():
        if len({tensor.shape for tensor in resized}) == 1:
            together = _seen(network, torch.stack(resized).to(device), view)
            return [together[index : index + 1] for index in range(len(images))]
        return [_seen(network, tensor[None].to(device), view) for tensor in resized]


def labelled(network: Network, answer: Tensor, shape: tuple[int, ...]) -> Labelled:
    """Label and confidence at the size of the image, (height, width, ...), from one that `answers_to` gave."""
    logits = color_logits(answer, network.colors) if isinstance(network, Painter) else answer
    label, confidence = (values[0].cpu().numpy() for values in most_probable(logits, shape[:2]))
    if isinstance(network, Painter):
        label = classes_of_picture(to_picture(answer, shape), network.colors, label)
    return label, confidence


def label_with_probabilities(
    network: Network, image: Image, size: tuple[int, int], *, view: View = WHOLE
) -> tuple[Labelled, Float[np.ndarray, "k h w"]]:
    """What `label_images` gives for an image, and the probabilities of all classes, which sum to 1 in every pixel.

    They take as much memory as k float32 pictures. A painter's are those of the nearest colours.
    """
    [answer] = answers_to(network, [image], size, view=view)
    with torch.inference_mode():
        logits = color_logits(answer, network.colors) if isinstance(network, Painter) else answer
        rows = [grown.softmax(1)[0] for grown in _grown(logits, *image.shape[:2])]
        return labelled(network, answer, image.shape), torch.cat(rows, dim=1).cpu().numpy()


def paint_image(network: Painter, image: Image, size: tuple[int, int]) -> Picture:
    """What a painter paints from an image, (h, w, 3) RGB at the image's own size. size: the working size."""
    seen = to_working_size(_as_wanted(image, network.mean.numel()), size)
    with torch.inference_mode():
        painted = _run(network, torch.tensor(seen).permute(2, 0, 1)[None].to(network.mean.device))
    return to_picture(painted, image.shape)


def _as_wanted(image: Image, channels: int) -> Image:
    converted = with_channels(image, channels)
    if converted is None:
        raise UserError(
            f"the model takes images of {channels} channel{'s' * (channels > 1)}, but this one has {image.shape[2]}; "
            "use a model trained on such images"
        )
    return converted


def _seen(network: Network, batch: Tensor, view: View) -> Tensor:
    """What the network answers where it looks as asked."""
    if view.scales != (1,):
        once = replace(view, scales=(1,))
        return torch.stack([_seen_at(network, batch, once, scale) for scale in view.scales]).mean(0)
    whole = _by_tiles(network, batch, view.tile) if view.tile else _run(network, batch)
    if not view.flip:
        return whole
    return (whole + _seen(network, batch.flip(3), replace(view, flip=False)).flip(3)) / 2


def _seen_at(network: Network, batch: Tensor, view: View, scale: int | float) -> Tensor:
    """What it answers to the images at another size, at their size again; smoothed first where they shrink."""
    if scale == 1:
        return _seen(network, batch, view)
    height, width = batch.shape[-2:]
    size = max(1, round(height * scale)), max(1, round(width * scale))
    resized = F.interpolate(batch.float(), size=size, mode="bilinear", antialias=scale < 1)
    return F.interpolate(_seen(network, resized, view), size=(height, width), mode="bilinear")


def _by_tiles(network: Network, batch: Tensor, tile: tuple[int, int]) -> Tensor:
    """The mean of the answers to windows that lie half over each other."""
    height, width = batch.shape[-2:]
    windows = [
        (..., slice(top, top + tile[0]), slice(left, left + tile[1]))
        for top, left in product(_starts(height, tile[0]), _starts(width, tile[1]))
    ]
    answers = [_run(network, batch[window]) for window in windows]
    total = answers[0].new_zeros(*answers[0].shape[:2], height, width)
    seen = total.new_zeros(1, 1, height, width)
    for window, answer in zip(windows, answers, strict=True):
        total[window] += answer
        seen[window] += 1
    return total / seen


def _starts(side: int, tile: int) -> list[int]:
    """Where windows begin, the last one at the end.

    >>> _starts(10, 4), _starts(3, 4)
    ([0, 2, 4, 6], [0])
    """
    last = max(0, side - tile)
    return [*range(0, last, max(1, tile // 2)), last]


def _run(network: Network, batch: Tensor) -> Tensor:
    """The logits; of a painter, what it paints."""
    with mixed_precision(batch.device):
        answer: Tensor = network.paint(batch) if isinstance(network, Painter) else network(batch)
    return answer.float()


def most_probable(logits: Float[Tensor, "n k h w"], size: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Logits resized to ``size`` (bilinear): (n, H, W) label and probability of the most probable class.

    Some rows at a time, so that memory stays small where the image is large.
    """
    height, width = size
    labels, confidences = [], []
    for grown in _grown(logits, height, width):
        label, confidence = largest(grown.softmax(1))
        labels.append(label)
        confidences.append(confidence)
    return torch.cat(labels, dim=1), torch.cat(confidences, dim=1)


def largest(values: Float[Tensor, "n k h w"]) -> tuple[UInt8[Tensor, "n h w"], Float[Tensor, "n h w"]]:
    """Which of the k values, 256 at most, of every pixel is the largest, the first of equals; and that value.

    On a processor in half the time of torch's own `max`, which also takes eight bytes for each index.

    >>> [found.tolist() for found in largest(torch.tensor([1.0, 3.0, 3.0])[None, :, None, None])]
    [[[[1]]], [[[3.0]]]]
    """
    last = values.shape[1] - 1
    most = values.amax(1, keepdim=True)
    from_the_end = torch.arange(last, -1, -1, dtype=torch.uint8, device=values.device)[:, None, None]
    return last - (values == most).view(torch.uint8).mul_(from_the_end).amax(1), most[:, 0]


def _grown(logits: Tensor, height: int, width: int) -> Iterator[Tensor]:
    """Logits (n, k, h, w) resized to (n, k, height, width), some rows at a time."""
    many = max(1, AT_ONCE // (len(logits) * logits.shape[1] * width))
    if logits.shape[-2:] == (height, width):
        yield from torch.split(logits, many, dim=2)
        return
    last = logits.shape[2] - 1
    wide = F.interpolate(logits, size=(last + 1, width), mode="bilinear")  # its rows are grown below
    places = ((torch.arange(height, device=logits.device) + 0.5) * (last + 1) / height - 0.5).clamp(0, last)
    for rows in torch.split(places, many):
        above = rows.floor().long()
        yield torch.lerp(wide[:, :, above], wide[:, :, (above + 1).clamp(max=last)], (rows - above)[:, None])
