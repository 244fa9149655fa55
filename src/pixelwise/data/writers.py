"""Any dataset written out in a supported layout, so that every loader can be tested on known truth."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from pixelwise.data.dataset import Dataset, Sample, Split
from pixelwise.data.dataset_yaml import write_description
from pixelwise.data.layouts.camvid import VOID
from pixelwise.errors import UserError, unknown
from pixelwise.labels import CAMVID11, IGNORE, PUBLISHED, Label, LabelMap

Progress = Callable[[int, int], None]  # called with how many samples are written, and of how many
Written = Iterator[None]  # once per sample

QUALITY = 95  # JPEG quality of pairs
CHROMA_HALVED = 2  # Pillow's word for 4:2:0


def write_dataset(source: Dataset, folder: Path, layout: str, *, progress: Progress | None = None) -> None:
    """Writes a dataset into a new folder; if that fails, nothing is left behind.

    layout: one of WRITERS. "folders" and "camvid" are lossless; "pairs" are JPEG, so labels suffer at edges.
    progress: called after every sample with the number written and the number in all.
    Raises UserError where the folder exists and is not empty, cannot be written, or the layout cannot hold the classes.

    >>> import tempfile
    >>> from pixelwise.data.layouts.streets_default import streets
    >>> target = Path(tempfile.mkdtemp()) / "streets"
    >>> write_dataset(streets(2, 1, 0), target, "camvid")
    >>> sorted(path.name for path in target.iterdir())
    ['train', 'train.txt', 'trainannot', 'val', 'val.txt', 'valannot']
    """
    if layout not in WRITERS:
        raise unknown("layout to write", layout, WRITERS)
    total = sum(len(split) for split in _splits(source).values())
    _check(source, folder, total)
    with _new_folder(folder) as temporary:
        for done, _ in enumerate(WRITERS[layout](source, temporary), start=1):
            if progress:
                progress(done, total)


def write_folders(source: Dataset, folder: Path) -> Written:
    """{train,val,test}/{images,masks}/NAME.png with palette index masks, and dataset.yaml; no splits if only train."""
    splits = _splits(source)
    write_description(folder, source.labels)
    for name, split in splits.items():
        base = folder if list(splits) == ["train"] else folder / name
        for sample, stem in _samples(split):
            _save(sample.image, base / "images" / f"{stem}.png")
            _save(_with_palette(sample.label, source.labels), base / "masks" / f"{stem}.png")
            yield


def write_camvid(source: Dataset, folder: Path) -> Written:
    """SegNet's lists and folders, index masks with void as 11; for the classes of CamVid-11 alone."""
    if source.labels != CAMVID11:
        raise UserError(f"{source.name}: the camvid layout holds CamVid's 11 classes only; write it as folders")
    for name, split in _splits(source).items():
        lines = []
        for sample, stem in _samples(split):
            photo, mask = f"{name}/{stem}.png", f"{name}annot/{stem}.png"
            _save(sample.image, folder / photo)
            _save(np.where(sample.label == IGNORE, VOID, sample.label).astype(np.uint8), folder / mask)
            lines.append(f"{photo} {mask}\n")
            yield
        (folder / f"{name}.txt").write_text("".join(lines), encoding="utf-8")


def write_pairs(source: Dataset, folder: Path) -> Written:
    """{train,val,test}/NAME.jpg: the photo on the left, the label's colours on the right, ignored pixels black."""
    if source.labels not in PUBLISHED.values():
        write_description(folder, source.labels)
    for name, split in _splits(source).items():
        for sample, stem in _samples(split):
            both = np.concatenate([sample.image, source.labels.colorize(sample.label)], axis=1)
            _save(both, folder / name / f"{stem}.jpg")
            yield


# Each writes into a folder that is there and empty.
WRITERS: dict[str, Callable[[Dataset, Path], Written]] = {
    "folders": write_folders,
    "camvid": write_camvid,
    "pairs": write_pairs,
}


def _splits(source: Dataset) -> dict[str, Split]:
    return {name: split for name in ("train", "val", "test") if (split := source.split(name))}


def _samples(split: Split) -> Iterator[tuple[Sample, str]]:
    """Each sample with a name that can be one file's and one word of a list."""
    return ((sample, _stem(sample.name)) for sample in split)


def _stem(name: str) -> str:
    return "_".join(name.replace("/", " ").replace("\\", " ").split())


def _check(source: Dataset, folder: Path, total: int) -> None:
    if not total:
        raise UserError(f"{source.name}: has no samples to write")
    for split in _splits(source).values():
        stems = [_stem(name) for name in split.names]
        if len(set(stems)) < len(stems):
            twice = next(stem for stem in stems if stems.count(stem) > 1)
            raise UserError(f"{source.name}: two samples would be written as '{twice}'; rename one")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder}: is there already and not empty; choose another folder or empty it")


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder beside the wanted one, which takes its place at the end."""
    temporary = folder.absolute().with_name(f".{folder.absolute().name}.{os.getpid()}.part")
    try:
        temporary.mkdir(parents=True)
        yield temporary
        if folder.exists():
            folder.rmdir()
        temporary.rename(folder)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f"{folder}: cannot be written ({reason}); free some space or choose another place") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _save(picture: npt.NDArray[np.uint8] | Pillow.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = picture if isinstance(picture, Pillow.Image) else Pillow.fromarray(picture)
    if path.suffix == ".jpg":
        image.save(path, quality=QUALITY, subsampling=CHROMA_HALVED)
    else:
        image.save(path)


def _with_palette(label: Label, labels: LabelMap) -> Pillow.Image:
    image = Pillow.fromarray(label.astype(np.uint8))
    image.putpalette(labels.palette[:256].tobytes())
    return image
