"""Pascal VOC."""

from pathlib import Path

from pixelwise.data.dataset import Dataset
from pixelwise.data.dataset_yaml import write_description
from pixelwise.data.writers.common import Written, samples, save, splits, with_palette


def write_voc(source: Dataset, folder: Path) -> Written:
    """JPEGImages/NAME.png, SegmentationClass/NAME.png (palette, 255 = ignored), ImageSets/Segmentation/SPLIT.txt.

    The photos are PNG, so that nothing is lost; dataset.yaml has the classes' names and colours.
    """
    write_description(folder, source.labels)
    for split, content in splits(source).items():
        listed = []
        for sample, stem in samples(content):
            save(sample.image, folder / "JPEGImages" / f"{stem}.png")
            save(with_palette(sample.label, source.labels), folder / "SegmentationClass" / f"{stem}.png")
            listed.append(f"{stem}\n")
            yield
        path = folder / "ImageSets" / "Segmentation" / f"{split}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(listed), encoding="utf-8")
