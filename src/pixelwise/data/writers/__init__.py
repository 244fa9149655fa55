"""Any dataset written out in a supported layout, so that every loader can be tested on known truth."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pixelwise.data.dataset import Dataset
from pixelwise.data.writers.camvid import write_camvid
from pixelwise.data.writers.carla import write_carla
from pixelwise.data.writers.cityscapes import write_cityscapes
from pixelwise.data.writers.coco import write_coco
from pixelwise.data.writers.common import Written, splits, stem
from pixelwise.data.writers.folders import write_folders
from pixelwise.data.writers.labelme import write_labelme
from pixelwise.data.writers.pairs import write_pairs
from pixelwise.data.writers.table import write_table
from pixelwise.data.writers.voc import write_voc
from pixelwise.errors import UserError, unknown

Progress = Callable[[int, int], None]  # called with how many samples are written, and of how many


def write_dataset(source: Dataset, folder: Path, layout: str, *, progress: Progress | None = None) -> None:
    """Writes a dataset into a new folder; if that fails, nothing is left behind.

    layout: one of WRITERS. All are lossless but "pairs", which are JPEG, so labels suffer at edges.
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
    total = sum(len(split) for split in splits(source).values())
    _check(source, folder, total)
    with _new_folder(folder) as temporary:
        for done, _ in enumerate(WRITERS[layout](source, temporary), start=1):
            if progress:
                progress(done, total)


# Each writes into a folder that is there and empty.
WRITERS: dict[str, Callable[[Dataset, Path], Written]] = {
    "folders": write_folders,
    "camvid": write_camvid,
    "pairs": write_pairs,
    "voc": write_voc,
    "coco": write_coco,
    "labelme": write_labelme,
    "table": write_table,
    "cityscapes": write_cityscapes,
    "carla": write_carla,
}


def _check(source: Dataset, folder: Path, total: int) -> None:
    if not total:
        raise UserError(f"{source.name}: has no samples to write")
    for split in splits(source).values():
        stems = [stem(name) for name in split.names]
        if len(set(stems)) < len(stems):
            twice = next(one for one in stems if stems.count(one) > 1)
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
