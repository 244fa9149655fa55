"""CamVid as SegNet's authors published it: train.txt, val.txt, test.txt with one "image mask" pair a line.

Badrinarayanan, Kendall, Cipolla, PAMI 2017 (the SegNet tutorial's data): index masks, 11 = void.
"""

from pathlib import Path

from pixelwise.data.dataset import Dataset
from pixelwise.data.description import Description
from pixelwise.data.layouts.entries import ImageAndMask
from pixelwise.data.layouts.splits import assemble
from pixelwise.data.masks import IndexMask
from pixelwise.errors import UserError
from pixelwise.labels import CAMVID11, IGNORE

VOID = 11

LOOKS_FOR = "train.txt, val.txt or test.txt with a photo and its index mask on each line"


def recognise(root: Path, description: Description) -> Dataset | None:
    """The dataset, if the folder has split files of which each line names a photo and a mask; else None."""
    lists = {name: root / f"{name}.txt" for name in ("train", "val", "test")}
    found = {name: path for name, path in lists.items() if path.is_file() and _is_pair_list(path)}
    if not found:
        return None
    splits = {name: _entries(root, path) for name, path in found.items()}
    evidence = f"{', '.join(path.name for path in found.values())} list photo and index mask"
    return assemble(root, "camvid", splits, labels=CAMVID11, evidence=evidence)


def _is_pair_list(path: Path) -> bool:
    with path.open(encoding="utf-8", errors="replace") as file:
        return len(file.readline(4096).split()) == 2


def _entries(root: Path, path: Path) -> list[ImageAndMask]:
    decode = IndexMask(len(CAMVID11), ignored=(VOID, IGNORE))
    entries = []
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        if not line.strip():
            continue
        words = line.split()
        if len(words) != 2:
            raise UserError(f"{path}: line {number} should name a photo and a mask, but reads '{line[:80]}'")
        image, mask = (_locate(root, word, path, number) for word in words)
        entries.append(ImageAndMask(image.stem, image, mask, decode))
    return entries


def _locate(root: Path, word: str, path: Path, number: int) -> Path:
    """The file that a line names: below the folder, or (SegNet's own lists) by its last two parts."""
    parts = Path(word).parts
    inside = Path(*parts[-2:]) if Path(word).is_absolute() or ".." in parts else Path(word)
    if not (root / inside).is_file():
        raise UserError(f"{path}: line {number} names {word}, which is not there; add the file or remove the line")
    return root / inside
