"""Street scenes drawn by a program, with perfect labels: the data set that needs no download."""

from pixelwise.data.streets.scene import HEIGHT, WIDTH, render

__all__ = ["HEIGHT", "WIDTH", "render"]
