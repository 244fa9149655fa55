"""How a network looks at an image: whole or in windows, mirrored, at several sizes."""

from dataclasses import dataclass

from pixelwise.errors import UserError


@dataclass(frozen=True)
class View:
    """How the network looks at an image at its working size.

    flip: at its mirror image too; the logits are averaged. tile: height and width of the windows, half over each other,
    in which it looks, their logits averaged; None: at the whole. scales: times its working size at which it looks, from
    0.1 to 8, the logits of all averaged. Raises UserError for other scales.
    """

    flip: bool = False
    tile: tuple[int, int] | None = None
    scales: tuple[int | float, ...] = (1.0,)

    def __post_init__(self) -> None:
        if not self.scales or not all(0.1 <= scale <= 8 for scale in self.scales):
            raise UserError(f"scales are from 0.1 to 8, as 0.75,1,1.25, not {self._scales or 'none'}")

    @property
    def _scales(self) -> str:
        return ", ".join(f"{scale:g}" for scale in self.scales)

    def __str__(self) -> str:
        """In words.

        >>> print(View(), "-", View(flip=True, tile=(64, 96)))
        no test-time augmentation - mean logits of windows of 64x96, half over each other, and of the mirror image
        >>> print(View(flip=True, scales=(0.75, 1, 1.25)))
        mean logits of the image and of the mirror image at 0.75, 1, 1.25 times its size
        """
        tiles = "windows of {}x{}, half over each other".format(*self.tile) if self.tile else ""
        flip = f"{', and ' if tiles else 'the image and '}of the mirror image" if self.flip else ""
        sizes = f"at {self._scales} times its size" if self.scales != (1,) else ""
        said = " ".join(part for part in (tiles + flip or (sizes and "the image"), sizes) if part)
        return f"mean logits of {said}" if said else "no test-time augmentation"


WHOLE = View()
