"""How datasets lie on disk: one file per layout, each with ``recognise(folder, description) -> Dataset | None``."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from pixelwise.data.arrange import arrange_splits, keep_inside, leave_out, merge_classes
from pixelwise.data.dataset import Dataset, Source
from pixelwise.data.dataset_yaml import find_description
from pixelwise.data.description import Description
from pixelwise.data.files.documents import unreadable_json
from pixelwise.data.files.file_content import fenced
from pixelwise.data.files.image_files import read_header
from pixelwise.data.files.images import is_image
from pixelwise.data.layouts import camvid, carla, cityscapes, coco, folders, labelme, pairs, table, voc, yolo
from pixelwise.data.layouts.splits import sub_folders
from pixelwise.data.layouts.streets_default import streets
from pixelwise.data.sampling import even_sample
from pixelwise.data.store.reading import together
from pixelwise.errors import DataError, UserError, unknown


class Layout(NamedTuple):
    """One way in which datasets lie on disk; each is a module of this package.

    recognise: the dataset in a folder, or None where it is none of these; faults of single files become problems of
    the dataset, and only what leaves nothing to read raises UserError. looks_for: one phrase saying what it takes.
    """

    recognise: Callable[[Path, Description], Dataset | None]
    looks_for: str


# The first that recognises a folder reads it, so the more particular come first.
LAYOUTS = {
    name: Layout(module.recognise, module.LOOKS_FOR)
    for name, module in {
        "cityscapes": cityscapes,
        "carla": carla,
        "voc": voc,
        "coco": coco,
        "labelme": labelme,
        "yolo": yolo,
        "camvid": camvid,
        "table": table,
        "pairs": pairs,
        "folders": folders,
    }.items()
}

STREETS = "streets"
MOST_LISTED = 100_000  # files counted for the message where nothing is recognised
MOST_TRIED = 1000  # images of them that are opened


def open_dataset(path: str | Path, layout: str | None = None, classes: str | None = None) -> Dataset:
    """Recognises how the data lies on disk and gives its splits; no photo is read before it is needed.

    path: a folder, a dataset.yaml, a table (Parquet file or name of a hub's dataset), or "streets" for the embedded
    rendered scenes. layout: one of LAYOUTS, to insist on it. classes: one of MERGES, to train on fewer classes.
    Raises UserError where nothing is recognised.

    >>> print(open_dataset("streets"))
    streets: rendered layout (embedded renderer, seed 0); 600 train, 60 val, 100 test; 11 classes
    """
    dataset, description = recognise(path, layout)
    return replace(arranged(dataset, description, classes), source=Source(str(path), layout, classes))


def arranged(dataset: Dataset, description: Description, classes: str | None = None) -> Dataset:
    """The dataset with what the description says of files left out, splits and merged classes."""
    dataset = leave_out(dataset, lambda file: description.leaves_out(file, dataset.root))
    dataset = arrange_splits(dataset, description.splits)
    return merge_classes(dataset, classes or description.groups)


def recognise(where: str | Path, layout: str | None = None) -> tuple[Dataset, Description]:
    """The dataset as it lies on disk, and what a dataset.yaml says of it; parameters and errors as `open_dataset`."""
    path = Path(where)
    if layout is not None and layout not in LAYOUTS:
        raise unknown("layout", layout, LAYOUTS)
    if str(path) == STREETS and not path.is_dir() and layout is None:
        return streets(), Description()
    root, description = find_description(path)
    if description.layout is not None and description.layout not in LAYOUTS:
        raise UserError(f"{description.source}: {unknown('layout', description.layout, LAYOUTS)}")
    if not root.is_dir():
        if found := table.recognise(root, description):
            return found, description
        raise _no_folder(root)
    asked = [name] if (name := layout or description.layout) else list(LAYOUTS)
    with fenced(root):
        for inner in _with_lone_folders(root):
            for name in asked:
                if dataset := LAYOUTS[name].recognise(inner, description):
                    return keep_inside(dataset, root), description
        raise _unrecognised(root, asked)


def _with_lone_folders(folder: Path) -> Iterator[Path]:
    """The folder, then its only sub-folder where it holds nothing else (as unpacked archives do), and so on."""
    yield folder
    inner = sub_folders(folder)
    visible = [path for path in folder.iterdir() if path.name[0] not in "._"]
    if len(inner) == 1 and visible == inner:
        yield from _with_lone_folders(inner[0])


def _no_folder(folder: Path) -> UserError:
    if folder.is_file():
        return UserError(f"{folder}: is a file; name the folder that holds the images and masks")
    siblings = [path.name for path in sub_folders(folder.parent)] if folder.parent.is_dir() else []
    if not folder.parent.name:
        siblings.append(STREETS)
    close = get_close_matches(folder.name, siblings, n=1)
    hint = f"did you mean '{folder.parent / close[0]}'?" if close else f"'{STREETS}' opens the embedded scenes"
    return UserError(f"{folder}: there is no such folder; {hint}")


def _unreadable(images: Sequence[Path]) -> Iterator[DataError]:
    """What is wrong with images, for it may be why nothing was recognised."""
    for path in images:
        try:
            read_header(path)
        except DataError as error:
            yield error


def _unrecognised(folder: Path, asked: list[str]) -> UserError:
    kinds: Counter[str] = Counter()
    images = []
    for path in islice((path for path in folder.rglob("*") if is_image(path) or path.is_file()), MOST_LISTED):
        kinds["images" if is_image(path) else "text files" if path.suffix == ".txt" else "other files"] += 1
        images += [path] if is_image(path) else []
    documents = list(islice(folder.rglob("*.json"), MOST_TRIED))
    if errors := [*_unreadable(even_sample(images, MOST_TRIED)), *unreadable_json(documents)]:
        raise together(errors)
    if not kinds["images"]:
        return UserError(f"{folder}: holds no images (nor do its sub-folders); name the folder that does")
    found = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    wanted = "; ".join(f"{name} ({LAYOUTS[name].looks_for})" for name in asked)
    return UserError(f"{folder}: holds {found}, but no dataset is recognised; arrange it as one of: {wanted}")
