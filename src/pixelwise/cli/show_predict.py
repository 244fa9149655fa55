"""What `pixelwise predict` prints."""

from collections.abc import Container, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pixelwise.prediction.files import Photo
    from pixelwise.prediction.many_photos import ManyPhotos

SHOWN = 20  # photos
LEAST = 0.005  # share of a class that is named


def show_photos(
    shares: Mapping[str, Mapping[str, float]],
    done: str,
    folder: Path,
    *,
    before: Container[str] = (),
    count: int | None = None,
) -> None:
    """The classes of the first photos, how many there are, and where the pictures lie.

    done: what was done to them. before: those that had been labelled before. count: how many were labelled now, where
    not all are given.
    """
    new = {name: classes for name, classes in shares.items() if name not in before}
    for name, classes in list(new.items())[:SHOWN]:
        if large := [f"{label} {share:.0%}" for label, share in classes.items() if share >= LEAST]:
            print(f"{name}: {', '.join(large)}")
    count = len(new) if count is None else count
    if count > SHOWN:
        print(f"... and {count - SHOWN} more (--json and --json-lines name all)")
    print(f"{count} photos {done}; the pictures are in {folder}")


def line_of(many: "ManyPhotos", name: str, photo: "Photo", found: dict[str, float] | str) -> dict[str, Any]:
    """What --json-lines says of a photo. found: the shares of its classes, or what is wrong with it."""
    from pixelwise.prediction.record import stamps

    read = {"name": name, "photo": next((path for path, _, _ in stamps(photo)), None)}
    if isinstance(found, str):
        return read | {"failed": found}
    return read | {"classes": found, "files": [str(many.folder / file) for file in many.files(name, photo)]}
