"""The models that come with pixelwise: NAME.safetensors beside this file, and NAME.md, its card."""

from pathlib import Path

DEFAULT = "street"
MARK = "pixelwise"  # the key under which a model's file says what it is


def shipped() -> dict[str, Path]:
    """Name -> file of every model that comes with pixelwise.

    >>> list(shipped())
    ['street']
    """
    return {file.stem: file for file in sorted(Path(__file__).parent.glob("*.safetensors"))}
