"""Small datasets of every layout with some of their files spoilt; for test_fuzz.py and benchmarks/fuzz_files.py."""

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from mutations import EVERY, PICTURES, Mutation, Random, fitting, large
from PIL import Image as Pillow
from small_data import Held, for_layout

from pixelwise.data import Dataset, Sample, Split
from pixelwise.data.dataset import SPLITS
from pixelwise.data.layouts import open_dataset, streets
from pixelwise.data.writers import WRITERS, write_dataset
from pixelwise.labels import CAMVID11


@dataclass
class Spoilt:
    """A spoilt dataset. path: what the commands are given. destroyed: the mutation of each destroyed file, and words
    of which one must be said. stops_training: whether a file of the train or val split was destroyed."""

    path: Path
    mutations: Counter[str] = field(default_factory=Counter)
    destroyed: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    stops_training: bool = False
    check_only: bool = False


@cache
def scenes(train: int, val: int, test: int) -> Dataset:
    """Rendered streets at a quarter of their height and width, in memory."""
    source = streets(train, val, test)
    splits = {
        name: Split(
            tuple(
                Held(Sample(one.image[::4, ::4].copy(), one.label[::4, ::4].copy(), one.name))
                for one in source.split(name)
            )
        )
        for name in SPLITS
    }
    return Dataset("small", "held", "made by a test", CAMVID11, **splits)


# Datasets: name -> how it is built.


def _written(layout: str) -> Callable[[Dataset, Path], None]:
    return lambda source, folder: write_dataset(for_layout(source, layout), folder, layout)


def _converted(photos: str, masks: str) -> Callable[[Dataset, Path], None]:
    """The folders layout with other kinds of pictures."""

    def build(source: Dataset, folder: Path) -> None:
        write_dataset(source, folder, "folders")
        for kind, ending in (("images", photos), ("masks", masks)):
            for path in folder.glob(f"*/{kind}/*.png"):
                with Pillow.open(path) as picture:
                    array = np.asarray(picture)
                path.unlink()
                if ending == ".npy":
                    np.save(path.with_suffix(ending), array)
                else:
                    Pillow.fromarray(array).save(
                        path.with_suffix(ending), **({"quality": 95} if ending == ".jpg" else {})
                    )

    return build


