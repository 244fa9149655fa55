"""From the painted street to the photo: rain, night, optics, sensor and JPEG."""

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from pixelwise.data.streets.classes import ROAD, SIDEWALK
from pixelwise.data.streets.textures import grain
from pixelwise.data.streets.weather import Weather

Pixels = npt.NDArray[np.uint8]
Plane = npt.NDArray[np.float32]


def develop(rng: np.random.Generator, painted: Pixels, label: Pixels, weather: Weather, horizon: float) -> Pixels:
    """Turns the painted (h, w, 4) into the photo (h, w, 3) that a dash camera would have saved."""
    light = painted[..., :3].astype(np.float32)
    if weather.wet:
        light = mirrored(light, label, horizon)
    if weather.night:
        light = lamplit(light, painted[..., 3], weather)
    else:
        light *= np.array(weather.tint, np.float32)
    if weather.wet:
        light = rained(rng, light)
    light *= vignette(*label.shape) * np.float32(rng.uniform(0.85, 1.12))
    sigma = label.shape[0] / 256 * rng.uniform(0.35, 0.75)
    blurred = cv2.GaussianBlur(light, (0, 0), sigma)
    grainy = blurred + noise(rng, label.shape) * np.float32(rng.uniform(1.5, 5) + 3 * weather.night)
    return compressed(np.clip(grainy, 0, 255).astype(np.uint8), int(rng.integers(70, 96)))


def mirrored(light: Plane, label: Pixels, horizon: float) -> Plane:
    """A wet ground shows what stands above the horizon, upside down and smeared."""
    height = len(light)
    rows = np.clip(2 * horizon - np.arange(height), 0, height - 1).astype(int)
    mirror = cv2.blur(light[rows], (3, max(3, height // 20)))
    wet = np.where(label == ROAD, 0.42, np.where(label == SIDEWALK, 0.2, 0)).astype(np.float32)[..., None]
    return np.asarray(light * (1 - wet) + mirror * wet, np.float32)


def lamplit(light: Plane, lit: Pixels, weather: Weather) -> Plane:
    """Night: dark but for what is lit, and a bloom around the lamps."""
    share = (lit.astype(np.float32) / 255)[..., None]
    lamps = light * (share > 0.95) * (light.max(axis=2, keepdims=True) > 170)
    small = cv2.resize(lamps, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    bloom = cv2.resize(cv2.GaussianBlur(small, (0, 0), max(len(light) / 90, 0.5)), light.shape[1::-1])
    warm = np.array([1.0, 0.93, 0.8], np.float32)
    dark = np.array(weather.tint, np.float32)
    return np.asarray(light * (dark * (1 - share) + warm * share) + 0.7 * bloom, np.float32)


def rained(rng: np.random.Generator, light: Plane) -> Plane:
    """Falling drops, as streaks."""
    height, width = light.shape[:2]
    drops = int(rng.integers(60, 160))
    start = rng.uniform((0, 0), (width, height), (drops, 2))
    length = rng.uniform(0.03, 0.09, (drops, 1)) * height
    streaks = np.stack([start, start + length * (rng.uniform(-0.25, 0.25), 1)], axis=1)
    layer = np.zeros((height, width), np.uint8)
    cv2.polylines(layer, list(np.rint(streaks).astype(np.int32)), False, 255)
    share = layer[..., None] * np.float32(rng.uniform(0.12, 0.25) / 255)
    return light + (np.float32(215) - light) * share


@lru_cache(maxsize=8)
def vignette(height: int, width: int) -> Plane:
    """(h, w, 1): the lens is a little darker towards the corners."""
    down, across = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None]
    return (1 - 0.11 * (down**2 + across**2))[..., None].astype(np.float32)


def noise(rng: np.random.Generator, size: tuple[int, ...]) -> Plane:
    """(h, w, 3) sensor noise with the spread 1, cut at random from a stored field."""
    height, width = size
    field = grain()
    top, left = rng.integers(field.shape[0]), rng.integers(field.shape[1])
    rows = (np.arange(height) + top) % field.shape[0]
    columns = (np.arange(width) + left) % field.shape[1]
    return np.asarray(field[rows][:, columns], np.float32)


def compressed(image: Pixels, quality: int) -> Pixels:
    """The image after JPEG."""
    _, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.ascontiguousarray(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)[..., ::-1])
