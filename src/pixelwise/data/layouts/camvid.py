"""CamVid as SegNet's authors published it, or as it was annotated first.

Lists train.txt, val.txt, test.txt with one "image mask" pair a line and index masks, 11 = void: Badrinarayanan,
Kendall, Cipolla, PAMI 2017 (the SegNet tutorial's data). Colour masks NAME_L.png of 32 or 11 classes: Brostow,
Fauqueur, Cipolla, PRL 2009. The name of a frame up to its last "_" is that of its sequence.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from pixelwise.data.dataset import SPLITS, Dataset
from pixelwise.data.description import Description
from pixelwise.data.files.documents import read_text
from pixelwise.data.layouts import folders
from pixelwise.data.layouts.entries import ImageAndMask
from pixelwise.data.layouts.listing import is_picture, list_pictures
from pixelwise.data.layouts.shapes import is_file
from pixelwise.data.layouts.splits import assemble, inside
from pixelwise.data.masks.decoders import IndexMask
from pixelwise.errors import DataError, UserError
from pixelwise.labels import CAMVID11, CAMVID32, IGNORE

VOID = 11
SUFFIX = "_L"
MOST_BYTES = 2**26  # of a list
MOST_LINES = 250_000  # of a list

LOOKS_FOR = "train.txt, val.txt or test.txt with a photo and its index mask on each line, or colour masks NAME_L.png"


def recognise(root: Path, description: Description) -> Dataset | None:
    """The dataset, if the folder has lists of photo and mask, or colour masks NAME_L.png in CamVid's colours.

    Lines that are no pair and files that are missing or outside the folder are problems. Raises UserError where no
    line of any list can be used.
    """
    lists = {name: path for name in SPLITS if _is_pair_list(root, path := root / f"{name}.txt")}
    if not lists:
        return _colored(root, description)
    labels = description.labels or CAMVID11
    ignored, values = (description.ignored, description.values) if description.labels else ((VOID, IGNORE), {})
    decode = IndexMask(len(labels), ignored, tuple(values.items()))
    problems: list[DataError] = []
    splits = {name: list(_entries(root, path, decode, problems)) for name, path in lists.items()}
    evidence = f"{', '.join(path.name for path in lists.values())} list photo and index mask"
    if not any(splits.values()):
        raise UserError(f"{root}: {evidence}, but none can be used; the first: {problems[0] if problems else 'empty'}")
    return assemble(root, "camvid", splits, labels=labels, evidence=evidence, problems=problems)


def _is_pair_list(root: Path, path: Path) -> bool:
    if not path.is_file() or inside(root, path.name) is None:
        return False
    with suppress(OSError), path.open(encoding="utf-8", errors="replace") as file:
        words = file.readline(4096).split()
        return len(words) == 2 and all(is_picture(Path(word).name) for word in words)
    return False


def _entries(root: Path, path: Path, decode: IndexMask, problems: list[DataError]) -> Iterator[ImageAndMask]:
    names: set[str] = set()
    for number, line in enumerate(_lines(path, problems), start=1):
        try:
            if not line.strip():
                continue
            image, mask = _pair(root, path, number, line)
        except DataError as error:
            problems.append(error)
            continue
        if image.stem in names:
            problems.append(
                DataError(image, f"is named twice in {path.name}", "keep one of its lines", "duplicate name")
            )
            continue
        names.add(image.stem)
        yield ImageAndMask(image.stem, image, mask, decode)


def _lines(path: Path, problems: list[DataError]) -> list[str]:
    try:
        lines = read_text(path, MOST_BYTES).splitlines()
        if len(lines) > MOST_LINES:
            raise DataError(path, f"has more than {MOST_LINES:,} lines", "remove those that are no pair", "unreadable")
        return lines
    except DataError as error:
        problems.append(error)
        return []


def _pair(root: Path, path: Path, number: int, line: str) -> tuple[Path, Path]:
    words = line.split()
    if len(words) != 2:
        what = "is not the paths of a photo and a mask"
        raise DataError(f"{path}, line {number}", what, "correct or remove the line", "unreadable")
    image, mask = (_locate(root, word, path.name) for word in words)
    return image, mask


def _locate(root: Path, word: str, listed_in: str) -> Path:
    """The file that a line names: below the folder, or (SegNet's own lists) by its last two parts."""
    parts = Path(word).parts
    relative = "/".join(parts[-2:]) if Path(word).is_absolute() or ".." in parts else word
    if not is_file(root / relative) and not (root / relative).is_symlink():
        raise _missing(root / relative, listed_in)
    if (path := inside(root, relative)) is None:
        what = f"is named in {listed_in} but lies outside the dataset"
        raise DataError(root / relative, what, "name files below its folder", "outside")
    if not path.is_file():
        raise _missing(root / relative, listed_in)
    return path


def _missing(path: Path, listed_in: str) -> DataError:
    mend = "add the file or remove its line"
    return DataError(path, f"is named in {listed_in} but is not there", mend, "missing partner")


def _colored(root: Path, description: Description) -> Dataset | None:
    """The dataset as `folders` reads it, if its masks are called NAME_L and all their colours are CamVid's."""
    if not any(Path(path).stem.endswith(SUFFIX) for path in list_pictures(root).files):
        return None
    with suppress(UserError):  # what is wrong `folders` says when its turn comes
        found = folders.recognise(root, description)
        if found and _is_camvid(found):
            return replace(found, layout="camvid")
    return None


def _is_camvid(found: Dataset) -> bool:
    entries = [entry for name in SPLITS for entry in found.split(name).entries]
    named = all(entry.files[1].stem.endswith(SUFFIX) for entry in entries)
    return named and {*found.labels.colors} <= {*CAMVID32.colors, *CAMVID11.colors}
