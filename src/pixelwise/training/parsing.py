"""What people write for a duration, a size or an option of a model."""

import math
from typing import Any

import yaml

from pixelwise.errors import UserError


def parse_duration(text: str) -> float:
    """ "90s", "30m", "1.5h" or plain seconds -> seconds. Raises UserError for anything else.

    >>> parse_duration("30m"), parse_duration("1.5h")
    (1800.0, 5400.0)
    """
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    number, unit = (text[:-1], units[text[-1]]) if text[-1:] in units else (text, 1)
    try:
        seconds = float(number) * unit
    except ValueError:
        seconds = 0
    if not 0 < seconds < math.inf:
        raise UserError(f"'{text}' is no duration; write 90s, 30m or 2h")
    return seconds


def parse_size(text: str) -> tuple[int, int]:
    """ "192x256" (height x width) -> (192, 256). Raises UserError for anything else.

    >>> parse_size("192x256")
    (192, 256)
    """
    sides = text.lower().split("x")
    if len(sides) != 2 or not all(side.isdecimal() and 0 < int(side) <= 2**14 for side in sides):
        raise UserError(f"'{text}' is no size; write HEIGHTxWIDTH in pixels, 192x256 for one")
    return int(sides[0]), int(sides[1])


def parse_option(text: str) -> tuple[str, Any]:
    """ "upsample=nearest" -> ("upsample", "nearest"); numbers, true and false as YAML has them. Raises UserError.

    >>> parse_option("width=16"), parse_option("batch_norm=false")
    (('width', 16), ('batch_norm', False))
    """
    name, equals, value = text.partition("=")
    try:
        read = yaml.safe_load(value)
    except yaml.YAMLError:
        read = None
    if not (name and equals) or read is None:
        raise UserError(f"'{text}' is no option; write NAME=VALUE, width=16 for one")
    return name, read
