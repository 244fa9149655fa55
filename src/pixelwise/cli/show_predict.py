"""What `pixelwise predict` prints."""

from collections.abc import Container, Mapping
from pathlib import Path

SHOWN = 20  # photos
LEAST = 0.005  # share of a class that is named


def show_photos(
    shares: Mapping[str, Mapping[str, float]], done: str, folder: Path, *, before: Container[str] = ()
) -> None:
    """The classes of the first photos, how many there are, and where the pictures lie.

    done: what was done to them. before: those that had been labelled before.
    """
    new = {name: classes for name, classes in shares.items() if name not in before}
    for name, classes in list(new.items())[:SHOWN]:
        if large := [f"{label} {share:.0%}" for label, share in classes.items() if share >= LEAST]:
            print(f"{name}: {', '.join(large)}")
    if len(new) > SHOWN:
        print(f"... and {len(new) - SHOWN} more (--json and --json-lines name all)")
    print(f"{len(new)} photos {done}; the pictures are in {folder}")
