"""One pass over all samples of a dataset: what each shows, so that the findings need no file any more."""

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import numpy.typing as npt

from pixelwise.checking.alignment import edge_agreement
from pixelwise.checking.duplicates import WORDS, Hash, perceptual_hash
from pixelwise.checking.remarks import Remark, remarks_on
from pixelwise.checking.stripes import Stripe, find_stripes
from pixelwise.data.dataset import SPLITS, Dataset, Entry
from pixelwise.errors import DataError, UserError
from pixelwise.labels import Label
from pixelwise.progress import track

AHEAD = 64  # samples read before they are asked for


@dataclass(frozen=True)
class Facts:
    """What one sample shows.

    error: why it could not be read; the rest is then empty. size: height and width. channels: of the image. pixels:
    (k,) how many each class has. ignored: how many none has. hash, agreement, stripes: of the modules beside this.
    remarks: on its files.
    """

    split: str
    name: str
    files: tuple[str, ...]
    error: DataError | None = None
    size: tuple[int, int] = (0, 0)
    channels: int = 0
    pixels: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    ignored: int = 0
    hash: Hash = field(default_factory=lambda: np.zeros(WORDS, np.uint64))
    agreement: float = float("nan")
    stripes: tuple[Stripe, ...] = ()
    remarks: tuple[Remark, ...] = ()


def survey(dataset: Dataset) -> tuple[Facts, ...]:
    """The facts of every sample, in the order of the splits; read by as many threads as there are cores."""
    entries = [(name, entry) for name in SPLITS for entry in dataset.split(name).entries]
    classes, ignore = len(dataset.labels), dataset.labels.ignore
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = (pool.submit(look_at, entry, split, classes, ignore) for split, entry in entries)
        waiting = deque(islice(jobs, AHEAD))
        facts = []
        for _ in track(entries, "looking at samples"):
            facts.append(waiting.popleft().result())
            waiting.extend(islice(jobs, 1))
    return tuple(facts)


def look_at(entry: Entry, split: str, classes: int, ignore: int) -> Facts:
    """The facts of one sample. classes, ignore: of the dataset."""
    files = tuple(str(path) for path in entry.files) or (entry.name,)
    remarks = tuple(remark for path in entry.files for remark in remarks_on(path))
    try:
        image, label, _ = entry.read()
    except DataError as error:
        return Facts(split, entry.name, files, error, remarks=remarks)
    except UserError as error:
        return Facts(split, entry.name, files, DataError(files[0], str(error), "correct it", "unreadable"))
    counts = _counts(label)
    return Facts(
        split,
        entry.name,
        files,
        size=label.shape[:2],
        channels=image.shape[2],
        pixels=counts[:classes],
        ignored=int(counts[ignore]),
        hash=perceptual_hash(image),
        agreement=edge_agreement(image, label),
        stripes=tuple(find_stripes(label, ignore)),
        remarks=remarks,
    )


def _counts(label: Label) -> npt.NDArray[np.int64]:
    """(256,) how many pixels have each value, a million at a time: NumPy counts them as numbers of eight bytes."""
    parts = np.array_split(label, 1 + label.size // 2**20)
    return sum((np.bincount(part.ravel(), minlength=256) for part in parts), np.zeros(256, np.int64))
