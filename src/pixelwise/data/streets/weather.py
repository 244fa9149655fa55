"""Sky, light and air: what kind of day it is, and what it does to colours."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from pixelwise.data.streets.palette import Color

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Weather:
    """One kind of day. Colours are RGB, 0-255.

    sun: metres (x, z) that a shadow runs along the ground per metre of height, None without shadows.
    visibility: metres after which two thirds of an object's colour are gone. tint: gain per channel.
    clouds: 0 none to 1 all over. shade: how bright the ground is in a shadow, against 1 beside it.
    """

    kind: str
    sky_top: Color
    sky_low: Color
    mist_color: Color
    visibility: float
    sun: tuple[float, float] | None
    tint: Color
    clouds: float
    shade: float

    @property
    def night(self) -> bool:
        """Whether lamps and windows are lit."""
        return self.kind == "night"

    @property
    def wet(self) -> bool:
        """Whether the road mirrors."""
        return self.kind == "rain"

    def mist(self, distance: float) -> float:
        """The share of the mist's colour in what is seen at a distance, in metres."""
        return 1.0 - float(np.exp(-max(distance, 0.0) / self.visibility))

    def misted(self, color: Color, mist: float) -> Color:
        """A colour behind a share of mist."""
        red, green, blue = (own * (1 - mist) + grey * mist for own, grey in zip(color, self.mist_color, strict=True))
        return red, green, blue

    def wall_light(self, side: float) -> float:
        """How bright a wall is that looks along x towards ``side`` (+1 right, -1 left, 0 at us)."""
        if self.sun is None:
            return 0.92 + 0.05 * abs(side)
        across, along = self.sun
        facing = -side * across if side else along
        return float(np.clip(0.9 + 0.22 * facing, 0.62, 1.12))


CLEAR = Weather(
    kind="clear",
    sky_top=(70, 125, 200),
    sky_low=(170, 200, 225),
    mist_color=(190, 205, 220),
    visibility=220,
    sun=(0.8, 0.0),
    tint=(1.0, 1.0, 1.0),
    clouds=0.4,
    shade=0.5,
)
LOW_SUN = Weather(
    kind="low sun",
    sky_top=(95, 120, 175),
    sky_low=(250, 205, 150),
    mist_color=(240, 205, 165),
    visibility=130,
    sun=(1.8, 0.0),
    tint=(1.1, 0.97, 0.82),
    clouds=0.4,
    shade=0.45,
)
OVERCAST = Weather(
    kind="overcast",
    sky_top=(168, 174, 182),
    sky_low=(205, 208, 212),
    mist_color=(200, 205, 210),
    visibility=140,
    sun=None,
    tint=(0.94, 0.96, 0.99),
    clouds=0.7,
    shade=0.7,
)
RAIN = replace(
    OVERCAST,
    kind="rain",
    sky_top=(123, 129, 137),
    sky_low=(155, 158, 162),
    mist_color=(150, 156, 163),
    visibility=85,
    tint=(0.85, 0.89, 0.94),
    shade=0.8,
)
FOG = replace(OVERCAST, kind="fog", sky_top=(205, 208, 212), visibility=45, clouds=0.0, shade=0.85)
NIGHT = Weather(
    kind="night",
    sky_top=(14, 18, 38),
    sky_low=(42, 40, 58),
    mist_color=(26, 28, 44),
    visibility=120,
    sun=None,
    tint=(0.5, 0.52, 0.64),
    clouds=0.3,
    shade=0.75,
)
# How often a day is of which kind.
DAYS = ((CLEAR, 0.32), (LOW_SUN, 0.16), (OVERCAST, 0.22), (RAIN, 0.12), (FOG, 0.06), (NIGHT, 0.12))


def sample_weather(rng: np.random.Generator) -> Weather:
    """Draws a day: its kind, the tone of its sky, its clouds, where its sun stands."""
    ends = np.cumsum([share for _, share in DAYS])
    day = DAYS[min(int(np.searchsorted(ends, rng.random())), len(DAYS) - 1)][0]
    drift = rng.uniform(-12, 12) * (0.3 if day.night else 1.0)
    sun = None
    if day.sun:
        sun = (day.sun[0] * rng.uniform(0.6, 1.35) * (1 if rng.random() < 0.5 else -1), rng.uniform(-0.8, 0.8))
    return replace(
        day,
        sky_top=tinted(day.sky_top, drift),
        sky_low=tinted(day.sky_low, drift),
        visibility=day.visibility * rng.uniform(0.8, 1.25),
        sun=sun,
        clouds=day.clouds * rng.uniform(0.0, 2.0),
    )


def tinted(color: Color, drift: float) -> Color:
    """A colour with a little more or less of red and green."""
    red, green, blue = color
    return red + drift, green + drift, blue


def paint_sky(image: Pixels, weather: Weather, horizon: float, clouds: Pixels) -> None:
    """Fills the image with sky: a gradient down to the horizon row, and clouds (h, w) uint8 in it."""
    height, width = image.shape[:2]
    rows = int(np.clip(horizon + 2, 1, height))
    down = np.clip(np.arange(rows, dtype=np.float32) / max(horizon, 1.0), 0, 1)[:, None]
    low = np.array(weather.sky_low, np.float32)
    sky = ((1 - down) * np.array(weather.sky_top, np.float32) + down * low)[:, None]
    density = cv2.resize(clouds, (width, height))[:rows].astype(np.float32)
    cover = np.clip((density - 150 + 60 * weather.clouds) / 70, 0, 1) * (0.8 * min(weather.clouds * 2, 1))
    image[:rows, :, :3] = sky + (np.minimum(low * 1.12 + 8, 255) - sky) * cover[..., None]
