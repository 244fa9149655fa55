"""Photos and index masks in two sibling folders."""

from pathlib import Path

from pixelwise.data.dataset import Dataset
from pixelwise.data.dataset_yaml import write_description
from pixelwise.data.writers.common import Written, samples, save, splits, with_palette


def write_folders(source: Dataset, folder: Path) -> Written:
    """{train,val,test}/{images,masks}/NAME.png with palette index masks, and dataset.yaml; no splits if only train."""
    found = splits(source)
    write_description(folder, source.labels)
    for name, split in found.items():
        base = folder if list(found) == ["train"] else folder / name
        for sample, stem in samples(split):
            save(sample.image, base / "images" / f"{stem}.png")
            save(with_palette(sample.label, source.labels), base / "masks" / f"{stem}.png")
            yield
