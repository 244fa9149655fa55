"""One scene: a plan, what stands on it, painted from far to near, and photographed."""

import cv2
import numpy as np
import numpy.typing as npt

from pixelwise.data.streets.camera import NEAREST
from pixelwise.data.streets.canvas import Canvas
from pixelwise.data.streets.classes import VOID
from pixelwise.data.streets.facades import skyline
from pixelwise.data.streets.ground import FAR, light_ground, mist_over_ground, paint_ground, paint_shadows
from pixelwise.data.streets.lens import develop
from pixelwise.data.streets.plan import sample_camera, sample_street
from pixelwise.data.streets.population import populate
from pixelwise.data.streets.textures import clouds
from pixelwise.data.streets.weather import paint_sky, sample_weather

HEIGHT, WIDTH = 256, 320
SMALLEST = 25.0  # pixels of height below which a thing is left out: nobody could label it
BONNETS = 0.25  # the share of scenes with our own car in the picture
Pixels = npt.NDArray[np.uint8]


def render(seed: int, index: int, *, height: int = HEIGHT, width: int = WIDTH) -> tuple[Pixels, Pixels]:
    """Draws a street scene and its label, which are made of the same shapes.

    seed, index: any two integers from 0; the same pair always gives the same scene. height, width: pixels.
    Returns the image (height, width, 3) uint8 RGB and the label (height, width) uint8: indices of
    `pixelwise.labels.CAMVID11`, 255 where nothing is to be learnt (our own bonnet, a bin, a dog).

    >>> image, label = render(0, 0, height=64, width=80)
    >>> image.shape, label.shape
    ((64, 80, 3), (64, 80))
    """
    rng = np.random.default_rng([seed, index])
    weather = sample_weather(rng)
    camera = sample_camera(rng, height, width)
    street = sample_street(rng)
    canvas = Canvas(camera, weather)
    _sky_and_skyline(rng, canvas)
    items = [item for item in populate(rng, street) if item.z > NEAREST and camera.size(item.height, item.z) > SMALLEST]
    paint_ground(canvas, street)
    paint_shadows(canvas, [blob for item in items for blob in item.shadow])
    mist_over_ground(canvas)
    if weather.night:
        light_ground(canvas, [item.lamp for item in items if item.lamp])
    for item in sorted(items, key=lambda item: -item.z):
        item.paint(canvas)
    if rng.random() < BONNETS:
        _bonnet(rng, canvas)
    return develop(rng, canvas.image, canvas.label, weather, camera.horizon), canvas.label


def _sky_and_skyline(rng: np.random.Generator, canvas: Canvas) -> None:
    field = clouds()
    top, left = (int(rng.integers(size // 2)) for size in field.shape)
    cut = field[top : top + field.shape[0] // 2, left : left + field.shape[1] // 2]
    paint_sky(canvas.image, canvas.weather, canvas.camera.horizon, cut)
    skyline(canvas, rng, FAR)


def _bonnet(rng: np.random.Generator, canvas: Canvas) -> None:
    """Our own car at the lower edge of the picture, which is none of the classes."""
    height, width = canvas.label.shape
    across = np.linspace(-1, 1, 17)
    top = height * (1 - rng.uniform(0.05, 0.1) * (1 - across**2 * rng.uniform(0.3, 0.8)))
    outline = np.column_stack([(across + 1) / 2 * width, top])
    outline = np.rint(np.concatenate([outline, [[width, height], [0, height]]])).astype(np.int32)
    color = (*(rng.uniform(20, 140) * np.array([1.0, 1.02, 1.06])).tolist(), 60.0)
    cv2.fillPoly(canvas.image, [outline], color)
    cv2.fillPoly(canvas.label, [outline], VOID)
