"""How well and how fast damaged colour masks become labels again. Writes results/masks_decoding.json.

    python benchmarks/bench_masks.py

Where truth is known: CamVid's validation labels, drawn in Cityscapes' colours (void black), shrunk bilinearly to
256x256 beside their photo, saved as JPEG 4:2:0, decoded with all 19 colours of Cityscapes. The truth of a shrunk
pixel is the class with the largest area in it; pixels that are mostly void are not scored, only counted where some
class is decoded in them. A class is invented in an image that lacks it if a single pixel decodes as it.
Where it is not: the Cityscapes pairs, counting what is decoded and how often the rarest classes appear.
Composites per second are of one core's processor time, the median of rounds over all composites. Nothing here is
drawn at random; there is no seed.
"""

import io
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch
from PIL import Image as Pillow

from pixelwise.data.files.images import list_images, read_image
from pixelwise.data.masks.lossy import decode_lossy
from pixelwise.data.sampling import even_sample
from pixelwise.labels import CITYSCAPES19
from pixelwise.machine import describe

Bytes = npt.NDArray[np.uint8]

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
SIDE, QUALITIES, ROUNDS, FEW = 256, (75, 85, 95), 7, 21
ANY, LIMIT = 765, 40  # L1 limits of the nearest colour: none, and that of pixelwise 0.1
THIN, RARE = ("pole", "traffic sign", "bicycle", "person"), ("truck", "bus", "train", "motorcycle", "rider")
COUNTERPARTS = ("sky", "building", "pole", "road", "sidewalk", "vegetation", "traffic sign", "fence", "car", "person",
                "bicycle")  # fmt: skip
CLASSES = np.array([*(CITYSCAPES19.index(name) for name in COUNTERPARTS), 255], np.uint8)
COLORS = np.array(CITYSCAPES19.colors, np.uint8)

Decoder = Callable[[Bytes], Bytes]


def nearest(mask: Bytes, limit: int) -> Bytes:
    """Each pixel's nearest colour up to an L1 limit."""
    packed = mask.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1])
    values, where = np.unique(packed, return_inverse=True)
    colors = np.stack([values >> 16, values >> 8 & 255, values & 255], axis=1)
    distance = np.abs(colors[:, None] - COLORS.astype(np.int32)).sum(axis=2)
    classes = np.where(distance.min(axis=1) <= limit, distance.argmin(axis=1), 255).astype(np.uint8)
    return classes[where].reshape(mask.shape[:2])


DECODERS: dict[str, Decoder] = {
    "nearest colour": lambda mask: nearest(mask, ANY),
    f"nearest within {LIMIT}": lambda mask: nearest(mask, LIMIT),
    "decode_lossy": lambda mask: decode_lossy(mask, COLORS),
}


def by_opencv(image: Bytes) -> Bytes:
    return np.asarray(cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR), np.uint8)


def by_pillow(image: Bytes) -> Bytes:
    return np.asarray(Pillow.fromarray(image).resize((SIDE, SIDE), Pillow.Resampling.BILINEAR))


SHRINKS = {"plain bilinear (OpenCV)": by_opencv, "antialiased bilinear (Pillow)": by_pillow}


@dataclass(frozen=True)
class Scene:
    """A photo, and its label in Cityscapes' classes."""

    photo: Bytes
    label: Bytes

    def truth(self) -> Bytes:
        """(SIDE, SIDE): the class with the largest area in each shrunk pixel."""
        areas = [
            cv2.resize((self.label == one).astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
            for one in CLASSES
        ]
        return np.asarray(CLASSES[np.argmax(areas, axis=0)], np.uint8)

    def composite(self, shrink: Decoder, quality: int) -> bytes:
        """The JPEG file: photo left, mask right."""
        halves = [shrink(self.photo), shrink(CITYSCAPES19.colorize(self.label))]
        file = io.BytesIO()
        Pillow.fromarray(np.hstack(halves)).save(file, "JPEG", quality=quality, subsampling=2)
        return file.getvalue()


def scenes(root: Path) -> list[Scene]:
    """CamVid's validation split."""
    pairs = [line.split() for line in (root / "val.txt").read_text().splitlines() if line]
    return [Scene(read_image(root / a), CLASSES[np.asarray(Pillow.open(root / b))]) for a, b in pairs]


@dataclass
class Score:
    """Sums over images, divided once."""

    images: int = 0
    pixels: int = 0
    decoded: int = 0
    right: int = 0
    void: int = 0
    void_decoded: int = 0
    lacking: int = 0
    invented: int = 0
    hits: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros((2, 256), np.int64))

    def add(self, truth: Bytes, label: Bytes) -> None:
        """Counts one image."""
        known, found = truth != 255, label != 255
        has, shows = (np.bincount(one.ravel(), minlength=256)[:19] > 0 for one in (truth, label))
        self.images += 1
        self.pixels += int(known.sum())
        self.decoded += int((known & found).sum())
        self.right += int((known & (label == truth)).sum())
        self.void += int((~known).sum())
        self.void_decoded += int((~known & found).sum())
        self.lacking += int((~has).sum())
        self.invented += int((shows & ~has).sum())
        self.hits += [np.bincount(truth[label == truth], minlength=256), np.bincount(truth.ravel(), minlength=256)]

    def shares(self) -> dict[str, float | int]:
        """Per cent, but for the number of images and the invented classes per image."""
        parts = {
            "right of decoded %": self.right / self.decoded,
            "decoded %": self.decoded / self.pixels,
            "right of all %": self.right / self.pixels,
            "invented of lacking %": self.invented / self.lacking,
            "void decoded as a class %": self.void_decoded / max(self.void, 1),
        }
        recall = {f"recall {name} %": self.hits[0, i] / max(self.hits[1, i], 1) for name, i in _indices(THIN)}
        per_cent = {name: round(100 * float(share), 2) for name, share in (parts | recall).items()}
        return {"images": self.images, **per_cent, "invented per image": round(self.invented / self.images, 2)}


