"""What spoils a picture on its way to the network: blur, noise and JPEG.

By OpenCV and numpy on the processor, wherever the pictures are, so that every device sees the same.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial

import cv2
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from pixelwise.training.recipe import Recipe

BLUR = (0.5, 2.0)  # pixels of the crop; standard deviation of a Gaussian blur, log-uniform
QUALITY = (30, 95)  # of JPEG, evenly

Pixels = Float[np.ndarray, "h w c"]
Step = Callable[[Pixels], Pixels]
Happens = Callable[[str, float], np.random.Generator | None]  # of `augmentation.Drawn`


def draw_degrading(recipe: Recipe, happens: Happens) -> list[Step]:
    """What befalls one picture, in this order: blur, noise, JPEG; often nothing."""
    steps: list[Step] = []
    if random := happens("blur", recipe.blur):
        steps.append(partial(blurred, sigma=math.exp(random.uniform(math.log(BLUR[0]), math.log(BLUR[1])))))
    if random := happens("noise", float(recipe.noise > 0)):
        steps.append(partial(noisy, deviation=random.uniform(0, recipe.noise), random=random))
    if random := happens("jpeg", recipe.jpeg):
        steps.append(partial(compressed, quality=int(random.integers(QUALITY[0], QUALITY[1] + 1))))
    return steps


def degrade(images: Float[Tensor, "n c h w"], steps: Sequence[Sequence[Step]]) -> None:
    """Changes the images, each by its own steps of `draw_degrading`, in place."""
    for image, own in zip(images, steps, strict=True):
        if own:
            pixels = image.permute(1, 2, 0).cpu().numpy()
            for step in own:
                pixels = step(pixels)
            image.copy_(torch.from_numpy(pixels).permute(2, 0, 1))


def blurred(pixels: Pixels, sigma: float) -> Pixels:
    """A Gaussian blur; sigma: its standard deviation in pixels.

    >>> blurred(np.array([[[0], [90], [0], [0]]], np.float32), 1.0).round().tolist()
    [[[44.0], [41.0], [23.0], [10.0]]]
    """
    return np.clip(cv2.GaussianBlur(pixels, (0, 0), sigma), 0, 255).reshape(pixels.shape)  # its sums are not quite 1


def noisy(pixels: Pixels, deviation: float, random: np.random.Generator) -> Pixels:
    """Gaussian noise, another in every pixel and channel, cut off at black and white.

    deviation: standard deviation in grey levels of 255.

    >>> noisy(np.full((1, 2, 1), 100, np.float32), 1.0, np.random.default_rng(0)).round().tolist()
    [[[101.0], [99.0]]]
    """
    noise = random.standard_normal(pixels.shape, np.float32)
    noise *= np.float32(deviation)
    noise += pixels
    return np.clip(noise, 0, 255, out=noise)


def compressed(pixels: Pixels, quality: int) -> Pixels:
    """As a JPEG file of this quality, 1 to 100, would show it; other than grey and RGB, as it is.

    >>> compressed(np.full((8, 8, 3), 100.4, np.float32), 30)[0, 0].tolist()
    [101.0, 101.0, 101.0]
    """
    channels = pixels.shape[2]
    if channels not in (1, 3):
        return pixels
    whole = np.rint(pixels[..., ::-1]).astype(np.uint8)  # OpenCV's colours are blue, green, red
    _, file = cv2.imencode(".jpg", whole, [cv2.IMWRITE_JPEG_QUALITY, quality])
    read = cv2.imdecode(file, cv2.IMREAD_COLOR if channels == 3 else cv2.IMREAD_GRAYSCALE)
    return np.asarray(read, np.float32).reshape(pixels.shape)[..., ::-1].copy()