def _shards(source: Dataset, folder: Path) -> None:
    """Parquet files of two rows each."""
    import pyarrow.parquet as pq

    write_dataset(source, folder, "table")
    for path in sorted((folder / "data").iterdir()):
        table, split = pq.read_table(path), path.name.split("-")[0]
        path.unlink()
        count = -(-len(table) // 2)
        for n in range(count):
            pq.write_table(table.slice(2 * n, 2), folder / "data" / f"{split}-{n:05}-of-{count:05}.parquet")


def _boxes(label: np.ndarray) -> list[tuple[int, list[list[int]]]]:
    """(class, outline) of some regions of a label."""
    found = []
    for value in np.unique(label[label < 255])[:6]:
        outlines, _ = cv2.findContours((label == value).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        found += [(int(value), line[:, 0].tolist()) for line in outlines if len(line) > 3][:3]
    return found


def _photos(source: Dataset, folder: Path) -> None:
    for split in SPLITS:
        for sample in source.split(split):
            path = folder / "images" / split / f"{sample.name.replace('/', '_')}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Pillow.fromarray(sample.image).save(path)


def _yolo(source: Dataset, folder: Path) -> None:
    _photos(source, folder)
    for split in SPLITS:
        for sample in source.split(split):
            height, width = sample.label.shape
            lines = [
                f"{value} " + " ".join(f"{x / width:.4f} {y / height:.4f}" for x, y in line)
                for value, line in _boxes(sample.label)
            ]
            path = folder / "labels" / split / f"{sample.name.replace('/', '_')}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n".join(lines) + "\n")
    (folder / "dataset.yaml").write_text(
        f"path: .\ntrain: images/train\nval: images/val\nnames: {list(CAMVID11.names)}\n"
    )


def _instances(source: Dataset, folder: Path) -> None:
    _photos(source, folder)
    (folder / "annotations").mkdir()
    categories = [{"id": n, "name": name} for n, name in enumerate(CAMVID11.names, 1)]
    for split in SPLITS:
        images, annotations = [], []
        for n, sample in enumerate(source.split(split), 1):
            height, width = sample.label.shape
            images.append(
                {"id": n, "file_name": f"{sample.name.replace('/', '_')}.png", "height": height, "width": width}
            )
            for value, line in _boxes(sample.label):
                outline = [float(number) for point in line for number in point]
                one = {
                    "id": len(annotations),
                    "image_id": n,
                    "category_id": value + 1,
                    "segmentation": [outline],
                    "iscrowd": 0,
                }
                annotations.append(one)
        content = {"images": images, "annotations": annotations, "categories": categories}
        (folder / "annotations" / f"instances_{split}.json").write_text(json.dumps(content))


def _ultralytics(source: Dataset, folder: Path) -> None:
    write_dataset(source, folder, "folders")
    for split in SPLITS:
        for kind in ("images", "masks"):
            (folder / kind).mkdir(exist_ok=True)
            (folder / split / kind).rename(folder / kind / split)
        (folder / split).rmdir()
    text = "path: .\ntrain: images/train\nval: images/val\ntest: images/test\nmasks_dir: masks\n"
    text += f"names: {list(CAMVID11.names)}\n"
    (folder / "dataset.yaml").write_text(text)


def _templates(source: Dataset, folder: Path) -> None:
    write_dataset(source, folder, "folders")
    with (folder / "dataset.yaml").open("a") as file:
        file.write('layout: folders\nimages: "{split}/images/{name}.png"\nmasks: "{split}/masks/{name}.png"\n')


def _tables(source: Dataset, folder: Path) -> None:
    """Colour masks with a table of classes."""
    write_dataset(source, folder, "folders")
    (folder / "dataset.yaml").unlink()
    for path in folder.glob("*/masks/*.png"):
        with Pillow.open(path) as picture:
            Pillow.fromarray(CAMVID11.colorize(np.asarray(picture))).save(path)
    rows = [f"{name},{','.join(map(str, color))}" for name, color in zip(CAMVID11.names, CAMVID11.colors, strict=True)]
    (folder / "class_dict.csv").write_text("\n".join(["name,r,g,b", *rows]) + "\n")
    colors = [
        f"{' '.join(map(str, color))} {name}" for name, color in zip(CAMVID11.names, CAMVID11.colors, strict=True)
    ]
    (folder / "label_colors.txt").write_text("\n".join(colors) + "\n")
    content = dict(zip(CAMVID11.names, CAMVID11.colors, strict=True))
    (folder / "label_colors.json").write_text(json.dumps(content))


def _polygons(source: Dataset, folder: Path) -> None:
    """Cityscapes' own JSON files beside photos, without the masks."""
    write_dataset(for_layout(source, "cityscapes"), folder, "cityscapes")
    names = for_layout(source, "cityscapes").labels.names
    labels = {path.stem: path for path in folder.glob("gtFine/*/*/*.png")}
    renamed = for_layout(source, "cityscapes")
    by_name = {sample.name.replace("/", "_"): sample for split in SPLITS for sample in renamed.split(split)}
    for stem, path in labels.items():
        sample = by_name[stem.removesuffix("_gtFine_labelIds")]
        height, width = sample.label.shape
        objects = [{"label": names[value], "polygon": line} for value, line in _boxes(sample.label)]
        content = {"imgHeight": height, "imgWidth": width, "objects": objects}
        path.with_name(path.name.replace("labelIds.png", "polygons.json")).write_text(json.dumps(content))
        path.unlink()


KINDS: dict[str, Callable[[Dataset, Path], None]] = {
    **{layout: _written(layout) for layout in WRITERS},
    "table of shards": _shards,
    "coco instances": _instances,
    "yolo": _yolo,
    "ultralytics": _ultralytics,
    "dataset.yaml": _templates,
    "class tables": _tables,
    "cityscapes polygons": _polygons,
    "npy": _converted(".npy", ".npy"),
    "tiff": _converted(".tif", ".tif"),
    "jpeg": _converted(".jpg", ".png"),
    "bmp": _converted(".bmp", ".bmp"),
    "webp": _converted(".webp", ".png"),
}

SPOILT_SAMPLES = 20
COMMON = {
    "coco": 7,
    "coco instances": 7,
    "table": 4,
    "camvid": 5,
    "voc": 5,
    "dataset.yaml": 12,
    "ultralytics": 6,
    "yolo": 3,
    "folders": 4,
    "class tables": 6,
    "labelme": 4,
}


def plan(rounds: int) -> list[str]:
    """The datasets of a whole run: of each kind some with samples spoilt, one with all of them, some with the files
    spoilt that all samples share."""
    names = [f"{kind}, {how}" for kind in KINDS for how in [*["some"] * (rounds - 2), "all", "pairs"]]
    names += [f"{kind}, large" for kind in ("folders", "camvid", "coco", "class tables", "coco instances")]
    return names + [f"{kind}, shared" for kind, count in COMMON.items() for _ in range(count)]


def make(name: str, rng: Random, path: Path, outside: Path) -> Spoilt:
    """A spoilt dataset of a kind in ``path``, and what must not be read in ``outside``."""
    kind, how = name.split(", ")
    path.parent.mkdir(parents=True, exist_ok=True)
    KINDS[kind](scenes(4, 1, 1) if how == "shared" else scenes(18, 4, 4), path)
    _canaries(outside)
    return {
        "some": _some,
        "all": _all,
        "pairs": _pairs,
        "large": _large,
        "shared": _shared,
        "pristine": lambda *_: Spoilt(path),
    }[how](path, rng, outside)


def _canaries(outside: Path) -> None:
    outside.mkdir(parents=True)
    for ending in EVERY - {".npy"}:
        if ending in PICTURES:
            Pillow.fromarray(np.full((64, 80, 3), 77, np.uint8)).save(outside / f"canary{ending}")
        else:
            (outside / f"canary{ending}").write_text("secret\n")
    np.save(outside / "canary.npy", np.full((64, 80), 77, np.uint8))


def _some(path: Path, rng: Random, outside: Path, count: int = SPOILT_SAMPLES) -> Spoilt:
    data, dataset = Spoilt(path), open_dataset(path)
    entries = [(split, entry) for split in SPLITS for entry in dataset.split(split).entries]
    shared = Counter(file for _, entry in entries for file in entry.files)
    files: dict[Path, list[tuple[str, tuple[Path, ...]]]] = {}
    for split, entry in rng.sample(entries, min(count, len(entries))):
        own = [file for file in entry.files if shared[file] == 1] or list(entry.files)
        chosen = rng.choice(own)
        if chosen not in files:
            files[chosen] = [(split, entry.files)]
    for file, [(split, together)] in files.items():
        _spoil(data, file, rng, outside, together if len(together) > 1 and shared[file] == 1 else (file,))
        if data.destroyed and data.destroyed[-1][1][0] == str(file):
            data.stops_training |= split != "test"
    return data


def _all(path: Path, rng: Random, outside: Path) -> Spoilt:
    return _some(path, rng, outside, count=10**6)


def _spoil(data: Spoilt, file: Path, rng: Random, outside: Path, together: tuple[Path, ...]) -> None:
    """Spoils one file. together: the files of its sample, any of which may be named for it."""
    fits = fitting(file)
    if data.mutations["file: a large picture"]:  # one is sound; how many fit into memory is another question
        fits.pop("file: a large picture", None)
    kind = rng.choice([name for name in fits if name.startswith("file")] if rng.random() < 0.7 else list(fits))
    _apply(data, kind, fits[kind], file, rng=rng, outside=outside, together=together)


def _apply(
    data: Spoilt, kind: str, mutation: Mutation, file: Path, *, rng: Random, outside: Path, together: tuple[Path, ...]
) -> None:
    mutation.spoil(file, rng, outside)
    data.mutations[kind] += 1
    alone = all(other == file for other in together)
    if mutation.destroys and not (alone and kind == "file: gone"):  # of what is gone as a whole nothing is left to say
        others = [str(other) for other in together if other != file]
        data.destroyed.append((kind, (str(file), *others)))


def _shared(path: Path, rng: Random, outside: Path) -> Spoilt:
    """Every file that belongs to no one sample, each spoilt in its own way."""
    data, dataset = Spoilt(path), open_dataset(path)
    entries = [entry for split in SPLITS for entry in dataset.split(split).entries]
    uses = Counter(file for entry in entries for file in entry.files)
    files = sorted(file for file in path.rglob("*") if file.is_file() and uses[file] != 1)
    for file in files[: 3 if len(files) < 4 else 4]:
        fits = {
            name: mutation
            for name, mutation in fitting(file).items()
            if not (uses[file] == 0 and name.endswith("bad name beside it"))
        }
        own = [name for name in fits if not name.startswith("file")]
        kind = rng.choice(own if own and rng.random() < 0.75 else list(fits))
        before = len(data.destroyed)
        _apply(data, kind, fits[kind], file, rng=rng, outside=outside, together=(file,))
        optional = file.suffix in {".csv", ".txt"} or kind.endswith(": gone") or file.name.startswith("label_colors")
        if optional:  # without it the dataset may be understood all the same
            del data.destroyed[before:]
    return data


def _pairs(path: Path, rng: Random, outside: Path) -> Spoilt:
    """Folders that are links, and samples under bad names."""
    data, dataset = Spoilt(path), open_dataset(path)
    entries = [entry for split in SPLITS for entry in dataset.split(split).entries]
    folders = sorted(folder for folder in path.rglob("*") if folder.is_dir())
    for folder in rng.sample(folders, min(2, len(folders))):
        (folder / "circle").symlink_to("..")
        (folder / "outside").symlink_to(outside)
        (folder / "zeros.png").symlink_to("/dev/zero")
        data.mutations["folder: links in circles, out, and to zeros"] += 3
    if folders:
        folder = rng.choice(folders)
        moved = outside / "moved"
        shutil.move(folder, moved)
        folder.symlink_to(moved)
        data.mutations["folder: a link out"] += 1
    for n, word in enumerate(("new\nline", os.fsdecode(b"\xff\xfe"), "[red]", "-rf", "x" * 200)):
        entry = rng.choice(entries)
        for file in set(entry.files):
            if os.path.lexists(file) and file.is_file() and not os.path.lexists(other := file.with_stem(f"{word}{n}")):
                shutil.copy(file, other)
                data.mutations["pair: a bad name"] += 1
    return data


def _large(path: Path, rng: Random, outside: Path) -> Spoilt:
    """One sound sample of 11,000 x 11,000 pixels, which nobody would train on with tiny crops."""
    data, dataset = Spoilt(path, check_only=True), open_dataset(path)
    for file, mode in zip(rng.choice(dataset.train.entries).files, ("RGB", "L"), strict=False):
        file.write_bytes(large(mode))
        data.mutations["pair: a large picture on both sides"] += 1
    return data