def _indices(names: tuple[str, ...]) -> list[tuple[str, int]]:
    return [(name, CITYSCAPES19.index(name)) for name in names]


def scored(every: list[Scene]) -> Iterator[dict[str, object]]:
    """One row per way of shrinking, quality, number of images and decoder."""
    truths = [scene.truth() for scene in every]
    few = set(even_sample(range(len(every)), FEW))
    for shrinking, shrink in SHRINKS.items():
        for quality in QUALITIES:
            masks = [_right_half(_read(scene.composite(shrink, quality))) for scene in every]
            for name, decode in DECODERS.items():
                scores = {len(every): Score(), len(few): Score()}
                for index, (mask, truth) in enumerate(zip(masks, truths, strict=True)):
                    label = decode(mask)
                    for score in list(scores.values())[: 1 + (index in few)]:
                        score.add(truth, label)
                for score in scores.values():
                    yield {"shrunk": shrinking, "quality": quality, "decoder": name, **score.shares()}


def _read(file: bytes) -> Bytes:
    return np.asarray(Pillow.open(io.BytesIO(file)).convert("RGB"))


def _right_half(picture: Bytes) -> Bytes:
    return picture[:, picture.shape[1] // 2 :]


def clean_exact(every: list[Scene]) -> float:
    """Per cent of the pixels of the unshrunk masks, void ones included, that decode exactly."""
    equal = sum(int((decode_lossy(CITYSCAPES19.colorize(s.label), COLORS) == s.label).sum()) for s in every)
    return 100 * equal / sum(scene.label.size for scene in every)


def speed(every: list[Scene], quality: int) -> list[float]:
    """Composites per second of one core's time, in each round: reading the JPEG, splitting it, decoding the mask."""
    with tempfile.TemporaryDirectory() as folder:
        for index, scene in enumerate(every):
            (Path(folder) / f"{index}.jpg").write_bytes(scene.composite(by_opencv, quality))
        rounds = [_round(list_images(Path(folder))) for _ in range(ROUNDS + 1)]
    return rounds[1:]  # the first one also makes the tables


def _round(paths: list[Path]) -> float:
    start = time.process_time()
    for path in paths:
        decode_lossy(_right_half(read_image(path)), COLORS)
    return round(len(paths) / (time.process_time() - start), 1)


def pairs(root: Path) -> Iterator[dict[str, object]]:
    """One row per split and decoder of the Cityscapes pairs."""
    for split in ("train", "val"):
        paths = list_images(root / split)
        labels = {name: np.zeros(256, np.int64) for name in DECODERS}
        decoded = dict.fromkeys(DECODERS, 0.0)
        for path in paths:
            mask = _right_half(read_image(path))
            for name, decode in DECODERS.items():
                counts = np.bincount(decode(mask).ravel(), minlength=256)
                labels[name] += counts > 0
                decoded[name] += 1 - counts[255] / counts.sum()
        for name, images in labels.items():
            rare = {f"images with {one}": int(images[index]) for one, index in _indices(RARE)}
            shares = {"decoded %": round(100 * decoded[name] / len(paths), 2),
                      "classes per image": round(float(images[:19].sum()) / len(paths), 2)}  # fmt: skip
            yield {"split": split, "images": len(paths), "decoder": name, **shares, **rare}


def table(rows: list[dict[str, object]]) -> None:
    """Prints rows under their common keys."""
    print(" | ".join(rows[0]))
    for row in rows:
        print(" | ".join(str(value) for value in row.values()))


def main() -> None:
    if not (DATA / "camvid").is_dir() or not (DATA / "cityscapes_pairs").is_dir():
        print("skipped: needs camvid and cityscapes_pairs in ../shared/data")
        return
    cv2.setNumThreads(1)
    every = scenes(DATA / "camvid")
    camvid, cityscapes = list(scored(every)), list(pairs(DATA / "cityscapes_pairs"))
    rounds = {quality: speed(every, quality) for quality in QUALITIES}
    result = {
        "conditions": " ".join((__doc__ or "").split("\n\n", 2)[2].split()),
        "machine": describe(torch.device("cpu")) | {"cores used": "1"},
        "composite": f"{2 * SIDE}x{SIDE}",
        "composites per second": {quality: statistics.median(speeds) for quality, speeds in rounds.items()},
        "rounds": rounds,
        "clean masks exact %": clean_exact(every),
        "camvid val": camvid,
        "cityscapes pairs": cityscapes,
    }
    (ROOT / "results" / "masks_decoding.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print({key: value for key, value in result.items() if not isinstance(value, list)})
    table(camvid)
    table(cityscapes)


if __name__ == "__main__":
    main()
