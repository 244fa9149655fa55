"""Lengths as people write them: 0.5um, 3x0.7x0.7mm."""

import re

from pixelwise.errors import UserError
from pixelwise.volumes.files import METRES

NUMBER = r"\d+(?:\.\d+)?(?:e-?\d+)?|\.\d+"


def parse_lengths(text: str, option: str, example: str) -> tuple[tuple[float, ...], str]:
    """The numbers, each above 0, and their unit; "" where none is written. option, example: for messages.

    Raises UserError for anything else.

    >>> parse_lengths("3x0.7x0.7mm", "--spacing", "3x0.7x0.7mm"), parse_lengths("2", "--pixel-size", "0.5um")
    (((3.0, 0.7, 0.7), 'mm'), ((2.0,), ''))
    """
    found = re.fullmatch(rf"((?:{NUMBER})(?:x(?:{NUMBER}))*)\s*([a-zA-Zµμ]*)", text.strip())
    numbers = tuple(float(number) for number in found[1].split("x")) if found else ()
    unit = found[2].replace("µ", "u").replace("μ", "u") if found else ""
    if not found or not all(0 < number < float("inf") for number in numbers) or unit not in {"", *METRES}:
        units = ", ".join(METRES)
        raise UserError(f"{option} '{text}': write lengths above 0 with a unit ({units}) or none, as {example}")
    return numbers, unit
